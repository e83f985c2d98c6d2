"""Every option of a causal TPM through a trainer and the callback, and training that is the same with and without it."""

from __future__ import annotations

from typing import Any

import gates
import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from models import Gru, perturbed_tpm, sequence_data
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import prune
from torch.utils.data import DataLoader, TensorDataset
from training import train, trainer

from lightning_iit import IITCallback, System, compute_phi
from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import observe
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Computed, EpochRecord
from lightning_iit.tpm.states import index_of

pytestmark = pytest.mark.slow

# --- training is not touched ----------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3))

    def forward(self, stream: Tensor) -> Tensor:
        return stream + self.inner(stream)


class Both(LightningModule):
    """A GRU, and a residual stack with batch normalisation and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 16, num_layers=2, dropout=0.2, batch_first=True)
        self.blocks = nn.Sequential(*[Residual(16) for _ in range(3)])
        self.out = nn.Linear(16, 8)
        self.losses: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.blocks(self.gru(x)[0][:, -1]))

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        loss = cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss, on_epoch=True, on_step=False)
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        self.log("val_loss", cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def fitted(folder: Any, *callbacks: IITCallback) -> tuple[Both, list[Tensor]]:
    seed_everything(9, verbose=False)
    model = Both()
    Trainer(
        max_epochs=3,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    ).fit(model, sequence_data(shuffle=True), sequence_data(20, seed=1))
    return model, [torch.get_rng_state(), torch.tensor(np.random.get_state()[1].astype(np.int64))]  # noqa: NPY002


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory) -> tuple[Both, list[Tensor]]:
    return fitted(tmp_path_factory.mktemp("plain"))


MODES = {
    "perturb": ({"layers": "gru", "tpm": "perturb"}, {("gru", "causal", "time")}),
    "observe": ({"layers": "gru", "tpm": "observe"}, {("gru", "observational", "time")}),
    "depth": ({"layers": "blocks.*", "transitions": "depth"}, {(f"blocks.{i}", "causal", "depth") for i in range(3)}),
    "probe": ({"layers": "gru", "probe": sequence_data(30, seed=2)}, {("gru", "causal", "time")}),
    "probe in depth": (
        {"layers": "blocks.*", "transitions": "depth", "probe": sequence_data(30, seed=2)},
        {(f"blocks.{i}", "causal", "depth") for i in range(3)},
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_training_is_bit_identical_with_and_without_the_callback(tmp_path, unwatched, mode):
    options, expected = MODES[mode]
    callback = IITCallback(units=2, null_model=None, table=False, **options)
    plain, randomness = unwatched
    watched, randomness_after = fitted(tmp_path, callback)
    epochs = [sum(plain.losses[first : first + 4]) for first in (0, 4, 8)]
    assert len(plain.losses) == 12
    assert len(set(epochs)) == 3, "the loss differs from epoch to epoch"
    assert watched.losses == plain.losses
    state = plain.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in watched.state_dict().items())
    gradients = zip(plain.parameters(), watched.parameters(), strict=True)
    assert all((a.grad is None) == (b.grad is None) and (a.grad is None or torch.equal(a.grad, b.grad)) for a, b in gradients)
    assert all(torch.equal(after, before) for after, before in zip(randomness_after, randomness, strict=True))
    assert {(record.layer, record.kind, record.axis) for record in callback.records} == expected
    assert sorted({record.epoch for record in callback.records}) == [-1, 0, 1, 2]
    assert sum(isinstance(record.result, Computed) for record in callback.records) > len(callback.records) / 2


# --- options --------------------------------------------------------------------------------------------------------------


class Recurrent(LightningModule):
    """Any recurrent layer, whose weights stay as they are."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.weight = nn.Parameter(torch.zeros(()))

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        self.layer(batch[0])
        return self.weight * 0.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([self.weight], lr=0.0)


def recorded(folder: Any, layer: nn.Module, data: Any = None, **options: Any) -> EpochRecord:
    """The record of one epoch; the layer's weights are drawn large, so that its units go back and forth."""
    torch.manual_seed(1)
    options = {"layers": "layer", "units": 3, "epochs": 1, "initial": False} | options
    (record,) = train(folder, model=Recurrent(layer), data=data or sequence_data(), **options).records
    return record


def drawn(layer: nn.Module) -> nn.Module:
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def by_itself(layer: nn.Module, record: EpochRecord, *, level: int = -1, direction: str = "forward", **options: Any) -> Any:
    """The same perturbation without trainer and callback: data that are not shuffled, the weights that stayed."""
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        for x, _ in sequence_data():
            layer(x)
    stepper = step_for(layer, level=level, direction=direction)
    observations = observe(layer, stepper, reservoir.calls)
    return perturbed_tpm(layer, stepper, Coding.of(record.units), record.thresholds, observations, **options)


def test_a_fixed_background(tmp_path):
    layer = drawn(nn.GRU(8, 6, batch_first=True))
    record = recorded(tmp_path, layer, background="fixed")
    assert (record.perturbation.background, record.perturbation.draws) == ("fixed", 1)
    assert record.counts == by_itself(layer, record, background="fixed", at=record.states[0].state).counts
    assert record.counts.visits == (1,) * 8
    assert record.counts != by_itself(layer, record, background="fixed", at=None).counts, "it depends on the background"


def test_a_level_below_the_last_has_its_own_thresholds_and_states(tmp_path):
    layer = drawn(nn.GRU(8, 6, num_layers=2, batch_first=True))
    record = recorded(tmp_path, layer, level=0, units=[0, 2, 4])
    assert record.counts == by_itself(layer, record, level=0).counts
    lower = nn.GRU(8, 6, batch_first=True)
    lower.load_state_dict({name: value for name, value in layer.state_dict().items() if name.endswith("_l0")})
    with torch.no_grad():
        states = torch.cat([lower(x)[0][:, :-1].flatten(0, 1) for x, _ in sequence_data()])[:, [0, 2, 4]].double().numpy()
    assert record.thresholds.values == pytest.approx(np.median(states, axis=0).tolist(), abs=1e-6)
    codes = (states > np.array(record.thresholds.values)) @ [1, 2, 4]
    assert list(record.perturbation.observed) == np.bincount(codes, minlength=8).tolist()
    assert index_of(record.states[0].state) == np.bincount(codes).argmax(), "the state analysed was seen in that level"


@pytest.mark.parametrize(("direction", "units"), [("forward", range(6)), ("backward", range(6, 12))])
def test_units_are_chosen_from_the_direction_that_is_stepped(tmp_path, direction, units):
    layer = drawn(nn.GRU(8, 6, batch_first=True, bidirectional=True))
    record = recorded(tmp_path, layer, direction=direction)
    assert set(record.units.indices) <= set(units)
    assert record.counts == by_itself(layer, record, direction=direction).counts
    assert isinstance(record.result, Computed)


def test_units_of_the_other_direction_are_refused_before_training(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"units=\[1, 7\].*'forward'.*0 to 5"):
        recorded(tmp_path, nn.GRU(8, 6, batch_first=True, bidirectional=True), units=[1, 7])


def test_the_hidden_state_alone(tmp_path):
    layer = drawn(nn.LSTM(8, 6, batch_first=True))
    alone, both = (recorded(tmp_path / str(hidden_only), layer, hidden_only=hidden_only) for hidden_only in (True, False))
    assert (len(alone.perturbation.off), len(both.perturbation.off)) == (1, 2)
    assert alone.counts == by_itself(layer, alone, hidden_only=True).counts
    assert both.counts == by_itself(layer, both).counts
    assert alone.counts != both.counts


class Own(nn.Module):
    """A recurrent module of one's own: a GRU cell, called once for each sequence."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        self.gru = gru

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        return self.gru(inputs.unsqueeze(1), state.unsqueeze(0))[0][:, 0]


def test_a_step_of_ones_own_gives_the_tpm_of_the_known_one(tmp_path):
    gru = drawn(nn.GRU(8, 6, batch_first=True))
    options = {"units": [0, 2, 4], "threshold": "zero", "draws": 10_000, "tpm": "perturb", "layout": "BTU"}
    own = recorded(tmp_path / "own", Own(gru), step=lambda module, state, inputs: module.step(state, inputs), **options)
    known = recorded(tmp_path / "known", gru, **options)
    assert own.kind == known.kind == "causal"
    assert own.counts == known.counts
    assert own.phi == known.phi


def test_perturbation_is_refused_where_no_step_is_known(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"tpm='perturb': no step is known for 'layer'.*step="):
        recorded(tmp_path, Own(nn.GRU(8, 6, batch_first=True)), tpm="perturb")
    auto = recorded(tmp_path, Own(drawn(nn.GRU(8, 6, batch_first=True))), tpm="auto", layout="BTU")
    assert (auto.kind, auto.perturbation) == ("observational", None)


def test_pruned_weights_are_no_connections_of_the_record(tmp_path):
    gru = drawn(nn.GRU(8, 6, batch_first=True))
    prune.random_unstructured(gru, "weight_hh_l0", amount=0.85)
    record = recorded(tmp_path / "pruned", gru, cm="weights")
    weights = gru.weight_hh_l0.reshape(3, 6, 6).numpy()
    reaches = [[int(a == b or weights[:, b, a].any()) for b in record.units.indices] for a in record.units.indices]
    assert 0 < np.sum(reaches) < 9, "some, not all"
    assert [list(row) for row in record.perturbation.cm] == reaches
    assert record.result.phi == pytest.approx(
        compute_phi(System(tpm=record.tpm.state_by_node, state=record.states[0].state, cm=reaches), engine="pyphi").phi, abs=1e-5
    )
    assert recorded(tmp_path / "full", gru, cm="full").perturbation.cm is None
    with pytest.raises(InvalidArgumentError, match=r"cm='weights' with tpm='observe'.*share causes"):
        recorded(tmp_path, gru, cm="weights", tpm="observe")


def test_blocks_that_are_pooled_are_tested_for_homogeneity(tmp_path):
    class Stack(Gru):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.Sequential(*[Residual(16) for _ in range(3)])

        def forward(self, x: Tensor) -> Tensor:
            return self.net["out"](self.blocks(self.net["gru"](x)[0][:, -1]))

    options = {"layers": "blocks.*", "transitions": "depth", "pool_depth": True, "epochs": 1}
    records = train(tmp_path, model=Stack(), data=sequence_data(), **options).records
    assert [(record.epoch, record.layer) for record in records] == [(-1, "blocks"), (0, "blocks")]
    for record in records:
        (found,) = [diagnostic for diagnostic in record.diagnostics if diagnostic.name == "homogeneity"]
        assert found.value is not None
        assert 0.0 < found.p <= 1.0
        assert any("3 blocks together" in note for note in record.notes)
    assert "homogeneity" in (tmp_path / "iit/0/iit/report.md").read_text()


# --- known answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["COPY_RING", "MAJORITY_RING"])
def test_copy_and_majority_networks_as_an_rnn(tmp_path, network):
    of_gates = getattr(gates, network)
    n = len(of_gates)
    data = DataLoader(TensorDataset(gates.drive(256, 8, n)), 32)
    layer = gates.recurrent_layer(of_gates, nn.RNN)
    record = recorded(tmp_path, layer, data, units=list(range(n)), threshold="zero", states="all", tpm="perturb")
    assert [list(row) for row in record.tpm.state_by_node] == gates.truth_table(of_gates)
    assert sum(isinstance(found.result, Computed) for found in record.states) > 1
    for found in record.states[::4]:
        published = compute_phi(System(tpm=gates.truth_table(of_gates), state=found.state), engine="pyphi")
        assert type(found.result) is type(published)
        assert getattr(found.result, "phi", None) == pytest.approx(getattr(published, "phi", None), abs=1e-5)


NOISE = 0.1
LENGTHS = (300, 1000, 3000, 10_000)
LAYERS = 24


def analytic() -> np.ndarray:
    """The basic network's TPM, each next state flipped with the probability of the noise."""
    return np.abs(np.array(gates.truth_table(gates.BASIC)) - NOISE)


class Flipped(LightningModule):
    """PyPhi's basic network again and again, each with noise of its own; longer sequences in each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([gates.recurrent_layer(gates.BASIC, nn.GRU).requires_grad_(False) for _ in range(LAYERS)])
        self.weight = nn.Parameter(torch.zeros(()))

    def train_dataloader(self) -> DataLoader:
        epoch = self.trainer.current_epoch
        noise = gates.drive(LAYERS, LENGTHS[epoch] + 1, 3, flip=NOISE, seed=10 + epoch)
        return DataLoader(TensorDataset(noise.unsqueeze(0)), 1)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        with torch.no_grad():
            for number, layer in enumerate(self.layers):
                layer(batch[0][:, number])
        return self.weight * 0.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([self.weight], lr=0.0)


def noisy(folder: Any, layers: str, **options: Any) -> tuple[EpochRecord, ...]:
    quiet = {"null_model": None, "pictures": False, "network": False, "table": False, "max_queued": 200}
    callback = IITCallback(layers, units=[0, 1, 2], threshold="zero", initial=False, **quiet, **options)
    trainer(folder, callback, epochs=len(LENGTHS), reload_dataloaders_every_n_epochs=1).fit(Flipped())
    return callback.records


def test_with_noise_the_observed_tpm_converges_with_the_root_of_the_transitions(tmp_path):
    errors: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for record in noisy(tmp_path, "layers.*", tpm="observe"):
        assert record.kind == "observational"
        errors[record.counts.transitions].append(float(np.sqrt(((record.tpm.state_by_node - analytic()) ** 2).mean())))
    assert [len(found) for found in errors.values()] == [LAYERS] * len(LENGTHS)
    means = [np.mean(found) for found in errors.values()]
    slope = np.polyfit(np.log(LENGTHS), np.log(means), 1)[0]
    print(f"\nerror of the observed TPM: {dict(zip(LENGTHS, np.round(means, 4).tolist(), strict=True))}, slope {slope:.3f}")
    assert slope == pytest.approx(-0.5, abs=0.1)


def test_with_noise_the_perturbed_tpm_is_the_analytic_one_within_binomial_error(tmp_path):
    records = [record for record in noisy(tmp_path, "layers.[012]", tpm="perturb", draws=500) if record.epoch > 0]
    assert len(records) == 9
    found = []
    for record in records:
        assert (record.kind, record.perturbation.draws) == ("causal", 500)
        found.append((record.tpm.state_by_node - analytic()) / np.sqrt(NOISE * (1 - NOISE) / 500))
    # The draws are shared by all states: 6 independent frequencies in each record (a unit set ON, or OFF). 3.9 is p < 0.01 of any.
    assert 0.5 < np.abs(found).max() < 3.9
    assert np.std(found) == pytest.approx(1.0, abs=0.3)


# --- transitions over several steps ---------------------------------------------------------------------------------------


def test_transitions_over_several_steps_are_watched(tmp_path):
    options = {"layers": "net.gru", "units": 2, "epochs": 1, "initial": False, "null_model": None}
    callback = train(tmp_path, model=Gru(), data=sequence_data(100), lag=3, **options)
    (record,) = callback.records
    assert (record.kind, record.perturbation) == ("observational", None)
    assert record.counts.transitions == 100 * (sequence_data(1).dataset[0][0].shape[0] - 3)


@pytest.mark.parametrize("asked", [{"tpm": "perturb"}, {"cm": "weights"}])
def test_no_perturbation_is_made_of_several_steps(tmp_path, asked):
    with pytest.raises(InvalidArgumentError, match=r"lag=2 with .*='\w+': a layer that is perturbed makes one step"):
        train(tmp_path, model=Gru(), data=sequence_data(20), layers="net.gru", units=2, lag=2, **asked)


# --- options in words -----------------------------------------------------------------------------------------------------


class Unprintable(list):
    def __str__(self) -> str:
        raise AssertionError


def test_the_data_of_a_probe_are_not_among_the_options_words(tmp_path):
    probe = Unprintable([torch.randn(4, 8, 8)])
    callback = train(tmp_path, model=Gru(), data=sequence_data(20), layers="net.gru", units=2, probe=probe, epochs=1, table=False)
    assert len(callback.records) == 2
    assert callback.described(["net.gru"], probe="Unprintable")["probe"] == "Unprintable"
