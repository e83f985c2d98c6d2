"""The parts that step a recurrent module: its state, the observed states, and the protocol of a stepper."""

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
"""The direction of a bidirectional layer."""


@dataclass(frozen=True)
class Observations:
    """Holds states in which a layer was observed, each with the input of the step that followed.

    Args:
        state: the parts of the states, each ``[row, unit]``.
        inputs: the inputs ``[row, ...]``.
        sequences: the id of the sequence that each row comes from, ``[row]``, int64; the rows of one sequence are in the order of
            time. None where not known.
    """

    state: State
    inputs: Tensor
    sequences: Tensor | None = None

    def at(self, rows: Tensor) -> Observations:
        """Returns the observations in these rows: indices, or True and False for each row."""
        sequences = None if self.sequences is None else self.sequences[rows]
        return Observations(tuple(part[rows] for part in self.state), self.inputs[rows], sequences)


class Stepper(Protocol):
    """Describes an object that makes one step of a module and finds the states and inputs in which the module was observed."""

    @property
    def offset(self) -> int:
        """Returns where this state's units begin in the layer's unit axis: the width for the backward direction, else 0."""

    @property
    def among(self) -> range | None:
        """Returns the range of the layer's units that this step computes; None where the step computes all units."""

    @property
    def shown(self) -> bool:
        """Returns whether the layer's output shows this state; of stacked layers only the last level's state is shown."""

    @property
    def needs_outputs(self) -> bool:
        """Returns whether :meth:`observations` reads the outputs of the calls, which are then kept too."""

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """Computes the next state of each row.

        Args:
            module: the module that is stepped.
            state: the parts of the state, each ``[row, unit]``.
            inputs: the input of each row.
        """

    def observations(self, module: nn.Module, calls: Sequence[Call]) -> list[Observations]:
        """Returns the states that the module went through in these calls, each with the input of the step that followed."""

    def reaches(self, module: nn.Module, *, hidden_only: bool) -> Tensor | None:
        """Reads from the weights which unit acts on which within one step.

        Args:
            module: whose weights of now are read.
            hidden_only: of an LSTM the cell state is not set, so what it keeps is no action of the unit.

        Returns:
            ``[to unit, from unit]``, boolean, of the units of this state; None where the weights are not known.
        """


def repeated(part: Tensor, rows: int) -> Tensor:
    """Repeats ``part`` ``[draw, ...]`` as a whole until there are ``rows`` rows; ``rows`` is a multiple of the number of draws."""
    return part.repeat(rows // len(part), *[1] * (part.ndim - 1))


def refuse_levels(module: nn.Module, *, level: int, direction: str) -> None:
    """Checks the level and the direction for a module that is one layer in one direction.

    Raises:
        InvalidArgumentError: another level or direction is asked for.
    """
    if direction != "forward" or level not in {0, -1}:
        msg = f"level={level}, direction={direction!r}: {type(module).__name__} is a single layer in one direction; leave both out."
        raise InvalidArgumentError(msg)
