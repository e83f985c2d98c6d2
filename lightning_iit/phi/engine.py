"""The interface that every engine implements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from lightning_iit.records import Skipped

if TYPE_CHECKING:
    from lightning_iit.records import Computed, MajorComplex, PhiOptions, System
    from lightning_iit.records.schema import State

Progress: TypeAlias = Callable[[float], None]
"""A function that receives the finished fraction of the work, from 0 to 1."""

THREADS_FROM = 6
"""The number of units from which on threads shorten one analysis; for fewer units, threads cost more time than threads save."""


def unreachable(state: State) -> Skipped:
    """Returns the result of a system whose current state no state leads to."""
    why = f"No state can be followed by {state}: after each, some unit is certainly in its other state."
    return Skipped(code="state_unreachable", reason=why)


class PhiEngine(Protocol):
    """Computes Φ by IIT 3.0; the interface of every engine.

    An engine is a class whose constructor takes no arguments. An engine is found by its name: see
    :mod:`lightning_iit.phi.registry`. No call may change the results of later calls.
    """

    name: str
    max_units: int
    """The largest number of units that the engine accepts; a request for more units fails before training starts."""

    def version(self) -> str:
        """Returns the version of the code that computes Φ."""

    def load(self) -> None:
        """Loads or compiles everything that the first analysis in this process needs; no time limit runs during this call."""

    def check_options(self, options: PhiOptions) -> None:
        """Raises InvalidArgumentError for an option that this engine does not implement, or for an impossible value."""

    def seconds(self, n: int) -> float:
        """Returns about how many seconds one analysis of a densely connected system of ``n`` units takes on one core."""

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields one result for each system, in order; systems with the same TPM and connectivity may share work.

        Args:
            systems: the systems to analyse, each with its state.
            options: cuts, approximations and threads.
            progress: receives the finished fraction of all systems, from 0 to 1.

        Yields:
            ``Computed``, or ``Skipped`` where no state of the system leads to the state to analyse.

        Raises:
            InvalidArgumentError: the engine does not implement an option, or an option has an impossible value.
            TooManyUnitsError: a system has more than ``max_units`` units.
        """

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Returns the subset of nodes with the largest Φ; each subset is analysed with the other nodes held at their states.

        Args:
            system: the system to search, with its state.
            options: cuts, approximations and threads.
            progress: receives the finished fraction of the search, from 0 to 1.

        Raises:
            InvalidArgumentError: the engine does not implement an option, or an option has an impossible value.
            TooManyUnitsError: the system has more than ``max_units`` units.
        """
