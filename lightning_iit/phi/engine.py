"""The interface that every engine implements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from lightning_iit.records import EngineInfo, Skipped

if TYPE_CHECKING:
    from lightning_iit.records import Computed, MajorComplex, PhiOptions, Structure, System, SystemPhi
    from lightning_iit.records.results import Partitions
    from lightning_iit.records.schema import State

Progress: TypeAlias = Callable[[float], None]
"""A function that receives the finished fraction of the work, from 0 to 1."""

THREADS_FROM = 6
"""The number of units from which on threads shorten one analysis; for fewer units, threads cost more time than threads save."""


OWN = "fast"
"""The name of this package's own engines."""


@cache
def own_engine() -> EngineInfo:
    """Returns name and version of this package's engines; remembered, since looking it up takes longer than Φ of three units."""
    try:
        return EngineInfo(name=OWN, version=version("lightning-iit"))
    except PackageNotFoundError:
        return EngineInfo(name=OWN, version="0")


def unreachable(state: State) -> Skipped:
    """Returns the result of a system whose current state no state leads to."""
    why = f"No state can be followed by {state}: after each, some unit is certainly in its other state."
    return Skipped(code="state_unreachable", reason=why)


class PhiEngine(Protocol):
    """Computes Φ (IIT 3.0) or φ_s (IIT 4.0); the interface of every engine.

    ``options.formalism`` says by which version of the theory. An engine of another package that computes others than IIT 3.0 names
    them in an attribute ``formalisms``, such as ``("iit3", "iit4-2023")``; it is never asked for others.

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
    ) -> Iterator[Computed | SystemPhi | Skipped]:
        """Yields one result for each system, in order; systems with the same TPM and connectivity may share work.

        Args:
            systems: the systems to analyse, each with its state.
            options: cuts, approximations and threads.
            progress: receives the finished fraction of all systems, from 0 to 1.

        Yields:
            ``Computed`` (IIT 3.0) or ``SystemPhi`` (IIT 4.0); ``Skipped`` where no state of the system leads to the state.

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


@runtime_checkable
class RanksPartitions(Protocol):
    """Finds the best partitions, not the minimum alone; what an engine may have beside the methods of ``PhiEngine``."""

    def best_partitions(self, system: System, options: PhiOptions, k: int) -> Partitions | Skipped:
        """Returns the k partitions with the smallest Φ (IIT 3.0) or normalised φ_s (IIT 4.0), the minimum first.

        Raises:
            TooManyUnitsError: the candidate system has more than ``max_units`` units.
        """


@runtime_checkable
class ComputesStructures(Protocol):
    """Computes cause-effect structures (IIT 4.0); what an engine may have beside the methods of ``PhiEngine``."""

    def structure(self, system: System, options: PhiOptions) -> Structure | Skipped:
        """Returns the structure of a system in its state.

        Raises:
            TooManyUnitsError: the candidate system has more units than the engine computes structures of.
        """
