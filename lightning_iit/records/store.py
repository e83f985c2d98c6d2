"""A run's records on disk: one JSON file for each layer and epoch, its pictures beside it, and an index.

::

    <run_dir>/iit/owner.json                   whose the folder is
    <run_dir>/iit/index.jsonl                  one line for each record; can be rebuilt from the files
    <run_dir>/iit/<layer>/epoch=-001.json      the untrained network
    <run_dir>/iit/<layer>/epoch=0003.json
    <run_dir>/iit/<layer>/epoch=0003.tpm.png    and .svg; epoch=0003.tpm_small.png is the one that trackers' cards show
    <run_dir>/iit/<layer>/epoch=0003-step=000120.json  within the epoch, with every_n_steps

A record's file is written under another name and renamed, so a reader sees a whole record or none. A training without a logger has
the directory ``<default_root_dir>/iit/<n>`` as its run directory, with n = 0, 1, ...
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import locked, open_regular, read_regular
from lightning_iit.records.disk.open_records import interrupted
from lightning_iit.records.disk.owner import MARKER, is_alive
from lightning_iit.records.disk.pictures import images_beside
from lightning_iit.records.encoding import decode, encode
from lightning_iit.records.epochs import EpochRecord
from lightning_iit.records.names import FOLDER, image_path, record_name
from lightning_iit.records.results import Open
from lightning_iit.records.runs import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INDEX = "index.jsonl"
"""The name of the index file in that folder."""

_RECORD_FILE = re.compile(r"epoch=-?\d+(-step=\d+)?\.json")
_SEARCH_DEPTH = 4
"""A message lists the runs that lie fewer than so many folders below a path that holds none."""
_SHOWN = 8
"""How many names a message lists at most."""


# --- writing ---------------------------------------------------------------------------------------------------------


def write_record(run_dir: Path, record: EpochRecord, images: Mapping[str, bytes] | None = None) -> Path:
    """Writes a record with its pictures and adds it to the index; a record of the same layer and epoch is replaced.

    The pictures are written before the record, so a record that can be read has its pictures.

    Args:
        run_dir: the run's directory.
        record: the record.
        images: the record's pictures by name, PNG, or SVG where the name ends so.

    Returns:
        The path of the record's file.

    Raises:
        OSError: the disk is full, read-only, or gone.
    """
    path = run_dir / record_name(*record.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, png in (images or {}).items():
        write_atomically(image_path(path, name), png)
    write_atomically(path, encode(record))
    index = run_dir / FOLDER / INDEX
    with locked(index), open_regular(index, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
        file.write(encode(IndexEntry.of(record)) + b"\n")
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that a reader, even after a crash, sees the old content or the new content but never a part.

    Raises:
        OSError: the file could not be written; its old content is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


# --- the index -------------------------------------------------------------------------------------------------------


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the line of a record in the index: enough to list a run without opening its records.

    Args:
        layer: the layer's name.
        epoch: the epoch; -1 is the untrained network.
        step: of a record within an epoch the global step; None for that of a whole epoch.
        global_step: the trainer's global step at capture.
        wall_time: the time of capture, in seconds since 1970.
        kind: the kind of the numbers: "causal", "observational" or "statistical".
        status: how the analysis ended: "computed", "timed_out", "failed" or "skipped"; "open" where it has not.
        phi: Φ of the first state, None where it was not computed.
        file: the record's path below the run's directory.
    """

    layer: str
    epoch: int
    global_step: int
    wall_time: float
    kind: str
    status: str
    phi: float | None
    file: str
    step: int | None = None

    @classmethod
    def of(cls, record: EpochRecord) -> IndexEntry:
        """Builds the entry of a record."""
        return cls(
            layer=record.layer,
            epoch=record.epoch,
            global_step=record.global_step,
            wall_time=record.wall_time,
            kind=record.kind,
            status=str(type(record.result).__struct_config__.tag),
            phi=record.phi,
            file=record_name(*record.key),
            step=record.step,
        )


def rebuild_index(run_dir: Path) -> tuple[IndexEntry, ...]:
    """Writes the index anew from the records that can be read, and returns its entries.

    Raises:
        RecordError: no run is there.
        OSError: the index could not be written.
    """
    index = run_dir / FOLDER / INDEX
    with locked(index):  # a record that is written meanwhile adds its line afterwards
        entries = tuple(IndexEntry.of(record) for record in read_run(run_dir / FOLDER).records)
        write_atomically(index, b"".join(encode(entry) + b"\n" for entry in entries))
    return entries


# --- reading ---------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """Holds the path of a record's file that cannot be read, and the reason."""

    path: Path
    reason: str


class RunContents(NamedTuple):
    """Holds the records of a run that can be read, and the faults of the files that cannot."""

    records: Records
    faults: tuple[Fault, ...]


def load_run(path: str | os.PathLike[str]) -> Records:
    """Loads the records of a run, in order of epoch, step and layer; older schema versions are read too.

    While a run goes on, a record whose analysis has not ended has the result ``Open``. Once the run is gone (killed, or the machine
    went down), such a record is ``Failed`` with the code "interrupted", and ``lightning-iit verify RUN --settle`` computes it.

    Args:
        path: the run's directory (the logger's ``log_dir``), or the ``iit`` folder in it. Where trainings had no logger, their
            ``default_root_dir`` gives the newest of them, ``<default_root_dir>/iit/<n>`` with the highest number.

    Returns:
        Every record that can be read. One warning names the files that cannot be read, each with the reason.

    Raises:
        RecordError: the path holds no run (the message says what is there), or none of its records can be read.

    Example::

        records = load_run("lightning_logs/version_0")
        records.to_dataframe()[["epoch", "layer", "phi"]]
    """
    running = is_alive(records_folder(Path(path)))  # looked at first: the results of a run that ends now are read
    records, faults = read_run(Path(path))
    if not running:
        records = Records(map(interrupted, records))
    if faults:
        listed = "; ".join(f"{fault.path}: {fault.reason}" for fault in faults[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        msg = f"{len(faults)} of {len(records) + len(faults)} records of {path} cannot be read and are left out: {listed}{more}"
        if not records:
            raise RecordError(msg)
        warnings.warn(msg, UserWarning, stacklevel=2)
    return records


def read_run(path: Path) -> RunContents:
    """Reads the records of a run as they are on disk, and the faults among its files, without a warning.

    Raises:
        RecordError: the path holds no run.
    """
    read = [_read(file) for file in record_files(records_folder(path))]
    records = Records.ordered(found for found in read if isinstance(found, EpochRecord))
    return RunContents(records, tuple(found for found in read if isinstance(found, Fault)))


def _read(file: Path) -> EpochRecord | Fault:
    """Reads one record's file; returns a Fault where the file cannot be read."""
    try:
        return decode(read_regular(file))
    except (RecordError, OSError) as error:
        return Fault(file, str(error))


def read_images(run_dir: Path, record: EpochRecord, folder: str = FOLDER) -> dict[str, bytes]:
    """Reads a record's pictures from the run's directory; returns their bytes by picture name.

    Args:
        run_dir: the run's directory.
        record: the record.
        folder: the folder of the records in that directory; another than ``iit`` for a run that was moved aside.

    Raises:
        OSError: a picture cannot be read.
    """
    path = run_dir / folder / Path(record_name(*record.key)).relative_to(FOLDER)
    return {name: read_regular(file) for name, file in images_beside(path).items()}


def has_result(run_dir: Path, record: EpochRecord) -> bool:
    """Returns whether the record of the same capture is on disk with its result."""
    found = _read(run_dir / record_name(*record.key))
    return isinstance(found, EpochRecord) and found.wall_time == record.wall_time and not isinstance(found.result, Open)


def record_files(folder: Path) -> Iterator[Path]:
    """Yields the files of all records below an ``iit`` folder, sorted by name."""
    for file in sorted(folder.glob("*/epoch=*.json")):
        if _RECORD_FILE.fullmatch(file.name):
            yield file


def records_folder(path: Path) -> Path:
    """Returns the ``iit`` folder of a path: the folder in a run's directory, or the path itself if it holds records.

    Where the folder holds numbered runs (of trainings without a logger) and no records, this is the folder of the newest run.

    Raises:
        RecordError: there is no such folder, or it has records beside numbered runs; the message says what is there.
    """
    inside = path / FOLDER
    itself = path.is_dir() and (holds_run(path) or (path.name == FOLDER and not inside.is_dir()))
    folder = path if itself or not inside.is_dir() else inside
    runs = numbered_runs(folder)
    if runs and not holds_run(folder):
        return runs[-1] / FOLDER
    if runs and not itself:
        msg = (
            f"load_run({str(path)!r}): there are several runs. Give {str(folder)!r} for the records right in this folder, "
            f"or one of {', '.join(repr(str(run)) for run in runs[-_SHOWN:])}."
        )
        raise RecordError(msg)
    if itself or (inside.is_dir() and may_be_run(inside)):
        return folder
    msg = f"load_run({str(path)!r}): {_what_is_there(path)}"
    raise RecordError(msg)


def holds_run(folder: Path) -> bool:
    """Returns whether a folder holds what this package writes into a run's ``iit`` folder: ``owner.json``, the index or records."""
    return (folder / MARKER).is_file() or (folder / INDEX).is_file() or next(record_files(folder), None) is not None


def may_be_run(folder: Path) -> bool:
    """Returns whether a folder ``iit`` is a run's: it is empty, or holds a run; False for a project of the name "iit"."""
    return holds_run(folder) or next(folder.iterdir(), None) is None


def numbered_runs(folder: Path) -> list[Path]:
    """Returns the directories of trainings without a logger, ``<folder>/<n>``, in order of their number.

    Args:
        folder: the folder ``iit`` in a trainer's ``default_root_dir``.
    """
    found = [path for path in folder.glob("[0-9]*") if path.name.isdecimal() and (path / FOLDER).is_dir()]
    return sorted(found, key=lambda path: int(path.name))


def _what_is_there(path: Path) -> str:
    """Describes, for an error message, a path that holds no run."""
    if path.is_file():
        return "this is a file. Give the run's directory: the one that holds the folder 'iit'."
    if not path.exists():
        parent = next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))
        return f"there is no such folder. {str(parent)!r} holds {_listing(parent)}.{_runs_below(parent)}"
    if any(_RECORD_FILE.fullmatch(child.name) for child in path.iterdir()):
        return f"this is the folder of one layer. Give the run's directory: {str(path.absolute().parent.parent)!r}."
    missing = "the folder 'iit' in it holds no records" if (path / FOLDER).is_dir() else "there is no folder 'iit' in it"
    return f"{missing}; it holds {_listing(path)}.{_runs_below(path)}"


def _listing(folder: Path) -> str:
    """Lists the names in a folder, at most eight of them."""
    names = sorted(child.name for child in folder.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(repr(name) for name in names[:_SHOWN]) + more) if names else "nothing"


def _runs_below(folder: Path) -> str:
    """Lists the runs below a folder, at most eight of them; empty where there are none."""
    runs = sorted({str(found.parent) for depth in range(1, _SEARCH_DEPTH) for found in folder.glob("*/" * depth + FOLDER)})
    if not runs:
        return ""
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f" Runs below it: {', '.join(repr(run) for run in runs[:_SHOWN])}{more}."
