"""What PyPhi 1.2 computes (IIT 3.0), as records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.phi.engine import unreachable
from lightning_iit.phi.pyphi._import import configured
from lightning_iit.phi.pyphi.translation import CutCounter, concepts, counting, members, number_of_cuts
from lightning_iit.records import Computed, Cut, EngineInfo, MajorComplex, Skipped

if TYPE_CHECKING:
    from types import ModuleType

    from lightning_iit.phi.engine import Progress
    from lightning_iit.records import PhiOptions, System


def analyse(system: System, options: PhiOptions, progress: Progress | None, engine: EngineInfo) -> Computed | Skipped:
    """Analyses one system; the result is ``Skipped`` where no state of the system leads to the state to analyse."""
    # PyPhi's configuration is restored before the result is yielded: the caller may never resume the generator.
    with configured(_configuration(options)) as pyphi:
        start = time.perf_counter()
        cuts = CutCounter(number_of_cuts(system.n, options), progress)
        try:
            subsystem = counting(pyphi.Subsystem, "apply_cut", cuts)(network(pyphi, system), system.state)
        except pyphi.exceptions.StateUnreachableError:
            return unreachable(system.state)
        sia = pyphi.compute.sia(subsystem)
        return _computed(sia, options, cuts.count, time.perf_counter() - start, engine)


def major_complex(system: System, options: PhiOptions, engine: EngineInfo) -> MajorComplex:
    """Returns the subset of nodes with the largest Φ."""
    with configured(_configuration(options)) as pyphi:
        start = time.perf_counter()
        sia = pyphi.compute.major_complex(network(pyphi, system), system.state)
        nodes = members(sia.subsystem.node_indices)
        cuts = number_of_cuts(len(nodes), options) if sia.phi > 0 else 0
        return MajorComplex(nodes=nodes, result=_computed(sia, options, cuts, time.perf_counter() - start, engine))


def _configuration(options: PhiOptions) -> dict[str, Any]:
    """Returns the options of an analysis as PyPhi's options, by PyPhi's names."""
    return {
        "CUT_ONE_APPROXIMATION": options.cuts == "one",
        "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": not options.new_concepts,
        **options.pyphi,
    }


def network(pyphi: ModuleType, system: System) -> Any:
    """Builds PyPhi's ``Network`` of a system."""
    cm = None if system.cm is None else np.array(system.cm)
    return pyphi.Network(np.array(system.tpm), cm=cm, node_labels=system.labels)


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
        concepts=concepts(sia.ces, repertoires=options.repertoires),
        partitioned_concepts=concepts(sia.partitioned_ces, repertoires=options.repertoires),
        cuts_evaluated=cuts,
        seconds=seconds,
        engine=engine,
        reason=reason,
    )


def _cut(cut: Any) -> Cut | None:
    """Translates a directed bipartition into a record; None for a concept-style cut, which is no bipartition of the system."""
    if not hasattr(cut, "from_nodes"):
        return None
    return Cut(from_nodes=members(cut.from_nodes), to_nodes=members(cut.to_nodes))


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


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())
