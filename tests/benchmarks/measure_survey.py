"""Measures what a survey can tell: python tests/benchmarks/measure_survey.py TABLE [n] [LAYER:HIDDEN ...].

TABLE is seeds, signs, sizes, watched_sizes, reducible, coverage or costs; n is the number of repetitions (of pairs, for sizes).
Of the tables of sizes, LSTM:8 and the like measures these lines only.
The layers are torch's own, trained on handwritten digits (row by row) or on delayed recall (one of four classes, shown at the first
of ten noisy steps), or have logic gates as weights. Each table is printed as Markdown, for docs/statistics.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import torch
from noisy_gates import ANDS, BASIC, Noisy
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_iit.capture.choose.units import further_groups, units_record
from lightning_iit.capture.count.epoch import LayerEpoch
from lightning_iit.capture.count.session import Capture
from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb.job import PerturbJob
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.capture.perturb.reservoir import Call, Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.comparison.exchanges import RESAMPLED, error_times, signed_rank
from lightning_iit.job.survey import survey
from lightning_iit.phi.compute import compute_phi
from lightning_iit.records import Kind, PhiTask, Survey, Thresholds, Units
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


def kept(layer: nn.Module, x: Tensor, seed: int) -> tuple[Call, ...]:
    """The calls that a training keeps of its batches of 32 sequences."""
    reservoir = Reservoir(seed=seed)
    handle = reservoir.attach(layer)
    with torch.no_grad():
        for batch in x.split(32):
            layer(batch)
    handle.remove()
    return reservoir.calls


def job_of(
    layer: nn.Module,
    x: Tensor,
    groups: Sequence[Units],
    *,
    seed: int = 0,
    draws: int | None = None,
    threshold: str = "median",
    calls: tuple[Call, ...] = (),
) -> tuple[PerturbJob, list[LayerEpoch]]:
    """The perturbation of a layer on sequences, or on the calls that were kept of them, and what was captured of each group."""
    job = PerturbJob("layer", layer, step_for(layer), calls or (Call((x,), {}),), PerturbOptions(seed=seed, draws=draws))
    thresholds = Thresholds(values=(0.0,) * len(groups[0].indices), strategy=threshold, frozen=False)
    return job, [LayerEpoch("layer", "time", "observational", units=units, thresholds=thresholds) for units in groups]


def task_of(
    layer: nn.Module,
    x: Tensor,
    groups: Sequence[Units],
    *,
    seed: int = 0,
    draws: int | None = None,
    resamples: int = 0,
    threshold: str = "median",
    states: str = "auto",
    calls: tuple[Call, ...] = (),
) -> PhiTask:
    """The task of a layer's survey on sequences, by the same code as in a training."""
    job, parts = job_of(layer, x, groups, seed=seed, draws=draws, threshold=threshold, calls=calls)
    found = [
        Group(one.captured, None, one.causal, choose_states(one.captured.seen, None, states), one.bits) for one in job.run(parts)
    ]
    return task_of_groups(found, kind="causal", resampled=packed_resamples(found, resamples, seed=seed))


def task_of_groups(found: Sequence[Group], *, kind: Kind, resampled: tuple[bytes, ...] = ()) -> PhiTask:
    """The task of the survey of these groups."""
    asked = tuple(map(survey_group, found))
    first = next(group for group in asked if group.counts is not None)
    assert first.counts is not None
    return PhiTask(
        layer="layer",
        epoch=0,
        global_step=0,
        counts=first.counts,
        prior=0.5,
        states=first.states[:1],
        kind=kind,
        axis="time",
        survey=asked,
        resampled=resampled,
    )


def surveyed(layer: nn.Module, x: Tensor, groups: Sequence[Units], **options: Any) -> Survey:
    """The survey of a layer on sequences; the options are those of ``task_of``."""
    *_, found = survey(task_of(layer, x, groups, **options), {})
    return found["iit3"].survey


def mean_of(found: Survey) -> float:
    assert found.phi is not None
    return found.phi


def differences(one: Survey, other: Survey) -> list[float]:
    """By how much Φ of each group differs."""
    return [b.phi - a.phi for a, b in zip(one.groups, other.groups, strict=True) if a.phi is not None and b.phi is not None]


def p_of(apart: Sequence[float], error: float | None, times: float = RESAMPLED) -> float:
    """The p of differences of groups; 1 where there is none."""
    test = signed_rank(apart, error=error, times=times)
    return 1.0 if test is None else test.p


def row(*cells: object) -> None:
    print("|", " | ".join(f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in cells), "|", flush=True)


def seeds(repetitions: int) -> None:
    """How much the plugin's seed moves Φ: one training, other seeds, which keep other calls of it."""
    x, y = digits()
    layer = trained("GRU", 32, x, y, seed=0, epochs=6).layer.eval()
    calls = [kept(layer, x, seed) for seed in range(repetitions)]
    row("what", "mean", "standard deviation", "share of the mean")
    row("---", "---", "---", "---")
    six = [Units(indices=(1, 5, 9, 14, 20, 27), width=32, selection="given")]
    fixed = groups_of(32, 20)
    cases: dict[str, Callable[[int], Survey]] = {
        "six given units, most visited state": lambda seed: surveyed(layer, x, six, seed=seed, calls=calls[seed]),
        "20 groups of four, the same groups": lambda seed: surveyed(layer, x, fixed, seed=seed, calls=calls[seed]),
        "20 groups of four, other groups": lambda seed: surveyed(
            layer, x, groups_of(32, 20, seed=1000 * seed), seed=seed, calls=calls[seed]
        ),
        "80 groups of four, other groups": lambda seed: surveyed(
            layer, x, groups_of(32, 80, seed=1000 * seed), seed=seed, calls=calls[seed]
        ),
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
        before, after = (surveyed(layer, x, groups, seed=seed, resamples=200) for layer in nets)
        assert before.se is not None
        assert after.se is not None
        apart = differences(before, after)
        p, change = p_of(apart, float(np.hypot(before.se, after.se))), float(np.mean(apart))
        many = groups_of(hidden, 400, seed=9000)
        right = mean_of(surveyed(nets[1], x, many)) - mean_of(surveyed(nets[0], x, many))
        sign = "right" if change * right > 0 else "wrong"
        row(task, kind, seed, mean_of(before), mean_of(after), change, p, right, sign)


def watched(network: nn.Module, x: Tensor, seed: int) -> Survey:
    """The survey of a layer that is watched while batches pass through it, by the same code as in a training."""
    options = CaptureOptions(layers="layer", units=4, groups=20, selection="random", seed=seed)
    with torch.no_grad(), Capture(network, options) as capture:
        for batch in x.split(32):
            capture.begin_step()
            network(batch)
            capture.end_step()
        (epoch,) = capture.end_epoch()
    parts = [(part, part.counts) for part in (epoch, *epoch.groups)]
    found = [Group(part, counts, None, choose_states(counts.visits, None, "auto")) for part, counts in parts if counts is not None]
    *_, surveyed = survey(task_of_groups(found, kind="observational"), {})
    return surveyed["iit3"].survey


NETWORKS = tuple(product(range(4), (0, 6)))
"""The networks of each line of the tables of sizes: seed of the weights, and epochs of training."""
QUARTERS = range(4)
SIDES = {
    "disjoint": [pair for order in (0, 4) for pair in combinations((order + quarter for quarter in QUARTERS), 2)],
    "two orders": list(product(QUARTERS, (4 + quarter for quarter in QUARTERS))),
}
"""What is compared without a difference, of the quarters of two orders of the same sequences: 12 and 16 pairs."""


class Pair(NamedTuple):
    """Two surveys of the same groups through the same weights.

    By how much groups differ, the error of their mean if it is known, and how many times it is taken.
    """

    epochs: int
    apart: list[float]
    error: float | None
    times: float


def quarters(sequences: int, seed: int) -> list[Tensor]:
    """600 of the sequences in two orders, each cut in quarters."""
    generator = torch.Generator().manual_seed(seed)
    some = torch.randperm(sequences, generator=generator)[:600]
    orders = (some[torch.randperm(len(some), generator=generator)] for _ in range(2))
    return [part for order in orders for part in order.chunk(4)]


def sizes_of(repetitions: int, surveyed_with: Callable[[Network, Tensor, int, bool], Survey]) -> None:
    """How often p <= 0.05 without a difference, for surveys of the same groups through the same weights.

    600 sequences in two orders, cut in quarters, are eight surveys: pairs of quarters of one order have no common sequence, and
    pairs of quarters of two orders have some by chance. The error is that of the first survey of each network.

    Args:
        repetitions: the least number of pairs in a line.
        surveyed_with: surveys a network on sequences; the groups depend on the number, and the last argument asks for an error.
    """
    row("layer", "hidden", "sides", "pairs", "ratio of errors", "Wilcoxon alone", "with the error", "error not known")
    row(*["---"] * 8)
    x, y = digits()
    for kind, hidden in product(KINDS, (8, 32, 256)):
        if len(sys.argv) > 3 and f"{kind}:{hidden}" not in sys.argv[3:]:
            continue
        found: dict[str, list[Pair]] = {sides: [] for sides in SIDES}
        for first, (seed, epochs) in enumerate(NETWORKS):
            network = trained(kind, hidden, x, y, seed=seed, epochs=epochs).eval()
            error = None
            for number in range(first, -(-repetitions // len(SIDES["disjoint"])), len(NETWORKS)):
                all_of = [
                    surveyed_with(network, x[part], number, number == first and not i)
                    for i, part in enumerate(quarters(len(x), number))
                ]
                times = error_times([group.units.indices for group in all_of[0].groups])
                if all_of[0].se is not None:
                    error = float(np.sqrt(2)) * all_of[0].se
                for sides, pairs in SIDES.items():
                    found[sides] += [Pair(epochs, differences(all_of[i], all_of[j]), error, times) for i, j in pairs]
        for sides, every in found.items():
            ratio = max(ratio_of_errors([pair.apart for pair in every if pair.epochs == epochs]) for epochs in (0, 6))
            alone, unknown = (rejected(pair._replace(error=error) for pair in every) for error in (0.0, None))
            row(kind, hidden, sides, len(every), f"{ratio:.2f}", alone, rejected(every) if every[0].error else "", unknown)


def rejected(pairs: Iterable[Pair]) -> str:
    """How many pairs have p <= 0.05."""
    small = [p_of(pair.apart, pair.error, pair.times) <= 0.05 for pair in pairs]
    return f"{sum(small)} ({np.mean(small):.1%})"


def ratio_of_errors(every: Sequence[Sequence[float]]) -> float:
    """The spread of mean differences around 0, divided by what the spread over groups lets expect."""
    expected = np.mean([np.var(apart, ddof=1) / len(apart) for apart in every])
    return float(np.sqrt(np.mean([np.mean(apart) ** 2 for apart in every]) / expected))


def sizes(repetitions: int) -> None:
    """How often p <= 0.05 without a difference, for units that are set."""

    def with_groups(network: Network, x: Tensor, pair: int, with_error: bool) -> Survey:
        groups = groups_of(network.layer.hidden_size, 20, seed=10_000 * pair)
        return surveyed(network.layer, x, groups, resamples=50 if with_error else 0)

    sizes_of(repetitions, with_groups)


def watched_sizes(repetitions: int) -> None:
    """How often p <= 0.05 without a difference, for units that are watched, whose sequences are not resampled."""
    sizes_of(repetitions, lambda network, x, pair, _: watched(network, x, pair))


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


NOISY = (
    Noisy("OR, COPY, XOR", BASIC, (0.05, 0.1, 0.15), (0.05, 0.1, 0.15)),
    Noisy("four ANDs", ANDS, (0.2, 0.25, 0.3, 0.35), (0.02, 0.05, 0.08, 0.1)),
    Noisy("OR, COPY, XOR, the same noise in all units", BASIC, (0.1,) * 3, (0.1,) * 3),
    Noisy("four ANDs, the same noise in all units", ANDS, (0.3,) * 4, (0.0,) * 4),
)


def coverage(repetitions: int) -> None:
    """How often the interval of Φ, and its reflection in Φ, hold the Φ of the network that a GRU was made from."""
    row("network", "units", "sequences", "Φ", "mean error", "percentile", "basic")
    row(*["---"] * 7)
    for network, sequences in product(NOISY, (200, 2000)):
        layer, n = network.layer(), len(network.gates)
        groups = [units_record([(unit,) for unit in range(n)], n, "given")]
        held, trues, errors = [], [], []
        for seed in range(repetitions):
            task = task_of(layer, network.inputs(sequences, seed), groups, seed=seed, resamples=200, threshold="zero")
            *_, made = survey(task, {})
            found = made["iit3"]
            here, interval, true = found.survey.groups[0].phis[0], found.interval, compute_phi(network.system(task.states[0])).phi
            assert here is not None
            assert interval is not None
            assert true is not None
            low, high = interval.low, interval.high
            held.append((low <= true <= high, 2 * here - high <= true <= 2 * here - low))
            trues.append(true)
            errors.append(here - true)
        counts = (f"{count} of {repetitions}" for count in np.sum(held, axis=0))
        row(network.name, n, sequences, float(np.mean(trues)), f"{np.mean(errors):+.4f}", *counts)


def milliseconds(work: Callable[[], object], repetitions: int) -> float:
    """The processor time of some work, the least of several times after a first one."""
    work()
    spent = []
    for _ in range(repetitions):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return 1000 * min(spent)


def costs(repetitions: int) -> None:
    """What perturbing costs, and the Φ of a survey: milliseconds, and times a product of two matrices of 1,000 x 1,000."""
    row("hidden", "units", "backgrounds", "matrix product, ms", "one group", "20 groups", "Φ of 20 groups in all their states")
    row(*["---"] * 7)
    x, _ = digits()
    square = torch.randn(1000, 1000)
    for hidden, n, draws in product((32, 512), (4, 6), (128, 8192, None)):
        torch.manual_seed(0)
        layer, groups = nn.GRU(8, hidden, batch_first=True).eval(), groups_of(hidden, 20, units=n)
        job, parts = job_of(layer, x, groups, draws=draws)
        task = task_of(layer, x, groups, draws=draws)
        work: list[Callable[[], object]] = [partial(job.run, parts[:1]), partial(job.run, parts)]
        if n == 4:
            work.append(lambda task=task: list(survey(task, {})))  # a generator
        unit, *spent = (milliseconds(one, repetitions) for one in (partial(torch.matmul, square, square), *work))
        cells = [f"{one:.1f} ({one / unit:.2g})" for one in spent]
        row(hidden, n, task.counts.visits[0], f"{unit:.1f}", *cells, *["not in a survey"] * (3 - len(cells)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    tables = {table.__name__: table for table in (seeds, signs, sizes, watched_sizes, reducible, coverage, costs)}
    tables[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 10)
