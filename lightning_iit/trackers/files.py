"""Records as files in the run's directory: what the viewer, ``load_run`` and a later delivery read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import NetworkSnapshot, encode
from lightning_iit.records.store import FOLDER, network_name, rebuild_index, write_atomically, write_record
from lightning_iit.trackers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_iit.records import EpochRecord

OPTIONS = "options.json"


class FilesTracker(Tracker):
    """Writes each record as ``<run_dir>/iit/<layer>/epoch=0003.json``, its pictures beside it, and the index."""

    def __init__(self, run_dir: Path) -> None:
        self.name = f"The folder {run_dir / FOLDER}"
        self.remedy = (
            "They are in callback.records of this process only: make room, or the folder writable, and write them from there."
        )
        self._run_dir = run_dir

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Writes the record's file and pictures."""
        write_record(self._run_dir, record, images)

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Writes ``iit/network/snapshot=0003.json``."""
        write_atomically(self._run_dir / network_name(snapshot.epoch), encode(snapshot))

    def log_options(self, options: Mapping[str, object]) -> None:
        """Writes ``iit/options.json``."""
        data = msgspec.json.format(msgspec.json.encode(options, enc_hook=str), indent=2)
        write_atomically(self._run_dir / FOLDER / OPTIONS, data)

    def attach(self, name: str, data: bytes) -> None:
        """Writes ``iit/<name>``."""
        write_atomically(self._run_dir / FOLDER / name, data)

    def finish(self, *, failed: bool) -> None:
        """Leaves an index of exactly the records that are there, whatever happened on the way."""
        del failed
        if (self._run_dir / FOLDER).is_dir():
            rebuild_index(self._run_dir)
