"""Writes runs with surveys for the viewer's tests: a layer whose units were set, and whose Φ rises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from viewer_runs import make_record, make_snapshots, write_file, write_record

from lightning_iit import whole_layer
from lightning_iit.records import Computed, Counts, EpochRecord, Perturbation, Survey, SurveyGroup, TpmRecord, Units

if TYPE_CHECKING:
    from pathlib import Path

LAYER = "memory"
GROUPS = 8
EPOCHS = 5
DRAWS, SEQUENCES, RESAMPLES = 8640, 576, 50
WITH_INTERVAL = (-1, 2, 3)
"""The epochs whose Φ has an interval: one that stands alone, and two that stand together."""


def surveyed(epoch: int, *, seed: int = 0) -> EpochRecord:
    """A record of units that were set, with a survey of eight groups; the last group has no Φ. Its Φ are made up."""
    record, observed = _set_units(make_record(LAYER, epoch, n=4, seed=seed), np.random.default_rng([seed, epoch + 1, 1]))
    assert record.units is not None
    first = SurveyGroup(
        units=record.units,
        states=tuple(one.state for one in record.states),
        visits=tuple(one.visits for one in record.states),
        phis=tuple(one.result.phi if isinstance(one.result, Computed) else None for one in record.states),
        positive=0.98,
    )
    groups = (first, *(_group(number, epoch, seed) for number in range(1, GROUPS - 1)), _failed())
    phi = float(np.mean([group.phi for group in groups if group.phi is not None]))
    survey = Survey(phi=phi, groups=groups, interval_words="interval not computed")
    if epoch in WITH_INTERVAL:
        drawn = np.random.default_rng([seed, epoch + 1]).normal(phi, 0.02, RESAMPLES)
        low, high = np.quantile(drawn, [0.05, 0.95])
        survey = msgspec.structs.replace(
            survey,
            resampled=tuple(drawn.tolist()),
            se=float(drawn.std(ddof=1)),
            low=float(low),
            high=float(high),
            positive=0.99,
            interval_words=f"90 % interval of {RESAMPLES} resamples of whole sequences",
        )
    perturbation = Perturbation(
        background="sampled",
        draws=DRAWS,
        observed=observed,
        off=((-0.5,) * 4,),
        on=((0.5,) * 4,),
        seed=0,
        sequences=SEQUENCES,
    )
    words = {"coverage": f"{sum(record.tpm.visited)} of {len(record.tpm.visited)} states set, {DRAWS:,} times each"}
    diagnostics = tuple(msgspec.structs.replace(one, words=words.get(one.name, one.words)) for one in record.diagnostics)
    return msgspec.structs.replace(
        record, kind="causal", null=None, perturbation=perturbation, survey=survey, diagnostics=diagnostics
    )


def _set_units(record: EpochRecord, rng: np.random.Generator) -> tuple[EpochRecord, tuple[int, ...]]:
    """The record with its units set into each state in each background, and how often they had been observed in each state."""
    assert record.tpm is not None
    assert record.counts is not None
    watched = np.array(record.counts.visits)
    observed = watched * DRAWS // watched.sum()
    observed[observed.argmax()] += DRAWS - observed.sum()
    n = len(record.tpm.state_by_node[0])
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    chances = np.array([np.where(bits, row, 1 - np.array(row)).prod(axis=1) for row in record.tpm.state_by_node])
    joint = rng.multinomial(DRAWS, chances / chances.sum(axis=1, keepdims=True))
    on = joint @ bits
    triples = tuple((int(a), int(b), int(joint[a, b])) for a, b in zip(*np.nonzero(joint), strict=True))
    counts = Counts(visits=(DRAWS,) * 2**n, on=tuple(map(tuple, on.tolist())), joint=triples)
    tpm = TpmRecord(state_by_node=tuple(map(tuple, (on / DRAWS).tolist())), visited=(True,) * 2**n, prior=0.5)
    states = tuple(
        msgspec.structs.replace(one, visits=int(observed[sum(bit << unit for unit, bit in enumerate(one.state))]))
        for one in record.states
    )
    scalars = record.scalars and {**record.scalars, "transitions": float(counts.transitions), "coverage": 1.0}
    return msgspec.structs.replace(record, counts=counts, tpm=tpm, states=states, scalars=scalars), tuple(observed.tolist())


def _group(number: int, epoch: int, seed: int) -> SurveyGroup:
    draw = np.random.default_rng([seed, number])
    level = (0.03 + 0.01 * number) * (1 + 0.3 * (epoch + 1))
    units = Units(indices=tuple(sorted(draw.choice(32, 4, replace=False).tolist())), width=32, selection="random", seed=0)
    return SurveyGroup(
        units=units,
        states=((0, 0, 0, 0), (1, 0, 0, 1), (1, 1, 0, 0)),
        visits=(5184, 2592, 864),
        phis=(level, 1.4 * level, None),
        positive=1.0,
    )


def _failed() -> SurveyGroup:
    return SurveyGroup(
        units=Units(indices=(1, 2, 3, 4), width=32, selection="random", seed=0), reason="No state leads to any of its states."
    )


def with_whole_layer(epoch: int, *, seed: int = 0) -> EpochRecord:
    """A record with measures of a layer of 32 units: a ring of six, six by themselves, and 20 that never vary."""
    rng = np.random.default_rng([seed, epoch + 1])
    series = np.zeros((600, 32))
    for now in range(1, 600):
        series[now, :12] = 0.6 * series[now - 1, [1, 2, 3, 4, 5, 0, *range(6, 12)]] + rng.standard_normal(12)
    found = whole_layer(
        series, measures=["stochastic_interaction", "phi_star"], surrogates=19, search_null=False, resamples=100, pairs="mmi"
    )
    return msgspec.structs.replace(surveyed(epoch, seed=seed), whole=found)


def write_surveyed(run: Path, *, seed: int = 0) -> Path:
    """Writes a run directory with the records of one layer, and network snapshots."""
    for epoch in range(-1, EPOCHS):
        write_record(run, surveyed(epoch, seed=seed))
    for name, data in make_snapshots(EPOCHS, seed=seed):
        write_file(run / "iit" / "network" / name, data)
    return run
