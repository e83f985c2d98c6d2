"""The options of a capture, checked when they are created."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from torch import nn

from lightning_iit.capture.layout import parse_layout
from lightning_iit.checks import (
    LAG,
    SEED,
    WINDOW,
    Check,
    as_whole,
    check_options,
    choice,
    flag,
    function_or_none,
    number,
    refused,
    whole,
)
from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError

MOST_UNITS = 12
"""The most binary elements that are analysed together: 12 have 4,096 states."""
SURVEYED_GROUPS = 20
"""How many groups of units ``groups="auto"`` is, where a group is small."""
SURVEYED_ELEMENTS = 4
"""The most binary elements of a group of which ``groups="auto"`` surveys several, and as many as ``units="auto"`` takes."""
CALIBRATED = ("median", "mean")
"""The threshold strategies that compute thresholds from recorded activations."""
Strategy: TypeAlias = Literal["median", "mean", "zero"]
"""The names that ``threshold`` accepts besides a number."""
Transitions: TypeAlias = Literal["auto", "time", "stream", "depth"]
"""The names that ``transitions`` accepts."""
SourceName: TypeAlias = Literal["first", "pooled"]
"""The names that ``sources`` accepts besides a number."""
Sources: TypeAlias = SourceName | int
"""Which sources of a layer's data are counted: a name, or which call of the layer on a batch (0 is the first)."""
_LARGEST = 1.7e308  # of a finite number
Selection: TypeAlias = Literal["variance", "random", "first", "entropy", "weight_norm", "clusters"]
"""The names that ``selection`` accepts."""


@dataclass(eq=False, repr=False)
class CaptureSettings:
    """Which layers and units are captured, and how. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    layers: str | nn.Module | Sequence[str | nn.Module] | None = None
    _: KW_ONLY
    units: int | Literal["auto"] | Sequence[int] = "auto"
    selection: Selection = "variance"
    threshold: Strategy | float = "median"
    bits: int = 1
    groups: int | Literal["auto"] = "auto"
    transitions: Transitions = "auto"
    layout: str | Mapping[str, str] | None = None
    unit_fn: Callable[[Any], Any] | None = None
    lag: int = 1
    sources: Sources = "first"
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
        check_options(self, CHECKS | {"window": WINDOW})
        self._check_bits()
        _check_number(self.units, min(self.max_units, MOST_UNITS), self.bits)
        self._check_groups()
        self._check_depth()

    def _check_bits(self) -> None:
        """Checks that no threshold is given where units are coded by 2 bits."""
        if self.bits == 2 and self.threshold != "median":
            msg = f"bits=2: the elements of a unit are made of its quartiles, so threshold={self.threshold!r} has no use."
            raise InvalidArgumentError(msg)

    def _check_groups(self) -> None:
        """Checks that nothing else determines the units when several random groups of units are asked for."""
        if self.groups in {1, "auto"}:
            return
        if not isinstance(self.units, (int, str)):
            msg = f"groups={self.groups}: groups of units are drawn at random; say in units how many each has, not {self.units!r}."
            raise InvalidArgumentError(msg)
        if self.selection == "clusters":
            msg = f"groups={self.groups}: groups of units are drawn at random; leave selection={self.selection!r} out."
            raise InvalidArgumentError(msg)

    def most_groups(self, units: int) -> int:
        """Returns how many groups of so many units are surveyed, where the layer has as many.

        "auto" is 20 groups of up to 4 binary elements, and one group of units that are given, that are clusters, or that are more.

        Args:
            units: how many units a group has.
        """
        if isinstance(self.groups, int):
            return self.groups
        one = not isinstance(self.units, (int, str)) or self.selection == "clusters" or units * self.bits > SURVEYED_ELEMENTS
        return 1 if one else SURVEYED_GROUPS

    @property
    def source(self) -> int:
        """Returns which source is analysed, alone or, where sources are pooled, if they differ: 0 is the first."""
        return self.sources if isinstance(self.sources, int) else 0

    def _check_depth(self) -> None:
        """Checks that no option is given that has no meaning for transitions along depth."""
        if self.transitions != "depth":
            return
        several = ("groups",) if self.groups != 1 else ()
        refuse_given(
            *(self, ("bits", *several, "lag", "freeze_threshold", "unit_fn", "sources")),
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


def _check_layers(name: str, value: Any) -> Any:
    """Checks that layers are given by names, globs or modules; whether the model has them is looked at later."""
    one = isinstance(value, (str, nn.Module))
    several = isinstance(value, Sequence) and all(isinstance(part, (str, nn.Module)) for part in value)
    if value is None or one or several:
        return value
    raise refused(name, value, "give names or globs of the model's modules, the modules themselves, a list of these, or None")


def _check_threshold(name: str, value: Any) -> Any:
    """Checks that a threshold is a finite number or the name of a strategy."""
    strategies = get_args(Strategy)
    if isinstance(value, str) and value in strategies:
        return value
    instead = f"choose {', '.join(map(repr, strategies))}, or give a finite number"
    return number(instead, least=-_LARGEST, most=_LARGEST)(name, value)


def _check_sources(name: str, value: Any) -> SourceName | int:
    """Checks that a source is a name, or a whole number from 0; 0 is "first"."""
    instead = (
        "choose 'first' or 'pooled', or give the number of a source: 0 for a layer's first call on a batch, 1 for its second, "
        "and so on"
    )
    if isinstance(value, str):
        if value not in get_args(SourceName):
            raise refused(name, value, instead, why="there is no such choice")
        return value  # type: ignore[return-value]
    number = whole(instead, least=0)(name, value)
    return number or "first"


def _check_bits(name: str, value: Any) -> int:
    """Checks that a unit is coded by 1 or 2 bits."""
    bits = as_whole(value)
    if bits not in (1, 2):
        raise refused(name, value, "a unit is coded as 1 binary element, or as 2 (the Gray code of its quartiles)")
    return bits


def _check_layout(name: str, value: Any) -> Any:
    """Checks that axes are given as a text, or as a text for each layer."""
    layouts = list(value.values()) if isinstance(value, Mapping) else [value]
    for layout in layouts:
        if isinstance(layout, str):
            parse_layout(layout)
        elif layout is not None:
            raise refused(name, value, "give the axes as a text such as 'TBU', or a dict with such a text for each layer")
    return value


def _check_units(name: str, value: Any) -> Any:
    """Checks that ``units`` is "auto", a number or a list of indices."""
    units = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(units, str) and units == "auto":
        return units
    count = as_whole(units)
    if count is None and (isinstance(units, str) or not isinstance(units, Sequence)):
        raise refused(name, value, "expected how many units (a whole number), a list of unit indices, or 'auto'")
    if (len(units) if count is None else count) < 1:
        raise refused(name, value, "at least one unit is needed, and Φ is 0 below two")
    return _indices(name, units) if count is None else count


def _indices(name: str, units: Sequence[Any]) -> list[int]:
    """Returns unit indices, checked: whole numbers from 0, each named once."""
    indices = [number for number in map(as_whole, units) if number is not None and number >= 0]
    if len(indices) < len(units):
        raise refused(name, units, "unit indices are whole numbers from 0")
    if len(set(indices)) != len(indices):
        raise refused(name, units, "a unit is named twice; a unit and its copy would look integrated. Name each once")
    return indices


def _check_number(units: int | str | Sequence[int], most: int, bits: int) -> None:
    """Checks that there are at most ``most`` elements."""
    if isinstance(units, str):
        return
    n = units if isinstance(units, int) else len(units)
    if n * bits > most:
        n, what = n * bits, "units" if bits == 1 else f"elements (bits={bits} for each unit)"
        msg = (
            f"units={units!r}: {n} {what} have {2**n} states, and their transitions {4**n} counts; at most {most} are served. "
            "Each further one takes many times as long. Ask for fewer, or for 'auto'."
        )
        raise TooManyUnitsError(msg)


def _check_group_number(name: str, value: Any) -> Any:
    """Checks how many groups of units are surveyed."""
    return value if value == "auto" else whole("give the number of groups of units, 1 or more, or 'auto'", least=1)(name, value)


CHECKS: dict[str, Check] = {
    "layers": _check_layers,
    "units": _check_units,
    "selection": choice(*get_args(Selection)),
    "threshold": _check_threshold,
    "bits": _check_bits,
    "groups": _check_group_number,
    "transitions": choice(*get_args(Transitions)),
    "layout": _check_layout,
    "unit_fn": function_or_none("give a function from a layer's output to a tensor of units, or None"),
    "lag": LAG,
    "sources": _check_sources,
    "calibration_batches": whole("give the number of batches that thresholds are calibrated on, 1 or more", least=1),
    "freeze_threshold": flag(),
    "seed": SEED,
}
"""The check of each option."""
