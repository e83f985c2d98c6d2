"""Compares real trainings on handwritten digits: ``python tests/comparison/compare_trainings.py FOLDER [--write]``.

A GRU and a tanh RNN with five seeds each; ten and ten GRUs that differ in nothing but their seeds, twice; and each of these again
from MLflow. What ``lightning-iit compare`` prints goes to the terminal, and with ``--write`` to ``compare_trainings.txt`` beside
this file; pictures, tables and runs stay in FOLDER. It takes about a quarter of an hour, so ``make test`` does not run it.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import os
import platform
import sys
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback
from lightning_iit.cli import main as lightning_iit

LAYERS = {"GRU": nn.GRU, "RNN": nn.RNN}


class Rows(LightningModule):
    """Reads images row by row and classifies the last output."""

    def __init__(self, architecture: str, **named: str) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = LAYERS[architecture](8, 32, batch_first=True)
        self.out = nn.Linear(32, 10)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        x, y = batch
        return cross_entropy(self.out(self.layer(x)[0][:, -1]), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def train(folder: Path, by: str, architecture: str, side: str, seed: int) -> Path:
    """Trains for six epochs with the callback's defaults; the option ``by`` is the side.

    Returns:
        The run's folder. In MLflow the runs are in the experiment ``by``.
    """
    data = load_digits()
    x, y = torch.tensor(data.images[:1500] / 16, dtype=torch.float32), torch.tensor(data.target[:1500])
    seed_everything(seed, verbose=False)
    to_files = CSVLogger(folder, name=by, version=f"{architecture}-{side}-{seed}")
    to_mlflow = MLFlowLogger(
        by,
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
        artifact_location=str(folder / "artifacts"),
        run_name=f"seed {seed}",
    )
    trainer = Trainer(
        max_epochs=6,
        logger=[to_files, to_mlflow],
        callbacks=[IITCallback(layers="layer")],
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Rows(**{"architecture": architecture, by: side}), DataLoader(TensorDataset(x, y), 32, shuffle=True))
    return Path(to_files.log_dir)


def alike(one: str, other: str, seed: int) -> list[tuple[str, str, int]]:
    """Ten trainings of each side, all of a GRU, with seeds from this one on."""
    return [("GRU", one if number < 10 else other, seed + number) for number in range(20)]


def compared(*arguments: str) -> str:
    """What ``lightning-iit compare`` prints on a wide terminal."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        lightning_iit(["compare", *arguments])
    return printed.getvalue()


def main() -> None:
    """Trains, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs and the pictures go")
    parser.add_argument("--write", action="store_true", help="write compare_trainings.txt")
    given = parser.parse_args()
    folder = given.folder.resolve()
    os.environ["COLUMNS"] = "150"
    folder.mkdir(parents=True, exist_ok=True)
    sets = (
        ("Five GRUs and five tanh RNNs", "architecture", [(name, name, seed) for name in LAYERS for seed in range(5)]),
        ("Ten and ten GRUs that differ in their seeds alone", "side", alike("one", "other", 0)),
        ("Ten and ten further GRUs that differ in their seeds alone", "half", alike("first", "second", 20)),
    )
    lines = [f"{dt.datetime.now(tz=dt.timezone.utc).date()}, {platform.machine()}, Python {platform.python_version()}"]
    for head, by, trainings in sets:
        runs = [str(train(folder, by, *training)) for training in trainings]
        from_files = compared(*runs, "--by", by, "-o", str(folder / f"compared-{by}"))
        from_mlflow = compared(f"sqlite:///{folder}/mlflow.db#{by}", "--by", by)
        shown = "\n".join(line for line in from_files.splitlines() if not line.startswith("Wrote "))
        same = "the same" if from_mlflow.strip() == shown.strip() else f"another answer:\n\n{from_mlflow}"
        lines += ["", f"{head} (--by {by})", "", shown.strip(), "", f"From MLflow: {same}"]
    sys.stdout.write("\n".join(lines) + "\n")
    if given.write:
        Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
