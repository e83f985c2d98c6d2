"""What a Φ is judged by: the null of a task by hand, what the budget has room for, and what the last Φ has besides."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from chains import BASIC, CHAIN, phi_of, phi_of_counts, watched
from tasks import task

from lightning_iit.job import job
from lightning_iit.job.job import run
from lightning_iit.job.judgement import CURVE_PARTS, analyses_for, judge_phi
from lightning_iit.records import Computed, Counts, Judge, PhiTask, ThresholdCounts
from lightning_iit.run.budget import Budget
from lightning_iit.tpm.intervals import DRAWS, phi_interval, posterior_draws, subsample_sizes, subsamples
from lightning_iit.tpm.nulls import surrogates


def judged(counts: Counts, judge: Judge | None, *, kind="observational", seed=4, state=(1, 0, 0)) -> PhiTask:
    return PhiTask(
        layer="rnn", epoch=3, global_step=40, counts=counts, prior=0.5, states=(state,), kind=kind, axis="time", judge=judge,
        pictures=False, seed=seed,
    )  # fmt: skip


@pytest.mark.parametrize("null", ["cut", "shuffle"])
def test_the_null_of_a_task_is_that_of_its_counts_state_and_seed(null):
    counts = watched(BASIC, 800, 0)
    phi = phi_of_counts(counts, (1, 0, 0))
    *_, found = judge_phi(judged(counts, Judge(null=null)), phi)
    values = sorted(phi_of_counts(part, (1, 0, 0)) for part in surrogates(counts, null, number=19, seed=4))
    assert found.null.values == pytest.approx(values)
    assert (found.null.name, found.null.surrogates, found.null.seed) == (null, 19, 4)
    assert found.null.mean == pytest.approx(np.mean(values))
    assert found.null.upper == pytest.approx(max(values))
    assert found.null.p == pytest.approx((1 + sum(value >= phi - 1e-9 for value in values)) / 20)
    assert found.scalars == {
        "phi_null_mean": found.null.mean,
        "phi_null_95": found.null.upper,
        "phi_excess": pytest.approx(phi - np.mean(values)),
        "phi_p": found.null.p,
    }
    assert (found.interval, found.curve, found.sensitivity) == (None, (), ())


def test_surrogates_of_a_perturbed_task_have_as_many_transitions_as_there_were_draws():
    # Each of the 8 states was set 128 times, so that is what N[s] is in each surrogate.
    rng = np.random.default_rng(0)
    ons = rng.binomial(128, BASIC)
    counts = Counts(visits=(128,) * 8, on=tuple(map(tuple, ons.tolist())), joint=())
    phi = phi_of_counts(counts, (1, 0, 0))
    *_, found = judge_phi(judged(counts, Judge(), kind="causal"), phi)
    drawn = surrogates(counts, "cut", number=19, seed=4)
    assert all(part.visits == (128,) * 8 for part in drawn)
    assert found.null.values == pytest.approx(sorted(phi_of_counts(part, (1, 0, 0)) for part in drawn))
    assert found.null.p == 0.05


def test_the_interval_of_a_task_is_that_of_its_posterior_draws():
    counts = watched(BASIC, 800, 0)
    phi = phi_of_counts(counts, (1, 0, 0))
    *_, found = judge_phi(judged(counts, Judge(interval_draws=DRAWS)), phi)
    phis = [phi_of(draw, (1, 0, 0)) for draw in posterior_draws(counts, draws=DRAWS, seed=4)]
    expected = phi_interval(phi, phis, counts=counts, kind="observational", null=found.null, seed=4)
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    assert (found.scalars["phi_low"], found.scalars["phi_high"]) == (found.interval.low, found.interval.high)


def test_the_curve_of_a_task_ends_in_its_own_phi():
    counts = watched(CHAIN, 1600, 1)
    phi = phi_of_counts(counts, (0, 0, 0))
    *_, found = judge_phi(judged(counts, Judge(curve=True), state=(0, 0, 0)), phi)
    assert [point.transitions for point in found.curve] == list(subsample_sizes(1600)) == [100, 200, 400, 800, 1600]
    parts = subsamples(counts, 400, number=CURVE_PARTS, seed=4)
    values = [value for part in parts if (value := phi_of_counts(part, (0, 0, 0))) is not None]
    assert (found.curve[2].low, found.curve[2].high) == pytest.approx((min(values), max(values)))
    assert found.curve[-1].mean == pytest.approx(phi)


def test_phi_at_other_thresholds_is_that_of_their_counts():
    counts = watched(BASIC, 800, 0)
    dead = Counts(visits=(500, *(0,) * 7), on=((0, 0, 0), *((0, 0, 0),) * 7), joint=((0, 0, 500),))
    others = tuple(
        ThresholdCounts(quantile=quantile, thresholds=(quantile,) * 3, counts=other)
        for quantile, other in [(0.4, watched(BASIC, 500, 1)), (0.6, dead)]
    )
    given = judged(counts, Judge(thresholds=others))
    first, second = run(given).sensitivity
    assert (first.quantile, first.thresholds, first.transitions, first.visited) == (0.4, (0.4,) * 3, 500, 8)
    assert first.phi == pytest.approx(phi_of_counts(others[0].counts, (1, 0, 0)))
    assert first.phi != run(given).states[0].result.phi
    assert (second.transitions, second.visited) == (500, 1)
    assert (second.phi is None) == bool(second.reason)


def test_the_number_of_analyses_is_known_before():
    counts, other = watched(BASIC, 800, 0), ThresholdCounts(quantile=0.5, thresholds=(0.0,) * 3, counts=watched(BASIC, 80, 0))
    assert analyses_for(judged(counts, None)) == 0
    assert analyses_for(judged(counts, Judge(surrogates=7))) == 7
    assert analyses_for(judged(counts, Judge(interval_draws=10, curve=True, thresholds=(other,)))) == 19 + 10 + 25 + 1


def test_nothing_is_judged_that_was_not_asked_for():
    counts = watched(BASIC, 800, 0)
    assert list(judge_phi(judged(counts, None), 0.3)) == []
    assert run(judged(counts, None)).null is None


def test_the_last_judgement_says_whether_phi_depends_on_ties():
    counts = watched(BASIC, 800, 0)
    plain, asked = (run(judged(counts, Judge(surrogates=0, ties=ties))).states[0].result for ties in (False, True))
    assert (plain.tied_purviews, plain.phi_margin, plain.phi_jitter, plain.ties_words) == (None, None, None, "")
    assert asked.tied_purviews is not None
    assert asked.phi_margin >= 0
    assert asked.phi_jitter[0] < asked.phi_jitter[1]
    assert (asked.phi, asked.cut, asked.concepts) == (plain.phi, plain.cut, plain.concepts)
    assert analyses_for(judged(counts, Judge(surrogates=7, ties=True))) == 7 + 12


def test_the_null_comes_behind_the_real_phi_and_the_rest_behind_the_null(monkeypatch):
    monkeypatch.setattr(job, "_LONG", 0.0)  # as if each analysis took long
    # What a worker has told is what is left if the rest takes too long: first the whole Φ, then its null, then one after another.
    told = []

    def report(fraction, *, state=None, partial=None):
        told.append((fraction, state, partial))

    other = ThresholdCounts(quantile=0.5, thresholds=(0.0,) * 3, counts=watched(BASIC, 300, 1))
    result = run(task(judge=Judge(interval_draws=10, curve=True, thresholds=(other,))), report)
    assert [state for _, state, _ in told if state is not None] == list(result.states)
    last_state = max(place for place, (_, state, _) in enumerate(told) if state is not None)
    partials = [partial for _, _, partial in told[last_state + 1 :]]
    known = [
        (partial.null is not None, len(partial.sensitivity), partial.interval is not None, len(partial.curve))
        for partial in partials
    ]
    assert known == [
        (False, 0, False, 0), (True, 0, False, 0), (True, 1, False, 0), (True, 1, True, 0), (True, 1, True, 5),
    ]  # fmt: skip
    before = partials[0]
    assert before.scalars["phi"] == result.states[0].result.phi
    nulls = {"phi_null_mean", "phi_null_95", "phi_excess", "phi_p"}
    assert set(partials[1].scalars) - set(before.scalars) == nulls
    assert set(result.scalars) - set(before.scalars) == {*nulls, "phi_low", "phi_high"}
    assert set(before.images) == {"tpm", "mip"}
    # The pictures are drawn anew with the null in their caption.
    assert before.images["tpm"] != result.images["tpm"]
    assert before.images["mip"] != result.images["mip"]


def test_a_null_that_cannot_be_made_costs_no_phi():
    counts = Counts(visits=(128,) * 8, on=((64, 64, 64),) * 8, joint=())
    result = run(judged(counts, Judge(null="shuffle")))
    assert isinstance(result.states[0].result, Computed)
    assert result.null is None
    assert any(note.startswith("Could not make what Φ is judged by: InvalidArgumentError: null='shuffle'") for note in result.notes)


# --- the budget -------------------------------------------------------------------------------------------------------


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def never() -> tuple[ThresholdCounts, ...]:
    pytest.fail("other thresholds were counted for a Φ that is not the last")


GIVEN = task()
OTHERS = tuple(ThresholdCounts(quantile=q, thresholds=(q,) * 3, counts=GIVEN.counts) for q in (0.4, 0.5, 0.6))


def test_nulls_have_their_share_of_the_time():
    clock = Clock()
    budget = Budget(surrogates=10, share=0.25, clock=clock)
    assert budget.judge(GIVEN, 1.0) is None, "no time has passed"
    clock.seconds += 39.0
    assert budget.judge(GIVEN, 1.0) is None, "10 s are more than a quarter of 39"
    clock.seconds += 2.0
    assert budget.judge(GIVEN, 1.0) == Judge(null="cut", surrogates=10)
    assert budget.judge(GIVEN, 1.0) is None, "10 of 10.25 s are spent"
    assert budget.judge(GIVEN, 0.02) == Judge(null="cut", surrogates=10), "there is room for what is quick"
    clock.seconds += 40.0
    assert budget.judge(GIVEN, 1.0) is not None
    spent = [budget.judge(GIVEN, 1.0) is not None for _ in range(5)]
    assert spent == [False] * 5
    share = Budget(surrogates=10, share=0.0, clock=clock)
    clock.seconds += 1e6
    assert share.judge(GIVEN, 1.0) is None


def test_other_thresholds_of_each_phi_have_their_share_too():
    clock = Clock()
    budget = Budget(surrogates=10, share=0.25, thresholds=True, clock=clock)
    assert budget.judge(GIVEN, 1.0, never) is None, "no time has passed"
    clock.seconds += 13.0
    assert budget.judge(GIVEN, 1.0, lambda: OTHERS) == Judge(surrogates=0, thresholds=OTHERS), "3 s are a quarter of 12, 10 not"
    clock.seconds += 41.0
    assert budget.judge(GIVEN, 1.0, never) == Judge(null="cut", surrogates=10), "13 of 13.5 s are spent"
    assert Budget(share=1e9, clock=clock).judge(GIVEN, 1e-9, never) is None


def test_over_many_epochs_the_share_is_kept_and_spread():
    clock = Clock()
    budget = Budget(surrogates=19, share=0.25, clock=clock)
    epochs = []
    for _ in range(200):
        clock.seconds += 10.0
        epochs.append(budget.judge(GIVEN, 0.5) is not None)
    assert sum(epochs) * 19 * 0.5 <= 0.25 * 2000
    assert 50 <= sum(epochs) <= 52
    for first in range(0, 200, 20):
        assert 4 <= sum(epochs[first : first + 20]) <= 6, "not all at the beginning"


def test_the_last_phi_is_always_judged():
    budget = Budget(share=0.0, clock=Clock())
    everything = budget.judge_last(GIVEN, 0.001, lambda: OTHERS)
    assert everything == Judge(null="cut", surrogates=19, interval_draws=DRAWS, curve=True, thresholds=OTHERS, ties=True)
    # 3 analyses are within 30 s, 100 are not.
    assert budget.judge_last(GIVEN, 5.0, lambda: OTHERS) == Judge(null="cut", surrogates=19, thresholds=OTHERS)
    assert budget.judge_last(GIVEN, 100.0, never) == Judge(null="cut", surrogates=19)


def test_what_is_never_judged():
    one = msgspec.structs.replace(GIVEN, states=((1,),))
    for budget, given in [(Budget(null=None), GIVEN), (Budget(share=1e9), one)]:
        assert budget.judge(given, 1e-9) is None
        assert budget.judge_last(given, 1e-9, never) is None
