"""One block of a stack: records the coordinates of tokens before and after the block, and sets coordinates before the block.

A block takes a residual stream and returns one of the same shape. A unit is a coordinate of the stream: an embedding dimension of a
transformer, or a channel of a convolutional stage, whose value is the mean of its map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.depth.places import Places
from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.hooks.calls import StepCalls, weight_of
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.outputs import activations_of, layout_of, pick
from lightning_iit.capture.perturb.reservoir import copied, counts_now
from lightning_iit.errors import StepError, UnsupportedOutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.layout import Layout

MOST_VALUES = 2**22
"""Up to this many numbers of the stream (16 MB in float32) are kept in whole calls of a block; at least one call is kept."""
MOST_WHOLE_CALLS = 8
"""The most calls of a block that are kept whole, so that they can be repeated."""


@dataclass(frozen=True)
class Step:
    """Holds the coordinates of the same tokens before and after a block, each ``[token, unit]``."""

    before: Tensor
    after: Tensor


@dataclass(frozen=True)
class WholeCall:
    """Holds all arguments of one call of a block, so that the call can be repeated with a changed stream."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def stream(self) -> Tensor:
        """Returns the stream that the block was called with."""
        return _stream(self.args, self.kwargs)

    def again(self, module: nn.Module, stream: Tensor) -> Tensor:
        """Calls the block with the same arguments but another stream, and returns the stream after the block."""
        old = self.stream
        args = [stream if value is old else value for value in self.args]
        kwargs = {name: stream if value is old else value for name, value in self.kwargs.items()}
        output = activations_of(module(*args, **kwargs))
        assert isinstance(output, Tensor)
        return output


class Block:
    """Records the residual stream (the vector of each token) before and after one block of a stack, and can call the block again.

    A random sample of the block's calls is kept. A call can be repeated with some units set to other values. A unit is one
    coordinate of the stream.

    Args:
        layer: the block.
        layout: the axes of the stream's tensor (:class:`~lightning_iit.capture.layout.Layout`); None infers them from the module.
        calls: of how many calls the units' values are kept.
        seed: the seed of the sample of calls. Blocks with the same seed keep the same calls.

    Attributes:
        units: the coordinates of the stream that are kept; None keeps all.
        layout: the axes of the stream; None before the first call where no layout was given.
        width: how many coordinates the stream has; 0 before the first call.
        step_calls: tells the calls that evaluate the data of their step again; these are not kept.
        error: the first exception in the hook; after an exception nothing more is kept.
    """

    def __init__(self, layer: Layer, *, layout: Layout | None = None, calls: int = 64, seed: int = 0) -> None:
        self.layer = layer
        self.units: Tensor | None = None
        self.layout = layout
        self.width: int = 0
        self._gate: Gate = Switch(open=True)
        self._observed = Places(size=calls, seed=seed)
        self._whole = Places(size=MOST_WHOLE_CALLS, seed=seed)
        self.step_calls: StepCalls = StepCalls()
        self.clear()

    def clear(self) -> None:
        """Forgets all kept calls and the exception."""
        self.error: Exception | None = None
        self._steps: list[Step] = []
        self._calls: list[WholeCall] = []
        self.step_calls.clear()
        for places in (self._observed, self._whole):
            places.clear()

    def attach(self, gate: Gate) -> AttachedHook:
        """Hooks the block: calls are watched while the gate is open, until the returned handle is removed."""
        self._gate = gate
        self.step_calls.weight = weight_of(self.layer.module, self.layer.ancestors)
        return attach(self.layer.module, self._hook, with_kwargs=True)

    def _hook(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Keeps a call. An exception ends the keeping, never the training."""
        if self.error is not None:
            return
        try:
            self._keep(module, args, kwargs, output)
        except Exception as error:  # noqa: BLE001  never ends the training
            self.error = error

    def _keep(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Keeps the coordinates before and after the block, and all arguments, each if the call is drawn for its sample."""
        if not counts_now(self._gate) or self.step_calls.is_evaluated_again():
            return
        place = self._observed.draw()
        if place is not None:
            before, after = _stream(args, kwargs), activations_of(output)
            self._check(module, before, after)
            assert isinstance(after, Tensor)
            self._steps[place : place + 1] = [Step(self._coordinates(before), self._coordinates(after))]
            self._whole.size = max(1, min(MOST_WHOLE_CALLS, MOST_VALUES // max(before.numel(), 1)))
        place = self._whole.draw()
        if place is not None:
            self._calls[place : place + 1] = [WholeCall(copied(args), copied(kwargs))]

    def _check(self, module: nn.Module, before: Tensor, after: Any) -> None:
        """Checks that the stream has one shape before and after the block and has tokens, and sets ``layout`` and ``width``."""
        if not isinstance(after, Tensor) or before.shape != after.shape:
            shape = list(after.shape) if isinstance(after, Tensor) else type(after).__name__
            msg = (
                f"block {self.layer.name!r} takes a stream of shape {list(before.shape)} and returns {shape}; with depth as the "
                "axis a unit is the same coordinate before and after a block, so name blocks of one width"
            )
            raise UnsupportedOutputError(msg)
        if self.layout is None:
            self.layout = layout_of(after, module, ancestors=self.layer.ancestors)
        if "B" not in self.layout.axes or ("T" in self.layout.axes and self.layout.averaged):
            msg = f"block {self.layer.name!r}: a stream with the axes {self.layout.axes!r} has no tokens that can be told apart"
            raise UnsupportedOutputError(msg)
        self.width = after.shape[self.layout.axes.index("U")]

    def _coordinates(self, stream: Tensor) -> Tensor:
        """Returns the coordinates of all tokens of a stream, ``[token, unit]``."""
        return self.tokens(stream, self.units).flatten(0, 1)

    def tokens(self, stream: Tensor, units: Tensor | None) -> Tensor:
        """Returns coordinates of a stream as ``[batch, token, unit]``; the token axis has length 1 where the stream has no tokens.

        Args:
            stream: the stream, in the block's layout.
            units: the coordinates to return; None for all.
        """
        assert self.layout is not None
        picked = pick(stream, self.layout, None if units is None else units.to(stream.device))
        assert isinstance(picked, Tensor)
        ordered = _ordered(picked, self.layout.reduced)
        return ordered if "T" in self.layout.axes else ordered.unsqueeze(1)

    def narrow(self, units: Sequence[int]) -> None:
        """Keeps only the given units (coordinates of the stream) from now on, and drops all others from the calls kept so far."""
        wide = self.units is None
        device = self._steps[0].before.device if self._steps else None
        self.units = torch.tensor(units, device=device)
        if wide:
            self._steps = [Step(step.before[:, self.units], step.after[:, self.units]) for step in self._steps]

    @property
    def step(self) -> Step | None:
        """Returns the coordinates of all kept tokens before and after the block; None where no call was kept."""
        if not self._steps:
            return None
        return Step(torch.cat([step.before for step in self._steps]), torch.cat([step.after for step in self._steps]))

    # --- setting units ---

    @property
    def calls(self) -> tuple[WholeCall, ...]:
        """Returns the calls that were kept whole and can be repeated."""
        return tuple(self._calls)

    def passes(self, draws: int, seed: int) -> Iterator[tuple[WholeCall, Tensor, int]]:
        """Draws tokens as backgrounds: in each pass over a kept call one token of each sequence, until ``draws`` tokens are drawn.

        No token is drawn twice; fewer are drawn where the kept calls have fewer tokens.

        Args:
            draws: how many tokens.
            seed: the seed of the random order of tokens.

        Yields:
            A call, the place ``[batch]`` of the drawn token in each of its sequences, and how many of the sequences count as draws.
        """
        generator = torch.Generator().manual_seed(seed)
        shapes = [self.tokens(call.stream, self.units).shape[:2] for call in self._calls]
        orders = [torch.rand(shape, generator=generator).argsort(dim=1) for shape in shapes]
        left = draws
        for number in range(max((shape[1] for shape in shapes), default=0)):
            for call, (sequences, times), order in zip(self._calls, shapes, orders, strict=True):
                if left > 0 and number < times:
                    yield call, order[:, number], min(left, sequences)
                    left -= sequences

    def set_and_read(self, call: WholeCall, tokens: Tensor, values: Tensor) -> Tensor:
        """Sets the units of one token in each sequence of a call, runs the block, and returns these tokens' units after the block.

        Must be called inside :func:`~lightning_iit.capture.preserved.preserved`.

        Args:
            call: the call that is repeated with the changed stream.
            tokens: ``[batch]``, the place of the token in each sequence.
            values: ``[unit]``, the values that the token's units are set to. A channel is shifted as a whole, so that its mean is
                the value.

        Returns:
            The units' values ``[batch, unit]`` after the block.

        Raises:
            StepError: the block raised an exception when it was called again.
        """
        assert self.units is not None
        rows = torch.arange(len(tokens))
        changed = self._set(call.stream, tokens, values)
        try:
            after = call.again(self.layer.module, changed)
        except Exception as error:
            msg = f"block {self.layer.name!r} could not be called again with a changed stream: {type(error).__name__}: {error}."
            raise StepError(msg) from error
        return self.tokens(after, self.units)[rows, tokens]

    def _set(self, stream: Tensor, tokens: Tensor, values: Tensor) -> Tensor:
        """Returns a copy of the stream with the units of the given tokens set to the values."""
        assert self.layout is not None
        assert self.units is not None
        changed = stream.clone()
        if self.layout.averaged:
            shift = values.to(stream.dtype) - self.tokens(stream, self.units)[:, 0].to(stream.dtype)
            axes = self.layout.axes
            view = changed.permute([axes.index("B"), axes.index("U"), *self.layout.averaged])
            view[:, self.units] += shift.reshape(*shift.shape, *[1] * len(self.layout.averaged))
            return changed
        view = _ordered(changed, self.layout.axes)
        view = view if "T" in self.layout.axes else view.unsqueeze(1)
        view[torch.arange(len(tokens))[:, None], tokens[:, None], self.units] = values.to(stream.dtype)
        return changed


def _ordered(values: Tensor, axes: str) -> Tensor:
    """Returns a view with the batch axis first, then the token axis, then the unit axis."""
    return values.permute([axes.index(letter) for letter in "BTU" if letter in axes])


def _stream(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Returns the stream among the arguments of a call: the first positional tensor, else ``hidden_states``, else the first tensor.

    Raises:
        UnsupportedOutputError: no argument is a tensor.
    """
    tensors = [value for value in (*args, kwargs.get("hidden_states"), *kwargs.values()) if isinstance(value, Tensor)]
    if not tensors:
        msg = "the block is called without a tensor, so there is no stream whose coordinates could be units"
        raise UnsupportedOutputError(msg)
    return tensors[0]
