"""The nulls: the fitted cut against a search by hand, the surrogates' distribution, and how often each null is rejected."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats
from chains import BASIC, CHAIN, COIN, STICKY, above, watched

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.tpm.counts import counts_from_codes, joint, on, visits
from lightning_iit.tpm.nulls import judge, most_likely_cut, null_scalars, surrogates

if TYPE_CHECKING:
    from lightning_iit.records import Counts


def by_hand(counts: Counts, from_nodes: tuple[int, ...]) -> float:
    """The log-likelihood of a cut, pooled state by state."""
    n = len(counts.on[0])
    to_nodes = [unit for unit in range(n) if unit not in from_nodes]
    total = 0.0
    for unit in range(n):
        pools: dict[tuple[int, ...], list[int]] = {}
        for code in range(2**n):
            state = tuple(code >> i & 1 for i in range(n))
            key = tuple(state[i] for i in to_nodes) if unit in to_nodes else state
            pool = pools.setdefault(key, [0, 0])
            pool[0] += counts.on[code][unit]
            pool[1] += counts.visits[code]
        for k, size in pools.values():
            if size:
                total += k * np.log(k / size) if k else 0.0
                total += (size - k) * np.log(1 - k / size) if size - k else 0.0
    return total


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_most_likely_cut_is_the_best_by_hand(n, seed):
    counts = watched(np.random.default_rng(seed).random((2**n, n)), 150, seed)
    found = most_likely_cut(counts)
    cuts = [cut for size in range(1, n) for cut in itertools.combinations(range(n), size)]
    likelihoods = {cut: by_hand(counts, cut) for cut in cuts}
    assert found.log_likelihood == pytest.approx(max(likelihoods.values()))
    assert likelihoods[found.cut.from_nodes] == pytest.approx(found.log_likelihood)
    assert sorted(found.cut.from_nodes + found.cut.to_nodes) == list(range(n))
    # What the cut severs has no effect in the fitted TPM.
    for code, unit in itertools.product(range(2**n), found.cut.to_nodes):
        for other in found.cut.from_nodes:
            assert found.tpm[code, unit] == found.tpm[code ^ (1 << other), unit]


def test_the_cut_of_a_chain_is_where_nothing_flows():
    cut = most_likely_cut(watched(CHAIN, 20_000, 0)).cut
    assert (cut.from_nodes, cut.to_nodes) in [((2,), (0, 1)), ((1, 2), (0,))]


def test_surrogates_of_the_cut_have_its_means_and_the_same_visits():
    counts = watched(BASIC, 400, 1)
    drawn = surrogates(counts, "cut", number=400, seed=3)
    model, n_visits = most_likely_cut(counts).tpm, visits(counts)
    assert all(part.visits == counts.visits and part.joint == () for part in drawn)
    ons = np.stack([on(part) for part in drawn])
    assert (ons <= n_visits[:, None]).all()
    expected = n_visits[:, None] * model
    error = np.sqrt(np.maximum(expected * (1 - model), 1e-12) / len(drawn))
    assert (np.abs(ons.mean(axis=0) - expected) <= 4.5 * error + 1e-9).all()
    variance = expected * (1 - model)
    assert ons.var(axis=0).sum() == pytest.approx(variance.sum(), rel=0.1)


def test_shuffling_keeps_how_often_each_state_left_and_was_reached():
    counts = watched(STICKY, 300, 2)
    table = joint(counts)
    drawn = [joint(part) for part in surrogates(counts, "shuffle", number=300, seed=1)]
    for part in drawn:
        np.testing.assert_array_equal(part.sum(axis=0), table.sum(axis=0))
        np.testing.assert_array_equal(part.sum(axis=1), table.sum(axis=1))
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    np.testing.assert_allclose(np.mean(drawn, axis=0), expected, atol=0.75)
    assert np.abs(table - expected).max() > 5


def test_seeds():
    counts = watched(BASIC, 200, 0)
    for null in ("cut", "shuffle"):
        first = surrogates(counts, null, seed=4)
        assert len(first) == 19
        assert first == surrogates(counts, null, seed=4)
        assert first != surrogates(counts, null, seed=5)


def test_judging():
    result = judge(0.5, [0.1, 0.2, None, 0.3] * 6 + [0.9], name="shuffle", seed=7)
    assert result is not None
    assert (result.name, result.surrogates, result.seed) == ("shuffle", 19, 7)
    assert result.mean == pytest.approx((6 * 0.6 + 0.9) / 19)
    assert result.excess == pytest.approx(0.5 - result.mean)
    assert result.upper == 0.9, "the maximum of 19"
    assert result.p == pytest.approx(2 / 20)
    assert null_scalars(result) == {
        "phi_null_mean": result.mean,
        "phi_null_95": 0.9,
        "phi_excess": result.excess,
        "phi_p": result.p,
    }
    assert judge(1.0, [0.1] * 19).p == pytest.approx(1 / 20)
    assert judge(0.0, [0.0] * 19).p == 1.0, "ties count against it"
    assert judge(0.3, np.arange(99) / 100).upper == pytest.approx(0.94), "the 95th of 99"
    assert judge(0.3, [0.1, 0.2]).upper == 0.2
    assert judge(0.3, [None, None]) is None


def test_what_has_no_null():
    counts = watched(BASIC, 200, 0)
    with pytest.raises(InvalidArgumentError, match="'cut'"):
        surrogates(counts, "permute")
    with pytest.raises(InvalidArgumentError, match="at least one"):
        surrogates(counts, "cut", number=0)
    with pytest.raises(InvalidArgumentError, match="joint"):
        surrogates(surrogates(counts, "cut", number=1)[0], "shuffle")
    with pytest.raises(InvalidArgumentError, match="two units"):
        surrogates(counts_from_codes([0, 1], [1, 0], units=1), "cut")


@pytest.mark.parametrize("transitions", [200, 1000])
@pytest.mark.parametrize("tpm", [COIN, STICKY, CHAIN], ids=["coin flips", "sticky units", "noisy chain"])
def test_without_integration_the_cut_null_is_not_rejected(tpm, transitions):
    assert 100 - above(tpm, transitions, 100, "cut") >= 90


def test_an_integrated_network_is_above_the_cut_null():
    assert above(BASIC, 1000, 50, "cut") >= 45


@pytest.mark.parametrize("tpm", [STICKY, CHAIN], ids=["sticky units", "noisy chain"])
def test_the_shuffle_null_calls_sticky_units_and_a_chain_integrated(tpm):
    # Documented, and the reason why "cut" is the default: it tests dependence in time, not integration.
    assert above(tpm, 1000, 30, "shuffle") >= 20


def test_the_shuffle_null_holds_without_any_dependence_in_time():
    count = above(COIN, 200, 60, "shuffle")
    assert scipy.stats.binomtest(count, 60, 0.05).pvalue > 0.01
