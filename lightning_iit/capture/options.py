"""The options of a capture, checked when they are created."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from lightning_iit.capture.layout import parse_layout
from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError

MOST_UNITS = 12
"""The most binary elements that are analysed together: 12 have 4,096 states."""
CALIBRATED = ("median", "mean")
"""The threshold strategies that compute thresholds from recorded activations."""
STRATEGIES = (*CALIBRATED, "zero")
"""The names that ``threshold`` accepts besides a number."""
TRANSITIONS = ("auto", "time", "stream", "depth")
SOURCES = ("first", "pooled")
"""The names that ``sources`` accepts."""
Selection: TypeAlias = Literal["variance", "random", "first", "entropy", "weight_norm", "clusters"]
"""The names that ``selection`` accepts."""


@dataclass(eq=False, repr=False)
class CaptureSettings:
    """Which layers and units are captured, and how. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    layers: str | Sequence[str] | None = None
    _: KW_ONLY
    units: int | Literal["auto"] | Sequence[int] = "auto"
    selection: Selection = "variance"
    threshold: Literal["median", "mean", "zero"] | float = "median"
    bits: int = 1
    groups: int = 1
    transitions: Literal["auto", "time", "stream", "depth"] = "auto"
    layout: str | Mapping[str, str] | None = None
    unit_fn: Callable[[Any], Any] | None = None
    lag: int = 1
    sources: Literal["first", "pooled"] = "first"
    calibration_batches: int = 10
    freeze_threshold: bool = False
    seed: int = 0


@dataclass(eq=False, repr=False, kw_only=True)
class CaptureOptions(CaptureSettings):
    """Holds the settings of a capture, and checks them.

    Args:
        window: how many epochs make one TPM (used to estimate the number of transitions for ``units="auto"``).
        max_units: the most binary elements of a layer that are accepted; never more than 12.

    Raises:
        InvalidArgumentError: an option has a value that is not allowed, or does not fit another option. The subclass
            TooManyUnitsError: there are more elements than ``max_units``.
    """

    window: int = 1
    max_units: int = MOST_UNITS

    def __post_init__(self) -> None:
        """Checks the value of each option."""
        _check_choice("selection", self.selection, get_args(Selection))
        _check_choice("sources", self.sources, SOURCES)
        _check_choice("transitions", self.transitions, TRANSITIONS)
        _check_threshold(self.threshold)
        _check_bits(self.bits, self.threshold)
        _check_units(self.units, min(self.max_units, MOST_UNITS), self.bits)
        for name in ("calibration_batches", "window", "lag", "groups"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                msg = f"{name}={value!r}: expected a whole number of at least 1."
                raise InvalidArgumentError(msg)
        self._check_groups()
        self._check_depth()
        layouts = self.layout.values() if isinstance(self.layout, Mapping) else [self.layout]
        for layout in layouts:
            if layout is not None:
                parse_layout(layout)

    def _check_groups(self) -> None:
        """Checks that nothing else determines the units when several random groups of units are asked for."""
        if self.groups == 1:
            return
        if not isinstance(self.units, (int, str)):
            msg = f"groups={self.groups}: groups of units are drawn at random; say in units how many each has, not {self.units!r}."
            raise InvalidArgumentError(msg)
        if self.selection not in {"variance", "random"}:
            msg = f"groups={self.groups}: groups of units are drawn at random; leave selection={self.selection!r} out."
            raise InvalidArgumentError(msg)

    def _check_depth(self) -> None:
        """Checks that no option is given that has no meaning for transitions along depth."""
        if self.transitions != "depth":
            return
        refuse_given(
            *(self, ("bits", "groups", "lag", "freeze_threshold", "unit_fn", "sources")),
            why="not with transitions='depth', where a unit is a coordinate at each depth and thresholds are those of each epoch",
        )
        if self.selection in {"clusters", "weight_norm"}:
            msg = (
                f"selection={self.selection!r}: not with transitions='depth', where a unit is a coordinate at each depth, with "
                "no weights of its own. Choose 'variance', 'entropy', 'random' or 'first', or give indices in units."
            )
            raise InvalidArgumentError(msg)


def refuse_given(options: Any, names: Sequence[str], *, why: str) -> None:
    """Checks that each of the named options still has its default value.

    Args:
        options: the dataclass that holds the options.
        names: the options that must not be given.
        why: the reason, for the error message.

    Raises:
        InvalidArgumentError: one of the options has another value.
    """
    for option in fields(options):
        given = getattr(options, option.name)
        if option.name in names and given != option.default:
            msg = f"{option.name}={given!r}: {why}. Leave it out."
            raise InvalidArgumentError(msg)


def _check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Checks that a value is one of the choices."""
    if value not in choices:
        msg = f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}."
        raise InvalidArgumentError(msg)


def _check_threshold(value: Any) -> None:
    """Checks that a threshold is a finite number or the name of a strategy."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number and value not in STRATEGIES:
        msg = f"threshold={value!r}: expected one of {', '.join(map(repr, STRATEGIES))}, or a finite number."
        raise InvalidArgumentError(msg)


def _check_bits(bits: Any, threshold: Any) -> None:
    """Checks that a unit is coded by 1 bit, or by 2 bits where the threshold is not given."""
    if isinstance(bits, bool) or bits not in (1, 2):
        msg = f"bits={bits!r}: a unit is coded as 1 binary element, or as 2 (the Gray code of its quartiles)."
        raise InvalidArgumentError(msg)
    if bits == 2 and threshold != "median":
        msg = f"bits=2: the elements of a unit are made of its quartiles, so threshold={threshold!r} has no use; leave it out."
        raise InvalidArgumentError(msg)


def _check_units(units: Any, most: int, bits: int) -> None:
    """Checks that ``units`` is "auto", a number or a list of indices, and that there are at most ``most`` elements."""
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
    if n * bits > most:
        n, what = n * bits, "units" if bits == 1 else f"elements (bits={bits} for each unit)"
        msg = (
            f"units={units!r}: {n} {what} have {2**n} states, and their transitions {4**n} counts; at most {most} are served. "
            "Each further one takes many times as long. Ask for fewer, or for 'auto'."
        )
        raise TooManyUnitsError(msg)
    if not whole:
        _check_indices(units)


def _check_indices(units: Sequence[Any]) -> None:
    """Checks that unit indices are whole numbers from 0, each named once."""
    if any(not isinstance(index, int) or isinstance(index, bool) or index < 0 for index in units):
        msg = f"units={list(units)!r}: unit indices are whole numbers from 0."
        raise InvalidArgumentError(msg)
    if len(set(units)) != len(units):
        msg = f"units={list(units)!r}: a unit is named twice; a unit and its copy would look integrated. Name each once."
        raise InvalidArgumentError(msg)
