"""Which nulls of whole layers search the partition anew: what the budget allows, and what the record says."""

from __future__ import annotations

import numpy as np
import pytest
from lightning.pytorch import Callback, seed_everything
from models import Gru, sequence_data
from training import train

from lightning_iit.job.whole import measured_layer
from lightning_iit.records.whole.tasks import WholeSeries, WholeTask
from lightning_iit.run.budget.judgements import Budget
from lightning_iit.whole.cost import layer_seconds, one_draw, search_seconds


def asked(units: int, surrogates: int = 19, names=("stochastic_interaction", "phi_g")) -> WholeTask:
    rows = np.random.default_rng(0).standard_normal((2000, units)).astype(np.float32)
    series = WholeSeries(units=tuple(range(units)), width=units, lengths=(2000,), rows=rows.tobytes())
    return WholeTask(series=series, names=names, surrogates=surrogates)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def budget():
    """A budget of a quarter of the time, and its clock."""
    clock = Clock()
    return Budget(share=0.25, clock=clock), clock


def test_the_last_epoch_searches_up_to_40_units(budget):
    decide, _ = budget
    assert decide.whole(asked(40), always=False, last=True).searched
    assert not decide.whole(asked(41), always=False, last=True).searched
    assert not decide.whole(asked(40), always=False, last=False).searched
    assert decide.whole(None, always=True, last=True) is None


def test_a_search_that_was_asked_for_fits_into_the_budget_or_is_said_not_to(budget):
    decide, clock = budget
    task = asked(20)
    cost, held = 19 * search_seconds(20, task.names), 19 * one_draw(task)
    refused = decide.whole(task, always=True, last=False)
    assert not refused.searched
    assert "hold the partition" in refused.notes[0]
    assert "0 s are left of extra_budget" in refused.notes[0]
    clock.now = 4 * (cost + 2 * held) + 0.01
    assert decide.whole(task, always=True, last=False).searched
    assert not decide.whole(task, always=True, last=False).searched, "its time is spent"
    found = measured_layer(refused, [])
    assert refused.notes[0] in found.notes
    assert not found["stochastic_interaction"].minimum.null.searched


def test_nulls_of_whole_layers_are_charged_to_the_budget_of_all_nulls(budget):
    decide, clock = budget
    task = asked(100, names=("phi_g",))
    clock.now = 4 * 19 * one_draw(task)
    assert decide._left > 0.1
    assert not decide.whole(task, always=True, last=False).searched, "Φ_G has no search of its own"
    assert decide._left == pytest.approx(0.0, abs=1e-9)
    assert layer_seconds(task).total == pytest.approx(20 * one_draw(task))


def test_the_last_epoch_of_a_wide_layer_takes_30_seconds_at_most(budget):
    decide, _ = budget
    assert decide.whole(asked(20), always=True, last=True).searched
    wide = decide.whole(asked(100), always=True, last=True)
    assert not wide.searched
    assert wide.notes


class Stop(Callback):
    """Stops the training after its second epoch, once the record of that epoch was opened."""

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = trainer.current_epoch == 1


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The records of a training that was to have five epochs and was stopped after two, and those of one of two epochs."""
    about = {"layers": "net.gru", "data": sequence_data(96), "measures": ["stochastic_interaction", "phi_g"], "surrogates": 9}
    about |= {"initial": False, "extra_budget": 0.0}
    found = []
    for folder, epochs, more in (("early", 5, [Stop()]), ("whole", 2, [])):
        seed_everything(1, verbose=False)
        found.append(train(tmp_path_factory.mktemp(folder), *more, model=Gru(8), epochs=epochs, **about).records)
    return found


def test_an_epoch_that_turns_out_to_be_the_last_one_is_judged_as_the_last_one_is(stopped):
    early, whole = stopped
    assert [record.epoch for record in early] == [0, 1]
    assert early[1].whole == whole[1].whole
    assert early[0].whole == whole[0].whole
    nulls = [record.whole["stochastic_interaction"].minimum.null for record in early]
    assert [null.searched for null in nulls] == [False, True]
    intervals = [record.whole["phi_g"].atomic.interval for record in early]
    assert [interval and interval.resamples for interval in intervals] == [None, 99]


def test_in_a_training_the_record_says_which_null_was_taken(tmp_path):
    """With nothing left but a search asked for, the last epoch alone searches, and the epoch before says why it does not."""
    about = {"layers": "net.gru", "data": sequence_data(96), "epochs": 2, "measures": ["stochastic_interaction"], "surrogates": 9}
    for folder, budget, wanted in (("a", 0.0, [False, True]), ("b", 1e6, [True, True])):
        callback = train(tmp_path / folder, model=Gru(8), initial=False, search_null=True, extra_budget=budget, **about)
        nulls = [record.whole["stochastic_interaction"].minimum.null for record in callback.records]
        assert [null.searched for null in nulls] == wanted
        said = [any("left of extra_budget" in note for note in record.whole.notes) for record in callback.records]
        assert said == [not searched for searched in wanted]
        assert all(record.whole["stochastic_interaction"].atomic.null is not None for record in callback.records)
