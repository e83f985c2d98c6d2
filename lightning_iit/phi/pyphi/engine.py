"""PyPhi as an engine of IIT 3.0: the reference for all values; slow."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.pyphi import options1, options2, version1, version2
from lightning_iit.phi.pyphi._import import import_pyphi
from lightning_iit.phi.pyphi.versions import HOW_TO_GET_2, generation, installed_version
from lightning_iit.records import Computed, EngineInfo, MajorComplex, PhiOptions, Skipped, System

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from lightning_iit.phi.engine import Progress

SECONDS = {1: 0.01, 2: 0.06, 3: 1.0, 4: 17.0, 5: 400.0, 6: 40_000.0}
"""Seconds of one analysis by number of units, measured for a dense stochastic system on one core.

The value for 6 units is extrapolated from the growth from 4 to 5 units; an analysis of 6 units takes at least hours."""


class PyPhiEngine:
    """Computes Φ of IIT 3.0 with the installed PyPhi, 1.2 or 2, sequentially (exact earth mover's distance)."""

    name = "pyphi"
    max_units = 5

    def version(self) -> str:
        """Returns the version of PyPhi."""
        return installed_version()

    def load(self) -> None:
        """Imports PyPhi."""
        import_pyphi()

    def check_options(self, options: PhiOptions) -> None:
        """Checks that PyPhi has the options (of IIT 3.0) and that their values are possible; PyPhi is not imported.

        Raises:
            InvalidArgumentError: PyPhi is not installed in a known version, PyPhi does not have an option, an option has an
                impossible value, or two options exclude each other.
        """
        if options.cuts not in {"all", "one"}:
            msg = f"cuts={options.cuts!r}: choose 'all' (every directed bipartition) or 'one' (those that cut one node off)."
            raise InvalidArgumentError(msg)
        if generation() == 2:
            options2.check_options("iit3", options.pyphi)
            if options2.needs_pot(options.pyphi) and find_spec("ot") is None:
                msg = f"engine='pyphi': PyPhi 2 measures Φ of IIT 3.0 with the package POT, which is not installed. {HOW_TO_GET_2}"
                raise InvalidArgumentError(msg)
            return
        options1.check_options(options.pyphi)
        if options.pyphi.get("SYSTEM_CUTS") == "CONCEPT_STYLE" and options.cuts == "one":
            msg = "cuts='one' restricts 3.0-style cuts; SYSTEM_CUTS='CONCEPT_STYLE' has no such restriction. Leave one of them out."
            raise InvalidArgumentError(msg)

    def seconds(self, n: int) -> float:
        """Returns about how many seconds one analysis of a densely connected system of ``n`` units takes on one core."""
        return SECONDS[n] if n in SECONDS else SECONDS[6] * 100.0 ** (n - 6)

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields one result for each system, in the order of ``systems``.

        Args:
            systems: the systems to analyse, each with its state.
            options: cuts, approximations and options of PyPhi.
            progress: receives the finished fraction of all systems, from 0 to 1.

        Yields:
            ``Computed``, or ``Skipped`` where no state of the system leads to the state to analyse.

        Raises:
            InvalidArgumentError: PyPhi does not have an option, or an option has an impossible value.
            TooManyUnitsError: a system has more than 5 units, which would take PyPhi hours.
        """
        self.check_options(options)
        for index, system in enumerate(systems):
            _check_size(self, system.n)
            report = _share(progress, index, len(systems))
            result = _code().analyse(system, options, report, self._info())
            if report is not None:
                report(1.0)
            yield result

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Returns the subset of nodes with the largest Φ; each subset is analysed with the other nodes held at their states.

        Args:
            system: the system to search, with its state.
            options: cuts, approximations and options of PyPhi.
            progress: is called once, with 1.0, at the end.

        Returns:
            The subset of nodes and the result of that subset; no nodes and Φ = 0 where no subset has Φ > 0.

        Raises:
            InvalidArgumentError: PyPhi does not have an option, or an option has an impossible value.
            TooManyUnitsError: the system has more than 5 units.
        """
        self.check_options(options)
        _check_size(self, system.n)
        found: MajorComplex = _code().major_complex(system, options, self._info())
        if progress is not None:
            progress(1.0)
        return found

    def _info(self) -> EngineInfo:
        return EngineInfo(name=self.name, version=self.version())


def to_pyphi(system: System) -> Any:
    """Returns PyPhi's own object of all nodes of a system, for use with PyPhi: ``Subsystem`` of PyPhi 1.2, ``System`` of PyPhi 2.

    The first import of PyPhi sets PyPhi's global configuration to PyPhi's defaults, sequential and without output.

    Raises:
        pyphi.exceptions.StateUnreachableError: the TPM cannot reach the state.
    """
    pyphi = import_pyphi()
    if generation() == 2:
        return pyphi.System(version2.substrate(pyphi, system), system.state)
    return pyphi.Subsystem(version1.network(pyphi, system), system.state)


def _code() -> ModuleType:
    """Returns the module that asks the installed PyPhi for Φ of IIT 3.0."""
    return version2 if generation() == 2 else version1


def _check_size(engine: PyPhiEngine, n: int) -> None:
    """Raises TooManyUnitsError where ``n`` is more than the engine accepts."""
    if n > engine.max_units:
        msg = (
            f"{n} units are too many for PyPhi: one Φ takes 17 seconds at 4 units, 7 minutes at 5, at least half a day at 6, weeks "
            f"at 7. Analyse at most {engine.max_units} units, or use engine='fast' (2 seconds at 6 units)."
        )
        raise TooManyUnitsError(msg)


def _share(progress: Progress | None, index: int, total: int) -> Callable[[float], None] | None:
    """Returns a function that converts progress within system ``index`` to progress over all ``total`` systems."""
    if progress is None:
        return None
    return lambda fraction: progress((index + fraction) / total)
