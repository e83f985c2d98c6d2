"""Which calls of a layer within one step are new data, and which repeat data that the step has already seen."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import ref

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

_Given: TypeAlias = "tuple[tuple[Any, int], ...]"
"""The positional arguments of a call: of a tensor a weak reference and its version, of another object the object and -1."""


class StepCalls:
    """Numbers the calls of a layer within one step, without the calls that repeat data.

    A batch may be evaluated many times within one step: LBFGS and SAM evaluate it again after they have changed the weights. A call
    after a change of the weights is therefore a repetition, and so is a call with the very same tensors as an earlier one.

    Args:
        weight: a parameter that each update of the layer changes; None where there is none, and then only equal tensors show a
            repetition.

    Attributes:
        repeated: how many calls were repetitions since the last :meth:`clear`.
    """

    __slots__ = ("_given", "_started", "_version", "repeated", "weight")

    def __init__(self, weight: Tensor | None = None) -> None:
        self.weight: Tensor | None = weight
        self.clear()

    def clear(self) -> None:
        """Forgets all calls, as at the start of an epoch."""
        self.repeated: int = 0
        self.end_step()

    def end_step(self) -> None:
        """Ends a step: the next call is the first of a new one."""
        self._given: list[_Given] = []
        self._version: int = 0
        self._started: bool = False

    def is_evaluated_again(self) -> bool:
        """Returns whether the weights have changed since the first call of this step; such a call is counted as repeated."""
        version = 0 if self.weight is None else self.weight._version
        if not self._started:
            self._started, self._version = True, version
            return False
        if version == self._version:
            return False
        self.repeated += 1
        return True

    def number(self, inputs: Sequence[Any] = ()) -> int | None:
        """Returns the number of a call among the step's calls (0 is the first); None where the call is a repetition.

        Args:
            inputs: the positional arguments of the call; empty where they are not known.
        """
        if self.is_evaluated_again():
            return None
        given = self._given
        now = (_noted(inputs[0]),) if len(inputs) == 1 else tuple(map(_noted, inputs))
        if given and now and any(isinstance(value, Tensor) for value in inputs):
            for earlier in given:
                if len(earlier) == len(now) and all(map(_is_same, earlier, inputs)):
                    self.repeated += 1
                    return None
        given.append(now)
        return len(given) - 1

    def note(self, inputs: Sequence[Any]) -> None:
        """Notes the arguments of the first call of a step, which :meth:`is_evaluated_again` was asked about."""
        self._given.append(tuple(_noted(value) for value in inputs))


def _noted(value: Any) -> tuple[Any, int]:
    """Returns what is kept of an argument: no tensor is kept alive."""
    if isinstance(value, Tensor):
        return ref(value), -2 if value.is_inference() else value._version
    return (value, -1) if isinstance(value, (bool, int, float, str, type(None))) else (None, -3)


def _is_same(noted: tuple[Any, int], value: Any) -> bool:
    """Returns whether an argument is what :func:`_noted` kept; False where that is not known."""
    kept, version = noted
    if version >= 0:
        return kept() is value and value._version == version
    return version == -1 and not isinstance(value, Tensor) and bool(kept == value)


def weight_of(module: nn.Module, ancestors: Sequence[nn.Module] = ()) -> Tensor | None:
    """Returns a trainable parameter of a module, or else of the nearest module around it; None where there is none.

    Args:
        module: the module.
        ancestors: the modules around it, the outermost first.
    """
    parameters = chain.from_iterable(one.parameters() for one in (module, *reversed(ancestors)))
    return next((one for one in parameters if one.requires_grad and not one.is_inference()), None)
