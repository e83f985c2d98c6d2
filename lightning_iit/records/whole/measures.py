"""The measures of a whole layer, each at the minimum bipartition and between all elements."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lightning_iit.records.schema import Count, FromOne, Index, Kind, PhiValue, Record, Share, Size
from lightning_iit.records.shown.numbers import digits
from lightning_iit.records.whole.pairs import PairsOfUnits

MeasureName: TypeAlias = Literal["total_correlation", "total_correlation_pairs", "stochastic_interaction", "phi_star", "phi_g"]
"""The name of a measure: of units at one time ("total_correlation"), and of units at one time and a later one (all others)."""
SYMBOLS: dict[MeasureName, str] = {
    "total_correlation": "MI1",
    "total_correlation_pairs": "MI",
    "stochastic_interaction": "SI",
    "phi_star": "Φ*",
    "phi_g": "Φ_G",
}
"""The symbol of each measure, as papers have it."""
NullMethod: TypeAlias = Literal["shifts", "sequences", "samples"]
"""How surrogates are drawn."""
Search: TypeAlias = Literal["exhaustive", "queyranne", "heuristic", "as_stochastic_interaction", "given"]
"""How a bipartition was found.

``exhaustive``: all were tried; ``queyranne``: by Queyranne's algorithm, which is exact for this measure; ``heuristic``: by the same
algorithm where it is not exact; ``as_stochastic_interaction``: the one that stochastic interaction has; ``given``: by the caller.
"""
SEARCH_WORDS: dict[Search, str] = {
    "exhaustive": "minimum over all bipartitions",
    "queyranne": "minimum over all bipartitions (Queyranne)",
    "heuristic": "heuristic minimum, an upper bound of the minimum over bipartitions",
    "as_stochastic_interaction": "at the partition of stochastic interaction, an upper bound of the minimum over bipartitions",
    "given": "at the given partition",
}
"""How a value was found, in words."""


class WholeNull(Record, frozen=True, kw_only=True):
    """Holds what a measure is where parts do not act on each other: surrogates in which the parts are shifted against each other.

    Args:
        mean: the mean over surrogates: what of a value is bias.
        upper: their 95 % quantile.
        p: the share of values that are as large as the measured one, itself among them.
        surrogates: how many surrogates were drawn.
        method: "shifts" (each part was rolled along its sequences), "sequences" (the parts of different sequences were combined) or
            "samples" (the same of samples without an order).
        searched: whether the partition was searched anew in each surrogate; else it was that of the data.
    """

    mean: float
    upper: float
    p: Share
    surrogates: FromOne
    method: NullMethod
    searched: bool = False


class WholeInterval(Record, frozen=True, kw_only=True):
    """Holds a basic bootstrap interval of a measure, at the partition of the data.

    Args:
        low: its lower end; 0 where it would be below.
        high: its upper end.
        level: the nominal coverage.
        bias: by how much the resampled values are larger on average than the measured one.
        resamples: how many resamples were drawn.
        block: how many successive pairs of a past and a present were drawn together; 0 where whole sequences were.
        same_partition: in which share of the resamples a search finds the same bipartition; None where that was not asked.
    """

    low: PhiValue
    high: PhiValue
    level: Share = 0.95
    bias: float = 0.0
    resamples: FromOne
    block: Count
    same_partition: Share | None = None


class WholeValue(Record, frozen=True, kw_only=True):
    """Holds the value of a measure at one partition.

    Args:
        value: in nats, as estimated; it is biased upward.
        null: the null; None where none was computed.
        interval: the interval; None where none was computed.
        expected_bias: the bias of independent samples of independent units to first order in nats; None where no formula is known,
            and for exact covariances.
        spread: of Φ_G by how much the searches from several places differ; 0 for other measures.
        beta: of Φ* the exponent at which the mismatched information is largest; None for other measures, and where it is not
            defined.
    """

    value: PhiValue
    null: WholeNull | None = None
    interval: WholeInterval | None = None
    expected_bias: Size | None = None
    spread: Size = 0.0
    beta: float | None = None

    @property
    def excess(self) -> float | None:
        """Returns the value less the mean of its null, in nats: what may be compared between epochs; None without a null."""
        return None if self.null is None else self.value - self.null.mean

    @property
    def outside(self) -> str:
        """Returns why the value lies beside its own interval, in a sentence; empty where it lies inside, or has none."""
        interval = self.interval
        if interval is None or interval.low <= self.value <= interval.high:
            return ""
        side = "below" if self.value < interval.low else "above"
        moved = f"{digits(abs(interval.bias), 3)} {'smaller' if interval.bias < 0 else 'larger'}"
        return (
            f"The value lies {side} its interval: resamples were {moved} on average, and the ends, twice the value less their "
            "quantiles, are corrected for that, the value is not."
        )


class WholeMeasure(Record, frozen=True, kw_only=True):
    """Holds one measure of a whole layer.

    Args:
        name: the measure.
        minimum: its value at a bipartition.
        partition: that bipartition, as indices of the layer's units.
        search: how it was found.
        gap: by how much the second smallest bipartition is larger; None where not all were tried.
        atomic: its value where each element is a part.
    """

    name: MeasureName
    minimum: WholeValue
    partition: tuple[tuple[Index, ...], ...]
    search: Search
    gap: Size | None = None
    atomic: WholeValue

    @property
    def words(self) -> str:
        """Returns the values in a sentence, with how the partition was found."""
        small = min(self.partition, key=len)
        side = f"{{{', '.join(map(str, small))}}}" if len(small) <= 6 else f"{len(small)} units"
        null = self.minimum.null
        value, atomic = digits(self.minimum.value, 4), digits(self.atomic.value, 4)
        less = ""
        if null is not None:
            less = f", {digits(self.minimum.value - null.mean, 4)} above the mean of its null (p {digits(null.p, 3)})"
        return (
            f"{SYMBOLS[self.name]} = {value} nats{less}: {SEARCH_WORDS[self.search]}, {side} against the rest; "
            f"{atomic} nats between all elements"
        )


class DroppedUnit(Record, frozen=True, kw_only=True):
    """Holds a unit that was left out, and why.

    Args:
        unit: the index of the unit in the layer.
        reason: why: it never varied, repeats another unit, or is a linear function of others.
    """

    unit: Index
    reason: str


class WholeEpoch(Record, frozen=True, kw_only=True):
    """Holds total correlation (MI1) of all samples of an epoch of training, with the weights that each step had.

    There is no null and no interval, since only sums over the epoch are kept.

    Args:
        measure: total correlation; None where there is none.
        units: the units that were measured, as indices of the layer.
        dropped: the units that were left out.
        samples: how many samples there were.
        condition: the condition number of the correlations.
        notes: what a reader should know, in sentences.
        refused: why there is no measure; empty where there is one.
    """

    measure: WholeMeasure | None = None
    units: tuple[Index, ...] = ()
    dropped: tuple[DroppedUnit, ...] = ()
    samples: Count = 0
    condition: Size = 1.0
    notes: tuple[str, ...] = ()
    refused: str = ""

    @property
    def words(self) -> str:
        """Returns what was found in sentences."""
        if self.measure is None:
            return self.refused
        said = f"The whole epoch, {self.samples:,} samples while the weights changed: {self.measure.words}."
        return " ".join((said, *self.notes))


class WholeLayer(Record, frozen=True, kw_only=True):
    """Holds the measures of a whole layer: statistics of its activity, which say nothing of causes.

    Args:
        units: the units that were measured, as indices of the layer.
        elements: what is not divided by a partition: single units, or groups of them.
        measures: the measures.
        pairs: what pairs of units have in common; None where that was not asked for.
        dropped: the units that were left out.
        samples: how many pairs of a past and a present (or single samples, where these have no order) were taken.
        sequences: of how many sequences they are.
        lag: how many steps lie between a past and its present; 0 where the samples have no order.
        effective_samples: to how many independent samples these amount (Bartlett): the median over pairs of units; None where the
            samples have no order, or the covariances were given.
        fewest_effective_samples: the smallest over pairs of units.
        condition: the condition number of the correlations.
        information: the mutual information of past and present of all units, in nats; None where samples have no order.
        kind: always "statistical".
        notes: what a reader should know, in sentences.
        refused: why there is no measure; empty where there are some.
        epoch: total correlation of all samples of the epoch; None where that was not asked for.
    """

    units: tuple[Index, ...] = ()
    elements: tuple[tuple[Index, ...], ...] = ()
    measures: tuple[WholeMeasure, ...] = ()
    pairs: PairsOfUnits | None = None
    dropped: tuple[DroppedUnit, ...] = ()
    samples: Count = 0
    sequences: Count = 0
    lag: Count = 1
    effective_samples: Size | None = None
    fewest_effective_samples: Size | None = None
    condition: Size = 1.0
    information: PhiValue | None = None
    kind: Kind = "statistical"
    notes: tuple[str, ...] = ()
    refused: str = ""
    epoch: WholeEpoch | None = None

    @property
    def scalars(self) -> dict[str, float]:
        """Returns the numbers that are logged, by name.

        Of each measure its value at the minimum bipartition (under its own name), ``..._atomic``, and with a null ``..._excess``,
        ``..._p``, ``..._atomic_excess`` and ``..._atomic_p``; ``information``, ``samples``, ``effective_samples``, ``units``; of
        ΦID the means over pairs ``redundancy``, ``synergy`` and ``transfer``, with ``..._excess``. Of the whole epoch
        ``epoch_total_correlation``, ``epoch_total_correlation_atomic`` and ``epoch_samples``.
        """
        found: dict[str, float] = {}
        for one in self.measures:
            for name, value in ((one.name, one.minimum), (f"{one.name}_atomic", one.atomic)):
                found[name] = value.value
                if value.null is not None:
                    found |= {f"{name}_excess": value.value - value.null.mean, f"{name}_p": value.null.p}
        for pair in self.pairs.numbers if self.pairs is not None else ():
            found[pair.name] = pair.mean
            if pair.excess is not None:
                found[f"{pair.name}_excess"] = pair.excess
        numbers = {"information": self.information, "effective_samples": self.effective_samples}
        found |= {name: value for name, value in numbers.items() if value is not None}
        found |= {"samples": float(self.samples), "units": float(len(self.units))} if found else {}
        if self.epoch is not None and (of_epoch := self.epoch.measure) is not None:
            found |= {f"epoch_{of_epoch.name}": of_epoch.minimum.value, f"epoch_{of_epoch.name}_atomic": of_epoch.atomic.value}
            found["epoch_samples"] = float(self.epoch.samples)
        return found

    def __getitem__(self, name: str) -> WholeMeasure:
        """Returns one measure by its name.

        Raises:
            KeyError: it was not computed.
        """
        for measure in self.measures:
            if measure.name == name:
                return measure
        msg = f"{name!r} was not computed; there is {', '.join(repr(one.name) for one in self.measures) or 'no measure'}."
        raise KeyError(msg)
