"""Φ of recorded states: from a series [time, unit] to a judged Φ in one call, without a model and without torch."""

from __future__ import annotations

import time
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from lightning_iit.checks import LAG, text, told_of_unknown, whole
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.job.split import with_parts
from lightning_iit.phi.cost import TRANSITIONS_PER_STATE, coin_flip_phi
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.phi.registry import choose_engine
from lightning_iit.phi.subsystems import indices_of
from lightning_iit.records import FORMALISM, EpochRecord, Open, PhiTask, Provenance, Skipped, State, Thresholds
from lightning_iit.records.store import write_record
from lightning_iit.run.budget.judgements import Budget
from lightning_iit.run.options import RunOptions
from lightning_iit.run.request import package_versions, phi_task, settled_record
from lightning_iit.tpm.dead_units import dead_units
from lightning_iit.tpm.recording import Recording
from lightning_iit.tpm.states import StatesPolicy, check_policy, choose_states

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from lightning_iit.records import Formalism, TaskResult
    from lightning_iit.tpm.nulls import NullName

_PATIENCE: float = 600.0
"""Seconds beyond a time limit, for a worker to start and load the engine, after which a worker that keeps no limit is given up."""


@told_of_unknown
def analyse_states(
    states: Any,
    *,
    units: int | Sequence[int] | None = None,
    threshold: Literal["median", "mean", "zero"] | float | Sequence[float] | None = None,
    lag: int = 1,
    state: StatesPolicy | Sequence[int] = "mode",
    kind: Literal["observational", "statistical"] = "observational",
    prior: float = 0.5,
    formalism: Formalism | Sequence[Formalism] = FORMALISM,
    nodes: Sequence[int | str] | None = None,
    engine: str = "auto",
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    complexes: bool = False,
    repertoires: bool = False,
    pyphi_options: dict[str, Any] | None = None,
    null_model: NullName | None = "cut",
    surrogates: int = 19,
    timeout: float | None = None,
    workers: int = 0,
    seed: int = 0,
    layer: str = "states",
    epoch: int = 0,
    log_dir: str | os.PathLike[str] | None = None,
) -> EpochRecord:
    """Computes integrated information (Φ of IIT 3.0, φ_s of IIT 4.0) of recorded units, as at the last epoch of a training run.

    The units were watched and not set, so Φ is observational: see the record's ``null`` before reading anything into it, and its
    ``diagnostics`` for the coverage of the states and for what Φ assumes of the data. Nothing here loads torch.

    Args:
        states: an array ``[time, unit]``, or a list of such arrays as separate sequences: no transition goes from the end of one
            sequence to the start of the next. Activations, or states of 0 and 1 (or bool). A row with a value that is NaN or
            infinite has no state, and no transition goes across such a row.
        units: which columns are analysed: a list of indices, or a number k for the k columns with the largest variance. None
            analyses all columns.
        threshold: a unit is ON where its value is above this: "median", "mean" or "zero", a number, or a number for each unit.
            None is "median". Columns of 0 and 1 are states already and stay as they are, unless a number is given.
        lag: how many rows a transition spans.
        state: which observed states are analysed: "mode" (the most visited), "last", "all" (each visited one), a number k (the k
            most visited); or one state, as a 0 or 1 for each unit. What Φ is judged by is computed for the first.
        kind: "observational" for units with connections among them; "statistical" for units without any (those of one feed-forward
            layer), whose structural Φ is 0.
        prior: the probability of ON in rows of the TPM that were never visited.
        formalism: "iit3", "iit4-2023" or "iit4-2026", as in :func:`~lightning_iit.compute_phi`, or several of them. The record is
            that of the first one in the order of their years, which alone is judged; ``record.of("iit4-2023")`` has another one.
        nodes: a candidate system, with the other recorded units as background, as in :func:`~lightning_iit.compute_phi`: positions
            among the recorded units, or their names. None analyses all units. There is no null of a candidate system.
        engine: as in :func:`~lightning_iit.compute_phi`.
        cuts: as in :func:`~lightning_iit.compute_phi`.
        new_concepts: as in :func:`~lightning_iit.compute_phi`.
        complexes: also search all subsets of the units for the major complex.
        repertoires: as in :func:`~lightning_iit.compute_phi`.
        pyphi_options: as in :func:`~lightning_iit.compute_phi`.
        null_model: "cut", "shuffle", or None: Φ is then not judged.
        surrogates: how many surrogates the null has.
        timeout: time limit in seconds for everything; where several workers divide it, for each of the parts. None is no limit;
            with a limit, a worker process computes and is killed at the limit.
        workers: how many worker processes compute. 0 computes in this process, or in one worker where there is a time limit. Two or
            more divide the null, the interval and the curve, where these take a second or longer; the numbers are the same.
        seed: the seed of everything that is drawn at random.
        layer: the name under which the record is filed.
        epoch: the epoch under which the record is filed.
        log_dir: where to write the record, for ``lightning-iit view`` and :func:`~lightning_iit.load_run`. None writes nothing.

    Returns:
        The record: Φ, or φ_s (``record.phi``), the result of each state, counts, TPM, null, interval, curve, diagnostics and notes.

    Raises:
        InvalidStatesError: what is no array ``[time, unit]`` of numbers, sequences of different widths, or units of more than two
            states.
        InvalidArgumentError: an option that cannot be.
        TooManyUnitsError: more units than the engine accepts.

    Example:
        >>> import numpy as np
        >>> flips = np.random.default_rng(0).random((2000, 2)) > 0.5
        >>> ring = np.stack([flips[:, 0], np.roll(flips[:, 0], 1)], axis=1)  # unit 1 repeats what unit 0 was
        >>> record = analyse_states(ring)
        >>> record.null_words, record.diagnostics[0].words
        ('cut null: mean ...', '4 of 4 states visited, 1,999 transitions')
    """
    given = isinstance(state, (list, tuple, np.ndarray))
    policy: Any = "mode" if given else state
    check_policy(policy, "analyse_states(state=...)")
    options = RunOptions(
        states=policy,
        prior=prior,
        formalism=formalism,
        engine=engine,
        cuts=cuts,
        new_concepts=new_concepts,
        complexes=complexes,
        repertoires=repertoires,
        pyphi_options=pyphi_options,
        null_model=null_model,
        surrogates=surrogates,
        timeout=timeout,
        pictures=False,
        seed=seed,
    )
    options.check()
    if kind not in {"observational", "statistical"}:
        msg = (
            f"kind={kind!r}: recorded units were watched, so Φ is 'observational' (units with connections among them) or "
            "'statistical' (units without). For a causal Φ the units must be set: see IITCallback(tpm='perturb')."
        )
        raise InvalidArgumentError(msg)
    epoch = whole("give the epoch under which the record is filed, -1 for an untrained network", least=-1)("epoch", epoch)
    workers = whole("give the number of worker processes, or 0 for this process", least=0)("workers", workers)
    layer = text("give the name under which the record is filed")("layer", layer)
    most = min(one.max_units for one in options.engines)
    series = Recording.read(states, units, threshold, LAG("lag", lag), most=most)
    options.nodes = None if nodes is None else indices_of(series, nodes)
    if options.nodes is not None and complexes:
        msg = f"nodes={nodes!r} with complexes=True, which looks for the candidate system among all units: give one of both."
        raise InvalidArgumentError(msg)
    chosen = (_given_state(state, series.n),) if given else choose_states(series.counts.visits, series.last, policy)
    stub = _pending(options, series, kind, strategy=_strategy(threshold), layer=layer, epoch=epoch)
    if series.counts.transitions == 0:
        reason = f"The series gave no transition: it needs two rows with a state, {lag} apart, within one sequence."
        record = msgspec.structs.replace(stub, result=Skipped(code="no_transitions", reason=reason))
    else:
        task = _task(options, stub, chosen, series)
        answer = _computed(task, workers)
        record = _with_coin_flips(settled_record(stub, answer.states[0].result, answer, task))
    if log_dir is not None:
        write_record(Path(log_dir), record)
    return record


def _given_state(state: Any, n: int) -> State:
    """Returns a state that was given, as a tuple of n bits; raises InvalidArgumentError for anything else."""
    bits = tuple(int(bit) if bit in {0, 1} else -1 for bit in np.asarray(state).ravel().tolist())
    if len(bits) != n or -1 in bits:
        msg = (
            f"state={state!r}: the series has {n} units, so a state is {n} values of 0 or 1; or 'mode', 'last', 'all' or a number."
        )
        raise InvalidArgumentError(msg)
    return bits


def _strategy(threshold: float | str | Sequence[float] | None) -> str:
    """Returns how the thresholds were made, as a record says it."""
    if threshold is None:
        return "median"
    return threshold if isinstance(threshold, str) else str(np.asarray(threshold).tolist())


def _notes(series: Recording) -> Iterator[str]:
    """Yields what a reader of the numbers should know."""
    if series.left_out:
        yield f"{series.left_out} rows were left out, with a value that was NaN or infinite; no transition goes across them."
    if series.lag > 1:
        yield f"Each transition spans {series.lag} rows of the series."
    if series.counts.transitions:
        yield from dead_units(series.units, series.counts, "in this series")
        if series.counts.transitions < TRANSITIONS_PER_STATE * 2**series.n:
            yield _few(series.n, series.counts.transitions)


def _few(n: int, transitions: int, flips: float | None = None) -> str:
    """Returns the sentence on too few transitions, with the Φ of coin flips where there is no null that says it better."""
    read = "" if flips is None else f"; independent coin flips (true Φ = 0) read Φ = {flips:.2g} with as many"
    return (
        f"{transitions:,} transitions for {2**n} possible states, fewer than {TRANSITIONS_PER_STATE} for each{read}. "
        "Record for longer, or analyse fewer units."
    )


def _with_coin_flips(record: EpochRecord) -> EpochRecord:
    """Returns a record that has no null with the Φ of coin flips in its sentence on too few transitions."""
    counts = record.counts
    n, transitions = (0, 0) if counts is None else (len(counts.on[0]), counts.transitions)
    if record.null is not None or n < 2 or record.formalism != FORMALISM:
        return record
    plain, told = _few(n, transitions), _few(n, transitions, coin_flip_phi(n, transitions))
    return msgspec.structs.replace(record, notes=tuple(told if note == plain else note for note in record.notes))


def _pending(
    options: RunOptions,
    series: Recording,
    kind: Literal["observational", "statistical"],
    *,
    strategy: str,
    layer: str,
    epoch: int,
) -> EpochRecord:
    """Builds the record as it is before Φ is computed."""
    statistical = kind == "statistical"
    thresholds = Thresholds(values=tuple(series.thresholds.tolist()), strategy=strategy, frozen=False, samples=len(series.rows))
    return EpochRecord(
        layer=layer,
        epoch=epoch,
        global_step=max(epoch, 0),
        wall_time=time.time(),
        kind=kind,
        axis="time",
        result=Open(),
        units=series.units,
        thresholds=thresholds if series.raw.any() or (series.thresholds != 0.5).any() else None,
        counts=series.counts,
        structural_phi=0.0 if statistical else None,
        structural_reason="The units were said to have no connections among them." if statistical else "",
        notes=tuple(_notes(series)),
        left_out=series.left_out,
        formalism=options.formalisms[0],
        provenance=Provenance(
            engine=options.engine, options=options.phi_options, seed=options.seed, window=1, packages=package_versions()
        ),
    )


def _task(options: RunOptions, stub: EpochRecord, states: tuple[State, ...], series: Recording) -> PhiTask:
    """Builds the task of a worker, with everything that the last epoch of a training run is judged by."""
    task = phi_task(options, stub, states, dynamics=series.dynamics)
    seconds = choose_engine(options.engine, options.phi_options).seconds(series.n)
    budget = Budget(null=options.null_model, surrogates=options.surrogates, share=0.0)
    return with_parts(msgspec.structs.replace(task, judge=budget.judge_last(task, seconds, series.at_thresholds)), seconds)


def _computed(task: PhiTask, workers: int) -> TaskResult:
    """Computes a task: in this process, or in workers, as with a time limit."""
    if task.timeout is None and not workers:
        return InlinePool().submit(msgspec.structs.replace(task, split=())).result()
    pool = WorkerPool(workers=max(1, workers), timeout=task.timeout)
    try:
        future = pool.submit(task)
        pieces = 1 + (workers > 1) * len(task.split)
        wait([future], None if task.timeout is None else pieces * task.timeout + _PATIENCE)
    finally:
        pool.close()  # a task that is still open ends as Failed
    return future.result(_PATIENCE)
