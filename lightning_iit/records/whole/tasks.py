"""The input of a worker for the measures of a whole layer: its activations in one pass with fixed weights."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from lightning_iit.records.schema import Count, FromOne, Index, Record
from lightning_iit.records.whole.measures import MeasureName

WholeName: TypeAlias = Literal[
    "total_correlation", "total_correlation_pairs", "stochastic_interaction", "phi_star", "phi_g", "phiid", "phiid_ccs"
]
"""What can be asked of a whole layer: a measure, or ΦID of pairs of its units ("phiid" is that by MMI)."""
WHOLE_NAMES: tuple[WholeName, ...] = get_args(WholeName)
"""All of these names."""
MEASURE_NAMES: tuple[MeasureName, ...] = get_args(MeasureName)
"""The names of the measures."""


class WholeSeries(Record, frozen=True, kw_only=True):
    """Holds the activations of a layer in one pass.

    Args:
        units: the recorded units, as indices of the layer.
        width: how many units the layer has.
        lengths: the length of each sequence; empty where samples have no order.
        rows: the rows ``[row, unit]`` of all sequences, one after the other, as the bytes of float32.
        notes: what a reader should know of the pass, in sentences.
        problem: why nothing was recorded; empty where something was.
    """

    units: tuple[Index, ...] = ()
    width: Count = 0
    lengths: tuple[Count, ...] = ()
    rows: bytes = b""
    notes: tuple[str, ...] = ()
    problem: str = ""


class WholeSums(Record, frozen=True, kw_only=True):
    """Holds sums over all samples of a layer in an epoch of training.

    Args:
        units: the summed units, as indices of the layer.
        width: how many units the layer has.
        samples: how many samples were summed.
        left_out: how many more there were, with an activation that was NaN or infinite.
        means: the mean of each unit, as the bytes of float64.
        products: ``[unit, unit]``, the sums of the products of the deviations from the means, as the bytes of float64.
        problem: why nothing was summed; empty where something was.
    """

    units: tuple[Index, ...] = ()
    width: Count = 0
    samples: Count = 0
    left_out: Count = 0
    means: bytes = b""
    products: bytes = b""
    problem: str = ""


class WholeTask(Record, frozen=True, kw_only=True):
    """Holds what a worker computes of a whole layer.

    Args:
        series: the activations.
        names: what is wanted.
        lag: how many steps lie between a past and its present.
        surrogates: how many surrogates the nulls have; 0 for no null.
        searched: whether the null searches the partition anew in each surrogate.
        resamples: how many resamples the intervals have; 0 for no interval.
        seed: the seed of everything that is drawn at random.
        sums: of the epoch, for total correlation of all its samples; None where that was not asked for.
        notes: what a reader should know of what is computed, in sentences.
    """

    series: WholeSeries
    names: tuple[WholeName, ...]
    lag: FromOne = 1
    surrogates: Count = 0
    searched: bool = False
    resamples: Count = 0
    seed: Count = 0
    sums: WholeSums | None = None
    notes: tuple[str, ...] = ()
