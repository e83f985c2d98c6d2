"""The result of an epoch's capture, with what a reader should know about it in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightning_iit.capture.count.coding import TWO_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.capture.count.recent import RecentActivations
    from lightning_iit.records import Axis, Counts, Dynamics, Kind, State, Thresholds, Units

_ORDERS: dict[Axis, str] = {
    "stream": "Transitions go from one sample to the next in the order in which the data loader gave them: a statement about that "
    "order, and with shuffled data about nothing that happens in the network.",
    "token": "Transitions go from one token to the next, which is not time.",
    "patch": "Transitions go from one image patch to the next, which is not time.",
}


@dataclass(frozen=True)
class LayerEpoch:
    """What was captured of a layer in an epoch, over all ranks.

    Args:
        layer: its name.
        axis: along what transitions go.
        kind: what a Φ of it is a statement about.
        units: which units, None if none could be chosen.
        thresholds: theirs in this epoch.
        counts: the transitions, None where nothing could be counted.
        dynamics: what the tests of Markov order and stationarity need, None where it was not counted.
        groups: the same of each further group of units.
        recent: the last activations, of this rank, to count them with other thresholds.
        watched_thresholds: those by which ``counts`` were coded, where ``thresholds`` are others (of a perturbation).
        seen: how often each state was seen where the layer is perturbed; empty where it is not. These states may be analysed.
        last_state: the last state in the order of the data (of this rank, and of the first forward pass in a step).
        left_out: how many rows were not counted, since an activation was NaN or infinite.
        notes: what a reader should know, in plain words.
        structural_phi: 0.0 for units that have no connections among them, None where it is not known.
        structural_reason: why.
        problem: a code and a reason, where there is nothing to analyse: ``capture_error``, ``layer_not_called`` or
            ``no_transitions``.
    """

    layer: str
    axis: Axis
    kind: Kind
    units: Units | None = None
    thresholds: Thresholds | None = None
    counts: Counts | None = None
    dynamics: Dynamics | None = None
    recent: RecentActivations | None = field(default=None, compare=False)
    last_state: State | None = None
    groups: tuple[LayerEpoch, ...] = ()
    watched_thresholds: Thresholds | None = None
    seen: tuple[int, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()
    structural_phi: float | None = None
    structural_reason: str = ""
    problem: tuple[str, str] | None = None


def notes_on(axis: Axis, units: Units | None, counts: Counts | None, left_out: int) -> Iterator[str]:
    """What a reader of the counts should know."""
    if axis in _ORDERS:
        yield _ORDERS[axis]
    if left_out:
        yield f"{left_out} rows were left out, with an activation that was NaN or infinite; no transition goes across them."
    if units is not None and units.bits == 2:
        yield TWO_BITS
    if units is not None and units.clusters:
        yield _macro(units)
    if units is not None and counts is not None and counts.transitions:
        yield from dead_units(units, counts)


def _macro(units: Units) -> str:
    sizes = [len(cluster) for cluster in units.clusters[:: units.bits]]
    return (
        f"{len(sizes)} macro units of {', '.join(map(str, sizes))} units: each is the mean of units whose activations correlate, "
        "and is named after the first of them. What is said is said of the means."
    )


def dead_units(units: Units, counts: Counts) -> Iterator[str]:
    """Which elements never changed in the counted transitions."""
    labels = units.labels
    seen = {state for first, then, _ in counts.joint for state in (first, then)}
    for position, label in enumerate(labels):
        values = {state >> position & 1 for state in seen}
        if len(values) == 1:
            where = f"Unit {label} (number {position} of the {len(labels)})"
            yield f"{where} was never {'OFF' if values == {1} else 'ON'} in this epoch: it takes no part in any integration."


def problem_of(layer: str, *, called: bool, error: str, counts: Counts | None, left_out: int) -> tuple[str, str] | None:
    """The code and reason, where there is nothing to analyse."""
    if error:
        return "capture_error", f"Layer {layer!r} could not be recorded: {error}."
    if not called:
        reason = (
            "was not called in a training step of this epoch. Was it the right name, and does the model use it in training_step?"
        )
        return "layer_not_called", f"Layer {layer!r} {reason}"
    if counts is None or not counts.transitions:
        why = (
            f"all or most activations were NaN or infinite ({left_out} rows)"
            if left_out
            else "too few rows to go from one to another"
        )
        return "no_transitions", f"Layer {layer!r}: no transition was seen in this epoch; {why}."
    return None
