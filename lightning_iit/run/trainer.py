"""What a run asks of Lightning's trainer: where its files go, whether an epoch is the last, whether the data are shuffled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from lightning.pytorch.utilities import rank_zero_warn

from lightning_iit.records.steering.selection import Changes
from lightning_iit.run.sample_order import order_in_words

if TYPE_CHECKING:
    import weakref
    from collections.abc import Mapping, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.watch.watch import Watch


class ShuffledStreamWarning(UserWarning):
    """Warns that transitions follow the order in which shuffled samples came."""


class BarebonesWarning(UserWarning):
    """Warns that a trainer with ``barebones=True`` logs nothing."""


def warn_of_shuffled_streams(trainer: Trainer, captured: Sequence[LayerEpoch]) -> None:
    """Warns for layers whose transitions go from sample to sample, where the samples do not come in the order of the data set."""
    layers = [layer.layer for layer in captured if layer.axis == "stream"]
    if layers and (order := order_in_words(trainer.train_dataloader)):
        rank_zero_warn(
            f"IITCallback: transitions of {', '.join(map(repr, layers))} go from one sample to the next, and the data are "
            f"{order}: Φ is a statement about that order of the data, not about time.",
            category=ShuffledStreamWarning,
        )


def is_last(trainer: Trainer, epoch: int) -> bool:
    """Returns whether it is known by now that no epoch follows this one."""
    steps = trainer.max_steps != -1 and trainer.global_step >= trainer.max_steps
    return trainer.should_stop or steps or epoch + 1 == trainer.max_epochs


def is_untrained(trainer: Trainer) -> bool:
    """Returns whether nothing was trained yet, neither now nor in a run that is resumed."""
    return trainer.global_step == 0 and trainer.fit_loop.total_batch_idx < 0


def is_interrupted(trainer: Trainer) -> bool:
    """Returns whether the process was asked to end (SIGTERM); ``pytorch_lightning`` 1.* does not tell."""
    return getattr(trainer, "received_sigterm", False)


def is_dev_run(trainer: Trainer) -> bool:
    """Returns whether the trainer makes a ``fast_dev_run``, which writes no files."""
    return bool(getattr(trainer, "fast_dev_run", False))


def is_barebones(trainer: Trainer) -> bool:
    """Returns whether the trainer has ``barebones=True``, where nothing is logged; ``pytorch_lightning`` 1.* has no such option."""
    return bool(getattr(trainer, "barebones", False))


def warn_of_barebones(trainer: Trainer) -> None:
    """Warns, where the trainer has ``barebones=True``, of what is missing there."""
    if is_barebones(trainer):
        rank_zero_warn(
            "IITCallback: Trainer(barebones=True) has no logger, no progress bar and no self.log(), so no Φ is in them, nor in "
            "trainer.callback_metrics. Records are computed and written as ever, and training is slower than without the callback. "
            "Leave barebones=True out to have Φ logged.",
            category=BarebonesWarning,
        )


def run_directory(trainer: Trainer, scope: str = "") -> Path | None:
    """Returns the folder of a run's files, a folder of this run alone where the trainer has a logger; None in a fast_dev_run.

    The files of a callback with a name (``scope``) are in the folder of this name within it.

    This is the log directory of the first logger that has one; else, below the ``save_dir`` of the first logger, the folder that is
    named by its name and version, as Lightning's ModelCheckpoint has it; without a logger the trainer's ``default_root_dir``. All
    ranks make this call, since Lightning broadcasts the folder.
    """
    fallback = trainer.log_dir
    return None if is_dev_run(trainer) else _run_directory(trainer, fallback) / scope


def _run_directory(trainer: Trainer, fallback: str | None) -> Path:
    for logger in trainer.loggers:
        if (own := getattr(logger, "log_dir", None)) is not None:
            return Path(own)
    if not trainer.loggers:
        return Path(fallback or trainer.default_root_dir)
    logger = trainer.loggers[0]
    base = getattr(logger, "save_dir", None)
    if base is None or "://" in str(base):
        base = trainer.default_root_dir
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(base, *(str(part) for part in (logger.name, version) if part))


@dataclass(frozen=True)
class LatestFit:
    """Holds what the latest fit of a callback was: of which trainer and model, with which watch, options and directory.

    Args:
        trainer: the trainer.
        model: the model.
        watch: what watched the model; it has the units and thresholds.
        options: each option as text.
        run_dir: the directory of the run's files; None where it writes none.
        initial_weights: the fingerprint of the watched layers before the first fit; empty where it is not known.
        changes: what commands have changed of what is watched.
    """

    trainer: weakref.ref[Trainer]
    model: weakref.ref[LightningModule]
    watch: Watch
    options: Mapping[str, str]
    run_dir: Path | None
    initial_weights: str = ""
    changes: Changes = field(default_factory=Changes)

    def goes_on(self, trainer: Trainer, model: LightningModule) -> bool:
        """Returns whether a fit continues this one: it is of the same trainer and model, and these are trained already."""
        return self.trainer() is trainer and self.model() is model and not is_untrained(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Returns units, thresholds, options and the directory as plain values, as a checkpoint has them."""
        state: dict[str, Any] = {"watch": self.watch.state_dict(), "options": dict(self.options)}
        if self.initial_weights:
            state["initial_weights"] = self.initial_weights
        if self.changes != Changes():
            state["changes"] = msgspec.to_builtins(self.changes)
        if self.run_dir is not None:
            state["folder"] = str(self.run_dir.absolute())
        return state
