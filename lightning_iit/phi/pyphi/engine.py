"""PyPhi as an engine: the reference. Slow, and right by definition."""

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
"""Measured for one dense stochastic system on one core; n=6 is what the growth from 4 to 5 predicts, and at least hours."""
UNREACHABLE = "state_unreachable"


class PyPhiEngine:
    """IIT 3.0 as PyPhi 1.2.0 computes it, sequentially and with its exact EMD backend."""

    name = "pyphi"
    max_units = 5

    def version(self) -> str:
        """The version of PyPhi."""
        return version("pyphi")

    def load(self) -> None:
        """Imports PyPhi."""
        import_pyphi()

    def check_options(self, options: PhiOptions) -> None:
        """Raises InvalidArgumentError for options or values that PyPhi does not have."""
        check_pyphi_options(options.pyphi)
        if options.cuts not in {"all", "one"}:
            msg = f"cuts={options.cuts!r}: choose 'all' (every directed bipartition) or 'one' (those that cut one node off)."
            raise InvalidArgumentError(msg)
        concept_style = options.pyphi.get("SYSTEM_CUTS") == "CONCEPT_STYLE"
        if concept_style and options.cuts == "one":
            msg = "cuts='one' restricts 3.0-style cuts; SYSTEM_CUTS='CONCEPT_STYLE' has no such restriction. Leave one of them out."
            raise InvalidArgumentError(msg)

    def seconds(self, n: int) -> float:
        """About how long one analysis of a dense system of n units takes on one core, in seconds."""
        return SECONDS[n] if n in SECONDS else SECONDS[6] * 100.0 ** (n - 6)

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields the result of each system in turn.

        Raises:
            TooManyUnitsError: a system has more units than PyPhi can serve in a time that anyone would wait.
        """
        self.check_options(options)
        for index, system in enumerate(systems):
            _check_size(self, system.n)
            yield self._analyse_one(system, options, _share(progress, index, len(systems)))

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """The subset of nodes with the largest Φ, the others held fixed at their states; no nodes where no subset has Φ > 0."""
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
        # The configuration is given back before the result goes out: a generator may never be resumed.
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
    """PyPhi's own ``Subsystem`` of all nodes of the system (its ``.network`` is PyPhi's ``Network``).

    PyPhi's global configuration is set to PyPhi's defaults, sequential and quiet, the first time PyPhi is imported here.

    Raises:
        pyphi.exceptions.StateUnreachableError: the TPM cannot reach the state.
    """
    pyphi = import_pyphi()
    return pyphi.Subsystem(_network(pyphi, system), system.state)


def unreachable(system: System) -> Skipped:
    """The result for a state that no state of the system leads to."""
    bits = "".join(str(bit) for bit in system.state)
    reason = (
        f"No state of the system leads to the state {bits} (unit 0 first): each row of the TPM gives it probability 0, so it has "
        "no past and Φ is not defined. Analyse a state that was visited, or estimate the TPM with a prior between 0 and 1."
    )
    return Skipped(code=UNREACHABLE, reason=reason)


def _check_size(engine: PyPhiEngine, n: int) -> None:
    if n > engine.max_units:
        msg = (
            f"{n} units are too many for PyPhi: one Φ takes 17 seconds at 4 units, 7 minutes at 5, at least half a day at 6, weeks "
            f"at 7. Analyse at most {engine.max_units} units, or use engine='fast' (2 seconds at 6 units)."
        )
        raise TooManyUnitsError(msg)


def _configuration(options: PhiOptions) -> dict[str, Any]:
    return {
        "CUT_ONE_APPROXIMATION": options.cuts == "one",
        "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": not options.new_concepts,
        **options.pyphi,
    }


def _network(pyphi: ModuleType, system: System) -> Any:
    cm = None if system.cm is None else np.array(system.cm)
    return pyphi.Network(np.array(system.tpm), cm=cm, node_labels=system.labels)


def _number_of_cuts(n: int, options: PhiOptions) -> int:
    if n < 2:
        return 0
    return 2 * n if options.cuts == "one" and n > 2 else 2**n - 2


class _CutCounter:
    """Counts the cuts that PyPhi looks at, and tells the fraction."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.count = 0
        self._total = total
        self._progress = progress

    def add(self) -> None:
        self.count += 1
        if self._progress is not None and self._total:
            self._progress(min(1.0, (self.count - 1) / self._total))


def _counting_subsystem(pyphi: ModuleType, cuts: _CutCounter) -> Any:
    """PyPhi's Subsystem, which tells the counter of each cut that is applied to it."""
    base: Any = pyphi.Subsystem

    class CountingSubsystem(base):  # type: ignore[misc]
        def apply_cut(self, cut: Any) -> Any:
            if cut is not None:
                cuts.add()
            return super().apply_cut(cut)

    return CountingSubsystem


def _computed(sia: Any, options: PhiOptions, cuts: int, seconds: float, engine: EngineInfo) -> Computed:
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
    if not hasattr(cut, "from_nodes"):
        return None
    return Cut(from_nodes=tuple(int(node) for node in cut.from_nodes), to_nodes=tuple(int(node) for node in cut.to_nodes))


def _reason(sia: Any) -> str:
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
    n = len(cm)
    paths = np.linalg.matrix_power((np.asarray(cm) != 0).astype(np.int64) + np.eye(n, dtype=np.int64), n)
    return bool((paths > 0).all())


def _concepts(ces: Any, *, repertoires: bool) -> tuple[Concept, ...]:
    return tuple(_concept(concept, repertoires=repertoires) for concept in ces)


def _concept(concept: Any, *, repertoires: bool) -> Concept:
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
    """A repertoire with one axis for each node of the network, flattened with the first purview node fastest."""
    return tuple(float(p) for p in np.asarray(repertoire).squeeze().ravel(order="F"))


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())


def _share(progress: Progress | None, index: int, total: int) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda fraction: progress((index + fraction) / total)
