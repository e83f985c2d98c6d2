"""Complexes: of all subsets of the units the one with the largest φ_s, then the next one that does not overlap it, and so on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.phi.iit4.candidate import tpm_of
from lightning_iit.phi.iit4.structures import structure
from lightning_iit.phi.iit4.systems import MAX_STRUCTURE_UNITS, MAX_UNITS, Formalism4, check_size, system_phi
from lightning_iit.phi.iit4.tolerance import equal
from lightning_iit.records import Skipped
from lightning_iit.records.iit4 import Complexes, SystemPhi
from lightning_iit.records.systems import braces

if TYPE_CHECKING:
    from lightning_iit.records import System

_SHOWN = 6
"""The number of complexes with equal φ_s that are named in words."""


def complexes(system: System, formalism: Formalism4, threads: int = 1) -> Complexes | Skipped:
    """Finds the major complex, and then the complexes that overlap neither it nor each other (the postulate of exclusion).

    Args:
        system: TPM, state and connectivity of all nodes.
        formalism: the version of the theory.
        threads: how many threads search the partitions of a subset of 8 nodes or more.

    Returns:
        The complexes; ``Skipped`` where no state of the system leads to the current one.

    Raises:
        TooManyUnitsError: more than 10 nodes.
    """
    everything = tuple(range(system.n))
    check_size(everything, MAX_UNITS, "the major complex")
    tpm = tpm_of(system)
    whole = system_phi(system, everything, formalism, tpm, threads=threads)
    if isinstance(whole, Skipped):
        return whole
    subsets = itertools.chain.from_iterable(itertools.combinations(everything, size) for size in range(1, system.n))
    found = [whole, *(system_phi(system, nodes, formalism, tpm, threads=threads) for nodes in subsets)]
    left = [one for one in found if isinstance(one, SystemPhi) and one.phi > 0]
    chosen: list[SystemPhi] = []
    while left:
        best = _best(system, left, formalism)
        chosen.append(best)
        left = [one for one in left if not _overlap(one, best)]
    if not chosen:
        none = msgspec.structs.replace(whole, reason=f"No subset of the units has φ_s > 0. {whole.reason}".strip())
        return Complexes(nodes=(), result=none)
    return Complexes(nodes=chosen[0].nodes, result=chosen[0], others=tuple(chosen[1:]))


def _best(system: System, candidates: list[SystemPhi], formalism: Formalism4) -> SystemPhi:
    """Returns the candidate with the largest φ_s; of equal ones the larger one, then the one with the larger Φ, else the first."""
    most = max(one.phi for one in candidates)
    tied = [one for one in candidates if equal(one.phi, most)]
    size = max(len(one.nodes) for one in tied)
    tied = sorted((one for one in tied if len(one.nodes) == size), key=lambda one: one.nodes)
    if size <= MAX_STRUCTURE_UNITS and any(_overlap(*two) for two in itertools.combinations(tied, 2)):
        phis = [_big_phi(system, one, formalism) for one in tied]
        tied = [one for one, phi in zip(tied, phis, strict=True) if equal(phi, max(phis))]
    rivals = [one.nodes for one in tied[1:] if _overlap(one, tied[0])]
    if not rivals:
        return tied[0]
    same = "φ_s, size and Φ" if size <= MAX_STRUCTURE_UNITS else "φ_s and size"
    shown = ", ".join(map(braces, rivals[:_SHOWN])) + ", ..." * (len(rivals) > _SHOWN)
    said = f"This complex is not unique: {len(rivals)} that overlap it have the same {same} ({shown})."
    return msgspec.structs.replace(tied[0], reason=f"{said} {tied[0].reason}".strip())


def _big_phi(system: System, one: SystemPhi, formalism: Formalism4) -> float:
    """Returns Φ of a candidate."""
    found = structure(system, one.nodes, formalism)
    assert not isinstance(found, Skipped)  # the state can be reached, or there were no candidates
    return found.big_phi


def _overlap(one: SystemPhi, other: SystemPhi) -> bool:
    """Says whether two candidates have a node in common."""
    return not set(one.nodes).isdisjoint(other.nodes)
