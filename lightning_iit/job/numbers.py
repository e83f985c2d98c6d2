"""Φ of the many systems by which a Φ, or a layer, is judged: computed here, or found already by the parts of the task.

Everything that is drawn at random is drawn in whole and by the task's seed before a part takes its share of it, so the numbers do
not depend on into how many parts a task was divided.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.job.formalisms import by_formalism, together
from lightning_iit.job.whole import WITHOUT, Drawn, drawn_numbers, judged_by, measured_layer
from lightning_iit.phi.many import Phis, phis_by_formalism
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import TaskResult
from lightning_iit.records.split.parts import WHOLE_WORKS, Found, PhiNumbers, Stretch
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.tpm.intervals import FRACTIONS, posterior_draws, subsample_sizes, subsamples
from lightning_iit.tpm.nulls import surrogates
from lightning_iit.tpm.parts import LEAST_PARTS, resampled_parts, some_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float

    from lightning_iit.records import Counts, PhiTask, State
    from lightning_iit.records.split.parts import WholeWork, Work

STATES_RESAMPLED = 2
"""In how many of its states, the most visited ones, each group of a survey is analysed again for each resample."""
CURVE_PARTS = 5
"""How many random subsets of the data each point of the curve averages over."""


class PartError(Exception):
    """Signals numbers that a part of a task should have found.

    Args:
        reason: what happened, in words.
        lost: whether the part was not computed; otherwise its analysis raised an exception.
    """

    def __init__(self, reason: str, *, lost: bool) -> None:
        super().__init__(reason)
        self.lost = lost


class _Systems(NamedTuple):
    """Holds the systems of one work: each TPM ``[number, row, unit]`` in each of the states."""

    tpms: np.ndarray
    states: tuple[State, ...]
    cm: tuple[tuple[int, ...], ...] | None


def numbers(task: PhiTask, work: Work, group: int = 0) -> tuple[Phis, ...]:
    """Returns Φ of the systems of one work, by the task's formalism and those that come with it (:func:`.together`).

    Args:
        task: the task; what its parts found is taken from them.
        work: the work.
        group: of the survey and its resamples, the number of the group.

    Returns:
        Flat arrays, all states of the first TPM first; NaN where no state leads to the system's state.

    Raises:
        PartError: a part that should have found some of them did not.
    """
    known = [one for one in task.found if one.stretch.source == (work, task.options.formalism, group)]
    if not known:
        return _computed(task, _systems(task, work, group))
    for one in known:
        if one.reason:
            raise PartError(one.reason, lost=one.lost)
    known.sort(key=lambda one: one.stretch.first)
    return tuple(
        Phis(_joined([one.phi for one in of_one]), _joined([one.signed for one in of_one]) if of_one[0].signed else None)
        for of_one in zip(*(one.numbers for one in known), strict=True)
    )


def _joined(pieces: Sequence[bytes]) -> Float[np.ndarray, " system"]:
    return np.frombuffer(b"".join(pieces), dtype=np.float64)


def whole_of(task: PhiTask) -> Found | None:
    """Returns what parts of the task found of the whole layer; None where that is no part."""
    values = _values_of(task)
    if values is None or values.whole is None:
        return values
    whole = values.whole
    for work in WHOLE_WORKS:
        drawn = sorted((one for one in task.found if one.stretch.work == work), key=lambda one: one.stretch.first)
        if broken := next((one.reason for one in drawn if one.reason), ""):
            whole = WITHOUT[work](whole, broken)
            continue
        rows = [(one, [_joined([row.phi]) for row in one.numbers]) for one in drawn if one.numbers]
        known = [Drawn(np.array(each), one.method, one.block) for one, each in rows]
        whole = judged_by(whole, work, known, searched=task.whole is not None and task.whole.searched)
    return msgspec.structs.replace(values, whole=whole)


def _values_of(task: PhiTask) -> Found | None:
    """Returns the measures of the whole layer, as a part of the task has found them; None where none has."""
    return next((one for one in task.found if one.stretch.work in {"whole", "whole_values"}), None)


def compute_part(task: PhiTask) -> TaskResult:
    """Computes the part of a task that ``task.part`` names; what one stretch raises costs the others nothing."""
    assert task.part is not None
    found: tuple[Found, ...] = ()
    for stretch in task.part.stretches:
        found += (_of_stretch(msgspec.structs.replace(task, found=(*task.found, *found)), stretch),)
    return TaskResult(states=(), found=found)


def _of_stretch(task: PhiTask, stretch: Stretch) -> Found:
    began, notes = time.perf_counter(), list[str]()
    if stretch.work in {"whole", "whole_values"}:
        assert task.whole is not None
        whole = measured_layer(task.whole, notes, judged=stretch.work == "whole")
        return Found(stretch=stretch, whole=whole, notes=tuple(notes), seconds=time.perf_counter() - began)
    if stretch.work in WHOLE_WORKS:
        return _of_draws(task, stretch, stretch.work)
    asked = by_formalism(task, stretch.formalism)
    try:
        systems = _systems(asked, stretch.work, stretch.group)
        if stretch.work == "survey":
            systems = systems._replace(states=systems.states[stretch.first : stretch.stop])
        else:
            there = task.part.resamples_of(stretch.group).start if task.part and stretch.work == "resamples" else 0
            systems = systems._replace(tpms=systems.tpms[stretch.first - there : stretch.stop - there])
        found = _computed(asked, systems)
    except Exception as error:  # noqa: BLE001  whatever broke, the other stretches are still computed
        return Found(stretch=stretch, reason=f"{type(error).__name__}: {error}", seconds=time.perf_counter() - began)
    packed = tuple(
        PhiNumbers(phi=one.phi.astype(np.float64).tobytes(), signed=b"" if one.signed is None else one.signed.tobytes())
        for one in found
    )
    return Found(stretch=stretch, numbers=packed, seconds=time.perf_counter() - began)


def _of_draws(task: PhiTask, stretch: Stretch, work: WholeWork) -> Found:
    """Computes what some surrogates or resamples of the whole layer give, at the partitions that another stretch has found."""
    began, before = time.perf_counter(), _values_of(task)
    drawn = None
    if task.whole is not None and before is not None and before.whole is not None:
        try:
            drawn = drawn_numbers(task.whole, before.whole, work, first=stretch.first, stop=stretch.stop)
        except Exception as error:  # noqa: BLE001  the measures are kept without their nulls and intervals
            reason = str(error) if isinstance(error, UnusableSeriesError) else f"{type(error).__name__}: {error}"
            return Found(stretch=stretch, reason=reason, seconds=time.perf_counter() - began)
    took = time.perf_counter() - began
    if drawn is None:
        return Found(stretch=stretch, seconds=took)
    rows = tuple(PhiNumbers(phi=row.tobytes()) for row in drawn.values)
    return Found(stretch=stretch, numbers=rows, method=drawn.method, block=drawn.block, seconds=took)


def _computed(task: PhiTask, systems: _Systems) -> tuple[Phis, ...]:
    """Computes Φ of each TPM in each state."""
    formalisms, number = together(task), len(systems.tpms) * len(systems.states)
    if not number:
        return (Phis(np.empty(0)),) * len(formalisms)
    each = np.tile(np.array(systems.states), (len(systems.tpms), 1))
    cm = None if systems.cm is None else np.array(systems.cm)
    rows = np.repeat(systems.tpms, len(systems.states), axis=0)
    return phis_by_formalism(choose_engine(task.engine, task.options), rows, each, cm, task.options, formalisms)


def _systems(task: PhiTask, work: Work, group: int) -> _Systems:
    """Returns the systems of one work, drawn by the task's seed."""
    if work in {"survey", "resamples"}:
        of = task.survey[group]
        assert of.counts is not None
        tpm = tpm_for_phi(of.counts, task.prior).state_by_node
        if work == "survey":
            return _Systems(tpm[None], states_to_analyse(task, group), of.cm)
        resampled = np.frombuffer(task.resampled[group] if task.resampled else b"", dtype=np.float64)
        return _Systems(resampled.reshape(-1, *tpm.shape), resampled_states(task, group), of.cm)
    return _Systems(_judging(task, work), task.states[:1], task.cm)


def states_to_analyse(task: PhiTask, group: int) -> tuple[State, ...]:
    """Returns the states of a group of the survey that are not analysed as states of the task already."""
    known = task.states if not group and len(together(task)) == 1 else ()
    return tuple(state for state in task.survey[group].states if state not in known)


def resampled_states(task: PhiTask, group: int) -> tuple[State, ...]:
    """Returns the states of a group of the survey that are analysed for each resample: the most visited ones, in this order."""
    of = task.survey[group]
    visited = sorted(
        ((visits, state) for visits, state in zip(of.visits, of.states, strict=True) if visits), key=lambda one: -one[0]
    )
    return tuple(state for _, state in visited[:STATES_RESAMPLED])


def _judging(task: PhiTask, work: Work) -> Float[np.ndarray, "tpm row unit"]:
    """Returns the TPMs by which Φ of the task's first state is judged."""
    asked = task.judge
    assert asked is not None
    drawn: Sequence[Counts]
    if work == "null":
        drawn = surrogates(task.counts, asked.null, number=asked.surrogates, seed=task.seed, prior=task.prior)  # type: ignore[arg-type]
    elif work == "curve":
        drawn = [subset for _, subsets in subsets_of(task) for subset in subsets]
    elif parts := parts_of(task):
        drawn = resampled_parts(parts, asked.interval_draws, seed=task.seed)
    else:
        return posterior_draws(task.counts, draws=asked.interval_draws, seed=task.seed)
    rows, units = len(task.counts.visits), len(task.states[0])
    return np.array([tpm_for_phi(counts, task.prior).state_by_node for counts in drawn]).reshape(-1, rows, units)


def parts_of(task: PhiTask) -> tuple[Counts, ...]:
    """Returns the consecutive parts of the data; none where there are too few to be resampled."""
    parts = () if task.dynamics is None else task.dynamics.parts
    return parts if len(parts) >= LEAST_PARTS else ()


def subsets_of(task: PhiTask) -> Iterator[tuple[int, tuple[Counts, ...]]]:
    """Yields subsets of the parts of the data, where these are too few of the transitions, and how many transitions each has."""
    if parts := parts_of(task):
        for share in FRACTIONS:
            subsets = some_parts(parts, share, number=CURVE_PARTS, seed=task.seed)
            yield round(sum(subset.transitions for subset in subsets) / len(subsets)), subsets
        return
    for size in subsample_sizes(task.counts.transitions):
        yield size, subsamples(task.counts, size, number=CURVE_PARTS, seed=task.seed)
