"""The statistics of a training run: what its diagnostics find, which Φ are judged, and what the last one has besides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from chains import BASIC, STICKY, changing, counted, delayed, dependent, triples_from_codes, walk, watched
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import EarlyStopping
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from training import train

from lightning_iit import System, Tracker, compute_phi, load_run
from lightning_iit.capture.count.recent import MOST_VALUES, RecentActivations
from lightning_iit.capture.count.session import Capture
from lightning_iit.capture.options import CaptureOptions
from lightning_iit.records import Computed, Dynamics, EpochRecord
from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.counts import counts_from_codes, merge
from lightning_iit.tpm.diagnostics import Evidence, diagnose, diagnostic_scalars
from lightning_iit.tpm.estimate import estimate_tpm

if TYPE_CHECKING:
    from pathlib import Path

N = 3


class Replay(LightningModule):
    """Has activations that are its data: positive where a unit is ON."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = nn.Identity()
        self.out = nn.Linear(N, 1)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        return self.out(self.shown(batch[0])).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def signs(codes: np.ndarray) -> torch.Tensor:
    return torch.tensor(bits(N)[codes] * 2.0 - 1.0, dtype=torch.float32)


def in_sequences(codes: np.ndarray, length: int = 50) -> tuple[DataLoader, list[np.ndarray]]:
    parts = [codes[start : start + length] for start in range(0, len(codes) // length * length, length)]
    return DataLoader(TensorDataset(torch.stack([signs(part) for part in parts])), 8), parts


def in_a_stream(codes: np.ndarray) -> tuple[DataLoader, list[np.ndarray]]:
    return DataLoader(TensorDataset(signs(codes)), 32), [codes]


def by_hand(parts: list[np.ndarray], lag: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The transitions ``[transition]`` in order, from and to, and the triples ``[entry, 4]``."""
    before = np.concatenate([part[:-lag] for part in parts])
    after = np.concatenate([part[lag:] for part in parts])
    strands = [part[start::lag] for part in parts for start in range(lag)]
    return before, after, triples_from_codes(strands, units=N)


OPTIONS = {"layers": "shown", "units": range(N), "threshold": "zero", "initial": False, "network": False, "pictures": False}


def replayed(folder: Path, data: DataLoader, *, epochs: int = 1, **options) -> list[EpochRecord]:
    return list(
        train(
            folder, model=Replay(), data=data, epochs=epochs, **(OPTIONS | {"transitions": "time", "layout": "BTU"} | options)
        ).records
    )


def verdicts(record: EpochRecord) -> dict[str, str]:
    return {diagnostic.name: diagnostic.verdict for diagnostic in record.diagnostics}


# --- Markov order and stationarity ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "violated"),
    [
        (walk(BASIC, 3001, np.random.default_rng(0)), set()),
        (delayed(N, 3000, 0), {"markov_order"}),
        (changing(N, 3000, 0), {"stationarity"}),
        (dependent(N, 3000, 0), {"conditional_dependence"}),
    ],
    ids=["first order, stationary", "second order", "drifting", "dependent"],
)
@pytest.mark.parametrize("fed", [in_sequences, in_a_stream])
def test_what_a_run_finds_of_a_chain(tmp_path, codes, violated, fed):
    data, _ = fed(codes)
    options = {} if fed is in_sequences else {"transitions": "stream", "layout": "BU"}
    (record,) = replayed(tmp_path, data, **options)
    found = verdicts(record)
    # One violation may look like others too: of a chain that drifts the present state does not say what time it is.
    for name in violated or ("conditional_dependence", "markov_order", "stationarity"):
        assert found[name] == ("violated" if violated else "ok")


@pytest.mark.parametrize("lag", [1, 2])
@pytest.mark.parametrize("fed", [in_sequences, in_a_stream])
def test_diagnostics_in_a_record_are_those_of_plain_loops(tmp_path, fed, lag):
    data, parts = fed(walk(STICKY, 2000, np.random.default_rng(1)))
    options = {} if fed is in_sequences else {"transitions": "stream", "layout": "BU"}
    (record,) = replayed(tmp_path, data, lag=lag, seed=7, **options)
    before, after, triples = by_hand(parts, lag)
    counts = counts_from_codes(before, after, units=N)
    assert record.counts == counts
    given = Dynamics(triples=tuple(map(tuple, triples.tolist())), halves=(counts, counts))
    expected = {item.name: item for item in diagnose(Evidence(counts=counts, kind=record.kind, dynamics=given, seed=7))}
    for item in record.diagnostics:
        if item.name != "stationarity":
            assert item == expected[item.name]


@pytest.mark.parametrize("fed", [in_sequences, in_a_stream])
def test_triples_and_halves_of_a_capture_are_those_of_plain_loops(fed):
    # More than one flush: 2**16 values are counted at a time.
    data, parts = fed(walk(STICKY, 90_000, np.random.default_rng(2)))
    axis = {"transitions": "time", "layout": "BTU"} if fed is in_sequences else {"transitions": "stream", "layout": "BU"}
    model = Replay()
    with Capture(model, CaptureOptions(layers="shown", units=range(N), threshold="zero", **axis)) as capture:
        capture.begin_epoch(len(data))
        for (batch,) in data:
            capture.begin_step()
            model.shown(batch)
            capture.end_step()
        (epoch,) = capture.end_epoch()
    before, after, triples = by_hand(parts)
    assert epoch.dynamics is not None
    assert np.array_equal(epoch.dynamics.triples, triples)
    first, second = epoch.dynamics.halves
    assert first == counts_from_codes(before[: first.transitions], after[: first.transitions], units=N)
    assert second == counts_from_codes(before[first.transitions :], after[first.transitions :], units=N)
    assert merge([first, second]) == epoch.counts
    assert abs(first.transitions - second.transitions) < 0.2 * len(before)


@pytest.mark.parametrize("window", [1, 2])
def test_a_run_resamples_whole_sequences_of_a_watched_layer_and_stores_no_parts(tmp_path, window):
    data, parts = in_sequences(walk(BASIC, 3000, np.random.default_rng(3)))
    opened = []

    class Opened(Tracker):
        at_capture = True

        def log(self, record, images):
            opened.extend([record.task] if record.task is not None else [])

    last = replayed(tmp_path, data, epochs=3, window=window, null_model="cut", trackers=[Opened()])[-1]
    assert len(parts) == 60
    assert last.interval.parts == 46 * window, "of the 60 sequences 14 have one more in their part"
    assert last.curve[-1].transitions == last.counts.transitions
    assert "(resampled parts of the data)" in (tmp_path / "iit/0/iit/report.md").read_text(encoding="utf-8")
    assert [task.dynamics.parts for task in opened] == [()] * 3
    assert all(task.dynamics.halves for task in opened)


def test_few_sequences_are_not_resampled_and_the_record_says_so(tmp_path):
    data, _ = in_sequences(walk(BASIC, 3000, np.random.default_rng(3)), length=200)
    (record,) = replayed(tmp_path, data, null_model="cut")
    assert record.interval.parts == 0
    said = (tmp_path / "iit/0/iit/report.md").read_text(encoding="utf-8")
    assert "(posterior)" in said
    assert "fewer than 20 parts" in said


def test_the_halves_of_a_window_are_its_epochs(tmp_path):
    # Each epoch is stationary in itself; from epoch 1 on the units are ON more often.
    class Changing(Replay):
        def training_step(self, batch, number):
            chosen = batch[0] if self.current_epoch == 0 else batch[1]
            return self.out(self.shown(chosen)).mean()

    rng = np.random.default_rng(0)
    rare, often = (signs((rng.random((3000, N)) < chance) @ (1 << np.arange(N))).reshape(60, 50, N) for chance in (0.4, 0.6))
    data = DataLoader(TensorDataset(rare, often), 8)
    options = OPTIONS | {"transitions": "time", "layout": "BTU"}
    records = train(tmp_path, model=Changing(), data=data, epochs=4, window=2, **options).records
    assert [verdicts(record)["stationarity"] for record in records] == ["ok", "violated", "ok", "ok"]
    assert [record.counts.transitions for record in records] == [2940, 5880, 5880, 5880]


def test_what_does_not_apply_in_a_run(tmp_path):
    perturbed = train(tmp_path / "set", model=Gru(), data=sequence_data(200), layers="net.gru", tpm="perturb", epochs=1).records[-1]
    assert {name: verdict for name, verdict in verdicts(perturbed).items() if verdict == "not applicable"} == dict.fromkeys(
        ("markov_order", "stationarity", "self_transitions", "multi_information"), "not applicable"
    )
    assert not {"markov_order", "stationarity", "self_transitions", "multi_information"} & set(perturbed.scalars)
    few = train(tmp_path / "few", data=flat_data(60), epochs=1).records[-1]
    assert verdicts(few)["markov_order"] == verdicts(few)["stationarity"] == "ok"
    fewer = train(tmp_path / "fewer", data=flat_data(30), epochs=1).records[-1]
    assert verdicts(fewer)["markov_order"] == verdicts(fewer)["stationarity"] == "not enough data"


def test_what_is_not_counted_of_many_units():
    for units, said in ((7, {"markov_order"}), (9, {"markov_order", "stationarity"})):
        counts = watched(np.full((2**units, units), 0.5), 3000, 0)
        found = {
            item.name: item for item in diagnose(Evidence(counts=counts, kind="observational", dynamics=Dynamics(), resamples=19))
        }
        for name in said:
            assert found[name].verdict == "not applicable"
            assert f"for more than {8 if name == 'stationarity' else 6} units" in found[name].words


def test_diagnostics_are_logged_as_scalars(tmp_path):
    data, _ = in_sequences(dependent(N, 3000, 0))
    (record,) = replayed(tmp_path, data)
    logged = diagnostic_scalars(record.diagnostics)
    assert {name: record.scalars[name] for name in logged} == logged
    for name in ("conditional_dependence", "markov_order", "stationarity"):
        item = next(item for item in record.diagnostics if item.name == name)
        assert (record.scalars[name], record.scalars[f"{name}_p"]) == (item.value, item.p)
    assert record.scalars["conditional_dependence"] > 0.1
    assert record.scalars["conditional_dependence_p"] == 1 / 200
    assert {"self_transitions", "multi_information", "coverage", "determinism"} <= set(logged)
    assert all(math.isfinite(value) for value in record.scalars.values())


# --- which Φ are judged -----------------------------------------------------------------------------------------------


def judged_epochs(records) -> list[int]:
    return [record.epoch for record in records if record.null is not None]


def test_without_a_budget_only_the_last_epoch_has_its_null(tmp_path):
    records = train(tmp_path, data=flat_data(300), null_model="cut", extra_budget=0.0, epochs=4).records
    assert judged_epochs(records) == [3]
    assert [record.null_words == "null not computed" for record in records] == [True] * 4 + [False]
    assert [record.interval is not None for record in records] == [False] * 4 + [True]


def test_with_all_the_time_each_epoch_has_its_null(tmp_path):
    records = train(tmp_path, data=flat_data(300), null_model="cut", extra_budget=1e9, epochs=3).records
    assert judged_epochs(records) == [-1, 0, 1, 2]
    assert [record.interval is not None for record in records] == [False, False, False, True]


class Wait(EarlyStopping):
    """Stops after two epochs, which nobody knew before."""

    def __init__(self) -> None:
        super().__init__("loss", check_on_train_epoch_end=True, patience=1, min_delta=100.0)


@pytest.mark.parametrize("extra_budget", [0.0, 1e9])
def test_a_run_that_stops_early_has_its_last_epoch_judged_too(tmp_path, extra_budget):
    records = train(tmp_path, Wait(), data=flat_data(300), null_model="cut", extra_budget=extra_budget, epochs=50).records
    assert [record.epoch for record in records] == [-1, 0, 1]
    last = records[-1]
    assert last.null is not None
    assert last.interval is not None
    assert len(last.curve) == 5
    assert len(last.sensitivity) == 3
    assert [stored.null for stored in load_run(tmp_path)] == [record.null for record in records]
    assert judged_epochs(records) == ([1] if extra_budget == 0.0 else [-1, 0, 1])


def test_an_epoch_that_is_not_analysed_may_be_the_last(tmp_path):
    records = train(
        tmp_path,
        model=Gru(),
        data=sequence_data(),
        layers="net.gru",
        units=3,
        null_model="auto",
        extra_budget=0.0,
        every_n_epochs=2,
        epochs=3,
    ).records
    assert [record.epoch for record in records] == [-1, 1]
    last = records[-1]
    assert last.interval is not None
    assert last.kind == "causal"
    assert len(last.sensitivity) > 0, "a copy of the weights of that moment was kept"


def test_a_null_that_takes_too_long_costs_no_phi(tmp_path):
    options = {"null_model": "cut", "surrogates": 200_000, "timeout": 4.0, "initial": False}
    (record,) = train(tmp_path, data=flat_data(300), epochs=1, **options).records
    assert isinstance(record.result, Computed)
    assert record.scalars["phi"] == record.phi
    assert record.null_words == "null not computed"
    assert any(note.startswith("Ended before its end: Not finished within its time limit of 4 s") for note in record.notes)
    assert "null not computed" in (tmp_path / "iit/0/iit/report.md").read_text(encoding="utf-8")


def test_the_last_record_of_a_run_has_all(tmp_path):
    last = train(tmp_path, data=flat_data(400), units=3, null_model="cut", surrogates=9, seed=11, epochs=2).records[-1]
    assert (last.null.name, last.null.surrogates, last.null.seed) == ("cut", 9, 11)
    assert last.interval.low <= last.phi <= last.interval.high
    assert {
        name: last.scalars[name] for name in ("phi_null_mean", "phi_null_95", "phi_excess", "phi_p", "phi_low", "phi_high")
    } == {
        "phi_null_mean": last.null.mean,
        "phi_null_95": last.null.upper,
        "phi_excess": pytest.approx(last.phi - last.null.mean),
        "phi_p": last.null.p,
        "phi_low": last.interval.low,
        "phi_high": last.interval.high,
    }
    assert last.interval.parts == 50
    assert [point.transitions for point in last.curve] == pytest.approx([24, 96 / 2, 96, 200, 399], abs=8)
    assert last.curve[-1].transitions == 399
    assert last.curve[-1].mean == pytest.approx(last.phi)
    report = (tmp_path / "iit/0/iit/report.md").read_text(encoding="utf-8")
    for words in (last.null.words, "### Φ at other thresholds", "### Φ against the number of transitions"):
        assert words in report


# --- other thresholds -------------------------------------------------------------------------------------------------


def test_other_thresholds_of_what_was_watched(tmp_path):
    data, model = flat_data(500), Mlp()
    model.configure_optimizers = lambda: torch.optim.SGD(model.parameters(), lr=0.0)
    last = train(tmp_path, model=model, data=data, units=[3, 5, 8], layers="net.0", null_model="cut", epochs=2).records[-1]
    with torch.no_grad():
        rows = model.net[0](data.dataset.tensors[0])[:, [3, 5, 8]].double().numpy()
    assert [point.quantile for point in last.sensitivity] == [0.4, 0.5, 0.6]
    for point in last.sensitivity:
        thresholds = np.quantile(rows, point.quantile, axis=0)
        assert point.thresholds == pytest.approx(thresholds, abs=1e-6)
        tpm = estimate_tpm((rows > thresholds).astype(int))
        assert (point.transitions, point.visited) == (499, 8)
        expected = compute_phi(System(tpm=tpm.state_by_node, state=last.states[0].state))
        assert isinstance(expected, Computed)
        assert point.phi == pytest.approx(expected.phi)
    assert len({point.phi for point in last.sensitivity}) == 3


def test_other_thresholds_of_sequences_of_different_length(tmp_path):
    codes = walk(STICKY, 2000, np.random.default_rng(3))
    data, parts = in_sequences(codes)
    (last,) = replayed(tmp_path, data, null_model="cut")
    assert [point.transitions for point in last.sensitivity] == [len(parts) * 49] * 3


def test_other_thresholds_of_a_perturbed_layer(tmp_path):
    options = {"layers": "net.gru", "units": 3, "null_model": "auto", "tpm": "perturb", "draws": 64}
    last = train(tmp_path, model=Gru(lr=0.0), data=sequence_data(200), epochs=2, **options).records[-1]
    assert last.thresholds.strategy == "median"
    assert [point.transitions for point in last.sensitivity] == [8 * 64] * 3
    assert [point.visited for point in last.sensitivity] == [8] * 3
    low, middle, high = last.sensitivity
    assert middle.thresholds == pytest.approx(last.thresholds.values)
    assert middle.phi == pytest.approx(last.phi)
    assert all(one < other < third for one, other, third in zip(low.thresholds, middle.thresholds, high.thresholds, strict=True))


def test_only_so_many_activations_are_kept():
    recent, rng = RecentActivations(), np.random.default_rng(0)
    rows = torch.tensor(rng.standard_normal((400_000, 2)), dtype=torch.float32)
    for part in torch.split(rows, 10_000):
        recent.add(part, None)
    kept = recent.rows()
    assert MOST_VALUES <= kept.numel() <= MOST_VALUES + 20_000
    assert torch.equal(kept, rows[-len(kept) :])
    assert recent.counts((0.0, 0.5)) == estimate_tpm((kept > torch.tensor([0.0, 0.5])).int().numpy()).counts
    recent.add(rows, None)
    assert recent.rows().numel() == MOST_VALUES
    assert RecentActivations().rows() is None
    empty = RecentActivations()
    empty.add(torch.full((5, 2), math.nan), None)
    assert empty.rows() is None


def test_padding_and_what_is_not_finite_have_no_state_at_other_thresholds():
    recent = RecentActivations(lag=1)
    recent.add(torch.tensor([[[1.0], [2.0], [3.0], [9.0]], [[4.0], [math.nan], [6.0], [7.0]]]), torch.tensor([3, 4]))
    assert recent.rows().flatten().tolist() == [1.0, 2.0, 3.0, 4.0, 6.0, 7.0]
    assert recent.counts((3.5,)) == merge([counted(np.array(codes), 1) for codes in ([0, 0, 0], [1, 1])])
