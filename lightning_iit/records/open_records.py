"""Records whose analysis is open: on disk since their capture, and interrupted where the run is gone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from lightning_iit.records.results import Failed, Open

if TYPE_CHECKING:
    from lightning_iit.records.epochs import EpochRecord

BEAT: Final = "running"
"""The name of a file in the folder ``iit`` that the process of a run touches while there may be open records."""
BEAT_SECONDS: Final = 10.0
"""The time between two touches."""
GONE_AFTER_SECONDS: Final = 60.0
"""A run whose file was not touched for so long has ended. Process ids would not tell: hosts differ, and ids are used again."""


INTERRUPTED: Final = Failed(
    code="interrupted",
    reason="The run ended before this analysis did. The counts are here: `lightning-iit verify RUN --settle` computes it.",
)
"""The result of an open record whose run is gone."""


def is_running(folder: Path) -> bool:
    """Returns whether the process of a run is still there to compute its open records.

    Args:
        folder: the run's folder ``iit``.
    """
    try:
        return time.time() - (folder / BEAT).stat().st_mtime < GONE_AFTER_SECONDS
    except OSError:
        return False


def interrupted(record: EpochRecord) -> EpochRecord:
    """Returns an open record of a run that has ended: its open results become Failed; any other record is returned as it is."""
    if not isinstance(record.result, Open):
        return record
    groups = tuple(
        msgspec.structs.replace(group, result=INTERRUPTED) if isinstance(group.result, Open) else group for group in record.groups
    )
    return msgspec.structs.replace(record, result=INTERRUPTED, groups=groups)
