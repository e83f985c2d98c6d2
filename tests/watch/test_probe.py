"""A probe: a fixed set of inputs run through the module at each epoch's end, which is then all that is watched."""

from __future__ import annotations

import importlib
import random
import subprocess
import sys
from collections import deque

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch import Callback, LightningModule
from models import Gru, Mlp, flat_data, perturbed_tpm, sequence_data
from places import SUPPORT
from torch import nn
from torch.utils.data import DataLoader, Dataset, DistributedSampler, TensorDataset, WeightedRandomSampler
from torchmetrics.aggregation import CatMetric, SumMetric
from training import train

from lightning_iit import IITCallback, load_run
from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import observe
from lightning_iit.capture.preserved import preserved
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Computed, Failed, Skipped
from lightning_iit.tpm.estimate import estimate_tpm

UNITS = [0, 3, 5]


class Weights(Callback):
    """Keeps the weights of the untrained network and of each epoch's end."""

    def __init__(self) -> None:
        self.kept: dict[int, dict] = {}

    def on_train_start(self, trainer, pl_module):
        self.kept[-1] = {name: value.clone() for name, value in pl_module.state_dict().items()}

    def on_train_epoch_end(self, trainer, pl_module):
        self.kept[trainer.current_epoch] = {name: value.clone() for name, value in pl_module.state_dict().items()}


def of_epoch(model: nn.Module, weights: dict) -> nn.Module:
    model.load_state_dict(weights)
    return model.eval()


# --- what is counted ------------------------------------------------------------------------------------------------------


def test_counts_are_those_of_a_plain_loop_over_the_probe(tmp_path):
    weights, probe = Weights(), sequence_data(seed=7, batch=25)
    options = {"layers": "net.gru", "units": UNITS, "threshold": "zero", "tpm": "observe", "probe": probe}
    records = train(tmp_path, weights, model=Gru(), data=sequence_data(), **options).records
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    model = Gru()
    for record in records:
        gru = of_epoch(model, weights.kept[record.epoch]).net["gru"]
        with torch.no_grad():
            states = [row for x, _ in probe for row in (gru(x)[0][..., UNITS] > 0).int().numpy()]
        assert record.counts == estimate_tpm(states).counts
        assert record.notes[0] == "Inputs: a fixed probe of 3 batches, run in eval mode."
    assert len({record.counts for record in records}) == 4, "the weights moved"


def test_a_stream_goes_through_the_probe_in_eval_mode(tmp_path):
    class Dropped(Mlp):
        def __init__(self):
            super().__init__(dropout=0.5)
            self.net.insert(1, nn.BatchNorm1d(128))

    weights, probe = Weights(), flat_data(seed=7)
    options = {"layers": "net.4", "units": UNITS, "threshold": "zero", "probe": probe}
    records = train(tmp_path, weights, model=Dropped(), data=flat_data(shuffle=True), **options).records
    model = Dropped()
    for record in records:
        net = of_epoch(model, weights.kept[record.epoch]).net
        with torch.no_grad():
            hidden = net[:5](probe.dataset.tensors[0])[:, UNITS]
        assert record.counts == estimate_tpm((hidden > 0).int().numpy()).counts


def test_a_perturbation_takes_its_backgrounds_from_the_probe(tmp_path):
    weights, probe = Weights(), sequence_data(seed=7)
    options = {"layers": "net.gru", "units": UNITS, "threshold": "zero", "draws": 16, "probe": probe}
    records = train(tmp_path, weights, model=Gru(), data=sequence_data(), **options).records
    model = Gru()
    for record in records:
        gru, reservoir = of_epoch(model, weights.kept[record.epoch]).net["gru"], Reservoir()
        with reservoir.attach(gru), torch.no_grad():
            for x, _ in probe:
                gru(x)
        stepper = step_for(gru)
        found = perturbed_tpm(
            *(gru, stepper, Coding.of(record.units), record.thresholds, observe(gru, stepper, reservoir.calls)), draws=16
        )
        assert record.kind == "causal"
        assert record.counts == found.counts
        assert record.perturbation.observed == found.observed


def test_depth_is_watched_on_the_probe(tmp_path):
    class Stack(Mlp):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(*[nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(3)], nn.Linear(64, 10))

    weights, probe = Weights(), flat_data(seed=7)
    options = {"layers": "net.[012]", "units": UNITS, "threshold": "zero", "transitions": "depth", "tpm": "observe", "probe": probe}
    records = train(tmp_path, weights, model=Stack(), data=flat_data(), epochs=1, **options).records
    model = Stack()
    for record in records:
        net, block = of_epoch(model, weights.kept[record.epoch]).net, int(record.layer.split(".")[1])
        with torch.no_grad():
            before = net[:block](probe.dataset.tensors[0])[:, UNITS] > 0
            after = net[: block + 1](probe.dataset.tensors[0])[:, UNITS] > 0
        pairs = [torch.stack(pair).int().numpy() for pair in zip(before, after, strict=True)]
        assert record.counts == estimate_tpm(pairs).counts


@pytest.mark.parametrize(
    "batches",
    [
        lambda x: [x[:30], x[30:]],
        lambda x: [(x[:30], "ignored"), (x[30:],)],
        lambda x: [{"x": x[:30]}, {"x": x[30:]}],
    ],
    ids=["tensor", "tuple", "mapping"],
)
def test_what_a_batch_is(tmp_path, batches):
    x = flat_data(seed=7).dataset.tensors[0]
    options = {"units": UNITS, "epochs": 1, "initial": False, "probe": batches(x)}
    record, expected = (train(tmp_path / str(i), **(options | more)).records[0] for i, more in enumerate(({}, {"probe": [x]})))
    assert isinstance(record.result, Computed)
    assert record.counts == expected.counts


class Augmented(Dataset):
    """Adds noise from every global generator."""

    def __len__(self):
        return 60

    def __getitem__(self, index):
        return torch.randn(64) + random.random() + float(np.random.rand())  # noqa: NPY002


def test_random_augmentations_of_the_probe_are_the_same_in_each_epoch(tmp_path):
    class Still(Mlp):
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    records = train(tmp_path, model=Still(), units=UNITS, probe=DataLoader(Augmented(), 16)).records
    assert len(records) == 4
    assert len({record.counts for record in records}) == 1


def test_epochs_that_are_not_analysed_are_not_run(tmp_path):
    class Counting(list):
        passes = 0

        def __iter__(self):
            self.passes += 1
            return super().__iter__()

    probe = Counting([flat_data().dataset.tensors[0]])
    records = train(tmp_path, epochs=4, every_n_epochs=2, probe=probe).records
    assert [record.epoch for record in records] == [-1, 1, 3]
    assert probe.passes == 3


def test_no_later_weights_are_perturbed_in_the_name_of_the_last_epoch_that_was_analysed(tmp_path):
    """The end of the training is not the end of an epoch that is analysed; the layer has other weights by then."""
    options = {"layers": "net.gru", "units": UNITS, "null_model": "auto", "initial": False, "probe": sequence_data(seed=7)}
    found = []
    for epochs in (2, 3):
        torch.manual_seed(3)
        run = train(tmp_path / str(epochs), model=Gru(lr=2.0), data=sequence_data(), epochs=epochs, every_n_epochs=2, **options)
        (record,) = run.records
        assert (record.epoch, record.kind, len(record.sensitivity)) == (1, "causal", 3)
        found.append(record)
    assert found[0].sensitivity == found[1].sensitivity
    assert found[0].survey.phi == found[1].survey.phi


def test_a_loader_with_persistent_workers_may_be_the_one_that_trains(tmp_path):
    class Batches(Callback):
        def __init__(self):
            self.seen = []

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            self.seen.append(outputs["loss"].item())

    def losses(*, probed: bool) -> list[float]:
        loader = DataLoader(flat_data(100).dataset, 32, num_workers=1, persistent_workers=True)
        batches = Batches()
        train(tmp_path / str(probed), batches, data=loader, epochs=2, probe=loader if probed else None)
        return batches.seen

    expected = losses(probed=False)
    assert len(expected) == 8
    assert losses(probed=True) == expected


# --- what is refused, and what fails --------------------------------------------------------------------------------------


def shuffling() -> list:
    data = TensorDataset(torch.zeros(4, 64))
    return [
        DataLoader(data, 2, shuffle=True),
        DataLoader(data, 2, sampler=WeightedRandomSampler([1.0] * 4, 4)),
        DataLoader(data, 2, sampler=DistributedSampler(data, 1, 0)),
    ]


@pytest.mark.parametrize("loader", shuffling(), ids=lambda loader: type(loader.sampler).__name__)
def test_a_loader_that_shuffles_is_refused_before_training(tmp_path, loader):
    with pytest.raises(InvalidArgumentError, match=r"probe: the loader shuffles.*shuffle=False"):
        train(tmp_path, probe=loader)


def test_what_cannot_be_read_again_is_refused_before_training(tmp_path):
    with pytest.raises(InvalidArgumentError, match="read only once"):
        train(tmp_path, probe=iter(flat_data()))
    with pytest.raises(InvalidArgumentError, match="got a int"):
        train(tmp_path, probe=3)


def test_a_probe_that_the_model_cannot_take_ends_in_a_failed_record_and_training_goes_on(tmp_path):
    callback = train(tmp_path, epochs=2, probe=[torch.zeros(4, 63)])
    assert [record.epoch for record in callback.records] == [-1, 0, 1]
    for record in callback.records:
        assert isinstance(record.result, Failed)
        assert "could not be run on a fixed probe: RuntimeError" in record.result.reason


def test_a_layer_that_forward_does_not_call(tmp_path):
    class Apart(Mlp):
        def __init__(self):
            super().__init__()
            self.apart = nn.Linear(64, 4)

        def training_step(self, batch, index):
            return super().training_step(batch, index) + 0.0 * self.apart(batch[0]).sum()

    (record,) = train(tmp_path, model=Apart(), layers="apart", epochs=1, initial=False, probe=flat_data(seed=7)).records
    assert isinstance(record.result, Skipped)
    assert "not called when the model's forward was run on a fixed probe" in record.result.reason


def test_the_report_and_the_options_say_probe(tmp_path):
    train(tmp_path, epochs=1, probe=flat_data(seed=7))
    report = (tmp_path / "iit/0/iit/report.md").read_text()
    assert "Inputs: a fixed probe of 7 batches" in report
    assert "`probe=DataLoader`" in report


def test_a_probe_from_a_yaml_file():
    parser = ArgumentParser()
    parser.add_argument("--callback", type=Callback)
    probe = {"class_path": "models.flat_data", "init_args": {"seed": 7}}
    given = {"class_path": "lightning_iit.IITCallback", "init_args": {"layers": "net.1", "units": 3, "probe": probe}}
    made = parser.instantiate(parser.parse_object({"callback": given})).callback
    assert (made.layers, made.units) == ("net.1", 3)
    assert torch.equal(made.probe.dataset.tensors[0], flat_data(seed=7).dataset.tensors[0])


# --- no trace -------------------------------------------------------------------------------------------------------------


class Traced(LightningModule):
    """Whose forward changes all that a forward can: buffers, attributes, a metric and random states."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("moved", torch.zeros(1))
        self.register_buffer("replaced", torch.zeros(1))
        self.calls, self.last = 0, None
        self.seen, self.kept = SumMetric(), CatMetric()
        self.rows, self.by_size, self.sizes, self.recent = [], {"sizes": []}, set(), deque([1, 2], maxlen=2)

    def forward(self, x):
        self.calls += 1
        self.last = x
        self.moved += 1
        self.replaced = self.replaced + 1
        self.seen.update(x.sum())
        self.kept.update(x.sum())
        self.rows.append(x)
        self.by_size["sizes"].append(len(x))
        self.by_size[self.calls] = x
        self.sizes.add(len(x))
        self.recent.append(x)
        random.random()
        np.random.rand()  # noqa: NPY002
        return self.dropout(self.norm(x)) + torch.randn(())


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_what_forward_logs_is_not_logged_of_the_probe(tmp_path, package):
    lightning = importlib.import_module(package)

    class Logging(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.net = Mlp().net

        def forward(self, x):
            self.log("mean", x.mean(), on_step=False, on_epoch=True)
            return self.net(x)

        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    def logged(probe):
        callback = IITCallback("net.1", units=2, probe=probe, network=False, pictures=False, table=False, timeout=60, workers=1)
        trainer = lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            callbacks=[callback],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path / str(probe is None),
        )
        trainer.fit(Logging(), flat_data())
        assert {type(record.result) for record in callback.records} == {Computed}
        return {name: value.item() for name, value in trainer.callback_metrics.items()}

    plain = logged(None)
    assert set(plain) == {"mean"}
    assert logged([9.0 + 3.0 * torch.randn(30, 64, generator=torch.Generator().manual_seed(0))]) == plain


def randomness() -> list:
    return [random.random(), float(np.random.rand()), torch.rand(1).item()]  # noqa: NPY002


def test_untouched_leaves_no_trace():
    model = Traced().train()
    model.dropout.eval()
    loader = DataLoader(TensorDataset(torch.randn(8, 4)), 2, shuffle=True, generator=torch.Generator().manual_seed(1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    buffer, rows, held = model.replaced, model.rows, loader.generator.get_state()
    torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
    expected = randomness()
    torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
    with preserved(model, loader):
        assert not model.training
        for (x,) in loader:
            assert not model(x).requires_grad
        assert model.calls == 4
        assert not torch.equal(loader.generator.get_state(), held)
    assert randomness() == expected
    assert torch.equal(loader.generator.get_state(), held)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.replaced is buffer
    assert (model.calls, model.last, model.seen.sum_value.item(), model.seen.update_count) == (0, None, 0.0, 0)
    assert model.rows is rows
    assert (model.rows, model.by_size, model.sizes, list(model.recent)) == ([], {"sizes": []}, set(), [1, 2])
    assert (model.recent.maxlen, model.kept.value, model.kept.update_count) == (2, [], 0)
    assert [model.training, model.norm.training, model.dropout.training] == [True, True, False]


def test_randomness_is_put_back_after_an_exception_too():
    def break_down(model):
        with preserved(model):
            torch.rand(3)
            raise ZeroDivisionError

    model = nn.Linear(1, 1)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    with pytest.raises(ZeroDivisionError):
        break_down(model)
    assert torch.equal(torch.rand(1), expected)


# --- ranks ----------------------------------------------------------------------------------------------------------------


def run_ranks(folder, devices, breaks="nowhere"):
    script = SUPPORT / "ddp_probe_script.py"
    command = [sys.executable, str(script), str(folder), str(devices), breaks]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return load_run(folder)


def test_of_two_ranks_the_first_one_counts(tmp_path):
    one, two = (run_ranks(tmp_path / str(devices), devices) for devices in (1, 2))
    assert [record.key for record in two] == [("net.gru", epoch) for epoch in (-1, 0, 1)]
    for alone, together in zip(one, two, strict=True):
        assert together.provenance.world_size == 2
        assert isinstance(together.result, Computed)
        assert together.counts == alone.counts
        assert together.observed == alone.observed
        assert together.phi == alone.phi


def test_a_probe_that_breaks_on_the_second_rank_is_told_and_training_goes_on(tmp_path):
    records = run_ranks(tmp_path, 2, "probe")
    assert [record.epoch for record in records] == [-1, 0, 1]
    for record in records:
        assert isinstance(record.result, Failed)
        words = "RuntimeError: batch 2 cannot be run (on rank 1)."
        assert record.result.reason == f"The model could not be run on a fixed probe: {words}"
