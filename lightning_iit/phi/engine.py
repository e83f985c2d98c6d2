"""What an engine is, the registry of engines by name, and which engine serves which options."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.records import Computed, MajorComplex, PhiOptions, Skipped, System

EngineName: TypeAlias = Literal["auto", "fast", "pyphi"]
Progress: TypeAlias = Callable[[float], None]
"""Is told the fraction of the work that is done, from 0 to 1."""

THREADS_FROM = 6
"""Below so many units threads inside an analysis cost more than they give."""


class PhiEngine(Protocol):
    """Computes Φ by IIT 3.0. Engines hold no state between calls that a caller could see."""

    name: str
    max_units: int
    """More units are refused before training starts."""

    def version(self) -> str:
        """The version of the code that computes."""

    def check_options(self, options: PhiOptions) -> None:
        """Raises InvalidArgumentError for options that this engine does not implement, or values that cannot be."""

    def seconds(self, n: int) -> float:
        """About how long one analysis of a dense system of n units takes on one core, in seconds."""

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields the result of each system in turn; systems that share TPM and connectivity share the work that can be shared."""

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """The subset of nodes with the largest Φ, the others held fixed at their states."""


@cache
def get_engine(name: str) -> PhiEngine:
    """The engine of that name ("fast" or "pyphi"), imported on first use.

    Raises:
        InvalidArgumentError: there is no such engine.
    """
    if name == "pyphi":
        from lightning_iit.phi.pyphi_engine import PyPhiEngine

        return PyPhiEngine()
    if name == "fast":
        from lightning_iit.phi.fast import FastEngine

        return FastEngine()
    close = difflib.get_close_matches(name, ["auto", "fast", "pyphi"], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    msg = f"engine={name!r}: there is no such engine; choose 'auto', 'fast' or 'pyphi'.{hint}"
    raise InvalidArgumentError(msg)


def choose_engine(name: str, options: PhiOptions) -> PhiEngine:
    """The engine that serves these options: for "auto" the fast one where it implements them, else PyPhi.

    Raises:
        InvalidArgumentError: no such engine, or the engine asked for does not implement the options.
    """
    if name == "auto":
        name = "pyphi" if options.pyphi else "fast"
    engine = get_engine(name)
    engine.check_options(options)
    return engine
