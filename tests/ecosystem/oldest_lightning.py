"""Trains with old versions of ``pytorch_lightning``, with and without the callback: ``python oldest_lightning.py [VERSION ...]``.

Each version is installed by pip into a folder of its own, without its dependencies, so that it runs beside the torch of this
environment; and with it a setuptools that still has ``pkg_resources``, which versions before 2.3 import. Prints a table, and with
``--write`` keeps it in ``oldest_lightning.txt``. Returns 1 where a training is not the same to the bit or a record has no Φ.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSIONS = ("1.7.7", "1.8.0", "1.8.6", "1.9.5", "2.0.0", "2.0.9", "2.1.4", "2.2.5", "2.4.0", "2.5.2")


def train(*, watched: bool) -> dict[str, object]:
    """Fits, validates, predicts and resumes; returns the weights, the loss and the outcome of each epoch's analysis."""
    import pytorch_lightning
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from lightning_iit import IITCallback

    class Model(pytorch_lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 10))

        def training_step(self, batch, batch_idx):
            loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

        def predict_step(self, batch, batch_idx):
            return self.net(batch[0])

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.01)

    def trainer(epochs: int) -> pytorch_lightning.Trainer:
        callbacks = [IITCallback("net.1", units=2, table=False, when_busy="wait", prog_bar=True)] if watched else []
        return pytorch_lightning.Trainer(max_epochs=epochs, callbacks=callbacks, accelerator="cpu", enable_progress_bar=False)

    pytorch_lightning.seed_everything(0)
    x = torch.randn(200, 64)
    data = TensorDataset(x, x[:, :10].argmax(1))
    model, first, second = Model(), trainer(2), trainer(3)
    first.fit(model, DataLoader(data, 32, shuffle=True), DataLoader(data, 32))
    first.validate(model, DataLoader(data, 32), verbose=False)
    first.predict(model, DataLoader(data, 32))
    second.fit(model, DataLoader(data, 32, shuffle=True), DataLoader(data, 32), ckpt_path=first.checkpoint_callback.best_model_path)
    callbacks = [callback for callback in second.callbacks if isinstance(callback, IITCallback)]
    return {
        "loss": float(second.callback_metrics["val_loss"]).hex(),
        "weights": [value.hex() for value in torch.cat([part.flatten() for part in model.parameters()]).tolist()],
        "records": [f"{one.epoch} {type(one.result).__name__}" for callback in callbacks for one in callback.records],
        "logged": "iit/net.1/phi" in second.callback_metrics,
    }


def install(old: str, folder: Path) -> Path:
    """Installs a version where it is not there yet; returns its folder."""
    place = folder / old
    if not place.exists():
        needed = [f"pytorch_lightning=={old}", "setuptools<81"]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), *needed]
        subprocess.run(command, check=True)
    return place


def trained(place: Path, watched: str) -> dict[str, object]:
    """Trains in a new process with the version in ``place``; returns what :func:`train` gives, or the error."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, __file__, "--train", watched],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(place)))},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:60]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def row(old: str, without: dict[str, object], with_it: dict[str, object]) -> tuple[str, bool]:
    """Returns a line of the table, and whether all is well; a version that cannot train at all says nothing."""
    if "error" in without:
        return f"{old:8} does not train without the callback: {without['error']}", True
    if "error" in with_it:
        return f"{old:8} {with_it['error']}", False
    same = all(without[key] == with_it[key] for key in ("loss", "weights"))
    computed = with_it["records"] == [f"{epoch} Computed" for epoch in (-1, 0, 1, 2)]
    logged = bool(with_it["logged"])
    words = ", ".join(with_it["records"]) or "no record"
    return f"{old:8} {'yes' if same else 'NO':5} {'yes' if logged else 'NO':5} {words}", same and computed and logged


def main() -> int:
    """Runs the versions that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="VERSION", help=f"{', '.join(VERSIONS)} without a version")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "lightning", help="where the versions are kept")
    parser.add_argument("--write", action="store_true", help="write oldest_lightning.txt")
    parser.add_argument("--train", choices=("on", "off"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        sys.stdout.write(json.dumps(train(watched=given.train == "on")) + "\n")
        return 0
    today, good = dt.datetime.now(tz=dt.timezone.utc).date(), True
    lines = [
        f"{today}, Python {platform.python_version()}, torch {version('torch')}, lightning {version('lightning')}",
        "same: loss and weights to the bit, with and without the callback; logged: the metric is in trainer.callback_metrics",
        f"{'version':8} {'same':5} {'log':5} analyses, by epoch (resumed from a checkpoint after epoch 1)",
    ]
    for old in given.versions:
        place = install(old, given.folder)
        line, well = row(old, trained(place, "off"), trained(place, "on"))
        good &= well
        lines.append(line)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    if given.write:
        Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
