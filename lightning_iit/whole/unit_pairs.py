"""ΦID of all pairs of a layer's elements, with the same null as the measures of the whole layer.

Each surrogate has random numbers of its own, by the seed and its number, so that surrogates can be computed apart from each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.pairs import PairName, PairNumbers, PairsOfUnits, Redundancy
from lightning_iit.whole.decomposition import atoms_of_covariances, phiid
from lightning_iit.whole.sampling.draws import drawn_until_measured
from lightning_iit.whole.sampling.series import Series
from lightning_iit.whole.sampling.surrogates import surrogate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.records.whole.measures import WholeLayer
    from lightning_iit.whole.prepared import Prepared
    from lightning_iit.whole.values.partitions import Part, Partition

_SHOWN: dict[PairName, tuple[str, ...]] = {"redundancy": ("rtr",), "synergy": ("sts",), "transfer": ("xty", "ytx")}


def pairs_of_units(layer: Prepared, redundancy: Redundancy) -> PairsOfUnits:
    """Computes redundancy, synergy and transfer of all pairs of elements, without a null.

    Args:
        layer: the series, each unit scaled, and its elements: single units, or groups of units, whose mean is one variable.
        redundancy: "mmi" or "ccs".
    """
    numbers = _numbers(_coarse(layer), redundancy)
    return PairsOfUnits(
        elements=layer.elements.named(layer.elements.parts),
        redundancy=redundancy,
        numbers=tuple(PairNumbers(name=name, values=tuple(values.tolist())) for name, values in numbers.items()),
        notes=(layer.plan.words,) if layer.plan.words else (),
    )


def pair_values(
    layer: Prepared, redundancy: Redundancy, *, first: int, stop: int, seed: int
) -> Float[np.ndarray, "number surrogates_pairs"]:
    """Computes redundancy, synergy and transfer of all pairs in surrogates, in each of which every element is shifted by itself.

    A surrogate of which they are not defined is drawn again.

    Args:
        layer: the series, its elements, and how surrogates are drawn.
        redundancy: "mmi" or "ccs".
        first: the number of the first surrogate.
        stop: the number after that of the last one.
        seed: the seed of the draws.

    Returns:
        A row for each of the numbers, with all pairs of the first surrogate, then of the next one.

    Raises:
        UnusableSeriesError: they are not defined of 20 draws of one surrogate.
    """
    coarse = _coarse(layer)
    single = tuple((index,) for index in range(coarse.units))
    drawn = [_of_surrogate(coarse, single, layer, redundancy, np.random.default_rng((seed, one))) for one in range(first, stop)]
    return np.stack(drawn, axis=1).reshape(len(_SHOWN), -1)


def _of_surrogate(
    coarse: Series, single: Partition, layer: Prepared, redundancy: Redundancy, rng: np.random.Generator
) -> Float[np.ndarray, "number pair"]:
    """Returns the numbers of each pair in one surrogate."""
    found = drawn_until_measured(lambda: _numbers(surrogate(coarse, single, layer.plan, rng), redundancy), "surrogates of pairs")
    return np.stack(list(found.values()))


def with_pair_nulls(found: WholeLayer, values: Float[np.ndarray, "number surrogates_pairs"]) -> WholeLayer:
    """Returns measures of a layer whose pairs have their null.

    Args:
        found: the measures.
        values: what :func:`pair_values` returned.
    """
    assert found.pairs is not None
    pairs = len(found.pairs.numbers[0].values)
    drawn = values.reshape(len(values), -1, pairs)
    numbers = tuple(_judged(one, null) for one, null in zip(found.pairs.numbers, drawn, strict=True))
    judged = msgspec.structs.replace(found.pairs, numbers=numbers, surrogates=drawn.shape[1])
    return msgspec.structs.replace(found, pairs=judged)


def without_pair_nulls(found: WholeLayer, why: str) -> WholeLayer:
    """Returns measures of a layer whose pairs could not get a null, with a note that says why."""
    return msgspec.structs.replace(found, notes=(*found.notes, f"No null of pairs: {why}"))


def pairs_judged(found: WholeLayer, layer: Prepared, *, surrogates: int, seed: int) -> WholeLayer:
    """Computes the null of a layer's pairs; without it, and with a note, where it cannot be computed.

    Args:
        found: the measures, with the pairs where they were asked for.
        layer: the series, its elements, and how surrogates are drawn; where it has no method there is no null.
        surrogates: how many surrogates are drawn; 0 for no null.
        seed: the seed of the draws.
    """
    if found.pairs is None or not surrogates or layer.plan.method is None:
        return found
    try:
        return with_pair_nulls(found, pair_values(layer, found.pairs.redundancy, first=0, stop=surrogates, seed=seed))
    except UnusableSeriesError as error:
        return without_pair_nulls(found, str(error))


def _coarse(layer: Prepared) -> Series:
    """Returns the series of the elements."""
    if all(len(one) == 1 for one in layer.elements.parts):
        return layer.series
    return Series(tuple(_means(one, layer.elements.parts) for one in layer.series.sequences), layer.series.lag)


def _means(sequence: Float[np.ndarray, "time unit"], elements: Sequence[Part]) -> Float[np.ndarray, "time element"]:
    """Returns the mean activity of each element."""
    return np.stack([sequence[:, list(one)].mean(axis=1) for one in elements], axis=1)


def _numbers(series: Series, redundancy: Redundancy) -> dict[PairName, Float[np.ndarray, " pair"]]:
    """Returns the numbers of each pair."""
    first, second = np.triu_indices(series.units, 1)
    if redundancy == "mmi":
        given = series.covariances()
        n = given.units
        joint = np.block([[given.past, given.cross], [given.cross.T, given.present]])
        rows = np.stack([first, second, first + n, second + n], axis=1)
        atoms = atoms_of_covariances(joint[rows[:, :, None], rows[:, None, :]])
    else:
        each = [
            phiid(series.past[:, [one, other]], series.present[:, [one, other]], "ccs")
            for one, other in zip(first, second, strict=True)
        ]
        atoms = {name: np.array([one[name] for one in each]) for name in each[0]}
    return {name: np.sum([atoms[one] for one in members], axis=0) for name, members in _SHOWN.items()}


def _judged(one: PairNumbers, null: Float[np.ndarray, "surrogate pair"]) -> PairNumbers:
    """Compares the number of each pair with those of surrogates."""
    reached = (null >= np.array(one.values) - 1e-12).sum(axis=0)
    return msgspec.structs.replace(
        one, null_means=tuple(null.mean(axis=0).tolist()), p=tuple(((1 + reached) / (len(null) + 1)).tolist())
    )
