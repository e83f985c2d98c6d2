"""The work of one task in a worker: from the counts to the TPM, its diagnostics, Φ of each state, and the pictures.

Loads no torch. Parts fail independently of each other: a picture that cannot be drawn never costs a Φ, and a state whose analysis
breaks never costs the other states.
"""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from lightning_iit.job.judgement import Judgement, analyses_for, group_scalars, judge_phi, with_ties
from lightning_iit.job.moments import at_moments
from lightning_iit.job.survey import survey
from lightning_iit.phi.registry import choose_engine, get_engine
from lightning_iit.phi.scalars import phi_scalars
from lightning_iit.records import (
    NULL_NOT_COMPUTED,
    Computed,
    Diagnostic,
    Failed,
    MajorComplex,
    PhiOptions,
    PhiResult,
    PhiTask,
    State,
    StateResult,
    System,
    TaskResult,
)
from lightning_iit.tpm.diagnostics import Evidence, diagnose, diagnostic_scalars
from lightning_iit.tpm.estimate import Tpm, tpm_for_phi
from lightning_iit.tpm.information import scalars as tpm_scalars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lightning_iit.records import GroupTask

_SHORT = 0.1
"""An engine is warmed up with the largest system (of up to 5 units) whose analysis takes at most so many seconds."""
_LONG = 2.0
"""Where the analyses may take longer than so many seconds, the pictures are first drawn as far as their content is known. Drawing
both pictures takes about half a second."""


class OnProgress(Protocol):
    """Receives the progress of a task and the results known so far, which count if the task is ended early."""

    def __call__(self, fraction: float, *, state: StateResult | None = None, partial: TaskResult | None = None) -> None:
        """Receives one report of progress.

        Args:
            fraction: the fraction of the states' work that is done, from 0 to 1.
            state: a state whose analysis has just ended, with its result.
            partial: everything known so far except the results of the states.
        """


def ignore(fraction: float, *, state: StateResult | None = None, partial: TaskResult | None = None) -> None:
    """Ignores a report of progress; the default of callers that do not watch a task."""


def run(task: PhiTask, report: OnProgress = ignore) -> TaskResult:
    """Computes a task: the TPM, its diagnostics, Φ of each state and group, and the judgement of the first state's Φ.

    Args:
        task: counts, states, engine and options.
        report: receives the progress and the results known so far.

    Returns:
        One result for each state and further group, in the order of the task; the scalars to be logged (without the scalars of a Φ
        that failed); the pictures ``tpm`` and ``mip`` as PNG; notes on parts that could not be made; and the seconds that all of
        this took.

    Raises:
        InvalidArgumentError: the task's prior is no probability. An engine that is unknown, cannot be loaded or does not serve the
            options makes the results of the states Failed.
    """
    start = time.perf_counter()
    notes: list[str] = []
    tpm = tpm_for_phi(task.counts, task.prior)
    scalars: dict[str, float] = {}
    images: dict[str, bytes] = {}
    found: tuple[Diagnostic, ...] = ()
    with _Part("the scalars of the TPM", notes):
        scalars |= tpm_scalars(tpm)
    with _Part("the diagnostics of the counts", notes):
        evidence = Evidence(
            counts=task.counts,
            kind=task.kind,
            prior=task.prior,
            dynamics=task.dynamics,
            blocks=task.blocks or None,
            seed=task.seed,
        )
        found = diagnose(evidence, guard=lambda what: _Part(what, notes))
        scalars |= diagnostic_scalars(found)
    if task.pictures and _takes_long(task, len(task.states)):
        with _Part("the picture of the TPM", notes):
            images["tpm"] = _heatmap(task, tpm)
    partial = TaskResult(
        states=(), tpm=tpm.record, scalars=dict(scalars), diagnostics=found, images=dict(images), notes=tuple(notes)
    )
    report(0.0, partial=partial)
    states = _states(task, tpm, report)
    scalars |= phi_scalars(states)
    complex_ = None
    if task.options.complexes and states:
        with _Part("the major complex", notes):
            complex_ = _major_complex(task, tpm)
            scalars["major_complex_size"] = float(len(complex_.nodes))
    if task.pictures and _takes_long(task, analyses_for(task) + len(task.groups)):
        images |= _pictures(task, tpm, states, notes)
    partial = msgspec.structs.replace(partial, scalars=dict(scalars), images=dict(images), major_complex=complex_)
    report(1.0, partial=partial)
    for more, parts in _of_backgrounds(task, states, notes):
        scalars |= more
        partial = msgspec.structs.replace(partial, scalars=dict(scalars), **parts)
        report(1.0, partial=partial)
    groups: tuple[PhiResult, ...] = ()
    for group in task.groups:
        groups = (*groups, _of_group(task, group))
        scalars |= group_scalars([states[0].result, *groups])
        partial = msgspec.structs.replace(partial, scalars=dict(scalars), groups=groups)
        report(1.0, partial=partial)
    for judgement in _judgements(task, states, notes):
        scalars |= judgement.scalars
        found_parts = {name: part for name, part in judgement._asdict().items() if part}
        partial = msgspec.structs.replace(partial, scalars=dict(scalars), **found_parts)
        report(1.0, partial=partial)
    with _Part("whether Φ depends on ties", notes):
        states = _with_ties(task, states)
    if task.pictures and (partial.null is not None or "mip" not in images):
        words = NULL_NOT_COMPUTED if partial.null is None else partial.null.words
        images |= _pictures(task, tpm, states, notes, words)
    seconds = time.perf_counter() - start
    return msgspec.structs.replace(partial, states=states, scalars=scalars, images=images, notes=tuple(notes), seconds=seconds)


def _takes_long(task: PhiTask, analyses: int) -> bool:
    """Says whether so many analyses may take over 2 s, so that pictures are drawn beforehand in case the task is ended early."""
    if not task.states:
        return False
    try:
        seconds = choose_engine(task.engine, task.options).seconds(len(task.states[0]))
    except Exception:  # noqa: BLE001  the analyses will say what is wrong with the engine
        return False
    return analyses * seconds > _LONG


def _of_backgrounds(
    task: PhiTask, states: tuple[StateResult, ...], notes: list[str]
) -> Iterator[tuple[dict[str, float], dict[str, Any]]]:
    """Yields the scalars and the parts of the result that the survey of the layer and the single moments give."""
    if task.survey and states:
        with _Part("the survey of the layer", notes):
            surveyed = survey(task, {one.state: one.result.phi for one in states})
            yield surveyed.scalars, surveyed._asdict()
    if task.moments and states:
        with _Part("Φ at single moments", notes):
            moments = at_moments(task)
            yield moments.scalars, {"moments": moments}


def _judgements(task: PhiTask, states: tuple[StateResult, ...], notes: list[str]) -> Iterator[Judgement]:
    """Yields the judgement of the first state's Φ, more complete each time; nothing where that Φ was not computed."""
    if states and isinstance(states[0].result, Computed):
        with _Part("what Φ is judged by", notes):
            yield from judge_phi(task, states[0].result.phi)


def _with_ties(task: PhiTask, states: tuple[StateResult, ...]) -> tuple[StateResult, ...]:
    """Adds to the first state's result whether its Φ depends on ties, where that is wanted and Φ was computed."""
    if not states or not isinstance(states[0].result, Computed):
        return states
    return (msgspec.structs.replace(states[0], result=with_ties(task, states[0].result)), *states[1:])


def prepare_run(task: PhiTask) -> None:
    """Loads the engine of a task; called before the task's time limit starts to run. An engine that cannot be loaded is left."""
    with suppress(Exception):  # the analysis says what is wrong, and the task keeps its TPM and diagnostics
        choose_engine(task.engine, task.options).load()


def warm_up(engine: str = "auto", report: OnProgress = ignore) -> None:
    """Loads (and lets compile) an engine by analysing a small random system, and loads the modules that draw the pictures.

    Args:
        engine: the name of the engine; "auto" takes the first engine of this package.
        report: receives the progress; told 1 when the small system is analysed.

    Raises:
        InvalidArgumentError: there is no such engine, or it cannot be imported.
    """
    chosen = get_engine(engine)
    # Five units are the fewest that meet every kernel of the fast engine; for an engine that takes long, fewer load it too.
    n = max((units for units in range(2, min(5, chosen.max_units) + 1) if chosen.seconds(units) <= _SHORT), default=2)
    tpm = np.random.default_rng(0).random((2**n, n))
    for _ in chosen.analyse([System(tpm=tpm, state=(0,) * n)], PhiOptions()):
        report(1.0)
    import_module("lightning_iit.figures.partition")


def _states(task: PhiTask, tpm: Tpm, report: OnProgress) -> tuple[StateResult, ...]:
    """Analyses each state of the task in turn, reporting progress and every finished state."""
    done: list[StateResult] = []
    total = len(task.states)

    def progress(fraction: float) -> None:
        report((len(done) + fraction) / total)

    for state, result in zip(task.states, _analyse(task, tpm, progress), strict=True):
        done.append(StateResult(state=state, visits=task.visits_of(state), result=result))
        report(len(done) / total, state=done[-1])
    return tuple(done)


def _analyse(task: PhiTask, tpm: Tpm, progress: Callable[[float], None]) -> Iterator[PhiResult]:
    """Yields the result of each state; a state whose analysis raises is Failed, and the states after it are still analysed."""
    systems = [_system(task, tpm, state) for state in task.states]
    done = 0
    while done < len(systems):
        try:
            engine = choose_engine(task.engine, task.options)
            for result in engine.analyse(systems[done:], task.options, _of_the_next(progress, len(systems) - done)):
                done += 1
                yield result
            if done < len(systems):
                msg = f"the engine {engine.name!r} ended after {done} of {len(systems)} systems; it owes one result for each"
                raise ValueError(msg)  # noqa: TRY301  as an engine that raises at this system
        except Exception as error:  # noqa: BLE001  whatever broke, it is the result of this state
            done += 1
            yield Failed(code="engine_error", reason=f"{type(error).__name__}: {error}", details=traceback.format_exc())


def _of_group(task: PhiTask, group: GroupTask) -> PhiResult:
    """Computes the result of a further group of units, in the group's one state."""
    alone = msgspec.structs.replace(task, counts=group.counts, states=(group.state,), cm=group.cm, groups=())
    return next(_analyse(alone, tpm_for_phi(group.counts, task.prior), lambda _: None))


def _of_the_next(progress: Callable[[float], None], systems: int) -> Callable[[float], None]:
    """Converts progress over all systems to progress (0 to 1) within the current one."""
    return lambda fraction: progress((fraction * systems) % 1.0)


def _system(task: PhiTask, tpm: Tpm, state: State) -> System:
    """Builds the system that the engine analyses: the task's TPM and connectivity, in the given state."""
    return System(tpm=tpm.record.state_by_node, state=state, cm=task.cm)


def _major_complex(task: PhiTask, tpm: Tpm) -> MajorComplex:
    """Searches all subsets of the units for the major complex, in the first state of the task."""
    return choose_engine(task.engine, task.options).major_complex(_system(task, tpm, task.states[0]), task.options)


def _heatmap(task: PhiTask, tpm: Tpm, null_words: str = NULL_NOT_COMPUTED) -> bytes:
    """Draws the TPM as a heatmap, as PNG bytes."""
    from lightning_iit.figures.heatmap import tpm_heatmap

    return tpm_heatmap(
        tpm,
        counts=task.counts,
        kind=task.kind,
        axis=task.axis,
        subtitle=_subtitle(task),
        state=task.states[0] if task.states else None,
        labels=_labels(task),
        null_words=null_words,
    )


def _partition(task: PhiTask, tpm: Tpm, state: StateResult, null_words: str = NULL_NOT_COMPUTED) -> bytes:
    """Draws the minimum-information partition of a state's result, as PNG bytes."""
    from lightning_iit.figures.partition import partition_graph

    return partition_graph(
        state.result,
        tpm=tpm,
        state=state.state,
        kind=task.kind,
        axis=task.axis,
        subtitle=_subtitle(task),
        counts=task.counts,
        labels=_labels(task),
        cm=task.cm,
        null_words=null_words,
    )


def _pictures(
    task: PhiTask, tpm: Tpm, states: tuple[StateResult, ...], notes: list[str], null_words: str = NULL_NOT_COMPUTED
) -> dict[str, bytes]:
    """Draws both pictures, ``tpm`` and ``mip``, as PNG; a picture that cannot be drawn becomes a note."""
    images = {}
    with _Part("the picture of the TPM", notes):
        images["tpm"] = _heatmap(task, tpm, null_words)
    if states:
        with _Part("the picture of the partition", notes):
            images["mip"] = _partition(task, tpm, states[0], null_words)
    return images


def _subtitle(task: PhiTask) -> str:
    """Returns the second title line of the pictures: layer, epoch and global step."""
    epoch = "untrained" if task.epoch < 0 else f"epoch {task.epoch}"
    return f"{task.layer}, {epoch}, step {task.global_step}"


def _labels(task: PhiTask) -> tuple[str, ...] | None:
    """Returns the names of the elements, or None where the task has none."""
    return task.labels or None


class _Part:
    """Guards one part of a task: an exception inside the ``with`` block becomes a note, and the task goes on."""

    def __init__(self, what: str, notes: list[str]) -> None:
        self._what = what
        self._notes = notes

    def __enter__(self) -> None:
        """Does nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Turns an Exception into a note and suppresses it; other exceptions (such as KeyboardInterrupt) pass."""
        if not isinstance(error, Exception):
            return False
        self._notes.append(f"Could not make {self._what}: {type(error).__name__}: {error}")
        return True
