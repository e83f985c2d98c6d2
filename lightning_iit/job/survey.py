"""The survey of a layer in a worker: Φ of each group in each of its states, and the mean over groups with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from lightning_iit.phi.many import phis
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Interval, State, Survey, SurveyGroup
from lightning_iit.tpm.estimate import tpm_for_phi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from lightning_iit.records import PhiTask

POSITIVE = 1e-6
"""A Φ above this is called positive: rounding leaves less."""
STATES_RESAMPLED = 2
"""In how many of its states, the most visited ones, each group is analysed again for each resample."""
LEVEL = 0.90
"""The level of the intervals."""
FEWEST_RESAMPLES = 20
"""With fewer resamples that have a Φ no interval is given."""


class _OfGroup(NamedTuple):
    """Holds what was found for one group: its Φ, and that of each resample in its most visited states."""

    group: SurveyGroup
    here: np.ndarray
    """Φ of the data in the states that are resampled, ``[state]``; NaN where there is none."""
    drawn: np.ndarray
    """Φ of the resamples, ``[resample, state]``."""
    weights: np.ndarray
    """How often each of these states was visited."""

    @property
    def apart(self) -> Float[np.ndarray, " resample"]:
        """Returns how far the mean Φ of each resample lies from that of the data, in the same states; NaN where it has none."""
        return np.asarray(_means(self.drawn, self.weights) - _means(self.here[None], self.weights))


class Surveyed(NamedTuple):
    """Holds the survey of a layer, and the interval of the Φ that is shown in detail."""

    survey: Survey
    """Φ of the layer."""
    interval: Interval | None
    """The interval of the task's first state; None without resamples."""

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged beside the shown Φ: the spread over groups, ``phi_low``, ``phi_high`` and ``phi_positive``."""
        found = self.survey.spread
        if self.interval is not None:
            found |= {"phi_low": self.interval.low, "phi_high": self.interval.high}
        positive = self.survey.groups[0].positive
        return found if positive is None else found | {"phi_positive": positive}


def survey(task: PhiTask, known: Mapping[State, float | None]) -> Surveyed:
    """Computes Φ of each group of a task's survey, and summarises the groups.

    The interval is that of the mean over groups, with the same resample in each group. A resample is analysed in the two most
    visited states of each group only, and by what these differ from the same states of the data it is set apart from ``phi``.

    Args:
        task: the task, with its survey; ``resampled`` has one array ``[resample, state, unit]`` for each group, or none.
        known: Φ of the first group in the states that were analysed already.

    Returns:
        The survey, and the interval of the task's first state. A group whose analysis fails has no Φ, and a reason.
    """
    found = []
    for number, group in enumerate(task.survey):
        try:
            found.append(_surveyed(task, number, {} if number else known))
        except Exception as error:  # noqa: BLE001  whatever broke, the other groups are still analysed
            broken = msgspec.structs.replace(group, reason=f"{type(error).__name__}: {error}")
            found.append(_OfGroup(broken, np.empty(0), np.empty((0, 0)), np.empty(0)))
    return Surveyed(_summary(found), _interval(task, found[0]))


def _surveyed(task: PhiTask, number: int, known: Mapping[State, float | None]) -> _OfGroup:
    """Computes Φ of one group in each of its states, and of its resamples in the most visited ones."""
    group = task.survey[number]
    if group.counts is None:
        return _OfGroup(group, np.empty(0), np.empty((0, 0)), np.empty(0))
    tpm = tpm_for_phi(group.counts, task.prior).state_by_node
    todo = [state for state in group.states if state not in known]
    found = {state: np.nan if phi is None else phi for state, phi in known.items()}
    found |= dict(zip(todo, _phis(task, group, tpm[None], todo).flatten().tolist(), strict=True))
    visited = [(visits, state) for visits, state in zip(group.visits, group.states, strict=True) if visits]
    visited.sort(key=lambda one: -one[0])
    weights, states = zip(*visited[:STATES_RESAMPLED], strict=True) if visited else ((), ())
    resampled = np.frombuffer(task.resampled[number] if task.resampled else b"", dtype=np.float64).reshape(-1, *tpm.shape)
    drawn = _phis(task, group, resampled, states)
    values = [found[state] for state in group.states]
    settled = msgspec.structs.replace(
        group,
        phis=tuple(None if np.isnan(phi) else phi for phi in values),
        positive=float((drawn[:, 0] > POSITIVE).mean()) if drawn.size else None,
        reason="No state leads to any of its states." if np.isnan(values).all() else "",
    )
    return _OfGroup(settled, np.array([found[state] for state in states]), drawn, np.array(weights, dtype=np.float64))


def _phis(
    task: PhiTask, group: SurveyGroup, tpms: Float[np.ndarray, "tpm row unit"], states: Sequence[State]
) -> Float[np.ndarray, "tpm state"]:
    """Computes Φ of each TPM in each state; NaN where the state cannot be reached."""
    shape = len(tpms), len(states)
    if 0 in shape:
        return np.empty(shape)
    each = np.tile(np.array(states), (len(tpms), 1))
    cm = None if group.cm is None else np.array(group.cm)
    engine = choose_engine(task.engine, task.options)
    return phis(engine, np.repeat(tpms, len(states), axis=0), each, cm, task.options).reshape(shape)


def _summary(found: Sequence[_OfGroup]) -> Survey:
    """Returns the mean over groups, with the interval that the deviations of the resamples give."""
    groups, known = tuple(one.group for one in found), [one for one in found if one.group.phi is not None]
    if not known:
        return Survey(groups=groups, interval_words="No group has a Φ.")
    phi = float(np.mean([one.group.phi for one in known]))
    shares = [one.group.positive for one in known if one.group.positive is not None]
    survey = Survey(phi=phi, groups=groups, positive=float(np.mean(shares)) if shares else None)
    number = min(len(one.drawn) for one in known)
    together = np.array([one.apart[:number] for one in known]).reshape(len(known), number)
    drawn = phi + together[:, ~np.isnan(together).any(axis=0)].mean(axis=0)
    if len(drawn) < FEWEST_RESAMPLES:
        return msgspec.structs.replace(survey, interval_words="interval not computed")
    low, high = _range(drawn)
    return msgspec.structs.replace(
        survey,
        resampled=tuple(drawn.tolist()),
        se=float(np.std(drawn, ddof=1)),
        low=low,
        high=high,
        interval_words=f"{LEVEL:.0%} interval of {len(drawn)} resamples of whole sequences",
    )


def _interval(task: PhiTask, first: _OfGroup) -> Interval | None:
    """Returns the interval of Φ of the task's first state, where it is the most visited one and was resampled."""
    if not first.drawn.size or first.group.states[0] != task.states[0]:
        return None
    drawn = first.drawn[:, 0]
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < FEWEST_RESAMPLES:
        return None
    low, high = _range(drawn)
    words = f"percentiles of {len(drawn)} resamples of whole sequences"
    return Interval(low=low, high=high, level=LEVEL, draws=len(drawn), seed=task.seed, words=words)


def _range(drawn: Float[np.ndarray, " resample"]) -> tuple[float, float]:
    """Returns the middle part of resampled values, which are no Φ below 0."""
    tail = (1 - LEVEL) / 2
    low, high = np.maximum(np.quantile(drawn, [tail, 1 - tail]), 0.0)
    return float(low), float(high)


def _means(values: Float[np.ndarray, "row state"], weights: Float[np.ndarray, " state"]) -> Float[np.ndarray, " row"]:
    """Returns the weighted mean of the Φ of each row that are known; NaN where none is."""
    known = ~np.isnan(values)
    total = (known * weights).sum(axis=1)
    summed = (np.where(known, values, 0.0) * weights).sum(axis=1)
    return np.asarray(np.divide(summed, total, out=np.full(len(values), np.nan), where=total > 0))
