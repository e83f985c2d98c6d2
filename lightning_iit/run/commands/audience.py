"""Whether somebody looks at a training while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lightning_iit.records.steering.status import FORGET_SECONDS, LOOKED_AT

if TYPE_CHECKING:
    from pathlib import Path


class Audience:
    """Tells whether somebody looks: whether the file ``looked-at`` was renewed a few seconds ago.

    What lies in the folder at first does not count, and times of files are compared with one another only, so that the clocks of
    two machines may differ.

    Args:
        folder: the folder of commands.

    Attributes:
        until: when it is forgotten that somebody looked, on the clock ``time.monotonic()``; 0 where nobody looks.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOOKED_AT
        self._renewed = self._time()
        self.until: float = 0.0

    def look(self) -> None:
        """Looks whether the file was renewed; asked for only where something has changed in the folder."""
        renewed = self._time()
        if renewed != self._renewed:
            self._renewed = renewed
            self.until = time.monotonic() + FORGET_SECONDS

    def _time(self) -> int:
        """Returns when the file was renewed; 0 where it is not there."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0
