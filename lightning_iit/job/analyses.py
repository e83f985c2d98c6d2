"""The analyses of one task by one formalism: its states one by one, its major complex, and its cause-effect structure."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from lightning_iit.errors import TooManyUnitsError
from lightning_iit.job.guard import Part
from lightning_iit.phi.engine import ComputesStructures
from lightning_iit.phi.registry import choose_engine
from lightning_iit.phi.scalars import structure_scalars
from lightning_iit.phi.subsystems import in_system, subsystem
from lightning_iit.records import (
    FORMALISM,
    Failed,
    PhiResult,
    PhiTask,
    State,
    StateResult,
    Structure,
    System,
    TaskResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import ArrayLike

    from lightning_iit.tpm.estimate import Tpm


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


def analyse_states(task: PhiTask, tpm: Tpm, report: OnProgress) -> tuple[StateResult, ...]:
    """Analyses each state of the task in turn, reporting progress and every finished state."""
    done: list[StateResult] = []
    total = len(task.states)

    def progress(fraction: float) -> None:
        report((len(done) + fraction) / total)

    for state, result in zip(task.states, analyse(task, tpm, progress), strict=True):
        done.append(StateResult(state=state, visits=task.visits_of(state), result=result))
        report(len(done) / total, state=done[-1])
    return tuple(done)


def analyse(task: PhiTask, tpm: Tpm, progress: Callable[[float], None]) -> Iterator[PhiResult]:
    """Yields the result of each state; a state whose analysis raises is Failed, and the states after it are still analysed."""
    systems = [candidate(task, _system(task, tpm.record.state_by_node, state)) for state in task.states]
    done = 0
    while done < len(systems):
        try:
            engine = choose_engine(task.engine, task.options)
            for result in engine.analyse(systems[done:], task.options, _of_the_next(progress, len(systems) - done)):
                done += 1
                yield in_system(result, _nodes(task))
            if done < len(systems):
                msg = f"the engine {engine.name!r} ended after {done} of {len(systems)} systems; it owes one result for each"
                raise ValueError(msg)  # noqa: TRY301  as an engine that raises at this system
        except Exception as error:  # noqa: BLE001  whatever broke, it is the result of this state
            done += 1
            yield Failed(code="engine_error", reason=f"{type(error).__name__}: {error}", details=traceback.format_exc())


def _of_the_next(progress: Callable[[float], None], systems: int) -> Callable[[float], None]:
    """Converts progress over all systems to progress (0 to 1) within the current one."""
    return lambda fraction: progress((fraction * systems) % 1.0)


def results_for(task: PhiTask, tpms: Iterable[ArrayLike]) -> list[PhiResult]:
    """Analyses the task's first state under each state-by-node TPM."""
    engine = choose_engine(task.engine, task.options)
    systems = [candidate(task, _system(task, tpm, task.states[0])) for tpm in tpms]
    return [in_system(next(iter(engine.analyse([system], task.options))), _nodes(task)) for system in systems]


def of_first_state(task: PhiTask, tpm: Tpm, notes: list[str]) -> tuple[dict[str, float], dict[str, Any]]:
    """Computes what is asked of the first state beside its Φ: the major complex, and the cause-effect structure (IIT 4.0).

    Returns:
        The scalars to log, and ``major_complex`` and ``structure`` as far as there are any; what cannot be made becomes a note.
    """
    scalars: dict[str, float] = {}
    parts: dict[str, Any] = {}
    if not task.states:
        return scalars, parts
    system = _system(task, tpm.record.state_by_node, task.states[0])
    if task.options.complexes:
        with Part("the major complex", notes):
            parts["major_complex"] = complex_ = choose_engine(task.engine, task.options).major_complex(system, task.options)
            scalars["major_complex_size"] = float(len(complex_.nodes))
    if task.options.formalism != FORMALISM:
        with Part("the cause-effect structure", notes), suppress(TooManyUnitsError):
            engine = choose_engine(task.engine, task.options)
            found = engine.structure(system, task.options) if isinstance(engine, ComputesStructures) else None
            if isinstance(found, Structure):
                parts["structure"] = found
                scalars |= structure_scalars(found)
    return scalars, parts


def candidate(task: PhiTask, system: System) -> System:
    """Returns what an engine of IIT 3.0 analyses: the candidate system alone, with the other units held at their states.

    IIT 4.0 has another rule for the background of causes, which its engine follows by itself.
    """
    return subsystem(system, _nodes(task)) if task.options.formalism == FORMALISM else system


def _nodes(task: PhiTask) -> tuple[int, ...]:
    """Returns the nodes of the candidate system among all units of the task."""
    return tuple(range(len(task.states[0]))) if task.options.nodes is None else task.options.nodes


def _system(task: PhiTask, tpm: ArrayLike, state: State) -> System:
    """Builds the system of all units: a TPM and the task's connectivity, in the given state."""
    return System(tpm=tpm, state=state, cm=task.cm)
