"""What a row of the table of layer kinds says: :class:`LayerKindRow`, and :class:`Picture` for what is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, TypeAlias

from torch import Tensor, nn

from lightning_iit.errors import InvalidArgumentError

WeightReader: TypeAlias = Callable[[Any, Tensor], tuple[str, Tensor] | None]
"""``(module, units) -> (what the weights are, weights [unit, from, ...])``, or None where they cannot be read unit by unit."""

PLAIN_AXES = {1: "U", 2: "BU", 4: "BUXY", 5: "BUXYZ"}
"""The axes of an output by its rank, where a kind says nothing else: vectors, images and volumes with the channels first."""


@dataclass(frozen=True)
class Picture:
    """Describes a module as the viewer draws it.

    Args:
        width: how many units it has.
        words: the module in words, e.g. "GRU, 10 hidden units".
        heads: of an attention block, else 0.
        left_out: what of the module is not drawn, as the rest of a sentence that begins with its name; empty for nothing.
    """

    width: int
    words: str
    heads: int = 0
    left_out: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerKindRow:
    """Says all that the package knows of one kind of layer: how it is picked, read, stepped, drawn and judged.

    Only ``kind`` and ``classes`` are needed. What a row leaves out is done as for a module of unknown kind.

    Args:
        kind: the kind's name in records and pictures; several rows may share it. The viewer draws a name that it does not know
            in the shape of "other".
        classes: the modules of this kind. A subclass belongs to the row of its nearest base class.
        recurrent: True where a unit acts on others (or on itself) at the next time; False where it does not, which is then also
            said of all modules inside; None to tell it from the parts: PyTorch's own modules that are not recurrent, and modules
            without parameters, are feed-forward, all others may be either.
        weighted: whether ``layers=None`` takes the module for a layer with weights. (A recurrent one is picked first.)
        axes: from a module to the axes of its output by rank, in the letters of ``layout=``: ``{2: "BU", 3: "BTU"}``. None tells
            them from the rank: axes of tokens or patches for rank 3, else :data:`PLAIN_AXES`.
        cell: whether the module is called once for each time step, ``module(input, state)``; its calls are put together to
            sequences. A state that is given by keyword must be named ``state`` or ``hx``.
        step: ``(module, state, input) -> state``, one time step from any state ``[row, unit]`` with one input for each row: how a
            layer is perturbed. The output at each time must be the state; of a tuple, its first tensor.
        stepper: for a kind with several levels or directions, in place of ``step``: called as ``stepper(module, level=...,
            direction=...)`` it returns a :class:`~lightning_iit.capture.perturb.stepper.Stepper`. It may be the name of it,
            ``"package.module:attribute"``, which is imported on first use.
        reaches: from a module to a boolean matrix ``[to unit, from unit]``: whether a unit acts on another within one step,
            through any weight or by keeping its own state. With ``step``, and for ``cm="weights"`` only.
        picture: from a module to its :class:`Picture`. None, or a picture that is None: it is not drawn as a layer of its own.
        whole: whether the modules inside are left out of the picture, as they are parts of this layer.
        weights_in: reads the weights that come into some units, ``[to unit, from unit, ...]``, for the picture.
        weights_among: reads the weights that come into some units from all units of this layer, likewise.
        incoming: from a module to the weights that ``selection="weight_norm"`` goes by: for each direction a list of tensors, the
            first axis of each as long as the units or a multiple of it. None takes all parameters of two axes or more.

    Raises:
        InvalidArgumentError: a row that contradicts itself or leaves out what its kind needs.

    Example:
        >>> class Leak(nn.Module):
        ...     pass
        >>> LayerKindRow(kind="leak", classes=(Leak,), recurrent=True, axes=lambda leak: {3: "BTU"}).kind
        'leak'
    """

    kind: str
    classes: tuple[type[nn.Module], ...]
    recurrent: bool | None = None
    weighted: bool = False
    axes: Callable[[Any], Mapping[int, str]] | None = None
    cell: bool = False
    step: Callable[[Any, Any, Tensor], Any] | None = None
    stepper: Callable[..., Any] | str | None = None  # returns a Stepper, whose protocol lies above this module
    reaches: Callable[[Any], Tensor] | None = None
    picture: Callable[[Any], Picture | None] | None = None
    whole: bool = False
    weights_in: WeightReader | None = None
    weights_among: WeightReader | None = None
    incoming: Callable[[Any], list[list[Tensor]]] | None = None

    def __post_init__(self) -> None:
        """Checks that the parts of the row fit together."""
        why = ""
        if not isinstance(self.classes, tuple) or not all(
            isinstance(kind, type) and issubclass(kind, nn.Module) for kind in self.classes
        ):
            why = f"classes={self.classes!r} is not a tuple of subclasses of torch.nn.Module; give one, e.g. (MyLayer,)"
        elif self.recurrent and self.axes is None:
            why = (
                "recurrent=True without axes: no axis of the output is known to be time; give axes, e.g. lambda module: {3: 'BTU'}"
            )
        elif not self.recurrent and (self.step or self.stepper or self.cell):
            why = "a step, a stepper and cell=True are of recurrent layers; say recurrent=True, or leave them out"
        elif self.step and self.stepper:
            why = "step and stepper both say how the layer is stepped; give one of them"
        if why:
            msg = f"LayerKindRow(kind={self.kind!r}): {why}."
            raise InvalidArgumentError(msg)

    def runs(self, module: nn.Module) -> bool:
        """Returns whether a module computes what this row says: its ``forward`` is that of one of the row's classes."""
        return any(type(module).forward is kind.forward for kind in self.classes)

    def stepper_of(self, module: nn.Module, *, level: int, direction: str) -> Any:
        """Returns the ``Stepper`` of a module, made by :attr:`stepper`; None where the row names none."""
        make = resolve_name(self.stepper) if isinstance(self.stepper, str) else self.stepper
        return None if make is None else make(module, level=level, direction=direction)

    def is_batch_first(self, module: nn.Module) -> bool:
        """Returns whether sequences are ``[B, T, ...]``: by the axes of rank 3, else by ``module.batch_first``, else True."""
        axes = "" if self.axes is None else self.axes(module).get(3, "")
        return axes.startswith("B") if "B" in axes else bool(getattr(module, "batch_first", True))

    def is_channels_first(self, module: nn.Module) -> bool:
        """Returns whether the output has axes behind that of the units, as the maps of a convolution are."""
        return self.axes is not None and any(axes[-1] not in "UC" for axes in self.axes(module).values())
