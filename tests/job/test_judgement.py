"""What a Φ is judged by: the null of a task by hand, what the budget has room for, and what the last Φ has besides."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from chains import BASIC, CHAIN, phi_of, phi_of_counts, walk, watched
from tasks import task

from lightning_iit import System, compute_phi
from lightning_iit.job import job
from lightning_iit.job.job import run
from lightning_iit.job.judgement import analyses_for, judge_phi
from lightning_iit.job.numbers import CURVE_PARTS
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, Counts, Judge, PhiOptions, PhiTask, SurveyGroup, ThresholdCounts, Units
from lightning_iit.run.budget.judgements import Budget
from lightning_iit.tpm.counts import dynamics_from_codes
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.tpm.intervals import DRAWS, phi_interval, posterior_draws, subsample_sizes, subsamples
from lightning_iit.tpm.nulls import surrogates
from lightning_iit.tpm.parts import resampled_parts, some_parts


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


@pytest.mark.parametrize("formalism", ["iit3", "iit4-2023"])
def test_the_judgement_of_a_candidate_system_is_of_its_nodes(formalism):
    """Null, interval and curve of a watched layer with ``nodes=``: each Φ is that of the candidate, with the rest as background."""
    state, counts = (1, 0, 0), watched(BASIC, 800, 0)

    def of_nodes(tpm):
        return compute_phi(System(tpm=tpm, state=state), formalism=formalism, nodes=[0, 2]).phi

    def of_counts(part):
        return of_nodes(tpm_for_phi(part, 0.5).state_by_node)

    options = PhiOptions(formalism=formalism, nodes=(0, 2))
    asked = msgspec.structs.replace(judged(counts, Judge(interval_draws=DRAWS, curve=True)), options=options)
    phi = of_counts(counts)
    *_, found = judge_phi(asked, phi)
    expected = sorted(of_counts(part) for part in surrogates(counts, "cut", number=19, seed=4))
    assert found.null.values == pytest.approx(expected, abs=1e-9)
    drawn = [of_nodes(draw) for draw in posterior_draws(counts, draws=DRAWS, seed=4)]
    interval = phi_interval(phi, drawn, counts=counts, kind="observational", null=found.null, seed=4)
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert found.curve[-1].mean == pytest.approx(phi, abs=1e-9)


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


def in_parts(transitions: int, seed: int) -> PhiTask:
    """A task of a chain with the parts of its data, whose interval and curve are wanted."""
    counts, dynamics = dynamics_from_codes([walk(BASIC, transitions + 1, np.random.default_rng(seed))], units=3)
    given = judged(counts, Judge(surrogates=0, interval_draws=DRAWS, curve=True))
    return msgspec.structs.replace(given, dynamics=dynamics)


def test_the_interval_of_data_in_parts_is_that_of_resampled_parts():
    given = in_parts(2048, 0)
    phi = phi_of_counts(given.counts, (1, 0, 0))
    *_, found = judge_phi(given, phi)
    phis = [phi_of_counts(drawn, (1, 0, 0)) for drawn in resampled_parts(given.dynamics.parts, DRAWS, seed=4)]
    expected = phi_interval(phi, phis, counts=given.counts, kind="observational", null=None, parts=64, seed=4)
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    assert found.interval.parts == 64
    assert [point.transitions for point in found.curve] == [128, 256, 512, 1024, 2048]
    subsets = [phi_of_counts(subset, (1, 0, 0)) for subset in some_parts(given.dynamics.parts, 0.25, number=CURVE_PARTS, seed=4)]
    assert (found.curve[2].low, found.curve[2].high) == pytest.approx((min(subsets), max(subsets)))
    assert found.curve[-1].mean == pytest.approx(phi)


@pytest.mark.parametrize(("parts", "resampled"), [(20, True), (19, False)])
def test_of_fewer_than_20_parts_the_posterior_takes_the_place(parts, resampled):
    given = in_parts(2048, 0)
    few = msgspec.structs.replace(given.dynamics, parts=given.dynamics.parts[:parts])
    *_, found = judge_phi(msgspec.structs.replace(given, dynamics=few), 0.2)
    assert found.interval.parts == (parts if resampled else 0)
    *_, without = judge_phi(msgspec.structs.replace(given, dynamics=None), 0.2)
    assert (found == without) == (not resampled)


def test_parts_are_not_stored_and_a_task_without_them_is_read():
    given = in_parts(400, 0)
    stored = given.stored
    assert (stored.dynamics.parts, stored.dynamics.halves) == ((), given.dynamics.halves)
    old = msgspec.to_builtins(stored)
    del old["dynamics"]["parts"]
    assert msgspec.convert(old, PhiTask) == stored
    assert judged(given.counts, None).stored.dynamics is None


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
    assert set(before.images) == {"tpm", "tpm.svg", "tpm_small", "mip", "mip.svg", "mip_small"}
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


def surveyed_by(formalisms: tuple[str, ...], units: int) -> PhiTask:
    """A task of ten groups in two states."""
    states = ((0,) * units, (1,) * units)
    group = SurveyGroup(units=Units(indices=tuple(range(units)), width=20, selection="random"), states=states, visits=(9, 4))
    options = PhiOptions(formalism=formalisms[0])
    return msgspec.structs.replace(
        GIVEN, kind="causal", states=states, survey=(group,) * 10, options=options, further=formalisms[1:]
    )


def test_resamples_of_further_formalisms_are_in_the_budget():
    """50 resamples of 10 groups in two states are 1,000 analyses; both versions of IIT 4.0 take one search."""
    three = surveyed_by(("iit3", "iit4-2023", "iit4-2026"), 9)
    own, other = 0.01, get_engine("fast", "iit4-2023").seconds(9)
    clock = Clock()
    budget = Budget(share=1.0, clock=clock)
    assert budget.resamples(three, own, first=False, last=False) == (0, False), "no time has passed"
    clock.seconds += 1000 * (own + other) - 0.5
    assert budget.resamples(three, own, first=False, last=False) == (50, False), "there is time for the first formalism only"
    clock.seconds += 1000 * own + 0.6
    assert budget.resamples(three, own, first=False, last=False) == (50, True)
    assert budget.resamples(three, own, first=False, last=False) == (0, False), "all is spent"


def test_fewer_resamples_are_drawn_where_50_do_not_fit_but_at_least_20():
    task, clock = surveyed_by(("iit3",), 4), Clock()
    budget = Budget(share=0.25, clock=clock)
    assert budget.resamples(task, 0.005, first=True, last=False) == (200, True)
    clock.seconds += 7.9  # one resample takes 0.1 s, and the ends have time of their own
    assert budget.resamples(task, 0.005, first=False, last=False) == (0, False), "19 fit"
    clock.seconds += 2.3
    assert budget.resamples(task, 0.005, first=False, last=False) == (25, True)
    assert budget.resamples(task, 0.005, first=False, last=False) == (0, False), "all is spent"
    clock.seconds += 1000.0
    assert budget.resamples(task, 0.005, first=False, last=False) == (50, True)


def test_watched_units_take_nothing_of_the_budget_for_resamples_that_they_do_not_have():
    watched_units = msgspec.structs.replace(surveyed_by(("iit3",), 4), kind="observational")
    budget = Budget(share=1e9, clock=Clock())
    for first, last in [(True, False), (False, False), (False, True)]:
        assert budget.resamples(watched_units, 0.01, first=first, last=last) == (0, False)


def test_at_the_ends_all_formalisms_together_take_at_most_30_seconds():
    budget = Budget(share=0.0, clock=Clock())
    small, large = (surveyed_by(("iit3", "iit4-2026"), units) for units in (4, 10))
    assert budget.resamples(small, 0.001, first=True, last=False) == (200, True)
    assert budget.resamples(large, 0.001, first=False, last=True) == (200, False)
    assert budget.resamples(large, 1.0, first=False, last=True) == (0, False)
    assert budget.resamples(surveyed_by(("iit4-2023", "iit4-2026"), 10), 0.001, first=False, last=True) == (200, True), "one search"


def test_further_formalisms_without_resamples_say_so():
    rng = np.random.default_rng(0)
    task = surveyed_by(("iit3", "iit4-2023"), 3)
    counts = Counts(visits=(50,) * 8, on=tuple(map(tuple, rng.integers(5, 45, (8, 3)).tolist())), joint=())
    groups = tuple(msgspec.structs.replace(group, counts=counts) for group in task.survey)
    drawn = (rng.uniform(0.1, 0.9, (30, 8, 3)).tobytes(),) * len(groups)
    task = msgspec.structs.replace(task, survey=groups, resampled=drawn, pictures=False)
    for both in (True, False):
        found = run(msgspec.structs.replace(task, resample_further=both))
        (other,) = found.others
        assert found.survey is not None
        assert other.survey is not None
        assert found.survey.low is not None
        assert (other.survey.low is not None) == ("phi_low" in other.scalars) == both
        said = " ".join(other.notes)
        assert ("There is no interval by IIT 4.0 (2023): the analyses of the resamples" in said) == (not both)
