"""The captured epoch of a layer, made of what all ranks counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_iit.capture.choose.kinds import statement_about
from lightning_iit.capture.count.epoch import LayerEpoch, notes_on, problem_of
from lightning_iit.capture.count.sources import joined, no_such_source
from lightning_iit.capture.count.transitions import counts_record

if TYPE_CHECKING:
    from lightning_iit.capture.count.counter import GroupCounter
    from lightning_iit.capture.count.layer import LayerCapture
    from lightning_iit.capture.count.sources import SourcesSeen
    from lightning_iit.capture.count.transitions import TransitionCounts
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.records import Axis

SHARED_NOTE = (
    "The layer is called several times in a pass, each time with what came out of the call before: one block with shared weights "
    "at several depths. Transitions go from one call to the next for the same sample or token: depth is not time."
)
"""The note on a layer whose calls go on from each other."""


def layer_epoch(
    capture: LayerCapture, options: CaptureOptions, *, axis: Axis, called: bool, error: str, counted: int, seen: SourcesSeen
) -> LayerEpoch:
    """Sums the counts of a layer over the ranks and builds the layer's result. Every rank must call this function.

    Args:
        capture: what this rank counted.
        options: the options of the capture.
        axis: along which axis the transitions go.
        called: whether the layer was called, on any rank.
        error: the error that ended the recording, on any rank; empty for none.
        counted: for how many sources there are counters, on the rank that has the most.
        seen: how many sources were seen, and how many calls were repetitions.
    """
    problem = problem_of(capture.layer.name, called=called, error=error, counts=None, left_out=0)
    if not called and not error and 0 < seen.number <= options.source:
        problem = no_such_source(capture.layer.name, seen.number, options.source)
    statement = statement_about(capture.layer.module, axis)
    nothing = LayerEpoch(
        layer=capture.layer.name,
        axis=axis,
        kind=statement.kind,
        notes=(*capture.notes, SHARED_NOTE) if axis == "depth" else capture.notes,
        structural_phi=statement.structural_phi,
        structural_reason=statement.structural_reason,
        problem=problem,
    )
    usable = called and not error
    totals = capture.summed(counted)
    sources = [
        [_counted(nothing, counter, total, usable=usable, lag=options.lag) for counter, total in zip(counters, summed, strict=True)]
        for counters, summed in zip(capture.sources, totals, strict=True)
    ]
    first, *others = [joined(group, seen, options.sources) for group in zip(*sources, strict=True)] or [nothing]
    return replace(first, groups=tuple(others))


def _counted(nothing: LayerEpoch, counter: GroupCounter, total: TransitionCounts, *, usable: bool, lag: int) -> LayerEpoch:
    """Returns the layer's result with the units, thresholds and counts of one group filled in."""
    counts, left_out = counts_record(total.joint) if usable else None, int(total.left_out)
    problem = nothing.problem
    if usable:
        problem = problem_of(nothing.layer, called=True, error="", counts=counts, left_out=left_out, lag=lag)
    return replace(
        nothing,
        units=counter.units,
        thresholds=counter.thresholds,
        counts=counts,
        dynamics=total.dynamics() if usable and counter.first_rows is None else None,
        recent=counter.recent if usable and counter.first_rows is None else None,
        last_state=counter.last_state() if usable else None,
        left_out=left_out,
        notes=(*nothing.notes, *notes_on(nothing.axis, counter.units, counts, left_out)),
        problem=problem,
    )
