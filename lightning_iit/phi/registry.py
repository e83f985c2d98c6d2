"""The engines by name.

To add one to this package, name its class in ``BUILT_IN``. Another package adds one by an entry point, whose name is the engine's::

    [project.entry-points."lightning_iit.engines"]
    mine = "my_package.engine:MyEngine"
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.records import PhiOptions

AUTO = "auto"
GROUP = "lightning_iit.engines"
BUILT_IN = {
    "fast": "lightning_iit.phi.fast.fast_engine:FastEngine",
    "pyphi": "lightning_iit.phi.pyphi.engine:PyPhiEngine",
}
"""Where the class of each engine is. "auto" takes the first of them that implements the options."""


@cache
def engine_names() -> tuple[str, ...]:
    """Returns the names that ``engine=`` takes: "auto", the engines of this package, and those of installed packages."""
    others = sorted(entry.name for entry in entry_points(group=GROUP) if entry.name not in BUILT_IN)
    return (AUTO, *BUILT_IN, *others)


@cache
def get_engine(name: str) -> PhiEngine:
    """Returns the engine of a name, imported on first use; of "auto" the first one of this package.

    Raises:
        InvalidArgumentError: there is no such engine, or it cannot be imported.
    """
    if name == AUTO:
        return get_engine(next(iter(BUILT_IN)))
    if name in BUILT_IN:
        module, _, kind = BUILT_IN[name].partition(":")
        return cast("PhiEngine", getattr(import_module(module), kind)())
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            try:
                return cast("PhiEngine", entry.load()())
            except Exception as error:
                msg = f"engine={name!r}: {entry.value} cannot be loaded ({type(error).__name__}: {error}). Is its package whole?"
                raise InvalidArgumentError(msg) from error
    close = difflib.get_close_matches(name, engine_names(), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    *first, last = map(repr, engine_names())
    msg = f"engine={name!r}: there is no such engine; choose {', '.join(first)} or {last}.{hint}"
    raise InvalidArgumentError(msg)


def choose_engine(name: str, options: PhiOptions) -> PhiEngine:
    """Returns the engine that serves these options; for "auto" the first one of this package that implements them.

    Raises:
        InvalidArgumentError: no such engine, or the engine (for "auto" the last one) does not implement the options.
    """
    names = list(BUILT_IN) if name == AUTO else [name]
    for candidate in names[:-1]:
        engine = get_engine(candidate)
        try:
            engine.check_options(options)
        except InvalidArgumentError:
            continue
        return engine
    engine = get_engine(names[-1])
    engine.check_options(options)
    return engine
