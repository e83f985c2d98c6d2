"""Gates: decide which calls of a layer count. Only calls inside a training step do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import nn


class Gate(Protocol):
    """Describes an object that every call of a watched layer asks whether the call counts."""

    @property
    def open(self) -> bool:
        """Returns whether calls count now."""


class Switch:
    """Holds whether calls count now; the code that runs the model sets ``open`` to True and False.

    Args:
        open: the value at the start.
    """

    __slots__ = ("open",)

    def __init__(self, *, open: bool = False) -> None:  # noqa: A002
        self.open: bool = open


class TrainingStep:
    """Lets calls count while Lightning runs the ``training_step`` of a module, and at no other time.

    Lightning stores in the module the name of the method or hook that is running, because ``log()`` needs the name. Reading this
    name in the few watched calls takes a tenth of the time of a callback hook before each batch. The gate is closed for model calls
    that other callbacks make between two steps, and while a search of Lightning's (for a learning rate or a batch size) trains the
    module: the trainer then has other callbacks.

    Args:
        module: the LightningModule that is trained.
        trainer: the trainer; None where there is none to ask.
        callback: the callback of the trainer that watches.
    """

    __slots__ = ("_attributes", "_callback", "_callbacks", "_number", "_trainer", "_watches")

    def __init__(self, module: nn.Module, trainer: Any = None, callback: object = None) -> None:
        self._attributes = vars(module)
        self._trainer = trainer
        self._callback = callback
        self._callbacks: Any = None
        self._number = 0
        self._watches = trainer is None

    @property
    def open(self) -> bool:
        """Returns whether Lightning is running ``training_step`` now."""
        if self._attributes.get("_current_fx_name") != "training_step":
            return False
        if self._trainer is not None:
            callbacks = self._trainer.callbacks
            if callbacks is not self._callbacks or len(callbacks) != self._number:  # looked through once, not at each call
                self._callbacks, self._number = callbacks, len(callbacks)
                self._watches = any(one is self._callback for one in callbacks)
        return self._watches
