"""Trains on two CPU processes, told to measure a lesion and to watch more or told nothing; run by run/test_told_ranks.py."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.strategies import DDPStrategy
from models import Gru, sequence_data

from lightning_iit import IITCallback
from lightning_iit.records.steering.folder import send
from lightning_iit.records.steering.selection import Selection
from lightning_iit.run.commands import steering
from lightning_iit.run.commands.lesions import Lesions

TOLD = {
    6: [("lesion", {"units": (0, 5), "to": "zero"}), ("lesion", {"units": (99,)})],
    7: [
        ("watch", {"watch": Selection(layers=("net.gru", "net.out"), units=2, groups=1)}),
        ("watch", {"watch": Selection(units=99)}),
    ],
}


class Ranks(Callback):
    """Sends the commands on the first rank, and writes at the end what each rank has heard, watched and learned."""

    def __init__(self, callback, *, told):
        self.callback, self.told, self.watched, self.heard = callback, told, [], []

    def on_train_batch_end(self, trainer, *_):
        if trainer.is_global_zero and self.told:
            for verb, given in TOLD.get(trainer.global_step, []):
                send(self.callback._run.run_dir, verb, **given)

    def on_train_epoch_end(self, trainer, module):
        self.watched.append(self.callback._watching.watch.layers)

    def on_train_end(self, trainer, module):
        weights = b"".join(value.detach().numpy().tobytes() for value in module.state_dict().values())
        found = {"weights": hashlib.sha256(weights).hexdigest(), "watched": self.watched, "heard": self.heard}
        Path(trainer.default_root_dir, f"rank-{trainer.global_rank}.json").write_text(json.dumps(found))


def main(folder: str, told: str) -> None:
    seed_everything(3)
    steering._EVERY = 0.0
    callback = IITCallback("net.gru", units=3, groups=2, table=False, extra_budget=0.0, pictures=False)
    ranks = Ranks(callback, told=told == "told")
    of = Lesions.of

    def heard(self, command, layer):
        try:
            found = of(self, command, layer)
        except steering.Refused as error:
            ranks.heard.append(str(error))
            raise
        ranks.heard.append(found.words)
        return found

    Lesions.of = heard
    Trainer(
        max_epochs=3,
        accelerator="cpu",
        devices=2,
        strategy=DDPStrategy(),
        callbacks=[ranks, callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    ).fit(Gru(), sequence_data(16 * 2 * 4), sequence_data(52, seed=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
