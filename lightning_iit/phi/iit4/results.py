"""What the calculations of IIT 4.0 give."""

from __future__ import annotations

from lightning_iit.records.schema import Count, Index, PhiValue, Record, Seconds, State


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


class SystemPhi(Record, frozen=True, kw_only=True):
    """Holds system integrated information φ_s (IIT 4.0) of a system in its state.

    Args:
        formalism: "iit4-2023" or "iit4-2026".
        nodes: the nodes of the candidate system; all node indices of this result are those of the whole system.
        phi: φ_s, in ibits.
        signed_phi: φ_s before it is set to at least 0.
        normalized_phi: φ_s divided by the number of severed connections.
        ii: intrinsic information of the system, ii(s), in ibits; it caps φ_s of "iit4-2026".
        cause: the specified cause, with φ_c.
        effect: the specified effect, with φ_e.
        partition: the connections (from, to) that the minimum partition severs; empty where φ_s is 0 without a search.
        margin: how much larger the normalised φ of the second-best partition is, before any cap; None where there is no other one.
        ties: how many other partitions have the same normalised φ as the minimum partition.
        partitions: how many partitions there are; 0 where φ_s is 0 without a search.
        reason: why φ_s is 0 without a search or in spite of it, or how ties between specified states were settled; otherwise empty.
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
    ties: Count = 0
    partitions: Count = 0
    reason: str = ""
    seconds: Seconds = 0.0


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


class Structure(Record, frozen=True, kw_only=True):
    """Holds the cause-effect structure (Φ-structure, IIT 4.0) of a system in its state.

    Args:
        formalism: "iit4-2023" or "iit4-2026".
        system: φ_s of the system, and the cause and effect states that its distinctions agree with.
        distinctions: the distinctions, by the size of their mechanism.
        relations: how many relations bind the distinctions: sets of two or more with a common purview node in the same state, and
            distinctions whose cause and effect have one.
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
