"""What to capture, checked when it is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lightning_iit.capture.binarize import STRATEGIES
from lightning_iit.capture.outputs import parse_layout
from lightning_iit.capture.units import SELECTIONS
from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError

if TYPE_CHECKING:
    from torch import Tensor

MOST_UNITS = 12
TRANSITIONS = ("auto", "time", "stream", "depth")


@dataclass(frozen=True)
class CaptureOptions:
    """Which layers and units are watched, and how.

    Args:
        layers: names or globs over ``named_modules()`` (``*`` stays within a part of the name, ``**`` does not); None picks one.
        units: how many units of each layer, which ones, or "auto": as many as the expected transitions can serve.
        selection: how that many are chosen: "variance" (those that vary most), "entropy" (whose binary states do), "weight_norm"
            (the largest incoming weights), "random" or "first".
        threshold: "median", "mean", "zero" or a number; a unit is ON above it.
        transitions: "time" along a sequence, "stream" from one sample to the next, "auto": along a sequence where there is one.
        layout: the axes of a layer's output, e.g. "TBU": B batch, T time, N token, P patch, U or C unit, any other letter is
            averaged over. For all layers, or by name or glob. None tells it from the module and the rank.
        unit_fn: from a layer's output to a tensor in the layout, for outputs in which no tensor of units can be found.
        lag: how many steps (or samples) a transition spans.
        seed: of a random choice of units.
        calibration_batches: on how many first batches of an epoch thresholds are calibrated.
        freeze_threshold: keep the thresholds of the first epoch.
        window: how many epochs make one TPM (for "auto" units).
        max_units: refuse more units than this.

    Raises:
        InvalidArgumentError: a value that cannot be.
    """

    layers: str | Sequence[str] | None = None
    units: int | Literal["auto"] | Sequence[int] = 4
    selection: str = "variance"
    threshold: str | float = "median"
    transitions: str = "auto"
    layout: str | Mapping[str, str] | None = None
    unit_fn: Callable[[Any], Tensor] | None = None
    lag: int = 1
    seed: int = 0
    calibration_batches: int = 10
    freeze_threshold: bool = False
    window: int = 1
    max_units: int = MOST_UNITS

    def __post_init__(self) -> None:
        """Checks each value."""
        _check_choice("selection", self.selection, SELECTIONS)
        _check_choice("transitions", self.transitions, TRANSITIONS)
        _check_threshold(self.threshold)
        _check_units(self.units, min(self.max_units, MOST_UNITS))
        for name in ("calibration_batches", "window", "lag"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                msg = f"{name}={value!r}: expected a whole number of at least 1."
                raise InvalidArgumentError(msg)
        layouts = self.layout.values() if isinstance(self.layout, Mapping) else [self.layout]
        for layout in layouts:
            if layout is not None:
                parse_layout(layout)


def _check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        msg = f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}."
        raise InvalidArgumentError(msg)


def _check_threshold(value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number and value not in STRATEGIES:
        msg = f"threshold={value!r}: expected one of {', '.join(map(repr, STRATEGIES))}, or a finite number."
        raise InvalidArgumentError(msg)


def _check_units(units: Any, most: int) -> None:
    if units == "auto":
        return
    whole = isinstance(units, int) and not isinstance(units, bool)
    if not whole and (isinstance(units, str) or not isinstance(units, Sequence)):
        msg = f"units={units!r}: expected how many units, a list of unit indices, or 'auto'."
        raise InvalidArgumentError(msg)
    n = units if whole else len(units)
    if n < 1:
        msg = f"units={units!r}: at least one unit is needed, and Φ is 0 below two."
        raise InvalidArgumentError(msg)
    if n > most:
        msg = (
            f"units={units!r}: {n} units have {2**n} states, and their transitions {4**n} counts; at most {most} are served. "
            "Each further unit takes many times as long. Ask for fewer, or for 'auto'."
        )
        raise TooManyUnitsError(msg)
    if not whole:
        _check_indices(units)


def _check_indices(units: Sequence[Any]) -> None:
    if any(not isinstance(index, int) or isinstance(index, bool) or index < 0 for index in units):
        msg = f"units={list(units)!r}: unit indices are whole numbers from 0."
        raise InvalidArgumentError(msg)
    if len(set(units)) != len(units):
        msg = f"units={list(units)!r}: a unit is named twice; a unit and its copy would look integrated. Name each once."
        raise InvalidArgumentError(msg)
