"""Runs of many kinds, each made in seconds, which ``python tests/support/viewer_zoo.py OUT [KIND ...]`` says."""

from __future__ import annotations

import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
import zoo_networks
from models import Gru, Mlp, example, flat_data, sequence_data
from places import PROJECT
from torch import nn
from training import trainer
from viewer_runs import make_record, make_snapshots, write_file, write_record, write_run
from viewer_surveys import surveyed, with_whole_layer

from lightning_iit import IITCallback
from lightning_iit.records import CurvePoint, Failed, Skipped, encode
from lightning_iit.records.steering.commands import Answer
from lightning_iit.records.steering.folder import control_folder, send, write_answer
from lightning_iit.records.steering.status import TrainingStatus, write_status
from lightning_iit.run.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lightning.pytorch import LightningModule


class Deep(Mlp):
    """Fifty-nine hidden layers of 8 units in a module with a long name, and a head."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [64, *[8] * 59]
        hidden = [nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(sizes)]
        self.net = nn.Sequential()
        self.net.add_module("backbone_of_many_hidden_layers", nn.ModuleList(hidden))
        self.net.add_module("head", nn.Linear(8, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.net.backbone_of_many_hidden_layers:
            x = layer(x)
        return self.net.head(x)


def gru(run: Path) -> None:
    """A recurrent layer with a survey, as the demo has it."""
    _fit(run, Gru(), sequence_data(200), IITCallback("net.gru", table=False))


def mlp(run: Path) -> None:
    """A watched layer without a survey: three units in their states, with a null and an interval."""
    callback = IITCallback("net.1", units=3, groups=1, states="all", table=False)
    _fit(run, Mlp(), flat_data(800), callback, epochs=3)


def without_snapshots(run: Path) -> None:
    """Records only."""
    write_run(run, epochs=4, seed=2, layers={"encoder": 3}, snapshots=False)


def untrained(run: Path) -> None:
    """Nothing but epoch -1."""
    write_record(run, surveyed(-1, seed=3))
    write_file(run / "iit" / "network" / "snapshot=-001.json", make_snapshots(0, seed=3)[0][1])


def faults(run: Path) -> None:
    """No Φ in the newest epochs: failed with its counts, then skipped before there were any units."""
    write_run(run, epochs=3, seed=4, layers={"hidden": 3}, snapshots=False)
    failed = Failed(code="worker_died", reason="The worker process ended with signal 9 (out of memory?).")
    write_record(run, msgspec.structs.replace(make_record("hidden", 3, n=3, seed=4), result=failed, states=(), null=None))
    skipped = Skipped(code="no_unit_varies", reason="No unit of this layer varies.")
    bare = {"units": None, "thresholds": None, "counts": None, "tpm": None, "states": (), "null": None, "diagnostics": ()}
    write_record(run, msgspec.structs.replace(make_record("hidden", 4, n=3, seed=4), result=skipped, scalars={}, **bare))


def deep(run: Path) -> None:
    """Fifty-nine layers watched."""
    layers = [f"net.backbone_of_many_hidden_layers.{at}.1" for at in range(59)]
    _fit(
        run,
        Deep(),
        flat_data(300),
        IITCallback(layers, units=2, groups=1, states="mode", null_model=None, when_busy="wait", table=False),
        epochs=2,
    )


def long(run: Path) -> None:
    """A thousand epochs, with the snapshots of the first ones."""
    for epoch in range(1000):
        write_record(run, make_record("state", epoch, n=2, seed=5))
    for name, data in make_snapshots(2, seed=5):
        write_file(run / "iit" / "network" / name, data)


def pruned(run: Path) -> None:
    """A recurrent layer whose weights are removed, one after another."""
    pruning = example("pruning")
    callback = IITCallback("memory", units=4, groups=1, tpm="perturb", cm="weights", table=False)
    bits = torch.randint(2, (256, 10, 1), generator=torch.Generator().manual_seed(6)).float()
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(bits, (bits != bits.roll(1, 1)).float()), 64)
    _fit(run, pruning.Memory(), data, callback, pruning.Prune(), epochs=4)


def three(run: Path) -> None:
    """A recurrent layer with a survey, by all three formalisms."""
    callback = IITCallback("net.gru", units=4, groups=6, formalism=("iit3", "iit4-2023", "iit4-2026"), complexes=True, table=False)
    _fit(run, Gru(), sequence_data(), callback)


def iit4(run: Path) -> None:
    """By IIT 4.0 alone, and two of the three units as the system: the third one is background."""
    callback = IITCallback("net.gru", units=[2, 5, 9], nodes=[2, 9], groups=1, formalism="iit4-2023", table=False)
    _fit(run, Gru(), sequence_data(), callback)


def old(run: Path) -> None:
    """Written by version 0.1.0."""
    shutil.copytree(PROJECT / "tests" / "data" / "run-0.1.0", run)


def cnn(run: Path) -> None:
    """Channels of a convolution, each unit the mean of one channel."""
    callback = IITCallback("net.2", units=3, groups=4, null_model=None, table=False)
    _fit(run, zoo_networks.cnn(), zoo_networks.images(), callback)


def lstm(run: Path) -> None:
    """Cells of an LSTM of two layers that reads sequences."""
    _fit(run, zoo_networks.lstm(), sequence_data(200), IITCallback("net.lstm", units=3, groups=4, null_model=None, table=False))


def gpt2(run: Path) -> None:
    """Twelve blocks of Hugging Face's GPT-2, two of them watched."""
    layers = ["net.transformer.h.5.mlp", "net.transformer.h.8"]
    _fit(run, zoo_networks.gpt2(), zoo_networks.tokens(), IITCallback(layers, units=3, groups=4, null_model=None, table=False))


def bert(run: Path) -> None:
    """Hugging Face's BERT: the outputs of a block, over its tokens."""
    callback = IITCallback("net.bert.encoder.layer.1", units=3, groups=4, null_model=None, table=False)
    _fit(run, zoo_networks.bert(), zoo_networks.tokens(), callback)


def transformer(run: Path) -> None:
    """PyTorch's own encoder."""
    callback = IITCallback("net.encoder.layers.1", units=3, groups=4, null_model=None, table=False)
    _fit(run, zoo_networks.transformer(), sequence_data(200), callback)


def resnet18(run: Path) -> None:
    """The picture of a ResNet-18; its record is made up."""
    import viewer_architectures

    viewer_architectures.resnet18(run)


def u_net(run: Path) -> None:
    """The picture of a network that branches and joins again; its record is made up."""
    import viewer_architectures

    viewer_architectures.u_net(run)


def full(run: Path, *, seed: int = 0) -> None:
    """All that a record of IIT 3.0 can hold, analyses within epochs, and a training that took a command and has ended."""
    for epoch in (-1, 0, 1):
        made = with_whole_layer(epoch, seed=seed)
        transitions = sum(made.counts.visits)
        times = ((0.05, 3.0), (0.2, 1.6), (0.5, 1.2), (1.0, 1.0))  # few transitions make Φ larger
        points = tuple(
            CurvePoint(
                transitions=int(part * transitions),
                subsamples=5,
                mean=many * made.phi,
                low=0.9 * many * made.phi,
                high=1.1 * many * made.phi,
            )
            for part, many in times
        )
        record = msgspec.structs.replace(made, curve=points)
        write_record(run, record)
        within = msgspec.structs.replace(record, step=30 + seed, global_step=30 + seed)
        write_file(run / "iit" / record.layer / f"epoch={max(0, epoch):04d}-step={30 + seed:06d}.json", encode(within))
    for name, data in make_snapshots(2, seed=seed):
        write_file(run / "iit" / "network" / name, data)
    control_folder(run).mkdir()
    folder = RunFolder(run)
    folder.begin()
    command = send(run, "epochs", epochs=12 + seed, sender="a colleague")
    folder.end()
    done = Answer(id=command.id, outcome="done", words="It is so.", epoch=1, step=41, answered=1.0, command=command)
    write_answer(control_folder(run), done)
    far = TrainingStatus(run="x", pace="ending", epoch=2, step=41 + seed, epochs=2, loss=0.5 + seed, written=time.time())
    write_status(control_folder(run), far)


def again(run: Path) -> None:
    """As ``full``, with another seed."""
    full(run, seed=1)


def begun(run: Path) -> None:
    """Nothing yet."""
    (run / "iit").mkdir(parents=True)


ZOO: dict[str, Callable[[Path], None]] = {
    made.__name__: made
    for made in (
        *(gru, mlp, without_snapshots, untrained, faults, deep, long, pruned, three, iit4, old),
        *(cnn, lstm, gpt2, bert, transformer, resnet18, u_net, full, again, begun),
    )
}
"""How a run of each kind is written."""


def _fit(run: Path, model: LightningModule, data: Any, callback: IITCallback, *more: Any, epochs: int = 2) -> None:
    """Trains, and puts the files of the run where they are wanted."""
    root = run.parent / f"{run.name} training"
    trainer(root, callback, *more, epochs=epochs).fit(model, data)
    shutil.copytree(next(root.rglob("index.jsonl")).parent, run / "iit")
    shutil.rmtree(root)


def make_zoo(folder: Path, kinds: Collection[str] = tuple(ZOO)) -> Path:
    """Writes a run of each kind, those that are there already left as they are."""
    for kind in kinds:
        if not (folder / kind).exists():
            torch.manual_seed(0)
            ZOO[kind](folder / kind)
    return folder


LOADED = """() => {
  const { a, b, canControl, training } = window.lightningIIT?.state() ?? {};
  const there = (side) => side.index && (side.record || side.recordProblem) && (side.network || side.networkProblem)
    && (side.answers.length > 0 || !side.index.rows.some((row) => row.phi_layer !== null) || side.index.rows.length < 2);
  const none = a?.index && !a.index.rows.length && !a.index.networks.length;
  return a && (none || there(a)) && (!b || none || there(b)) && (!canControl || training?.run === a.run.id);
}"""
"""Whether all that a page asks for is there; of a run with nothing in it nothing is asked for."""


def main(out: Path, kinds: Collection[str]) -> None:
    """Makes a run of each kind anew; the first one that trains pays for the imports and the compiled engine."""
    out.mkdir(parents=True, exist_ok=True)
    told = []
    for kind in kinds:
        shutil.rmtree(out / kind, ignore_errors=True)
        began, worked = time.monotonic(), time.process_time()
        make_zoo(out, (kind,))
        told.append(f"{kind}: {time.monotonic() - began:.1f} s, {time.process_time() - worked:.1f} s of them at work")
    print("\n".join(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or tuple(ZOO))
