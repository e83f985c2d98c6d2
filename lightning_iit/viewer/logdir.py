"""Reads records from a directory of runs."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lightning_iit.errors import RecordError
from lightning_iit.viewer.protocol import IndexRow, NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.summary import MAX_BYTES, corrupt, summarise, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RUNS = 2_000
"""The largest number of runs that are listed."""
_DEPTH = 6
_RESCAN_SECONDS = 1.0
_RECORD = re.compile(r"epoch=(-?\d{1,9})\.json")
_NETWORK = re.compile(r"snapshot=(-?\d{1,9})\.json")
_NETWORK_FOLDER = "network"


class LogDirSource:
    """Reads the records of all runs below a directory; each folder that holds a folder ``iit`` is a run.

    Only files whose real path (links resolved) lies below the directory are opened. A record is parsed once, and again only when
    its file changes, so repeated calls of :meth:`index` are cheap. May be used from several threads.

    Args:
        root: the directory of runs, one run's directory, or a run's folder ``iit``.
    """

    def __init__(self, root: Path) -> None:
        root = root.resolve()
        self._root = root.parent if root.name == "iit" and not (root / "iit").is_dir() else root
        self.title: str = str(root)
        self._lock = Lock()
        self._scanned = 0.0
        self._runs: dict[str, RunInfo] = {}
        self._left_out = 0
        self._files: dict[str, dict[Path, tuple[str, IndexRow | None]]] = {}
        self._paths: dict[str, dict[tuple[str, int], Path]] = {}

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the runs, last modified first, and the number of further runs that are not listed."""
        with self._lock:
            self._scan()
            return sorted(self._runs.values(), key=lambda run: (-run.modified, run.name)), self._left_out

    def index(self, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that the run has at this moment.

        Raises:
            LookupError: there is no such run.
        """
        with self._lock:
            folder = self._folder(run)
            known = self._files.get(run, {})
            files: dict[Path, tuple[str, IndexRow | None]] = {}
            networks = []
            for path, size, version in _files(folder):
                old = known.get(path)
                if old is not None and old[0] == version:
                    files[path] = old
                elif _RECORD.fullmatch(path.name):
                    files[path] = (version, self._summary(path, size, version))
                if found := _NETWORK.fullmatch(path.name):
                    networks.append(NetworkRow(epoch=int(found[1]), version=version))
            self._files[run] = files
            rows, self._paths[run] = _named(files)
            return RunIndex(run=run, rows=tuple(rows), networks=tuple(sorted(networks, key=lambda row: row.epoch)))

    def record(self, run: str, layer: str, epoch: int) -> bytes:
        """Returns the bytes of one record's JSON file.

        Raises:
            LookupError: there is no such run, layer or epoch.
            RecordError: the file is too large, cannot be opened, or is a link out of the directory.
        """
        if (layer, epoch) not in self._paths.get(run, {}):
            self.index(run)
        return self._read(self._paths[run][layer, epoch])

    def network(self, run: str, epoch: int) -> bytes:
        """Returns the bytes of one network snapshot's JSON file.

        Raises:
            LookupError: there is no such run, or no snapshot of this epoch.
            RecordError: the file is too large, cannot be opened, or is a link out of the directory.
        """
        with self._lock:
            folder = self._folder(run)
        path = folder / "iit" / _NETWORK_FOLDER / f"snapshot={epoch:04d}.json"
        if not path.is_file():
            raise LookupError(epoch)
        return self._read(path)

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy) from its ``metrics.csv`` or its event files.

        Raises:
            LookupError: there is no such run.
        """
        from lightning_iit.viewer.scalars import read_scalars

        with self._lock:
            folder = self._folder(run)
        found = read_scalars(folder)
        # What the loggers wrote lies above the folder of a callback with a name.
        return found if found.series or folder == self._root else read_scalars(folder.parent)

    def _folder(self, run: str) -> Path:
        """Returns the directory of a run; raises ``LookupError`` if there is no such run."""
        if run not in self._runs:
            self._scan()
        if run not in self._runs:
            raise LookupError(run)
        return self._root / run

    def _scan(self) -> None:
        """Looks for runs below the directory, at most once a second."""
        if time.monotonic() - self._scanned < _RESCAN_SECONDS and self._scanned:
            return
        folders = list(_run_folders(self._root))
        # MLflow's artifact folders hold copies of records, so they are listed only if there are no other runs.
        folders = [folder for folder in folders if not _is_artifacts(folder)] or folders
        found = sorted(((folder.stat().st_mtime, folder) for folder in folders), reverse=True)
        self._left_out = max(0, len(found) - MAX_RUNS)
        self._runs = {}
        for modified, folder in found[:MAX_RUNS]:
            name = folder.parent.relative_to(self._root).as_posix()
            self._runs[name] = RunInfo(
                id=name, name=self._root.name if name == "." else name, modified=modified, path=str(folder.parent)
            )
        self._scanned = time.monotonic()

    def _summary(self, path: Path, size: int, version: str) -> IndexRow:
        """Returns the index row of a record's file; a file that cannot be read gets the status "corrupt" and the reason."""
        found = _RECORD.fullmatch(path.name)
        epoch, layer = int(found[1]) if found else 0, path.parent.name
        if size > MAX_BYTES:
            return corrupt(too_large(size), layer=layer, epoch=epoch, version=version)
        try:
            data = self._read(path)
        except RecordError as error:
            return corrupt(str(error), layer=layer, epoch=epoch, version=version)
        return summarise(data, layer=layer, epoch=epoch, version=version)

    def _read(self, path: Path) -> bytes:
        """Returns a file's bytes; raises ``RecordError`` if the file is too large, unreadable, or outside of the directory."""
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root):
                msg = f"{path.name} leads out of the directory that is served; it is not read."
                raise RecordError(msg)
            with real.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            msg = f"{path.name} cannot be read: {error.strerror}."
            raise RecordError(msg) from error
        if len(data) > MAX_BYTES:
            raise RecordError(too_large(real.stat().st_size))
        return data


def _run_folders(root: Path) -> Iterator[Path]:
    """Yields the folders named ``iit`` in a directory and in its subfolders down to six levels; links are not followed."""
    for place, folders, _ in os.walk(root):
        depth = len(Path(place).relative_to(root).parts)
        if "iit" in folders:
            yield Path(place) / "iit"
        folders[:] = [name for name in folders if name != "iit" and not name.startswith(".") and depth < _DEPTH]


def _is_artifacts(folder: Path) -> bool:
    """Returns whether an ``iit`` folder lies among an MLflow run's artifacts: ``<run id>/artifacts/iit`` or ``.../<name>/iit``."""
    return re.search("/[0-9a-f]{32}/artifacts(/[^/]+)?/iit$", folder.as_posix()) is not None


def _files(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """Yields each record and snapshot file of a run: path, size in bytes, and a version text that changes with the file."""
    try:
        layers = sorted(entry.path for entry in os.scandir(folder / "iit") if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for layer in layers:
        try:
            entries = sorted(os.scandir(layer), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            network = _NETWORK.fullmatch(entry.name) and Path(layer).name == _NETWORK_FOLDER
            if not network and not _RECORD.fullmatch(entry.name):
                continue
            try:
                stat = entry.stat()
            except OSError:
                continue
            yield Path(entry.path), stat.st_size, f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _named(files: dict[Path, tuple[str, IndexRow | None]]) -> tuple[list[IndexRow], dict[tuple[str, int], Path]]:
    """Returns the rows sorted by epoch and layer, and each record's path by (layer, epoch).

    A corrupt record does not say its layer's name, so the name comes from a readable record in the same folder.
    """
    import msgspec

    layers = {path.parent: row.layer for path, (_, row) in files.items() if row is not None and row.status != "corrupt"}
    rows, paths = [], {}
    for path, (_, row) in files.items():
        if row is None:
            continue
        if row.status == "corrupt" and path.parent in layers:
            row = msgspec.structs.replace(row, layer=layers[path.parent])  # noqa: PLW2901
        rows.append(row)
        paths[row.layer, row.epoch] = path
    return sorted(rows, key=lambda row: (row.epoch, row.layer)), paths
