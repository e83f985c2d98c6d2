"""The meaning of the axes of a layer's output, as it is found or as a user writes it."""

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
    """The meaning of an output's axes.

    Args:
        axes: a letter each: B batch, U unit, T the sequence (whatever its name), any other: averaged over.
        sequence: what the sequence's axis is called, None where there is none.
    """

    axes: str
    sequence: Axis | None = None

    @property
    def reduced(self) -> str:
        """The axes that are left after averaging."""
        return "".join(letter for letter in self.axes if letter in "BTU")

    @property
    def averaged(self) -> tuple[int, ...]:
        """The positions of the axes that are averaged over."""
        return tuple(position for position, letter in enumerate(self.axes) if letter not in "BTU")


def parse_layout(text: str) -> Layout:
    """The layout that a user wrote, e.g. ``"TBU"`` or ``"BCHW"``.

    Raises:
        InvalidArgumentError: no unit axis, or a letter twice.
    """
    axes = re.sub("[TNP]", "T", text.replace("C", "U"))
    if not re.fullmatch("[A-Z]+", text) or len(set(axes)) != len(axes) or "U" not in axes:
        msg = (
            f"layout={text!r}: expected each axis of the output as one capital letter, exactly one of them U or C (the units) and "
            "at most one of T (time), N (tokens), P (patches); B is the batch, other letters are averaged over. Example: 'BTU'."
        )
        raise InvalidArgumentError(msg)
    return Layout(axes, next((_SEQUENCES[letter] for letter in text if letter in _SEQUENCES), None))
