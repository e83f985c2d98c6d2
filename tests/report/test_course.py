"""What the report says of the way between two epochs, of single groups, and of what a reader might misread."""

from __future__ import annotations

import msgspec
import pytest
from sample_records import a_record

from lightning_iit.records import Counts, CurvePoint, NullResult, Survey, SurveyGroup, Units
from lightning_iit.report.course import by_group, course_words
from lightning_iit.report.report import markdown


def surveyed(epoch, *phis, **changes):
    """A record with a group of two units for each Φ."""
    groups = tuple(
        SurveyGroup(units=Units(indices=(at, at + 1), width=99, selection="random"), states=((0, 0),), visits=(1,), phis=(phi,))
        for at, phi in enumerate(phis)
    )
    return a_record("gru", epoch, **{"kind": "causal", "survey": Survey(phi=sum(phis) / len(phis), groups=groups), **changes})


@pytest.mark.parametrize(
    ("phis", "words"),
    [
        ((0.1, 0.2, 0.4, 0.3), "On the way Φ was 0.2000 after the first epoch of training, highest at epoch 1 (0.4000)."),
        ((0.3, 0.2, 0.1, 0.15), "On the way Φ was 0.2000 after the first epoch of training, lowest at epoch 1 (0.1000)."),
        (
            (0.2, 0.1, 0.4, 0.3),
            "On the way Φ was 0.1000 after the first epoch of training, highest at epoch 1 (0.4000), lowest at ",
        ),
        ((0.1, 0.3), ""),
    ],
)
def test_the_way_between_the_two_epochs_is_told(phis, words):
    records = [surveyed(epoch, phi) for epoch, phi in enumerate(phis, -1)]
    assert course_words(records).startswith(words)
    assert bool(course_words(records)) == bool(words)
    assert course_words(records) in markdown(records)


def test_without_the_untrained_network_and_turns_it_stays_between():
    assert (
        course_words([surveyed(epoch, phi) for epoch, phi in enumerate((0.1, 0.2, 0.3))]) == "On the way Φ stayed between the two."
    )


def test_a_layer_without_structural_phi_has_no_way_and_no_groups():
    records = [surveyed(epoch, phi, phi, kind="statistical") for epoch, phi in enumerate((0.1, 0.4, 0.3), -1)]
    assert course_words(records) == ""
    assert by_group(records) == []


def test_each_group_is_listed_from_the_largest_fall_to_the_largest_rise():
    records = [surveyed(-1, 0.1, 0.2, 0.3), surveyed(4, 0.3, 0.1, 0.3)]
    heading, words, table = by_group(records)
    assert heading == "### Groups (causal)"
    assert words.startswith("From the untrained network to epoch 4, from the largest fall to the largest rise: 1 fell, 1 rose.")
    assert table.splitlines()[2:] == [
        "| 1 2 | 0.2000 | 0.1000 | −0.1000 |",
        "| 2 3 | 0.3000 | 0.3000 | 0 |",
        "| 0 1 | 0.1000 | 0.3000 | +0.2000 |",
    ]
    assert by_group(records[:1]) == []


def test_of_many_groups_those_that_changed_most_are_listed():
    before, after = [0.5] * 90, [0.5 + (at - 45) / 100 for at in range(90)]
    _, words, table = by_group([surveyed(-1, *before), surveyed(0, *after)])
    assert "45 fell, 44 rose. The 50 that changed least are left out." in words
    rows = table.splitlines()[2:]
    assert len(rows) == 40
    assert rows[0].endswith("| −0.4500 |")
    assert rows[-1].endswith("| +0.4400 |")


@pytest.mark.parametrize(
    ("mean", "said"),
    [
        (0.5, "Here it still falls, from 0.5000 of 500 transitions to"),
        (0.3, "Here it seems still to fall"),
        (0.2, "Here it falls no more"),
    ],
)
def test_the_curve_has_a_verdict(mean, said):
    counts = Counts(visits=(500, 500), on=((0,), (0,)), joint=())
    record = a_record(
        "relu", counts=counts, curve=(CurvePoint(transitions=500, subsamples=5, mean=mean, low=mean - 0.1, high=0.9),)
    )
    record = msgspec.structs.replace(record, result=msgspec.structs.replace(record.result, phi=0.25))
    assert said in markdown([record])


def test_a_watched_number_within_its_null_says_so():
    nulls = [NullResult(name="cut", surrogates=19, mean=0.01, upper=0.03, excess=0.2, p=p, seed=0) for p in (0.9, 0.02)]
    low, high = (a_record("relu", kind="statistical", null=null) for null in nulls)
    words = "This one is no more than such data give without integration (p = 0.900"
    assert words in markdown([low])
    assert "no more than such data give" not in markdown([high])


def test_only_symbols_of_the_formalisms_that_were_run_head_the_table():
    assert "| formalism | Φ of the layer |" in markdown([a_record()])
    assert "φ_s" not in markdown([a_record()])


def test_the_overview_has_the_structural_phi_first():
    row = "| `relu` | 0 | IIT 3.0 | 0 by structure (data: "
    assert row in markdown([a_record("relu", kind="statistical", structural_phi=0.0)])
    assert row not in markdown([a_record("relu", kind="observational")])
