"""What is kept of a layer's calls while it trains: a bounded sample of what went in and what came out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lightning_iit.capture.hooks.gate import Switch

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from lightning_iit.capture.hooks.gate import Gate


@dataclass(frozen=True)
class Call:
    """One call of a module: its positional and keyword arguments and its output, all detached."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = None

    def argument(self, position: int, name: str) -> Any:
        """The argument of that position or name, or None."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(name)


class Reservoir:
    """A uniform sample of the calls of a module, taken while it trains (algorithm R of Vitter 1985).

    What a call keeps costs a detached copy of its tensors; most calls of a long epoch are not kept and cost one comparison.
    The sample is drawn by a generator of its own, so that it never moves the random state of the training.

    Args:
        size: how many calls are kept.
        with_output: keep the outputs too, as custom steps and the depth axis need them.
        seed: of the choice of calls.

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
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Forgets all calls, as at the start of an epoch."""
        self.seen = 0
        self._calls: list[Call] = []
        self._random = random.Random(self._seed)  # noqa: S311 - a sample, not a secret

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that are kept."""
        return tuple(self._calls)

    def attach(self, module: nn.Module, gate: Gate | None = None) -> RemovableHandle:
        """Watches the calls of a module until the handle is removed; those while a gate is not open are not seen."""
        self.gate = gate or self.gate
        return module.register_forward_hook(self.hook, with_kwargs=True)

    def hook(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """The forward hook (``with_kwargs=True``)."""
        place = self.place()
        if place is not None:
            call = Call(copied(args), copied(kwargs), copied(output) if self.with_output else None)
            self._calls[place : place + 1] = [call]

    def place(self) -> int | None:
        """Where the present call is to be kept, None where it is not."""
        # Within a backward pass a forward is a repetition: activation checkpointing recomputes what was seen before.
        if not self.gate.open or torch._C._current_graph_task_id() != -1:
            return None
        place = self.seen if self.seen < self.size else self._random.randrange(self.seen + 1)
        self.seen += 1
        return place if place < self.size else None


def copied(value: Any) -> Any:
    """A copy of nested tuples, lists and mappings with every tensor detached and copied.

    Copied, since an in-place operation that follows in the model would change what was kept. A key-value cache of a
    transformer is left out (None): a later call would write into it.
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
