"""What one sample is: views of a batch are sources of their own, and evaluations of one batch are one."""

from __future__ import annotations

import re

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from training import train

from lightning_iit import Skipped, estimate_tpm
from lightning_iit.errors import InvalidArgumentError


class Plain(LightningModule):
    """A linear layer and a tanh, evaluated once in a step."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))

    def loss(self, x):
        return self.net(x).pow(2).mean()

    def training_step(self, batch, _):
        return self.loss(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-9)


class Views(Plain):
    shift = 1.5

    def training_step(self, batch, _):
        return self.loss(batch[0]) + self.loss(batch[0].flip(0) + self.shift)


class AlikeViews(Views):
    shift = 0.0


class Closures(Plain):
    def configure_optimizers(self):
        return torch.optim.LBFGS(self.parameters(), lr=1e-9, max_iter=6, tolerance_grad=0, tolerance_change=0)


class ViewsInClosures(Views, Closures):
    pass


class Sharpness(Plain):
    """Goes up, evaluates the batch again, goes back and takes the step, as SAM does."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, _):
        optimizer = self.optimizers()
        self.manual_backward(self.loss(batch[0]))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.add_(parameter.grad, alpha=1e-9)
        optimizer.zero_grad()
        self.manual_backward(self.loss(batch[0]))
        optimizer.step()


class Cell(Plain):
    """A cell in a loop over five time steps."""

    def __init__(self, cell=None):
        super().__init__()
        self.cell = cell or nn.GRUCell(3, 4)

    def loss(self, x):
        state = torch.zeros(len(x), 4)
        for time in range(5):
            state = self.cell(x + time, state)
        return state.pow(2).mean()


class OwnCell(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 4)

    def forward(self, x, state):
        return self.cell(x, state)


class CellClosures(Cell, Closures):
    pass


class CellViews(Cell, Views):
    pass


def data(samples=256):
    return DataLoader(TensorDataset(torch.randn(samples, 3, generator=torch.Generator().manual_seed(3))), batch_size=32)


def record_of(folder, model, samples=256, **options):
    options = {"layers": "net.1", "units": [0, 1], "threshold": "zero", "initial": False, "pictures": False, **options}
    return train(folder, model=model, data=data(samples), epochs=1, network=False, **options).records[-1]


def sources_note(record):
    return next((note for note in record.notes if "times in a training step" in note), None)


@pytest.mark.parametrize("kind", [Views, Closures, ViewsInClosures, Sharpness])
def test_the_first_evaluation_of_the_first_source_is_counted(tmp_path, kind):
    torch.manual_seed(0)
    plain = Plain()
    model = kind()
    model.load_state_dict(plain.state_dict())
    expected, record = record_of(tmp_path / "plain", plain), record_of(tmp_path / "other", model)
    assert expected.counts.transitions == 255
    assert record.counts == expected.counts
    assert record.thresholds == expected.thresholds
    two = "called up to 2 times"
    assert (two in (sources_note(record) or "")) == issubclass(kind, Views)


@pytest.mark.parametrize(("kind", "repeated"), [(Closures, 8 * 5), (ViewsInClosures, 8 * 2 * 5), (Sharpness, 8), (Plain, 0)])
def test_repeated_evaluations_are_told(tmp_path, kind, repeated):
    notes = record_of(tmp_path, kind()).notes
    told = [note.split()[0] for note in notes if "evaluated the data of their training step again" in note]
    assert told == ([str(repeated)] if repeated else [])


def test_sources_that_are_alike_are_pooled_where_this_is_asked_for(tmp_path):
    record = record_of(tmp_path, AlikeViews(), sources="pooled", threshold="median")
    assert record.counts.transitions == 2 * 255
    assert "counted together" in sources_note(record)


def test_pooled_sources_have_thresholds_of_their_own(tmp_path):
    """The second view is the first one moved: with one threshold for both, most states would be those of the view."""
    torch.manual_seed(0)
    record = record_of(tmp_path, Views(), sources="pooled", threshold="median", layers="net.0")
    assert record.counts.transitions == 2 * 255
    assert "counted together" in sources_note(record)
    for unit in (0, 1):
        states = [sum(record.counts.visits[state] for state in range(4) if state >> unit & 1 == on) for on in (0, 1)]
        assert states[0] == pytest.approx(states[1], abs=16), "each view is ON half of the time"


def test_sources_that_differ_are_not_pooled(tmp_path):
    class Ordered(Views):
        """The second view alternates between two points, and the first is noise."""

        def training_step(self, batch, _):
            signs = torch.ones(len(batch[0]), 3)
            signs[::2] = -1
            return self.loss(batch[0]) + self.loss(4 * signs)

    torch.manual_seed(1)
    model = Ordered()
    record = record_of(tmp_path, model, sources="pooled", threshold="median")
    assert record.counts.transitions == 255
    assert "they differ" in sources_note(record)


@pytest.mark.parametrize("sources", ["first", "pooled"])
@pytest.mark.parametrize("kind", [Cell, CellClosures])
def test_a_loop_is_one_sequence(tmp_path, kind, sources):
    record = record_of(tmp_path, kind(), layers="cell", tpm="observe", sources=sources)
    assert record.axis == "time"
    assert record.counts.transitions == 256 * 4
    assert sources_note(record) is None


def test_two_views_of_a_cell_are_two_sources(tmp_path):
    record = record_of(tmp_path, CellViews(), layers="cell", tpm="observe")
    assert record.counts.transitions == 256 * 4
    assert "called up to 2 times" in sources_note(record)


@pytest.mark.parametrize("kind", [Cell, CellClosures])
def test_a_module_with_a_step_is_one_sequence(tmp_path, kind):
    record = record_of(tmp_path, kind(OwnCell()), layers="cell", step=lambda module, state, now: module(now, state))
    assert record.kind == "causal"
    assert record.axis == "time"
    assert record.observed.transitions == 256 * 4
    assert sources_note(record) is None


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ("second", "sources='second': there is no such choice; choose 'first' or 'pooled', or give the number of a source"),
        (-1, "sources=-1: choose 'first'"),
        (1.0, "sources=1.0: a value of type float is no whole number"),
        (True, "sources=True: a value of type bool is no whole number"),
    ],
)
def test_a_wrong_source_is_refused_before_training(tmp_path, sources, words):
    with pytest.raises(InvalidArgumentError, match=re.escape(words)):
        record_of(tmp_path, Plain(), sources=sources)


class Gan(LightningModule):
    """A GAN whose critic judges real and generated samples, and then again the generated ones with its new weights."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
        self.critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        self.judged = [], []

    def training_step(self, batch, _):
        makes, judges = self.optimizers()
        made = self.generator(torch.randn(len(batch[0]), 2))
        for seen, samples in zip(self.judged, (batch[0], made), strict=True):
            seen.append(self.critic[0](samples).detach()[:, :2])
        judged = self.critic(made.detach()).mean() - self.critic(batch[0]).mean()
        judges.zero_grad()
        self.manual_backward(judged)
        judges.step()
        loss = -self.critic(made).mean()
        makes.zero_grad()
        self.manual_backward(loss)
        makes.step()

    def configure_optimizers(self):
        return [torch.optim.Adam(part.parameters(), 0.05) for part in (self.generator, self.critic)]


@pytest.mark.parametrize(("sources", "source", "which"), [("first", 1, "first"), (0, 1, "first"), (1, 0, "second")])
def test_either_source_of_a_gan_is_analysed_on_request(tmp_path, sources, source, which):
    torch.manual_seed(4)
    model = Gan()
    record = record_of(tmp_path, model, layers="critic.1", sources=sources)
    states = (torch.cat(model.judged[source]) > 0).int().numpy()
    assert record.counts == estimate_tpm(states).counts
    assert f"the {which} is analysed (sources={sources or 'first'!r})" in sources_note(record)


def test_a_source_that_no_batch_has_is_skipped_with_the_reason(tmp_path):
    record = record_of(tmp_path, Gan(), layers="critic.1", sources=2)
    assert isinstance(record.result, Skipped)
    assert record.result.code == "no_such_source"
    assert (
        "called 2 times at most with data of its own in a training step, and sources=2 asks for the third" in record.result.reason
    )


class PlainCellViews(Cell):
    def loss(self, x):
        return super().loss(x[: len(x) // 2]) + super().loss(2 * x[len(x) // 2 :])


def test_the_second_sequence_of_a_perturbed_cell_is_analysed_on_request(tmp_path):
    torch.manual_seed(5)
    model = PlainCellViews()
    states = []
    model.cell.register_forward_hook(lambda _module, _inputs, output: states.append(output.detach()[:, :2]))
    record = record_of(tmp_path, model, samples=32, layers="cell", tpm="perturb", sources=1)
    assert record.kind == "causal"
    second = (torch.stack(states[5:], 1) > 0).int().numpy()
    assert record.observed.transitions == 16 * 4
    assert record.observed == estimate_tpm(list(second)).counts
    assert sum(record.perturbation.observed) == record.perturbation.draws == 16 * 4
