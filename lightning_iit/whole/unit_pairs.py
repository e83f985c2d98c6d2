"""ΦID of all pairs of a layer's elements, with the same null as the measures of the whole layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.records.whole.pairs import PairName, PairNumbers, PairsOfUnits, Redundancy
from lightning_iit.whole.decomposition import atoms_of_covariances, phiid
from lightning_iit.whole.sampling.series import Series
from lightning_iit.whole.sampling.surrogates import surrogate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.whole.elements import Elements
    from lightning_iit.whole.sampling.surrogates import Plan
    from lightning_iit.whole.values.partitions import Part

_SHOWN: dict[PairName, tuple[str, ...]] = {"redundancy": ("rtr",), "synergy": ("sts",), "transfer": ("xty", "ytx")}


def pairs_of_units(
    series: Series, elements: Elements, redundancy: Redundancy, plan: Plan, *, surrogates: int, seed: int
) -> PairsOfUnits:
    """Computes redundancy, synergy and transfer of all pairs of elements.

    Args:
        series: the series, each unit scaled.
        elements: single units, or groups of units; the mean of a group is one variable.
        redundancy: "mmi" or "ccs".
        plan: how surrogates are drawn; where it has no method there is no null.
        surrogates: how many surrogates are drawn, in each of which every element is shifted by itself.
        seed: the seed of the draws.
    """
    coarse = series
    if any(len(one) > 1 for one in elements.parts):
        coarse = Series(tuple(_means(one, elements.parts) for one in series.sequences), series.lag)
    numbers = _numbers(coarse, redundancy)
    rng = np.random.default_rng(seed)
    single = tuple((index,) for index in range(coarse.units))
    count = surrogates if plan.method is not None else 0
    drawn = [_numbers(surrogate(coarse, single, plan, rng), redundancy) for _ in range(count)]
    return PairsOfUnits(
        elements=elements.named(elements.parts),
        redundancy=redundancy,
        numbers=tuple(_judged(name, values, [one[name] for one in drawn]) for name, values in numbers.items()),
        surrogates=count,
        notes=(plan.words,) if plan.words else (),
    )


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


def _judged(name: PairName, values: np.ndarray, drawn: list[np.ndarray]) -> PairNumbers:
    """Compares the number of each pair with those of surrogates."""
    if not drawn:
        return PairNumbers(name=name, values=tuple(values.tolist()))
    null = np.stack(drawn)
    reached = (null >= values - 1e-12).sum(axis=0)
    return PairNumbers(
        name=name,
        values=tuple(values.tolist()),
        null_means=tuple(null.mean(axis=0).tolist()),
        p=tuple(((1 + reached) / (len(drawn) + 1)).tolist()),
    )
