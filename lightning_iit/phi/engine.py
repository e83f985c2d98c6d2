"""What an engine is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from lightning_iit.records import Computed, MajorComplex, PhiOptions, Skipped, System

Progress: TypeAlias = Callable[[float], None]
"""Is told the fraction of the work that is done, from 0 to 1."""

THREADS_FROM = 6
"""Below so many units threads inside an analysis cost more than they give."""


class PhiEngine(Protocol):
    """Computes Φ by IIT 3.0. Engines hold no state between calls that a caller could see.

    An engine is a class that takes no arguments. It is found by its name: see :mod:`lightning_iit.phi.registry`.
    """

    name: str
    max_units: int
    """More units are refused before training starts."""

    def version(self) -> str:
        """Returns the version of the code that computes."""

    def load(self) -> None:
        """Loads or compiles what the first analysis in this process would wait for; no time limit runs meanwhile."""

    def check_options(self, options: PhiOptions) -> None:
        """Raises InvalidArgumentError for options that this engine does not implement, or values that cannot be."""

    def seconds(self, n: int) -> float:
        """Returns about how long one analysis of a dense system of n units takes on one core, in seconds."""

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields the result of each system in turn; systems that share TPM and connectivity share the work that can be shared."""

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Returns the subset of nodes with the largest Φ, the others held fixed at their states."""
