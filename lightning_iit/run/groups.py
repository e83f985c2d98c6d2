"""Φ of several random groups of a layer's units: what is still to be computed, and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from lightning_iit.records import GroupResult, GroupTask, PhiResult, Skipped
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import Counts, EpochRecord, Perturbation, State

Causal: TypeAlias = "tuple[Counts, Perturbation] | Skipped | None"
"""The counts of a perturbation with how it was made, why it could not be made, or None for none."""

PENDING = Skipped(code="pending", reason="the analysis is still open")


class Group(NamedTuple):
    """A group of a layer's units at the end of an epoch: what was captured, its counts over the window, and what it was set to."""

    captured: LayerEpoch
    counts: Counts | None
    causal: Causal
    states: tuple[State, ...]


def open_group(group: Group) -> GroupResult:
    """The record of a group whose Φ is still to be computed, or with the reason why it cannot be."""
    captured, counts, causal, states = group
    assert captured.units is not None
    if isinstance(causal, Skipped) or not states or counts is None:
        code, reason = captured.problem or ("no_transitions", "No transition of these units was seen.")
        skipped = causal if isinstance(causal, Skipped) else Skipped(code=code, reason=reason)
        return GroupResult(units=captured.units, result=skipped)
    set_counts, how = causal or (counts, None)
    return GroupResult(
        units=captured.units,
        result=PENDING,
        state=states[0],
        visits=(captured.seen or counts.visits)[index_of(states[0])],
        thresholds=captured.thresholds,
        counts=set_counts,
        perturbation=how,
    )


def group_tasks(groups: Iterable[GroupResult]) -> tuple[GroupTask, ...]:
    """What a worker is asked of the groups that can be analysed, in their order."""
    return tuple(
        GroupTask(counts=group.counts, state=group.state, cm=None if group.perturbation is None else group.perturbation.cm)
        for group in groups
        if group.result == PENDING and group.counts is not None and group.state is not None
    )


def settled(record: EpochRecord, results: Sequence[PhiResult]) -> tuple[GroupResult, ...]:
    """All groups of a record: the first is what the record itself is about.

    Args:
        record: with its own result, and its further groups as they were opened.
        results: of the groups that were to be analysed; none where the record itself could not be, as its result then says.
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
            msgspec.structs.replace(group, result=next(answers, rest)) if group.result == PENDING else group
            for group in record.groups
        ),
    )
