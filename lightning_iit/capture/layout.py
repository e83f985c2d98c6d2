"""The meaning of the axes of a layer's output, and the parser for layouts that a user writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.records import Axis

_SEQUENCES: dict[str, Axis] = {"T": "time", "N": "token", "P": "patch"}


@dataclass(frozen=True)
class Layout:
    """Holds the meaning of each axis of a layer's output.

    Args:
        axes: one letter for each axis, in order: B batch, U unit, T sequence (time, token or patch). An axis with any other letter
            is averaged over.
        sequence: whether the T axis runs over time, tokens or patches; None where there is no T axis.
    """

    axes: str
    sequence: Axis | None = None

    @property
    def reduced(self) -> str:
        """Returns the letters of the axes that are left after averaging, in order: only B, T and U."""
        return "".join(letter for letter in self.axes if letter in "BTU")

    @property
    def averaged(self) -> tuple[int, ...]:
        """Returns the positions of the axes that are averaged over."""
        return tuple(position for position, letter in enumerate(self.axes) if letter not in "BTU")


def parse_layout(text: str) -> Layout:
    """Converts a layout that a user wrote, e.g. ``"TBU"`` or ``"BCHW"``, to a :class:`Layout`.

    T, N and P all become the sequence axis T (time, token or patch); C (channel) becomes the unit axis U.

    Raises:
        InvalidArgumentError: the text has no unit axis, names an axis twice, or holds anything but capital letters.

    Example:
        >>> parse_layout("BCHW")
        Layout(axes='BUHW', sequence=None)
        >>> parse_layout("BNU")
        Layout(axes='BTU', sequence='token')
    """
    axes = re.sub("[TNP]", "T", text.replace("C", "U"))
    if not re.fullmatch("[A-Z]+", text) or len(set(axes)) != len(axes) or "U" not in axes:
        msg = (
            f"layout={text!r}: expected each axis of the output as one capital letter, exactly one of them U or C (the units) and "
            "at most one of T (time), N (tokens), P (patches); B is the batch, other letters are averaged over. Example: 'BTU'."
        )
        raise InvalidArgumentError(msg)
    return Layout(axes, next((_SEQUENCES[letter] for letter in text if letter in _SEQUENCES), None))
