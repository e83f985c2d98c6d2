"""The engines by name: the two engines of this package and the engines of installed packages.

To add an engine to this package, name its class in ``BUILT_IN``. Another package adds an engine by an entry point whose name is the
engine's name::

    [project.entry-points."lightning_iit.engines"]
    mine = "my_package.engine:MyEngine"
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, cast

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.iit4.options import check_of_iit4
from lightning_iit.records.schema import FORMALISM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.metadata import EntryPoint

    from lightning_iit.phi.engine import PhiEngine, Progress
    from lightning_iit.records import MajorComplex, PhiOptions, PhiResult, System

AUTO = "auto"
"""The name that lets the options decide: the first engine of ``BUILT_IN`` that implements the options."""
GROUP = "lightning_iit.engines"
"""The entry point group in which other packages name their engines."""
BUILT_IN = {
    "fast": "lightning_iit.phi.fast.fast_engine:FastEngine",
    "pyphi": "lightning_iit.phi.pyphi.engine:PyPhiEngine",
}
"""The module and class of each engine of this package; "auto" tries the engines in this order."""
_OF_IIT4 = {
    "fast": "lightning_iit.phi.iit4.engine:FastIit4Engine",
    "pyphi": "lightning_iit.phi.pyphi.iit4_engine:PyPhiIit4Engine",
}
"""The same for IIT 4.0."""


@cache
def engine_names() -> tuple[str, ...]:
    """Returns the names that ``engine=`` accepts: "auto", the engines of this package, then the engines of installed packages.

    Example:
        >>> engine_names()[:3]
        ('auto', 'fast', 'pyphi')
    """
    others = sorted(entry.name for entry in entry_points(group=GROUP) if entry.name not in BUILT_IN)
    return (AUTO, *BUILT_IN, *others)


@cache
def get_engine(name: str, formalism: str = FORMALISM) -> PhiEngine:
    """Returns the engine of this name, imported on first use; for "auto" the first engine of this package.

    Args:
        name: "auto" or the name of an engine.
        formalism: "iit3", "iit4-2023" or "iit4-2026"; an engine's ``check_options`` says whether it computes that.

    Raises:
        InvalidArgumentError: there is no engine of this name, or the engine of another package cannot be loaded.
    """
    if name == AUTO:
        return get_engine(next(iter(BUILT_IN)), formalism)
    if name in BUILT_IN:
        where = (BUILT_IN if formalism == FORMALISM else _OF_IIT4)[name]
        module, _, kind = where.partition(":")
        return cast("PhiEngine", getattr(import_module(module), kind)())
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return _loaded(entry)
    close = difflib.get_close_matches(name, engine_names(), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    *first, last = map(repr, engine_names())
    msg = f"engine={name!r}: there is no such engine; choose {', '.join(first)} or {last}.{hint}"
    raise InvalidArgumentError(msg)


def _loaded(entry: EntryPoint) -> PhiEngine:
    """Returns the engine of another package.

    Raises:
        InvalidArgumentError: the engine cannot be loaded, or has another name than its entry, by which workers would not find it.
    """
    try:
        engine = cast("PhiEngine", entry.load()())
        known_as = engine.name
    except Exception as error:
        msg = f"engine={entry.name!r}: {entry.value} cannot be loaded ({type(error).__name__}: {error}). Is its package whole?"
        raise InvalidArgumentError(msg) from error
    if known_as != entry.name:
        msg = f"engine={entry.name!r}: {entry.value} calls itself {known_as!r}; an engine has the name of its entry point."
        raise InvalidArgumentError(msg)
    return cast("PhiEngine", _WithinSize(engine))


class _WithinSize:
    """Is an engine of another package, which is never given a system of more units than its ``max_units``.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: PhiEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._engine, name)

    def check_options(self, options: PhiOptions) -> None:
        """Checks the options; raises InvalidArgumentError for a formalism that is not in the engine's ``formalisms``."""
        known = tuple(getattr(self._engine, "formalisms", (FORMALISM,)))
        if options.formalism not in known:
            computes = f"engine={self._engine.name!r} computes {' and '.join(known)}"
            msg = f"{computes}, not formalism={options.formalism!r}; use engine='auto'."
            raise InvalidArgumentError(msg)
        if options.formalism != FORMALISM:
            check_of_iit4(options)
        self._engine.check_options(options)

    def analyse(self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None) -> Iterator[PhiResult]:
        """Analyses the systems; raises TooManyUnitsError where one is too large."""
        for system in systems:
            self._check(system)
        return self._engine.analyse(systems, options, progress)

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Finds the major complex; raises TooManyUnitsError where the system is too large."""
        self._check(system)
        return self._engine.major_complex(system, options, progress)

    def _check(self, system: System) -> None:
        most = self._engine.max_units
        if system.n > most:
            msg = (
                f"system of {system.n} nodes: engine={self._engine.name!r} takes up to {most}. Analyse fewer units, or use another "
                "engine (engine='auto')."
            )
            raise TooManyUnitsError(msg)


def choose_engine(name: str, options: PhiOptions) -> PhiEngine:
    """Returns an engine that implements these options: the named engine, or for "auto" the first engine of this package that does.

    Args:
        name: "auto" or the name of an engine.
        options: the options that the engine must implement.

    Raises:
        InvalidArgumentError: there is no engine of this name, or the engine (for "auto" the last engine) does not implement the
            options.

    Example:
        >>> from lightning_iit.records import PhiOptions
        >>> choose_engine("auto", PhiOptions()).name
        'fast'
        >>> choose_engine("auto", PhiOptions(pyphi={"MEASURE": "L1"})).name
        'pyphi'
    """
    names = list(BUILT_IN) if name == AUTO else [name]
    for candidate in names[:-1]:
        engine = get_engine(candidate, options.formalism)
        try:
            engine.check_options(options)
        except InvalidArgumentError:
            continue
        return engine
    engine = get_engine(names[-1], options.formalism)
    engine.check_options(options)
    return engine
