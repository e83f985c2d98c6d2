"""A bounded random sample of a layer's calls: the arguments, and the output where wanted."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.hooks.calls import StepCalls, weight_of
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.padding import lengths_argument
from lightning_iit.capture.hooks.sequences import begins_sequence, hidden_of
from lightning_iit.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.hooks.padding import FindLengths


WANTED_ROWS = 8192
"""Calls of a layer are kept until they hold so many observations, where the data have them."""
LEAST_CALLS = 8
"""So many calls are kept even where fewer hold enough observations, so that not all of them come from one batch."""
MOST_BYTES: int = 64 * 2**20
"""How much memory the kept calls of a layer take at most; one call is kept whatever it takes."""


@dataclass(frozen=True)
class Call:
    """Holds one call of a module: its positional and keyword arguments and its output, all copied and detached.

    Calls with the same number ``chain`` go over the same sequences: row b of the one continues row b of the one before.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = None
    chain: int = 0
    lengths: Tensor | None = None
    """The lengths ``[sequence]`` of padded sequences, where the call was given them."""

    def argument(self, position: int, name: str) -> Any:
        """Returns the argument at this position or, if passed by keyword, of this name; None where the call has none."""
        return _argument(self.args, self.kwargs, position, name)

    def sequences(self, number: int, device: torch.device) -> Tensor:
        """Returns an id for each of the call's sequences, ``[number]``, int64; no two sequences of an epoch have the same id."""
        return (self.chain << 32) + torch.arange(number, device=device)


class _Kept(NamedTuple):
    """Holds a kept call. The first of all kept calls is the one with the largest key, which is given up first."""

    negative_key: float
    number: int
    rows: int
    size: int
    call: Call


class Reservoir:
    """Keeps a uniform random sample of the calls of a module, until they hold enough observations.

    Each call draws a random key, and the calls with the smallest keys are kept: as many as hold the wanted number of observations
    (and at least ``LEAST_CALLS``) within the memory. A kept call costs a detached copy of its tensors; most calls of a long epoch
    are not kept and cost one comparison. The keys are drawn by a generator of its own, so that the random state of the training
    does not change.

    Args:
        rows: how many observations are wanted.
        most_bytes: how much memory the kept calls may take.
        with_output: keep the outputs too, which custom steps need.
        seed: the seed of the sample.
        source: of several sources (:class:`StepCalls`) the one whose calls are kept.

    Attributes:
        rows: how many observations are wanted.
        gate: decides which calls count; open unless :meth:`attach` is given another gate.
        seen: how many calls counted so far.
        rows_seen: how many observations these calls held.
        step_calls: tells the calls that repeat data of their step.
        error: the first exception in the hook; after an exception nothing more is kept until :meth:`clear`.

    Example:
        >>> reservoir = Reservoir(rows=100)
        >>> layer = nn.GRU(3, 4, batch_first=True)
        >>> handle = reservoir.attach(layer)
        >>> for _ in range(20):
        ...     _ = layer(torch.zeros(2, 7, 3))  # 2 x 6 observations, as a sequence's first state is none
        >>> len(reservoir.calls), reservoir.seen
        (9, 20)
    """

    def __init__(
        self, *, rows: int = WANTED_ROWS, most_bytes: int = MOST_BYTES, with_output: bool = False, seed: int = 0, source: int = 0
    ) -> None:
        self.rows = rows
        self.most_bytes = most_bytes
        self.with_output = with_output
        self.gate: Gate = Switch(open=True)
        self.step_calls: StepCalls = StepCalls()
        self._stepwise = False
        self._lengths: FindLengths | None = None
        self._seed = seed
        self._source = source
        self.clear()

    def clear(self) -> None:
        """Forgets all calls and restarts the random generator, as at the start of an epoch."""
        self.step_calls.clear()
        self.seen: int = 0
        self.rows_seen: int = 0
        self.error: Exception | None = None
        self._chain = 0
        self._forget_sequences()
        self._kept: list[_Kept] = []
        self._rows = self._bytes = 0
        self._below = 1.0
        self._random = random.Random(self._seed)  # noqa: S311 - a sample, not a secret

    @property
    def calls(self) -> tuple[Call, ...]:
        """Returns the calls that are kept, in the order of the data.

        Raises:
            StepError: a call could not be kept.
        """
        if self.error is not None:
            msg = f"a call of the layer could not be kept ({type(self.error).__name__}: {self.error})"
            raise StepError(msg) from self.error
        return tuple(kept.call for kept in sorted(self._kept, key=attrgetter("number")))

    def attach(self, module: nn.Module, gate: Gate | None = None) -> AttachedHook:
        """Hooks a module: calls are sampled while the gate is open, until the returned handle is removed.

        Args:
            module: the module.
            gate: decides which calls count; None keeps the present gate. With a gate, calls that repeat data of their step do not
                count, and of several sources only the wanted one.
        """
        self.gate = gate or self.gate
        self._stepwise = gate is not None
        self.step_calls.weight = weight_of(module)
        self._lengths = lengths_argument(module)
        return attach(module, self.hook, with_kwargs=True)

    def end_step(self) -> None:
        """Ends a step: the next call of the layer is the first of a new step, and of new sequences."""
        self.step_calls.end_step()
        self._forget_sequences()
        self._chain += 1

    def _forget_sequences(self) -> None:
        """Sets that the next call of a cell begins the first sequence of a step."""
        self._last: Any = None
        self._sequence = -1

    def hook(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Keeps the call if it is drawn; a forward hook with keyword arguments. An exception ends it, never the training."""
        if self.error is not None:
            return
        try:
            self._sample(module, args, kwargs, output)
        except Exception as error:  # noqa: BLE001  an argument of any class may raise anything
            self.error = error
            self._kept = []

    def _sample(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Keeps the call if it is drawn."""
        if not counts_now(self.gate) or (self._stepwise and not self._is_wanted(args, kwargs, output)):
            return
        self.seen += 1
        state = _argument(args, kwargs, 1, "hx")
        self._chain += state is None
        lengths = None if self._lengths is None else self._lengths(args, kwargs)
        key, rows = self._random.random(), _observations_in(module, args, kwargs, lengths, started=state is not None)
        self.rows_seen += rows
        if rows and self._is_drawn(key):
            call = Call(copied(args), copied(kwargs), copied(output) if self.with_output else None, self._chain, lengths)
            self._keep(_Kept(-key, self.seen, rows, bytes_of((call.args, call.kwargs, call.output)), call))

    def _is_wanted(self, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> bool:
        """Returns whether a call belongs to the first evaluation of the wanted source.

        A call with one row of inputs for each sample may be a step in a loop, and the steps of a loop are no sources of their own:
        for the first source all sequences of a step are kept, for another one those with its number.
        """
        given = next(iter((*args, *kwargs.values())), None)
        if not isinstance(given, Tensor) or given.ndim > 2:
            return self.step_calls.number(args) == self._source
        if self.step_calls.is_evaluated_again():
            return False
        if self._source == 0:
            return True
        self._sequence += begins_sequence(_argument(args, kwargs, 1, "hx"), self._last)
        self._last = hidden_of(output)
        return self._sequence == self._source

    def _is_drawn(self, key: float) -> bool:
        """Returns whether a call with this key is kept: all calls with larger keys than that of one given up are given up too."""
        if self._is_enough() and key > -self._kept[0].negative_key:
            self._below = min(self._below, key)
        return key < self._below

    def _is_enough(self, *, without: int = 0) -> bool:
        """Returns whether the kept calls hold the wanted observations, also without the first ``without`` of them."""
        rows = self._rows - sum(kept.rows for kept in self._kept[:without])
        return rows >= self.rows and len(self._kept) - without >= LEAST_CALLS

    def _keep(self, new: _Kept) -> None:
        """Keeps a call, and gives up those that are then not needed or have no room."""
        heapq.heappush(self._kept, new)
        self._rows += new.rows
        self._bytes += new.size
        while len(self._kept) > 1 and (self._bytes > self.most_bytes or self._is_enough(without=1)):
            old = heapq.heappop(self._kept)
            self._rows -= old.rows
            self._bytes -= old.size
            self._below = -old.negative_key


def counts_now(gate: Gate) -> bool:
    """Returns whether a call counts now: the gate is open, and no backward pass is running.

    A forward pass within a backward pass is a repetition: activation checkpointing computes seen calls again.
    """
    return gate.open and torch._C._current_graph_task_id() == -1


def _argument(args: Sequence[Any], kwargs: Mapping[str, Any], position: int, name: str) -> Any:
    return args[position] if position < len(args) else kwargs.get(name)


def _observations_in(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], lengths: Tensor | None, *, started: bool
) -> int:
    """Returns how many steps of a call begin in an observed state: all, but the first of a sequence that begins in zeros.

    Args:
        module: the module that is called.
        args: its positional arguments, the input first.
        kwargs: its keyword arguments.
        lengths: the lengths ``[sequence]`` of padded sequences, where the call was given them.
        started: whether the call was given a state.
    """
    given = next(iter((*args, *kwargs.values())), None)
    steps = firsts = 1
    if isinstance(given, PackedSequence):
        steps, firsts = len(given.data), int(given.batch_sizes[0])
    elif isinstance(given, Tensor) and given.ndim > 2:
        steps, firsts = given.shape[0] * given.shape[1], given.shape[0 if getattr(module, "batch_first", True) else 1]
        if lengths is not None and len(lengths) == firsts:
            steps, firsts = int(lengths.sum()), int((lengths > 0).sum())
    elif isinstance(given, Tensor) and given.ndim == 2:
        steps, firsts = len(given), 1 if isinstance(module, nn.RNNBase) else len(given)
    # Of a module of another kind it is not known what a call shows before its step says so.
    least = 0 if isinstance(module, (nn.RNNBase, nn.RNNCellBase)) else 1
    return max(least, steps if started else steps - firsts)


def bytes_of(value: Any) -> int:
    """Returns how many bytes the tensors in what :func:`copied` returned take."""
    if isinstance(value, PackedSequence):
        value = value.data
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return sum(map(bytes_of, parts))


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
