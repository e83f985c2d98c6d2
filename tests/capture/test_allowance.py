"""What a perturbation on the thread that trains may cost: counted rows, fewer backgrounds and groups, the same in a whole run."""

from __future__ import annotations

from itertools import pairwise

import gates
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, seed_everything
from models import Mlp, sequence_data
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from training import train

from lightning_iit.capture.perturb import allowance as allowances
from lightning_iit.capture.perturb.allowance import LEAST_WORK, Allowance, work_of_row
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.capture.perturb.perturber import Perturber
from lightning_iit.capture.perturb.stepper import Observations
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.errors import StepError
from lightning_iit.records import Computed

SURVEY = {"layers": "cell", "units": 4, "groups": "auto", "states": "auto", "null_model": "auto", "pictures": False}


class Stepped(Mlp):
    """A classifier by a GRU cell, called step by step."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.cell, self.out = nn.GRUCell(8, hidden), nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), self.cell.hidden_size)
        for now in x.unbind(1):
            state = self.cell(now, state)
        return self.out(state)


class Rows(Callback):
    """Counts the rows that go through a step of one's own, and how many there were when each epoch began."""

    def __init__(self) -> None:
        self.total, self.at_starts = 0, []

    def step(self, module: nn.Module, state: Tensor, inputs: Tensor) -> Tensor:
        self.total += len(state)
        return module(inputs, state)

    def on_train_epoch_start(self, *_: object) -> None:
        self.at_starts.append(self.total)


def trained(folder, **options):
    rows = Rows()
    seed_everything(5, verbose=False)
    return rows, train(folder, rows, model=Stepped(), data=sequence_data(320), step=rows.step, **(SURVEY | options))


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("limited"))


def perturbed_groups(record) -> int:
    return sum(group.counts is not None for group in record.survey.groups)


def test_the_rows_of_all_groups_stay_within_the_fixed_work(limited):
    rows, callback = limited
    assert [record.epoch for record in callback.records] == [-1, 0, 1, 2]
    # A row of a GRU cell has these products and at least ten further operations on 32 values each.
    most = LEAST_WORK // (3 * 32 * (8 + 32) + allowances.VALUE * 10 * 32)
    ended = [after - before for before, after in pairwise(rows.at_starts)]
    shares = {(record.perturbation.draws, perturbed_groups(record)) for record in callback.records}
    ((draws, groups),) = shares  # the same in the whole run
    assert 256 <= draws < 320 * 9
    assert 5 < groups < 20, "enough for a test of pairs"
    assert ended[1] == draws * groups * 16 <= most < 320 * 9 * 16 * 20
    assert ended[0] == 2 * ended[1] + 3, "with the untrained network, and three rows by which work is counted"


def test_what_was_left_out_is_said(limited):
    for record in limited[1].records:
        assert isinstance(record.result, Computed)
        (note,) = [note for note in record.notes if "its work is limited" in note]
        assert f"of 2,880 observed backgrounds {record.perturbation.draws:,} are used" in note
        assert f"of 20 groups of units {perturbed_groups(record)} are perturbed" in note
        left = [group for group in record.survey.groups if group.counts is None]
        assert left
        assert all("training waits" in group.reason for group in left)
        assert record.survey.phi is not None
    assert limited[1].records[-1].survey.low <= limited[1].records[-1].survey.high, "resamples of the groups that are perturbed"


def test_the_seed_fixes_phi(limited, tmp_path):
    _, again = trained(tmp_path, epochs=2)
    for one, other in zip(limited[1].records[:2], again.records, strict=False):
        assert [group.phis for group in one.survey.groups] == [group.phis for group in other.survey.groups]


def test_a_checkpoint_keeps_the_number_of_rows(limited):
    callback = limited[1]
    (record,) = callback.records[:1]
    rows = callback.state_dict()["watch"]["stepped_rows"]["cell"]
    assert record.perturbation.draws * perturbed_groups(record) * 16 <= rows < 33_000
    perturber = Perturber(Stepped(), ["cell"], PerturbOptions(step=limited[0].step))
    perturber.load_state_dict({"cell": rows, "gone": 3})
    assert perturber.state_dict() == {"cell": rows}


def test_a_number_of_backgrounds_that_is_asked_for_is_kept(tmp_path):
    rows, callback = trained(tmp_path, draws=300, initial=False, epochs=2)
    assert rows.at_starts[1] == 300 * 20 * 16
    for record in callback.records:
        assert (record.perturbation.draws, perturbed_groups(record)) == (300, 20)
        assert not any("its work is limited" in note for note in record.notes)


class Gated(LightningModule):
    """A network of gates as a module of one's own, and a readout that learns."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Sequential(gates.recurrent_layer(gates.BASIC, nn.GRU).requires_grad_(False))
        self.out = nn.Linear(3, 3)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return (self.out(self.own(batch[0])[0]) - batch[0]).pow(2).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_with_the_fewest_backgrounds_a_network_of_gates_has_its_published_phi(tmp_path, monkeypatch):
    monkeypatch.setattr(allowances, "LEAST_WORK", 0)
    options = {"layers": "own", "units": [0, 1, 2], "threshold": 0.0, "states": "all", "layout": "BTU", "initial": False}

    def step(module: nn.Module, state: Tensor, inputs: Tensor) -> Tensor:
        return module[0](inputs[:, None], state[None])[0][:, 0]

    data = DataLoader(TensorDataset(gates.drive(256, 8, 3)), 32)
    (record,) = train(tmp_path, model=Gated(), data=data, epochs=1, step=step, unit_fn=lambda out: out[0], **options).records
    assert record.kind == "causal"
    assert record.perturbation.draws == 128
    assert [list(row) for row in record.tpm.state_by_node] == gates.truth_table(gates.BASIC)
    (found,) = [each.result.phi for each in record.states if each.state == (1, 0, 0)]
    assert found == pytest.approx(2.3125, abs=1e-5)


# --- counted work ------------------------------------------------------------------------------------------------------


class Plain(nn.Module):
    """A recurrent cell of two products without biases."""

    def __init__(self) -> None:
        super().__init__()
        self.feed, self.among = nn.Linear(8, 32, bias=False), nn.Linear(32, 32, bias=False)


def seen(rows: int = 5) -> Observations:
    return Observations((torch.randn(rows, 32),), torch.randn(rows, 8))


@pytest.mark.parametrize("times", [1, 3])
def test_the_work_of_a_row_is_that_of_its_operations(times):
    def step(cell: Plain, state: Tensor, inputs: Tensor) -> Tensor:
        for _ in range(times):
            state = torch.tanh(cell.feed(inputs) + cell.among(state))
        return state

    products, values = 8 * 32 + 32 * 32, 2 * 32
    assert work_of_row(Plain(), step_for(Plain(), step=step), seen()) == times * (products + allowances.VALUE * values)


def test_operations_that_hide_what_they_compute_count_each_parameter():
    def step(cell: Plain, state: Tensor, inputs: Tensor) -> Tensor:
        raise StepError

    assert work_of_row(Plain(), step_for(Plain(), step=step), seen()) == 8 * 32 + 32 * 32 + allowances.VALUE * 32


def test_a_long_epoch_gives_more_and_layers_share_the_fixed_work():
    alone, four, long, resumed = (Allowance(layers) for layers in (1, 4, 1, 1))
    for each in (alone, four, long):
        each.begin_epoch(1000)
        each.begin_epoch(2)  # a pass over the first batches
    alone.fix(seen=1, steps=1, work=10**5)
    four.fix(seen=1, steps=1, work=10**5)
    assert (alone.rows, four.rows) == (LEAST_WORK // 10**5, LEAST_WORK // 4 // 10**5)
    long.fix(seen=640, steps=2, work=10**5)
    assert long.rows == 48_000, "5 % of three passes over 320 rows in each of 1,000 batches"
    long.fix(seen=0, steps=0, work=1)
    assert long.rows == 48_000, "once for the whole run"
    resumed.begin_epoch(float("inf"))
    resumed.fix(seen=10**6, steps=100, work=10**9)
    assert resumed.rows == 150_000, "of an epoch of unknown length what was seen"
