"""A layer's survey in a worker: each of its numbers against a computation of its own, Φ by Φ with the public function."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from msgspec.structs import replace
from tasks import task

from lightning_iit import System, compute_phi
from lightning_iit.job.survey import survey
from lightning_iit.records import Counts, SurveyGroup, Units

N, RESAMPLES = 3, 40
STATES = [code[::-1] for code in product((0, 1), repeat=N)]
"""All states, in the order of their indices."""


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
    return given, drawn, survey(given, {})


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
    found = survey(replace(given, survey=(group,), resampled=(tpms.tobytes(),)), {}).survey
    assert found.groups[0].phis == pytest.approx((0.0,) * 4, abs=1e-9)
    assert found.positive == found.groups[0].positive == 10 / RESAMPLES
    assert found.low == pytest.approx(0.0, abs=1e-9)


def test_phis_that_are_known_are_taken_and_a_group_that_fails_costs_no_other_one_its_phi(surveyed):
    given, _, found = surveyed
    assert survey(given, {(1, 0, 0): 7.0}).survey.groups[0].phis[0] == 7.0
    broken = replace(given.survey[1], cm=((1,),))
    other = survey(replace(given, survey=(given.survey[0], broken, given.survey[2])), {}).survey
    assert other.groups[1].phi is None
    assert other.groups[1].reason.startswith("InvalidSystemError: ")
    assert [other.groups[n] for n in (0, 2)] == [found.survey.groups[n] for n in (0, 2)]
    assert other.phi == pytest.approx(np.mean([found.survey.groups[n].phi for n in (0, 2)]))


@pytest.mark.parametrize("number", [0, 19])
def test_of_too_few_resamples_there_is_no_interval(surveyed, number):
    given, drawn, found = surveyed
    few = tuple(each[:number].tobytes() for each in drawn) if number else ()
    without = survey(replace(given, resampled=few), {})
    assert (without.survey.se, without.survey.low, without.survey.high, without.interval) == (None,) * 4
    assert without.survey.interval_words == "interval not computed"
    assert without.survey.phi == found.survey.phi
