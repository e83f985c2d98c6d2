"""Writes records as files into the run's directory, where the viewer, ``load_run`` and ``trackers.deliver`` read the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import NetworkSnapshot, Open, encode
from lightning_iit.records.names import FOLDER, OPTIONS, network_name
from lightning_iit.records.store import has_result, write_atomically, write_record
from lightning_iit.records.tidied_index import tidy_index
from lightning_iit.trackers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_iit.records import EpochRecord


class FilesTracker(Tracker):
    """Writes each record as ``<run_dir>/iit/<layer>/epoch=0003.json``, its pictures beside this file, and the index of records.

    A record is written at capture, with all that is needed to compute its result, and again with the result; so nothing is lost
    where the process is killed.

    Args:
        run_dir: the run's directory; the folder ``iit`` inside is made with the first file.
    """

    at_capture = True
    takes_svg = True

    def __init__(self, run_dir: Path) -> None:
        self.name: str = f"The folder {run_dir / FOLDER}"
        self.remedy: str = (
            "They are in callback.records of this process only: make room, or the folder writable, and write them from there."
        )
        self._run_dir = run_dir

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Writes the record's JSON file and pictures, and adds the record to the index; an open one never replaces its result.

        Raises:
            OSError: the disk is full, read-only or gone.
        """
        if isinstance(record.result, Open) and has_result(self._run_dir, record):
            return
        write_record(self._run_dir, record, images)

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Writes the network snapshot as ``iit/network/snapshot=0003.json``.

        Raises:
            OSError: the disk is full, read-only or gone.
        """
        write_atomically(self._run_dir / network_name(snapshot.epoch), encode(snapshot))

    def log_options(self, options: Mapping[str, object]) -> None:
        """Writes the callback's options as ``iit/options.json``; a value that JSON does not know is written as text.

        Raises:
            OSError: the disk is full, read-only or gone.
        """
        write_atomically(self._run_dir / FOLDER / OPTIONS, options_json(options))

    def attach(self, name: str, data: bytes) -> None:
        """Writes the bytes ``data`` as the file ``iit/<name>``.

        Raises:
            OSError: the disk is full, read-only or gone.
        """
        write_atomically(self._run_dir / FOLDER / name, data)

    def finish(self, *, failed: bool) -> None:
        """Leaves one line in the index for each record on disk, so that the index is right even after a crash or a failed write.

        Raises:
            OSError: the index could not be written.
        """
        del failed
        if (self._run_dir / FOLDER).is_dir():
            tidy_index(self._run_dir)


def options_json(options: Mapping[str, object]) -> bytes:
    """Returns options as a JSON document; a value that JSON does not know is there as text."""
    return msgspec.json.format(msgspec.json.encode(dict(options), enc_hook=str), indent=2)
