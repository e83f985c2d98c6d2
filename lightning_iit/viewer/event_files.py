"""Reads what this package wrote into the event files of a run, each part of a file once.

TensorBoard gives a tag only as a whole, so that one more record would cost as much as all before it; and its reader for files
computes checksums in Python, byte by byte. A payload has a checksum of its own, in its compression.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import open_regular
from lightning_iit.records.disk.payload import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

MAX_BYTES = 64_000_000
"""The size above which an event is passed over, in bytes; no event of this package comes near."""
_HEADER, _CHECKSUM = struct.Struct("<Q4x"), 4  # an event is its length, a checksum, its bytes, and a checksum
_OURS = b"iit/"


class Payload(NamedTuple):
    """Holds one packed record or network snapshot, with its tag and global step."""

    tag: str
    step: int
    packed: bytes


class EventFiles:
    """Reads the payloads in the event files of one folder, and goes on where it stopped.

    Args:
        folder: the folder of a run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[int, int]] = {}

    def is_replaced(self) -> bool:
        """Returns whether a file that was read is gone, shorter than before or another file; then all is to be read anew."""
        try:
            stats = [(path.stat(), *known) for path, known in self._read.items()]
        except OSError:
            return True
        return any(stat.st_ino != inode or stat.st_size < end for stat, inode, end in stats)

    def new(self) -> Iterator[Payload]:
        """Yields the payloads that were written since the last call, file by file in the order of names, as TensorBoard does.

        A part that is being written is left for the next call, and so is the rest of a damaged file.
        """
        for path in sorted(self.folder.glob("*tfevents*")):
            try:
                yield from self._rest(path)
            except (OSError, RecordError):  # gone, or no regular file
                continue

    def _rest(self, path: Path) -> Iterator[Payload]:
        """Yields the payloads of a file from where its last reading ended."""
        stat = path.stat()
        _, start = self._read.get(path, (stat.st_ino, 0))
        if start >= stat.st_size:
            return
        with open_regular(path) as file:
            for end, data in _events(file, start, stat.st_size):
                self._read[path] = stat.st_ino, end
                yield from _payloads(data)


def _events(file: BinaryIO, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yields the events of a file from a place on, each with the place of its end; empty where an event is too large."""
    file.seek(start)
    while start + _HEADER.size <= size:
        (length,) = _HEADER.unpack(file.read(_HEADER.size))
        start += _HEADER.size + length + _CHECKSUM
        if start > size:
            return
        if length > MAX_BYTES:
            file.seek(start)
            yield start, b""
        else:
            yield start, file.read(length + _CHECKSUM)[:length]


def _payloads(data: bytes) -> Iterator[Payload]:
    """Yields the payloads of an event; none of one that is damaged."""
    if _OURS not in data:
        return
    try:
        event = Event.FromString(data)
    except DecodeError:
        return
    for value in event.summary.value:
        if value.metadata.plugin_data.plugin_name == PLUGIN and value.tensor.string_val:
            yield Payload(value.tag, event.step, value.tensor.string_val[0])
