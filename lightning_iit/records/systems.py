"""The system that an engine analyses, its partition and concepts, and the options of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from lightning_iit.records.schema import FORMALISM, Formalism, Index, PhiValue, Record, Share, State
from lightning_iit.records.system_checks import checked_cm, checked_labels, checked_state, checked_tpm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike


class HasStateByNode(Protocol):
    """Describes an estimated TPM, such as :class:`~lightning_iit.Tpm`."""

    @property
    def state_by_node(self) -> Any:
        """The TPM ``[2**n, n]``."""


class System(Record, frozen=True, kw_only=True):
    """Holds a candidate system in a state, the input of an engine.

    Args:
        tpm: state-by-node TPM, ``[2**n, n]``: the probability that each node is ON next, rows little-endian; or ``[2] * n + [n]``
            with one axis for each node, as PyPhi's ``network.tpm``; or a :class:`~lightning_iit.Tpm`. Anything that numpy can read
            as such an array is accepted and kept as nested tuples ``[2**n, n]``. An entry that rounding took outside of 0 to 1, by
            at most 0.001 (one step of float16), is taken as 0 or 1.
        state: the current state of the n nodes, each 0 or 1, node 0 first.
        cm: connectivity matrix ``[n, n]``; ``cm[i][j] = 1`` if node i has a connection to node j. None connects all to all.
        labels: a name for each node, each another one.

    Raises:
        InvalidSystemError: wrong shape, units of more than two states, entries that are not probabilities (NaN among them), a state
            or connectivity matrix that is not binary, a wrong number of labels, or a label that two nodes have.
    """

    tpm: tuple[tuple[float, ...], ...]
    state: State
    cm: tuple[tuple[int, ...], ...] | None = None
    labels: tuple[str, ...] | None = None

    if TYPE_CHECKING:  # what is accepted is more than what is kept

        def __init__(
            self,
            *,
            tpm: ArrayLike | HasStateByNode,
            state: ArrayLike,
            cm: ArrayLike | None = None,
            labels: Iterable[str] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Checks the fields and turns them into tuples."""
        set_ = msgspec.structs.force_setattr
        set_(self, "tpm", checked_tpm(self.tpm))
        n = len(self.tpm[0])
        set_(self, "state", checked_state(self.state, n))
        if self.cm is not None:
            set_(self, "cm", checked_cm(self.cm, n))
        if self.labels is not None:
            set_(self, "labels", checked_labels(self.labels, n))

    @property
    def n(self) -> int:
        """Returns the number of nodes."""
        return len(self.state)


class Cut(Record, frozen=True, kw_only=True):
    """Holds a directed bipartition of a system, whose connections from one part to the other are severed (replaced by noise).

    Args:
        from_nodes: the nodes where the severed connections start.
        to_nodes: the nodes where the severed connections end.
    """

    from_nodes: tuple[Index, ...]
    to_nodes: tuple[Index, ...]

    def __str__(self) -> str:
        """Returns the severed connections as an arrow, such as "{0} -/-> {1, 2}"."""
        return f"{braces(self.from_nodes)} -/-> {braces(self.to_nodes)}"


class Concept(Record, frozen=True, kw_only=True):
    """Holds a mechanism with its maximally irreducible cause and effect; nodes are indices of the system.

    Args:
        mechanism: the nodes of the mechanism.
        cause_purview: the nodes of the past state that the mechanism constrains most irreducibly.
        effect_purview: the nodes of the next state that the mechanism constrains most irreducibly.
        cause_phi: small φ of the cause, by default in units of the Hamming earth mover's distance.
        effect_phi: small φ of the effect, in the same units.
        cause_repertoire: the probabilities of the cause purview's states, little-endian (the first purview node changes fastest);
            only there where the options request repertoires.
        effect_repertoire: the same for the effect purview.
    """

    mechanism: tuple[Index, ...]
    cause_purview: tuple[Index, ...]
    effect_purview: tuple[Index, ...]
    cause_phi: PhiValue
    effect_phi: PhiValue
    cause_repertoire: tuple[Share, ...] | None = None
    effect_repertoire: tuple[Share, ...] | None = None

    @property
    def phi(self) -> float:
        """Returns small φ of the concept: the smaller of cause and effect."""
        return min(self.cause_phi, self.effect_phi)


class PhiOptions(Record, frozen=True, kw_only=True):
    """Holds the options of an analysis of Φ.

    Args:
        cuts: "all" directed bipartitions, or "one": only cuts that separate a single node from the rest (PyPhi's
            CUT_ONE_APPROXIMATION).
        new_concepts: False assumes that cuts cannot create concepts (PyPhi's ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS).
        repertoires: keep both repertoires of each concept in the result.
        ties: also find out whether Φ depends on ties (``phi_margin``, ``tied_purviews`` and ``phi_jitter`` of the result).
        complexes: also search all subsets for the major complex.
        threads: threads inside one analysis; more than one pays from 6 units on, by IIT 4.0 from 8. A worker pool adds idle cores.
        pyphi: further options of PyPhi by PyPhi's names, e.g. ``{"MEASURE": "KLD"}``; they ask for the PyPhi engine.
        formalism: the version of the theory: "iit3", "iit4-2023" or "iit4-2026".
        nodes: the nodes of the candidate system, ascending, with the other nodes as background; None for all nodes.
    """

    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    repertoires: bool = False
    ties: bool = False
    complexes: bool = False
    threads: int = 1
    pyphi: dict[str, bool | int | float | str] = {}
    formalism: Formalism = FORMALISM
    nodes: tuple[Index, ...] | None = None


def braces(nodes: tuple[int, ...]) -> str:
    """Returns node indices in braces.

    Example:
        >>> braces((0, 2))
        '{0, 2}'
    """
    return "{" + ", ".join(map(str, nodes)) + "}"
