"""What a worker does for one task: from the counts to the TPM, its diagnostics, Φ of each state, and the pictures.

Loads no torch. Each part that can fail alone does: a picture that cannot be drawn never costs a Φ, and a state whose analysis
breaks never costs the other states.
"""

from __future__ import annotations

import time
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from lightning_iit.job.judgement import Judgement, analyses_for, group_scalars, judge_phi
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
from lightning_iit.tpm.estimate import Tpm, tpm_from_counts
from lightning_iit.tpm.information import scalars as tpm_scalars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lightning_iit.records import GroupTask

_SHORT = 0.1
"""Seconds that one analysis may take to warm an engine up."""
_LONG = 2.0
"""Seconds of analyses, before which the pictures are drawn as far as they are known. Drawing both takes about half a second."""


class OnProgress(Protocol):
    """Is told how far a task is, and what is already known of it, should it be ended before its end."""

    def __call__(self, fraction: float, *, state: StateResult | None = None, partial: TaskResult | None = None) -> None:
        """Takes the fraction of the work that is done (0 to 1), a finished state, or all that does not depend on Φ."""


def ignore(fraction: float, *, state: StateResult | None = None, partial: TaskResult | None = None) -> None:
    """For those who do not watch a task."""


def run(task: PhiTask, report: OnProgress = ignore) -> TaskResult:
    """Computes a task.

    Args:
        task: counts, states, engine and options.
        report: is told how far it is and what is known already.

    Returns:
        One result for each state and further group, in the order of the task; the scalars that are logged (those of a Φ that
        failed are left out); the pictures ``tpm`` and ``mip``; and notes on parts that could not be made.
    """
    start = time.perf_counter()
    notes: list[str] = []
    tpm = tpm_from_counts(task.counts, task.prior)
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
    groups: tuple[PhiResult, ...] = ()
    for group in task.groups:
        groups = (*groups, _of_group(task, group))
        scalars |= group_scalars([states[0].result, *groups])
        partial = msgspec.structs.replace(partial, scalars=dict(scalars), groups=groups)
        report(1.0, partial=partial)
    for judgement in _judgements(task, states, notes):
        scalars |= judgement.scalars
        partial = msgspec.structs.replace(partial, scalars=dict(scalars), **judgement._asdict())
        report(1.0, partial=partial)
    if task.pictures and (partial.null is not None or "mip" not in images):
        words = NULL_NOT_COMPUTED if partial.null is None else partial.null.words
        images |= _pictures(task, tpm, states, notes, words)
    seconds = time.perf_counter() - start
    return msgspec.structs.replace(partial, states=states, scalars=scalars, images=images, notes=tuple(notes), seconds=seconds)


def _takes_long(task: PhiTask, analyses: int) -> bool:
    """Whether so many analyses may take so long that pictures are drawn before them, should they be ended, and again after."""
    seconds = choose_engine(task.engine, task.options).seconds(len(task.states[0])) if task.states else 0.0
    return analyses * seconds > _LONG


def _judgements(task: PhiTask, states: tuple[StateResult, ...], notes: list[str]) -> Iterator[Judgement]:
    """What the first state's Φ is judged by, as far as it is known."""
    if states and isinstance(states[0].result, Computed):
        with _Part("what Φ is judged by", notes):
            yield from judge_phi(task, states[0].result.phi)


def prepare_run(task: PhiTask) -> None:
    """Loads the engine of a task, before its time limit starts to run."""
    choose_engine(task.engine, task.options).load()


def warm_up(engine: str = "auto", report: OnProgress = ignore) -> None:
    """Loads an engine and lets it compile, by analysing a small system, and what draws the pictures."""
    chosen = get_engine(engine)
    # Five units are the fewest that meet every kernel of the fast engine; for an engine that takes long, fewer load it too.
    n = max((units for units in range(2, 6) if chosen.seconds(units) <= _SHORT), default=2)
    tpm = np.random.default_rng(0).random((2**n, n))
    for _ in chosen.analyse([System(tpm=tpm, state=(0,) * n)], PhiOptions()):  # type: ignore[arg-type]
        report(1.0)
    import_module("lightning_iit.figures.partition")


def _states(task: PhiTask, tpm: Tpm, report: OnProgress) -> tuple[StateResult, ...]:
    done: list[StateResult] = []
    total = len(task.states)

    def progress(fraction: float) -> None:
        report((len(done) + fraction) / total)

    for state, result in zip(task.states, _analyse(task, tpm, progress), strict=True):
        done.append(StateResult(state=state, visits=task.visits_of(state), result=result))
        report(len(done) / total, state=done[-1])
    return tuple(done)


def _analyse(task: PhiTask, tpm: Tpm, progress: Callable[[float], None]) -> Iterator[PhiResult]:
    """The result of each state; an exception ends the analysis of one state, and the next ones are begun anew."""
    systems = [_system(task, tpm, state) for state in task.states]
    done = 0
    while done < len(systems):
        try:
            engine = choose_engine(task.engine, task.options)
            for result in engine.analyse(systems[done:], task.options, _of_the_next(progress, len(systems) - done)):
                done += 1
                yield result
        except Exception as error:  # noqa: BLE001  whatever broke, it is the result of this state
            done += 1
            yield Failed(code="engine_error", reason=f"{type(error).__name__}: {error}", details=traceback.format_exc())


def _of_group(task: PhiTask, group: GroupTask) -> PhiResult:
    """The result of a further group of units."""
    alone = msgspec.structs.replace(task, counts=group.counts, states=(group.state,), cm=group.cm, groups=())
    return next(_analyse(alone, tpm_from_counts(group.counts, task.prior), lambda _: None))


def _of_the_next(progress: Callable[[float], None], systems: int) -> Callable[[float], None]:
    """An engine tells the fraction of all systems it was given; what is wanted is that of the one it is at."""
    return lambda fraction: progress((fraction * systems) % 1.0)


def _system(task: PhiTask, tpm: Tpm, state: State) -> System:
    return System(tpm=tpm.record.state_by_node, state=state, cm=task.cm)


def _major_complex(task: PhiTask, tpm: Tpm) -> MajorComplex:
    return choose_engine(task.engine, task.options).major_complex(_system(task, tpm, task.states[0]), task.options)


def _heatmap(task: PhiTask, tpm: Tpm, null_words: str = NULL_NOT_COMPUTED) -> bytes:
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
    images = {}
    with _Part("the picture of the TPM", notes):
        images["tpm"] = _heatmap(task, tpm, null_words)
    if states:
        with _Part("the picture of the partition", notes):
            images["mip"] = _partition(task, tpm, states[0], null_words)
    return images


def _subtitle(task: PhiTask) -> str:
    epoch = "untrained" if task.epoch < 0 else f"epoch {task.epoch}"
    return f"{task.layer}, {epoch}, step {task.global_step}"


def _labels(task: PhiTask) -> tuple[str, ...] | None:
    return task.labels or None


class _Part:
    """A part that may fail: its exception becomes a note."""

    def __init__(self, what: str, notes: list[str]) -> None:
        self._what = what
        self._notes = notes

    def __enter__(self) -> None:
        """Begins."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Takes an Exception, and lets others pass."""
        if not isinstance(error, Exception):
            return False
        self._notes.append(f"Could not make {self._what}: {type(error).__name__}: {error}")
        return True
