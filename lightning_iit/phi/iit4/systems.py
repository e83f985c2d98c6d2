"""System integrated information φ_s (equations 1 to 23 of Albantakis et al. 2023, and 4 to 23 of Mayner et al. 2026)."""

from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from lightning_iit.errors import TooManyUnitsError
from lightning_iit.phi.engine import own_engine, unreachable
from lightning_iit.phi.iit4.candidate import Candidate, candidate, frame, tpm_of
from lightning_iit.phi.iit4.distinctions import Distinctions, distinctions, mechanisms
from lightning_iit.phi.iit4.intrinsic import Specified, specified
from lightning_iit.phi.iit4.partitions import losses
from lightning_iit.phi.iit4.search import Minimum, minimum, ranked
from lightning_iit.phi.iit4.tolerance import TOLERANCE, equal
from lightning_iit.records.iit4 import SpecifiedState, SystemPhi
from lightning_iit.records.results import Partitions, RankedPartition

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lightning_iit.records import Skipped, System

Formalism4: TypeAlias = Literal["iit4-2023", "iit4-2026"]
CAPPED: Formalism4 = "iit4-2026"
"""The formalism whose φ_s is at most the intrinsic information of the system."""
MAX_UNITS = 10
"""The largest number of units of a candidate system."""
MAX_STRUCTURE_UNITS = 6
"""The largest number of units of a candidate system whose structure is computed."""


class Pair(NamedTuple):
    """Holds what a pair of specified cause and effect gives.

    Args:
        cause: the index of the cause state.
        effect: the index of the effect state.
        ii: the intrinsic information of the system.
        signed: φ_s before it is set to at least 0; with the cap where the formalism has one.
        minimum: the minimum partition; None where φ_s is 0 without a search.
    """

    cause: int
    effect: int
    ii: float
    signed: float = 0.0
    minimum: Minimum | None = None


_REDUCIBLE = "φ_s is 0: the minimum partition loses nothing, so the units are reducible."
_NO_INFORMATION = "φ_s is 0: the intrinsic information of the units is 0, and φ_s of this version is at most that."


class Searched(NamedTuple):
    """Holds what the analyses of a candidate system by both formalisms have in common.

    Args:
        system: the candidate system.
        cause: its specified cause.
        effect: its specified effect.
        pairs: each pair of tied cause and effect states, without the cap; one pair where there was no search.
        reason: why φ_s is 0 whatever the partitions are; empty where they were searched.
    """

    system: Candidate
    cause: Specified
    effect: Specified
    pairs: tuple[Pair, ...]
    reason: str = ""


class Analysis(NamedTuple):
    """Holds the analysis of a candidate system.

    Args:
        system: the candidate system.
        cause: its specified cause.
        effect: its specified effect.
        pair: the pair of states that counts.
        phi: φ_s.
        reason: why φ_s is 0, or how ties between pairs were settled; otherwise empty.
    """

    system: Candidate
    cause: Specified
    effect: Specified
    pair: Pair
    phi: float
    reason: str = ""

    @property
    def signed(self) -> float:
        """Returns φ_s before it is set to at least 0; 0 where the system's state is not unique."""
        return self.pair.signed if self.phi > 0 or self.pair.signed <= 0 else 0.0


def system_phi(
    system: System, nodes: tuple[int, ...], formalism: Formalism4, tpm: NDArray[np.float64] | None = None, *, threads: int = 1
) -> SystemPhi | Skipped:
    """Computes φ_s of the candidate system of these nodes; the other nodes are its background.

    Args:
        system: TPM, state and connectivity of all nodes.
        nodes: the nodes of the candidate system, ascending.
        formalism: the version of the theory.
        tpm: ``system.tpm`` as an array; None makes one.
        threads: how many threads search the partitions, from 8 nodes on.

    Returns:
        φ_s; ``Skipped`` where no state of the system leads to the current one.

    Raises:
        TooManyUnitsError: more than 10 nodes.
    """
    start = time.perf_counter()
    check_size(nodes, MAX_UNITS, "φ_s")
    found = candidate(frame(tpm_of(system) if tpm is None else tpm, system.cm, nodes), system.state)
    return unreachable(system.state) if found is None else result(settled(searched(found, threads), formalism), formalism, start)


def best_partitions(system: System, nodes: tuple[int, ...], formalism: Formalism4, k: int) -> Partitions | Skipped:
    """Finds the k best partitions of a candidate system, for the pair of specified states that counts.

    Raises:
        TooManyUnitsError: more than 10 nodes.
    """
    start = time.perf_counter()
    check_size(nodes, MAX_UNITS, "φ_s")
    found = candidate(frame(tpm_of(system), system.cm, nodes), system.state)
    if found is None:
        return unreachable(system.state)
    of = settled(searched(found), formalism)
    most = of.pair.ii if formalism == CAPPED else math.inf
    best, number = ([], 0) if of.pair.minimum is None else ranked(*_losses(of), min(k, of.pair.minimum.evaluated))
    return Partitions(
        formalism=formalism,
        partitions=tuple(_ranked(one, nodes, most) for one in best),
        number=number,
        reason=of.reason,
        engine=own_engine(),
        seconds=time.perf_counter() - start,
    )


def _losses(of: Analysis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the losses of the specified cause and effect of an analysis."""
    system, pair = of.system, of.pair
    return (
        losses(system.causes, pair.cause, system.state, float(of.cause.weights[pair.cause])),
        losses(system.effects, system.state, pair.effect, float(of.effect.weights[pair.effect])),
    )


def _ranked(one: Minimum, nodes: tuple[int, ...], most: float) -> RankedPartition:
    """Builds the record of one of the best partitions; φ_s is at most ``most``."""
    signed = min(one.signed, most)
    return RankedPartition(
        phi=max(0.0, signed),
        severed=tuple((nodes[i], nodes[j]) for i, j in one.severed),
        signed_phi=signed,
        normalized_phi=max(0.0, signed) / len(one.severed),
    )


def check_size(nodes: tuple[int, ...], most: int, what: str) -> None:
    """Raises TooManyUnitsError where a candidate system has more than ``most`` nodes."""
    if len(nodes) > most:
        msg = f"candidate system of {len(nodes)} nodes: {what} of IIT 4.0 is computed for up to {most}; analyse fewer units."
        raise TooManyUnitsError(msg)


def searched(system: Candidate, threads: int = 1) -> Searched:
    """Finds the minimum partition of each pair of tied cause and effect states."""
    cause, effect = specified(system)
    if reason := _without_a_search(system, cause, effect):
        first = Pair(cause.states[0], effect.states[0], _ii(cause, effect, cause.states[0], effect.states[0]))
        return Searched(system, cause, effect, (first,), reason)
    return Searched(system, cause, effect, _pairs(system, cause, effect, threads))


def settled(found: Searched, formalism: Formalism4) -> Analysis:
    """Computes φ_s by a formalism; of tied pairs of states the one with the largest φ_s counts, then the one with the largest Φ."""
    system, cause, effect, pairs, reason = found
    if reason:
        return Analysis(system, cause, effect, pairs[0], 0.0, reason)
    if formalism == CAPPED:
        pairs = tuple(pair._replace(signed=min(pair.signed, pair.ii)) for pair in pairs)
    most = max(0.0, *(pair.signed for pair in pairs))
    best = [pair for pair in pairs if equal(max(0.0, pair.signed), most)]
    if most <= TOLERANCE:
        why = _NO_INFORMATION if any(pair.signed > TOLERANCE for pair in found.pairs) else _REDUCIBLE
        return Analysis(system, cause, effect, best[0], 0.0, f"{why} {_first_of(best)}".strip())
    if len(best) == 1:
        return Analysis(system, cause, effect, best[0], best[0].signed)
    if system.n > MAX_STRUCTURE_UNITS:
        why = (
            f"{len(best)} pairs of cause and effect state have this φ_s. The first one is given: the structures that would decide "
            f"are computed for up to {MAX_STRUCTURE_UNITS} units."
        )
        return Analysis(system, cause, effect, best[0], best[0].signed, why)
    return _settled_by_structures(Analysis(system, cause, effect, best[0], best[0].signed), best)


def _without_a_search(system: Candidate, cause: Specified, effect: Specified) -> str:
    """Returns why φ_s is 0 whatever the partitions are; otherwise empty."""
    if not system.whole:
        if system.n == 1:
            return "φ_s is 0 without a search: the only unit has no connection to itself."
        return "φ_s is 0 without a search: the connections do not lead from every unit to every other."
    missing = " and ".join(name for name, one in (("cause", cause), ("effect", effect)) if not one.exists)
    return f"φ_s is 0 without a search: the system specifies no {missing}." if missing else ""


def _first_of(pairs: Sequence[Pair]) -> str:
    """Returns in a sentence that the first of several pairs with φ_s = 0 was taken; empty for a single pair."""
    if len(pairs) == 1:
        return ""
    return f"{len(pairs)} pairs of cause and effect state tie, all with φ_s = 0; the first one was taken."


def _pairs(system: Candidate, cause: Specified, effect: Specified, threads: int) -> tuple[Pair, ...]:
    """Computes φ_s of each pair of tied cause and effect states, without the cap."""
    of_causes = {at: losses(system.causes, at, system.state, float(cause.weights[at])) for at in cause.states}
    of_effects = {at: losses(system.effects, system.state, at, float(effect.weights[at])) for at in effect.states}
    pairs = []
    for c, e in itertools.product(cause.states, effect.states):
        found = minimum(of_causes[c], of_effects[e], threads)
        pairs.append(Pair(c, e, _ii(cause, effect, c, e), found.signed, found))
    return tuple(pairs)


def _ii(cause: Specified, effect: Specified, cause_state: int, effect_state: int) -> float:
    """Returns the intrinsic information of the system (equation 13 of Mayner et al. 2026)."""
    of_cause = min(cause.information, cause.differentiation(cause_state))
    return max(0.0, min(of_cause, effect.information, effect.differentiation(effect_state)))


def _settled_by_structures(tied: Analysis, pairs: Sequence[Pair]) -> Analysis:
    """Settles pairs with the same φ_s by the Φ of their structures; φ_s is 0 where that leaves structures that differ."""
    system = tied.system
    found = mechanisms(system)
    structures = [distinctions(found, system.n, pair.cause, pair.effect) for pair in pairs]
    most = max(structure.big_phi for structure in structures)
    best = [(pair, one) for pair, one in zip(pairs, structures, strict=True) if equal(one.big_phi, most)]
    pair, first = best[0]
    if all(_are_alike(first, other, system.n) for _, other in best[1:]):
        why = f"{len(pairs)} pairs of cause and effect state have this φ_s; the one whose structure has the largest Φ was taken."
        return tied._replace(pair=pair, phi=pair.signed, reason=why)
    why = f"φ_s is 0: the system's state is not unique, since {len(best)} pairs of cause and effect state have the same φ_s and Φ."
    return tied._replace(pair=pair, phi=0.0, reason=why)


def _are_alike(one: Distinctions, other: Distinctions, n: int) -> bool:
    """Says whether two structures are the same up to renaming the units."""
    if len(one.chosen) != len(other.chosen):
        return False
    wanted = _described(one, tuple(range(n)))
    return any(_same(wanted, _described(other, names)) for names in itertools.permutations(range(n)))


_Description: TypeAlias = list[tuple[tuple[int, ...], float, float]]


def _described(structure: Distinctions, names: tuple[int, ...]) -> _Description:
    """Returns the distinctions in order, with units renamed: all sets of nodes and both φ."""

    def renamed(nodes: int) -> int:
        return sum(1 << names[node] for node in range(len(names)) if nodes >> node & 1)

    return sorted(
        (
            tuple(map(renamed, (one.mechanism, one.cause.purview, one.cause.state, one.effect.purview, one.effect.state))),
            one.cause.phi,
            one.effect.phi,
        )
        for one in structure.chosen
    )


def _same(one: _Description, other: _Description) -> bool:
    """Says whether two descriptions have the same nodes, and φ that are equal."""
    return all(a[0] == b[0] and equal(a[1], b[1]) and equal(a[2], b[2]) for a, b in zip(one, other, strict=True))


def result(found: Analysis, formalism: Formalism4, start: float) -> SystemPhi:
    """Builds the result of an analysis, with node indices of the whole system."""
    system, pair, nodes = found.system, found.pair, found.system.nodes
    mip = pair.minimum
    severed = () if mip is None else tuple((nodes[i], nodes[j]) for i, j in mip.severed)
    return SystemPhi(
        formalism=formalism,
        nodes=nodes,
        phi=found.phi,
        signed_phi=found.signed,
        normalized_phi=found.phi / len(severed) if severed else 0.0,
        ii=pair.ii,
        cause=_specified_state(system, found.cause, pair.cause, 0.0 if mip is None else mip.cause),
        effect=_specified_state(system, found.effect, pair.effect, 0.0 if mip is None else mip.effect),
        partition=severed,
        margin=None if mip is None else mip.margin,
        ties=0 if mip is None else mip.ties,
        partitions=0 if mip is None else mip.evaluated,
        reason=found.reason,
        engine=own_engine(),
        seconds=time.perf_counter() - start,
    )


def _specified_state(system: Candidate, one: Specified, state: int, phi: float) -> SpecifiedState:
    """Builds the record of a specified cause or effect."""
    return SpecifiedState(
        state=system.state_of(state),
        intrinsic_information=max(0.0, one.information),
        phi=max(0.0, phi),
        signed_phi=phi,
        ties=tuple(map(system.state_of, one.states)),
    )
