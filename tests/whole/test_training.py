"""Measures of whole layers in a training and in ``analyse``: of which activations they are, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from training import train

from lightning_iit import IITCallback, InvalidArgumentError, analyse, load_run, whole_layer
from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.whole import MOST_UNITS, WholeActivations
from lightning_iit.records.logged import logged
from lightning_iit.records.whole.tasks import WHOLE_NAMES, WholeSeries, WholeTask

MEASURES = ("stochastic_interaction", "phi_star")


def watched(**options):
    data = sequence_data(96)
    return {"layers": "net.gru", "data": data, "model": Gru(8), "epochs": 2, "measures": MEASURES, "surrogates": 9} | options


def outputs(model: nn.Module, batches) -> list[np.ndarray]:
    """Each sequence of the GRU's hidden states ``[time, unit]``, by the module itself."""
    with torch.no_grad():
        return [one.numpy() for x in batches for one in model.net["gru"](x)[0]]


def assert_measures_equal(found, wanted) -> None:
    for one in wanted.measures:
        assert found[one.name].minimum.value == pytest.approx(one.minimum.value, abs=1e-7)
        assert found[one.name].atomic.value == pytest.approx(one.atomic.value, abs=1e-7)
        assert found[one.name].partition == one.partition


def test_the_last_batches_with_the_weights_of_the_epochs_end(tmp_path):
    model = Gru(8)
    callback = train(tmp_path, **watched(model=model))
    wanted = whole_layer(outputs(model, [x for x, _ in sequence_data(96)]), measures=MEASURES, surrogates=0)
    record = callback.records[-1]
    assert_measures_equal(record.whole, wanted)
    assert record.whole.samples == wanted.samples == 96 * 8
    assert record.whole.kind == "statistical"
    assert "weights of its end" in record.whole.notes[0]
    assert [one.epoch for one in callback.records] == [-1, 0, 1]
    assert all(one.whole is not None and one.phi is not None for one in callback.records)
    assert record.whole["stochastic_interaction"].minimum.null.searched
    assert record.whole["stochastic_interaction"].atomic.interval.low <= record.whole["stochastic_interaction"].atomic.value
    assert not callback.records[1].whole["stochastic_interaction"].minimum.null.searched
    assert callback.records[1].whole["stochastic_interaction"].minimum.interval is None
    again = load_run(callback.records and tmp_path / "iit")
    assert [one.whole for one in again] == [one.whole for one in callback.records]


def test_only_the_last_batches_of_a_long_epoch(tmp_path):
    model, data = Gru(4), sequence_data(2600, batch=100)
    callback = train(tmp_path, **watched(model=model, data=data, epochs=1, initial=False))
    last = [x for x, _ in data][-21:]
    wanted = whole_layer(outputs(model, last), measures=MEASURES, surrogates=0)
    (record,) = callback.records
    assert "last 21 batches" in record.whole.notes[0]
    assert_measures_equal(record.whole, wanted)


def test_the_probe(tmp_path):
    model, probe = Gru(8), [x for x, _ in sequence_data(64, seed=3)]
    callback = train(tmp_path, **watched(model=model, probe=probe))
    wanted = whole_layer(outputs(model, probe), measures=MEASURES, surrogates=0)
    assert_measures_equal(callback.records[-1].whole, wanted)
    (record,) = analyse(model, probe, "net.gru", units=2, groups=1, measures=MEASURES, surrogates=9, workers=0)
    assert_measures_equal(record.whole, wanted)


def test_training_is_the_same_to_the_bit(tmp_path):
    weights = []
    for number, measures in enumerate(((), WHOLE_NAMES)):
        torch.manual_seed(0)
        model = Gru(8)
        train(tmp_path / str(number), **watched(model=model, measures=measures))
        weights.append(model.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_samples_without_an_order_have_total_correlation_alone(tmp_path):
    model = Mlp()
    model.net[0], model.net[3] = nn.Linear(64, 12), nn.Linear(12, 128)
    data = flat_data(320)
    callback = train(tmp_path, model=model, data=data, epochs=1, measures=MEASURES, surrogates=9)
    with torch.no_grad():
        rows = np.concatenate([model.net[:2](x).numpy() for x, _ in data])
    found = callback.records[-1].whole
    assert [one.name for one in found.measures] == ["total_correlation"]
    assert any("no order" in note for note in found.notes)
    wanted = whole_layer(rows, ordered=False, surrogates=0)
    assert_measures_equal(found, wanted)
    correlation = np.corrcoef(rows[:, list(found.units)].astype(float), rowvar=False)
    assert found["total_correlation"].atomic.value == pytest.approx(-0.5 * np.linalg.slogdet(correlation)[1], abs=1e-6)


def test_what_is_logged(tmp_path):
    callback = train(tmp_path, **watched(epochs=1, measures=(*MEASURES, "phiid"), initial=False, pictures=True))
    (record,) = callback.records
    numbers, si = logged(record), record.whole["stochastic_interaction"]
    key = "iit_details/net.gru/whole"
    assert numbers[f"{key}/stochastic_interaction"] == si.minimum.value
    assert numbers[f"{key}/stochastic_interaction_atomic_excess"] == si.atomic.value - si.atomic.null.mean
    assert numbers[f"{key}/phi_star_p"] == record.whole["phi_star"].minimum.null.p
    assert numbers[f"{key}/synergy_excess"] == record.whole.pairs["synergy"].excess
    assert numbers[f"{key}/samples"] == 96 * 8
    assert len(record.whole.pairs["synergy"].values) == 8 * 7 / 2
    (picture,) = tmp_path.rglob("epoch=0000.pairs.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_too_few_samples_are_refused_and_training_goes_on(tmp_path):
    callback = train(tmp_path, **watched(data=sequence_data(16), model=Gru(64), epochs=1))
    for record in callback.records:
        assert "singular below" in record.whole.refused
        assert not record.whole.measures
        assert record.phi is not None


def test_a_pass_that_fails_is_said_and_training_goes_on(tmp_path):
    class Fussy(Gru):
        def training_step(self, batch, index):
            if vars(self).get("log") is not None and self.global_step > 0:  # silenced: a pass beside the training
                msg = "not beside the training"
                raise RuntimeError(msg)
            return super().training_step(batch, index)

    callback = train(tmp_path, **watched(model=Fussy(8), epochs=1, initial=False))
    (record,) = callback.records
    assert "not beside the training" in record.whole.refused
    assert record.phi is not None


def test_memory_is_bounded_and_wide_layers_are_sampled():
    model = nn.Sequential(nn.Linear(4, 500))
    options = CaptureOptions(layers="0", transitions="stream", seed=3)
    recorded = WholeActivations(model, ["0"], options, most_bytes=200 * 4 * 25)
    recorded.attach(model)
    inputs = torch.randn(4, 10, 4)
    for batch in inputs:
        recorded.begin_step()
        model(batch)
        recorded.end_step()
    assert recorded.full
    recorded.detach()
    model(inputs[0])
    series = recorded.series("a note")["0"]
    assert series.width == 500
    assert len(series.units) == MOST_UNITS == 200
    rows = np.frombuffer(series.rows, dtype=np.float32).reshape(-1, 200)
    with torch.no_grad():
        assert np.array_equal(rows, model(inputs[:2].reshape(20, 4)).numpy()[:, list(series.units)])
    assert any("200 of the layer's 500 units" in note for note in series.notes)
    assert recorded.series()["0"].problem


def test_padding_is_no_activation():
    model = nn.Sequential(nn.GRU(3, 4, batch_first=True))
    recorded = WholeActivations(model, ["0"], CaptureOptions(layers="0"))
    recorded.attach(model)
    packed = nn.utils.rnn.pack_padded_sequence(torch.randn(3, 7, 3), torch.tensor([7, 5, 2]), batch_first=True)
    recorded.begin_step()
    model(packed)
    recorded.end_step()
    (series,) = recorded.series().values()
    assert series.lengths == (7, 5, 2)
    assert len(series.rows) == 14 * 4 * 4
    recorded.detach()


def test_what_cannot_be_is_refused_before_training(tmp_path):
    with pytest.raises(InvalidArgumentError, match="no measure 'phi'"):
        train(tmp_path, **watched(measures=["phi"]))
    model = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(3)])
    with pytest.raises(InvalidArgumentError, match="not along depth"):
        analyse(model, [torch.randn(32, 8)], ["0", "1", "2"], transitions="depth", measures=MEASURES)


def test_stored_tasks_have_no_activations():
    assert WholeTask(series=WholeSeries(), names=("phi_g",)).names == ("phi_g",)
    assert IITCallback(measures="phi_g").measures == "phi_g"


def test_the_report_has_a_table_and_a_profile_over_layers(tmp_path):
    model = Gru(6)
    callback = train(tmp_path, **watched(model=model, measures=("stochastic_interaction", "phiid"), epochs=1))
    (report,) = tmp_path.rglob("report.md")
    text = report.read_text(encoding="utf-8")
    assert "## Whole layers" in text
    last = callback.records[-1].whole
    value, synergy = last["stochastic_interaction"].minimum, last.pairs["synergy"].excess
    low, high = (end - value.null.mean for end in (value.interval.low, value.interval.high))
    for words in (
        f"{value.value:.4g} ({value.excess:+.3g}",
        f"| {synergy:+.4g} |",
        f"95 % interval at this partition: {low:.4g} to {high:.4g} nats above",
        f"Mean synergy of pairs of units: {synergy:+.4g} nats, above the mean of its null.",
    ):
        assert words.replace("-", "−") in text
    assert f"Epoch 0, statistical: {len(last.units)} units, {last.samples:,} pairs of a past and a present in" in text
    assert f"- {last['stochastic_interaction'].words.replace('*', chr(92) + '*')}." in text
    assert "no causes, and no Φ of IIT 3.0 or 4.0" in text
