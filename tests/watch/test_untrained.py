"""Epoch -1: the module itself, in its trainer, in its untrained state, on the first batches; training stays the same to the bit."""

from __future__ import annotations

import gc
import io
import random
import weakref
from collections import deque

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, seed_everything
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.precision import MixedPrecision
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, Sampler
from torchmetrics.aggregation import MeanMetric
from training import trainer

from lightning_iit import IITCallback
from lightning_iit.capture.held import Held
from lightning_iit.records import Computed, Skipped
from lightning_iit.tpm.estimate import estimate_tpm
from lightning_iit.watch.batches import KeptBatches

UNITS = [0, 3]
WATCHED = {"layers": "net.1", "units": UNITS, "threshold": "zero", "null_model": None, "table": False, "pictures": False}


class Sees(Callback):
    """Keeps what each step got and gave: the batch's first value, the loss, weights, gradients and random states after the step."""

    def __init__(self) -> None:
        self.seen: list = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        optimizers = pl_module.optimizers(use_pl_optimizer=False)
        for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
            self.seen += [repr(optimizer.state_dict()), sorted(vars(optimizer))]
        self.seen += [
            repr(batch),
            [value.tolist() for value in pl_module.state_dict().values()],
            [None if one.grad is None else one.grad.tolist() for one in pl_module.parameters()],
            [one.requires_grad for one in pl_module.parameters()],
            sorted(vars(pl_module)),
            torch.get_rng_state().tolist(),
            repr(np.random.get_state()),  # noqa: NPY002
            random.getstate(),
            {name: float(value) for name, value in trainer.logged_metrics.items()},
            getattr(pl_module, "kept", lambda: None)(),
        ]


def fit(folder, model: LightningModule, data, *, watched: bool = True, epochs: int = 1, watch: dict | None = None, **options):
    """Trains with the callback or without; returns what was seen of the training, and the records of epoch -1."""
    callback = IITCallback(**(WATCHED | (watch or {}))) if watched else Callback()
    sees = Sees()
    trainer(folder, callback, sees, epochs=epochs, **options).fit(model, data)
    return sees.seen, [record for record in callback.records if record.epoch < 0] if watched else []


def same_training(folder, model, data, **options):
    """Trains twice, asserts that both trainings are the same to the bit, and returns the record of epoch -1."""
    found = []
    for watched in (False, True):
        seed_everything(5, verbose=False)
        found.append(fit(folder / str(watched), model(), data(), watched=watched, **options))
    (plain, _), (seen, records) = found
    assert len(seen) == len(plain) > 0
    assert seen == plain
    return records[0]


def counts_of_the_untrained(model: type[LightningModule], samples: torch.Tensor):
    seed_everything(5, verbose=False)
    with torch.no_grad():
        return estimate_tpm((model().net[:2](samples)[:, UNITS] > 0).int().numpy()).counts


class Shuffling(Sampler):
    """Shuffles in place with a generator of its own."""

    def __init__(self, size: int) -> None:
        self.indices, self.random = np.arange(size), np.random.default_rng(0)

    def __iter__(self):
        self.random.shuffle(self.indices)
        return iter(self.indices.tolist())

    def __len__(self):
        return len(self.indices)


@pytest.mark.filterwarnings("ignore::lightning_iit.run.trainer.ShuffledStreamWarning")
def test_a_sampler_with_a_state_of_its_own_gives_the_same_batches(tmp_path):
    data = flat_data(640).dataset
    record = same_training(tmp_path, Mlp, lambda: DataLoader(data, 32, sampler=Shuffling(640)), epochs=2)
    order = list(Shuffling(640))[: 13 * 32]  # more than 400 samples
    assert record.counts == counts_of_the_untrained(Mlp, data.tensors[0][order])
    assert (record.global_step, record.epoch) == (0, -1)


class Stateful(Mlp):
    """Changes in its step all that a step can change."""

    def __init__(self) -> None:
        super().__init__(dropout=0.3)
        self.net.insert(2, nn.BatchNorm1d(128))
        self.mean = MeanMetric()
        self.numbers, self.torch_numbers = np.random.default_rng(3), torch.Generator().manual_seed(3)
        self.losses, self.last, self.table = [], deque(maxlen=3), np.zeros(2)
        self.carried, self.nested = torch.zeros(3), {"deep": [{"count": 0}]}
        self.counter = Counter()
        self.step = 0
        self.text = io.StringIO()

    def kept(self):
        generators = repr(self.numbers.bit_generator.state), self.torch_numbers.get_state().tolist()
        plain = self.losses[:], list(self.last), self.table.tolist(), self.carried.tolist(), repr(self.nested), self.step
        return *generators, *plain, self.counter.calls, self.counter.seen[:], self.text.getvalue(), float(self.mean.compute())

    def training_step(self, batch, _):
        x = batch[0] + float(self.numbers.normal()) + torch.randn(1, generator=self.torch_numbers)
        loss = nn.functional.cross_entropy(self(x), batch[1]) * (1 + 0 * self.trainer.current_epoch)
        self.log("loss", loss, on_step=True, on_epoch=True)
        self.mean.update(loss.detach())
        self.losses.append(loss.item())
        self.last.append(loss.item())
        self.table += loss.item()
        self.carried += loss.item()
        self.nested["deep"][0]["count"] += 1
        self.counter.count(loss.item())
        self.step += 1
        self.text.write(f"{loss.item()} ")
        batch[0].zero_()
        random.random()
        return loss


class Counter:
    def __init__(self) -> None:
        self.calls, self.seen = 0, []

    def count(self, value: float) -> None:
        self.calls += 1
        self.seen.append(value)


def test_all_that_a_step_changes_is_put_back_also_while_gradients_accumulate(tmp_path):
    record = same_training(tmp_path, Stateful, lambda: flat_data(500, shuffle=True), accumulate_grad_batches=4, epochs=2)
    assert isinstance(record.result, Computed)
    assert record.counts.transitions == 13 * 32 - 1


def test_a_gradient_scaler_is_put_back(tmp_path):
    """A scale that grows with each step: the passes of the untrained network must not count as steps."""

    def scaled():
        return MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=1))

    found = []
    for watched in (False, True):
        seed_everything(5, verbose=False)
        plugin = scaled()
        seen, _ = fit(tmp_path / str(watched), Mlp(), flat_data(200), watched=watched, plugins=[plugin])
        found.append((seen, plugin.scaler.state_dict()))
    assert found[0] == found[1]
    assert found[0][1]["scale"] > 64.0


class Keeps(Callback):
    """Remembers, without holding it, what is kept of the untrained network and of the first batches."""

    def __init__(self, callback: IITCallback) -> None:
        self.callback, self.kept = callback, []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if self.callback._first is not None:
            self.kept.append(weakref.ref(self.callback._first))

    def on_train_end(self, trainer, pl_module):
        gc.collect()
        self.alive = [kept for kept in self.kept if kept() is not None]


def test_what_was_kept_of_the_untrained_network_is_released_while_training_goes_on(tmp_path):
    callback = IITCallback(**WATCHED)
    keeps = Keeps(callback)
    trainer(tmp_path, callback, keeps, epochs=2).fit(Mlp(), flat_data(200))
    assert keeps.kept
    assert keeps.alive == []
    assert callback.records[0].epoch == -1


class Gan(LightningModule):
    """Two optimizers, stepped by hand; the weights of the second part are clipped."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.net = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 64))
        self.critic = nn.Linear(64, 1)

    def training_step(self, batch):
        makes, judges = self.optimizers()
        (schedule,) = [self.lr_schedulers()]
        self.toggle_optimizer(makes)
        loss = -self.critic(self.net(batch[0])).mean()
        makes.zero_grad()
        self.manual_backward(loss)
        makes.step()
        self.untoggle_optimizer(makes)
        with torch.no_grad():
            made = self.net[2](self.net[:2](batch[0]).detach())
        judged = self.critic(made).mean() - self.critic(batch[0]).mean()
        judges.zero_grad()
        judged.backward()
        judges.step()
        schedule.step()
        for parameter in self.net.parameters():
            parameter.data.clamp_(-0.05, 0.05)
        self.logger.experiment.log_metrics({"judged": judged.item()}, self.global_step)
        self.log("judged", judged)

    def configure_optimizers(self):
        makes, judges = (torch.optim.Adam(part.parameters(), 0.01) for part in (self.net, self.critic))
        return [makes, judges], [torch.optim.lr_scheduler.StepLR(makes, 2)]


def test_manual_optimization_with_two_optimizers(tmp_path):
    loggers = []

    def data():
        loggers.append(CSVLogger(tmp_path, str(len(loggers))))
        return flat_data(480)

    seed_everything(5, verbose=False)
    plain, _ = fit(tmp_path / "plain", Gan(), data(), watched=False, logger=loggers[0])
    seed_everything(5, verbose=False)
    seen, (record,) = fit(tmp_path / "watched", Gan(), data(), logger=loggers[1])
    assert seen == plain
    assert loggers[1].experiment.metrics_file_path != loggers[0].experiment.metrics_file_path
    assert isinstance(record.result, Computed)
    x = flat_data(480).dataset.tensors[0][: 13 * 32]
    seed_everything(5, verbose=False)
    with torch.no_grad():
        once = Gan().net[:2](x)[:, UNITS]
    # The layer is called twice in each step, on the same samples, which count once.
    assert record.counts == estimate_tpm((once > 0).int().numpy()).counts


def test_only_training_is_in_the_logs(tmp_path):
    class Writes(Mlp):
        def training_step(self, batch, index):
            self.logger.log_metrics({"own": float(index)}, step=index)
            self.logger.experiment.log_metrics({"direct": float(index)}, index)
            written.append(type(self.logger).__name__ if isinstance(self.logger, CSVLogger) else "no CSVLogger")
            return super().training_step(batch, index)

    written: list[str] = []
    for watched in (False, True):
        seed_everything(5, verbose=False)
        logger = CSVLogger(tmp_path, str(watched))
        fit(tmp_path, Writes(), flat_data(64), watched=watched, logger=logger, log_every_n_steps=1)
        lines = (tmp_path / str(watched) / "version_0" / "metrics.csv").read_text().splitlines()
        for name in ("own", "direct"):
            column = lines[0].split(",").index(name)
            assert [value for line in lines[1:] if (value := line.split(",")[column])] == ["0.0", "1.0"]
    assert written == ["CSVLogger"] * 4 + ["Silent"] * 2


def wave(number: int) -> torch.Tensor:
    return torch.sin(torch.arange(64.0) * (number + 1))


class Stream(IterableDataset):
    """Can be read once."""

    def __init__(self) -> None:
        self.left = iter(range(70))

    def __iter__(self):
        return (wave(i) for i in self.left)


class Alone(Mlp):
    """Takes batches that are a tensor, and no index."""

    def training_step(self, batch):
        return self(batch if isinstance(batch, torch.Tensor) else batch.parts[0]).pow(2).mean()


def test_an_iterable_dataset_and_an_epoch_with_fewer_samples(tmp_path):
    record = same_training(tmp_path, Alone, lambda: DataLoader(Stream(), 8))
    samples = torch.stack([wave(i) for i in range(70)])
    assert record.counts == counts_of_the_untrained(Alone, samples)


def test_half_precision(tmp_path):
    record = same_training(tmp_path, Mlp, lambda: flat_data(64), precision="bf16-true")
    assert record.counts.transitions == 63


def test_a_perturbation_is_one_of_the_untrained_weights(tmp_path):
    """With a learning rate of zero epoch 0 has the untrained weights too, and with another one it has not."""
    options = {"watch": {"layers": "net.gru", "draws": 16, "tpm": "perturb"}}
    counts = []
    for lr in (0.0, 5.0):
        seed_everything(5, verbose=False)
        _, (record,) = fit(tmp_path / str(lr), Gru(lr=lr), sequence_data(), **options)
        counts.append((record.kind, record.counts))
    assert counts[0] == counts[1]
    assert counts[0][0] == "causal"


# --- what cannot be analysed ----------------------------------------------------------------------------------------------


def reason(folder, model=Mlp, data=flat_data, **options) -> str:
    record = same_training(folder, model, data, **options)
    assert isinstance(record.result, Skipped)
    assert (record.result.code, record.epoch, record.global_step) == ("untrained_not_run", -1, 0)
    return record.result.reason


def test_a_step_that_fails_is_said(tmp_path):
    class Once(Mlp):
        def training_step(self, batch, index):
            if self._current_fx_name != "training_step":
                msg = "not now"
                raise LookupError(msg)
            return super().training_step(batch, index)

    assert "LookupError: not now" in reason(tmp_path, Once)


def test_a_batch_that_cannot_be_copied_is_said(tmp_path):
    data = flat_data(64).dataset
    assert "cannot pickle 'generator'" in reason(tmp_path, Alone, lambda: DataLoader(data, 32, collate_fn=Locked))


class Locked:
    """A batch that only this process can have."""

    def __init__(self, rows) -> None:
        self.parts = [torch.stack([row[i] for row in rows]) for i in (0, 1)]
        self.open = (row for row in rows)

    def __repr__(self) -> str:
        return repr(self.parts)


def test_parameters_that_are_spread_over_ranks_are_said(tmp_path):
    from lightning.pytorch.strategies import SingleDeviceStrategy

    class FSDPStrategy(SingleDeviceStrategy):
        """Has the name of a strategy that spreads parameters."""

    _, (record,) = fit(tmp_path, Mlp(), flat_data(), strategy=FSDPStrategy("cpu"))
    assert record.result.code == "untrained_not_run"
    assert "spread over the ranks (FSDPStrategy)" in record.result.reason


def test_a_resumed_run_has_no_untrained_network(tmp_path):
    class Stops(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if batch_idx == 1:
                trainer.save_checkpoint(tmp_path / "kept.ckpt")

    trainer(tmp_path / "a", Callback(), Stops(), epochs=1, accumulate_grad_batches=7).fit(Mlp(), flat_data())
    callback = IITCallback(**WATCHED)
    runner = trainer(tmp_path / "b", callback, epochs=1, accumulate_grad_batches=7)
    runner.fit(Mlp(), flat_data(), ckpt_path=tmp_path / "kept.ckpt")
    assert [record.epoch for record in callback.records] == [0]


def test_the_hooks_of_the_first_batches_are_taken_away(tmp_path):
    hooks = []

    class Looks(Callback):
        def on_train_batch_end(self, trainer, pl_module, *_):
            hooks.append(sorted(name for name in vars(callback) if name.startswith("on_train_batch")))

    callback = IITCallback(**WATCHED)
    trainer(tmp_path, callback, Looks(), epochs=1).fit(Mlp(), flat_data(480))
    assert hooks == [["on_train_batch_end", "on_train_batch_start"]] * 12 + [[]] * 3


# --- the parts ------------------------------------------------------------------------------------------------------------


def test_kept_batches_are_copies_of_any_batch():
    class Graph:
        def __init__(self, x) -> None:
            self.x, self.same, self.act = x, x, torch.tanh

    whole = torch.arange(8.0)
    batch = {"graph": Graph(whole[2:4]), "text": ["a", "b"], "array": np.arange(2)}
    kept = KeptBatches(samples=100)
    kept.keep(batch, 5)
    whole.zero_()
    batch["text"].clear()
    for _ in range(2):
        ((index, made),) = kept.made()
        assert index == 5
        assert made["graph"].x.tolist() == [2.0, 3.0]
        assert made["graph"].x is made["graph"].same
        assert made["text"] == ["a", "b"]
        assert made["array"].tolist() == [0, 1]
        made["graph"].x.zero_()


def test_batches_are_kept_until_there_are_enough_or_the_memory_is_used_up():
    kept = KeptBatches(samples=10)
    for index in range(5):
        kept.keep(torch.zeros(4), index)
    assert [index for index, _ in kept.made()] == [0, 1, 2]
    full = KeptBatches(samples=1000, most_bytes=1000)
    for index in range(5):
        full.keep(torch.zeros(100), index)
    assert (len(full), full.enough) == (2, True)
    none = KeptBatches(samples=10, most_bytes=1000)
    none.keep(torch.zeros(300), 0)
    assert (len(none), none.enough, none.too_large) == (0, True, 1200)


def test_held_restores_to_the_bit():
    module = nn.Linear(2, 2)
    module.register_buffer("wide", torch.zeros(1).expand(3))
    module.register_buffer("cache", None)
    module.zero = torch.tensor([-0.0, float("nan")])
    held = Held(module, parameters=True)
    before = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.add_(1)
        module.wide.data[:1] = 5.0
        module.zero.zero_()
    module.cache, module.bias = torch.ones(2), nn.Parameter(torch.ones(2))
    module.weight.requires_grad_(False).grad = torch.ones(2, 2)
    held.put_back()
    assert torch.equal(module.weight, before)
    assert module.weight.requires_grad
    assert module.weight.grad is None
    assert module.wide.tolist() == [0.0] * 3
    assert module.cache is None
    assert module.bias.shape == (2,)
    assert module.zero.signbit().tolist()[0]
    assert module.zero.isnan().tolist() == [False, True]


@pytest.mark.parametrize("kind", [random.Random, np.random.RandomState, np.random.default_rng])
def test_held_restores_random_generators(kind):
    module = nn.Identity()
    module.numbers = {"one": kind(3)}
    draw = getattr(module.numbers["one"], "random", None) or module.numbers["one"].random_sample
    held = Held(module)
    first = draw()
    draw()
    held.put_back()
    assert draw() == first
