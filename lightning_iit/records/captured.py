"""The data captured of a layer in an epoch, and the TPM estimated from these data."""

from __future__ import annotations

from lightning_iit.records.schema import Bit, Bits, Count, Index, Record, Share


class Units(Record, frozen=True, kw_only=True):
    """Holds which units of a layer are analysed, how they were chosen, and how the elements of a state are made of units.

    Args:
        indices: positions in the layer's unit axis; element i of every state belongs to ``indices[i]``.
        width: the number of units in the layer.
        selection: how the units were chosen, such as "variance", "random" or "given".
        seed: the seed of a random choice, None for other choices.
        bits: how many binary elements code a unit. With 2, each unit is in ``indices`` twice in a row, for the two elements of the
            Gray code of its quartiles.
        clusters: for macro units, the units behind each element: element i is computed from the mean of the units in
            ``clusters[i]``, of which ``indices[i]`` is the first. Empty where each element belongs to a single unit.
    """

    indices: tuple[Index, ...]
    width: Count
    selection: str
    seed: int | None = None
    bits: Bits = 1
    clusters: tuple[tuple[Index, ...], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns a name for each element: ``12``, ``12a`` and ``12b`` (two bits), ``12+3`` (the mean of unit 12 and three others).

        Example:
            >>> Units(indices=(12, 12, 40, 40), width=64, selection="variance", bits=2).labels
            ('12a', '12b', '40a', '40b')
        """
        more = [f"+{len(cluster) - 1}" if len(cluster) > 1 else "" for cluster in self.clusters] or [""] * len(self.indices)
        ends = [""] if self.bits == 1 else ["a", "b"]
        return tuple(f"{index}{more[i]}{ends[i % self.bits]}" for i, index in enumerate(self.indices))


class Thresholds(Record, frozen=True, kw_only=True):
    """Holds the thresholds by which activations become states: an element is ON where its unit's activation is above its threshold.

    These are the thresholds that code the states of the record's ``counts``.

    Args:
        values: the threshold of each element.
        strategy: how the thresholds were computed, such as "median", "mean", "zero", a number as text, or "quartiles".
        frozen: whether the thresholds stay the same in all epochs.
        samples: how many rows of activations the thresholds were computed from; 0 where the strategy needs no data.
        upper: an upper threshold for each element, or None: the element is then ON only up to it. Only with two bits: the first
            element of a unit is ON above the median, the second between the first and the third quartile.
    """

    values: tuple[float, ...]
    strategy: str
    frozen: bool
    samples: Count = 0
    upper: tuple[float | None, ...] = ()


class Counts(Record, frozen=True, kw_only=True):
    """Holds transition counts: the stored data from which another TPM can be estimated later.

    Args:
        visits: ``[2**n]``, how often each state was the first of a transition.
        on: ``[2**n, n]``, how often each unit was ON after each state.
        joint: the non-zero entries of the ``[2**n, 2**n]`` transition counts as (from, to, count), sorted; empty for counts whose
            units were drawn one by one.
    """

    visits: tuple[Count, ...]
    on: tuple[tuple[Count, ...], ...]
    joint: tuple[tuple[Count, Count, Count], ...]

    @property
    def transitions(self) -> int:
        """Returns the number of transitions counted."""
        return sum(self.visits)


class Dynamics(Record, frozen=True, kw_only=True):
    """Holds what the tests of Markov order and stationarity, and the resamples of a watched layer, need besides the counts.

    Args:
        triples: (previous, present and next state, how often the three followed each other); None where triples were not counted.
        halves: the counts of the first and of the second half of the transitions; empty where halves were not counted apart.
        parts: the counts, without ``joint``, of consecutive parts of the data, about 64 of an epoch. A sequence belongs to one part
            as a whole. Empty where parts were not counted, or are not stored.
    """

    triples: tuple[tuple[Count, Count, Count, Count], ...] | None = None
    halves: tuple[Counts, ...] = ()
    parts: tuple[Counts, ...] = ()


class TpmRecord(Record, frozen=True, kw_only=True):
    """Holds a stored state-by-node TPM.

    Args:
        state_by_node: ``[2**n, n]``, the probability that each unit is ON next; rows little-endian.
        visited: ``[2**n]``, False for rows that were never visited, which hold the prior only.
        prior: the probability of ON in rows that were never visited.
    """

    state_by_node: tuple[tuple[Share, ...], ...]
    visited: tuple[bool, ...]
    prior: Share


class Perturbation(Record, frozen=True, kw_only=True):
    """Holds how a causal TPM was made: the units were set into each of their states, and the layer made one step.

    ``off``, ``on`` and ``between`` run over the units that were set, which for macro units are all members of the clusters, in
    their order.

    Args:
        background: the source of the input and of the rest of the layer's state: "sampled" (backgrounds drawn from the observed
            ones, the same for each state) or "fixed" (the one observed at the analysed state).
        draws: how many times each state was set, each time in one background.
        observed: ``[2**n]``, how often each state was seen (not set) among the observations from which the backgrounds come.
        off: ``[part][unit]``, the value of a unit set to OFF, for each part of the state that was set (a hidden state, and the cell
            state of an LSTM). With ``bits=2``: the value in its lowest quartile.
        on: ``[part][unit]``, the value of a unit set to ON. With ``bits=2``: the value in its highest quartile.
        seed: the seed of the draws.
        cm: the connectivity matrix without the connections whose weights are zero; None connects all to all.
        between: with ``bits=2``, the values in a unit's second and third quartile, each as ``off`` is; otherwise empty.
        sequences: from how many sequences the backgrounds come; None where not known.
    """

    background: str
    draws: Count
    observed: tuple[Count, ...]
    off: tuple[tuple[float, ...], ...]
    on: tuple[tuple[float, ...], ...]
    seed: int
    cm: tuple[tuple[Bit, ...], ...] | None = None
    between: tuple[tuple[tuple[float, ...], ...], ...] = ()
    sequences: Count | None = None

    @property
    def words(self) -> str:
        """Returns in how many backgrounds each state was set, and from how many sequences these come.

        Example:
            >>> Perturbation(background="sampled", draws=8192, observed=(), off=(), on=(), seed=0, sequences=64).words
            '8,192 backgrounds from 64 sequences'
        """
        said = f"{self.draws:,} background{'' if self.draws == 1 else 's'}"
        return said if self.sequences is None else f"{said} from {self.sequences:,} sequence{'' if self.sequences == 1 else 's'}"
