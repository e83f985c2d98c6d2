"""The sign of life of a run: a file that is touched every few seconds while the run can still compute its open records."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from lightning_iit.records.open_records import BEAT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path


class Heartbeat:
    """Touches a file from a thread of its own, which ends with the process.

    Args:
        file: the file; it is gone again after :meth:`stop`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Touches the file for the first time and starts the thread; a second call does nothing.

        Raises:
            OSError: the file cannot be written.
        """
        if self._thread is not None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch()
        self._thread = threading.Thread(target=self._beat, name="iit heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and removes the file."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._file.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            with suppress(OSError):  # the disk is full or away for now
                self._file.touch()
