"""How long measures of whole layers take, before they are computed: for budgets and for the division of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.whole.values.measures import OF_DETERMINANTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from lightning_iit.records.whole.tasks import WholeTask

_UNITS = (6, 10, 12, 20, 40, 60, 100, 200)
_SEARCH = (0.0004, 0.002, 0.009, 0.04, 0.2, 0.6, 3.0, 25.0)
"""Seconds of a search for the minimum bipartition of stochastic interaction among so many units, on one core; up to 12 all are
tried. Searches of the other two measures of determinants take about half as long."""
_SHARE = {"stochastic_interaction": 1.0}
_VALUE = {"phi_star": 1e-4, "phi_g": 1e-4}
"""Seconds for each unit of one value at a given partition; other measures take less."""
_PAIR = {"phiid": (2e-6, 0.0), "phiid_ccs": (4.5e-4, 3e-7)}
"""Seconds of the decomposition of one pair of units, and the seconds more for each sample."""


def search_seconds(units: int, names: Collection[str]) -> float:
    """Estimates the seconds of one search for the minimum bipartition of each of these measures; of Φ* and Φ_G there is none."""
    one = float(np.exp(np.interp(np.log(max(units, _UNITS[0])), np.log(_UNITS), np.log(_SEARCH))))
    return sum(one * _SHARE.get(name, 0.5) for name in names if name in OF_DETERMINANTS)


def values_seconds(units: int, samples: int, names: Collection[str]) -> float:
    """Estimates the seconds of one surrogate or resample: its covariances, and the measures at two partitions of the data.

    Args:
        units: how many units are measured.
        samples: how many samples there are.
        names: the measures, and of pairs of units "phiid" and "phiid_ccs".
    """
    values = units * sum(_VALUE.get(name, 3e-5) for name in names if name not in _PAIR)
    each = sum(once + of_sample * samples for once, of_sample in (_PAIR[name] for name in names if name in _PAIR))
    return 2 * (values + samples * units * (1e-8 + 2e-10 * units)) + units * (units - 1) / 2 * each


class LayerSeconds(NamedTuple):
    """Holds how long the measures of a whole layer take, in seconds.

    Args:
        values: of the data, with their search.
        surrogates: of the nulls of the measures: how many there are, and the seconds of one.
        resamples: of the intervals, in the same way.
        pairs: of the null of pairs of units, in the same way.
    """

    values: float
    surrogates: tuple[int, float] = (0, 0.0)
    resamples: tuple[int, float] = (0, 0.0)
    pairs: tuple[int, float] = (0, 0.0)

    @property
    def total(self) -> float:
        """Returns the seconds of all of it."""
        return self.values + sum(number * each for number, each in (self.surrogates, self.resamples, self.pairs))


def layer_seconds(task: WholeTask) -> LayerSeconds:
    """Estimates how long all takes that a task asks of a whole layer."""
    measures, pairs = [name for name in task.names if name not in _PAIR], [name for name in task.names if name in _PAIR]
    one, of_pairs = _draw(task, measures), _draw(task, pairs) if pairs else 0.0
    search = search_seconds(len(task.series.units), task.names)
    return LayerSeconds(
        values=search + one + of_pairs,
        surrogates=(task.surrogates, one + task.searched * search),
        resamples=(task.resamples, one),
        pairs=(task.surrogates * bool(pairs), of_pairs),
    )


def one_draw(task: WholeTask) -> float:
    """Estimates the seconds of one surrogate of a task, without a search."""
    return _draw(task, task.names)


def _draw(task: WholeTask, names: Collection[str]) -> float:
    """Estimates the seconds of one surrogate or resample, of which some of the measures are computed."""
    units = len(task.series.units)
    return values_seconds(units, len(task.series.rows) // (4 * max(1, units)), names)
