"""Analyses within an epoch, every n training steps: when one is due, and the counts since the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.watch.watch import Watch


class EveryNSteps:
    """Tells when an analysis is due: whenever the global step has passed a multiple of n.

    Args:
        n: the number of steps.
        global_step: the global step at which the training starts.

    Attributes:
        last: the global step of the latest analysis that was due; None before the first.

    Example:
        >>> due = EveryNSteps(10, 7)
        >>> [step for step in (8, 9, 11, 11, 20) if due.passed(step)]
        [11, 20]
    """

    def __init__(self, n: int, global_step: int) -> None:
        self.last: int | None = None
        self._n = n
        self._passed = global_step // n

    def passed(self, global_step: int) -> bool:
        """Returns whether a multiple of n was passed since the last call, or since the start."""
        before, self._passed = self._passed, global_step // self._n
        if self._passed > before:
            self.last = global_step
        return self._passed > before


class StepWatch:
    """Watches a training a second time; its counts are those since the last analysis within an epoch.

    Hooks, thresholds and counts are its own, so what the first watch counts over epochs is the same with and without it. The units
    are those of the first watch. Under ``torch.distributed`` every rank must call the same methods, in the same steps.

    Args:
        watch: a watch of its own, with the options of the first one and no snapshots.
        first: the watch whose counts are of whole epochs.
        batches: how many batches an epoch has; infinite where not known.
    """

    def __init__(self, watch: Watch, first: Watch, batches: float) -> None:
        self.watch = watch
        self._first = first
        self._batches = batches
        self._begin()

    def begin_epoch(self) -> None:
        """Starts an epoch of the training: the counts go on, but no transition goes from the last epoch to this one."""
        self.watch.capture.end_stretch()

    def hand_over(self, submit: Callable[[tuple[LayerEpoch, ...]], None]) -> None:
        """Ends the counts and starts them again.

        Args:
            submit: takes the capture of each layer since the last call, over all ranks.
        """
        try:
            submit(self.watch.end_epoch())
        finally:
            self._begin()

    def _begin(self) -> None:
        self.watch.take_units(self._first, frozen=True)
        self.watch.begin_epoch(self._batches)
