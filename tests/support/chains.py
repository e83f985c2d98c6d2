"""Chains with known dynamics, and Φ of their counts: what the tests of nulls, intervals and diagnostics watch."""

from __future__ import annotations

import msgspec
import numpy as np

from lightning_iit.job.judgement import judge_phi
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, Counts, Judge, PhiOptions, PhiTask, State, System
from lightning_iit.tpm.conversion import bits, state_by_state
from lightning_iit.tpm.counts import dynamics_from_codes
from lightning_iit.tpm.estimate import counts_from_codes, tpm_from_counts
from lightning_iit.tpm.intervals import DRAWS, phi_interval, posterior_draws
from lightning_iit.tpm.nulls import judge, surrogates

B3 = bits(3)
COIN = np.full((8, 3), 0.5)
STICKY = np.where(B3 == 1, 0.8, 0.2)
"""Independent units that stay as they are with probability 0.8: true Φ = 0."""
CHAIN = np.stack([np.full(8, 0.5), np.where(B3[:, 0], 0.9, 0.1), np.where(B3[:, 1], 0.9, 0.1)], axis=1)
"""Noise -> unit 0 -> unit 1 -> unit 2, each a copy with errors: feed-forward, true Φ = 0."""
BASIC = np.where(np.stack([B3[:, 1] | B3[:, 2], B3[:, 2], B3[:, 0] ^ B3[:, 1]], axis=1), 0.9, 0.1)
"""PyPhi's basic network (OR, COPY, XOR), each next state flipped with probability 0.1."""
NEARLY_CERTAIN = np.where(BASIC > 0.5, 0.99, 0.01)
"""The same with errors of 0.01."""
RING = np.stack([np.where(B3[:, 2], 0.8, 0.3), np.where(B3[:, 0], 0.7, 0.1), np.where(B3[:, 1], 0.9, 0.2)], axis=1)
"""Each unit depends on one other: sparse, and integrated."""
DENSE = np.random.default_rng(0).random((5, 8, 3))
"""Five chains in which everything depends on everything."""


def walk(tpm: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
    """State codes [time] of a chain whose units are independent given the state."""
    n = tpm.shape[1]
    chance, weights, code = rng.random((steps, n)), 1 << np.arange(n), 0
    codes = np.empty(steps, dtype=np.int64)
    for t in range(steps):
        codes[t] = code
        code = int((chance[t] < tpm[code]) @ weights)
    return codes


def counted(codes: np.ndarray, n: int) -> Counts:
    return counts_from_codes(codes[:-1], codes[1:], units=n)


def watched(tpm: np.ndarray, transitions: int, seed: int) -> Counts:
    """Counts of a chain that was watched for that many transitions."""
    return counted(walk(tpm, transitions + 1, np.random.default_rng(seed)), tpm.shape[1])


def phi_of(tpm: np.ndarray, state: State) -> float | None:
    """Φ by the fast engine; None where the state cannot be reached."""
    result = next(iter(get_engine("fast").analyse([System(tpm=tpm, state=state)], PhiOptions())))
    return result.phi if isinstance(result, Computed) else None


def phi_of_counts(counts: Counts, state: State) -> float | None:
    return phi_of(tpm_from_counts(counts).state_by_node, state)


def most_visited(counts: Counts) -> State:
    n = len(counts.on[0])
    return tuple(bits(n)[int(np.argmax(counts.visits))].tolist())


def likeliest(tpm: np.ndarray) -> State:
    """The state in which the chain is found most often."""
    square = np.linalg.matrix_power(state_by_state(tpm), 4096)
    return tuple(bits(tpm.shape[1])[int(np.argmax(square[0]))].tolist())


def covered(tpm: np.ndarray, transitions: int, repetitions: int) -> int:
    """In how many repetitions the 90 % interval holds the true Φ of the state in which the chain is found most often."""
    state = likeliest(tpm)
    truth, count = phi_of(tpm, state), 0
    assert truth is not None
    for seed in range(repetitions):
        counts = watched(tpm, transitions, 1000 + seed)
        phi = phi_of_counts(counts, state)
        assert phi is not None
        null = judge(phi, [phi_of_counts(part, state) for part in surrogates(counts, seed=seed)])
        phis = [phi_of(draw, state) for draw in posterior_draws(counts, seed=seed)]
        interval = phi_interval(phi, phis, counts=counts, kind="observational", null=null, seed=seed)
        assert interval is not None
        count += interval.low - 1e-9 <= truth <= interval.high + 1e-9
    return count


def above(tpm: np.ndarray, transitions: int, repetitions: int, null: str) -> int:
    """In how many repetitions Φ of the most visited state is above all 19 surrogates."""
    count = 0
    for seed in range(repetitions):
        counts = watched(tpm, transitions, seed)
        state = most_visited(counts)
        phi = phi_of_counts(counts, state)
        assert phi is not None
        result = judge(phi, [phi_of_counts(part, state) for part in surrogates(counts, null, seed=seed)], name=null)
        assert result is not None
        assert (phi > result.upper) == (result.p <= 0.05)
        count += phi > result.upper
    return count


def dependent(n: int, transitions: int, seed: int) -> np.ndarray:
    """Units 0 and 1 get the same coin in 60 % of the steps, whatever the state: marginals of 1/2, and dependent."""
    rng = np.random.default_rng(seed)
    states = rng.integers(0, 2, (transitions + 1, n))
    same = rng.random(transitions + 1) < 0.6
    states[same, 1] = states[same, 0]
    return states @ (1 << np.arange(n))


def delayed(n: int, transitions: int, seed: int) -> np.ndarray:
    """Each unit is, with probability 0.8, what it was two steps before."""
    rng = np.random.default_rng(seed)
    states = rng.integers(0, 2, (transitions + 1, n))
    for t in range(2, transitions + 1):
        states[t] = np.where(rng.random(n) < 0.8, states[t - 2], 1 - states[t - 2])
    return states @ (1 << np.arange(n))


def changing(n: int, transitions: int, seed: int) -> np.ndarray:
    """Units that are ON with 0.4 in the first half and with 0.6 in the second."""
    rng = np.random.default_rng(seed)
    chance = np.where(np.arange(transitions + 1) < transitions // 2, 0.35, 0.65)
    return (rng.random((transitions + 1, n)) < chance[:, None]) @ (1 << np.arange(n))


def differing(tpm: np.ndarray, number: int, length: int, rng: np.random.Generator, *, spread: float = 1.0) -> np.ndarray:
    """State codes [sequence, time] of a chain that is another one in each sequence: its units are ON more or less readily.

    The log-odds of each unit are moved by a number with the standard deviation ``spread``, the same in all rows of a sequence.
    """
    n = tpm.shape[1]
    odds = tpm / (1 - tpm) * np.exp(rng.normal(0.0, spread, (number, 1, n)))
    chance, codes = odds / (1 + odds), rng.integers(0, 2**n, (number, length))
    for t in range(1, length):
        codes[:, t] = (rng.random((number, n)) < chance[np.arange(number), codes[:, t - 1]]) @ (1 << np.arange(n))
    return codes


def intervals_cover(tpm: np.ndarray, number: int, length: int, repetitions: int, *, spread: float = 1.0) -> tuple[float, int, int]:
    """Φ of all sequences that there could be, and how many intervals hold it: of resampled parts, and of the posterior."""
    every, n, found = (
        differing(tpm, max(400_000 // length, 5_000), length, np.random.default_rng(10**6), spread=spread),
        tpm.shape[1],
        [0, 0],
    )
    whole = counts_from_codes(every[:, :-1].ravel(), every[:, 1:].ravel(), units=n)
    state = most_visited(whole)
    truth = phi_of_counts(whole, state)
    assert truth is not None
    for seed in range(repetitions):
        counts, dynamics = dynamics_from_codes(
            list(differing(tpm, number, length, np.random.default_rng(seed), spread=spread)), units=n
        )
        task = PhiTask(
            layer="chain", epoch=0, global_step=0, counts=counts, prior=0.5, states=(state,), kind="observational", axis="time",
            judge=Judge(interval_draws=DRAWS), seed=seed,
        )  # fmt: skip
        phi = phi_of_counts(counts, state)
        assert phi is not None
        for which, with_parts in enumerate((dynamics, None)):
            *_, judgement = judge_phi(msgspec.structs.replace(task, dynamics=with_parts), phi)
            assert judgement.interval is not None
            assert (judgement.interval.parts > 0) == (with_parts is not None)
            found[which] += judgement.interval.low - 1e-9 <= truth <= judgement.interval.high + 1e-9
    return truth, *found


def triples_from_codes(sequences: list, *, units: int) -> np.ndarray:
    """The triples [entry, 4] (previous, present, next state, how often) in sequences of state codes, counted plainly."""
    parts = [np.asarray(codes, dtype=np.int64) for codes in sequences]
    packed = [(codes[:-2] << 2 * units) + (codes[1:-1] << units) + codes[2:] for codes in parts]
    found, times = np.unique(np.concatenate([*packed, np.zeros(0, dtype=np.int64)]), return_counts=True)
    mask = 2**units - 1
    return np.stack([found >> 2 * units, found >> units & mask, found & mask, times], axis=1)
