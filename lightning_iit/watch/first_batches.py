"""The hooks that a callback has around its first batches, until the untrained network was analysed on these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lightning_iit.watch.guard import training_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.watch.untrained import UntrainedPass
    from lightning_iit.watch.watch import Watch

FIRST_BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
"""The hooks that a callback object has of its own until the untrained network was analysed."""


class FirstBatches:
    """Hands the first batches of a training to a pass of the untrained network, and has this pass made once they are enough.

    Until then the callback object has hooks of its own, which also call those of its class: so nothing is called before the later
    batches. Under ``torch.distributed`` every rank must call the same methods, in the same steps.

    Args:
        callback: the callback; has a hook ``on_train_batch_end``, and ``on_train_batch_start`` is a hook or None.
        untrained: the pass.
        training: the watch of the training, whose units are analysed.
        submit: takes the captured layers of the pass.
    """

    def __init__(
        self, callback: Any, untrained: UntrainedPass, training: Watch, submit: Callable[[Sequence[LayerEpoch]], None]
    ) -> None:
        self._callback, self._training, self._submit = callback, training, submit
        self._untrained: UntrainedPass | None = untrained
        vars(callback).update(zip(FIRST_BATCH_HOOKS, (self._before, self._after), strict=True))

    def run(self) -> None:
        """Makes the pass over what was kept, be it enough or not, unless it was made already."""
        untrained = self._untrained
        self.end()
        if untrained is not None:
            with training_goes_on("watching the untrained network"):
                untrained.run(self._training, self._submit)

    def end(self) -> None:
        """Forgets the untrained network and the first batches, and takes the hooks away."""
        self._untrained = None
        for hook in FIRST_BATCH_HOOKS:
            vars(self._callback).pop(hook, None)

    def _before(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Keeps a batch. Stands for ``on_train_batch_start``."""
        if self._untrained is not None:
            self._untrained.keep(batch, batch_idx)
        hook = type(self._callback).on_train_batch_start
        if hook is not None:  # that of a subclass
            hook(self._callback, trainer, pl_module, batch, batch_idx)

    def _after(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Makes the pass once enough is kept. Stands for ``on_train_batch_end``."""
        type(self._callback).on_train_batch_end(self._callback, trainer, pl_module, outputs, batch, batch_idx)
        with training_goes_on("watching the untrained network"):
            if self._untrained is not None and self._untrained.ready():
                self.run()


def enough_samples(units: int | Literal["auto"] | Sequence[int], bits: int) -> int:
    """Returns how many samples of the untrained network are captured: 100 for each possible state.

    Args:
        units: how many units of each layer, which ones, or "auto" for up to 6.
        bits: how many binary elements code a unit.

    Example:
        >>> enough_samples(3, bits=1), enough_samples([7, 9], bits=2), enough_samples("auto", bits=1)
        (800, 1600, 6400)
    """
    n = 6 if units == "auto" else bits * (units if isinstance(units, int) else len(units))
    return int(100 * 2**n)
