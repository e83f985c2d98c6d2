"""The activations of all units of some layers in one pass, for measures of whole layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.count.epoch import error_in_words
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.of_layers import LayerHooks
from lightning_iit.capture.hooks.reading import OutputReader
from lightning_iit.records.whole.tasks import WholeSeries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.recorder import Recorder
    from lightning_iit.capture.options import CaptureOptions

MOST_UNITS = 200
"""So many units of a layer are recorded; of a wider layer a choice at random, the same in each pass."""
MOST_BYTES = 32 * 2**20
"""The most bytes that are kept of a layer: float32."""


class WholeActivations:
    """Records the activations of all units of layers while steps are made, until a layer's memory is full.

    Args:
        model: the model that has the layers.
        layers: their names.
        options: the options of the capture, for the layout of outputs and the seed.
        most_bytes: how much is kept of each layer.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], options: CaptureOptions, *, most_bytes: int = MOST_BYTES) -> None:
        self._switch = Switch()
        self._hooks = LayerHooks()
        self._layers = [_Recorded(layer, options, self._switch, most_bytes) for layer in find_layers(model, layers)]

    @property
    def full(self) -> bool:
        """Returns whether no layer takes more."""
        return all(layer.full for layer in self._layers)

    def attach(self, model: nn.Module) -> None:
        """Hooks the layers of the model, or of a copy of it."""
        self._hooks.attach(model, {one.name: one.begin for one in self._layers})

    def detach(self) -> None:
        """Removes all hooks."""
        self._hooks.detach()

    def begin(self) -> None:
        """Forgets what was recorded."""
        for layer in self._layers:
            layer.forget()

    def begin_step(self) -> None:
        """Starts a step, in which calls of the layers are recorded."""
        self._switch.open = not self.full

    def end_step(self) -> None:
        """Ends a step, and keeps what was recorded in it."""
        self._switch.open = False
        for layer in self._layers:
            layer.end_step()

    def series(self, *notes: str) -> dict[str, WholeSeries]:
        """Returns what was recorded of each layer, by its name, and forgets it.

        Args:
            notes: what a reader should know of the pass.
        """
        found = {layer.name: layer.series(notes) for layer in self._layers}
        self.begin()
        return found


def with_series(
    captured: Sequence[LayerEpoch], found: Mapping[str, WholeSeries], fault: str | None = None
) -> tuple[LayerEpoch, ...]:
    """Returns the captures of layers with what was recorded of all their units, or with why nothing was."""
    if fault is not None:
        problem = WholeSeries(problem=f"There are no measures of whole layers, since the pass failed: {fault}.")
        found = dict.fromkeys(found, problem)
    return tuple(replace(layer, whole=found.get(layer.layer)) for layer in captured)


def recorded_units(width: int, seed: int) -> tuple[int, ...]:
    """Returns which units of a layer are recorded: all, or 200 that are drawn at random where there are more."""
    if width <= MOST_UNITS:
        return tuple(range(width))
    return tuple(sorted(np.random.default_rng(seed).permutation(width)[:MOST_UNITS].tolist()))


class _Recorded:
    """Keeps the activations of one layer."""

    def __init__(self, layer: Layer, options: CaptureOptions, gate: Switch, most_bytes: int) -> None:
        self.name: str = layer.name
        self._reading = OutputReader(layer, options)
        self._gate, self._most, self._seed = gate, most_bytes, options.seed
        self.forget()

    def forget(self) -> None:
        """Forgets what was recorded."""
        self._rows: list[np.ndarray] = []
        self._lengths: list[int] = []
        self._bytes = 0
        self._width = 0
        self.full: bool = False
        self._reading.recorder.clear()

    def begin(self, layer: Layer) -> Recorder:
        """Forgets what was recorded, and returns the recorder for the layer's hook."""
        self.forget()
        self._reading.restart(layer)
        self._reading.recorder.gate = self._gate
        return self._reading.recorder

    def end_step(self) -> None:
        """Keeps whole sequences of the step while there is room; an exception ends the recording of this layer."""
        recorder = self._reading.recorder
        recorder.end_step()
        if self.full:
            recorder.streams = [[]]
            return
        try:
            for values, lengths in self._reading.kept():
                self._keep(values, lengths)
        except Exception as error:  # noqa: BLE001  an output of any kind may raise anything
            recorder.fail(error)
        recorder.streams = [[]]

    def _keep(self, values: Tensor, lengths: Tensor | None) -> None:
        """Keeps sequences ``[sequence, time, unit]``, or rows ``[sample, unit]`` that have no order."""
        self._width = values.shape[-1]
        chosen = values.detach()[..., torch.tensor(self._units, device=values.device)].to("cpu", torch.float32).numpy()
        ordered = chosen.ndim == 3
        known = [len(one) for one in chosen] if lengths is None else [int(length) for length in lengths]
        for one, length in zip(chosen, known, strict=True) if ordered else [(chosen, len(chosen))]:
            if self._bytes + one[:length].nbytes > self._most:
                self.full = True
                return
            self._bytes += one[:length].nbytes
            self._rows.append(np.ascontiguousarray(one[:length]))
            if ordered:
                self._lengths.append(length)

    @property
    def _units(self) -> tuple[int, ...]:
        """Returns the recorded units."""
        return recorded_units(self._width, self._seed)

    def series(self, notes: Sequence[str]) -> WholeSeries:
        """Returns what was recorded."""
        error = error_in_words(self._reading.recorder.error)
        if error or not self._rows:
            why = f"it could not be recorded: {error}" if error else "it was not called in the pass"
            return WholeSeries(problem=f"Layer {self.name!r} has no measures of the whole layer: {why}.")
        axis = self._reading.axis
        told = list(notes)
        if self._width > MOST_UNITS:
            told.append(f"{MOST_UNITS} of the layer's {self._width:,} units were drawn at random, the same in all epochs.")
        if self.full:
            told.append(f"The pass was ended for this layer once its activations took {self._most >> 20} MiB.")
        if axis in {"token", "patch", "depth"}:
            told.append(f"A past and a present are one {axis} and the next, which is not time.")
        rows = b"".join(one.tobytes() for one in self._rows)
        return WholeSeries(units=self._units, width=self._width, lengths=tuple(self._lengths), rows=rows, notes=tuple(told))
