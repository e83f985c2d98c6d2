"""The cause-effect structure of a candidate system: distinctions, the sum of their relations, and Φ."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from lightning_iit.phi.engine import unreachable
from lightning_iit.phi.iit4.candidate import Candidate, candidate, frame, tpm_of
from lightning_iit.phi.iit4.distinctions import MOST_COMBINATIONS, Chosen, Reading, distinctions, mechanisms, members
from lightning_iit.phi.iit4.systems import MAX_STRUCTURE_UNITS, Formalism4, check_size, result, searched, settled
from lightning_iit.records.iit4 import Distinction, Purview, Structure
from lightning_iit.records.relations import number_of_relations

if TYPE_CHECKING:
    from lightning_iit.records import Skipped, System


def structure(system: System, nodes: tuple[int, ...], formalism: Formalism4) -> Structure | Skipped:
    """Computes the structure of the candidate system of these nodes; the other nodes are its background.

    Args:
        system: TPM, state and connectivity of all nodes.
        nodes: the nodes of the candidate system, ascending.
        formalism: the version of the theory.

    Returns:
        The structure; ``Skipped`` where no state of the system leads to the current one.

    Raises:
        TooManyUnitsError: more than 6 nodes.
    """
    start = time.perf_counter()
    check_size(nodes, MAX_STRUCTURE_UNITS, "the structure")
    found = candidate(frame(tpm_of(system), system.cm, nodes), system.state)
    if found is None:
        return unreachable(system.state)
    analysis = settled(searched(found), formalism)
    chosen, relations, complete = distinctions(mechanisms(found), found.n, analysis.pair.cause, analysis.pair.effect)
    ties = f"More than {MOST_COMBINATIONS} combinations of tied purviews: not all were tried, and a larger Φ is possible."
    return Structure(
        formalism=formalism,
        system=result(analysis, formalism, start),
        distinctions=tuple(_distinction(found, one) for one in chosen),
        relations=number_of_relations([one.bound(found.n) for one in chosen]),
        sum_phi_distinctions=math.fsum(one.phi for one in chosen),
        sum_phi_relations=relations,
        reason="" if complete else ties,
        seconds=time.perf_counter() - start,
    )


def _distinction(system: Candidate, one: Chosen) -> Distinction:
    """Builds the record of a distinction, with node indices of the whole system."""
    return Distinction(
        mechanism=_named(system, one.mechanism), phi=one.phi, cause=_purview(system, one.cause), effect=_purview(system, one.effect)
    )


def _purview(system: Candidate, reading: Reading) -> Purview:
    """Builds the record of a cause or an effect."""
    state = tuple(reading.state >> node & 1 for node in members(reading.purview))
    return Purview(nodes=_named(system, reading.purview), state=state, phi=reading.phi)


def _named(system: Candidate, nodes: int) -> tuple[int, ...]:
    """Returns the indices in the whole system of a set of nodes."""
    return tuple(system.nodes[node] for node in members(nodes))
