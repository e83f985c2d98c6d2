"""Records whose analysis is open: on disk since their capture, and interrupted where the run is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from lightning_iit.records.results import Failed, Open

if TYPE_CHECKING:
    from lightning_iit.records.epochs import EpochRecord

INTERRUPTED: Final = Failed(
    code="interrupted",
    reason="The run ended before this analysis did. The counts are here: `lightning-iit verify RUN --settle` computes it.",
)
"""The result of an open record whose run is gone."""


def interrupted(record: EpochRecord) -> EpochRecord:
    """Returns an open record of a run that has ended: its open results become Failed; any other record is returned as it is."""
    if not isinstance(record.result, Open):
        return record
    groups = tuple(
        msgspec.structs.replace(group, result=INTERRUPTED) if isinstance(group.result, Open) else group for group in record.groups
    )
    return msgspec.structs.replace(record, result=INTERRUPTED, groups=groups)
