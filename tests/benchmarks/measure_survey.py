"""Measures what a survey can tell: python tests/benchmarks/measure_survey.py seeds|signs|sizes|reducible [repetitions].

The layers are torch's own, trained on handwritten digits (row by row) or on delayed recall (one of four classes, shown at the first
of ten noisy steps). Each table is printed as Markdown, for docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_iit.capture.choose.units import further_groups, units_record
from lightning_iit.capture.count.epoch import LayerEpoch
from lightning_iit.capture.perturb.job import PerturbJob
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.capture.perturb.reservoir import Call
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.comparison.exchanges import signed_rank
from lightning_iit.job.survey import survey
from lightning_iit.records import PhiTask, Survey, Thresholds, Units
from lightning_iit.run.survey import Group, packed_resamples, survey_group
from lightning_iit.tpm.states import choose_states

KINDS: dict[str, type[nn.RNNBase]] = {"GRU": nn.GRU, "LSTM": nn.LSTM, "RNN": nn.RNN}


class Network(nn.Module):
    """A recurrent layer whose last output is classified."""

    def __init__(self, kind: str, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.layer = KINDS[kind](inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layer(x)[0][:, -1])


def digits() -> tuple[Tensor, Tensor]:
    """1,500 images as sequences of 8 rows, and their classes."""
    data = load_digits()
    return torch.tensor(data.images[:1500] / 16, dtype=torch.float32), torch.tensor(data.target[:1500])


def recall(seed: int = 0) -> tuple[Tensor, Tensor]:
    """1,500 noisy sequences of 10 steps, the first of which shows one of four classes."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (1500,), generator=generator)
    x = 0.5 * torch.randn(1500, 10, 4, generator=generator)
    x[torch.arange(1500), 0, y] += 2.0
    return x, y


TASKS: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {"digits": digits, "recall": recall}


def trained(kind: str, hidden: int, x: Tensor, y: Tensor, *, seed: int, epochs: int, order: int | None = None) -> Network:
    """A network after some epochs (0: untrained); ``order`` is the seed of the order of the data where it is another one."""
    torch.manual_seed(seed)
    network = Network(kind, x.shape[-1], hidden, int(y.max()) + 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(seed if order is None else order)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(32):
            optimizer.zero_grad()
            cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
    return network


def groups_of(hidden: int, number: int, *, units: int = 4, seed: int = 0) -> list[Units]:
    """Random groups of units."""
    first = tuple(np.sort(np.random.default_rng(seed).choice(hidden, size=min(units, hidden), replace=False)).tolist())
    record = units_record([(unit,) for unit in first], hidden, "random", seed=seed)
    return [record, *further_groups(record, number, among=range(hidden), seed=seed + 1)]


def surveyed(
    layer: nn.Module, x: Tensor, groups: Sequence[Units], *, seed: int = 0, draws: int | None = None, resamples: int = 0
) -> Survey:
    """The survey of a layer on sequences, by the same code as in a training."""
    stepper = step_for(layer)
    job = PerturbJob("layer", layer, stepper, (Call((x,), {}),), PerturbOptions(seed=seed, draws=draws))
    thresholds = Thresholds(values=(0.0,) * len(groups[0].indices), strategy="median", frozen=False)
    parts = [LayerEpoch("layer", "time", "observational", units=units, thresholds=thresholds) for units in groups]
    found = [
        Group(one.captured, None, one.causal, choose_states(one.captured.seen, None, "auto"), one.bits) for one in job.run(parts)
    ]
    asked = tuple(map(survey_group, found))
    first = next(group for group in asked if group.counts is not None)
    task = PhiTask(
        layer="layer",
        epoch=0,
        global_step=0,
        counts=first.counts,
        prior=0.5,
        states=first.states[:1],
        kind="causal",
        axis="time",
        survey=asked,
        resampled=packed_resamples(found, resamples, seed=seed),
    )
    return survey(task, {}).survey


def mean_of(found: Survey) -> float:
    assert found.phi is not None
    return found.phi


def paired(one: Survey, other: Survey) -> tuple[float, float | None]:
    """The mean difference over groups, and its p."""
    pairs = [(a.phi, b.phi) for a, b in zip(one.groups, other.groups, strict=True) if a.phi is not None and b.phi is not None]
    apart = [b - a for a, b in pairs]
    test = signed_rank(apart)
    return float(np.mean(apart)), None if test is None else test.p


def row(*cells: object) -> None:
    print("|", " | ".join(f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in cells), "|", flush=True)


def seeds(repetitions: int) -> None:
    """How much the plugin's seed moves Φ: one training, other seeds."""
    x, y = digits()
    layer = trained("GRU", 32, x, y, seed=0, epochs=6).layer.eval()
    row("what", "mean", "standard deviation", "share of the mean")
    row("---", "---", "---", "---")
    six = [Units(indices=(1, 5, 9, 14, 20, 27), width=32, selection="given")]
    fixed = groups_of(32, 20)
    cases: dict[str, Callable[[int], Survey]] = {
        "six given units, most visited state": lambda seed: surveyed(layer, x, six, seed=seed),
        "20 groups of four, the same groups": lambda seed: surveyed(layer, x, fixed, seed=seed),
        "20 groups of four, other groups": lambda seed: surveyed(layer, x, groups_of(32, 20, seed=1000 * seed), seed=seed),
        "80 groups of four, other groups": lambda seed: surveyed(layer, x, groups_of(32, 80, seed=1000 * seed), seed=seed),
    }
    for name, case in cases.items():
        phis = [mean_of(case(seed)) for seed in range(repetitions)]
        row(name, float(np.mean(phis)), float(np.std(phis, ddof=1)), f"{np.std(phis, ddof=1) / np.mean(phis):.1%}")


def signs(repetitions: int) -> None:
    """Whether the change of a training is told, against all of 400 groups."""
    row("task", "layer", "seed", "before", "after", "change", "p", "change of 400 groups", "sign")
    row(*["---"] * 9)
    cases = [("digits", "GRU", 32), ("recall", "GRU", 32), ("digits", "LSTM", 32), ("recall", "RNN", 32)]
    for (task, kind, hidden), seed in product(cases, range(repetitions)):
        x, y = TASKS[task]()
        nets = [trained(kind, hidden, x, y, seed=seed, epochs=epochs).layer.eval() for epochs in (0, 6)]
        groups = groups_of(hidden, 20, seed=seed)
        before, after = (surveyed(layer, x, groups, seed=seed) for layer in nets)
        apart, p = paired(before, after)
        many = groups_of(hidden, 400, seed=9000)
        right = mean_of(surveyed(nets[1], x, many)) - mean_of(surveyed(nets[0], x, many))
        sign = "right" if apart * right > 0 else "wrong"
        row(task, kind, seed, mean_of(before), mean_of(after), apart, "none" if p is None else f"{p:.4f}", right, sign)


def sizes(repetitions: int) -> None:
    """How often p <= 0.05 without a difference: two disjoint halves of the sequences through the same weights."""
    row("layer", "hidden", "pairs", "p <= 0.05 (untrained)", "p <= 0.05 (trained)")
    row(*["---"] * 5)
    x, y = digits()
    for kind, hidden in product(KINDS, (8, 32, 256)):
        shares = []
        for epochs in (0, 6):
            network = trained(kind, hidden, x, y, seed=0, epochs=epochs).layer.eval()
            rejected = []
            for pair in range(repetitions):
                halves = torch.randperm(len(x), generator=torch.Generator().manual_seed(pair)).chunk(2)
                groups = groups_of(hidden, 20, seed=10_000 * pair)
                _, p = paired(*(surveyed(network, x[half], groups) for half in halves))
                rejected.append(p is not None and p <= 0.05)
            shares.append(f"{np.mean(rejected):.1%}")
        row(kind, hidden, repetitions, *shares)


def reducible(repetitions: int) -> None:
    """Layers that are reducible: their Φ is 0, and so is that of all resamples."""
    row("layer", "largest Φ", "largest share of resamples above 0")
    row(*["---"] * 3)
    x, _ = digits()
    for name in ("no recurrent weights", "diagonal recurrent weights", "two blocks that do not touch"):
        found = []
        for seed in range(repetitions):
            torch.manual_seed(seed)
            layer = nn.GRU(8, 16, batch_first=True)
            mask = torch.zeros(16, 16) if name.startswith("no") else torch.eye(16)
            if name.startswith("two"):
                mask = torch.block_diag(torch.ones(8, 8), torch.ones(8, 8))
            with torch.no_grad():
                layer.weight_hh_l0 *= mask.repeat(3, 1)
            groups = [units_record([(unit,) for unit in (2, 5, 9, 13)], 16, "given")]
            found.append(surveyed(layer.eval(), x, groups, seed=seed, resamples=50))
        largest = max(phi for one in found for group in one.groups for phi in group.phis if phi is not None)
        row(name, f"{largest:.1e}", max(one.positive or 0.0 for one in found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"seeds": seeds, "signs": signs, "sizes": sizes, "reducible": reducible}[sys.argv[1]](
        int(sys.argv[2]) if len(sys.argv) > 2 else 10
    )
