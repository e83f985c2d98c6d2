"""A bounded random sample of a layer's calls: the arguments, and the output where wanted."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.hooks.calls import StepCalls, weight_of
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.errors import StepError

if TYPE_CHECKING:
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate


@dataclass(frozen=True)
class Call:
    """Holds one call of a module: its positional and keyword arguments and its output, all copied and detached."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = None

    def argument(self, position: int, name: str) -> Any:
        """Returns the argument at this position or, if passed by keyword, of this name; None where the call has none."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(name)


class Reservoir:
    """Keeps a uniform random sample of the calls of a module (algorithm R of Vitter 1985).

    A kept call costs a detached copy of its tensors; most calls of a long epoch are not kept and cost one comparison. The sample is
    drawn by a generator of its own, so that the random state of the training does not change.

    Args:
        size: how many calls are kept.
        with_output: keep the outputs too, which custom steps need.
        seed: the seed of the sample.

    Attributes:
        size: how many calls are kept.
        gate: decides which calls count; open unless :meth:`attach` is given another gate.
        seen: how many calls counted so far.
        step_calls: tells the calls that repeat data of their step.
        error: the first exception in the hook; after an exception nothing more is kept until :meth:`clear`.

    Example:
        >>> reservoir = Reservoir(size=2)
        >>> layer = nn.GRU(3, 4, batch_first=True)
        >>> handle = reservoir.attach(layer)
        >>> for _ in range(5):
        ...     _ = layer(torch.zeros(2, 7, 3))
        >>> len(reservoir.calls), reservoir.seen
        (2, 5)
    """

    def __init__(self, *, size: int = 8, with_output: bool = False, seed: int = 0) -> None:
        self.size = size
        self.with_output = with_output
        self.gate: Gate = Switch(open=True)
        self.step_calls: StepCalls = StepCalls()
        self._stepwise = False
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Forgets all calls and restarts the random generator, as at the start of an epoch."""
        self.step_calls.clear()
        self.seen: int = 0
        self.error: Exception | None = None
        self._calls: list[Call] = []
        self._random = random.Random(self._seed)  # noqa: S311 - a sample, not a secret

    @property
    def calls(self) -> tuple[Call, ...]:
        """Returns the calls that are kept.

        Raises:
            StepError: a call could not be kept.
        """
        if self.error is not None:
            msg = f"a call of the layer could not be kept ({type(self.error).__name__}: {self.error})"
            raise StepError(msg) from self.error
        return tuple(self._calls)

    def attach(self, module: nn.Module, gate: Gate | None = None) -> AttachedHook:
        """Hooks a module: calls are sampled while the gate is open, until the returned handle is removed.

        Args:
            module: the module.
            gate: decides which calls count; None keeps the present gate. With a gate, calls that repeat data of their step do not
                count, and of several sources (:class:`StepCalls`) only the first.
        """
        self.gate = gate or self.gate
        self._stepwise = gate is not None
        self.step_calls.weight = weight_of(module)
        return attach(module, self.hook, with_kwargs=True)

    def hook(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Keeps the call if it is drawn; a forward hook with keyword arguments. An exception ends it, never the training."""
        if self.error is not None:
            return
        try:
            place = self.place() if not self._stepwise or self._is_first(args, kwargs) else None
            if place is not None:
                call = Call(copied(args), copied(kwargs), copied(output) if self.with_output else None)
                self._calls[place : place + 1] = [call]
        except Exception as error:  # noqa: BLE001  an argument of any class may raise anything
            self.error = error
            self._calls = []

    @property
    def counts_now(self) -> bool:
        """Returns whether a call counts now: the gate is open, and no backward pass is running.

        A forward pass within a backward pass is a repetition: activation checkpointing computes seen calls again.
        """
        return self.gate.open and torch._C._current_graph_task_id() == -1

    def _is_first(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Returns whether a call belongs to the first evaluation of the first source; always True while the gate is closed.

        A call with one row of inputs for each sample may be a step in a loop, and the steps of a loop are no sources of their own.
        """
        if not self.counts_now:
            return True
        given = next(iter((*args, *kwargs.values())), None)
        if isinstance(given, Tensor) and given.ndim <= 2:
            return not self.step_calls.is_evaluated_again()
        return self.step_calls.number(args) == 0

    def place(self) -> int | None:
        """Draws where the present call is kept: an index below ``size``; None where the call is not kept."""
        if not self.counts_now:
            return None
        place = self.seen if self.seen < self.size else self._random.randrange(self.seen + 1)
        self.seen += 1
        return place if place < self.size else None


def copied(value: Any) -> Any:
    """Copies nested tuples, lists and mappings, with every tensor detached and copied.

    Tensors are copied because a later in-place operation of the model would change the kept values. A key-value cache of a
    transformer is replaced by None: a later call would write into the cache. Lists become tuples.
    """
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, PackedSequence):
        return PackedSequence(copied(value.data), value.batch_sizes, value.sorted_indices, value.unsorted_indices)
    if isinstance(value, (tuple, list)):
        return tuple(copied(part) for part in value)
    if isinstance(value, Mapping):
        return {key: copied(part) for key, part in value.items()}
    return None if hasattr(value, "get_seq_length") else value
