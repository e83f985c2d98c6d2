"""Posterior draws by their Beta distribution, the rule of the interval, subsampling, and measured coverage."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from chains import BASIC, CHAIN, DENSE, STICKY, covered, intervals_cover, likeliest, most_visited, phi_of, phi_of_counts, watched

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Counts, NullResult
from lightning_iit.tpm.counts import counts_from_codes, joint, on, visits
from lightning_iit.tpm.intervals import (
    curve_point,
    is_deterministic,
    phi_interval,
    posterior_draws,
    subsample_sizes,
    subsamples,
)
from lightning_iit.tpm.nulls import surrogates


def null(p: float) -> NullResult:
    return NullResult(name="cut", surrogates=19, mean=0.1, upper=0.2, excess=0.1, p=p, seed=0)


def test_draws_are_jeffreys_posterior():
    counts = watched(BASIC, 40, 0)
    assert 0 in counts.visits, "a row that was never visited is among them"
    draws = posterior_draws(counts, draws=4000, seed=1)
    assert draws.shape == (4000, 8, 3)
    for code, unit in [(0, 0), (3, 1), (int(np.argmin(counts.visits)), 2)]:
        k, size = counts.on[code][unit], counts.visits[code]
        assert scipy.stats.kstest(draws[:, code, unit], scipy.stats.beta(k + 0.5, size - k + 0.5).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(draws, posterior_draws(counts, draws=4000, seed=1))
    assert (draws != posterior_draws(counts, draws=4000, seed=2)).any()


def test_the_rule_of_the_interval():
    counts, phis = watched(BASIC, 400, 0), list(np.linspace(0.30, 0.50, 101))
    options = {"counts": counts, "kind": "observational"}
    middle = phi_interval(0.40, phis, null=null(0.05), **options)
    assert (middle.low, middle.high) == pytest.approx((0.31, 0.49))
    assert (middle.level, middle.draws, middle.words) == (0.9, 101, "")
    biased = phi_interval(0.35, [*phis, None], null=null(0.05), **options)
    assert (biased.low, biased.high) == pytest.approx((0.21, 0.49)), "reflected in the estimate"
    below = phi_interval(0.55, phis, null=null(0.05), **options)
    assert (below.low, below.high) == pytest.approx((0.31, 0.79))
    assert phi_interval(0.1, phis, null=null(0.05), **options).low == 0.0


def test_the_lower_end_is_zero_unless_the_null_is_rejected():
    counts, phis = watched(BASIC, 400, 0), list(np.linspace(0.30, 0.50, 101))
    kept = phi_interval(0.40, phis, counts=counts, kind="causal", null=null(0.10))
    assert (kept.low, kept.high) == (0.0, pytest.approx(0.49))
    assert "cut null is not rejected (p = 0.100)" in kept.words
    without = phi_interval(0.40, phis, counts=counts, kind="observational", null=None)
    assert without.low == 0.0
    assert "no null was computed" in without.words


def test_a_deterministic_step_has_no_interval():
    codes = np.arange(8)
    certain = counts_from_codes(np.repeat(codes, 20), np.repeat(codes[::-1], 20), units=3)
    assert is_deterministic(certain)
    assert not is_deterministic(watched(BASIC, 400, 0))
    assert phi_interval(0.5, [0.4, 0.6], counts=certain, kind="causal", null=null(0.05)) is None
    # Watched data that happen to be so are few data, not certainty.
    assert phi_interval(0.5, [0.4, 0.6], counts=certain, kind="observational", null=null(0.05)) is not None
    assert phi_interval(0.5, [None, None], counts=watched(BASIC, 400, 0), kind="causal", null=null(0.05)) is None


def test_subsamples_are_parts_of_the_transitions():
    counts = watched(BASIC, 500, 0)
    parts = subsamples(counts, 125, number=200, seed=1)
    tables = np.stack([joint(part) for part in parts])
    assert (tables.sum(axis=(1, 2)) == 125).all()
    assert (tables <= joint(counts)).all()
    np.testing.assert_allclose(tables.mean(axis=0), joint(counts) / 4, atol=0.75)
    assert parts == subsamples(counts, 125, number=200, seed=1)
    assert subsamples(counts, 500, number=2) == (counts, counts)
    assert subsample_sizes(1700) == (106, 212, 425, 850, 1700)
    assert subsample_sizes(3) == (1, 2, 3)
    with pytest.raises(InvalidArgumentError, match="500"):
        subsamples(counts, 501)


def test_subsamples_without_a_joint_table():
    counts = surrogates(watched(BASIC, 500, 0), number=1)[0]
    parts = subsamples(counts, 250, number=100, seed=0)
    assert all(part.transitions == 250 and part.joint == () for part in parts)
    assert all((on(part) <= visits(part)[:, None]).all() and (on(part) <= on(counts)).all() for part in parts)
    np.testing.assert_allclose(np.mean([on(part) for part in parts], axis=0), on(counts) / 2, atol=1.5)
    assert subsamples(Counts(visits=(0,) * 4, on=((0, 0),) * 4, joint=()), 0, number=1)[0].transitions == 0


def test_the_curve_of_estimated_phi_falls_with_the_transitions():
    # Upward bias: the fewer transitions, the larger the estimated Φ of a chain whose true Φ is 0.
    counts = watched(CHAIN, 8000, 0)
    state = most_visited(counts)
    points = [
        curve_point(size, [phi_of_counts(part, state) for part in subsamples(counts, size, number=8, seed=size)])
        for size in (500, 2000, 8000)
    ]
    means = [point.mean for point in points]
    assert means == sorted(means, reverse=True)
    assert means[0] > 3 * means[-1]
    assert all(point.low <= point.mean + 1e-12 and point.mean <= point.high + 1e-12 for point in points)
    assert curve_point(10, [None]) is None
    assert curve_point(10, [None, 0.5]).subsamples == 1


@pytest.mark.slow
@pytest.mark.parametrize("transitions", [200, 1000, 5000])
def test_coverage_on_dense_chains(transitions):
    coverage = [covered(tpm, transitions, 20) for tpm in DENSE]
    print(f"five dense chains, {transitions} transitions: covered {coverage} of 20 each")
    assert 70 <= sum(coverage) <= 100


@pytest.mark.parametrize("tpm", [STICKY, CHAIN], ids=["sticky units", "noisy chain"])
def test_a_true_zero_is_covered_where_the_null_is_not_rejected(tpm):
    assert covered(tpm, 1000, 20) >= 17


def test_posterior_quantiles_alone_miss_a_sparse_network():
    # Why the interval is reflected in the estimate: estimated Φ is biased upward, and so is every draw.
    state, above_truth = likeliest(BASIC), 0
    truth = phi_of(BASIC, state)
    for seed in range(8):
        draws = posterior_draws(watched(BASIC, 1000, seed), draws=20, seed=seed)
        above_truth += np.quantile([phi_of(draw, state) for draw in draws], 0.05) > truth
    assert above_truth >= 7


def test_resampled_parts_cover_where_sequences_differ_and_the_posterior_does_not():
    # 60 sequences of 401 rows, each of another chain: 24,000 transitions, but only 60 independent things are seen.
    found = [intervals_cover(tpm, 60, 401, 25)[1:] for tpm in DENSE[:2]]
    of_parts, of_posterior = np.sum(found, axis=0)
    assert of_parts >= 42, "of 50; 90 % are 45"
    assert of_posterior <= 38
