"""The activity of a network's units in single steps of its training, in a file of bounded size.

The file ``<run_dir>/iit/control/activity.ring`` has a head, which names the units, and some places of equal size. Each row of
activity is written into the next place, and after the last one into the first again, so that the file never grows. A row has its
number before and after it: a row that is being written shows two different ones, and is left out.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.steering.status import write_passing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RING = "activity.ring"
"""The name of the file in a run's folder of commands."""
PLACES = 16
"""So many rows are kept."""
_MAGIC = b"IITACT1\n"
_HEAD = struct.Struct("<8sII")  # what the file is; how long the names are; how many numbers a row has
_BEFORE, _AFTER = struct.Struct("<QQ"), struct.Struct("<Q")  # number and step of a row; its number again
_MOST_BYTES = 4_000_000


class LayerUnits(msgspec.Struct, frozen=True, array_like=True):
    """Names units of a layer by their indices."""

    layer: str
    indices: tuple[int, ...]


class ActivityRow(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the activity of units in one training step; ``values`` has a row for each of ``units``."""

    number: int
    step: int
    units: tuple[LayerUnits, ...]
    values: tuple[tuple[float, ...], ...]


class ActivityRing:
    """Writes rows of activity into a file of bounded size.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._units: tuple[LayerUnits, ...] = ()
        self._number = 0
        self._start = 0

    def write(self, step: int, units: Sequence[LayerUnits], values: Sequence[Sequence[float]]) -> None:
        """Writes a row; one of other units than the row before begins the file anew.

        Args:
            step: the trainer's global step.
            units: the units of each layer.
            values: their activations, a row for each of ``units``.

        Raises:
            OSError: the file cannot be written.
        """
        if tuple(units) != self._units or not self._number:
            self._begin(tuple(units))
        self._number += 1
        row = array("f", [value for layer in values for value in layer]).tobytes()
        data = _BEFORE.pack(self._number, step) + row + _AFTER.pack(self._number)
        with self._path.open("r+b", buffering=0) as file:
            file.seek(self._start + self._number % PLACES * len(data))
            file.write(data)

    def _begin(self, units: tuple[LayerUnits, ...]) -> None:
        """Writes an empty file for some units."""
        names = msgspec.json.encode(units)
        many = sum(len(layer.indices) for layer in units)
        head = _HEAD.pack(_MAGIC, len(names), many) + names
        write_passing(self._path, head + bytes(PLACES * _length(many)))
        self._units, self._start = units, len(head)


def read_rows(path: Path) -> list[ActivityRow]:
    """Returns the rows of activity in a file in the order of their numbers; none of a file that is none of these."""
    try:
        data = read_regular(path, _MOST_BYTES)
        magic, named, many = _HEAD.unpack_from(data)
        start = _HEAD.size + named
        units = msgspec.json.decode(data[_HEAD.size : start], type=tuple[LayerUnits, ...])
    except (OSError, RecordError, struct.error, msgspec.MsgspecError, UnicodeDecodeError):
        return []
    length, many_named = _length(many), sum(len(layer.indices) for layer in units)
    if magic != _MAGIC or many_named != many or len(data) != start + PLACES * length:
        return []
    rows = [_row(data[start + at * length : start + (at + 1) * length], units) for at in range(PLACES)]
    return sorted((row for row in rows if row is not None), key=lambda row: row.number)


def _row(place: bytes, units: tuple[LayerUnits, ...]) -> ActivityRow | None:
    """Reads the row in a place; None where there is none, or one that is being written."""
    number, step = _BEFORE.unpack_from(place)
    (again,) = _AFTER.unpack_from(place, len(place) - _AFTER.size)
    if not number or number != again:
        return None
    values = array("f", place[_BEFORE.size : -_AFTER.size])
    rows, at = [], 0
    for layer in units:
        rows.append(tuple(values[at : at + len(layer.indices)]))
        at += len(layer.indices)
    return ActivityRow(number=number, step=step, units=units, values=tuple(rows))


def _length(many: int) -> int:
    """Returns how many bytes a row of so many numbers takes."""
    return _BEFORE.size + 4 * many + _AFTER.size
