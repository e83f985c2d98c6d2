"""What is captured of a layer in an epoch, and the TPM that is estimated from it."""

from __future__ import annotations

from lightning_iit.records.schema import Record


class Units(Record, frozen=True, kw_only=True):
    """Which units of a layer are analysed, how they were chosen, and how the elements of a state are made of them.

    ``indices`` are positions in the layer's unit axis of ``width`` units; element i of every state is ``indices[i]``. With
    ``bits=2`` each unit is there twice in a row, for the two elements of the Gray code of its quartiles. Element i of macro
    units is that of the mean of the units in ``clusters[i]``, and ``indices[i]`` is the first of them.
    """

    indices: tuple[int, ...]
    width: int
    selection: str
    seed: int | None = None
    bits: int = 1
    clusters: tuple[tuple[int, ...], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each element: ``12``; ``12a`` and ``12b`` of one unit; ``12+3`` for the mean of unit 12 and 3 others."""
        more = [f"+{len(cluster) - 1}" if len(cluster) > 1 else "" for cluster in self.clusters] or [""] * len(self.indices)
        ends = [""] if self.bits == 1 else ["a", "b"]
        return tuple(f"{index}{more[i]}{ends[i % self.bits]}" for i, index in enumerate(self.indices))


class Thresholds(Record, frozen=True, kw_only=True):
    """An element is ON where its unit's activation is greater than its value here and, where it has an upper one, not above that.

    Those that code the states of the record's ``counts``. An upper one is there with ``bits=2``: the first element of a unit is
    ON above the median, the second between the first and the third quartile.
    """

    values: tuple[float, ...]
    strategy: str
    frozen: bool
    samples: int = 0
    upper: tuple[float | None, ...] = ()


class Counts(Record, frozen=True, kw_only=True):
    """Transition counts: the unit of truth, from which another TPM can be estimated later.

    Args:
        visits: ``[2**n]``, how often each state was the first of a transition.
        on: ``[2**n, n]``, how often each unit was ON after each state.
        joint: the non-zero entries of the ``[2**n, 2**n]`` transition counts as (from, to, count), sorted.
    """

    visits: tuple[int, ...]
    on: tuple[tuple[int, ...], ...]
    joint: tuple[tuple[int, int, int], ...]

    @property
    def transitions(self) -> int:
        """The number of transitions counted."""
        return sum(self.visits)


class Dynamics(Record, frozen=True, kw_only=True):
    """What the tests of Markov order and stationarity need beside the counts.

    Args:
        triples: (previous, present and next state, how often they followed each other); None where they were not counted.
        halves: the counts of the first and of the second half of the transitions; empty where they were not counted apart.
    """

    triples: tuple[tuple[int, int, int, int], ...] | None = None
    halves: tuple[Counts, ...] = ()


class TpmRecord(Record, frozen=True, kw_only=True):
    """The state-by-node TPM, ``[2**n, n]``, little-endian; rows where ``visited`` is False hold the prior only."""

    state_by_node: tuple[tuple[float, ...], ...]
    visited: tuple[bool, ...]
    prior: float


class Perturbation(Record, frozen=True, kw_only=True):
    """How a causal TPM was made: units were set into each of their states, and the layer made one step.

    ``off`` and ``on`` are the values that each unit was set to, for each part of the state that was set (a hidden state, and the
    cell state of an LSTM). The rest of the state and the input came from ``draws`` observed backgrounds, the same for each state
    ("sampled"), or from the one that was observed at the analysed state ("fixed"). ``observed`` counts how often each state was
    seen, not set, where the backgrounds come from. ``cm`` is the connectivity that weights of zero leave, or None for all to all.

    Where elements are not units, ``off`` and ``on`` run over the units that were set: all those of the clusters, in their order;
    with ``bits=2`` they are the values in a unit's lowest and highest quartile, and ``between`` has those in the second and third.
    """

    background: str
    draws: int
    observed: tuple[int, ...]
    off: tuple[tuple[float, ...], ...]
    on: tuple[tuple[float, ...], ...]
    seed: int
    cm: tuple[tuple[int, ...], ...] | None = None
    between: tuple[tuple[tuple[float, ...], ...], ...] = ()
