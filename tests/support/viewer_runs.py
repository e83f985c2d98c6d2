"""Writes runs for the viewer's tests: real snapshots of a small network that learns, and records of systems that change with it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.records import (
    Computed,
    Concept,
    Counts,
    Cut,
    Diagnostic,
    EngineInfo,
    EpochRecord,
    Failed,
    NullResult,
    PhiOptions,
    PhiResult,
    Provenance,
    Skipped,
    StateResult,
    Thresholds,
    TimedOut,
    TpmRecord,
    Units,
    encode,
)
from lightning_iit.snapshot.recorder import SnapshotRecorder

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = {"memory": 6, "hidden": 4}


class Reader(nn.Module):
    """Reads digits row by row: a GRU, a hidden layer and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.GRU(8, 32, batch_first=True)
        self.hidden = nn.Linear(32, 96)
        self.activation = nn.ReLU()
        self.head = nn.Linear(96, 10)

    def forward(self, batch: Tensor) -> Tensor:
        return self.head(self.activation(self.hidden(self.memory(batch)[0][:, -1])))


def write_run(
    run: Path,
    *,
    epochs: int = 12,
    seed: int = 0,
    layers: dict[str, int] | None = None,
    snapshots: bool = True,
    like: int | None = None,
) -> Path:
    """Writes a run directory in the layout of the package; ``like`` is the seed of a run with the same units and states."""
    layers = LAYERS if layers is None else layers
    for layer, n in layers.items():
        for epoch in range(-1, epochs):
            write_record(run, make_record(layer, epoch, n=n, seed=seed, like=like))
    if snapshots:
        for name, data in make_snapshots(epochs, seed=seed, like=like):
            write_file(run / "iit" / "network" / name, data)
    return run


def write_record(run: Path, record: EpochRecord) -> Path:
    return write_file(run / "iit" / record.layer / f"epoch={record.epoch:04d}.json", encode(record))


def write_file(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(data)
    return part.replace(path)


def make_record(
    layer: str, epoch: int, *, n: int = 4, seed: int = 0, phi: float | None = None, like: int | None = None
) -> EpochRecord:
    """A record whose parts agree with one another; its Φ are made up. ``like`` is the seed of one with the same units and state."""
    generator = np.random.default_rng([seed, n, epoch + 1])
    fixed = np.random.default_rng([seed, n])
    counts, tpm = _counts(generator, fixed, n, learned=1 - np.exp(-(epoch + 1) / 5))
    visits = np.array(counts.visits)
    order = np.argsort(-visits)[:3]
    if like is not None:
        alike = make_record(layer, epoch, n=n, seed=like)
        order = np.array([sum(bit << unit for unit, bit in enumerate(state.state)) for state in alike.states] or order)
    level = 0.08 + 0.55 * (1 - np.exp(-(epoch + 1) / 5)) if phi is None else phi
    states = []
    for code in order:
        state = tuple(int(code) >> unit & 1 for unit in range(n))
        value = level if not states and phi is not None else float(level * generator.uniform(0.55, 1.25))
        states.append(StateResult(state=state, visits=int(visits[code]), result=_computed(generator, n, value)))
    result = _fault(layer, epoch) or states[0].result
    values = [state.result.phi for state in states if isinstance(state.result, Computed)]
    transitions = counts.transitions
    kind = "observational" if layer == "memory" else "statistical"
    return EpochRecord(
        layer=layer,
        epoch=epoch,
        global_step=(epoch + 1) * 23,
        wall_time=1.76e9 + epoch * 4,
        kind=kind,
        axis="time" if layer == "memory" else "stream",
        result=result,
        states=tuple(states) if isinstance(result, Computed) else (),
        units=Units(indices=_chosen(n, seed if like is None else like), width=32, selection="variance", seed=0),
        thresholds=Thresholds(
            values=tuple(round(float(v), 4) for v in generator.normal(0, 0.2, n)), strategy="median", frozen=True
        ),
        counts=counts,
        tpm=tpm,
        scalars={
            "phi": values[0],
            "phi_mean": float(np.mean(values)),
            "phi_max": max(values),
            "transitions": float(transitions),
            "coverage": float(np.mean(tpm.visited)),
        }
        if isinstance(result, Computed)
        else {},
        diagnostics=(
            Diagnostic(name="coverage", value=float(np.mean(tpm.visited)), words=f"{sum(tpm.visited)} of {2**n} states visited"),
            Diagnostic(name="determinism", value=0.41, words="next states are 41 % certain (0 %: coin flips)"),
        ),
        null=_null(values[0], epoch) if isinstance(result, Computed) else None,
        structural_phi=0.0 if kind == "statistical" else None,
        structural_reason="units of one feed-forward layer have no connections among them" if kind == "statistical" else "",
        provenance=Provenance(engine="auto", options=PhiOptions(), seed=0, window=1, packages={"torch": str(torch.__version__)}),
    )


def _chosen(n: int, seed: int) -> tuple[int, ...]:
    """The units of a run of that seed."""
    fixed = np.random.default_rng([seed, n])
    fixed.normal(size=(n, n))  # the weights of _counts come first
    return tuple(sorted(int(unit) for unit in fixed.choice(32, n, replace=False)))


def _null(phi: float, epoch: int) -> NullResult | None:
    if epoch % 3:
        return None
    p = 0.05 if phi > 0.11 else 0.4
    return NullResult(name="cut", surrogates=19, mean=0.05, upper=0.11, excess=phi - 0.05, p=p, seed=0)


def _fault(layer: str, epoch: int) -> PhiResult | None:
    if layer == "memory" and epoch == 5:
        return TimedOut(reason="The analysis did not end within 600 s; fewer units or a longer timeout= would do.", timeout=600.0)
    if layer == "hidden" and epoch == 3:
        return Failed(code="worker_died", reason="The worker process ended with signal 9 (out of memory?).")
    if layer == "hidden" and epoch == 7:
        return Skipped(code="queue_full", reason="8 analyses were waiting; when_busy='wait' would wait for them.")
    return None


def _counts(generator: np.random.Generator, fixed: np.random.Generator, n: int, *, learned: float) -> tuple[Counts, TpmRecord]:
    size = 2**n
    weights = fixed.normal(0, 2.2, (n, n)) * learned + generator.normal(0, 0.3, (n, n))
    bits = (np.arange(size)[:, None] >> np.arange(n)) & 1
    chance = 1 / (1 + np.exp(-(bits - 0.5) @ weights))
    code, visits = 0, np.zeros(size, dtype=int)
    on, joint = np.zeros((size, n), dtype=int), np.zeros((size, size), dtype=int)
    for _ in range(400):
        following = generator.random(n) < chance[code]
        after = int(following @ (1 << np.arange(n)))
        visits[code] += 1
        on[code] += following
        joint[code, after] += 1
        code = after
    visited = visits > 0
    rows = np.where(visited[:, None], on / np.maximum(visits, 1)[:, None], 0.5)
    triples = tuple((int(a), int(b), int(joint[a, b])) for a, b in zip(*np.nonzero(joint), strict=True))
    return (
        Counts(visits=tuple(visits.tolist()), on=tuple(map(tuple, on.tolist())), joint=triples),
        TpmRecord(state_by_node=tuple(map(tuple, rows.tolist())), visited=tuple(visited.tolist()), prior=0.5),
    )


def _computed(generator: np.random.Generator, n: int, phi: float) -> Computed:
    mechanisms = [m for size in range(1, n + 1) for m in itertools.combinations(range(n), size)]
    chosen = sorted(generator.choice(len(mechanisms), min(len(mechanisms), 7 + n), replace=False))
    concepts = tuple(
        Concept(
            mechanism=mechanisms[at],
            cause_purview=mechanisms[int(generator.integers(len(mechanisms)))],
            effect_purview=mechanisms[int(generator.integers(len(mechanisms)))],
            cause_phi=float(generator.exponential(0.12)),
            effect_phi=float(generator.exponential(0.12)),
        )
        for at in chosen
    )
    side = int(generator.integers(1, 2**n - 1))
    part = tuple(unit for unit in range(n) if side >> unit & 1)
    rest = tuple(unit for unit in range(n) if not side >> unit & 1)
    return Computed(
        phi=phi,
        cut=Cut(from_nodes=part, to_nodes=rest),
        concepts=concepts,
        cuts_evaluated=2 * 2**n - 2,
        seconds=1.9,
        engine=EngineInfo(name="fast", version="0.1.0"),
    )


def make_snapshots(epochs: int, *, seed: int = 0, like: int | None = None) -> list[tuple[str, bytes]]:
    """Trains the reader on made-up rows and takes a snapshot of each epoch."""
    torch.manual_seed(seed)
    model = Reader()
    units = {layer: make_record(layer, 0, n=n, seed=seed, like=like).units for layer, n in LAYERS.items()}
    recorder = SnapshotRecorder(model, units={layer: chosen.indices for layer, chosen in units.items() if chosen}, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    labels = torch.randint(0, 10, (256,))
    rows = torch.randn(10, 8, 8)[labels] + 0.7 * torch.randn(256, 8, 8)
    found = []
    for epoch in range(-1, epochs):
        with recorder.watch():
            model(rows[:32])
        found.append((f"snapshot={epoch:04d}.json", encode(recorder.snapshot(epoch=epoch, global_step=(epoch + 1) * 23))))
        for _ in range(6):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(rows), labels).backward()
            optimizer.step()
    return found
