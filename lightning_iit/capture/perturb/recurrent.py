"""The steps of torch's recurrent layers and cells, one level and one direction at a time.

Sequences are run again, without dropout, from the inputs that were kept: a module shows neither the states of its lower levels
nor, over time, the cell state of an LSTM.
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
"""Sequences are run again up to this many times (steps), which bounds what an analysis costs."""


@dataclass(frozen=True)
class CellStepper:
    """The step of ``nn.RNNCell``, ``nn.GRUCell`` or ``nn.LSTMCell``, whose calls show state and input."""

    offset: int = 0
    among: range | None = None
    shown: bool = True
    needs_outputs: bool = False

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """The next state of each row."""
        return Weights.of(module).advance(state, inputs)

    def read(self, module: nn.Module, state: State, inputs: Tensor, units: Tensor) -> Tensor:
        """Some units' hidden state after one step."""
        return Weights.of(module).read(state, inputs, units)

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """The states and inputs that the cell was called with; a call without a state is the first of a sequence."""
        dtype = Weights.of(module).w_ih.dtype  # under autocast the inputs may be of another
        found = []
        for call in calls:
            inputs, state = call.argument(0, "input"), call.argument(1, "hx")
            if state is not None:
                parts = state if isinstance(state, tuple) else (state,)
                flat = [part.reshape(-1, part.shape[-1]).to(dtype) for part in (inputs, *parts)]
                rows = _active(flat[1])
                found.append(Observations(tuple(part[rows] for part in flat[1:]), flat[0][rows]))
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
    """The step of one level and direction of ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM``; a level's input is the output of the one below.

    Args:
        module: the layer.
        level: which of the stacked layers, as an index.
        direction: "forward" or "backward".

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
        self.level = level % module.num_layers
        self.direction: Direction = direction
        width = Weights.of(module, self.suffix).widths[0]
        self.offset: int = width if direction == "backward" else 0
        self.among: range | None = range(self.offset, self.offset + width) if module.bidirectional else None
        self.shown: bool = self.level == module.num_layers - 1
        self.needs_outputs: bool = False

    @property
    def suffix(self) -> str:
        """What the names of this level's and direction's weights end with."""
        return _suffix(self.level, self.direction)

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """The next state of each row."""
        return Weights.of(module, self.suffix).advance(state, inputs)

    def read(self, module: nn.Module, state: State, inputs: Tensor, units: Tensor) -> Tensor:
        """Some units' hidden state after one step."""
        return Weights.of(module, self.suffix).read(state, inputs, units)

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """Runs the kept sequences again; the states and inputs are those of this level and direction."""
        batches = [_Batch.of(module, call) for call in calls]
        batches.sort(key=lambda batch: batch.kind)
        return [self._replayed(module, _Batch.together(list(group))) for _, group in groupby(batches, key=lambda batch: batch.kind)]

    def reaches(self, module: nn.Module, *, hidden_only: bool) -> Tensor:
        """Reads from the weights which unit acts on which."""
        return Weights.of(module, self.suffix).reaches(hidden_only=hidden_only)

    def _replayed(self, module: Any, batch: _Batch) -> Observations:
        directions: list[Direction] = ["forward", "backward"] if module.bidirectional else ["forward"]
        inputs = batch.inputs
        for level in range(self.level):
            runs = [_run(module, level, direction, inputs, batch)[1] for direction in directions]
            inputs = torch.cat(runs, dim=-1)
        states, _ = _run(module, self.level, self.direction, inputs, batch)
        if self.direction == "backward":
            inputs = _reversed(inputs, batch.lengths)
        seen = torch.arange(len(inputs), device=inputs.device)[:, None] < batch.lengths
        seen[:1] &= _active(states[0][:1])
        return Observations(tuple(part[seen] for part in states), inputs[seen])


@dataclass(frozen=True)
class _Batch:
    """Sequences, time first: inputs ``[T, B, feature]``, lengths ``[B]``, first state ``[level * direction, B, unit]`` (parts)."""

    inputs: Tensor
    lengths: Tensor
    first: State

    @classmethod
    def of(cls, module: Any, call: Call) -> _Batch:
        given, first = call.argument(0, "input"), call.argument(1, "hx")
        if isinstance(given, PackedSequence):
            inputs, lengths = pad_packed_sequence(given)
            lengths = lengths.to(inputs.device)
        else:
            inputs = given.unsqueeze(1) if given.ndim == 2 else given.transpose(0, 1) if module.batch_first else given
            lengths = torch.full((inputs.shape[1],), len(inputs), device=inputs.device)
        first = () if first is None else first if isinstance(first, tuple) else (first,)
        dtype = Weights.of(module, _suffix(0, "forward")).w_ih.dtype  # under autocast the inputs may be of another
        first = tuple((part.unsqueeze(1) if part.ndim == 2 else part).to(dtype) for part in first)
        inputs, lengths = inputs[:MOST_TIMES].to(dtype), lengths.clamp(max=MOST_TIMES)
        return cls(inputs, lengths, first or _zeros(module, inputs))

    @property
    def kind(self) -> tuple[Any, ...]:
        """Sequences of the same kind are run together."""
        return len(self.inputs), str(self.inputs.dtype), str(self.inputs.device)

    @classmethod
    def together(cls, batches: list[_Batch]) -> _Batch:
        return cls(
            torch.cat([batch.inputs for batch in batches], dim=1),
            torch.cat([batch.lengths for batch in batches]),
            tuple(torch.cat(parts, dim=1) for parts in zip(*[batch.first for batch in batches], strict=True)),
        )


def _zeros(module: Any, inputs: Tensor) -> State:
    count = module.num_layers * (2 if module.bidirectional else 1)
    widths = Weights.of(module, _suffix(0, "forward")).widths
    return tuple(inputs.new_zeros(count, inputs.shape[1], width) for width in widths)


def _suffix(level: int, direction: Direction) -> str:
    return f"_l{level}{'_reverse' if direction == 'backward' else ''}"


def _run(module: Any, level: int, direction: Direction, inputs: Tensor, batch: _Batch) -> tuple[State, Tensor]:
    """The states before each step ``[T, B, unit]``, in the order of the steps, and the outputs in the order of time."""
    backward = direction == "backward"
    inputs = _reversed(inputs, batch.lengths) if backward else inputs
    weights = Weights.of(module, _suffix(level, direction))
    row = level * (2 if module.bidirectional else 1) + backward
    state: State = tuple(part[row] for part in batch.first)
    states = [state]
    for now in inputs:
        state = weights.advance(state, now)
        states.append(state)
    before = tuple(torch.stack(parts) for parts in zip(*states[:-1], strict=True))
    outputs = torch.stack([after[0] for after in states[1:]])
    return before, _reversed(outputs, batch.lengths) if backward else outputs


def _reversed(values: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence of ``[T, B, ...]`` turned round within its length; what lies beyond stays where it is."""
    times = torch.arange(len(values), device=values.device)[:, None]
    order = torch.where(times < lengths, lengths - 1 - times, times)
    return values[order, torch.arange(values.shape[1], device=values.device)]


def _active(hidden: Tensor) -> Tensor:
    """Where a hidden state is not all zero: that is the start of a sequence, and no activity of the layer."""
    return (hidden != 0).any(-1)
