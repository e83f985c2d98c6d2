"""Measures what the callback costs large models: GPT-2 small with 3 watched layers, and ResNet-50 with 20.

``python tests/benchmarks/large_models.py`` prints a table; with ``--write`` it is written to large_models.txt beside this file.
Each model trains in a process of its own, once with the callback and once without for the memory; for the time of a step,
blocks of steps with and without the callback take turns within one process, and each is compared with those beside it.
``--steps`` is the number of steps in a block. A small network with three watched layers trains for 1,000 epochs too.
"""

from __future__ import annotations

import argparse
import json
import pickle
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import datetime, timezone
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

MODELS = ("gpt2", "resnet50")
BLOCKS = 4


class Large(LightningModule):
    """Trains a network on random data."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        out = self.net(batch[0])
        logits = getattr(out, "logits", out)
        return cross_entropy(logits.reshape(-1, logits.shape[-1]), batch[1].reshape(-1))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-4)


def made(model: str, steps: int) -> tuple[Large, DataLoader, list[str]]:
    """The model, its data, and the layers that are watched."""
    if model == "gpt2":
        from transformers import GPT2Config, GPT2LMHeadModel

        tokens = torch.randint(50257, (steps, 32))
        layers = [f"net.transformer.h.{number}.mlp" for number in (0, 5, 11)]
        return Large(GPT2LMHeadModel(GPT2Config())), DataLoader(TensorDataset(tokens, tokens.roll(-1, 1)), 1), layers
    from torchvision.models import resnet50

    net = resnet50()
    rows = TensorDataset(torch.randn(2 * steps, 3, 96, 96), torch.randint(1000, (2 * steps,)))
    blocks = [name for name, part in net.named_modules() if type(part).__name__ == "Bottleneck"]
    layers = [f"net.{name}" for name in (*blocks, "layer1", "layer2", "layer3", "layer4")]
    return Large(net), DataLoader(rows, 2), layers


class TakingTurns(Callback):
    """Watches every other epoch only, and times the steps of each."""

    def __init__(self, watching: Callback | None) -> None:
        self.watching = watching
        self.blocks: list[tuple[bool, float]] = []

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: object, batch_idx: int) -> None:
        if batch_idx == 2:
            self.began = time.perf_counter()

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: object, batch: object, batch_idx: int) -> None:
        self.ended, self.last = time.perf_counter(), batch_idx

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        watched = self.watching in trainer.callbacks
        self.blocks.append((watched, (self.ended - self.began) / (self.last - 1)))
        if trainer.current_epoch + 1 == trainer.max_epochs:
            return  # so that the callback ends its run
        if self.watching is not None and watched:
            trainer.callbacks.remove(self.watching)
            self.watching._watching.detach()
        elif self.watching is not None:
            from lightning_iit.capture.hooks.gate import TrainingStep

            trainer.callbacks.insert(0, self.watching)
            self.watching._watching.attach(TrainingStep(module, trainer, self.watching))


def peak() -> float:
    """The most memory (MB) that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def trained(model: str, how: str, steps: int) -> dict[str, float]:
    """Trains in this process: "plain", "watched" and "initial" for their memory, "time" for the time of a step."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    seed_everything(0, verbose=False)
    net, data, layers = made(model, steps)
    callbacks: list[Callback] = []
    if how != "plain":
        from lightning_iit import IITCallback

        options = {"groups": 2, "units": 3, "null_model": None, "table": False, "pictures": False, "network": False}
        every = 10**6 if how == "time" else 1  # the workers would take the time of the training on a machine of few cores
        callbacks = [IITCallback(layers, initial=how == "initial", every_n_epochs=every, **options)]
    turns = TakingTurns(callbacks[0] if callbacks else None)
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            max_epochs=2 * BLOCKS + 1 if how == "time" else 1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
            callbacks=[*callbacks, *([turns] if how == "time" else [])],
        ).fit(net, data)
    on = [seconds for watched, seconds in turns.blocks if watched]
    off = [seconds for watched, seconds in turns.blocks if not watched]
    pairs = zip(turns.blocks, turns.blocks[1:], strict=False)
    ratios = [(one if watched else two) / (two if watched else one) for (watched, one), (_, two) in pairs][1:]
    found = {"peak": peak(), "parameters": sum(p.numel() * p.element_size() for p in net.parameters()) / 2**20}
    if on and off:
        found |= {"step": statistics.median(off), "ratio": statistics.median(ratios)}
    return found


class Growing(Callback):
    """Notes after each epoch the size of the callback's state, the memory of this process, and the seconds of the epoch."""

    def __init__(self, watching: Callback) -> None:
        self.watching = watching
        self.rows: list[tuple[int, float, float]] = []
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        now = time.perf_counter()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = pages * resource.getpagesize() / 2**20
        self.rows.append((len(pickle.dumps(self.watching.state_dict())), memory, now - self.began))
        self.began = now


def long_run(epochs: int) -> str:
    """Trains a small network for many epochs with three watched layers; every epoch waits for its analyses."""
    from lightning_iit import IITCallback

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    seed_everything(0, verbose=False)
    net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    data = DataLoader(TensorDataset(torch.randn(256, 16), torch.randint(10, (256,))), 32)
    options = {"units": 3, "groups": 1, "null_model": None, "table": False, "pictures": False, "network": False}
    callback = IITCallback(["net.1", "net.3", "net.5"], when_busy="wait", **options)
    growing = Growing(callback)
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
            callbacks=[callback, growing],
        ).fit(Large(net), data)
    lines = [f"{epochs} epochs x 3 layers: epochs | state bytes | RSS MB | s an epoch (median)"]
    tenth = max(1, epochs // 10)
    for begin in (tenth // 2, epochs - tenth):
        states, memory, seconds = zip(*growing.rows[begin : begin + tenth], strict=True)
        lines.append(f"{begin} to {begin + tenth - 1} | {max(states)} | {max(memory):.0f} | {statistics.median(seconds):.4f}")
    return "\n".join(lines)


def measured(model: str, how: str, steps: int) -> dict[str, float]:
    """What :func:`trained` gives, in a process of its own."""
    command = [sys.executable, __file__, "--model", model, "--how", how, "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(steps: int) -> str:
    """The measurements in words."""
    lines = [
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {platform.machine()}, torch {torch.__version__}, {steps} steps a block",
        "model | parameters MiB | s a step | ratio with the callback | MB more without epoch -1 | MB more with it",
    ]
    for model in MODELS:
        timed, *memory = (measured(model, how, steps) for how in ("time", "plain", "watched", "initial"))
        plain, watched, initial = (one["peak"] for one in memory)
        lines.append(
            f"{model} | {timed['parameters']:.0f} | {timed['step']:.3f} | {timed['ratio']:.4f} | {watched - plain:.0f} | "
            f"{initial - plain:.0f}"
        )
    done = subprocess.run([sys.executable, __file__, "--how", "epochs"], capture_output=True, text=True, check=True)
    return "\n".join(lines) + "\n\n" + "\n".join(done.stdout.splitlines()[-3:]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--model", choices=MODELS)
    parser.add_argument("--how", choices=("plain", "watched", "initial", "time", "epochs"))
    parser.add_argument("--epochs", type=int, default=1000)
    told = parser.parse_args()
    if told.how == "epochs":
        print(long_run(told.epochs))
        return
    if told.how:
        print(json.dumps(trained(told.model, told.how, told.steps)))
        return
    found = table(told.steps)
    print(found)
    if told.write:
        Path(__file__).with_suffix(".txt").write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
