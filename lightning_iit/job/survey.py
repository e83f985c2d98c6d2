"""The survey of a layer in a worker: Φ of each group in each of its states, and the mean over groups with its interval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec
import numpy as np

from lightning_iit.job.formalisms import together
from lightning_iit.job.numbers import PartError, numbers, resampled_states, states_to_analyse
from lightning_iit.phi.many import Phis
from lightning_iit.records import Interval, State, Survey, SurveyGroup
from lightning_iit.records.surveys import POSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jaxtyping import Float

    from lightning_iit.records import Formalism, PhiResult, PhiTask

LEVEL = 0.90
"""The level of the intervals."""
FEWEST_RESAMPLES = 20
"""With fewer resamples that have a Φ no interval is given."""
_NO_SPREAD = 1e-12
"""Means of resamples that differ by no more than rounding."""
UNMOVED = "interval not computed: the states that are resampled have the same value in every resample"
"""Why a mean above 0 has no interval though its data were resampled, as where φ_s of the most visited states is 0."""
_APART = 1.0
"""What is known of a survey that takes longer is given so many seconds apart, since the host reads it only now and then."""
_NOT_REACHED = "Not analysed: the time was over before it was this group's turn."


_Value: TypeAlias = "tuple[float | None, float | None]"
"""Φ and signed φ_s."""


class _OfGroup(NamedTuple):
    """Holds what was found for one group: its Φ, and that of each resample in its most visited states."""

    group: SurveyGroup
    here: np.ndarray
    """Φ of the data in the states that are resampled, ``[state]``; NaN where there is none."""
    drawn: np.ndarray
    """Φ of the resamples, ``[resample, state]``."""
    weights: np.ndarray
    """How often each of these states was visited."""
    lost: str = ""
    """Why a part of the task that should have found Φ of the group, or of its resamples, did not; else an empty text."""

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


def survey(task: PhiTask, known: Mapping[State, PhiResult], *, apart: float = _APART) -> Iterator[dict[Formalism, Surveyed]]:
    """Computes Φ of each group of a task's survey, and summarises the groups.

    The interval is that of the mean over groups, with the same resample in each group. A resample is analysed in the two most
    visited states of each group only, and by what these differ from the same states of the data it is set apart from ``phi``.

    Args:
        task: the task, with its survey; ``resampled`` has one array ``[resample, state, unit]`` for each group, or none.
        known: the results of the first group in the states that were analysed already.
        apart: the least seconds between two unfinished surveys.

    Yields:
        The survey by the task's formalism, and by those that come with it (:func:`.together`). A group whose analysis fails has no
        Φ, and a reason. The last survey is that of all groups; those before it, in case the task is ended early, have the groups so
        far and no mean, which would be that of other groups in another epoch.
    """
    told = time.monotonic()
    formalisms = together(task)
    asked = msgspec.structs.replace(task, states=tuple(state for state in task.states if state in known))
    found: list[tuple[_OfGroup, ...]] = []
    for number, group in enumerate(task.survey):
        try:
            found.append(_surveyed(asked, number, known if not number and len(formalisms) == 1 else {}))
        except Exception as error:  # noqa: BLE001  whatever broke, the other groups are still analysed
            of_part = error if isinstance(error, PartError) else None
            broken = msgspec.structs.replace(group, reason=f"{type(error).__name__}: {error}" if of_part is None else str(error))
            found.append((_without_phi(broken, str(error) if of_part is not None and of_part.lost else ""),) * len(formalisms))
        groups = dict(zip(formalisms, zip(*found, strict=True), strict=True))
        if number + 1 < len(task.survey) and time.monotonic() - told >= apart:
            yield {one: Surveyed(_unfinished(of, task.survey), _interval(task, of[0])) for one, of in groups.items()}
            told = time.monotonic()
    yield {one: Surveyed(_summary(of), _interval(task, of[0])) for one, of in groups.items()}


def _without_phi(group: SurveyGroup, lost: str = "") -> _OfGroup:
    """Returns a group of which no Φ is known."""
    return _OfGroup(group, np.empty(0), np.empty((0, 0)), np.empty(0), lost)


def _surveyed(task: PhiTask, number: int, known: Mapping[State, PhiResult]) -> tuple[_OfGroup, ...]:
    """Computes Φ of one group in each of its states, and of its resamples in the most visited ones, by each formalism."""
    group = task.survey[number]
    if group.counts is None:
        return (_without_phi(group),) * len(together(task))
    todo, states = states_to_analyse(task, number), resampled_states(task, number)
    taken = {state: (result.phi, getattr(result, "signed_phi", None)) for state, result in known.items()}
    weights = [group.visits[group.states.index(state)] for state in states]
    here, lost = numbers(task, "survey", number), ""
    try:
        drawn = numbers(task, "resamples", number)
    except PartError as error:  # of half of the resamples there is no interval
        if not error.lost:
            raise
        drawn, lost = (Phis(np.empty(0)),) * len(here), str(error)
    return tuple(
        _settled(group, _by_state(todo, of) | taken, resampled.phi.reshape(-1, len(states) or 1), states, weights, lost)
        for of, resampled in zip(here, drawn, strict=True)
    )


def _by_state(states: Sequence[State], found: Phis) -> dict[State, _Value]:
    """Returns Φ and signed φ_s by state, of one TPM; None where the state cannot be reached, and for what IIT 3.0 does not have."""
    signed = np.full(len(states), np.nan) if found.signed is None else found.signed
    pairs = zip(found.phi.flatten().tolist(), signed.flatten().tolist(), strict=True)
    return {
        state: (None if np.isnan(phi) else phi, None if np.isnan(sign) else sign)
        for state, (phi, sign) in zip(states, pairs, strict=True)
    }


def _settled(
    group: SurveyGroup,
    found: Mapping[State, _Value],
    drawn: Float[np.ndarray, "resample state"],
    states: Sequence[State],
    weights: Sequence[int],
    lost: str,
) -> _OfGroup:
    """Adds to a group what was found: Φ by state, and Φ of the resamples in the most visited states."""
    values, signed = zip(*(found[state] for state in group.states), strict=True)
    settled = msgspec.structs.replace(
        group,
        phis=values,
        signed=() if all(one is None for one in signed) else signed,
        positive=float((drawn[:, 0] > POSITIVE).mean()) if drawn.size else None,
        reason="No state leads to any of its states." if all(phi is None for phi in values) else "",
    )
    here = np.array([found[state][0] for state in states], dtype=np.float64)  # None becomes NaN
    return _OfGroup(settled, here, drawn, np.array(weights, dtype=np.float64), lost)


def _unfinished(found: Sequence[_OfGroup], asked: Sequence[SurveyGroup]) -> Survey:
    """Returns the survey of the groups so far."""
    missing = [msgspec.structs.replace(group, reason=_NOT_REACHED) for group in asked[len(found) :]]
    words = f"Of {len(asked)} groups of units {len(found)} were analysed before the time was over, so there is no mean over all."
    return Survey(groups=(*(one.group for one in found), *missing), interval_words=words)


def _summary(found: Sequence[_OfGroup]) -> Survey:
    """Returns the mean over groups, with the interval that the deviations of the resamples give."""
    groups, known = tuple(one.group for one in found), [one for one in found if one.group.phi is not None]
    missing = [one for one in found if one.lost and not len(one.here)]
    if missing:
        words = f"Of {len(found)} groups of units {len(missing)} were not analysed, so there is no mean over all: {missing[0].lost}"
        return Survey(groups=groups, interval_words=words)
    if not known:
        return Survey(groups=groups, interval_words="No group has a Φ.")
    phi = float(np.mean([one.group.phi for one in known]))
    lost = next((one.lost for one in found if one.lost), "")
    shares = [one.group.positive for one in known if one.group.positive is not None]
    survey = Survey(phi=phi, groups=groups, positive=float(np.mean(shares)) if shares else None)
    if known[0].group.signed:
        survey = msgspec.structs.replace(
            survey, share=_mean(one.group.share for one in known), signed=_mean(one.group.signed_phi for one in known)
        )
    number = min(len(one.drawn) for one in known)
    apart = np.array([one.apart[:number] for one in known]).reshape(len(known), number)
    drawn = phi + apart[:, ~np.isnan(apart).any(axis=0)].mean(axis=0)
    if len(drawn) < FEWEST_RESAMPLES:
        why = f"interval not computed: {lost}" if lost else "interval not computed"
        return msgspec.structs.replace(survey, positive=None if lost else survey.positive, interval_words=why)
    if phi > 0 and np.ptp(drawn) <= _NO_SPREAD:
        return msgspec.structs.replace(survey, interval_words=UNMOVED)
    low, high = _range(drawn)
    return msgspec.structs.replace(
        survey,
        resampled=tuple(drawn.tolist()),
        se=float(np.std(drawn, ddof=1)),
        low=low,
        high=high,
        interval_words=f"{100 * LEVEL:.0f} % interval of {len(drawn)} resamples of whole sequences",
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Returns the mean of the values that are known; None where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


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
