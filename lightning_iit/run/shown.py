"""The latest Φ of each layer where Lightning shows it: in the progress bar, and in ``trainer.callback_metrics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn

from lightning_iit.records import metric_names
from lightning_iit.records.logged import layer_phi
from lightning_iit.records.names import earlier_phi_key, phi_key
from lightning_iit.run.budget.turns import is_left_out
from lightning_iit.run.trainer import is_barebones

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.records import EpochRecord


class ShownPhi:
    """Logs the latest Φ of each layer at the end of an epoch.

    Under ``torch.distributed`` every rank must call :meth:`show`, in the same epochs.
    """

    def __init__(self) -> None:
        self._said: set[tuple[str, int]] = set()

    def show(
        self,
        trainer: Trainer,
        module: LightningModule,
        newest: Iterable[EpochRecord],
        *,
        scope: str,
        waited: bool,
        prog_bar: bool,
    ) -> None:
        """Logs Φ of each layer to the progress bar, and to ``trainer.callback_metrics`` where training waits for Φ.

        There it has two keys: ``iit/phi/<layer>``, and ``iit/<layer>/phi`` for monitors that were written for version 0.1.0; φ_s of
        IIT 4.0 has ``iit/phi_s/<layer>``. An epoch without a Φ leaves the last value there, so that a strict EarlyStopping goes on.

        Args:
            trainer: the trainer.
            module: the module that is trained; its ``log`` is called.
            newest: the newest records of each layer; on other ranks than the first none.
            scope: the name of the callback, empty for one without a name.
            waited: whether training waits for Φ.
            prog_bar: whether Φ is shown in the progress bar.
        """
        if is_barebones(trainer):
            return
        latest = _latest_phis(newest)
        if waited:
            latest = trainer.strategy.broadcast(latest)
        for (layer, name), (latest_phi, missing) in latest.items():
            if not waited:
                shown = {" ".join(filter(None, (name, scope, layer))): latest_phi} if prog_bar else {}
            else:
                keys = dict.fromkeys([phi_key(layer, name, scope), *([earlier_phi_key(layer, scope)] if name == "phi" else [])])
                shown = {key: _stand_in(trainer, key) if latest_phi is None else latest_phi for key in keys}
                if missing is not None:
                    self._say_missing(layer, missing, next((phi for phi in shown.values() if phi is not None), None))
            for number, (key, phi) in enumerate(shown.items()):
                if phi is not None:
                    bar = prog_bar and number == 0
                    module.log(key, phi, on_epoch=True, logger=False, rank_zero_only=True, prog_bar=bar)

    def _say_missing(self, layer: str, epoch: int, phi: float | None) -> None:
        """Warns once that a layer has no Φ in an epoch, and says which value stands for it."""
        if (layer, epoch) in self._said:
            return
        self._said.add((layer, epoch))
        keeps = "no value" if phi is None else f"{phi:g}, the last value" if 0 <= phi < 1e9 else f"{phi:g}: there was none yet"
        rank_zero_warn(f"IITCallback: layer {layer!r} has no Φ in epoch {epoch}; trainer.callback_metrics keeps {keeps}.")


def _latest_phis(records: Iterable[EpochRecord]) -> dict[tuple[str, str], tuple[float | None, int | None]]:
    """Returns the last Φ of each layer by each formalism, and its last epoch if that has none though it was analysed.

    Returns:
        By layer and name of the number ("phi", "phi_s"): Φ, None where there is none yet; and the epoch without a Φ, else None.
    """
    latest: dict[tuple[str, str], tuple[float | None, int | None]] = {}
    for record in records:
        for one, name in zip(record.by_formalism, metric_names(record.formalisms).values(), strict=True):
            before = latest.get((record.layer, name), (None, None))[0]
            phi = layer_phi(one)
            expected = is_left_out(record.result)
            latest[record.layer, name] = (before, None if expected else record.epoch) if phi is None else (phi, None)
    return latest


def _stand_in(trainer: Trainer, key: str) -> float | None:
    """Returns a finite number for a metric that has no value yet, where another callback monitors it; None where none does.

    EarlyStopping and ModelCheckpoint raise where the metric is missing, and EarlyStopping ends training where it is not finite. The
    number is one that no Φ has, and worse than any: -1, or 1e9 where the smallest Φ is wanted.
    """
    modes = {getattr(callback, "mode", "max") for callback in _callbacks(trainer) if getattr(callback, "monitor", None) == key}
    return None if not modes else 1e9 if modes == {"min"} else -1.0


def _callbacks(trainer: Trainer) -> Sequence[object]:
    return trainer.callbacks  # type: ignore[attr-defined, no-any-return]
