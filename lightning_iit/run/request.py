"""The record and the task of a layer's epoch, as they are made at capture."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.comparison.change import change
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import EpochRecord, OfFormalism, Open, PhiTask, Provenance, Skipped, Survey
from lightning_iit.records.logged import layer_phi
from lightning_iit.records.results import can_be_settled
from lightning_iit.records.whole.tasks import WholeTask
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import Counts, Dynamics, PhiResult, State, TaskResult
    from lightning_iit.run.options import RunOptions
    from lightning_iit.run.survey import Causal

log: logging.Logger = logging.getLogger(__name__)

_RESAMPLES = 99
"""How many resamples the intervals of the last epoch have."""
_PACKAGES = ("lightning-iit", "torch", "lightning", "numpy", "numba", "pyphi", "pyemd", "POT")


def open_record(
    options: RunOptions,
    captured: LayerEpoch,
    counts: Counts | None,
    causal: Causal,
    *,
    epoch: int,
    step: int | None,
    global_step: int,
    wall_time: float,
    backlog: int,
    packages: Mapping[str, str],
) -> EpochRecord:
    """Makes the record of a layer's epoch as it stands at capture; the worker's results are filled in later.

    Args:
        options: of the run.
        captured: of the epoch that ended.
        counts: what was watched, over the window.
        causal: the counts of a perturbation with how it was made, why it could not be made, or None for none.
        epoch: the epoch that ended, or is going on.
        step: of a capture within an epoch the global step; None for a whole epoch.
        global_step: at capture.
        wall_time: at capture, in seconds since 1970.
        backlog: how many analyses are open.
        packages: their versions by name.
    """
    set_counts, how = causal if isinstance(causal, tuple) else (None, None)
    watched_thresholds = captured.watched_thresholds or captured.thresholds
    return EpochRecord(
        layer=captured.layer,
        epoch=epoch,
        step=step,
        global_step=global_step,
        wall_time=wall_time,
        kind="causal" if set_counts is not None else captured.kind,
        axis=captured.axis,
        result=Open(),
        units=captured.units,
        thresholds=captured.thresholds if how is not None else watched_thresholds,
        counts=set_counts if set_counts is not None else counts,
        observed=counts if how is not None else None,
        observed_thresholds=watched_thresholds if how is not None else None,
        perturbation=how,
        # Blocks of a stack that are set have a Φ of the map that they are; its note says that the stack itself is feed-forward.
        structural_phi=None if set_counts is not None else captured.structural_phi,
        structural_reason="" if set_counts is not None else captured.structural_reason,
        notes=captured.notes,
        left_out=captured.left_out,
        backlog=backlog,
        provenance=Provenance(
            engine=options.engine,
            options=options.phi_options,
            seed=options.seed,
            window=options.window,
            world_size=options.world_size,
            packages=dict(packages),
            initial_weights=options.initial_weights,
            selection=options.selections.get(captured.layer, 0),
        ),
        formalism=options.formalisms[0],
    )


def phi_task(
    options: RunOptions,
    stub: EpochRecord,
    states: tuple[State, ...],
    *,
    dynamics: Dynamics | None,
    seen: tuple[int, ...] = (),
    blocks: tuple[Counts, ...] = (),
    whole: WholeTask | None = None,
) -> PhiTask:
    """Makes the task that a worker is given for a record that is open.

    Args:
        options: of the run.
        stub: the record, with counts and units.
        states: that are analysed.
        dynamics: what the tests of Markov order and stationarity need.
        seen: how often each state was seen where the layer is perturbed; empty where that is what the counts say.
        blocks: the counts of each of several sources that were pooled.
        whole: what is computed of the whole layer; None for nothing.
    """
    if stub.counts is None or stub.units is None:
        msg = f"layer {stub.layer!r} has states but no counts or units"
        raise ValueError(msg)
    visits = seen or (stub.observed or stub.counts).visits
    return PhiTask(
        layer=stub.layer,
        epoch=stub.epoch,
        step=stub.step,
        global_step=stub.global_step,
        counts=stub.counts,
        prior=options.prior,
        states=states,
        kind=stub.kind,
        axis=stub.axis,
        labels=stub.units.labels,
        cm=stub.perturbation.cm if stub.perturbation is not None else None,
        blocks=blocks,
        survey=() if stub.survey is None else stub.survey.groups,
        dynamics=dynamics,
        visits=tuple(visits[index_of(state)] for state in states),
        engine=options.engine,
        options=options.phi_options,
        timeout=options.timeout,
        further=options.formalisms[1:],
        pictures=options.pictures,
        seed=options.seed,
        whole=whole,
    )


def whole_task(options: RunOptions, captured: LayerEpoch, *, last: bool) -> WholeTask | None:
    """Returns what a worker computes of all units of a layer; None where nothing was asked for, or captured.

    Nulls hold the partition that was found, unless the budget lets it be searched anew. Intervals are those of the last epoch.

    Args:
        options: the options of the run.
        captured: the layer's captured epoch.
        last: whether no epoch follows.
    """
    series = captured.whole
    if not options.measures or series is None:
        return None
    return WholeTask(
        series=series,
        names=tuple(options.measures),
        surrogates=options.surrogates,
        resamples=_RESAMPLES if last else 0,
        seed=options.seed,
        sums=captured.sums,
    )


def reopened(record: EpochRecord) -> EpochRecord:
    """Returns a record as it was at capture, from one that is open (version 0.1.0: pending) or was settled without its analysis."""
    at_capture = isinstance(record.result, Open) or (isinstance(record.result, Skipped) and record.result.code == "pending")
    further = record.groups if at_capture else record.groups[1:]  # version 0.1.0: the first group of a settled record is its own
    groups = tuple(group if group.counts is None else msgspec.structs.replace(group, result=Open()) for group in further)
    survey = record.survey and Survey(groups=tuple(msgspec.structs.replace(group, phis=()) for group in record.survey.groups))
    return msgspec.structs.replace(record, result=Open(), groups=groups, survey=survey, others=(), task=None)


def settled_record(
    stub: EpochRecord, result: PhiResult, answer: TaskResult | None = None, task: PhiTask | None = None
) -> EpochRecord:
    """Completes an open record with its result.

    Args:
        stub: the open record.
        result: how its analysis ended.
        answer: everything else that a worker found; None where nothing was computed.
        task: what the worker was given; kept where the analysis can be made later.
    """
    changes: dict[str, Any] = {"result": result, "task": task.stored if task is not None and can_be_settled(result) else None}
    if answer is not None and answer.survey is not None:
        changes["survey"] = answer.survey
    if answer is not None:
        found = (
            "states",
            "tpm",
            "scalars",
            "diagnostics",
            "null",
            "interval",
            "curve",
            "sensitivity",
            "major_complex",
            "moments",
            "whole",
        )
        changes |= {name: getattr(answer, name) for name in (*found, "structure", "others")}
        changes["notes"] = (*stub.notes, *answer.notes)
    elif task is not None:
        changes["others"] = tuple(OfFormalism(formalism=one, result=result) for one in task.further)
    return msgspec.structs.replace(stub, **changes)


def with_change(record: EpochRecord, untrained: EpochRecord | None) -> EpochRecord:
    """Adds to the scalars of a record how Φ of the layer differs from that of the untrained network.

    Args:
        record: the complete record.
        untrained: the record of the layer's untrained network; None where there is none.

    Returns:
        The record with ``phi_change`` and ``phi_change_p`` among its scalars; as it is where the two cannot be compared, or one of
        them was not surveyed to the end.
    """
    if untrained is None or record.epoch < 0 or layer_phi(record) is None or layer_phi(untrained) is None:
        return record
    others = []
    for other in record.others:
        numbers = _change(record, untrained, other.formalism)
        others.append(msgspec.structs.replace(other, scalars=other.scalars | numbers))
    numbers = _change(record, untrained, record.formalism)
    return msgspec.structs.replace(record, scalars=record.scalars | numbers, others=tuple(others))


def _change(record: EpochRecord, untrained: EpochRecord, formalism: str) -> dict[str, float]:
    """Returns the scalars of the change of a layer by one formalism; none where the two records cannot be compared."""
    try:
        return change((untrained, record), record.layer, to=record.epoch, formalism=formalism).scalars
    except InvalidArgumentError:
        return {}
    except Exception:
        log.exception("Layer %r of %s could not be compared with the untrained network.", record.layer, record.when)
        return {}


def package_versions() -> dict[str, str]:
    """Returns the versions of the installed packages that a number may depend on."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
