"""The results of IIT 4.0: φ_s of a system, its complexes, and its cause-effect structure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from lightning_iit.checks import whole
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.relations import Bound, atoms, nodes_of, strongest_first
from lightning_iit.records.schema import Count, EngineInfo, Index, PhiValue, Record, Seconds, State

_MOST = whole("give how many relations to list, 1 or more", least=1)


class SpecifiedState(Record, frozen=True, kw_only=True):
    """Holds the cause or the effect that a system specifies.

    Args:
        state: the specified state of the system's nodes.
        intrinsic_information: the intrinsic information of that state, in ibits; the largest of all states.
        phi: φ_c or φ_e, the integrated information at the minimum partition, in ibits; 0 where it needed no search.
        signed_phi: the same before it is set to at least 0: negative where the partition makes the state more probable.
        ties: all states with this intrinsic information, in the order of their little-endian indices.
    """

    state: State
    intrinsic_information: float
    phi: PhiValue
    signed_phi: float
    ties: tuple[State, ...]

    @property
    def words(self) -> str:
        """Returns the state and its numbers in one phrase."""
        state = "".join(map(str, self.state))
        return f"{state}, φ {self.phi:.4g}, intrinsic information {self.intrinsic_information:.4g}"


class SystemPhi(Record, frozen=True, kw_only=True, tag="computed_iit4", tag_field="status"):
    """Holds system integrated information φ_s (IIT 4.0) of a system in its state.

    Args:
        formalism: "iit4-2023" or "iit4-2026".
        nodes: the nodes of the candidate system; all node indices of this result are those of the whole system.
        phi: φ_s, in ibits.
        signed_phi: φ_s before it is set to at least 0. Where φ_s is 0 and partitions tie, it depends on the order of the units.
        normalized_phi: φ_s divided by the number of severed connections.
        ii: intrinsic information of the system, ii(s), in ibits, by Mayner et al. (2026): the smaller of cause and effect, each at
            most its intrinsic differentiation. It caps φ_s of "iit4-2026"; that of "iit4-2023" may be larger.
        cause: the specified cause, with φ_c.
        effect: the specified effect, with φ_e.
        partition: the connections (from, to) that the minimum partition severs; empty where φ_s is 0 without a search.
        margin: how much larger the normalised φ of the second-best partition is, before any cap; None where there is no other one.
        ties: how many other partitions have the same normalised φ as the minimum partition; None where the engine does not say.
        partitions: how many partitions were examined; 0 where φ_s is 0 without a search.
        reason: why φ_s is 0 without a search or in spite of it, or how ties between specified states were settled; otherwise empty.
        engine: the engine that computed.
        seconds: how long the calculation took.
    """

    formalism: str
    nodes: tuple[Index, ...]
    phi: PhiValue
    signed_phi: float
    normalized_phi: PhiValue
    ii: PhiValue
    cause: SpecifiedState
    effect: SpecifiedState
    partition: tuple[tuple[Index, Index], ...] = ()
    margin: PhiValue | None = None
    ties: Count | None = 0
    partitions: Count = 0
    reason: str = ""
    engine: EngineInfo
    seconds: Seconds = 0.0

    def facts(self) -> list[tuple[str, str]]:
        """Returns what a reader sees of this result beside φ_s, as pairs of a name and a text."""
        severed = ", ".join(f"{i} to {j}" for i, j in self.partition)
        engine = f"{self.engine.name} {self.engine.version}, {self.seconds:.3g} s"
        return [
            ("signed φ_s", f"{self.signed_phi:.6g}"),
            ("ii", f"{self.ii:.6g}"),
            ("cause", self.cause.words),
            ("effect", self.effect.words),
            ("partition", f"severs {severed}; {self.partitions} partitions" if severed else ""),
            ("remark", self.reason),
            ("engine", engine),
        ]


class Complexes(Record, frozen=True, kw_only=True):
    """Holds the complexes of a system (IIT 4.0): one after the other, the subset of largest φ_s that overlaps none before it.

    Args:
        nodes: the nodes of the major complex, the subset with the largest φ_s; empty where no subset has φ_s > 0.
        result: φ_s of the major complex; its reason says where it is not unique. Without a complex, φ_s of the whole system, 0.
        others: φ_s of the other complexes, the largest first; they overlap neither the major complex nor each other.
    """

    nodes: tuple[Index, ...]
    result: SystemPhi
    others: tuple[SystemPhi, ...] = ()


class Purview(Record, frozen=True, kw_only=True):
    """Holds the cause or the effect of a mechanism.

    Args:
        nodes: the nodes of the purview.
        state: the specified state of these nodes.
        phi: its integrated information, in ibits.
    """

    nodes: tuple[Index, ...]
    state: State
    phi: PhiValue


class Distinction(Record, frozen=True, kw_only=True):
    """Holds a distinction: a mechanism with its cause and its effect.

    Args:
        mechanism: the nodes of the mechanism.
        phi: φ_d, the smaller φ of cause and effect, in ibits.
        cause: the cause purview with its state.
        effect: the effect purview with its state.
    """

    mechanism: tuple[Index, ...]
    phi: PhiValue
    cause: Purview
    effect: Purview


class Face(Record, frozen=True, kw_only=True):
    """Holds a face of a relation: one way in which purviews of all its distinctions overlap.

    Args:
        purviews: of each distinction of the relation its "cause", its "effect", or "both".
        nodes: the nodes that all these purviews have in common, in the same state.
        state: the state of these nodes.
    """

    purviews: tuple[Literal["cause", "effect", "both"], ...]
    nodes: tuple[Index, ...]
    state: State


class Relation(Record, frozen=True, kw_only=True):
    """Holds a relation: distinctions whose causes or effects have nodes in the same state in common.

    Args:
        distinctions: the distinctions that it binds; a single one where its own cause and effect overlap.
        nodes: the nodes that each of them has in its cause or its effect (of a single one: in both), in the same state. A node is
            there twice where all have it in both states, in one state in their causes and in the other in their effects.
        state: the state of each of these nodes.
        phi: φ_r, in ibits.
    """

    distinctions: tuple[Distinction, ...]
    nodes: tuple[Index, ...]
    state: State
    phi: PhiValue

    @property
    def mechanisms(self) -> tuple[tuple[Index, ...], ...]:
        """Returns the mechanisms of the distinctions."""
        return tuple(one.mechanism for one in self.distinctions)

    def faces(self) -> Iterator[Face]:
        """Yields the faces of the relation; of k distinctions there are up to 3**k."""
        if len(self.distinctions) == 1:
            yield Face(purviews=("both",), nodes=self.nodes, state=self.state)
            return
        n, bounds = _bounds(self.distinctions)
        waiting: list[tuple[tuple[Literal["cause", "effect", "both"], ...], int]] = [((), -1)]
        while waiting:
            purviews, overlap = waiting.pop()
            if len(purviews) == len(bounds):
                nodes, state = nodes_of(overlap, n)
                yield Face(purviews=purviews, nodes=nodes, state=state)
                continue
            one = bounds[len(purviews)]
            if left := overlap & one.cause & one.effect:
                waiting.append(((*purviews, "both"), left))
            if left := overlap & one.effect:
                waiting.append(((*purviews, "effect"), left))
            if left := overlap & one.cause:
                waiting.append(((*purviews, "cause"), left))


class Structure(Record, frozen=True, kw_only=True):
    """Holds the cause-effect structure (Φ-structure, IIT 4.0) of a system in its state.

    Args:
        formalism: "iit4-2023" or "iit4-2026".
        system: φ_s of the system, and the cause and effect states that its distinctions agree with.
        distinctions: the distinctions, by the size of their mechanism.
        relations: how many relations bind the distinctions: sets of two or more with a common purview node in the same state, and
            distinctions whose cause and effect have one. :meth:`relations_among` lists them.
        sum_phi_distinctions: the sum of φ_d, in ibits.
        sum_phi_relations: the sum of φ_r over all relations, in ibits.
        reason: how ties between purviews were settled where there are too many of them to try all; otherwise empty.
        seconds: how long the calculation took.
    """

    formalism: str
    system: SystemPhi
    distinctions: tuple[Distinction, ...]
    relations: Count
    sum_phi_distinctions: PhiValue
    sum_phi_relations: PhiValue
    reason: str = ""
    seconds: Seconds = 0.0

    @property
    def big_phi(self) -> float:
        """Returns Φ, the sum of φ over all distinctions and relations, in ibits."""
        return self.sum_phi_distinctions + self.sum_phi_relations

    def relations_among(self, mechanisms: Iterable[Sequence[int]] | None = None, *, most: int = 1000) -> tuple[Relation, ...]:
        """Lists relations, the one of largest φ_r first; the others are not computed, whose number can be astronomic.

        Args:
            mechanisms: only relations that bind no other distinctions than those of these mechanisms; None for all.
            most: the largest number of relations that are listed.

        Returns:
            The relations, in descending order of φ_r.

        Raises:
            InvalidArgumentError: a mechanism that is none of a distinction, or a wrong ``most``.

        Example:
            >>> from lightning_iit import System, compute_structure
            >>> swap = System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1))
            >>> for one in compute_structure(swap, formalism="iit4-2023").relations_among():
            ...     print(one.mechanisms, one.nodes, one.state, one.phi)
            ((0,),) (1,) (0,) 1.0
            ((1,),) (0,) (1,) 1.0
        """
        _MOST("most", most)
        among = self.distinctions
        if mechanisms is not None:
            wanted = {tuple(sorted(mechanism)) for mechanism in mechanisms}
            among = tuple(one for one in self.distinctions if one.mechanism in wanted)
            if missing := wanted - {one.mechanism for one in among}:
                msg = f"mechanisms: {min(missing)} is no mechanism of a distinction; see `distinctions` of the structure."
                raise InvalidArgumentError(msg)
        n, bounds = _bounds(among)
        listed = []
        for found in itertools.islice(strongest_first(bounds), most):
            nodes, state = nodes_of(found.overlap, n)
            listed.append(Relation(distinctions=tuple(among[at] for at in found.members), nodes=nodes, state=state, phi=found.phi))
        return tuple(listed)


def _bounds(distinctions: Sequence[Distinction]) -> tuple[int, list[Bound]]:
    """Returns for how many nodes the atoms are numbered, and what relations see of the distinctions."""
    n = 1 + max((node for one in distinctions for purview in (one.cause, one.effect) for node in purview.nodes), default=0)
    return n, [Bound(one.phi, *(_atoms(purview, n) for purview in (one.cause, one.effect))) for one in distinctions]


def _atoms(purview: Purview, n: int) -> int:
    """Returns the atoms of a purview."""
    on = sum(bit << node for node, bit in zip(purview.nodes, purview.state, strict=True))
    return atoms(sum(1 << node for node in purview.nodes), on, n)
