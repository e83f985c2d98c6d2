"""``preset="paper"``: what it sets, that what is given wins, and what a run with it has."""

from __future__ import annotations

import json

import pytest
from jsonargparse import ArgumentParser
from lightning.pytorch import Callback
from models import Gru, Mlp, sequence_data
from training import train, trainer

from lightning_iit import IITCallback, InvalidArgumentError


def chosen(callback):
    return callback.surrogates, callback.groups, callback.states, callback.extra_budget


def test_it_sets_options_and_what_is_given_wins():
    assert chosen(IITCallback()) == (19, "auto", "auto", 0.25)
    assert chosen(IITCallback(preset="paper")) == (199, 80, "all", 1.0)
    given = {"surrogates": 19, "groups": "auto", "states": "auto", "extra_budget": 0.25}  # explicit, though at their defaults
    assert chosen(IITCallback("net.1", preset="paper", **given)) == (19, "auto", "auto", 0.25)
    assert chosen(IITCallback(preset="paper", groups=30, states="mode")) == (199, 30, "mode", 1.0)
    assert repr(IITCallback(preset="paper")) == (
        "IITCallback(groups=80, states='all', surrogates=199, extra_budget=1.0, preset='paper')"
    )


@pytest.mark.parametrize(
    "options", [{"units": [0, 1, 2]}, {"units": 6}, {"units": 3, "bits": 2}, {"selection": "clusters"}, {"transitions": "depth"}]
)
def test_groups_are_left_where_several_cannot_be_or_cost_too_much(options):
    assert chosen(IITCallback(preset="paper", **options)) == (199, "auto", "all", 1.0)


def test_it_works_from_lightning_cli_which_gives_every_option():
    parser = ArgumentParser()
    parser.add_argument("--callback", type=Callback)
    given = {"class_path": "lightning_iit.IITCallback", "init_args": {"preset": "paper", "states": "last"}}
    made = parser.instantiate(parser.parse_object({"callback": given})).callback
    assert chosen(made) == (199, 80, "last", 1.0)


def test_another_name_is_refused_before_training(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"preset='papers'.* choose 'paper' or None"):
        trainer(tmp_path, IITCallback(preset="papers")).fit(Mlp(), [])


@pytest.mark.slow
def test_a_run_with_it(tmp_path):
    """A watched and a perturbed layer; the budget is without end, so that the clock decides nothing."""
    watched = train(tmp_path / "a", preset="paper", extra_budget=1e9, null_model="cut", units=3, epochs=2)
    assert [(record.null.surrogates, len(record.sensitivity) > 0) for record in watched.records] == [(199, True)] * 3
    assert {len(record.survey.groups) for record in watched.records} == {80}
    options = json.loads(next((tmp_path / "a").rglob("options.json")).read_text())
    assert (options["preset"], options["surrogates"], options["groups"]) == ("paper", "199", "80")
    given = {"preset": "paper", "extra_budget": 1e9, "groups": 2, "null_model": "auto"}
    perturbed = train(tmp_path / "b", model=Gru(8), data=sequence_data(), layers="net.gru", units=3, epochs=2, **given)
    assert [(record.null, len(record.sensitivity) > 0) for record in perturbed.records] == [(None, True)] * 3
    plain = train(tmp_path / "c", extra_budget=1e9, units=3, epochs=2, null_model="cut")
    assert [len(record.sensitivity) > 0 for record in plain.records] == [False, False, True]
