"""A layer's survey in a worker: each of its numbers against a computation of its own, Φ by Φ with the public function."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from msgspec.structs import replace
from tasks import task

from lightning_iit import System, compute_phi
from lightning_iit.job.formalisms import together
from lightning_iit.job.job import run
from lightning_iit.job.survey import UNMOVED, survey
from lightning_iit.phi.iit4 import systems
from lightning_iit.phi.iit4.search import minimum
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.records import Computed, Counts, EngineInfo, PhiOptions, SurveyGroup, Units

N, RESAMPLES = 3, 40
STATES = [code[::-1] for code in product((0, 1), repeat=N)]
"""All states, in the order of their indices."""


def last(given, known=None):
    """The survey of all groups."""
    *_, found = survey(given, known or {})
    return found[given.options.formalism]


def phi_of(tpm, state):
    return compute_phi(System(tpm=tpm, state=state)).phi


def a_group(number, rng, visits):
    """A group of units with a random TPM of 200 backgrounds; ``visits`` by state."""
    return SurveyGroup(
        units=Units(indices=(number, number + 1, number + 2), width=9, selection="random"),
        counts=Counts(visits=(200,) * 8, on=tuple(map(tuple, rng.integers(20, 180, (8, N)).tolist())), joint=()),
        states=tuple(visits),
        visits=tuple(visits.values()),
    )


@pytest.fixture(scope="module")
def surveyed():
    """A task of three groups with resamples, and its survey."""
    rng = np.random.default_rng(5)
    visits = [
        {(1, 0, 0): 90, (0, 1, 1): 60, (1, 1, 1): 30, (0, 0, 0): 0},
        {(0, 0, 1): 20, (1, 1, 0): 70, (0, 1, 0): 5},
        {(1, 0, 1): 11, (0, 0, 0): 10},
    ]
    groups = [a_group(number, rng, one) for number, one in enumerate(visits)]
    drawn = [np.clip(np.array(one.counts.on) / 200 + rng.normal(0, 0.03, (RESAMPLES, 8, N)), 0, 1) for one in groups]
    given = task(N, kind="causal", states=((1, 0, 0),), survey=tuple(groups), resampled=tuple(each.tobytes() for each in drawn))
    return given, drawn, last(given)


def most_visited(group):
    """The two most visited states of a group, with their visits."""
    return sorted(zip(group.visits, group.states, strict=True), reverse=True)[:2]


def resampled_mean(group, drawn):
    """The mean Φ of the two most visited states of each resample."""
    weights, states = zip(*most_visited(group), strict=True)
    return np.array([np.average([phi_of(tpm, state) for state in states], weights=weights) for tpm in drawn])


def test_phi_of_each_group_and_state_and_their_mean_by_visits(surveyed):
    given, _, found = surveyed
    means = []
    for group, settled in zip(given.survey, found.survey.groups, strict=True):
        phis = [phi_of(np.array(group.counts.on) / 200, state) for state in group.states]
        assert settled.phis == pytest.approx(phis)
        means.append(np.average(phis, weights=group.visits))
        assert settled.phi == pytest.approx(means[-1])
        assert replace(settled, phis=(), positive=None) == group
    assert found.survey.phi == pytest.approx(np.mean(means))
    assert found.survey.spread == pytest.approx({"phi_groups_std": np.std(means), "phi_groups_max": max(means), "groups": 3})


def test_the_error_and_the_interval_of_the_mean_are_those_of_the_resamples(surveyed):
    given, drawn, found = surveyed
    apart = []
    for group, tpms in zip(given.survey, drawn, strict=True):
        (here,) = resampled_mean(group, [np.array(group.counts.on) / 200])
        apart.append(resampled_mean(group, tpms) - here)
    expected = found.survey.phi + np.mean(apart, axis=0)
    assert found.survey.resampled == pytest.approx(expected)
    assert found.survey.se == pytest.approx(np.sqrt(((expected - expected.mean()) ** 2).sum() / (RESAMPLES - 1)))
    assert (found.survey.low, found.survey.high) == pytest.approx(np.percentile(expected, [5, 95]))
    assert found.survey.low < found.survey.phi < found.survey.high


def test_the_shown_interval_and_the_positive_share_are_those_of_the_most_visited_state(surveyed):
    given, drawn, found = surveyed
    shares = []
    for group, tpms, settled in zip(given.survey, drawn, found.survey.groups, strict=True):
        state = most_visited(group)[0][1]
        phis = np.array([phi_of(tpm, state) for tpm in tpms])
        shares.append((phis > 1e-6).mean())
        assert settled.positive == pytest.approx(shares[-1])
        if group is given.survey[0]:
            assert (found.interval.low, found.interval.high) == pytest.approx(np.percentile(phis, [5, 95]))
            assert found.scalars["phi_positive"] == settled.positive
    assert found.survey.positive == pytest.approx(np.mean(shares))


def test_of_units_that_copy_themselves_the_positive_share_is_that_of_resamples_in_which_they_do_not(surveyed):
    """Units without effect on each other have Φ 0; in some of the resamples they have one."""
    given, drawn, _ = surveyed
    alone = np.where(np.array(STATES) == 1, 0.9, 0.1)
    tpms = np.where(np.arange(RESAMPLES)[:, None, None] < 10, drawn[0], alone)
    counts = Counts(visits=(200,) * 8, on=tuple(map(tuple, (200 * alone).astype(int).tolist())), joint=())
    group = replace(given.survey[0], counts=counts)
    found = last(replace(given, survey=(group,), resampled=(tpms.tobytes(),))).survey
    assert found.groups[0].phis == pytest.approx((0.0,) * 4, abs=1e-9)
    assert found.positive == found.groups[0].positive == 10 / RESAMPLES
    assert found.low == pytest.approx(0.0, abs=1e-9)


def test_phis_that_are_known_are_taken_and_a_group_that_fails_costs_no_other_one_its_phi(surveyed):
    given, _, found = surveyed
    assert (
        last(given, {(1, 0, 0): Computed(phi=7.0, engine=EngineInfo(name="fast", version="1"), seconds=0.0)})
        .survey.groups[0]
        .phis[0]
        == 7.0
    )
    broken = replace(given.survey[1], cm=((1,),))
    other = last(replace(given, survey=(given.survey[0], broken, given.survey[2]))).survey
    assert other.groups[1].phi is None
    assert other.groups[1].reason.startswith("InvalidSystemError: ")
    assert [other.groups[n] for n in (0, 2)] == [found.survey.groups[n] for n in (0, 2)]
    assert other.phi == pytest.approx(np.mean([found.survey.groups[n].phi for n in (0, 2)]))


@pytest.mark.parametrize("number", [0, 19])
def test_of_too_few_resamples_there_is_no_interval(surveyed, number):
    given, drawn, found = surveyed
    few = tuple(each[:number].tobytes() for each in drawn) if number else ()
    without = last(replace(given, resampled=few))
    assert (without.survey.se, without.survey.low, without.survey.high, without.interval) == (None,) * 4
    assert without.survey.interval_words == "interval not computed"
    assert without.survey.phi == found.survey.phi


def test_resamples_that_never_move_the_mean_give_no_interval(surveyed):
    """Where φ of the resampled states is 0 in the data and in each resample, say, that of the others was never seen to vary."""
    given, drawn, found = surveyed
    same = tuple(np.repeat(each[:1], RESAMPLES, axis=0).tobytes() for each in drawn)
    survey = last(replace(given, resampled=same)).survey
    assert (survey.se, survey.low, survey.high, survey.interval_words) == (None, None, None, UNMOVED)
    assert survey.phi == found.survey.phi > 0
    assert survey.positive == 1.0


def test_a_survey_that_is_not_finished_has_its_groups_and_no_mean(surveyed):
    given, _, found = surveyed
    first, second, whole = (made["iit3"] for made in survey(given, {}, apart=0.0))
    for number, part in enumerate((first, second), 1):
        assert part.survey.groups[:number] == found.survey.groups[:number]
        for group, asked in zip(part.survey.groups[number:], given.survey[number:], strict=True):
            assert (group.units, group.counts, group.phi) == (asked.units, asked.counts, None)
            assert "time was over" in group.reason
        assert (part.survey.phi, part.survey.se, part.survey.low, part.survey.resampled) == (None, None, None, ())
        assert f"Of 3 groups of units {number} were analysed" in part.survey.interval_words
        assert part.interval == found.interval
    assert whole == found
    assert list(survey(given, {}, apart=60.0)) == [{"iit3": found}], "a quick survey is told once"


def test_what_the_time_limit_left_of_a_survey_is_kept():
    rng = np.random.default_rng(1)
    states = dict.fromkeys(product((0, 1), repeat=5), 1)
    groups = [
        SurveyGroup(
            units=Units(indices=tuple(range(number, number + 5)), width=199, selection="random"),
            counts=Counts(visits=(200,) * 32, on=tuple(map(tuple, rng.integers(20, 180, (32, 5)).tolist())), joint=()),
            states=tuple(states),
            visits=tuple(states.values()),
        )
        for number in range(150)
    ]
    given = task(5, kind="causal", states=(groups[0].states[0],), survey=tuple(groups), pictures=False)
    pool = WorkerPool(workers=1, timeout=6.0)
    try:
        answer = pool.submit(given).result(300)
    finally:
        pool.close()
    assert not answer.complete
    assert any("Not finished within its time limit" in note for note in answer.notes)
    done = [group for group in answer.survey.groups if group.phi is not None]
    assert 0 < len(done) < 150
    assert answer.survey.phi is None
    assert answer.survey.groups[: len(done)] == tuple(done)


@pytest.mark.parametrize("first", [("iit4-2023", "iit4-2026"), ("iit3", "iit4-2023", "iit4-2026")])
def test_both_versions_of_iit4_are_surveyed_in_one_search(surveyed, monkeypatch, first):
    given, _, _ = surveyed
    asked = replace(given, options=PhiOptions(formalism=first[0]), further=first[1:], resampled=())
    searches = []

    def noted(*arguments):
        searches.append(arguments)
        return minimum(*arguments)

    monkeypatch.setattr(systems, "minimum", noted)
    found = run(asked)
    by_formalism = dict(zip(first, (found, *found.others), strict=True))
    for formalism in ("iit4-2023", "iit4-2026"):
        for group in by_formalism[formalism].survey.groups:
            counts = next(one.counts for one in given.survey if one.units == group.units)
            single = [
                compute_phi(System(tpm=np.array(counts.on) / 200, state=state), formalism=formalism) for state in group.states
            ]
            assert group.phis == tuple(one.phi for one in single)
            assert group.signed == tuple(one.signed_phi for one in single)
    by_hand = 2 * sum(len(group.states) for group in given.survey)
    first_state = 4  # the state that is shown, and its structure, by each version
    assert len(searches) == by_hand // 2 + first_state + by_hand


def test_versions_with_options_of_their_own_are_searched_apart(surveyed):
    given, _, _ = surveyed
    both = replace(given, options=PhiOptions(formalism="iit4-2023"), further=("iit4-2026",))
    assert together(both) == ("iit4-2023", "iit4-2026")
    assert together(replace(both, options=PhiOptions(formalism="iit4-2023", pyphi={"shortcircuit_sia": False}))) == ("iit4-2023",)
    assert together(replace(both, options=PhiOptions())) == ("iit3",)
