"""One step of a recurrent module: which steps are known, and steps that the user gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import Tensor, nn

from lightning_iit.capture.perturb.recurrent import CellStepper, LayerStepper
from lightning_iit.capture.perturb.stepper import Direction, Observations, State, Stepper, repeated
from lightning_iit.capture.preserved import unwrapped
from lightning_iit.errors import InvalidArgumentError, StepError

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
    """How to step a module, or None where no step is known.

    Known are ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` and their cells; a subclass with a ``forward`` of its own is not.

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
    forward = type(module).forward
    if any(forward is kind.forward for kind in (nn.RNN, nn.GRU, nn.LSTM)):
        return LayerStepper(module, level=level, direction=direction)
    if direction != "forward" or level not in {0, -1}:
        msg = f"level={level}, direction={direction!r}: {type(module).__name__} is a single layer in one direction; leave both out."
        raise InvalidArgumentError(msg)
    if any(forward is kind.forward for kind in (nn.RNNCell, nn.GRUCell, nn.LSTMCell)):
        return CellStepper()
    return None


@dataclass(frozen=True)
class CustomStepper:
    """A step given by the user.

    The module is either called once for each step, with an input and a state (``module(input, state)``), or once for each sequence;
    then its output at each time is taken to be its state.

    Args:
        function: ``(module, state, input) -> state``.
        batch_first: whether sequences are ``[B, T, ...]``.
    """

    function: StepFunction
    batch_first: bool = True
    offset: int = 0
    among: range | None = None
    shown: bool = True

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """The next state of each row.

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

    def read(self, module: nn.Module, state: State, inputs: Tensor, units: Tensor) -> Tensor:
        """Some units' hidden state after one step."""
        return self.step(module, state, repeated(inputs, len(state[0])))[0][:, units]

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """The states and inputs of calls whose outputs were kept.

        Raises:
            StepError: no state can be found in the calls.
        """
        return [self._of(module, call) for call in calls]

    def _of(self, module: nn.Module, call: Call) -> Observations:
        inputs, given = call.argument(0, "input"), _parts(call.argument(1, "state"))
        if isinstance(inputs, Tensor) and given and given[0].ndim == 2:
            return Observations(given, inputs)
        output = _parts(call.output)[:1]
        if not isinstance(inputs, Tensor) or not output or output[0].ndim != 3 or inputs.shape[:2] != output[0].shape[:2]:
            msg = (
                f"step=: {type(module).__name__} is called neither as module(input, state) with a state [B, unit], nor with "
                "a sequence [B, T, ...] and an output [B, T, unit]; so the states it was in are not known. Name a layer that is."
            )
            raise StepError(msg)
        states = output[0] if self.batch_first else output[0].transpose(0, 1)
        inputs = inputs if self.batch_first else inputs.transpose(0, 1)
        return Observations((states[:, :-1].flatten(0, 1),), inputs[:, 1:].flatten(0, 1))


def _parts(value: Any) -> State:
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, (tuple, list)) and all(isinstance(part, Tensor) for part in value):
        return tuple(value)
    return ()
