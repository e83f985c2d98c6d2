"""Recurrent layers step by step, so that units can be set between one step and the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lightning_iit.capture.perturb.cells import Weights
from lightning_iit.capture.perturb.recurrent import reversed_in_time, suffix_of, zero_state
from lightning_iit.errors import UnsupportedOutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.capture.lesion.places import Places
    from lightning_iit.capture.perturb.stepper import Direction, State
    from lightning_iit.capture.perturb.steps import CustomStepper


def torch_forward(module: Any, places: Places) -> Callable[..., Any]:
    """Returns what stands for the ``forward`` of an ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` in eval mode.

    Units are those of the last level; of an LSTM without a projection their cell states are set too.
    """

    def forward(input: Any, hx: Any = None) -> tuple[Any, Any]:  # noqa: A002  as torch has it
        packed, batched = isinstance(input, PackedSequence), True
        if packed:
            inputs, lengths = pad_packed_sequence(input)
            lengths = lengths.to(inputs.device)
        else:
            batched = input.ndim == 3
            inputs = input.unsqueeze(1) if not batched else input.transpose(0, 1) if module.batch_first else input
            lengths = torch.full((inputs.shape[1],), len(inputs), device=inputs.device)
        inputs = inputs.to(Weights.of(module, suffix_of(0, "forward")).w_ih.dtype)
        first = () if hx is None else hx if isinstance(hx, tuple) else (hx,)
        first = tuple((part if batched else part.unsqueeze(1)).to(inputs.dtype) for part in first) or zero_state(module, inputs)
        outputs, ends = _run(module, places, inputs, lengths, first)
        if packed:
            output: Any = _packed_as(outputs, lengths, input)
        elif not batched:
            output, ends = outputs.squeeze(1), tuple(part.squeeze(1) for part in ends)
        else:
            output = outputs.transpose(0, 1) if module.batch_first else outputs
        return output, ends if len(ends) > 1 else ends[0]

    return forward


def _run(module: Any, places: Places, inputs: Tensor, lengths: Tensor, first: State) -> tuple[Tensor, State]:
    """Runs all levels and directions; returns the outputs ``[T, B, unit]`` and the last states ``[level * direction, B, unit]``."""
    directions: tuple[Direction, ...] = ("forward", "backward") if module.bidirectional else ("forward",)
    ends: list[State] = []
    for level in range(module.num_layers):
        outputs = []
        for number, direction in enumerate(directions):
            weights = Weights.of(module, suffix_of(level, direction))
            state: State = tuple(part[level * len(directions) + number] for part in first)
            hidden = []
            for time, now in enumerate(reversed_in_time(inputs, lengths) if direction == "backward" else inputs):
                rows = time < lengths
                following = weights.advance(state, now)
                if level == module.num_layers - 1:
                    following = _set(places, following, rows, offset=number * weights.widths[0])
                state = tuple(torch.where(rows[:, None], new, old) for new, old in zip(following, state, strict=True))
                hidden.append(state[0])
            ends.append(state)
            together = torch.stack(hidden)
            outputs.append(reversed_in_time(together, lengths) if direction == "backward" else together)
        inputs = torch.cat(outputs, dim=-1)
    return inputs, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))


def _set(places: Places, state: State, rows: Tensor, *, offset: int) -> State:
    """Hands the parts of a state ``[row, unit]`` over that have one value for each unit of the layer."""
    hidden, *others = state
    return (
        places.at(hidden, rows=rows, offset=offset),
        *(places.at(part, rows=rows, offset=offset, part="cell") if part.shape == hidden.shape else part for part in others),
    )


def _packed_as(outputs: Tensor, lengths: Tensor, like: PackedSequence) -> PackedSequence:
    """Returns outputs ``[T, B, unit]`` packed in the order of another packed sequence."""
    order = like.sorted_indices
    if order is not None:
        outputs, lengths = outputs[:, order], lengths[order]
    packed = pack_padded_sequence(outputs, lengths.cpu())
    return PackedSequence(packed.data, packed.batch_sizes, order, like.unsorted_indices)


def custom_forward(module: Any, stepper: CustomStepper, places: Places, forward: Callable[..., Any]) -> Callable[..., Any]:
    """Returns what stands for the ``forward`` of a module whose step is known as a function.

    The state after the first step is taken from the module's own ``forward``. A module that is called once for each step is called
    as it is.
    """

    def stepped(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        if isinstance(output, Tensor) and output.ndim == 2:
            return places.at(output)
        if isinstance(output, (tuple, list)) and all(isinstance(part, Tensor) and part.ndim == 2 for part in output):
            return type(output)(places.at(part, part=str(number)) for number, part in enumerate(output))
        inputs = args[0] if args else next(iter(kwargs.values()), None)
        if not isinstance(output, Tensor) or not isinstance(inputs, Tensor) or inputs.shape[:2] != output.shape[:2]:
            msg = (
                f"step=: {type(module).__name__} takes no sequence [B, T, ...] that it returns as states [B, T, unit], and no "
                "state [B, unit] that it returns as the next one; so its units cannot be set between its steps."
            )
            raise UnsupportedOutputError(msg)
        time = 1 if stepper.batch_first else 0
        state = places.at(output.select(time, 0))
        states = [state]
        for now in inputs.unbind(time)[1:]:
            state = places.at(stepper.step(module, (state,), now)[0])
            states.append(state)
        return torch.stack(states, dim=time)

    return stepped
