"""Tidies the index of a run at the end, without reading the records that it lists."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import locked, read_regular
from lightning_iit.records.encoding import decode, encode
from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import INDEX, IndexEntry, record_files, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def tidy_index(run_dir: Path) -> None:
    """Leaves one line of the index for each record's file, in order; only records that no line lists as settled are read.

    The index has a line for each time a record was written, in the order of writing. A crash may have torn a line, or come before
    it; then the record is read. To make all lines anew from the records, use :func:`~lightning_iit.records.store.rebuild_index`.

    Args:
        run_dir: the run's directory, which holds the folder ``iit``.

    Raises:
        RecordError: the index is no regular file.
        OSError: the index cannot be read or written.
    """
    index = run_dir / FOLDER / INDEX
    with locked(index):  # a record that is written meanwhile adds its line afterwards
        files = {file.relative_to(run_dir).as_posix(): file for file in record_files(run_dir / FOLDER)}
        entries = {entry.file: entry for entry in _lines(index) if entry.file in files}
        for name, file in files.items():
            if name not in entries or entries[name].status == "open":
                with contextlib.suppress(RecordError, OSError):  # load_run names the files that cannot be read
                    entries[name] = IndexEntry.of(decode(read_regular(file)))
        write_atomically(index, b"".join(encode(entry) + b"\n" for entry in sorted(entries.values(), key=_order)))


def _order(entry: IndexEntry) -> tuple[int, float, str]:
    """Returns the place of an entry: by epoch, by step (the record of the whole epoch comes last), and by layer."""
    return entry.epoch, math.inf if entry.step is None else entry.step, entry.layer


def _lines(index: Path) -> Iterator[IndexEntry]:
    """Yields the lines of an index in the order of writing; those that cannot be read are left out."""
    for line in read_regular(index).splitlines() if index.exists() else ():
        with contextlib.suppress(msgspec.MsgspecError):
            yield msgspec.json.decode(line, type=IndexEntry)
