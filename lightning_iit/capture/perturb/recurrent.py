"""The steps of torch's recurrent layers and cells, for one level and one direction at a time.

The kept sequences are run again from their inputs, without dropout, because a module's output shows neither the states of its lower
levels nor the cell state of an LSTM at each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from lightning_iit.capture.perturb.cells import Weights
from lightning_iit.capture.perturb.stepper import Direction, Observations, State, refuse_levels
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.perturb.reservoir import Call

MOST_TIMES = 512
"""The most time steps of a sequence that are run again, which bounds the time of an analysis; a layer that is read backwards, too,
is run from the sequence's true end, so all steps."""


@dataclass(frozen=True)
class CellStepper:
    """Steps an ``nn.RNNCell``, ``nn.GRUCell`` or ``nn.LSTMCell``; states and inputs are those of the kept calls.

    Args:
        offset: where the state's units begin in the layer's unit axis.
        suffix: the ending of the names of the weights.
        among: the range of units that the step computes; None for all.
        shown: whether the layer's output shows the state.
    """

    offset: int = 0
    among: range | None = None
    shown: bool = True
    needs_outputs: bool = False

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """Computes the next state of each row, in parts ``[row, unit]``."""
        return Weights.of(module).advance(state, inputs)

    def weights(self, module: nn.Module) -> Weights:
        """Reads the weights of the step."""
        return Weights.of(module)

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """Returns the states and inputs that the cell was called with.

        A call without a state, or a row with a hidden state of zeros, is the start of a sequence and no observation.
        """
        dtype = Weights.of(module).w_ih.dtype  # under autocast the inputs may have another dtype
        found = []
        for call in calls:
            inputs, state = call.argument(0, "input"), call.argument(1, "hx")
            if state is not None:
                parts = state if isinstance(state, tuple) else (state,)
                flat = [part.reshape(-1, part.shape[-1]).to(dtype) for part in (inputs, *parts)]
                seen = Observations(tuple(flat[1:]), flat[0], call.sequences(len(flat[0]), flat[0].device))
                found.append(seen.at(_active(flat[1])))
        return found

    def reaches(self, module: nn.Module, *, hidden_only: bool) -> Tensor:
        """Reads from the weights which unit acts on which."""
        return Weights.of(module).reaches(hidden_only=hidden_only)


def cell_stepper(module: nn.Module, *, level: int = -1, direction: Direction = "forward") -> CellStepper:
    """Returns the stepper of a cell.

    Raises:
        InvalidArgumentError: another level or direction than its only one is asked for.
    """
    refuse_levels(module, level=level, direction=direction)
    return CellStepper()


class LayerStepper:
    """Steps one level and direction of an ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM``.

    The input of a level is the output of the level below, in all directions.

    Args:
        module: the layer.
        level: which of the stacked layers, as an index; -1 is the last one.
        direction: "forward" or "backward".

    Attributes:
        level: the index of the level, from 0.
        direction: "forward" or "backward".
        offset: where the state's units begin in the layer's unit axis.
        among: the range of units that the step computes; None for all.
        shown: whether the layer's output shows the state (of the last level).

    Raises:
        InvalidArgumentError: the layer has no such level or direction.
    """

    def __init__(self, module: Any, *, level: int = -1, direction: Direction = "forward") -> None:
        if not -module.num_layers <= level < module.num_layers:
            msg = f"level={level}: this {type(module).__name__} has {module.num_layers} layers, 0 to {module.num_layers - 1}."
            raise InvalidArgumentError(msg)
        if direction not in {"forward", "backward"} or (direction == "backward" and not module.bidirectional):
            has = "the directions 'forward' and 'backward'" if module.bidirectional else "only the direction 'forward'"
            msg = f"direction={direction!r}: this {type(module).__name__} has {has}."
            raise InvalidArgumentError(msg)
        self.level: int = level % module.num_layers
        self.direction: Direction = direction
        width = Weights.of(module, self.suffix).widths[0]
        self.offset: int = width if direction == "backward" else 0
        self.among: range | None = range(self.offset, self.offset + width) if module.bidirectional else None
        self.shown: bool = self.level == module.num_layers - 1
        self.needs_outputs: bool = False

    @property
    def suffix(self) -> str:
        """Returns the ending of the names of this level's and direction's weights, e.g. ``"_l0_reverse"``."""
        return suffix_of(self.level, self.direction)

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """Computes the next state of each row, in parts ``[row, unit]``."""
        return Weights.of(module, self.suffix).advance(state, inputs)

    def weights(self, module: nn.Module) -> Weights:
        """Reads the weights of the step."""
        return Weights.of(module, self.suffix)

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """Runs the kept sequences again, and returns the states and inputs of this level and direction.

        A hidden state of zeros at the start of a sequence is no observation.
        """
        batches = [_Batch.of(module, call) for call in calls]
        batches.sort(key=lambda batch: batch.kind)
        return [self._replayed(module, _Batch.together(list(group))) for _, group in groupby(batches, key=lambda batch: batch.kind)]

    def reaches(self, module: nn.Module, *, hidden_only: bool) -> Tensor:
        """Reads from the weights which unit acts on which."""
        return Weights.of(module, self.suffix).reaches(hidden_only=hidden_only)

    def _replayed(self, module: Any, batch: _Batch) -> Observations:
        """Runs the sequences of a batch through the lower levels and this level, and returns the observations without padding."""
        directions: list[Direction] = ["forward", "backward"] if module.bidirectional else ["forward"]
        inputs = batch.inputs
        for level in range(self.level):
            runs = [_run(module, level, direction, inputs, batch)[1] for direction in directions]
            inputs = torch.cat(runs, dim=-1)
        states, _ = _run(module, self.level, self.direction, inputs, batch)
        if self.direction == "backward":
            inputs = reversed_in_time(inputs, batch.lengths)
        seen = torch.arange(len(inputs), device=inputs.device)[:, None] < batch.lengths
        seen[:1] &= _active(states[0][:1])
        return Observations(states, inputs, batch.sequences.expand(len(inputs), -1)).at(seen)


@dataclass(frozen=True)
class _Batch:
    """Holds sequences: inputs ``[T, B, feature]``, lengths and ids ``[B]``, first states ``[level * direction, B, unit]``."""

    inputs: Tensor
    lengths: Tensor
    first: State
    sequences: Tensor

    @classmethod
    def of(cls, module: Any, call: Call) -> _Batch:
        """Builds the batch of sequences of one call; without an initial state the first state is zero."""
        given, first = call.argument(0, "input"), call.argument(1, "hx")
        if isinstance(given, PackedSequence):
            inputs, lengths = pad_packed_sequence(given)
            lengths = lengths.to(inputs.device)
        else:
            inputs = given.unsqueeze(1) if given.ndim == 2 else given.transpose(0, 1) if module.batch_first else given
            lengths = torch.full((inputs.shape[1],), len(inputs), device=inputs.device)
            # Subclasses that leave the rest to torch may take the lengths of padded sequences as an argument of their own.
            if call.lengths is not None and call.lengths.shape == lengths.shape:
                lengths = call.lengths.to(lengths)
        first = () if first is None else first if isinstance(first, tuple) else (first,)
        dtype = Weights.of(module, suffix_of(0, "forward")).w_ih.dtype  # under autocast the inputs may have another dtype
        first = tuple((part.unsqueeze(1) if part.ndim == 2 else part).to(dtype) for part in first)
        most = len(inputs) if module.bidirectional else MOST_TIMES
        inputs, lengths = inputs[:most].to(dtype), lengths.clamp(max=most)
        sequences = call.sequences(inputs.shape[1], inputs.device)
        return cls(inputs, lengths, first or zero_state(module, inputs), sequences)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Returns a key; batches with the same key are run together."""
        return len(self.inputs), str(self.inputs.dtype), str(self.inputs.device)

    @classmethod
    def together(cls, batches: list[_Batch]) -> _Batch:
        """Joins batches of the same kind into one."""
        return cls(
            torch.cat([batch.inputs for batch in batches], dim=1),
            torch.cat([batch.lengths for batch in batches]),
            tuple(torch.cat(parts, dim=1) for parts in zip(*[batch.first for batch in batches], strict=True)),
            torch.cat([batch.sequences for batch in batches]),
        )


def zero_state(module: Any, inputs: Tensor) -> State:
    """Returns a first state of zeros for all levels and directions."""
    count = module.num_layers * (2 if module.bidirectional else 1)
    widths = Weights.of(module, suffix_of(0, "forward")).widths
    return tuple(inputs.new_zeros(count, inputs.shape[1], width) for width in widths)


def suffix_of(level: int, direction: Direction) -> str:
    """Returns the ending of the names of the weights of a level and direction."""
    return f"_l{level}{'_reverse' if direction == 'backward' else ''}"


def _run(module: Any, level: int, direction: Direction, inputs: Tensor, batch: _Batch) -> tuple[State, Tensor]:
    """Runs one level and direction over the sequences.

    Returns:
        The states before each step ``[T, B, unit]``, in the order of the steps, and the outputs in the order of time.
    """
    backward = direction == "backward"
    inputs = reversed_in_time(inputs, batch.lengths) if backward else inputs
    weights = Weights.of(module, suffix_of(level, direction))
    row = level * (2 if module.bidirectional else 1) + backward
    state: State = tuple(part[row] for part in batch.first)
    states = [state]
    for now in inputs:
        state = weights.advance(state, now)
        states.append(state)
    before = tuple(torch.stack(parts) for parts in zip(*states[:-1], strict=True))
    outputs = torch.stack([after[0] for after in states[1:]])
    return before, reversed_in_time(outputs, batch.lengths) if backward else outputs


def reversed_in_time(values: Tensor, lengths: Tensor) -> Tensor:
    """Reverses each sequence of ``[T, B, ...]`` within its length; padding stays in place."""
    times = torch.arange(len(values), device=values.device)[:, None]
    order = torch.where(times < lengths, lengths - 1 - times, times)
    return values[order, torch.arange(values.shape[1], device=values.device)]


def _active(hidden: Tensor) -> Tensor:
    """Returns which hidden states are not all zero: zeros are the start of a sequence, not a state that the layer reached."""
    return (hidden != 0).any(-1)
