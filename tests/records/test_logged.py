"""The keys and numbers of a record, the same for every logger."""

from __future__ import annotations

import pytest
from sample_records import a_record

from lightning_iit.records import Interval, Skipped, Survey, SurveyGroup, Units
from lightning_iit.records.logged import layer_phi, logged

SURVEY = Survey(phi=0.25, se=0.01, low=0.2, high=0.3)
DETAILS = {"phi": 0.5, "coverage": 0.75}
CHANGE = {"phi_change": -0.1, "phi_change_p": 0.04}
INTERVAL = Interval(low=0.4, high=0.6, level=0.9, draws=100, seed=0, words="percentiles")


@pytest.mark.parametrize(
    ("scope", "step", "of_layer", "details"),
    [
        ("", None, "iit/{}/rnn", "iit_details/rnn/{}"),
        ("fine", None, "iit/fine/{}/rnn", "iit_details/fine/rnn/{}"),
        ("", 120, "iit/steps/{}/rnn", "iit_details/rnn/steps/{}"),
        ("fine", 120, "iit/fine/steps/{}/rnn", "iit_details/fine/rnn/steps/{}"),
    ],
)
def test_the_layer_has_few_keys_and_the_shown_group_the_others(scope, step, of_layer, details):
    record = a_record("rnn", survey=SURVEY, scalars=DETAILS | CHANGE, step=step)
    expected = {"phi": 0.25, "phi_se": 0.01, "phi_low": 0.2, "phi_high": 0.3} | CHANGE
    assert logged(record, scope) == {of_layer.format(name): value for name, value in expected.items()} | {
        details.format(name): value for name, value in DETAILS.items()
    }


@pytest.mark.parametrize("survey", [None, Survey(interval_words="No group has a Φ.")])
def test_without_a_phi_of_the_survey_it_is_the_shown_one(survey):
    record = a_record("rnn", survey=survey, scalars=DETAILS, interval=INTERVAL)
    assert layer_phi(record) == record.phi
    expected = {"iit/phi/rnn": record.phi, "iit/phi_low/rnn": 0.4, "iit/phi_high/rnn": 0.6}
    assert {key: value for key, value in logged(record).items() if key.startswith("iit/")} == expected


def test_the_mean_of_a_survey_that_was_not_finished_is_not_replaced_by_the_phi_of_one_group():
    groups = tuple(SurveyGroup(units=Units(indices=(number,), width=9, selection="random")) for number in range(2))
    record = a_record("rnn", survey=Survey(groups=groups), scalars=DETAILS, interval=INTERVAL)
    assert record.phi is not None
    assert layer_phi(record) is None
    assert logged(record) == {f"iit_details/rnn/{name}": value for name, value in DETAILS.items()}
    assert layer_phi(a_record("rnn", survey=Survey(groups=groups[:1]), scalars=DETAILS)) == record.phi, "one group is the layer's"


def test_the_interval_of_the_shown_phi_is_never_that_of_the_layer():
    record = a_record("rnn", survey=Survey(phi=0.25), interval=INTERVAL, scalars={"phi": 0.5, "phi_low": 0.4, "phi_high": 0.6})
    assert {key for key in logged(record) if key.startswith("iit/")} == {"iit/phi/rnn"}


def test_an_epoch_without_a_phi_logs_none():
    record = a_record("rnn", result=Skipped(code="no_transitions", reason="none"), states=(), scalars={"coverage": 0.5})
    assert layer_phi(record) is None
    assert logged(record) == {"iit_details/rnn/coverage": 0.5}


def test_names_that_are_not_ascii_are_in_no_key():
    assert all(key.isascii() for key in logged(a_record("Φ-layer", survey=SURVEY)))
