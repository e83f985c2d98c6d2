"""Steps that all ranks make equally often, even where a step fails on one rank.

A watch exchanges data between ranks at certain steps. If one rank stopped alone, the other ranks would wait for it forever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lightning_iit.capture.count.ranks import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NO_MORE = object()


class WatchesSteps(Protocol):
    """Describes what is told when steps begin and end."""

    def begin_step(self) -> None:
        """Starts a step."""

    def end_step(self, index: int, /) -> None:
        """Ends a step."""


def synchronized_steps(
    watch: WatchesSteps, batches: Iterator[Any], call: Callable[[Any, int], object], *, counts: bool = True
) -> tuple[int, str | None]:
    """Calls a model with batch after batch, until on some rank the batches end or something fails.

    Before each step the ranks agree whether to go on. Every rank must call this function.

    Args:
        watch: what is attached to the model; told when each step begins and ends.
        batches: the batches of this rank. An exception while a batch is made is a fault too.
        call: calls the model with a batch and the batch's index.
        counts: False on ranks whose calls are not counted.

    Returns:
        The number of steps, and the first fault of any rank or None; both are the same on all ranks.
    """
    fault: str | None = None
    index = 0
    while True:
        batch: Any = _NO_MORE
        if fault is None:
            try:
                batch = next(batches, _NO_MORE)
            except Exception as error:  # noqa: BLE001  whatever is raised, the other ranks must learn of it
                fault = _told(error)
        ranks = gather((batch is _NO_MORE, fault))
        if any(ended for ended, _ in ranks):
            return index, _first([fault for _, fault in ranks])
        try:
            _step(watch, batch, index, call, counts=counts)
        except Exception as error:  # noqa: BLE001
            fault = _told(error)
        index += 1


def _step(watch: WatchesSteps, batch: Any, index: int, call: Callable[[Any, int], object], *, counts: bool) -> None:
    """Makes one step; the watch counts the calls in the step where ``counts`` is True."""
    if counts:
        watch.begin_step()
    try:
        call(batch, index)
    finally:
        watch.end_step(index)


def _told(error: Exception) -> str:
    """Returns the type and the message of an exception."""
    return f"{type(error).__name__}: {error}"


def _first(faults: list[str | None]) -> str | None:
    """Returns the fault of the lowest rank that has one, with the number of the rank; None where no rank has a fault."""
    found = next(((rank, fault) for rank, fault in enumerate(faults) if fault is not None), None)
    if found is None:
        return None
    rank, fault = found
    return fault if rank == 0 else f"{fault} (on rank {rank})"
