"""What a run asks of Lightning's trainer: where its files go, whether an epoch is the last, whether the data are shuffled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn
from torch.utils.data import DistributedSampler, RandomSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning.pytorch import Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch


class ShuffledStreamWarning(UserWarning):
    """Warns that transitions follow the order in which shuffled samples came."""


def warn_of_shuffled_streams(trainer: Trainer, captured: Sequence[LayerEpoch]) -> None:
    """Warns once for layers whose transitions follow the order of a shuffled data loader."""
    layers = [layer.layer for layer in captured if layer.axis == "stream"]
    if layers and isinstance(getattr(trainer.train_dataloader, "sampler", None), (RandomSampler, DistributedSampler)):
        rank_zero_warn(
            f"IITCallback: transitions of {', '.join(map(repr, layers))} go from one sample to the next, and the data are "
            "shuffled: Φ is a statement about that order of the data, not about time.",
            category=ShuffledStreamWarning,
        )


def is_last(trainer: Trainer, epoch: int) -> bool:
    """Returns whether it is known by now that no epoch follows this one."""
    steps = trainer.max_steps != -1 and trainer.global_step >= trainer.max_steps
    return trainer.should_stop or steps or epoch + 1 == trainer.max_epochs


def is_untrained(trainer: Trainer) -> bool:
    """Returns whether nothing was trained yet, neither now nor in a run that is resumed."""
    return trainer.global_step == 0 and trainer.fit_loop.total_batch_idx < 0


def is_dev_run(trainer: Trainer) -> bool:
    """Returns whether the trainer makes a ``fast_dev_run``, which writes no files."""
    return bool(getattr(trainer, "fast_dev_run", False))


def run_directory(trainer: Trainer) -> Path | None:
    """Returns the folder of a run's files: that of the first logger that has one, else the trainer's; None in a fast_dev_run."""
    fallback = trainer.log_dir
    if is_dev_run(trainer):
        return None
    for logger in trainer.loggers:
        if (own := getattr(logger, "log_dir", None)) is not None:
            return Path(own)
    if fallback is not None:
        return Path(fallback)
    names = [str(part) for logger in trainer.loggers[:1] for part in (logger.name, logger.version) if part]
    return Path(trainer.default_root_dir, *names)
