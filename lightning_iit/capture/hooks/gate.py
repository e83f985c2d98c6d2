"""When calls of a layer count: inside of a training step, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn


class Gate(Protocol):
    """Asked in every call of a watched layer."""

    @property
    def open(self) -> bool:
        """Whether the call counts."""


class Switch:
    """A gate that is opened and closed by whoever runs the model.

    Args:
        open: how it begins.
    """

    __slots__ = ("open",)

    def __init__(self, *, open: bool = False) -> None:  # noqa: A002
        self.open = open


class TrainingStep:
    """Is open while Lightning is in the ``training_step`` of a module.

    Lightning notes in the module which of its methods and hooks is running, since ``log()`` depends on it. To read that in the few
    calls that are watched costs a tenth of a callback's hook before each batch; and passes that a callback makes between two
    steps are left out.

    Args:
        module: the LightningModule that is trained.
    """

    __slots__ = ("_attributes",)

    def __init__(self, module: nn.Module) -> None:
        self._attributes = vars(module)

    @property
    def open(self) -> bool:
        """Whether the call counts."""
        return self._attributes.get("_current_fx_name") == "training_step"
