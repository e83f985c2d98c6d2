"""What PyPhi 2 computes of IIT 4.0, as records."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from lightning_iit.phi.engine import unreachable
from lightning_iit.phi.pyphi.translation import CutCounter, counting, members
from lightning_iit.phi.pyphi.version2 import configured, reason_of, substrate
from lightning_iit.records.iit4 import Complexes, Distinction, Purview, SpecifiedState, Structure, SystemPhi

if TYPE_CHECKING:
    from types import ModuleType

    from lightning_iit.phi.iit4.systems import Formalism4
    from lightning_iit.records import EngineInfo, PhiOptions, Skipped, System


class Candidate(NamedTuple):
    """Holds a candidate system as PyPhi has it.

    Args:
        pyphi: the module.
        system: PyPhi's ``System``.
        cuts: counts the partitions that PyPhi examines.
        formalism: the version of the theory.
        engine: name and version of the engine.
        start: when the analysis began.
    """

    pyphi: ModuleType
    system: Any
    cuts: CutCounter
    formalism: Formalism4
    engine: EngineInfo
    start: float


def system_phi(
    system: System, nodes: tuple[int, ...], formalism: Formalism4, options: PhiOptions, engine: EngineInfo
) -> SystemPhi | Skipped:
    """Computes φ_s of the candidate system of these nodes; the other nodes are its background."""
    with configured(formalism, options.pyphi) as pyphi:
        found = _candidate(pyphi, system, nodes, formalism, engine)
        return unreachable(system.state) if found is None else _system_phi(found, found.system.sia())


def structure(
    system: System, nodes: tuple[int, ...], formalism: Formalism4, options: PhiOptions, engine: EngineInfo
) -> Structure | Skipped:
    """Computes the structure of the candidate system of these nodes; the other nodes are its background."""
    with configured(formalism, options.pyphi) as pyphi, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", pyphi.warnings.PyPhiWarning)
        found = _candidate(pyphi, system, nodes, formalism, engine)
        if found is None:
            return unreachable(system.state)
        ces = found.system.ces()
        return Structure(
            formalism=formalism,
            system=_system_phi(found, ces.sia),
            distinctions=tuple(_distinction(one) for one in ces.distinctions),
            relations=int(ces.relations.num_relations()),
            sum_phi_distinctions=float(ces.sum_phi_distinctions),
            sum_phi_relations=float(ces.sum_phi_relations),
            reason=" ".join(
                f"PyPhi says: {one.message}." for one in warned if issubclass(one.category, pyphi.warnings.PyPhiWarning)
            ),
            seconds=time.perf_counter() - found.start,
        )


def complexes(system: System, formalism: Formalism4, options: PhiOptions, engine: EngineInfo) -> Complexes | Skipped:
    """Finds the complexes of a system: of PyPhi's subsets of largest φ_s that do not overlap."""
    with configured(formalism, options.pyphi) as pyphi:
        whole = _candidate(pyphi, system, tuple(range(system.n)), formalism, engine)
        if whole is None:
            return unreachable(system.state)
        whole_substrate = whole.system.substrate
        found = [
            _system_phi(whole._replace(system=pyphi.System(whole_substrate, system.state, subset=one.node_indices)), one.sia)
            for one in whole_substrate.complexes(system.state)
        ]
        if not found:
            return Complexes(nodes=(), result=_system_phi(whole, whole.system.sia()))
        return Complexes(nodes=found[0].nodes, result=found[0], others=tuple(found[1:]))


def _candidate(
    pyphi: ModuleType, system: System, nodes: tuple[int, ...], formalism: Formalism4, engine: EngineInfo
) -> Candidate | None:
    """Returns a candidate system; None where no state of the system leads to its current state."""
    start, cuts = time.perf_counter(), CutCounter(0, None)
    try:
        found = counting(pyphi.System, "apply_partition", cuts)(substrate(pyphi, system), system.state, subset=nodes)
    except pyphi.exceptions.StateUnreachableError:
        return None
    return Candidate(pyphi, found, cuts, formalism, engine, start)


def _system_phi(found: Candidate, sia: Any) -> SystemPhi:
    """Translates PyPhi's result into a record."""
    pyphi, iit4 = found.pyphi, found.pyphi.formalism.iit4
    specified = sia.system_state
    if specified is None:  # φ_s is 0 without a search
        measure = pyphi.measures.distribution.resolve_mechanism_measure(pyphi.config.formalism.iit.specification_measure)
        specified = iit4.system_intrinsic_specification(found.system, specification_measure=measure)
    both = tuple(pyphi.Direction.both())
    ii = min(
        value
        for one in both
        for value in (
            float(specified[one].intrinsic_specification),
            float(iit4.intrinsic_differentiation_value(one, found.system, specified[one].state)),
        )
    )
    cause, effect = (_specified(specified[one], getattr(sia, name)) for one, name in zip(both, ("cause", "effect"), strict=True))
    margin = sia.partition_margin
    return SystemPhi(
        formalism=found.formalism,
        nodes=members(found.system.node_indices),
        phi=float(sia.phi),
        signed_phi=float(sia.signed_phi),
        normalized_phi=float(sia.normalized_phi),
        ii=max(0.0, ii),
        cause=cause,
        effect=effect,
        partition=tuple(sorted((int(i), int(j)) for i, j in sia.partition.removed_edges())),
        margin=None if margin is None else float(margin),
        ties=None,
        partitions=found.cuts.count,
        reason=reason_of(sia),
        engine=found.engine,
        seconds=time.perf_counter() - found.start,
    )


def _specified(state: Any, analysis: Any) -> SpecifiedState:
    """Translates a specified state, with its φ at the minimum partition where there was a search."""
    signed = 0.0 if analysis is None else float(analysis.signed_phi)
    return SpecifiedState(
        state=members(state.state),
        intrinsic_information=max(0.0, float(state.intrinsic_specification)),
        phi=max(0.0, signed),
        signed_phi=signed,
        ties=tuple(sorted((members(one.state) for one in state.ties), key=lambda bits: bits[::-1])) or (members(state.state),),
    )


def _distinction(one: Any) -> Distinction:
    """Translates a distinction."""
    return Distinction(mechanism=members(one.mechanism), phi=float(one.phi), cause=_purview(one.cause), effect=_purview(one.effect))


def _purview(one: Any) -> Purview:
    """Translates the cause or the effect of a distinction."""
    return Purview(nodes=members(one.purview), state=members(one.specified_state.state), phi=float(one.phi))
