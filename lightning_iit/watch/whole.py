"""The pass of a module in training over the last batches of an epoch, with fixed weights, for measures of whole layers."""

from __future__ import annotations

import math
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from lightning_iit.capture.held import Held
from lightning_iit.capture.whole import with_series
from lightning_iit.watch.batches import KeptBatches, batch_size
from lightning_iit.watch.silent import without_a_trace
from lightning_iit.watch.synchronized import synchronized_steps
from lightning_iit.watch.untrained import check_can_run, run_training_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.whole import WholeActivations

_SAMPLES = 2048
"""So many samples, or sequences, of the end of an epoch are kept."""
_BATCHES = 64
"""So many batches of the end of an epoch are kept at most."""


class WholePass:
    """Keeps the last batches of each epoch, and runs the module over them with the weights of the epoch's end.

    Every rank must call the same methods; what the first one records counts. What fails becomes the problem of all layers.

    Args:
        trainer: the trainer.
        module: the module in training.
        activations: records the layers.
    """

    def __init__(self, trainer: Trainer, module: LightningModule, activations: WholeActivations) -> None:
        self._trainer, self._module, self._activations = trainer, module, activations
        self._fault: Exception | None = None
        self._batch_samples = 0
        self._kept = KeptBatches(_SAMPLES)

    def begin_epoch(self) -> None:
        """Forgets the batches of the epoch before."""
        self._fault, self._kept = None, KeptBatches(_SAMPLES)

    def keep(self, batch: Any, index: int) -> None:
        """Keeps a batch that is among the last of its epoch; of an epoch of unknown length, the newest ones."""
        number = self._trainer.num_training_batches
        self._batch_samples = self._batch_samples or max(1, batch_size(batch))
        last = min(_BATCHES, math.ceil(_SAMPLES / self._batch_samples))
        if self._fault is not None or (math.isfinite(number) and index < number - last):
            return
        try:
            if self._kept.enough and not math.isfinite(number):
                self._kept = KeptBatches(_SAMPLES)
            self._kept.keep(batch, index)
        except Exception as error:  # noqa: BLE001  a batch of any class may raise anything
            self._fault = error

    def run(self, captured: Sequence[LayerEpoch]) -> tuple[LayerEpoch, ...]:
        """Makes the pass, restores everything, and returns the captures with what was recorded of their layers."""
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            steps, fault = synchronized_steps(_Steps(self._activations), self._made(stack), self._call)
        what = "batch" if steps == 1 else f"{steps} batches"
        note = f"Activations of a pass over the last {what} of the epoch, by training_step with the weights of its end."
        found = self._activations.series(note)
        self._kept = KeptBatches(_SAMPLES)
        return with_series(captured, found, fault)

    def _made(self, stack: ExitStack) -> Iterator[tuple[int, Any]]:
        """Yields the batches, while the module's steps have no effect; here, so that all ranks learn of an exception."""
        if self._fault is not None:
            raise self._fault
        check_can_run(self._trainer, self._module)
        held = Held(self._module, parameters=True, device="cpu")
        stack.enter_context(without_a_trace(self._trainer, self._module, held))
        self._activations.attach(self._module)
        stack.callback(self._activations.detach)
        for made in self._kept.made():
            held.put_parameters_back()
            yield made

    def _call(self, made: tuple[int, Any], _step: int) -> None:
        run_training_step(self._trainer, self._module, made)


class _Steps:
    """Tells activations when steps begin and end."""

    def __init__(self, activations: WholeActivations) -> None:
        self._activations = activations

    def begin_step(self) -> None:
        """Starts a step."""
        self._activations.begin_step()

    def end_step(self, _index: int) -> None:
        """Ends a step."""
        self._activations.end_step()
