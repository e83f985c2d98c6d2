"""Reads a single record from its file, as a run of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.errors import RecordError
from lightning_iit.records import decode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.viewer.protocol import NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.summary import MAX_BYTES, index_of, row_of, too_large

if TYPE_CHECKING:
    from pathlib import Path


class RecordFileSource:
    """Reads one record, and the network snapshot of its epoch where the record still lies in its run's folder.

    Args:
        path: the record's JSON file.

    Raises:
        RecordError: the file is not a record, is too large, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self.title: str = str(path)
        record = decode(self._read(self._path))
        self._key = record.layer, record.epoch, record.step
        self._snapshot = self._path.parent.parent / "network" / f"snapshot={record.epoch:04d}.json"

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the run that consists of the record, and 0 further runs."""
        info = RunInfo(id=".", name=self._path.name, modified=self._path.stat().st_mtime, path=str(self._path.parent))
        return [info], 0

    def index(self, run: str) -> RunIndex:
        """Returns the row of the record, and that of its network snapshot.

        Raises:
            LookupError: there is no such run.
            RecordError: the file is no record any more.
        """
        self._check(run)
        data = self._read(self._path)
        row = row_of(decode(data), version=f"{self._path.stat().st_mtime_ns:x}-{len(data):x}", file=self._path.name)
        networks = (NetworkRow(epoch=row.epoch, version="1"),) if self._snapshot.is_file() else ()
        return index_of(run, (row,), networks)

    def record(self, run: str, layer: str, epoch: int, step: int | None = None) -> bytes:
        """Returns the bytes of the file.

        Raises:
            LookupError: the record is of another layer, epoch or step.
            RecordError: the file is too large or cannot be opened.
        """
        self._check(run)
        if (layer, epoch, step) != self._key:
            raise LookupError(layer, epoch, step)
        return self._read(self._path)

    def network(self, run: str, epoch: int) -> bytes:
        """Returns the bytes of the snapshot.

        Raises:
            LookupError: there is no snapshot of this epoch.
            RecordError: the snapshot is too large or cannot be opened.
        """
        self._check(run)
        if epoch != self._key[1] or not self._snapshot.is_file():
            raise LookupError(epoch)
        return self._read(self._snapshot)

    def scalars(self, run: str) -> ScalarList:
        """Returns no metrics: a record's file has none beside it."""
        self._check(run)
        return ScalarList(series=())

    def _check(self, run: str) -> None:
        """Raises ``LookupError`` for any run but the one there is."""
        if run != ".":
            raise LookupError(run)

    def _read(self, path: Path) -> bytes:
        """Returns a file's bytes; raises ``RecordError`` if the file is too large or unreadable."""
        try:
            if path.stat().st_size > MAX_BYTES:
                raise RecordError(too_large(path.stat().st_size))
            return read_regular(path)
        except OSError as error:
            msg = f"{path.name} cannot be read: {error.strerror}."
            raise RecordError(msg) from error
