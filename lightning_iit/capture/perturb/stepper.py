"""What it takes to step a recurrent module: its state, where it was seen, and the protocol of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from torch import Tensor, nn

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.perturb.reservoir import Call

State: TypeAlias = tuple[Tensor, ...]
"""The parts of a layer's state, each ``[row, unit]``: the hidden state, and for an LSTM its cell state too."""

Direction: TypeAlias = Literal["forward", "backward"]


@dataclass(frozen=True)
class Observations:
    """States that a layer was seen in, each with the input of the step that followed.

    Args:
        state: the parts, each ``[row, unit]``.
        inputs: ``[row, ...]``.
    """

    state: State
    inputs: Tensor


class Stepper(Protocol):
    """Steps a module, and finds the states and inputs in which it was seen."""

    @property
    def offset(self) -> int:
        """Where this state's units begin in the layer's unit axis: the width, for the backward direction; else 0."""

    @property
    def among(self) -> range | None:
        """The units of the layer that make this step, where they are not all of them."""

    @property
    def shown(self) -> bool:
        """Whether the layer's output shows this state: not that of a lower level."""

    @property
    def needs_outputs(self) -> bool:
        """Returns whether :meth:`observations` reads the outputs of the calls, which are then kept too."""

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """The next state of each row."""

    def read(self, module: nn.Module, state: State, inputs: Tensor, units: Tensor) -> Tensor:
        """Some units' hidden state after one step, ``[row, len(units)]``.

        Args:
            module: that is stepped.
            state: of each row.
            inputs: of each row, or of the first rows only: those that follow have the same inputs again, in the same order.
            units: indices into the state.
        """

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """The states that the module went through in these calls, each with the input of the step that followed."""

    def reaches(self, module: nn.Module, *, hidden_only: bool) -> Tensor | None:
        """Reads from the weights which unit acts on which within one step.

        Args:
            module: whose weights of now are read.
            hidden_only: of an LSTM the cell state is not set, so what it keeps is no action of the unit.

        Returns:
            ``[to unit, from unit]``, boolean, of the units of this state; None where the weights are not known.
        """


def repeated(part: Tensor, rows: int) -> Tensor:
    """``[draw, ...]`` laid end to end until there are so many rows."""
    return part.repeat(rows // len(part), *[1] * (part.ndim - 1))


def refuse_levels(module: nn.Module, *, level: int, direction: str) -> None:
    """Checks the level and the direction for a module that is one layer in one direction.

    Raises:
        InvalidArgumentError: another level or direction is asked for.
    """
    if direction != "forward" or level not in {0, -1}:
        msg = f"level={level}, direction={direction!r}: {type(module).__name__} is a single layer in one direction; leave both out."
        raise InvalidArgumentError(msg)
