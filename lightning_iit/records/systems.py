"""The system that an engine analyses, its partition and concepts, and the options of an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal

import msgspec

from lightning_iit.errors import InvalidSystemError
from lightning_iit.records.schema import Record, State


class System(Record, frozen=True, kw_only=True):
    """Holds a candidate system in a state, the input of an engine.

    Args:
        tpm: state-by-node TPM, ``[2**n, n]``: the probability that each node is ON next, rows little-endian. Anything that numpy
            can read as such an array is accepted and kept as nested tuples.
        state: the current state of the n nodes, each 0 or 1, node 0 first.
        cm: connectivity matrix ``[n, n]``; ``cm[i][j] = 1`` if node i has a connection to node j. None connects all to all.
        labels: a name for each node.

    Raises:
        InvalidSystemError: wrong shape, entries that are not probabilities (NaN among them), a state or connectivity matrix that is
            not binary, or a wrong number of labels.
    """

    tpm: tuple[tuple[float, ...], ...]
    state: State
    cm: tuple[tuple[int, ...], ...] | None = None
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Checks the fields and turns them into tuples."""
        set_ = msgspec.structs.force_setattr
        set_(self, "tpm", _checked_tpm(self.tpm))
        n = len(self.tpm[0])
        set_(self, "state", _checked_state(self.state, n))
        if self.cm is not None:
            set_(self, "cm", _checked_cm(self.cm, n))
        if self.labels is not None:
            set_(self, "labels", tuple(str(label) for label in self.labels))
            if len(self.labels) != n:
                msg = f"labels: got {len(self.labels)} for {n} nodes; give one for each node, or None."
                raise InvalidSystemError(msg)

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

    from_nodes: tuple[int, ...]
    to_nodes: tuple[int, ...]


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

    mechanism: tuple[int, ...]
    cause_purview: tuple[int, ...]
    effect_purview: tuple[int, ...]
    cause_phi: float
    effect_phi: float
    cause_repertoire: tuple[float, ...] | None = None
    effect_repertoire: tuple[float, ...] | None = None

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
        complexes: also search all subsets for the major complex.
        threads: threads inside one analysis; more than one pays from 6 units on. A worker pool adds cores that are idle.
        pyphi: further options of PyPhi by PyPhi's names, e.g. ``{"MEASURE": "KLD"}``; they ask for the PyPhi engine.
    """

    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    repertoires: bool = False
    complexes: bool = False
    threads: int = 1
    pyphi: dict[str, bool | int | float | str] = {}


def _rows(value: Any, what: str) -> list[list[Any]]:
    """Returns the rows of a two-dimensional array-like value as lists, or raises InvalidSystemError naming it as ``what``."""
    value = value.tolist() if hasattr(value, "tolist") else value
    try:
        return [list(row.tolist() if hasattr(row, "tolist") else row) for row in value]
    except TypeError as error:
        msg = f"{what}: expected a two-dimensional array, got {type(value).__name__}."
        raise InvalidSystemError(msg) from error


def _checked_tpm(value: Any) -> tuple[tuple[float, ...], ...]:
    """Returns the state-by-node TPM as nested tuples, or raises InvalidSystemError."""
    rows = _rows(value, "tpm")
    n = len(rows[0]) if rows else 0
    if n == 0 or len(rows) != 2**n or any(len(row) != n for row in rows):
        msg = (
            f"tpm: got {len(rows)} rows of {n} entries. A state-by-node TPM of n nodes has 2**n rows of n entries"
            f"{f', here {2**n}' if 0 < n < 20 else ''}; turn a state-by-state matrix into one with `lightning_iit.state_by_node`."
        )
        raise InvalidSystemError(msg)
    for index, row in enumerate(rows):
        for node, entry in enumerate(row):
            if not isinstance(entry, Real) or not 0.0 <= float(entry) <= 1.0:
                msg = f"tpm: entry [{index}, {node}] is {entry!r}; each entry is a probability of being ON, from 0 to 1."
                raise InvalidSystemError(msg)
    return tuple(tuple(float(entry) for entry in row) for row in rows)


def _checked_state(value: Any, n: int) -> State:
    """Returns the state of n nodes as a tuple of 0 and 1, or raises InvalidSystemError."""
    state: Sequence[Any] = value.tolist() if hasattr(value, "tolist") else value
    try:
        bits = tuple(int(bit) for bit in state)
        binary = all(bit in (0, 1) and bit == given for bit, given in zip(bits, state, strict=True))
    except (TypeError, ValueError):
        binary, bits = False, ()
    if not binary or len(bits) != n:
        msg = f"state: got {value!r}; the TPM has {n} nodes, so the state is {n} values of 0 or 1, node 0 first."
        raise InvalidSystemError(msg)
    return bits


def _checked_cm(value: Any, n: int) -> tuple[tuple[int, ...], ...]:
    """Returns the connectivity matrix of n nodes as nested tuples, or raises InvalidSystemError."""
    rows = _rows(value, "cm")
    if len(rows) != n or any(len(row) != n for row in rows) or any(entry not in (0, 1) for row in rows for entry in row):
        msg = f"cm: expected an {n} x {n} matrix of 0 and 1 (cm[i][j] = 1 if node i has a connection to node j), got {rows!r}."
        raise InvalidSystemError(msg)
    return tuple(tuple(int(entry) for entry in row) for row in rows)
