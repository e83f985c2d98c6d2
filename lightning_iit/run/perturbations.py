"""The perturbations of layers at the end of their epochs: beside the training, where a copy of the layer's weights serves."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from lightning_iit.capture.perturb.job import Perturbed, PerturbJob
from lightning_iit.capture.sensitivity import at_quantiles
from lightning_iit.records import Skipped
from lightning_iit.run.survey import Group
from lightning_iit.watch.guard import training_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.depth.perturb import DepthPerturber
    from lightning_iit.capture.perturb.perturber import Perturber
    from lightning_iit.records import Counts, TaskResult, ThresholdCounts
    from lightning_iit.run.run import Asked, Run

log: logging.Logger = logging.getLogger(__name__)

_MOST_PERTURBING = 16
"""So many perturbations of ended epochs may be open of each layer."""
_MOST_BYTES = 256 * 2**20
"""So much data and weights all open perturbations may hold; each layer may have two whatever they hold."""
_LEAST_DELIVERY = 2.0
"""Seconds that the records of what was not perturbed in time are given at the end."""


class Perturbations:
    """Perturbs the groups of layers and hands them to the run, one after the other in a thread beside the training.

    Args:
        run: takes the groups.

    Attributes:
        epoch: the latest epoch that has ended, whether or not its counts were analysed; the model now has the weights of this
            epoch's end.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.epoch: int = -1
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="iit-perturb")
        self._open: dict[Future[Any], tuple[Any, ...]] = {}
        self._held: dict[Future[Any], int] = {}
        self._given_up = ""

    def start(self, key: tuple[Any, ...], job: PerturbJob, *work: Any) -> Future[Any]:
        """Has a layer perturbed beside the training, whose stream its copied weights are of.

        Args:
            key: the key of the record that the perturbation is for, after the time of capture.
            job: perturbs the layer.
            work: what :meth:`perturb` takes after the job.

        Returns:
            The future of the perturbation; its result is the future of the analysis, or None.
        """
        stream = torch.cuda.current_stream() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
        future = self._beside.submit(self._perturb_after, stream, job, *work)
        self._held[future] = job.size
        self._open[future] = key
        return future

    def left(self, timeout: float) -> tuple[tuple[Any, ...], ...]:
        """Returns the keys of the perturbations that are still open after so many seconds."""
        wait(self._open, timeout)
        return tuple(key for future, key in self._open.items() if not future.done())

    def behind(self, job: PerturbJob, until: float) -> int:
        """Waits until a layer can be perturbed once more, and returns 0; or how many of its perturbations are open at a time.

        Args:
            job: the next perturbation of the layer.
            until: when to wait no longer, by the monotonic clock; infinity waits for as long as a perturbation takes.
        """
        while True:
            self._open = {one: key for one, key in self._open.items() if not one.done()}
            self._held = {one: size for one, size in self._held.items() if one in self._open}
            of_layer = [one for one, key in self._open.items() if key[1] == job.layer]
            fits = sum(self._held.values()) + job.size <= _MOST_BYTES
            if len(of_layer) < (_MOST_PERTURBING if fits else 2):
                return 0
            left = until - time.monotonic()
            if left <= 0:
                return len(of_layer)
            wait(of_layer[:1], None if left == math.inf else left)

    def perturb(
        self,
        job: PerturbJob,
        parts: Sequence[LayerEpoch],
        counts: Sequence[Counts | None],
        opened: Callable[..., Future[TaskResult] | None],
        epoch: int,
        asked: Asked | None = None,
    ) -> Future[TaskResult] | None:
        """Perturbs the groups of a layer and submits them; returns the future of their analysis, None where there is none."""
        with training_goes_on(f"perturbing layer {job.layer!r}"):
            try:
                missing = Skipped(code="not_perturbed", reason=self._given_up)
                began = time.perf_counter()
                found = [Perturbed(part, missing) for part in parts] if self._given_up else job.run(parts)
                self._run.charge(job.layer, time.perf_counter() - began)
            except Exception as error:
                log.exception("Layer %r could not be perturbed.", job.layer)
                reason = f"Layer {job.layer!r} could not be perturbed: {type(error).__name__}: {error}."
                found = [Perturbed(part, Skipped(code="step_failed", reason=reason)) for part in parts]
            groups = [
                Group(one.captured, each, one.causal, self._run.states(one.captured, each, asked), one.bits)
                for one, each in zip(found, counts, strict=True)
            ]
            return opened(groups, at_thresholds=partial(self.at_thresholds, job, groups[0], epoch))
        return None

    def _perturb_after(self, stream: torch.cuda.Stream | None, *work: Any) -> Future[TaskResult] | None:
        """Perturbs a layer in another thread, on the stream and the device on which its weights were copied."""
        with torch.cuda.stream(stream):  # does nothing for None
            return self.perturb(*work)

    def at_thresholds(
        self, perturber: Perturber | DepthPerturber | PerturbJob | None, group: Group, epoch: int
    ) -> tuple[ThresholdCounts, ...]:
        """Counts a group's transitions at other thresholds; none for a perturbation if a later epoch has changed the weights."""
        moved_on = perturber is not None and getattr(perturber, "needs_module", True) and epoch != self.epoch
        if not group.states or moved_on:
            return ()
        try:
            return tuple(at_quantiles(group.captured, group.states[0], perturber))
        except Exception:
            log.exception("Layer %r could not be counted with other thresholds.", group.captured.layer)
            return ()

    def end(self, longest: float, after: str) -> None:
        """Waits for the perturbations of ended epochs; those that have not begun by then get records that say so.

        Args:
            longest: the longest wait in seconds.
            after: the event from which the seconds count, for the records.
        """
        if wait(self._open, longest).not_done:
            self._given_up = f"The layer was not yet perturbed {longest:g} s after {after}, and its weights of this epoch are gone."
            wait(self._open, _LEAST_DELIVERY)

    def close(self) -> None:
        """Ends the thread once what it was given is done."""
        self._beside.shutdown(wait=False)


def behind_words(open_before: int) -> Skipped:
    """Returns why a layer is not perturbed while the perturbations of so many earlier epochs are open."""
    reason = (
        f"The perturbations of {open_before} earlier epochs of this layer are still being computed, so it is not perturbed in this "
        "epoch. Use every_n_epochs, a smaller draws or groups; or when_busy='wait', with which training waits."
    )
    return Skipped(code="perturbation_behind", reason=reason)
