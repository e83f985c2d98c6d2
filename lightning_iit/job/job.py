"""The work of one task in a worker: from the counts to the TPM, its diagnostics, Φ of each state, and the pictures.

Loads no torch. Parts fail independently of each other: a picture that cannot be drawn never costs a Φ, and a state whose analysis
breaks never costs the other states.
"""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from lightning_iit.job.analyses import OnProgress, analyse, analyse_states, ignore, of_first_state
from lightning_iit.job.further import further
from lightning_iit.job.guard import Part
from lightning_iit.job.judgement import Judgement, analyses_for, group_scalars, judge_phi, with_ties
from lightning_iit.job.moments import at_moments
from lightning_iit.job.numbers import compute_part, whole_of
from lightning_iit.job.pictures import heatmaps, pictures
from lightning_iit.job.survey import survey
from lightning_iit.job.whole import measured_layer, pairs_pictures
from lightning_iit.phi.registry import choose_engine, get_engine
from lightning_iit.phi.scalars import phi_scalars
from lightning_iit.records import (
    FORMALISM,
    NULL_NOT_COMPUTED,
    Computed,
    Diagnostic,
    PhiOptions,
    PhiResult,
    PhiTask,
    StateResult,
    System,
    TaskResult,
)
from lightning_iit.records.whole.measures import WholeLayer
from lightning_iit.tpm.diagnostics import Evidence, diagnose, diagnostic_scalars
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.tpm.information import scalars as tpm_scalars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.job.survey import Surveyed
    from lightning_iit.records import Formalism, GroupTask

_SHORT = 0.1
"""An engine is warmed up with the largest system (of up to 5 units) whose analysis takes at most so many seconds."""
_LONG = 2.0
"""Where the analyses may take longer than so many seconds, the pictures are first drawn as far as their content is known. Drawing
both pictures takes about half a second."""


_WORKS = {
    "survey": "mean over the groups of the survey",
    "resamples": "interval of the survey",
    "null": "null",
    "interval": "interval of Φ",
    "curve": "curve",
    "whole": "measure of the whole layer",
    "whole_values": "measure of the whole layer",
    "whole_null": "null of the measures of the whole layer",
    "whole_interval": "interval of the measures of the whole layer",
    "whole_pairs": "null of the pairs of units",
}
"""What is missing where numbers of a work are."""


def run(task: PhiTask, report: OnProgress = ignore) -> TaskResult:
    """Computes a task: the TPM, its diagnostics, Φ of each state and group, and the judgement of the first state's Φ.

    Args:
        task: counts, states, engine and options.
        report: receives the progress and the results known so far.

    Returns:
        One result for each state and further group, in the order of the task; the scalars to be logged (without the scalars of a Φ
        that failed); the pictures ``tpm`` and ``mip`` (see :func:`~lightning_iit.job.pictures.pictures`); notes on parts that could
        not be made; and the seconds that all of this took. Of a task of one part there is only what the part found.

    Raises:
        InvalidArgumentError: the task's prior is no probability. An engine that is unknown, cannot be loaded or does not serve the
            options makes the results of the states Failed.
    """
    start = time.perf_counter()
    if task.part is not None:
        return compute_part(task)
    notes: list[str] = []
    tpm = tpm_for_phi(task.counts, task.prior)
    scalars: dict[str, float] = {}
    images: dict[str, bytes] = {}
    found: tuple[Diagnostic, ...] = ()
    with Part("the scalars of the TPM", notes):
        scalars |= tpm_scalars(tpm)
    with Part("the diagnostics of the counts", notes):
        evidence = Evidence(
            counts=task.counts,
            kind=task.kind,
            prior=task.prior,
            dynamics=task.dynamics,
            blocks=task.blocks or None,
            seed=task.seed,
        )
        found = diagnose(evidence, guard=lambda what: Part(what, notes))
        scalars |= diagnostic_scalars(found)
    if task.pictures and _takes_long(task, len(task.states)):
        with Part("the picture of the TPM", notes):
            images |= heatmaps(task, tpm)
    partial = TaskResult(
        states=(), tpm=tpm.record, scalars=dict(scalars), diagnostics=found, images=dict(images), notes=tuple(notes)
    )
    report(0.0, partial=partial)
    states = analyse_states(task, tpm, report)
    scalars |= phi_scalars(states)
    more, parts = of_first_state(task, tpm, notes)
    scalars |= more
    if task.pictures and _takes_long(task, analyses_for(task) + len(task.groups)):
        images |= pictures(task, tpm, states, notes)
    partial = msgspec.structs.replace(partial, scalars=dict(scalars), images=dict(images), **parts)
    report(1.0, partial=partial)
    surveys: dict[Formalism, Surveyed] = {}
    for more, parts in _of_layer(task, states, notes, surveys, images):
        scalars |= more
        partial = msgspec.structs.replace(partial, scalars=dict(scalars), **parts)
        report(1.0, partial=partial)
    for formalism in task.further if states else ():
        partial = msgspec.structs.replace(partial, others=(*partial.others, further(task, tpm, formalism, surveys)))
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
    with Part("whether Φ depends on ties", notes):
        states = _with_ties(task, states)
    if task.pictures and (partial.null is not None or partial.others or "mip" not in images):
        words = NULL_NOT_COMPUTED if partial.null is None else partial.null.words
        images |= pictures(task, tpm, states, notes, words, partial)
    notes += _lost(task)
    seconds = time.perf_counter() - start + sum(one.seconds for one in task.found)
    complete = not any(one.lost for one in task.found)
    return msgspec.structs.replace(
        partial, states=states, scalars=scalars, images=images, notes=tuple(notes), seconds=seconds, complete=complete
    )


def _lost(task: PhiTask) -> list[str]:
    """Returns which numbers are missing since parts of the task were not computed, in a sentence; nothing where none are."""
    lost = [one for one in task.found if one.lost]
    if not lost:
        return []
    works = ", ".join(dict.fromkeys(_WORKS[one.stretch.work] for one in lost))
    return [f"Not all parts of this analysis were computed, so there is no {works}: {lost[0].reason}"]


def _takes_long(task: PhiTask, analyses: int) -> bool:
    """Says whether so many analyses may take over 2 s, so that pictures are drawn beforehand in case the task is ended early."""
    if not task.states:
        return False
    try:
        seconds = choose_engine(task.engine, task.options).seconds(len(task.states[0]))
    except Exception:  # noqa: BLE001  the analyses will say what is wrong with the engine
        return False
    return analyses * seconds > _LONG


def _of_layer(
    task: PhiTask,
    states: tuple[StateResult, ...],
    notes: list[str],
    surveys: dict[Formalism, Surveyed],
    images: dict[str, bytes],
) -> Iterator[tuple[dict[str, float], dict[str, Any]]]:
    """Yields the scalars and the parts of the result that are not of the task's own states.

    They are those of all units, of the survey of the layer, also so far, and of single moments.

    Surveys that are complete are added to ``surveys``, those of further formalisms that came with that of the first one too.
    """
    apart = whole_of(task)
    whole: WholeLayer | None = None
    if apart is not None:
        notes += apart.notes
        whole = apart.whole or WholeLayer(refused=apart.reason)
    elif task.whole is not None:
        whole = measured_layer(task.whole, notes)
    if whole is not None:
        images |= pairs_pictures(whole, task.layer, notes) if task.pictures else {}
        yield {}, {"whole": whole, "images": dict(images)}
    if task.survey and states:
        with Part("the survey of the layer", notes):
            for made in survey(task, {one.state: one.result for one in states}):
                surveyed = made[task.options.formalism]
                yield surveyed.scalars, surveyed._asdict()
            surveys |= made
    if task.moments and states:
        with Part("Φ at single moments", notes):
            moments = at_moments(task)
            yield moments.scalars, {"moments": moments}


def _judgements(task: PhiTask, states: tuple[StateResult, ...], notes: list[str]) -> Iterator[Judgement]:
    """Yields the judgement of the first state's Φ, more complete each time; nothing where that Φ was not computed."""
    phi = states[0].result.phi if states else None
    if phi is not None:
        with Part("what Φ is judged by", notes):
            yield from judge_phi(task, phi)


def _with_ties(task: PhiTask, states: tuple[StateResult, ...]) -> tuple[StateResult, ...]:
    """Adds to the first state's result whether its Φ depends on ties, where that is wanted and Φ was computed."""
    if not states or not isinstance(states[0].result, Computed):
        return states
    return (msgspec.structs.replace(states[0], result=with_ties(task, states[0].result)), *states[1:])


def prepare_run(task: PhiTask) -> None:
    """Loads the engine of a task; called before the task's time limit starts to run. An engine that cannot be loaded is left."""
    with suppress(Exception):  # the analysis says what is wrong, and the task keeps its TPM and diagnostics
        choose_engine(task.engine, task.options).load()


def warm_up(engine: str = "auto", formalisms: tuple[Formalism, ...] = (FORMALISM,), report: OnProgress = ignore) -> None:
    """Loads (and lets compile) engines by analysing a small random system, and loads the modules that draw the pictures.

    Args:
        engine: the name of the engine; "auto" takes the first engine of this package.
        formalisms: the formalisms that will be asked for.
        report: receives the progress; told 1 when the small system is analysed.

    Raises:
        InvalidArgumentError: there is no such engine, or it cannot be imported.
    """
    for formalism in formalisms:
        chosen = get_engine(engine, formalism)
        chosen.load()
        # Five units are the fewest that meet every kernel of the fast engine; for an engine that takes long, fewer load it too.
        n = max((units for units in range(2, min(5, chosen.max_units) + 1) if chosen.seconds(units) <= _SHORT), default=2)
        tpm = np.random.default_rng(0).random((2**n, n))
        for _ in chosen.analyse([System(tpm=tpm, state=(0,) * n)], PhiOptions(formalism=formalism)):
            report(1.0)
    import_module("lightning_iit.figures.partition")


def _of_group(task: PhiTask, group: GroupTask) -> PhiResult:
    """Computes the result of a further group of units, in the group's one state."""
    alone = msgspec.structs.replace(task, counts=group.counts, states=(group.state,), cm=group.cm, groups=())
    return next(analyse(alone, tpm_for_phi(group.counts, task.prior), lambda _: None))
