"""One step of a recurrent module: which steps are known, and steps that the user gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from torch import Tensor, nn

from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.perturb.parents import leaves_forward_to_torch
from lightning_iit.capture.perturb.stepper import Direction, Observations, State, Stepper, refuse_levels
from lightning_iit.capture.preserved import unwrapped
from lightning_iit.errors import StepError

if TYPE_CHECKING:
    from lightning_iit.capture.perturb.reservoir import Call

StepFunction: TypeAlias = Callable[[nn.Module, Any, Tensor], Any]
"""A user's ``(module, state, input) -> state``; the state is a tensor ``[row, unit]``, or a tuple where it has several parts."""


def step_for(
    module: nn.Module,
    *,
    step: StepFunction | None = None,
    level: int = -1,
    direction: Direction = "forward",
    batch_first: bool = True,
) -> Stepper | None:
    """Returns how to step a module, or None where no step is known.

    Known are the steps of the kinds of layer that name one (``nn.RNN``, ``nn.GRU``, ``nn.LSTM``, their cells, and what was
    registered), and of subclasses of torch's own whose ``forward`` gives what the parent's gives; that of any other subclass with a
    ``forward`` of its own is not.

    Args:
        module: the layer.
        step: a step for any other module.
        level: which of the stacked layers, as an index (-1 is the last one, whose states the module returns).
        direction: which direction of a bidirectional layer. Backward, a step goes from a time to the time before it.
        batch_first: for a custom step, whether sequences are ``[B, T, ...]`` and not ``[T, B, ...]``.

    Raises:
        InvalidArgumentError: the layer has no such level or direction.
    """
    module = unwrapped(module)
    if step is not None:
        return CustomStepper(step, batch_first=batch_first)
    row = kind_of(module)
    known = row.runs(module) or leaves_forward_to_torch(module)
    if known and row.stepper is not None:
        return cast("Stepper", row.stepper_of(module, level=level, direction=direction))
    refuse_levels(module, level=level, direction=direction)
    if known and row.step is not None:
        return CustomStepper(row.step, batch_first=row.is_batch_first(module), cell=row.cell, wiring=row.reaches)
    return None


@dataclass(frozen=True)
class CustomStepper:
    """Steps a module by a function: the user's, or that of a kind of layer.

    The module is either called once for each step, with an input and a state (``module(input, state)``), or once for each sequence;
    then its output at each time is taken to be its state.

    Args:
        function: ``(module, state, input) -> state``.
        batch_first: whether sequences are ``[B, T, ...]``.
        cell: True where the module is called once for each step, False where once for each sequence; None tells it from the call.
        wiring: from a module to ``[to unit, from unit]``, whether a unit acts on another within one step; None if not known.
    """

    function: StepFunction
    batch_first: bool = True
    offset: int = 0
    among: range | None = None
    shown: bool = True
    needs_outputs: bool = True
    cell: bool | None = None
    wiring: Callable[[Any], Tensor] | None = None

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """Computes the next state of each row.

        Raises:
            StepError: the function fails, or returns a state of another shape.
        """
        given = state if len(state) > 1 else state[0]
        try:
            following = self.function(module, given, inputs)
        except Exception as error:
            shapes = ", ".join(str(list(part.shape)) for part in state)
            msg = (
                f"step= failed for {type(module).__name__} with a state of shape {shapes} and an input of shape "
                f"{list(inputs.shape)}: {error}. It is called as step(module, state, input), one row for each state."
            )
            raise StepError(msg) from error
        parts = _parts(following)
        if [part.shape for part in parts] != [part.shape for part in state]:
            msg = (
                f"step= of {type(module).__name__} was given a state of shapes {[list(part.shape) for part in state]} and "
                f"returned {[list(part.shape) for part in parts]}; return the next state in the same shapes."
            )
            raise StepError(msg)
        return parts

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """Finds the states and inputs in calls whose outputs were kept; a cell's call without a state begins a sequence.

        Raises:
            StepError: no state can be found in the calls.
        """
        if self.cell:
            calls = [call for call in calls if self._given(call)]
        return [self._of(module, call) for call in calls]

    def reaches(self, module: nn.Module, *, hidden_only: bool) -> Tensor | None:  # noqa: ARG002
        """Reads from the weights which unit acts on which, where the kind of layer says how."""
        return None if self.wiring is None else self.wiring(module)

    def _given(self, call: Call) -> State:
        """Returns the state that a call was given, without parts where there was none."""
        return _parts(call.argument(1, "state")) or (_parts(call.argument(1, "hx")) if self.cell else ())

    def _of(self, module: nn.Module, call: Call) -> Observations:
        inputs, given = call.argument(0, "input"), self._given(call)
        if self.cell is not False and isinstance(inputs, Tensor) and given and given[0].ndim == 2:
            return Observations(given, inputs, call.sequences(len(inputs), inputs.device))
        output = _parts(call.output)[:1]
        if not isinstance(inputs, Tensor) or not output or output[0].ndim != 3 or inputs.shape[:2] != output[0].shape[:2]:
            msg = (
                f"step=: {type(module).__name__} is called neither as module(input, state) with a state [B, unit], nor with "
                "a sequence [B, T, ...] and an output [B, T, unit]; so the states it was in are not known. Name a layer that is."
            )
            raise StepError(msg)
        states = output[0] if self.batch_first else output[0].transpose(0, 1)
        inputs = inputs if self.batch_first else inputs.transpose(0, 1)
        before, following = states[:, :-1], inputs[:, 1:]
        sequences = call.sequences(len(before), before.device).repeat_interleave(before.shape[1])
        return Observations((before.flatten(0, 1),), following.flatten(0, 1), sequences)


def _parts(value: Any) -> State:
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, (tuple, list)) and all(isinstance(part, Tensor) for part in value):
        return tuple(value)
    return ()
