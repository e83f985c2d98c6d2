"""Systems with more nodes than an engine accepts: Φ is 0 unless all are strongly connected; a complex lies in a strong part."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import TooManyUnitsError
from lightning_iit.phi.connections import connections, strong_parts
from lightning_iit.phi.engine import unreachable
from lightning_iit.phi.registry import BUILT_IN
from lightning_iit.phi.subsystems import complex_in_system, subsystem
from lightning_iit.records import FORMALISM, Computed, EngineInfo, MajorComplex, PhiOptions

if TYPE_CHECKING:
    from jaxtyping import Bool

    from lightning_iit.phi.engine import PhiEngine, Progress
    from lightning_iit.records import PhiResult, System


def analyse_whole(system: System, engine: PhiEngine, options: PhiOptions, progress: Progress | None = None) -> PhiResult:
    """Computes Φ of a system of any size: with the engine, or without a search where the system is too large and not connected.

    Raises:
        TooManyUnitsError: the system has more units than the engine accepts, and is strongly connected.
    """
    if system.n <= engine.max_units or not _parts_decide(options):
        return next(iter(engine.analyse([system], options, progress)))
    start = time.perf_counter()
    if not (np.abs(np.asarray(system.tpm) - system.state) < 1).all(axis=1).any():
        return unreachable(system.state)
    parts = strong_parts(connections(system))
    if len(parts) == 1:
        raise _too_large(system, parts[0], engine)
    cores = ", ".join(_set(part) for part in parts if len(part) > 1) or "none of two nodes or more"
    reason = (
        "Φ is 0 without a search: the connections do not lead from every unit to every other. The strongly connected parts are "
        f"{cores}; give `nodes` to analyse one, or search for the major complex."
    )
    return _zero(engine, start, reason)


def search_complex(system: System, engine: PhiEngine, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
    """Finds the major complex of a system of any size; of one that is too large, in each strongly connected part by itself.

    A subset of nodes that is not strongly connected has Φ = 0, so each complex lies in one strongly connected part. The nodes
    outside of the part are held at their states, as all nodes outside of a subset are.

    Raises:
        TooManyUnitsError: a strongly connected part has more units than the engine accepts.
    """
    if system.n <= engine.max_units or not _parts_decide(options):
        return engine.major_complex(system, options, progress)
    start = time.perf_counter()
    connected = connections(system)
    parts = [part for part in strong_parts(connected) if _may_have_phi(part, connected, options)]
    for part in parts:
        if len(part) > engine.max_units:
            raise _too_large(system, part, engine)
    costs = np.cumsum([0.0] + [engine.seconds(len(part)) for part in parts])
    best = MajorComplex(nodes=(), result=_zero(engine, start, "No subset of the units has Φ > 0."))
    for part, before, after in zip(parts, costs, costs[1:], strict=False):
        report = _share(progress, before / costs[-1], (after - before) / costs[-1])
        found = complex_in_system(engine.major_complex(subsystem(system, part), options, report), part)
        best = max(best, found, key=_rank)
    return best


def _parts_decide(options: PhiOptions) -> bool:
    """Says whether the strong parts decide here: engines of IIT 4.0 look by themselves, PyPhi's concept-style cuts need more."""
    return options.formalism == FORMALISM and options.pyphi.get("SYSTEM_CUTS", "3.0_STYLE") == "3.0_STYLE"


def _may_have_phi(part: tuple[int, ...], connected: Bool[np.ndarray, "node node"], options: PhiOptions) -> bool:
    """Says whether a strongly connected part can hold a complex; one node by itself only by an option of PyPhi."""
    name = "single_micro_nodes_with_selfloops_have_phi"  # PyPhi 2 has it so, PyPhi 1.2 in capitals
    alone = bool(options.pyphi.get(name, options.pyphi.get(name.upper(), False)))
    return len(part) > 1 or (alone and bool(connected[part[0], part[0]]))


def _rank(found: MajorComplex) -> tuple[float, int, tuple[int, ...]]:
    """Returns by what complexes are compared: Φ, then the number of nodes, then the later nodes win, as in PyPhi."""
    phi = found.result.phi if isinstance(found.result, Computed) else 0.0
    return phi, len(found.nodes), found.nodes


def _share(progress: Progress | None, before: float, share: float) -> Progress | None:
    """Returns a function that converts progress within one part to progress of the whole search."""
    return None if progress is None else lambda fraction: progress(before + fraction * share)


def _zero(engine: PhiEngine, start: float, reason: str) -> Computed:
    """Returns a Φ of 0 that needed no search, with the reason."""
    info = EngineInfo(name=engine.name, version=engine.version())
    return Computed(phi=0.0, engine=info, seconds=time.perf_counter() - start, reason=reason)


def _too_large(system: System, part: tuple[int, ...], engine: PhiEngine) -> TooManyUnitsError:
    """Returns the error for a strongly connected part that has more units than the engine accepts, with what the engine says."""
    which = "all its nodes are" if len(part) == system.n else f"its nodes {_set(part)} are"
    said = ""
    if engine.name in BUILT_IN:  # which refuse at once, and say what it would cost
        try:
            next(iter(engine.analyse([system], PhiOptions())), None)
        except TooManyUnitsError as error:
            said = f" The engine says: {error}"
    return TooManyUnitsError(
        f"system of {system.n} nodes: {which} strongly connected ({len(part)} nodes), and engine={engine.name!r} takes up to "
        f"{engine.max_units}. Analyse fewer nodes, with the others as background: compute_phi(system, nodes=[...]).{said}"
    )


def _set(nodes: tuple[int, ...]) -> str:
    return "{" + ", ".join(map(str, nodes)) + "}"
