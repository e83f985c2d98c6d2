"""Did training change Φ? The numbers of the answer against a direct computation, and its words for each kind of outcome."""

from __future__ import annotations

import math
from itertools import combinations, product

import msgspec
import numpy as np
import pytest
from sample_records import a_record

from lightning_iit import InvalidArgumentError, change
from lightning_iit.comparison.change import between, changes
from lightning_iit.comparison.exchanges import error_times, signed_rank
from lightning_iit.records import Counts, Skipped, Survey, SurveyGroup, Units
from lightning_iit.report.answers import answers
from lightning_iit.run.request import with_change


def surveyed(layer="gru", epoch=-1, *, phis=(), visits=(), se=None, transitions=1000, **changes):
    """A record whose group ``g`` has Φ ``phis[g]`` in the states OFF and ON, visited ``visits[g]`` times."""
    groups = tuple(
        SurveyGroup(
            units=Units(indices=(number,), width=99, selection="random"),
            counts=Counts(visits=(transitions, 0), on=((0,), (0,)), joint=()),
            states=((0,), (1,)),
            phis=each,
            visits=weights,
        )
        for number, (each, weights) in enumerate(zip(phis, visits, strict=True))
    )
    known = [group.phi for group in groups if group.phi is not None]
    survey = Survey(phi=sum(known) / len(known) if known else None, groups=groups, se=se)
    return a_record(layer, epoch, **{"kind": "causal", "survey": survey, **changes})


def two(step=0.1, *, groups=8, se=None, seed=0, layer="gru", spread=0.02, **changes):
    """The records of two epochs; Φ of each group rises by ``step`` and noise."""
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.1, 0.3, (groups, 2))
    after = before + step + rng.normal(0, spread, (groups, 1))
    made = []
    for epoch, phis in ((-1, before), (4, after)):
        visits = [tuple(map(int, row)) for row in rng.integers(1, 50, (groups, 2))]
        made.append(surveyed(layer, epoch, phis=[tuple(map(float, row)) for row in phis], visits=visits, se=se, **changes))
    return made


def cut_off(record, groups):
    """The record with a survey that was ended after so many groups."""
    left = [msgspec.structs.replace(group, phis=()) for group in record.survey.groups[groups:]]
    survey = Survey(groups=(*record.survey.groups[:groups], *left), interval_words="Of 8 groups 3 were analysed.")
    return msgspec.structs.replace(record, survey=survey)


@pytest.mark.parametrize("side", [0, 1])
def test_of_a_survey_that_was_not_finished_the_groups_of_both_epochs_are_compared(side):
    records = two(0.02)
    expected = change([msgspec.structs.replace(one, survey=Survey(phi=0.1, groups=one.survey.groups[:3])) for one in records])
    records[side] = cut_off(records[side], 3)
    found = change(records)
    assert (found.before, found.after, found.groups, found.up, found.by_tpm) == (
        *(expected.before, expected.after, 3),
        *(expected.up, expected.by_tpm),
    )
    assert (found.left_out, expected.left_out) == (5, 0)
    assert "5 more have no Φ at one of the epochs" in found.words
    assert "more have no Φ" not in expected.words
    records[side] = cut_off(two(0.02)[side], 7)
    assert "1 more has no Φ at one of the epochs" in change(records).words


def test_an_epoch_that_was_surveyed_to_the_end_goes_before_a_later_one_that_was_not():
    records = two(0.02)
    records.append(msgspec.structs.replace(cut_off(records[1], 3), epoch=5))
    assert [change(records).to, change(records, to=5).to] == [4, 5]
    del records[1]
    assert change(records).to == 5


def test_no_change_is_logged_of_a_part_of_the_groups():
    one, other = two(0.02)
    assert "phi_change" in with_change(other, one).scalars
    assert with_change(cut_off(other, 3), one) == cut_off(other, 3)
    assert with_change(other, cut_off(one, 3)) == other


def test_the_numbers_are_those_of_a_direct_computation():
    records = two(0.02, se=0.003)
    found = change(records)
    sides = []
    for record in records:
        phis = np.array([group.phis for group in record.survey.groups])
        sides.append((phis, np.array([group.visits for group in record.survey.groups], dtype=float)))
    (before, weights), (after, later) = sides
    each = [(phi * w).sum(1) / w.sum(1) for phi, w in ((before, weights), (after, later), (after, weights))]
    assert (found.before, found.after) == pytest.approx((each[0].mean(), each[1].mean()))
    assert found.difference == pytest.approx(each[1].mean() - each[0].mean())
    assert found.up == (each[1] > each[0]).sum()
    assert found.by_tpm == pytest.approx((each[2] - each[0]).mean())
    assert found.by_states == pytest.approx((each[1] - each[2]).mean())
    assert found.noise == pytest.approx(2 * 0.003)
    differences = each[1] - each[0]
    ranks = np.argsort(np.argsort(abs(differences))) + 1
    sums = np.array([np.dot(ranks, signs) for signs in product((0, 1), repeat=len(ranks))])
    here = ranks[differences > 0].sum()
    assert found.p == pytest.approx(min(1.0, 2 * min((sums <= here).mean(), (sums >= here).mean())))
    assert found.p_smallest == pytest.approx(2 / 2**8)
    assert (found.layer, found.epoch, found.to, found.groups, found.layers) == ("gru", -1, 4, 8, 1)


def test_several_layers_are_corrected_by_holm_and_one_must_be_named():
    records = [*two(0.1, layer="a"), *two(0.01, layer="b", seed=3), *two(0.1, layer="c", groups=2)]
    alone = {layer: change([one for one in records if one.layer == layer]).p for layer in "abc"}
    small, large = sorted((alone["a"], alone["b"]))
    together = changes(records)
    assert sorted((together["a"].p, together["b"].p)) == pytest.approx([2 * small, max(2 * small, large)])
    assert alone["c"] is together["c"].p is None  # two groups have no p, and are not counted
    assert together["a"].p_smallest == pytest.approx(2 * 2 / 2**8)
    assert change(records, "a") == together["a"]
    assert "corrected for 2 layers" in together["a"].words
    with pytest.raises(InvalidArgumentError, match="'a', 'b', 'c'"):
        change(records)
    with pytest.raises(InvalidArgumentError, match="'a', 'b', 'c'"):
        change(records, "d")
    with pytest.raises(InvalidArgumentError, match="none yet"):
        change([])


@pytest.mark.parametrize(
    ("records", "begin", "further"),
    [
        (two(0.1, se=0.001), "Φ of the layer rose from 0.", ["8 of 8 groups rose", "p = 0.008, smallest possible 0.0078"]),
        (two(-0.1, se=0.001), "Φ of the layer fell from 0.", ["0 of 8 groups rose", "seeds not compared"]),
        (two(0.1, groups=20), "Φ of the layer rose", ["p < 0.001, smallest possible 1.9e−6, for these groups of this network"]),
        (two(0.1, se=0.06), "Φ of the layer did not change by more than noise", ["two halves of the same data differ by 0.1200"]),
        (two(0.0, se=0.0001, spread=0.1), "Whether Φ of the layer changed cannot be told", ["in the untrained network"]),
        (two(0.1, groups=5), "Φ of the layer went from 0.", ["(5 of 5 groups rose; no p-value, since fewer than 6 groups differ:"]),
        (
            two(0.1, groups=1),
            "Φ of the analysed units went from 0.",
            ["(no p-value, since this is a single group of units; seeds not"],
        ),
        (two(0.1, groups=5, se=0.06), "Φ of the layer did not change by more than noise", ["5 of 5 groups rose; no p-value"]),
        (two(0.1, kind="observational"), "Φ of the layer rose", ["watched, not set", "not of causes"]),
    ],
)
def test_the_words_claim_no_more_than_the_numbers_carry(records, begin, further):
    words = change(records).words
    assert words.startswith(begin), words
    for part in further:
        assert part in words, (part, words)
    assert "comes from the TPM" in words


@pytest.mark.parametrize("changes_", [{"kind": "statistical"}, {"kind": "observational", "structural_phi": 0.0}])
def test_units_without_connections_show_no_change_of_integration(changes_):
    found = change(two(0.1, groups=20, **changes_))
    assert found.words.startswith("There is nothing to change: ")
    assert "by structure their Φ is 0, before training and after." in found.words
    assert "rose" not in found.words
    assert found.scalars == {}
    assert found.p is found.p_smallest is None
    assert change(two(0.1, groups=20)).scalars.keys() == {"phi_change", "phi_change_p"}


@pytest.mark.parametrize("changes_", [{"kind": "statistical"}, {"kind": "observational", "structural_phi": 0.0}])
def test_a_layer_whose_structural_phi_is_0_does_not_make_the_p_of_another_larger(changes_):
    alone = two(0.1)
    both = changes([*alone, *two(0.1, groups=20, layer="relu", **changes_)])
    assert both["gru"] == change(alone)
    assert both["gru"].layers == 1
    assert "corrected" not in both["gru"].words


def test_watched_epochs_of_different_length_are_not_told_apart():
    before, _ = two(0.1, kind="observational", transitions=100)
    _, after = two(0.1, kind="observational", transitions=1000)
    words = change([before, after]).words
    assert words.startswith("Whether Φ of the layer changed cannot be told")
    assert change([before, after]).p is not None
    (before, _), (_, after) = (two(0.1, groups=5, kind="observational", transitions=many) for many in (100, 1000))
    assert change([before, after]).words.startswith("Whether Φ of the layer changed cannot be told")
    assert "larger from fewer transitions, and there were 100 before and 1,000 after" in words


def test_a_state_that_has_no_phi_now_leaves_the_parts_open():
    before, after = two()
    groups = list(after.survey.groups)
    groups[3] = msgspec.structs.replace(groups[3], phis=(groups[3].phis[0], None))
    found = between(before, msgspec.structs.replace(after, survey=msgspec.structs.replace(after.survey, groups=tuple(groups))))
    assert found.by_tpm is found.by_states is None
    assert found.groups == 8
    assert "comes from the TPM" not in found.words
    assert "The two are not of the same states, so it is not known how much" in found.words


def test_the_error_of_a_narrow_layer_is_taken_twice():
    """Where the groups are mostly the same units, what thresholds do to a unit does not average out."""
    groups = list(combinations(range(8), 4))[:20]
    assert (error_times(groups), error_times([[4 * unit for unit in group] for group in groups[:3]])) == (2.0, 1.5)
    assert error_times([(unit,) for unit in range(8)] * 5) == 1.5
    found = {}
    for times, units in ((1.5, [(unit,) for unit in range(20)]), (2.0, groups)):
        records = []
        for one in two(0.02, groups=20, se=0.03):
            named = [Units(indices=indices, width=99, selection="random") for indices in units]
            grouped = [msgspec.structs.replace(group, units=of) for group, of in zip(one.survey.groups, named, strict=True)]
            records.append(msgspec.structs.replace(one, survey=msgspec.structs.replace(one.survey, groups=tuple(grouped))))
        found[times] = change(records)
        expected = of_mean(found[times].difference, times * 0.03 * 2**0.5)
        assert (found[times].p, found[times].error_times, found[times].p_by_error) == (pytest.approx(expected), times, True)
    assert found[1.5].difference == found[2.0].difference


def test_what_cannot_be_compared_is_said_with_what_can():
    untrained, trained = two()
    skipped = a_record("gru", 7, result=Skipped(code="no_unit_varies", reason="No unit varied."))
    records = [untrained, trained, skipped]
    with pytest.raises(InvalidArgumentError, match=r"epoch 7 has no Φ of the layer \(No unit varied\.\)\. .*compared: -1, 4\."):
        change(records, to=7)
    with pytest.raises(InvalidArgumentError, match=r"epoch -1 is not in the records of this run\. .*compared: 4\."):
        change([trained])
    with pytest.raises(InvalidArgumentError, match=r"epoch 5 is not in the records"):
        change(records, epoch=4)
    with pytest.raises(InvalidArgumentError, match=r"not surveyed, as in version 0\.1\.0\)\. Epochs that can be compared: none"):
        change([a_record("gru", -1), a_record("gru", 0)])
    with pytest.raises(InvalidArgumentError, match=r"observational .* which cannot be compared"):
        change([untrained, *two(kind="observational")[1:]])
    moved = [
        msgspec.structs.replace(one, units=Units(indices=(50 + i,), width=99, selection="random"))
        for i, one in enumerate(trained.survey.groups)
    ]
    other = msgspec.structs.replace(trained, survey=msgspec.structs.replace(trained.survey, groups=tuple(moved)))
    with pytest.raises(InvalidArgumentError, match="no group of the same units"):
        change([untrained, other])
    later = [trained, msgspec.structs.replace(trained, epoch=6)]
    assert changes(later) == {}
    assert changes(later, epoch=None)["gru"].epoch == 4
    assert "from 0." in answers(later)["gru"]
    assert "at epoch 4 to" in answers(later)["gru"]


# --- the error that groups share ----------------------------------------------------------------------------------------


def of_mean(difference, error):
    """The two-sided p of a mean with a normal error."""
    return math.erfc(abs(difference) / error / math.sqrt(2))


def test_p_is_not_smaller_than_that_of_the_mean_against_the_error_of_the_data():
    found = change(two(0.1, groups=20, se=0.04))
    assert found.p == pytest.approx(of_mean(found.difference, 1.5 * 0.04 * 2**0.5))
    assert found.p_by_error
    beside = "the mean change beside the uncertainty of the data, which is common to all groups:"
    assert f"{beside} p = {found.p:.3f}, smallest possible 1.9e−6" in found.words
    small = change(two(0.1, groups=20, se=0.001))
    assert small.p < 1e-5
    assert not small.p_by_error
    assert "paired Wilcoxon p < 0.001" in small.words


def test_an_epoch_that_was_not_resampled_is_taken_to_have_the_error_of_the_other():
    (before, _), (_, after) = two(0.1, groups=20, se=0.05), two(0.1, groups=20)
    found = change([before, after])
    assert found.p == pytest.approx(of_mean(found.difference, 1.5 * 0.05 * 2**0.5))
    assert found.noise is None


def test_without_resamples_the_error_of_the_data_is_taken_as_the_largest_that_was_measured():
    apart = (np.array([0.4, 0.5, -0.2, 0.3, 0.1, 0.6, 0.2, -0.1]) / 10).tolist()
    found = signed_rank(apart, error=None)
    assert found.p == pytest.approx(of_mean(np.mean(apart), 2.2 * np.std(apart, ddof=1) / 8**0.5))
    assert found.by_error
    assert found.p > 2 * signed_rank(apart, error=0.0).p


@pytest.mark.parametrize("known", [True, False])
def test_an_error_that_all_groups_share_is_no_change(known):
    """Without a change of any group, p <= 0.05 comes about as often as it should; in Wilcoxon's test alone far more often."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(0, 0.4, (400, 1)) + rng.normal(0, 1, (400, 20))
    error = float(np.hypot(0.4, 1 / 20**0.5)) if known else None
    alone, together = (np.mean([signed_rank(row, error=each).p <= 0.05 for row in drawn.tolist()]) for each in (0.0, error))
    assert alone > 0.15
    assert together <= 0.07
