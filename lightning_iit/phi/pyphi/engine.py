"""PyPhi as an engine: the reference for all values; slow."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.pyphi._import import configured, import_pyphi
from lightning_iit.phi.pyphi.options import check_pyphi_options
from lightning_iit.records import Computed, Concept, Cut, EngineInfo, MajorComplex, PhiOptions, Skipped, System

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from lightning_iit.phi.engine import Progress

SECONDS = {1: 0.01, 2: 0.06, 3: 1.0, 4: 17.0, 5: 400.0, 6: 40_000.0}
"""Seconds of one analysis by number of units, measured for a dense stochastic system on one core.

The value for 6 units is extrapolated from the growth from 4 to 5 units; an analysis of 6 units takes at least hours."""
UNREACHABLE = "state_unreachable"
"""The code of the ``Skipped`` result for a state that no state of the system leads to."""


class PyPhiEngine:
    """Computes Φ with PyPhi 1.2.0 (IIT 3.0), sequentially and with PyPhi's exact earth mover's distance."""

    name = "pyphi"
    max_units = 5

    def version(self) -> str:
        """Returns the version of PyPhi."""
        return version("pyphi")

    def load(self) -> None:
        """Imports PyPhi."""
        import_pyphi()

    def check_options(self, options: PhiOptions) -> None:
        """Checks that PyPhi has the options and that their values are possible; PyPhi is not imported.

        Raises:
            InvalidArgumentError: PyPhi does not have an option, an option has an impossible value, or two options exclude each
                other.
        """
        check_pyphi_options(options.pyphi)
        if options.cuts not in {"all", "one"}:
            msg = f"cuts={options.cuts!r}: choose 'all' (every directed bipartition) or 'one' (those that cut one node off)."
            raise InvalidArgumentError(msg)
        concept_style = options.pyphi.get("SYSTEM_CUTS") == "CONCEPT_STYLE"
        if concept_style and options.cuts == "one":
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
            yield self._analyse_one(system, options, _share(progress, index, len(systems)))

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
        with configured(_configuration(options)) as pyphi:
            start = time.perf_counter()
            sia = pyphi.compute.major_complex(_network(pyphi, system), system.state)
            nodes = tuple(int(node) for node in sia.subsystem.node_indices)
            cuts = _number_of_cuts(len(nodes), options) if sia.phi > 0 else 0
            result = _computed(sia, options, cuts, time.perf_counter() - start, self._info())
        if progress is not None:
            progress(1.0)
        return MajorComplex(nodes=nodes, result=result)

    def _analyse_one(self, system: System, options: PhiOptions, progress: Progress | None) -> Computed | Skipped:
        """Analyses one system; the result is ``Skipped`` where no state of the system leads to the state to analyse."""
        # PyPhi's configuration is restored before the result is yielded: the caller may never resume the generator.
        with configured(_configuration(options)) as pyphi:
            start = time.perf_counter()
            cuts = _CutCounter(_number_of_cuts(system.n, options), progress)
            try:
                subsystem = _counting_subsystem(pyphi, cuts)(_network(pyphi, system), system.state)
            except pyphi.exceptions.StateUnreachableError:
                return unreachable(system)
            sia = pyphi.compute.sia(subsystem)
            result = _computed(sia, options, cuts.count, time.perf_counter() - start, self._info())
        if progress is not None:
            progress(1.0)
        return result

    def _info(self) -> EngineInfo:
        return EngineInfo(name=self.name, version=self.version())


def to_pyphi(system: System) -> Any:
    """Returns PyPhi's own ``Subsystem`` of all nodes of a system, for use with PyPhi (its ``.network`` is PyPhi's ``Network``).

    The first import of PyPhi sets PyPhi's global configuration to PyPhi's defaults, sequential and without output.

    Raises:
        pyphi.exceptions.StateUnreachableError: the TPM cannot reach the state.
    """
    pyphi = import_pyphi()
    return pyphi.Subsystem(_network(pyphi, system), system.state)


def unreachable(system: System) -> Skipped:
    """Returns the ``Skipped`` result for a state that no state of the system leads to, with advice in words."""
    bits = "".join(str(bit) for bit in system.state)
    reason = (
        f"No state of the system leads to the state {bits} (unit 0 first): each row of the TPM gives it probability 0, so it has "
        "no past and Φ is not defined. Analyse a state that was visited, or estimate the TPM with a prior between 0 and 1."
    )
    return Skipped(code=UNREACHABLE, reason=reason)


def _check_size(engine: PyPhiEngine, n: int) -> None:
    """Raises TooManyUnitsError where ``n`` is more than the engine accepts."""
    if n > engine.max_units:
        msg = (
            f"{n} units are too many for PyPhi: one Φ takes 17 seconds at 4 units, 7 minutes at 5, at least half a day at 6, weeks "
            f"at 7. Analyse at most {engine.max_units} units, or use engine='fast' (2 seconds at 6 units)."
        )
        raise TooManyUnitsError(msg)


def _configuration(options: PhiOptions) -> dict[str, Any]:
    """Returns the options of an analysis as PyPhi's options, by PyPhi's names."""
    return {
        "CUT_ONE_APPROXIMATION": options.cuts == "one",
        "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": not options.new_concepts,
        **options.pyphi,
    }


def _network(pyphi: ModuleType, system: System) -> Any:
    """Builds PyPhi's ``Network`` of a system."""
    cm = None if system.cm is None else np.array(system.cm)
    return pyphi.Network(np.array(system.tpm), cm=cm, node_labels=system.labels)


def _number_of_cuts(n: int, options: PhiOptions) -> int:
    """Returns how many cuts a search of ``n`` nodes tries; used for progress."""
    if n < 2:
        return 0
    return 2 * n if options.cuts == "one" and n > 2 else 2**n - 2


class _CutCounter:
    """Counts the cuts that PyPhi evaluates and reports the finished fraction."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.count = 0
        self._total = total
        self._progress = progress

    def add(self) -> None:
        """Counts one more cut, which PyPhi is about to evaluate."""
        self.count += 1
        if self._progress is not None and self._total:
            self._progress(min(1.0, (self.count - 1) / self._total))


def _counting_subsystem(pyphi: ModuleType, cuts: _CutCounter) -> Any:
    """Returns a subclass of PyPhi's ``Subsystem`` that counts each cut that is applied."""
    base: Any = pyphi.Subsystem

    class CountingSubsystem(base):  # type: ignore[misc]
        def apply_cut(self, cut: Any) -> Any:
            if cut is not None:
                cuts.add()
            return super().apply_cut(cut)

    return CountingSubsystem


def _computed(sia: Any, options: PhiOptions, cuts: int, seconds: float, engine: EngineInfo) -> Computed:
    """Translates PyPhi's result into a record."""
    cut = sia.cut
    found = None if cut.is_null else _cut(cut)
    reason = ""
    if cut.is_null:
        reason = _reason(sia)
    elif found is None:
        reason = f"The minimum-information partition is concept-style ({cut.direction}): {_one_line(cut.partition)}."
    return Computed(
        phi=float(sia.phi),
        cut=found,
        concepts=_concepts(sia.ces, repertoires=options.repertoires),
        partitioned_concepts=_concepts(sia.partitioned_ces, repertoires=options.repertoires),
        cuts_evaluated=cuts,
        seconds=seconds,
        engine=engine,
        reason=reason,
    )


def _cut(cut: Any) -> Cut | None:
    """Translates a directed bipartition into a record; None for a concept-style cut, which is no bipartition of the system."""
    if not hasattr(cut, "from_nodes"):
        return None
    return Cut(from_nodes=tuple(int(node) for node in cut.from_nodes), to_nodes=tuple(int(node) for node in cut.to_nodes))


def _reason(sia: Any) -> str:
    """Says in words why Φ is 0 without a search."""
    subsystem = sia.subsystem
    if len(subsystem) == 0:
        return "No subset of the nodes has Φ > 0."
    if len(subsystem) == 1:
        return "Φ is 0 without a search: a single node has no bipartition."
    nodes = list(subsystem.node_indices)
    if not _strongly_connected(np.asarray(subsystem.cm)[np.ix_(nodes, nodes)]):
        return "Φ is 0 without a search: the connections do not make the system strongly connected."
    return "Φ is 0 without a search: no mechanism of the system is a concept."


def _strongly_connected(cm: Any) -> bool:
    """Says whether every node can be reached from every other node along the connections of ``cm``."""
    n = len(cm)
    paths = np.linalg.matrix_power((np.asarray(cm) != 0).astype(np.int64) + np.eye(n, dtype=np.int64), n)
    return bool((paths > 0).all())


def _concepts(ces: Any, *, repertoires: bool) -> tuple[Concept, ...]:
    """Translates PyPhi's cause-effect structure into records."""
    return tuple(_concept(concept, repertoires=repertoires) for concept in ces)


def _concept(concept: Any, *, repertoires: bool) -> Concept:
    """Translates one of PyPhi's concepts into a record."""
    return Concept(
        mechanism=_nodes(concept.mechanism),
        cause_purview=_nodes(concept.cause_purview),
        effect_purview=_nodes(concept.effect_purview),
        cause_phi=float(concept.cause.phi),
        effect_phi=float(concept.effect.phi),
        cause_repertoire=_little_endian(concept.cause_repertoire) if repertoires else None,
        effect_repertoire=_little_endian(concept.effect_repertoire) if repertoires else None,
    )


def _nodes(nodes: Any) -> tuple[int, ...]:
    return tuple(int(node) for node in nodes)


def _little_endian(repertoire: Any) -> tuple[float, ...]:
    """Flattens a repertoire with one axis for each node of the network, so that the first purview node changes fastest."""
    return tuple(float(p) for p in np.asarray(repertoire).squeeze().ravel(order="F"))


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())


def _share(progress: Progress | None, index: int, total: int) -> Callable[[float], None] | None:
    """Returns a function that converts progress within system ``index`` to progress over all ``total`` systems."""
    if progress is None:
        return None
    return lambda fraction: progress((index + fraction) / total)
