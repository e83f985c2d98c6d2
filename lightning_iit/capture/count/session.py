"""The capture of a whole run: several layers, over steps and epochs, on all ranks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lightning.pytorch.utilities import rank_zero_warn

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.count.epoch import LayerEpoch, could_not_be_recorded, error_in_words
from lightning_iit.capture.count.given_units import check_indices
from lightning_iit.capture.count.layer import LayerCapture, unreadable_units
from lightning_iit.capture.count.ranks import gather
from lightning_iit.capture.count.results import layer_epoch
from lightning_iit.capture.count.sources import SourcesSeen
from lightning_iit.capture.hooks.calls import weight_of
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.graphs import forget_graphs
from lightning_iit.capture.hooks.recorder import attach_hook
from lightning_iit.capture.options import CaptureOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from types import TracebackType

    from torch import nn
    from typing_extensions import Self

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.records import Axis

_T = TypeVar("_T")
# Small enough that the temporary tensors of a count stay in the cache and need no new memory each time.
_CHUNK_VALUES = 2**16
_CHUNK_STEPS = 512
_RAW_VALUES = 2**21
_FEWEST_ROWS = 16
"""Units are chosen from so many rows at least, unless the calibration or the epoch ends before there are as many."""


@dataclass(frozen=True)
class _Seen:
    """Holds, for one layer, rank and epoch: was the layer called, along which axis, and the error that ended the recording.

    Further how many sources were seen, for how many there are counters, and how many calls were repetitions.
    """

    called: bool
    axis: Axis
    error: str
    sources: int
    counted: int
    repeated: int


class Capture:
    """Records the binary states of some layers' units while a model trains, and counts their transitions.

    Under ``torch.distributed`` every rank makes the same calls; the units, thresholds and counts are those of all ranks together.

    Args:
        model: the model that has the layers.
        options: which layers and units, and how states and transitions are made.
        stepped: whether the user gave a step for the layers, which may then be called once for each time step.

    Raises:
        InvalidArgumentError: the model has no such layer (UnknownLayerError), or an option has a value that is not allowed.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        >>> with Capture(model, CaptureOptions(layers="1", units=2)) as capture:
        ...     for _ in range(3):
        ...         capture.begin_step()
        ...         _ = model(torch.randn(16, 4))
        ...         capture.end_step()
        ...     (epoch,) = capture.end_epoch()
        >>> epoch.counts.transitions
        47
    """

    def __init__(self, model: nn.Module, options: CaptureOptions | None = None, *, stepped: bool = False) -> None:
        self.options: CaptureOptions = options or CaptureOptions()
        self._model = model
        found = find_layers(model, self.options.layers)
        check_indices(found, self.options)
        self._captures = [LayerCapture(layer, self.options, stepped=stepped) for layer in found]
        self._recorders = [capture.reading.recorder for capture in self._captures]
        self._switch = Switch()
        self._said: set[str] = set()
        self._handles: list[AttachedHook] = []
        self._calibration_steps = self.options.calibration_batches
        self.begin_epoch()

    @property
    def layers(self) -> tuple[str, ...]:
        """Returns the names of the layers, in order."""
        return tuple(capture.layer.name for capture in self._captures)

    def restrict(self, among: Mapping[str, range]) -> None:
        """Limits the choice of units in each named layer to an index range; in layers that are not named all units may be chosen.

        Args:
            among: the range of unit indices for each layer name.
        """
        for capture in self._captures:
            capture.among = among.get(capture.layer.name)

    def count_first_only(self, layers: Collection[str]) -> None:
        """Has only the first group of units counted in these layers, whose TPMs come from a perturbation."""
        for capture in self._captures:
            capture.first_only = capture.layer.name in layers

    # --- hooks ---

    def attach(self, model: nn.Module | None = None, gate: Gate | None = None) -> None:
        """Hooks the layers of the model, or of a copy of the model that is watched in its place. Earlier hooks are removed.

        Args:
            model: the copy; None for the model that this capture was made for.
            gate: decides which calls count; None for a gate that :meth:`begin_step` opens and :meth:`end_step` closes.
        """
        self.detach()
        found = find_layers(model or self._model, self.layers)
        for capture, layer in zip(self._captures, found, strict=True):
            capture.layer = layer
            capture.reading.recorder.gate = gate or self._switch
            capture.reading.recorder.calls.weight = weight_of(layer.module, layer.ancestors)
            self._handles.append(attach_hook(layer.module, capture.reading.recorder))
        self._forget_graphs()

    def detach(self) -> None:
        """Removes all hooks."""
        if self._handles:
            for handle in self._handles:
                handle.remove()
            self._handles.clear()
            self._forget_graphs()

    def _forget_graphs(self) -> None:
        layers = [capture.layer for capture in self._captures]
        forget_graphs(module for layer in layers for module in (layer.module, *layer.ancestors))

    def __enter__(self) -> Self:
        self.attach()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.detach()

    # --- steps and epochs ---

    def begin_epoch(self, expected_batches: float | None = None, *, initial: bool = False) -> None:
        """Starts an epoch: resets counts and thresholds.

        Args:
            expected_batches: how many training batches an epoch has on each rank, if known (for ``units="auto"``).
            initial: whether this is a pass of the untrained network, whose thresholds are never kept for later epochs.
        """
        known = expected_batches is not None and math.isfinite(expected_batches)
        self._expected_batches = int(expected_batches) if known and expected_batches is not None else None
        self._initial = initial
        self._step = 0
        self._flushed = 0
        # Until the units are chosen, ranks exchange data soon and often; later there is nothing to do before calibration ends.
        chosen = all(capture.units is not None for capture in self._captures)
        self._next = self._next_exchange = float(self._calibration_steps) if chosen else 1.0
        for capture in self._captures:
            capture.begin_epoch()

    def begin_step(self) -> None:
        """Starts recording, at the start of a training step. Not needed where ``attach`` was given a gate."""
        self._switch.open = True

    def end_step(self) -> None:
        """Stops recording, at the end of a training step. Once in many steps the recorded activations are counted."""
        self._switch.open = False
        for recorder in self._recorders:
            recorder.end_step()
        self._step = step = self._step + 1
        if step >= self._next:
            self._catch_up()

    def end_epoch(self) -> tuple[LayerEpoch, ...]:
        """Ends the epoch: counts the remaining activations and sums over ranks.

        Returns:
            One result for each layer, in order.
        """
        self._switch.open = False
        for recorder in self._recorders:
            recorder.end_step()
        self._catch_up(final=True)
        seen = gather([_seen(capture) for capture in self._captures])
        return tuple(self._result(capture, [rank[i] for rank in seen]) for i, capture in enumerate(self._captures))

    def so_far(self) -> tuple[LayerEpoch, ...]:
        """Returns what was captured so far in this epoch; the epoch goes on as if nobody had asked.

        Call it between two steps; every rank must call it.

        Returns:
            One result for each layer, in order; none at all while the units of some layer are not chosen yet.
        """
        if any(capture.units is None for capture in self._captures):
            return ()
        kept = self._calibration_steps, self._flushed, self._next, self._next_exchange
        held = [capture.hold() for capture in self._captures]
        try:
            return self.end_epoch()
        finally:
            for capture, state in zip(self._captures, held, strict=True):
                capture.put_back(state)
            self._calibration_steps, self._flushed, self._next, self._next_exchange = kept

    def end_stretch(self) -> None:
        """Ends a stretch of the data within an epoch: no transition goes from the data so far to the data that follow.

        What is recorded so far is counted, with thresholds that are calibrated on it where there are none yet.
        """
        self._catch_up(final=True)
        for capture in self._captures:
            capture.end_stretch()

    def fail(self, error: Exception) -> None:
        """Ends the recording of this epoch; the result of each layer then has the exception as its problem."""
        for recorder in self._recorders:
            recorder.fail(error)

    def _catch_up(self, *, final: bool = False) -> None:
        """Does the work that is due: all ranks together choose units and calibrate, at the same steps; each rank counts alone."""
        if final or self._step >= self._next_exchange:
            self._choose_units(max(self._step, 1), of_few=final or self._step >= self._calibration_steps)
            if final or self._step >= self._calibration_steps:
                self._calibrate()
            self._next_exchange = self._later_exchange()
        numbers = [_guarded(capture, capture.flush) or 0 for capture in self._captures if capture.calibrated]
        self._warn()
        steps = max(self._step - self._flushed, 1)
        self._flushed = self._step
        apart = max(1, min(_CHUNK_STEPS, steps * _CHUNK_VALUES // max(*numbers, 1, 1)))
        self._next = min(self._step + apart, self._next_exchange)

    def _warn(self) -> None:
        """Warns of each layer that cannot be recorded, as soon as it is known; of each exception once."""
        for capture in self._captures:
            words = error_in_words(capture.reading.recorder.error)
            if words and (words := could_not_be_recorded(capture.layer.name, words)) not in self._said:
                self._said.add(words)
                rank_zero_warn(f"IITCallback: {words} Training goes on, and the layer has no Φ.")

    def _later_exchange(self) -> float:
        """Returns the step at which the ranks exchange data next; infinite once all layers are calibrated.

        These steps are the powers of two and the end of the calibration: ever more rare for a layer that is not called.
        """
        if all(capture.calibrated for capture in self._captures):
            return math.inf
        doubled = 1 << self._step.bit_length()
        return min(doubled, self._calibration_steps) if self._step < self._calibration_steps else doubled

    def _choose_units(self, steps: int, *, of_few: bool) -> None:
        """Chooses units for each layer that has no units yet and was called on some rank; if wanted, also ``of_few`` rows."""
        captures = [capture for capture in self._captures if capture.units is None]
        if not captures:
            return
        parts = gather([_guarded(capture, capture.first_data) for capture in captures])
        for i, capture in enumerate(captures):
            seen = [data for rank in parts if (data := rank[i]) is not None]
            if seen and (of_few or sum(data.rows for data in seen) >= _FEWEST_ROWS):
                _guarded(capture, partial(capture.choose_units, seen, steps=steps, expected_batches=self._expected_batches))
            if capture.units is not None:
                values = max(part.rows for part in seen) * len(capture.columns) // steps
                self._calibration_steps = min(self._calibration_steps, max(1, _RAW_VALUES // max(values, 1)))

    def _calibrate(self) -> None:
        """Computes the thresholds of each layer that has units and no thresholds yet."""
        captures = [capture for capture in self._captures if capture.units is not None and not capture.calibrated]
        if not captures:
            return
        parts = gather([_guarded(capture, capture.samples) for capture in captures])
        for i, capture in enumerate(captures):
            seen = [rows for rank in parts if (rows := rank[i]) is not None]
            if seen:
                _guarded(capture, partial(capture.calibrate, seen, initial=self._initial))

    # --- results ---

    def _result(self, capture: LayerCapture, ranks: Sequence[_Seen]) -> LayerEpoch:
        """Builds the result of one layer from the reports of all ranks."""
        return layer_epoch(
            *(capture, self.options),
            axis=next((rank.axis for rank in ranks if rank.called), "stream"),
            called=any(rank.called for rank in ranks),
            error=next((rank.error for rank in ranks if rank.error), ""),
            counted=max(rank.counted for rank in ranks),
            seen=SourcesSeen(max(rank.sources for rank in ranks), sum(rank.repeated for rank in ranks)),
        )

    # --- resuming ---

    def take_units(self, other: Capture, *, frozen: bool = False) -> None:
        """Continues with the units that another capture of the same layers has chosen, and with thresholds of its own.

        Args:
            other: the other capture.
            frozen: whether thresholds that the other capture keeps for all epochs are taken over too.
        """
        for mine, theirs in zip(self._captures, other._captures, strict=True):
            mine.take_units(theirs, frozen=frozen)
        self._calibration_steps = other._calibration_steps
        self.begin_epoch(self._expected_batches, initial=self._initial)

    def state_dict(self) -> dict[str, Any]:
        """Returns the units, frozen thresholds and the length of the calibration (in steps) as plain data, for a resumed run."""
        steps = {"calibration_steps": self._calibration_steps}
        return {"layers": {capture.layer.name: capture.state_dict() | steps for capture in self._captures}}

    def load_state_dict(self, state: dict[str, Any]) -> dict[str, str]:
        """Restores what :meth:`state_dict` returned, for the layers that are watched now, and starts the epoch again.

        Returns:
            By layer, what is to be said: that other units are asked for now, or that the layer could not be restored and chooses
            its units anew.
        """
        words: dict[str, str] = {}
        steps = [self._calibration_steps]
        for capture in self._captures:
            name = capture.layer.name
            if name not in state["layers"]:
                continue
            stored = state["layers"][name]
            try:
                capture.load_state_dict(stored)
                # Layers that were watched along depth have no calibration.
                steps.append(int(stored.get("calibration_steps", self._calibration_steps)))
            except Exception as error:  # noqa: BLE001  a damaged state may raise anything
                words[name] = unreadable_units(error)
            else:
                if capture.notes:
                    words[name] = " ".join(capture.notes)
        self._calibration_steps = min(steps)
        self.begin_epoch(self._expected_batches, initial=self._initial)
        return words


def _guarded(capture: LayerCapture, act: Callable[[], _T]) -> _T | None:
    """Returns the result of ``act``; where ``act`` raises an exception, None, and the layer is not recorded again in this epoch."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001
        capture.reading.recorder.fail(error)
        return None


def _seen(capture: LayerCapture) -> _Seen:
    """Returns the report of this rank on the layer in this epoch."""
    recorder = capture.reading.recorder
    return _Seen(
        called=capture.reading.called,
        axis=capture.reading.axis,
        error=error_in_words(recorder.error),
        sources=recorder.sources,
        counted=len(capture.sources),
        repeated=recorder.calls.repeated,
    )
