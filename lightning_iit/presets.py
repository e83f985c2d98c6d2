"""Sets of options under one name, as ``preset="paper"``; what is given explicitly wins."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from lightning_iit.capture.options import SURVEYED_ELEMENTS
from lightning_iit.checks import as_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Init = TypeVar("_Init", bound=Callable[..., None])

Preset: TypeAlias = Literal["paper"]
"""The names that ``preset`` accepts."""
PRESETS: dict[str, dict[str, Any]] = {"paper": {"surrogates": 199, "groups": 80, "states": "all", "extra_budget": 1.0}}
"""The options of each preset."""


def filled(preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that a preset adds to those that are given.

    Groups are left out where several of them cannot be or cost too much: for units that are given by index, are clusters, or are
    more than 4 elements, and along depth.

    Args:
        preset: the name of the preset.
        given: the options that were given explicitly.
    """
    added = {name: value for name, value in PRESETS[preset].items() if name not in given}
    units = given.get("units", "auto")
    elements = 0 if isinstance(units, str) else as_whole(units)
    large = elements is None or elements * (as_whole(given.get("bits", 1)) or 1) > SURVEYED_ELEMENTS
    if large or given.get("selection") == "clusters" or given.get("transitions") == "depth":
        added.pop("groups", None)
    return added


def with_presets(init: _Init) -> _Init:
    """Makes an ``__init__`` fill in the options of its keyword ``preset``.

    Where every option is given, as LightningCLI does, those that are at their defaults do not count as explicit.

    Args:
        init: the ``__init__`` of a class of settings. A preset of another name is left to its checks.
    """
    parameters = inspect.signature(init).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items() if name != "self"}

    @functools.wraps(init)
    def filling(self: Any, *args: Any, **options: Any) -> None:
        preset = options.get("preset")
        if isinstance(preset, str) and preset in PRESETS:
            explicit = options
            if len(args) + len(options) >= len(defaults):
                explicit = {name: value for name, value in options.items() if not _same(value, defaults[name])}
            options |= filled(preset, explicit)
        init(self, *args, **options)

    return filling  # type: ignore[return-value]


def _same(value: Any, default: Any) -> bool:
    """Says whether a value is a default; arrays among the values have no truth value when compared with one of another type."""
    return type(value) is type(default) and value == default
