"""Measures of a whole layer, from a series of its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_iit.checks import as_whole, refused
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.whole.measures import WholeLayer
from lightning_iit.whole.elements import elements_of
from lightning_iit.whole.intervals import block_of, resampled
from lightning_iit.whole.measured import Measured
from lightning_iit.whole.notes import notes_on_series, notes_on_values
from lightning_iit.whole.nulls import judged
from lightning_iit.whole.prepared import Prepared, prepared
from lightning_iit.whole.sampling.usable import check_condition
from lightning_iit.whole.unit_pairs import pairs_judged, pairs_of_units
from lightning_iit.whole.values.covariances import Covariances
from lightning_iit.whole.values.determinants import information
from lightning_iit.whole.values.measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.records.whole.measures import MeasureName
    from lightning_iit.records.whole.pairs import Redundancy


def whole_layer(
    activations: Any,
    *,
    measures: Sequence[MeasureName] | None = None,
    partition: Iterable[Iterable[int]] | None = None,
    groups: Iterable[Iterable[int]] | None = None,
    lag: int = 1,
    ordered: bool = True,
    surrogates: int = 199,
    search_null: bool | None = None,
    resamples: int = 0,
    pairs: Redundancy | None = None,
    seed: int = 0,
) -> WholeLayer:
    """Computes Gaussian measures of integration of all units of a layer, at the minimum bipartition and between all units.

    These are statistics of activity, in nats: they say how much parts of a layer hang together, and nothing of causes. They look at
    second moments only. Raw values are biased upward, so compare ``excess`` (the value less the mean of its null), never values of
    different numbers of samples or units.

    Args:
        activations: an array ``[time, unit]`` of activations as they are, or a list of such arrays as separate sequences: no pair
            of a past and a present goes from one to the next, or across a row that is not finite. Or known :class:`Covariances`.
        measures: "total_correlation" (of units at one time), "total_correlation_pairs" (of their pairs of a past and a present),
            "stochastic_interaction", "phi_star" (mismatched decoding) and "phi_g" (geometric). None computes all that apply.
        partition: the parts at which the measures are taken, as units of the layer. None searches the minimum bipartition.
        groups: groups of units that no partition divides (heads, channels). None takes each unit by itself.
        lag: how many steps lie between a past and its present.
        ordered: whether rows have an order. Shuffled samples have none, and of them there is total correlation only, with no null.
        surrogates: how many surrogates the nulls have; 0 for no null.
        search_null: whether the partition is searched anew in each surrogate, as it was in the data; else it is held. None searches
            among at most 12 elements. Φ* and Φ_G of a surrogate are always taken at the partition of the data.
        resamples: how many resamples the bootstrap intervals have; 0 for no interval.
        pairs: also redundancy, synergy and transfer of each pair of units (ΦID): "mmi" or "ccs". None leaves them out.
        seed: the seed of everything that is drawn at random.

    Returns:
        The measures, what was left out, and what a reader should know.

    Raises:
        InvalidArgumentError: an argument that cannot be.
        UnusableSeriesError: too few samples, or units that depend on each other so much that no measure is defined.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> series = np.zeros((2000, 3))
        >>> for now in range(1, 2000):  # a ring of two units, and one unit by itself
        ...     series[now] = 0.5 * series[now - 1, [1, 0, 2]] + rng.standard_normal(3)
        >>> found = whole_layer(series, measures=["stochastic_interaction"], surrogates=99)["stochastic_interaction"]
        >>> found.partition, found.minimum.value < 0.01 < 0.2 < found.atomic.value
        (((0, 1), (2,)), True)
    """
    names = measure_names(measures, ordered=ordered)
    if pairs is not None and not ordered:
        msg = f"pairs={pairs!r}: ΦID is of a past and a present, and with ordered=False there are none; leave it out."
        raise InvalidArgumentError(msg)
    counts = {"lag": (lag, 1), "surrogates": (surrogates, 0), "resamples": (resamples, 0)}
    for name, (value, least) in counts.items():
        number = as_whole(value)
        if number is None or number < least:
            raise refused(name, value, f"give a whole number from {least}")
    if isinstance(activations, Covariances):
        return _of_covariances(activations, names, partition, groups, seed)
    both = pairs is not None or set(names) != {"total_correlation"}
    layer = prepared(activations, groups, lag, ordered=ordered, both=both)
    found = layer_values(layer, names, partition=partition, surrogates=surrogates, resamples=resamples, pairs=pairs, seed=seed)
    found = judged(found, layer, search_null, surrogates=surrogates, seed=seed)
    found = resampled(found, layer, resamples=resamples, seed=seed)
    return pairs_judged(found, layer, surrogates=surrogates, seed=seed)


def layer_values(
    layer: Prepared,
    names: Sequence[MeasureName],
    *,
    partition: Iterable[Iterable[int]] | None = None,
    surrogates: int,
    resamples: int,
    pairs: Redundancy | None,
    seed: int,
) -> WholeLayer:
    """Computes what :func:`whole_layer` returns, without nulls and intervals; it is said why there can be none."""
    parts = None if partition is None else layer.elements.positions(partition)
    measured = Measured(layer.covariances, layer.elements, names, partition=parts, seed=seed)
    found = tuple(measured.measures())
    both = pairs is not None or set(names) != {"total_correlation"}
    whole = information(layer.covariances) if both else None
    said = (layer.few, layer.plan.words if surrogates else "", block_of(layer)[1] if resamples else "")
    return WholeLayer(
        units=layer.elements.units,
        elements=layer.elements.named(layer.elements.parts),
        measures=found,
        pairs=None if pairs is None else pairs_of_units(layer, pairs),
        dropped=layer.dropped,
        samples=layer.series.samples,
        sequences=len(layer.series.sequences),
        lag=layer.series.lag,
        effective_samples=None if layer.auto is None else layer.auto.effective,
        fewest_effective_samples=None if layer.auto is None else layer.auto.fewest,
        condition=layer.condition,
        information=whole,
        notes=(*filter(None, said), *notes_on_series(layer.series, layer.auto), *notes_on_values(found, whole)),
    )


def measure_names(measures: Sequence[MeasureName] | None, *, ordered: bool) -> tuple[MeasureName, ...]:
    """Returns the names of the measures in their order, after a check.

    Raises:
        InvalidArgumentError: a name of no measure, none at all, or one that samples without an order do not have.
    """
    if measures is None:
        return MEASURES if ordered else ("total_correlation",)
    given = (measures,) if isinstance(measures, str) else tuple(measures)
    unknown = [one for one in given if one not in MEASURES]
    if unknown or not given:
        why = f"there is no measure {unknown[0]!r}; " if unknown else ""
        msg = f"measures={measures!r}: {why}choose among {', '.join(map(repr, MEASURES))}."
        raise InvalidArgumentError(msg)
    if not ordered and set(given) != {"total_correlation"}:
        msg = (
            f"measures={measures!r}: samples without an order have no past and present. Ask for 'total_correlation' alone, or give "
            "sequences."
        )
        raise InvalidArgumentError(msg)
    return tuple(one for one in MEASURES if one in given)


def _of_covariances(
    given: Covariances,
    names: tuple[MeasureName, ...],
    partition: Iterable[Iterable[int]] | None,
    groups: Iterable[Iterable[int]] | None,
    seed: int,
) -> WholeLayer:
    """Computes the measures of covariances that are known."""
    elements = elements_of(groups, given.units, range(given.units))
    chosen = given.of(elements.units)
    both = set(names) != {"total_correlation"}
    condition = check_condition(chosen, ordered=both)
    parts = None if partition is None else elements.positions(partition)
    found = tuple(Measured(chosen, elements, names, partition=parts, seed=seed).measures())
    whole = information(chosen) if both else None
    return WholeLayer(
        units=elements.units,
        elements=elements.named(elements.parts),
        measures=found,
        samples=given.samples,
        condition=condition,
        information=whole,
        notes=tuple(notes_on_values(found, whole)),
    )
