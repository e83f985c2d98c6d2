"""Sums over all samples of an epoch, from which the covariance of a layer's units at one time follows.

A step adds the sums of its own samples, centred by their own mean, in float64 where the activations are. Batches are merged by the
formula of Chan, Golub and LeVeque ("Algorithms for computing the sample variance", 1983), here with products of two units. So a
mean that is large beside the deviations costs no digits. Nothing is read back before the epoch has ended.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.count.epoch import error_in_words
from lightning_iit.capture.count.ranks import gather
from lightning_iit.capture.hooks.of_layers import LayerHooks
from lightning_iit.capture.hooks.reading import OutputReader, beyond
from lightning_iit.capture.whole import recorded_units
from lightning_iit.records.whole.tasks import WholeSums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.hooks.recorder import Recorder
    from lightning_iit.capture.options import CaptureOptions


class Sums(NamedTuple):
    """Holds the sums of some samples, all float64.

    Args:
        number: how many samples, as a tensor without axes.
        mean: their mean ``[unit]``.
        products: ``[unit, unit]``, the sum of the products of the deviations from the mean.
        left_out: how many more rows there were, with a number that was NaN or infinite.
    """

    number: Tensor
    mean: Tensor
    products: Tensor
    left_out: Tensor


def sums_of(values: Tensor, lengths: Tensor | None = None) -> Sums:
    """Returns the sums of activations, without padding and without rows in which a number is NaN or infinite.

    Args:
        values: ``[sequence, time, unit]`` or ``[sample, unit]``.
        lengths: the lengths ``[sequence]`` of padded sequences; None where no sequence is padded.

    Example:
        >>> sums_of(torch.tensor([[1.0, 2.0], [3.0, 2.0]])).products.tolist()
        [[2.0, 0.0], [0.0, 0.0]]
    """
    rows = values.reshape(-1, values.shape[-1])
    if rows.device.type == "mps":  # which has no float64
        rows = rows.cpu()
    rows = rows.to(torch.float64)
    finite = torch.isfinite(rows).all(dim=1)
    taken, not_finite = finite, ~finite
    if lengths is not None:
        there = ~beyond(lengths.to(rows.device, non_blocking=True), values.shape[1]).reshape(-1)
        taken, not_finite = finite & there, not_finite & there
    number = taken.sum(dtype=torch.float64)
    kept = torch.where(taken[:, None], rows, 0.0)
    mean = kept.sum(dim=0) / number.clamp(min=1.0)
    apart = torch.where(taken[:, None], rows - mean, 0.0)
    return Sums(number, mean, apart.T @ apart, not_finite.sum(dtype=torch.float64))


def merged(one: Sums, other: Sums) -> Sums:
    """Returns the sums of the samples of both."""
    number = one.number + other.number
    whole = number.clamp(min=1.0)
    between = other.mean - one.mean
    products = one.products + other.products + torch.outer(between, between) * (one.number * other.number / whole)
    return Sums(number, one.mean + between * (other.number / whole), products, one.left_out + other.left_out)


class EpochSums:
    """Sums the activations of all units of layers over the steps of an epoch; N x N numbers of float64 for N units of a layer.

    Args:
        model: the model that has the layers.
        layers: their names.
        options: the options of the capture, for the layout of outputs and the seed.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], options: CaptureOptions) -> None:
        self._hooks = LayerHooks()
        self._layers = [_Summed(layer, options) for layer in find_layers(model, layers)]

    def attach(self, model: nn.Module, gate: Gate) -> None:
        """Hooks the layers of the model; calls count while the gate is open."""
        self._hooks.attach(model, {one.name: partial(one.begin, gate) for one in self._layers})

    def detach(self) -> None:
        """Removes all hooks."""
        self._hooks.detach()

    def begin_epoch(self) -> None:
        """Forgets the sums."""
        for layer in self._layers:
            layer.forget()

    def end_step(self) -> None:
        """Adds what was recorded in a step; an exception ends the sums of its layer for this epoch."""
        for layer in self._layers:
            layer.end_step()

    def with_sums(self, captured: Sequence[LayerEpoch]) -> tuple[LayerEpoch, ...]:
        """Returns the captures of layers with the sums over the epoch, those of all ranks; every rank must call this method."""
        of_ranks = gather({layer.name: layer.told() for layer in self._layers})
        own = {layer.name: layer for layer in self._layers}
        found = {name: own[name].packed([one[name] for one in of_ranks]) for name in own}
        return tuple(replace(layer, sums=found.get(layer.layer)) for layer in captured)


class _Summed:
    """Sums the activations of one layer."""

    def __init__(self, layer: Layer, options: CaptureOptions) -> None:
        self.name: str = layer.name
        self._reading = OutputReader(layer, options)
        self._seed = options.seed
        self._units: tuple[int, ...] = ()
        self._width = 0
        self._sums: Sums | None = None
        self._index: Tensor | None = None

    def begin(self, gate: Gate, layer: Layer) -> Recorder:
        """Returns the recorder for the layer's hook."""
        self._reading.restart(layer)
        self._reading.recorder.gate = gate
        return self._reading.recorder

    def forget(self) -> None:
        """Forgets the sums."""
        self._sums = None
        self._reading.recorder.clear()

    def end_step(self) -> None:
        """Adds the activations of a step."""
        recorder = self._reading.recorder
        recorder.end_step()
        try:
            for values, lengths in self._reading.kept():
                if not self._width:
                    self._width = values.shape[-1]
                    self._units = recorded_units(self._width, self._seed)
                chosen = values.detach()
                if len(self._units) < self._width:
                    chosen = chosen[..., self._index_on(chosen.device)]
                sums = sums_of(chosen, lengths)
                self._sums = sums if self._sums is None else merged(self._sums, sums)
        except Exception as error:  # noqa: BLE001  an output of any kind may raise anything
            recorder.fail(error)
        recorder.streams = [[]]

    def _index_on(self, device: torch.device) -> Tensor:
        """Returns the summed units as an index, which is sent to a device once."""
        if self._index is None or self._index.device != device:
            self._index = torch.tensor(self._units).to(device, non_blocking=True)
        return self._index

    def told(self) -> tuple[str, Sums | None, tuple[int, ...], int]:
        """Returns what this rank found: the exception in words, the sums, the units, and how many the layer has."""
        sums = None if self._sums is None else Sums(*(one.cpu() for one in self._sums))
        return error_in_words(self._reading.recorder.error), sums, self._units, self._width

    def packed(self, of_ranks: Sequence[tuple[str, Sums | None, tuple[int, ...], int]]) -> WholeSums:
        """Returns the sums of all ranks."""
        error = next((one for one, *_ in of_ranks if one), "")
        found = [(sums, units, width) for _, sums, units, width in of_ranks if sums is not None]
        if error or not found:
            why = f"it could not be recorded: {error}" if error else "it was not called in the epoch"
            return WholeSums(problem=f"There is no MI1 of the whole epoch of layer {self.name!r}: {why}.")
        total, units, width = found[0]
        for sums, *_ in found[1:]:
            total = merged(total, sums)
        return WholeSums(
            units=units,
            width=width,
            samples=int(total.number),
            left_out=int(total.left_out),
            means=total.mean.numpy().tobytes(),
            products=total.products.numpy().tobytes(),
        )
