"""A run's records on disk: one JSON file for each layer and epoch, its pictures beside it, and an index.

::

    <run_dir>/iit/index.jsonl                  one line for each record; derived, can be rebuilt from the files
    <run_dir>/iit/<layer>/epoch=-001.json      the untrained network
    <run_dir>/iit/<layer>/epoch=0003.json
    <run_dir>/iit/<layer>/epoch=0003.tpm.png

A record's file is written under another name and renamed, so a reader sees a whole record or none.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.encoding import decode, encode
from lightning_iit.records.epochs import EpochRecord, Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "iit"
INDEX = "index.jsonl"

_SAFE_SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_RECORD_FILE = re.compile(r"epoch=-?\d+\.json")
_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HASH_MARK = "--"
_SEARCH_DEPTH = 4
_SHOWN = 8


# --- names -----------------------------------------------------------------------------------------------------------


def layer_slug(layer: str) -> str:
    """The name of a layer as a folder and as a part of metric keys: ASCII letters, digits, ``_``, ``.`` and ``-``.

    A name that is safe stays as it is. Any other has its unsafe characters replaced and ends in ``--`` and a hash of the
    whole name, so two layers never share a slug (safe names hold no ``--``), whatever other layers there are.
    """
    safe = _SAFE_SLUG.fullmatch(layer) and _HASH_MARK not in layer and not layer.endswith(".")
    if safe and not _DEVICE_NAMES.fullmatch(layer):
        return layer
    digest = hashlib.blake2s(layer.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9_]+", "_", layer).strip("_")[:60] or "model"
    return f"{readable}{_HASH_MARK}{digest}"


def epoch_name(epoch: int) -> str:
    """The stem of an epoch's files: ``epoch=0003``, and ``epoch=-001`` for the untrained network."""
    return f"epoch={epoch:04d}"


def record_name(layer: str, epoch: int) -> str:
    """A record's path below the run's directory, with forward slashes; MLflow's artifacts have the same names."""
    return f"{FOLDER}/{layer_slug(layer)}/{epoch_name(epoch)}.json"


def network_name(epoch: int) -> str:
    """The path of a network snapshot below the run's directory; no record has such a name, whatever its layer is called."""
    return f"{FOLDER}/network/snapshot={epoch:04d}.json"


def image_path(record_path: Path, image: str) -> Path:
    """Where a record's picture is: ``epoch=0003.tpm.png`` beside ``epoch=0003.json``."""
    return record_path.with_name(f"{record_path.stem}.{image}.png")


# --- writing ---------------------------------------------------------------------------------------------------------


def write_record(run_dir: Path, record: EpochRecord, images: Mapping[str, bytes] | None = None) -> Path:
    """Writes a record with its PNG pictures, the record last, and notes it in the index. Writing it again replaces it.

    Raises:
        OSError: the disk is full, read-only, or gone.
    """
    path = run_dir / record_name(record.layer, record.epoch)
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, png in (images or {}).items():
        write_atomically(image_path(path, name), png)
    write_atomically(path, encode(record))
    with (run_dir / FOLDER / INDEX).open("ab") as index:
        index.write(msgspec.json.encode(IndexEntry.of(record)) + b"\n")
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that no reader, and no crash, sees a part of it.

    Raises:
        OSError: it could not be written; what stood there before still does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
    """What the index says of a record: enough to list a run without opening its files."""

    layer: str
    epoch: int
    global_step: int
    wall_time: float
    kind: str
    status: str
    phi: float | None
    file: str

    @classmethod
    def of(cls, record: EpochRecord) -> IndexEntry:
        """The entry of a record."""
        return cls(
            layer=record.layer,
            epoch=record.epoch,
            global_step=record.global_step,
            wall_time=record.wall_time,
            kind=record.kind,
            status=str(type(record.result).__struct_config__.tag),
            phi=record.phi,
            file=record_name(record.layer, record.epoch),
        )


def read_index(run_dir: Path) -> tuple[IndexEntry, ...]:
    """The entries of a run by epoch and layer, the latest of each; lines that a crash left broken are passed over."""
    entries: dict[tuple[str, int], IndexEntry] = {}
    index = run_dir / FOLDER / INDEX
    for line in index.read_bytes().splitlines() if index.exists() else ():
        try:
            entry = msgspec.json.decode(line, type=IndexEntry)
        except msgspec.MsgspecError:
            continue
        entries[entry.layer, entry.epoch] = entry
    return tuple(sorted(entries.values(), key=lambda entry: (entry.epoch, entry.layer)))


def rebuild_index(run_dir: Path) -> tuple[IndexEntry, ...]:
    """Writes the index anew from the records that can be read, and returns it.

    Raises:
        OSError: the index could not be written.
    """
    entries = tuple(IndexEntry.of(record) for record in read_run(run_dir).records)
    lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    write_atomically(run_dir / FOLDER / INDEX, lines)
    return entries


# --- reading ---------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """A record's file that cannot be read, and why."""

    path: Path
    reason: str


class RunContents(NamedTuple):
    """The records of a run that can be read, and the files that cannot."""

    records: Records
    faults: tuple[Fault, ...]


def load_run(path: str | os.PathLike[str]) -> Records:
    """The records of a run, in order of epoch and layer; older schema versions are read too.

    Args:
        path: the run's directory (the logger's ``log_dir``), or the ``iit`` folder in it.

    Returns:
        Every record that can be read. Files that cannot are named in one warning, with the reason for each.

    Raises:
        RecordError: no run is there (the message says what is), or there are records and none can be read.

    Example::

        records = load_run("lightning_logs/version_0")
        records.to_dataframe()[["epoch", "layer", "phi"]]
    """
    records, faults = read_run(Path(path))
    if faults:
        listed = "; ".join(f"{fault.path}: {fault.reason}" for fault in faults[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        msg = f"{len(faults)} of {len(records) + len(faults)} records of {path} cannot be read and are left out: {listed}{more}"
        if not records:
            raise RecordError(msg)
        warnings.warn(msg, UserWarning, stacklevel=2)
    return records


def read_run(path: Path) -> RunContents:
    """The records of a run and the faults among its files; what :func:`load_run` stands on.

    Raises:
        RecordError: no run is there.
    """
    read = [_read(file) for file in record_files(records_folder(path))]
    records = Records.ordered(found for found in read if isinstance(found, EpochRecord))
    return RunContents(records, tuple(found for found in read if isinstance(found, Fault)))


def _read(file: Path) -> EpochRecord | Fault:
    try:
        return decode(file.read_bytes())
    except (RecordError, OSError) as error:
        return Fault(file, str(error))


def record_files(folder: Path) -> Iterator[Path]:
    """The files of records below an ``iit`` folder, sorted by name."""
    for file in sorted(folder.glob("*/epoch=*.json")):
        if _RECORD_FILE.fullmatch(file.name):
            yield file


def records_folder(path: Path) -> Path:
    """The ``iit`` folder that a path means.

    Raises:
        RecordError: there is none; the message says what is there, and which runs are below.
    """
    if (path / FOLDER).is_dir():
        return path / FOLDER
    if path.is_dir() and (path.name == FOLDER or next(record_files(path), None) is not None):
        return path
    msg = f"load_run({str(path)!r}): {_what_is_there(path)}"
    raise RecordError(msg)


def _what_is_there(path: Path) -> str:
    if path.is_file():
        return "this is a file. Give the run's directory: the one that holds the folder 'iit'."
    if not path.exists():
        parent = next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))
        return f"there is no such folder. {str(parent)!r} holds {_listing(parent)}.{_runs_below(parent)}"
    if any(_RECORD_FILE.fullmatch(child.name) for child in path.iterdir()):
        return f"this is the folder of one layer. Give the run's directory: {str(path.absolute().parent.parent)!r}."
    return f"there is no folder 'iit' in it; it holds {_listing(path)}.{_runs_below(path)}"


def _listing(folder: Path) -> str:
    names = sorted(child.name for child in folder.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(repr(name) for name in names[:_SHOWN]) + more) if names else "nothing"


def _runs_below(folder: Path) -> str:
    runs = sorted({str(found.parent) for depth in range(1, _SEARCH_DEPTH) for found in folder.glob("*/" * depth + FOLDER)})
    if not runs:
        return ""
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f" Runs below it: {', '.join(repr(run) for run in runs[:_SHOWN])}{more}."


def set_aside(run_dir: str | os.PathLike[str]) -> Path | None:
    """Moves an earlier run's records out of the way of a new one: ``iit`` becomes ``iit-1``, or the next free number.

    Returns:
        Where they are now, or None where there were none.
    """
    folder = Path(run_dir) / FOLDER
    if not folder.is_dir():
        return None
    number = 1
    while (aside := folder.with_name(f"{FOLDER}-{number}")).exists():
        number += 1
    folder.rename(aside)
    return aside
