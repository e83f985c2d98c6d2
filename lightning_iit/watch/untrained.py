"""The untrained network, analysed on the first training batches after these were trained on; training stays as it is.

Nothing is read ahead and no module is copied. The values of the untrained network are kept, and so are the first batches. Once
there are enough samples, the module itself is put back into its untrained state for one pass over them.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities.signature_utils import is_param_in_hook_signature

from lightning_iit.capture.count.ranks import gather
from lightning_iit.capture.held import Held
from lightning_iit.capture.sharded import is_spread
from lightning_iit.watch.batches import MOST_BYTES, KeptBatches
from lightning_iit.watch.silent import without_a_trace
from lightning_iit.watch.synchronized import synchronized_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.watch.watch import Watch

_SHARDED = frozenset({"FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy"})


class _NotAnalysedError(Exception):
    """Says why the untrained network cannot be analysed."""


class UntrainedPass:
    """Keeps the untrained network and the first batches, and makes one pass of the one over the other.

    Every rank must call the same methods, in the same steps. What fails, on any rank, ends in captures that have the reason as
    their problem; nothing is raised.

    Args:
        trainer: the trainer, at the start of its training.
        module: the untrained module.
        watch: a watch of its own for the pass, attached to no model.
        samples: no batch is kept any more once more samples than this are kept on this rank.
    """

    def __init__(self, trainer: Trainer, module: LightningModule, watch: Watch, *, samples: int) -> None:
        self._trainer, self._module = trainer, module
        self._watch = watch
        self._batches = KeptBatches(samples)
        self._untrained: Held | None = None
        self._fault: Exception | None = None

    def keep(self, batch: Any, index: int) -> None:
        """Keeps a batch before its step; with the first batch the untrained network too."""
        if self._fault is not None or self._batches.enough:
            return
        try:
            if self._untrained is None:
                _check(self._trainer, self._module)
                self._untrained = Held(self._module, parameters=True, device="cpu")
                _check_iterators(self._untrained.iterators)
            self._batches.keep(batch, index)
        except Exception as error:  # noqa: BLE001  a batch or a module of any class may raise anything
            self._fault = error

    def ready(self) -> bool:
        """Returns, the same on all ranks, whether the pass can be made: enough was kept on each rank, or something failed."""
        ranks = gather((self._batches.enough, self._fault is not None))
        return all(enough for enough, _ in ranks) or any(failed for _, failed in ranks)

    def run(self, training: Watch, submit: Callable[[tuple[LayerEpoch, ...]], None]) -> None:
        """Makes the pass and restores everything.

        Args:
            training: the watch of the training, whose units are analysed.
            submit: takes the captured layers, while the module is in its untrained state.
        """
        with ExitStack() as stack:
            watch = self._watch
            stack.callback(watch.detach)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _, fault = synchronized_steps(watch, self._made(stack, training), self._call)
            captured = watch.end_epoch()
            if fault is not None:
                captured = tuple(_skipped(layer, fault) for layer in captured)
            submit(captured)

    def _made(self, stack: ExitStack, training: Watch) -> Iterator[Any]:
        """Puts the module into its untrained state, and yields the batches; here, so that all ranks learn of an exception."""
        if self._fault is not None:
            raise self._fault
        untrained, batches, watch = self._untrained, self._batches, self._watch
        if untrained is None or not len(batches):
            raise _NotAnalysedError(_no_batch(batches))
        stack.enter_context(without_a_trace(self._trainer, self._module, untrained))
        watch.take_units(training)
        watch.attach(self._module)
        stack.callback(watch.detach)  # before the module is put back
        watch.begin_epoch(len(batches), initial=True)
        for made in batches.made():
            # A step may change parameters by itself, e.g. clip the weights of a critic.
            untrained.put_parameters_back()
            yield made

    def _call(self, made: tuple[int, Any], _step: int) -> None:
        run_training_step(self._trainer, self._module, made)


def run_training_step(trainer: Trainer, module: LightningModule, made: tuple[int, Any]) -> None:
    """Runs a module's ``training_step`` as the trainer's loop does, on a batch that comes with its index."""
    index, batch = made
    step = module.training_step
    arguments = (batch, index) if is_param_in_hook_signature(step, "batch_idx", min_args=2) else (batch,)
    with trainer.precision_plugin.train_step_context():
        step(*arguments)


def check_can_run(trainer: Trainer, module: LightningModule) -> None:
    """Checks that steps of a module can be made beside its training, and the module restored afterwards.

    Raises:
        Exception: they cannot; the message says why.
    """
    _check(trainer, module)
    _check_iterators(Held(module, parameters=False, device="cpu").iterators)


def is_sharded(trainer: Trainer, module: LightningModule) -> bool:
    """Returns whether the parameters of a module are spread over the ranks."""
    sharded = any(base.__name__ in _SHARDED for base in type(trainer.strategy).__mro__)
    return sharded or is_spread(module)


def _check(trainer: Trainer, module: LightningModule) -> None:
    """Checks that the untrained network can be kept and run.

    Raises:
        _NotAnalysedError: the parameters are spread over ranks, or the module reads the batches by itself.
    """
    if is_sharded(trainer, module):
        strategy = type(trainer.strategy).__name__
        msg = f"its parameters are spread over the ranks ({strategy}), so that no rank can keep and restore them"
        raise _NotAnalysedError(msg)
    if is_param_in_hook_signature(module.training_step, "dataloader_iter", explicit=True):
        msg = "training_step takes dataloader_iter and reads the batches by itself, so that the trainer hands over none"
        raise _NotAnalysedError(msg)


def _check_iterators(iterators: Sequence[Any]) -> None:
    """Checks that the module holds no iterator.

    Raises:
        _NotAnalysedError: it holds one, out of which a pass would take what the next training step should get.
    """
    if iterators:
        kinds = ", ".join(sorted({type(one).__name__ for one in iterators}))
        msg = (
            f"an attribute of the module holds an iterator or a generator ({kinds}), which cannot be put back. Make "
            "it when training starts, or keep what it iterates over and a position"
        )
        raise _NotAnalysedError(msg)


def _no_batch(batches: KeptBatches) -> str:
    if batches.too_large:
        return f"the first batch takes more than {MOST_BYTES >> 20} MiB, which is the most that is kept of the first batches"
    return "the trainer handed over no batch"


def _skipped(layer: LayerEpoch, fault: str) -> LayerEpoch:
    """Returns the capture of a layer with nothing but the reason why the untrained network was not analysed."""
    told = fault.removeprefix(f"{_NotAnalysedError.__name__}: ")
    reason = f"The untrained network was not analysed; training went on unchanged. The reason: {told}."
    return replace(layer, units=None, thresholds=None, counts=None, groups=(), problem=("untrained_not_run", reason))
