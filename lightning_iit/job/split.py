"""The division of a task into parts that several workers compute, by what its many Φ are expected to cost."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.job.formalisms import by_formalism, searches
from lightning_iit.job.numbers import resampled_states, states_to_analyse, subsets_of
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records.split.parts import WHOLE_WORKS, Stretch, TaskPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.records import Formalism, PhiTask
    from lightning_iit.records.split.parts import Work
    from lightning_iit.whole.cost import LayerSeconds

LEAST_SECONDS = 0.5
"""A part takes at least so many seconds, since handing one over costs up to 20 ms. A task of less than two parts stays whole."""
_ORDER: tuple[Work, ...] = ("survey", "resamples", "null", "interval", "curve")
"""The order of the parts. No part has two of these works, so that what is lost with one costs the other works nothing."""
_MOST_PARTS = 256
"""A task has about so many parts at most."""
_BYTES_A_SECOND = 2**23
"""A part takes at least as long as it takes to send so many bytes of activations in a second."""


def with_parts(task: PhiTask, seconds: float, whole: LayerSeconds | None = None) -> PhiTask:
    """Returns a task with the parts into which a pool of several workers may divide it.

    Parts are sized by cost. What they find does not depend on how many there are, and the task's own states are no part: they are
    analysed with what the parts found, by whichever worker puts everything together.

    Args:
        task: the task, with its survey, resamples and judgement.
        seconds: how long one analysis by the task's first formalism takes.
        whole: how long the measures of the whole layer take; None where they are no part.

    Returns:
        The task; as it was where its parts would be too small.
    """
    costs = list(_costs(task, seconds))
    total = sum(number * each for _, number, each in costs)
    layer = [] if whole is None else list(_of_layer(task, whole))
    if total + sum(part.seconds for part in layer) < 2 * LEAST_SECONDS:
        return task
    size = max(LEAST_SECONDS, total / _MOST_PARTS)
    costs.sort(key=lambda cost: _ORDER.index(cost[0].work))
    parts = [part for _, of_work in groupby(costs, lambda cost: cost[0].work) for part in _packed(list(of_work), size)]
    return msgspec.structs.replace(task, split=(*layer, *parts))  # what takes longest goes first


def _of_layer(task: PhiTask, seconds: LayerSeconds) -> Iterator[TaskPart]:
    """Yields the parts of the measures of the whole layer; none where they take too little.

    The surrogates of the nulls, the resamples of the intervals and the surrogates of pairs are divided where they take as long as
    two parts; what takes less than one part stays with the measures. Each part is sent the activations, so it takes the longer
    the more bytes these are.
    """
    if task.whole is None or seconds.total < LEAST_SECONDS:
        return
    size, own = max(LEAST_SECONDS, len(task.whole.series.rows) / _BYTES_A_SECOND), task.options.formalism
    works = zip(WHOLE_WORKS, (seconds.surrogates, seconds.resamples, seconds.pairs), strict=True)
    each = [_all(work, own, number, one) for work, (number, one) in works if number]
    apart = [(stretch, number, one) for stretch, number, one in each if number * one >= size]
    drawn = sum(number * one for _, number, one in apart)
    if drawn < 2 * size:
        yield TaskPart(stretches=(Stretch(work="whole", formalism=own),), seconds=seconds.total)
        return
    with_values = [stretch for stretch, number, one in each if number * one < size]
    values = Stretch(work="whole_values", formalism=own)
    yield TaskPart(stretches=(values, *with_values), seconds=max(0.0, seconds.total - drawn))
    for one in apart:
        yield from _packed([one], max(size, drawn / _MOST_PARTS))


def _costs(task: PhiTask, seconds: float) -> Iterator[tuple[Stretch, int, float]]:
    """Yields all that parts may compute, how many numbers each has, and the seconds of one."""
    for formalism in searches(task) if task.survey and task.states else ():
        asked = by_formalism(task, formalism)
        first = formalism == task.options.formalism
        each = seconds if first else choose_engine(task.engine, asked.options).seconds(len(task.states[0]))
        for group, of in enumerate(task.survey):
            if of.counts is not None:
                yield _all("survey", formalism, len(states_to_analyse(asked, group)), each, group)
                if task.resampled and (first or task.resample_further):
                    states = len(resampled_states(asked, group))
                    yield _all("resamples", formalism, len(task.resampled[group]) // of.tpm_bytes, states * each, group)
    if task.judge is not None and task.states:
        own = task.options.formalism
        yield _all("null", own, task.judge.surrogates, seconds)
        yield _all("interval", own, task.judge.interval_draws, seconds)
        if task.judge.curve:
            yield _all("curve", own, sum(len(subsets) for _, subsets in subsets_of(task)), seconds)


def _all(work: Work, formalism: Formalism, number: int, each: float, group: int = 0) -> tuple[Stretch, int, float]:
    return Stretch(work=work, formalism=formalism, group=group, stop=max(1, number)), number, each


def _packed(costs: list[tuple[Stretch, int, float]], size: float) -> Iterator[TaskPart]:
    """Yields parts of about so many seconds, filled in order; the last one may be smaller."""
    stretches: list[Stretch] = []
    filled = 0.0
    for stretch, number, each in costs:
        first = 0
        while first < number:
            fit = number - first if not each else max(1, round((size - filled) / each))
            stop = min(number, first + fit)
            if stretches and stretches[-1].source == stretch.source:
                stretches[-1] = msgspec.structs.replace(stretches[-1], stop=stop)
            else:
                stretches.append(msgspec.structs.replace(stretch, first=first, stop=stop))
            filled += (stop - first) * each
            first = stop
            if filled >= 0.9 * size:
                yield TaskPart(stretches=tuple(stretches), seconds=filled)
                stretches, filled = [], 0.0
    if stretches:
        yield TaskPart(stretches=tuple(stretches), seconds=filled)
