"""The scalars beside Φ, in closed form and against the definitions; the tests of assumptions: G by scipy, size and power."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from chains import BASIC, COIN, STICKY, changing, counted, delayed, dependent, triples_from_codes, walk, watched

from lightning_iit import estimate_tpm
from lightning_iit.job.job import run
from lightning_iit.records import Counts, Diagnostic, Dynamics, PhiTask
from lightning_iit.tpm import diagnostics
from lightning_iit.tpm.conversion import bits, state_by_state
from lightning_iit.tpm.counts import joint, merge, on, visits
from lightning_iit.tpm.diagnostics import DIAGNOSTICS, Evidence, diagnose, multi_information, self_transitions
from lightning_iit.tpm.estimate import tpm_from_counts
from lightning_iit.tpm.information import effective_information, entropy, scalars
from lightning_iit.tpm.nulls import surrogates
from lightning_iit.tpm.resampling import MOST_TRIPLES, conditional_dependence, homogeneity, markov_order

KEYS = {"coverage", "transitions", "effective_information", "determinism", "degeneracy", "entropy"}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_permutation_of_states_has_n_bits(n):
    order = np.random.default_rng(n).permutation(2**n)
    assert effective_information(bits(n)[order].astype(float)) == pytest.approx((n, 1.0, 0.0))


def test_equal_rows_have_none():
    assert effective_information(np.tile([0.0, 1.0, 1.0], (8, 1))) == pytest.approx((0.0, 1.0, 1.0))
    assert effective_information(np.full((8, 3), 0.5)) == pytest.approx((0.0, 0.0, 0.0))
    information, determinism, degeneracy = effective_information(np.tile([0.2, 0.7], (4, 1)))
    assert (information, determinism) == (pytest.approx(0.0, abs=1e-12), pytest.approx(degeneracy))


def test_and_gates_by_hand():
    # Two AND gates: three states go to (0,0), one to (1,1). H(mean row) = H(1/4) = 0.811278 bit; rows are certain.
    information, determinism, degeneracy = effective_information(np.array([[0, 0], [0, 0], [0, 0], [1, 1.0]]))
    assert information == pytest.approx(0.8112781245)
    assert determinism == 1.0
    assert degeneracy == pytest.approx(1 - 0.8112781245 / 2)


@pytest.mark.parametrize("seed", range(5))
def test_effective_information_by_its_definition(seed):
    # Hoel et al. (2013): EI is the mean divergence of the rows from their mean; determinism and degeneracy are the divergences
    # of the rows, and of their mean, from uniform, over log2 of the number of states.
    tpm = np.random.default_rng(seed).random((8, 3)) ** 3
    square = state_by_state(tpm)
    mean, uniform = square.mean(axis=0), np.full(8, 1 / 8)
    expected = (
        np.mean([scipy.stats.entropy(row, mean, base=2) for row in square]),
        np.mean([scipy.stats.entropy(row, uniform, base=2) for row in square]) / 3,
        scipy.stats.entropy(mean, uniform, base=2) / 3,
    )
    found = effective_information(tpm)
    assert found == pytest.approx(expected)
    assert found[0] == pytest.approx(3 * (found[1] - found[2]))


def test_scalars_of_a_hand_counted_chain():
    # Codes 0 1 3 0 1 0: visits 2 2 0 1 of 5 transitions.
    found = scalars(estimate_tpm([[0, 0], [1, 0], [1, 1], [0, 0], [1, 0], [0, 0]]))
    assert set(found) == KEYS
    assert all(type(value) is float for value in found.values())
    assert found["coverage"] == 0.75
    assert found["transitions"] == 5.0
    assert found["entropy"] == pytest.approx(-2 * 0.4 * np.log2(0.4) - 0.2 * np.log2(0.2))
    # Rows (1,0), (.5,.5), prior (.5,.5), (0,0): the mean row is (1+.25+.25, .25+.25+1, .25+.25, .25+.25) / 4.
    mean = np.array([1.5, 1.5, 0.5, 0.5]) / 4
    of_mean = -(mean * np.log2(mean)).sum()
    assert found["effective_information"] == pytest.approx(of_mean - 1.0)
    assert found["determinism"] == pytest.approx(0.5)
    assert found["degeneracy"] == pytest.approx(1 - of_mean / 2)


def test_scalars_of_nothing_are_finite():
    found = scalars(tpm_from_counts(Counts(visits=(0,) * 4, on=((0, 0),) * 4, joint=())))
    assert found == dict.fromkeys(KEYS, 0.0)


def test_entropy_against_scipy():
    distributions = np.random.default_rng(0).dirichlet(np.ones(5), 7).T
    np.testing.assert_allclose(entropy(distributions), scipy.stats.entropy(distributions, base=2))
    assert entropy(np.array([0.0, 1.0])) == 0.0


# --- tests of assumptions ---------------------------------------------------------------------------------------------


def g_by_scipy(table: np.ndarray) -> float:
    """G of a two-way table; rows and columns of zeros say nothing."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 0.0
    return float(scipy.stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic)


def codes_of(n: int, transitions: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return walk(rng.uniform(0.1, 0.9, (2**n, n)), transitions + 1, rng)


def halves_of(codes: np.ndarray, n: int) -> list[Counts]:
    middle = len(codes) // 2
    return [counted(codes[: middle + 1], n), counted(codes[middle:], n)]


@pytest.mark.parametrize("seed", range(3))
def test_g_of_dependence_is_scipys(seed):
    # For two units the dependence within each row is that of a 2 x 2 table.
    counts = counted(codes_of(2, 300, seed), 2)
    expected = sum(g_by_scipy(row.reshape(2, 2)) for row in joint(counts))
    test = conditional_dependence(counts, resamples=19)
    assert test.g == pytest.approx(expected)


def test_g_of_dependence_of_three_units_is_its_definition():
    counts = counted(codes_of(3, 400, 0), 3)
    expected = 0.0
    for row, total, ons in zip(joint(counts), visits(counts), on(counts), strict=True):
        product = np.where(bits(3), ons / total, 1 - ons / total).prod(axis=1)
        expected += 2 * sum(seen * np.log(seen / (total * p)) for seen, p in zip(row, product, strict=True) if seen)
    assert conditional_dependence(counts, resamples=19).g == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_g_of_homogeneity_is_scipys(seed):
    parts = halves_of(codes_of(2, 300, seed), 2)
    expected = sum(
        g_by_scipy(np.array([[on(part)[row, unit], visits(part)[row] - on(part)[row, unit]] for part in parts]))
        for row, unit in itertools.product(range(4), range(2))
        if all(visits(part)[row] for part in parts)
    )
    assert homogeneity(parts, resamples=19).g == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_g_of_order_is_scipys(seed):
    codes, n = codes_of(2, 300, seed), 2
    table = np.zeros((4, 4, n, 2), dtype=int)  # present, previous, unit, OFF or ON
    for a, b, c in zip(codes, codes[1:], codes[2:], strict=False):
        for unit in range(n):
            table[b, a, unit, c >> unit & 1] += 1
    expected = sum(g_by_scipy(table[b, :, unit]) for b in range(4) for unit in range(n))
    assert markov_order(triples_from_codes([codes], units=n), n, resamples=19).g == pytest.approx(expected)


def test_of_very_many_triples_a_part_is_tested():
    codes = np.random.default_rng(0).integers(0, 4, MOST_TRIPLES + 50_000)
    test = markov_order(triples_from_codes([codes], units=2), 2, resamples=19)
    assert test == markov_order(triples_from_codes([codes], units=2), 2, resamples=19)
    assert 0 < test.g < 100, "of 24 degrees of freedom, in a chain without memory"
    copies = np.array([[0, 0, 0, MOST_TRIPLES], [0, 0, 1, 0], [1, 0, 1, MOST_TRIPLES], [1, 0, 0, 0]])
    assert markov_order(copies, 1, resamples=19).bits == pytest.approx(1.0, abs=0.01), "as if all were tested"


def test_triples_do_not_cross_sequences():
    found = triples_from_codes([[0, 1, 2, 3], [1, 2, 3], [3, 3], []], units=2)
    assert found.tolist() == [[0, 1, 2, 1], [1, 2, 3, 2]]


def dynamics_of(codes: np.ndarray, n: int) -> Dynamics:
    triples = triples_from_codes([codes], units=n).tolist()
    return Dynamics(triples=tuple(map(tuple, triples)), halves=tuple(halves_of(codes, n)))


SIZES = [(3, 200, 250), (6, 2000, 150)]


@pytest.mark.parametrize(("n", "transitions", "repetitions"), SIZES)
def test_sizes_are_near_the_nominal_five_percent(n, transitions, repetitions):
    rejected = np.zeros(3)
    for seed in range(repetitions):
        rng = np.random.default_rng([n, seed])
        codes = walk(rng.random((2**n, n)), transitions + 1, rng)
        outcomes = (
            conditional_dependence(counted(codes, n), resamples=99, seed=seed),
            homogeneity(halves_of(codes, n), resamples=99, seed=seed),
            markov_order(triples_from_codes([codes], units=n), n, resamples=99, seed=seed),
        )
        rejected += [test.p <= 0.05 for test in outcomes]
    sizes = rejected / repetitions
    print(f"n={n}, {transitions} transitions: sizes of dependence, stationarity, order {sizes}")
    assert ((sizes >= 0.02) & (sizes <= 0.08)).all(), sizes


@pytest.mark.parametrize(("n", "transitions", "repetitions"), [(3, 200, 20), (6, 2000, 8)])
@pytest.mark.parametrize(
    ("codes", "name"), [(dependent, "conditional_dependence"), (delayed, "markov_order"), (changing, "stationarity")]
)
def test_violations_are_found(codes, name, n, transitions, repetitions):
    found = 0
    for seed in range(repetitions):
        watched_codes = codes(n, transitions, seed)
        evidence = Evidence(
            counts=counted(watched_codes, n),
            kind="observational",
            dynamics=dynamics_of(watched_codes, n),
            resamples=99,
            seed=seed,
        )
        diagnostics = diagnose(evidence)
        found += {item.name: item.verdict for item in diagnostics}[name] == "violated"
    assert found >= 0.8 * repetitions


def test_bits_are_bias_corrected():
    # Two units that share a fair coin in every step share 1 bit. The plain estimate for four coins with 400 transitions is 0.1 bit.
    coin = np.random.default_rng(0).integers(0, 2, 4001)
    assert conditional_dependence(counted(coin * 3, 2), resamples=99).bits == pytest.approx(1.0, abs=0.01)
    independent = [conditional_dependence(watched(np.full((16, 4), 0.5), 400, seed), resamples=99) for seed in range(20)]
    assert np.mean([test.g / (2 * 400 * np.log(2)) for test in independent]) > 0.09
    assert np.mean([test.bits for test in independent]) < 0.03


def test_p_is_seeded():
    counts = watched(BASIC, 300, 0)
    assert conditional_dependence(counts, seed=1) == conditional_dependence(counts, seed=1)
    assert homogeneity([counts, counts], seed=1) == homogeneity([counts, counts], seed=1)
    assert homogeneity([counts, counts], seed=1).p > 0.9
    assert homogeneity([counts, counts, watched(COIN, 300, 0)], seed=1).p == 1 / 200


# --- what a person reads ----------------------------------------------------------------------------------------------


NAMES = [
    "coverage", "conditional_dependence", "markov_order", "stationarity", "determinism", "degeneracy",
    "effective_information", "self_transitions", "multi_information",
]  # fmt: skip


def read(counts: Counts, **options) -> dict:
    found = diagnose(Evidence(counts=counts, **{"kind": "observational", "resamples": 99, **options}))
    return {item.name: item for item in found}


def test_a_sound_chain_in_words():
    codes = walk(BASIC, 1001, np.random.default_rng(0))
    found = read(counted(codes, 3), dynamics=dynamics_of(codes, 3))
    assert list(found) == NAMES
    tested = ["conditional_dependence", "markov_order", "stationarity"]
    assert [found[name].verdict for name in ["coverage", *tested]] == ["ok"] * 4
    assert found["coverage"].words == "8 of 8 states visited, 1,000 transitions"
    assert all(found[name].p > 0.05 and f"p = {found[name].p:.3f}" in found[name].words for name in tested)
    expected = effective_information(tpm_from_counts(counted(codes, 3)).state_by_node)
    assert (found["effective_information"].value, found["determinism"].value, found["degeneracy"].value) == expected


def test_dependence_in_words():
    words = read(counted(dependent(3, 1600, 0), 3))["conditional_dependence"].words
    assert words.startswith("next states are conditionally dependent (0.2")
    assert words.endswith(" bit, p = 0.010), so Φ describes the independent version")


def test_unvisited_states_and_few_transitions():
    few = read(watched(COIN, 60, 0))
    assert few["coverage"].verdict == "not enough data"
    assert few["conditional_dependence"].verdict == "not enough data"
    assert few["conditional_dependence"].p is None
    assert "10 transitions" in few["conditional_dependence"].words
    codes = walk(COIN, 61, np.random.default_rng(0))
    short = read(counted(codes, 3), dynamics=dynamics_of(codes, 3))
    assert short["stationarity"].verdict == short["markov_order"].verdict == "not enough data"
    partial = read(estimate_tpm([[0, 0], [1, 0]] * 200).counts)["coverage"]
    assert (partial.verdict, partial.value) == ("violated", 0.5)
    assert "prior" in partial.words


def test_nothing_counted_is_still_examined():
    found = read(
        Counts(visits=(0,) * 4, on=((0, 0),) * 4, joint=()), dynamics=Dynamics(triples=(), halves=(watched(COIN, 10, 0),) * 2)
    )
    assert list(found) == NAMES
    assert found["coverage"].value == 0.0


def test_what_does_not_apply_to_perturbed_counts():
    codes = walk(BASIC, 4001, np.random.default_rng(3))
    counts = counted(codes, 3)
    found = read(counts, kind="causal", dynamics=dynamics_of(codes, 3))
    for name in ("markov_order", "stationarity", "self_transitions", "multi_information"):
        assert (found[name].verdict, found[name].value, found[name].p) == ("not applicable", None, None)
    described = found["conditional_dependence"]
    assert (described.verdict, described.p) == ("", None)
    assert described.value == conditional_dependence(counts, resamples=1).bits
    assert "noise is independent" in described.words
    assert "no sign of too few data" in described.words
    few = read(watched(BASIC, 200, 0), kind="causal")["coverage"]
    assert few.verdict in {"ok", "violated"}, "how often a state was set is no number of transitions"
    assert "coin flips" not in few.words
    assert read(surrogates(counts, number=1)[0], kind="causal")["conditional_dependence"].verdict == "not applicable"


def test_what_was_not_counted_and_one_unit():
    found = read(watched(BASIC, 1000, 0))
    assert found["markov_order"].verdict == found["stationarity"].verdict == "not applicable"
    one = read(estimate_tpm(np.random.default_rng(0).integers(0, 2, (500, 1))).counts)
    assert one["conditional_dependence"].verdict == "not applicable"
    assert one["multi_information"].value == 0.0


def test_pooled_blocks():
    same = read(merge([watched(BASIC, 900, 0), watched(BASIC, 900, 1)]), blocks=[watched(BASIC, 900, 0), watched(BASIC, 900, 1)])
    assert same["homogeneity"].verdict == "ok"
    differ = [watched(BASIC, 900, 0), watched(STICKY, 900, 1), watched(COIN, 900, 2)]
    assert read(merge(differ), blocks=differ)["homogeneity"].verdict == "violated"
    assert "homogeneity" not in read(differ[0])


def test_self_transitions_by_hand():
    # 0 0 0 1 1 0: three of five stay; states leave as 0 0 0 1 1 and are reached as 0 0 1 1 0.
    found = self_transitions(Evidence(counts=counted(np.array([0, 0, 0, 1, 1, 0]), 1), kind="observational"))
    assert found.value == pytest.approx(3 / 5)
    assert found.words == "60 % of the transitions stay in their state (chance: 52 %)"


def test_multi_information():
    coin = np.random.default_rng(0).integers(0, 2, 20_001)
    assert multi_information(Evidence(counts=counted(coin * 3, 2), kind="observational")).value == pytest.approx(1.0, abs=0.001)
    # The plain estimate is above 0 always; with its bias taken away it is about 0.
    plain, corrected = [], []
    for seed in range(40):
        counts = watched(np.full((16, 4), 0.5), 300, seed)
        states = visits(counts) / 300
        ons = states @ bits(4)
        plain.append(entropy(np.stack([ons, 1 - ons])).sum() - entropy(states))
        corrected.append(multi_information(Evidence(counts=counts, kind="observational")).value)
    assert np.mean(plain) > 0.02
    assert np.mean(corrected) < 0.006


def test_a_diagnostic_is_one_function_in_the_registry(monkeypatch):
    """Named there it is in the record and among the scalars; one that breaks costs itself only."""

    def most_visited(evidence):
        share = max(evidence.counts.visits) / evidence.counts.transitions
        return Diagnostic(name="most_visited", value=share, words=f"{share:.0%} of the visits are to one state")

    def broken(evidence):
        raise ValueError("no such table")

    monkeypatch.setattr(diagnostics, "DIAGNOSTICS", (*DIAGNOSTICS, broken, most_visited))
    counts = counted(np.array([0, 0, 0, 1, 1, 0]), 1)
    task = PhiTask(
        layer="a", epoch=0, global_step=0, counts=counts, prior=0.5, states=(), kind="observational", axis="time", pictures=False
    )
    result = run(task)
    assert result.scalars["most_visited"] == 0.6
    assert result.diagnostics[-1].name == "most_visited"
    assert [diagnostic.name for diagnostic in result.diagnostics[:2]] == ["coverage", "conditional_dependence"]
    assert result.notes == ("Could not make the diagnostic broken: ValueError: no such table",)
