"""The result of one layer's capture in an epoch, and the notes in plain words that a reader of the result needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightning_iit.capture.count.coding import TWO_BITS
from lightning_iit.tpm.dead_units import dead_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.capture.count.recent import RecentActivations
    from lightning_iit.records import Axis, Counts, Dynamics, Kind, State, Thresholds, Units
    from lightning_iit.records.whole.tasks import WholeSeries, WholeSums

_ORDERS: dict[Axis, str] = {
    "stream": "Transitions go from one sample to the next in the order in which the data loader gave them: a statement about that "
    "order, and with shuffled data about nothing that happens in the network.",
    "token": "Transitions go from one token to the next, which is not time.",
    "patch": "Transitions go from one image patch to the next, which is not time.",
}


@dataclass(frozen=True)
class LayerEpoch:
    """Holds the capture of one layer in one epoch, over all ranks.

    Args:
        layer: the name of the layer.
        axis: the axis along which transitions go.
        kind: what a Φ of the layer is a statement about (causal, observational or statistical).
        units: the analysed units; None where none could be chosen.
        thresholds: the thresholds of the units in this epoch.
        counts: the transition counts; None where nothing could be counted.
        dynamics: counts for the tests of Markov order and stationarity; None where they were not made.
        recent: the last activations on this rank, for counts with other thresholds.
        last_state: the last state in the order of the data (on this rank, of the layer's first call in a step).
        groups: the captures of the further groups of units.
        watched_thresholds: the thresholds that ``counts`` were made with, where ``thresholds`` are those of a perturbation.
        seen: of a perturbed layer, how often each state was observed; these states may be analysed. Empty for other layers.
        kept: the positions of the analysed elements among those that were captured, where units that never changed are left out;
            None for all.
        left_out: how many rows were not counted because an activation was NaN or infinite.
        notes: sentences that a reader of the result should know.
        structural_phi: 0.0 for units that have no connections among them; None where the connections are not known to be missing.
        structural_reason: why the structural Φ is 0.
        whole: the activations of all units in a pass with fixed weights; None where no measure of the whole layer was asked for.
        sums: sums over all samples of the epoch; None where total correlation of the whole epoch was not asked for.
        problem: a code and a reason where there is nothing to analyse: ``capture_error``, ``layer_not_called``,
            ``no_such_source``, ``no_transitions`` or ``no_unit_varies``.
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
    kept: tuple[int, ...] | None = None
    left_out: int = 0
    notes: tuple[str, ...] = ()
    structural_phi: float | None = None
    structural_reason: str = ""
    whole: WholeSeries | None = field(default=None, compare=False)
    sums: WholeSums | None = field(default=None, compare=False)
    problem: tuple[str, str] | None = None


def notes_on(axis: Axis, units: Units | None, counts: Counts | None, left_out: int) -> Iterator[str]:
    """Yields the sentences that a reader of the counts should know: the axis, rows left out, the coding of the units, dead units.

    Args:
        axis: the axis along which transitions go.
        units: the units; None where none were chosen.
        counts: the transition counts; None where nothing was counted.
        left_out: how many rows were left out.
    """
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
    """Returns the sentence on macro units and their sizes."""
    sizes = [len(cluster) for cluster in units.clusters[:: units.bits]]
    return (
        f"{len(sizes)} macro units of {', '.join(map(str, sizes))} units: each is the mean of units whose activations correlate, "
        "and is named after the first of them. What is said is said of the means."
    )


def problem_of(
    layer: str, *, called: bool, error: str, counts: Counts | None, left_out: int, lag: int = 1
) -> tuple[str, str] | None:
    """Returns a code and a reason where a layer has nothing to analyse, or None.

    Args:
        layer: the name of the layer.
        called: whether the layer was called in a step of this epoch, on any rank.
        error: the exception that ended the recording, or "".
        counts: the transition counts; None where nothing was counted.
        left_out: how many rows were left out.
        lag: how many steps a transition spans.
    """
    if error:
        return "capture_error", could_not_be_recorded(layer, error)
    if not called:
        reason = (
            "was not called in a training step of this epoch. Was it the right name, and does the model use it in training_step?"
        )
        return "layer_not_called", f"Layer {layer!r} {reason}"
    if counts is None or not counts.transitions:
        why = "too few rows to go from one to another"
        if lag > 1:
            why = f"with lag={lag} a sequence needs at least {lag + 1} steps (or samples), and none was so long; give a smaller lag"
        if left_out:
            why = f"all or most activations were NaN or infinite ({left_out} rows)"
        return "no_transitions", f"Layer {layer!r}: no transition was seen in this epoch; {why}."
    return None


def error_in_words(error: Exception | None) -> str:
    """Returns the class and the words of an exception, without the full stop; empty for None."""
    return "" if error is None else f"{type(error).__name__}: {error}".rstrip(".")


def could_not_be_recorded(layer: str, error: str) -> str:
    """Returns the sentence on a layer whose recording an exception ended."""
    return f"Layer {layer!r} could not be recorded: {error}."
