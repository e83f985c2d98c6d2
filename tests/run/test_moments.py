"""Φ at single moments (``moments=``): against steps made by hand, when it is computed, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lightning.pytorch import seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from training import trainer

from lightning_iit import IITCallback, InvalidArgumentError, System, analyse, compute_phi
from lightning_iit.records.shown.numbers import percent


class Rnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 6, batch_first=True)
        with torch.no_grad():
            for parameter in self.rnn.parameters():
                parameter.mul_(2.5)

    def forward(self, x):
        return self.rnn(x)[0]


def by_hand(model, x, record):
    """Φ of the record's units at every observed moment, None where no state leads to theirs."""
    rnn, units = model.rnn, list(record.units.indices)
    thresholds = torch.tensor(record.thresholds.values)
    off, on = (torch.tensor(part[0]) for part in (record.perturbation.off, record.perturbation.on))
    found = []
    with torch.no_grad():
        for sequence, hidden in zip(x, model(x), strict=True):
            for before, now in zip(hidden[:-1], sequence[1:], strict=True):
                rows = []
                for index in range(2 ** len(units)):
                    bits = torch.tensor([index >> unit & 1 for unit in range(len(units))])
                    state = before.clone()
                    state[units] = torch.where(bits.bool(), on, off)
                    after = torch.tanh(rnn.weight_ih_l0 @ now + rnn.bias_ih_l0 + rnn.weight_hh_l0 @ state + rnn.bias_hh_l0)
                    rows.append((after[units] > thresholds).float().tolist())
                own = tuple((before[units] > thresholds).int().tolist())
                found.append(compute_phi(System(tpm=rows, state=own)).phi)
    return found


def test_the_same_as_steps_made_by_hand():
    torch.manual_seed(2)
    model, x = Rnn(), torch.randn(24, 6, 3)
    (record,) = analyse(model, [x], "rnn", units=3, groups=1, moments=10_000, workers=0)
    phis = by_hand(model, x, record)
    known = [phi for phi in phis if phi is not None]
    assert 0 < len(known) < len(phis) == 24 * 5
    assert any(phi > 1e-6 for phi in known)
    assert record.moments.moments == len(phis)
    assert record.moments.reachable == pytest.approx(len(known) / len(phis))
    assert record.moments.positive == pytest.approx(sum(phi > 1e-6 for phi in known) / len(phis))
    assert record.moments.phi == pytest.approx(np.mean(known))
    assert record.scalars["moments_phi"] == record.moments.phi
    assert f"{percent(record.moments.positive)} have Φ > 0" in record.moments.words
    (some,) = analyse(model, [x], "rnn", units=3, groups=1, moments=40, workers=0)
    assert some.moments.moments == 40
    assert some.moments.reachable * 40 == pytest.approx(round(some.moments.reachable * 40))
    (none,) = analyse(model, [x], "rnn", units=3, groups=1, workers=0)
    assert none.moments is None
    assert not any(name.startswith("moments") for name in none.scalars)


def test_computed_untrained_and_at_the_end_also_where_the_end_was_not_foreseen(tmp_path):
    class Stops(IITCallback):
        def on_train_epoch_end(self, trainer, pl_module):
            super().on_train_epoch_end(trainer, pl_module)
            trainer.should_stop = trainer.current_epoch == 1

    seed_everything(0, verbose=False)
    options = {"units": 3, "groups": 2, "pictures": False, "network": False, "table": False, "null_model": None}
    callback = Stops("net.gru", moments=20, **options)
    trainer(tmp_path, callback, epochs=9).fit(Gru(8), sequence_data(48, steps=6))
    assert [(record.epoch, record.moments and record.moments.moments) for record in callback.records] == [
        (-1, 20),
        (0, None),
        (1, 20),
    ]
    assert callback.records[-1].moments.words in next(tmp_path.rglob("report.md")).read_text()
    assert callback.records[-1].scalars["moments_reachable"] == callback.records[-1].moments.reachable


def test_a_watched_layer_says_that_it_has_none(tmp_path):
    (record,) = analyse(Mlp(), [x for x, _ in flat_data()], "net.1", units=3, groups=1, moments=5, workers=0)
    assert record.moments is None
    assert any("no Φ at single moments" in note for note in record.notes)


@pytest.mark.parametrize("option", [{"tpm": "observe"}, {"background": "fixed"}])
def test_refused_where_nothing_is_averaged(tmp_path, option):
    callback = IITCallback("net.gru", moments=5, **option)
    with pytest.raises(InvalidArgumentError, match=r"moments=5 with .* nothing is averaged here"):
        trainer(tmp_path, callback).fit(Gru(8), sequence_data())
