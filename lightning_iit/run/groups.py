"""Φ of several random groups of a layer's units: opening the groups, asking a worker for their Φ, and collecting the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from lightning_iit.records import GroupResult, GroupTask, Open, PhiResult, Skipped
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import Counts, EpochRecord, Perturbation, State

Causal: TypeAlias = "tuple[Counts, Perturbation] | Skipped | None"
"""The counts made by a perturbation and how it was made; Skipped with the reason why it could not be made; or None where the layer
is not perturbed."""


class Group(NamedTuple):
    """Holds a group of a layer's units at the end of an epoch."""

    captured: LayerEpoch
    """What was captured of the group's units in the epoch."""
    counts: Counts | None
    """The watched transitions, over the window."""
    causal: Causal
    """The counts made by a perturbation, or the reason why there are none."""
    states: tuple[State, ...]
    """The states chosen for analysis; Φ of a further group is computed in the first of them only."""


def open_group(group: Group) -> GroupResult:
    """Builds the record of a group: with counts, state and an open result, or with the reason why its Φ cannot be computed."""
    captured, counts, causal, states = group
    assert captured.units is not None
    if isinstance(causal, Skipped) or not states or counts is None:
        code, reason = captured.problem or ("no_transitions", "No transition of these units was seen.")
        skipped = causal if isinstance(causal, Skipped) else Skipped(code=code, reason=reason)
        return GroupResult(units=captured.units, result=skipped)
    set_counts, how = causal or (counts, None)
    return GroupResult(
        units=captured.units,
        result=Open(),
        state=states[0],
        visits=(captured.seen or counts.visits)[index_of(states[0])],
        thresholds=captured.thresholds,
        counts=set_counts,
        perturbation=how,
    )


def group_tasks(groups: Iterable[GroupResult]) -> tuple[GroupTask, ...]:
    """Builds the tasks of the groups whose result is open, in their order."""
    return tuple(
        GroupTask(counts=group.counts, state=group.state, cm=None if group.perturbation is None else group.perturbation.cm)
        for group in groups
        if isinstance(group.result, Open) and group.counts is not None and group.state is not None
    )


def settled(record: EpochRecord, results: Sequence[PhiResult]) -> tuple[GroupResult, ...]:
    """Completes all groups of a record with their results; the first group is the one that the record itself describes.

    Args:
        record: the record, with its own result and with its further groups as opened.
        results: the results of the open groups, in their order; fewer where the task ended early. Groups without a result take
            the record's own.

    Returns:
        All groups, the record's own group first; empty where the record has no further groups.
    """
    if not record.groups or record.units is None:
        return ()
    state = record.states[0] if record.states else None
    mine = GroupResult(
        units=record.units,
        result=record.result,
        state=None if state is None else state.state,
        visits=0 if state is None else state.visits,
        thresholds=record.thresholds,
        counts=record.counts,
        perturbation=record.perturbation,
    )
    answers, rest = iter(results), record.result
    if isinstance(rest, Skipped):
        rest = Skipped(code=rest.code, reason=f"Groups are analysed with the first one, which could not be: {rest.reason}")
    return (
        mine,
        *(
            msgspec.structs.replace(group, result=next(answers, rest)) if isinstance(group.result, Open) else group
            for group in record.groups
        ),
    )
