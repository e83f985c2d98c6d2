"""A kind of layer is one row of one table: kinds that a test adds are picked, read, stepped, judged and drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lightning_iit import analyse
from lightning_iit.capture import LayerKindRow, Picture, kind_of, layer_kinds, register_layer_kind
from lightning_iit.capture.choose.kinds import statement_about
from lightning_iit.capture.choose.picking import pick_layer
from lightning_iit.capture.choose.scores import weight_norm
from lightning_iit.capture.hooks.outputs import layout_of
from lightning_iit.capture.layer_kinds import BUILT_IN, OTHER
from lightning_iit.capture.layout import Layout
from lightning_iit.capture.perturb.connectivity import weight_connectivity
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.errors import InvalidArgumentError, StepError
from lightning_iit.snapshot.recorder import SnapshotRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

QUICK = {"workers": 0, "null_model": None, "pictures": False, "states": "all"}
UNITS = [4, 0, 2]
pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 100 for each")


@pytest.fixture(autouse=True)
def _table() -> Iterator[None]:
    """The table as it was, after each test; the same random weights in each."""
    torch.manual_seed(11)
    rows = layer_kinds._rows()
    before = dict(rows)
    yield
    rows.clear()
    rows.update(before)


# --- kinds of a user's own --------------------------------------------------------------------------------------------------


class Leaky(nn.Module):
    """Units that keep a part of their state; called with sequences ``[B, T, feature]``."""

    def __init__(self, features: int = 3, width: int = 6) -> None:
        super().__init__()
        self.feed = nn.Linear(features, width)
        self.among = nn.Parameter(torch.randn(width, width))

    def advance(self, state: Tensor, now: Tensor) -> Tensor:
        return 0.3 * state + 0.7 * torch.tanh(self.feed(now) + state @ self.among.T)

    def forward(self, inputs: Tensor) -> Tensor:
        states = [inputs.new_zeros(len(inputs), len(self.among))]
        for now in inputs.unbind(1):
            states.append(self.advance(states[-1], now))
        return torch.stack(states[1:], dim=1)


LEAKY = LayerKindRow(
    kind="leaky",
    classes=(Leaky,),
    recurrent=True,
    axes=lambda leaky: {3: "BTU"},
    step=lambda leaky, state, now: leaky.advance(state, now),
    reaches=lambda leaky: (leaky.among != 0) | torch.eye(len(leaky.among), dtype=torch.bool),
    picture=lambda leaky: Picture(len(leaky.among), f"leaky, {len(leaky.among)} units"),
    whole=True,
    weights_in=lambda leaky, units: ("feed", leaky.feed.weight.detach()[units]),
    weights_among=lambda leaky, units: ("weight", leaky.among.detach()[units]),
    incoming=lambda leaky: [[leaky.feed.weight.detach(), leaky.among.detach()]],
)


class LeakyCell(nn.Module):
    """One step of the same, called once for each time."""

    def __init__(self, layer: Leaky) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        return self.layer.advance(inputs.new_zeros(len(inputs), len(self.layer.among)) if state is None else state, inputs)


LEAKY_CELL = LayerKindRow(
    kind="leaky",
    classes=(LeakyCell,),
    recurrent=True,
    axes=lambda cell: {2: "BU"},
    cell=True,
    step=lambda cell, state, now: cell.layer.advance(state, now),
)


class Scaled(nn.Module):
    """A feed-forward layer."""

    def __init__(self, features: int = 5, width: int = 4) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(features, width))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.matrix


SCALED = LayerKindRow(
    kind="scaled",
    classes=(Scaled,),
    recurrent=False,
    weighted=True,
    picture=lambda scaled: Picture(scaled.matrix.shape[1], "scaled"),
    weights_in=lambda scaled, units: ("weight", scaled.matrix.detach().T[units]),
)


def leaky_model() -> nn.Sequential:
    return nn.Sequential(OrderedDict(leaky=Leaky(), head=nn.Linear(6, 2)))


def sequences(batches: int = 4) -> list[Tensor]:
    return [torch.randn(3, 6, 3) for _ in range(batches)]


def states_of(layer: Leaky, batches: Sequence[Tensor]) -> np.ndarray:
    with torch.no_grad():
        return torch.cat([layer(batch) for batch in batches]).double().numpy()


def perturbed_by_hand(layer: Leaky, batches: Sequence[Tensor], units: list[int]) -> np.ndarray:
    """The definition: each unit is set to its mean where it was OFF or ON, in every observed state, and one step is made."""
    states, inputs = states_of(layer, batches)[:, :-1].reshape(-1, 6), torch.cat(list(batches))[:, 1:].reshape(-1, 3).numpy()
    feed, bias, among = (part.detach().double().numpy() for part in (layer.feed.weight, layer.feed.bias, layer.among))
    table = np.zeros((2 ** len(units), len(units)))
    for row in range(len(table)):
        for state, now in zip(states, inputs, strict=True):
            changed = state.copy()
            for place, unit in enumerate(units):
                seen = states[:, unit]
                changed[unit] = (seen[seen > 0] if row >> place & 1 else seen[seen <= 0]).mean()
            after = 0.3 * changed + 0.7 * np.tanh(feed @ now + bias + among @ changed)
            table[row] += (after[units] > 0) / len(states)
    return table


# --- a recurrent kind -------------------------------------------------------------------------------------------------------


def test_a_recurrent_kind_is_picked_read_along_time_and_perturbed() -> None:
    register_layer_kind(LEAKY)
    model, batches = leaky_model(), sequences()
    (record,) = analyse(model, batches, units=UNITS, threshold="zero", **QUICK)
    assert (record.layer, record.axis, record.kind) == ("leaky", "time", "causal")
    assert np.array(record.tpm.state_by_node) == pytest.approx(perturbed_by_hand(model.leaky, batches, UNITS))
    assert 0 < np.array(record.tpm.state_by_node).mean() < 1
    assert record.structural_phi is None


def test_without_its_row_it_is_neither_picked_nor_perturbed() -> None:
    model = leaky_model()
    assert pick_layer(model) == "leaky.feed"
    (record,) = analyse(model, sequences(), "leaky", units=UNITS, threshold="zero", **QUICK)
    assert (record.axis, record.kind) == ("token", "statistical")
    assert step_for(model.leaky) is None


def test_its_watched_transitions_are_those_of_a_plain_loop() -> None:
    register_layer_kind(LEAKY)
    model, batches = leaky_model(), sequences()
    (record,) = analyse(model, batches, units=UNITS, threshold="zero", tpm="observe", **QUICK)
    assert record.kind == "observational"
    codes = ((states_of(model.leaky, batches)[:, :, UNITS] > 0) * [1, 2, 4]).sum(axis=2)
    assert list(record.counts.visits) == np.bincount(codes[:, :-1].ravel(), minlength=8).tolist()


def test_its_connections_are_those_of_its_weights() -> None:
    register_layer_kind(LEAKY)
    layer = Leaky()
    with torch.no_grad():
        layer.among.zero_()
        layer.among[0, 4] = 2.0  # unit 4 acts on unit 0
    assert weight_connectivity(layer, step_for(layer), UNITS) == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    register_layer_kind(LEAKY_CELL)
    cell = LeakyCell(layer)
    with pytest.raises(StepError, match=r"cm='weights'.*LeakyCell are not known"):
        weight_connectivity(cell, step_for(cell), UNITS)


def test_its_units_are_scored_by_the_weights_that_it_names() -> None:
    register_layer_kind(LEAKY)
    layer = Leaky()
    together = torch.cat([layer.feed.weight, layer.among], dim=1).detach().double().numpy()
    assert weight_norm(layer, 6) == pytest.approx(np.linalg.norm(together, axis=1))


def test_it_is_drawn_as_a_whole_with_its_weights() -> None:
    register_layer_kind(LEAKY)
    model, batch = leaky_model(), torch.randn(3, 6, 3)
    recorder = SnapshotRecorder(model, units={"leaky": UNITS})
    with recorder.watch():
        model(batch)
    shot = recorder.snapshot(epoch=0, global_step=0)
    assert [(layer.name, layer.kind, layer.width) for layer in shot.layers] == [
        ("input", "input", 3),
        ("leaky", "leaky", 6),
        ("head", "linear", 2),
    ]
    assert (shot.layers[1].detail, shot.layers[1].analysed) == ("leaky, 6 units", tuple(UNITS))
    states = states_of(model.leaky, [batch])
    assert shot.layers[1].activity[7] == pytest.approx(states[1, 1].tolist(), rel=1e-3, abs=1e-6)  # sample 1 at time 1
    assert shot.steps[7] == (1, 1)
    for pair, of, matrix in ((0, "feed", model.leaky.feed.weight), (2, "weight", model.leaky.among)):
        connections = shot.connections[pair]
        assert connections.of == of
        assert len(connections.weights) == matrix.numel()
        for source, to, weight in connections.weights:
            assert weight == pytest.approx(matrix[to, source].item(), rel=1e-3)
    assert (shot.connections[2].from_layer, shot.connections[2].to_layer) == (1, 1)


def test_time_may_be_its_first_axis() -> None:
    class TimeFirst(Leaky):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs.transpose(0, 1)).transpose(0, 1)

    register_layer_kind(
        LayerKindRow(
            kind="leaky",
            classes=(TimeFirst,),
            recurrent=True,
            axes=lambda _layer: {3: "TBU"},
            step=LEAKY.step,
            picture=LEAKY.picture,
            whole=True,
        )
    )
    layer, batches = TimeFirst(), sequences()
    model = nn.Sequential(layer)
    turned = [batch.transpose(0, 1) for batch in batches]
    (record,) = analyse(model, turned, units=UNITS, threshold="zero", **QUICK)
    plain = Leaky()
    plain.load_state_dict(layer.state_dict())
    assert np.array(record.tpm.state_by_node) == pytest.approx(perturbed_by_hand(plain, batches, UNITS))
    recorder = SnapshotRecorder(model)
    with recorder.watch():
        output = model(turned[0])
    shot = recorder.snapshot(epoch=0, global_step=0)
    assert shot.layers[1].activity[shot.steps.index((1, 2))] == pytest.approx(output[2, 1].tolist(), rel=1e-3, abs=1e-6)


def test_calls_of_a_cell_are_put_together_and_perturbed() -> None:
    class Unrolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = LeakyCell(Leaky())

        def forward(self, inputs: Tensor) -> Tensor | None:
            state = None
            for now in inputs.unbind(1):
                state = self.cell(now, state=state)
            return state

    register_layer_kind(LEAKY_CELL)
    model, batches = Unrolled(), sequences(1)
    (record,) = analyse(model, batches, units=UNITS, threshold="zero", **QUICK)
    assert (record.layer, record.axis, record.kind) == ("cell", "time", "causal")
    codes = ((states_of(model.cell.layer, batches)[:, :, UNITS] > 0) * [1, 2, 4]).sum(axis=2)
    assert list(record.observed.visits) == np.bincount(codes[:, :-1].ravel(), minlength=8).tolist()
    assert np.array(record.tpm.state_by_node) == pytest.approx(perturbed_by_hand(model.cell.layer, batches, UNITS))


# --- a feed-forward kind ----------------------------------------------------------------------------------------------------


def test_a_feed_forward_kind_is_read_and_said_to_have_no_structural_phi() -> None:
    model, batches = nn.Sequential(Scaled(), nn.Tanh(), nn.Linear(4, 2)), [torch.randn(30, 5) for _ in range(3)]
    (before,) = analyse(model, batches, "0", units=2, **QUICK)
    assert (before.kind, before.structural_phi) == ("statistical", None)
    register_layer_kind(SCALED)
    (record,) = analyse(model, batches, "0", units=[3, 1], threshold="zero", **QUICK)
    assert (record.kind, record.axis, record.structural_phi) == ("statistical", "stream", 0.0)
    assert "feed-forward layer (Scaled)" in record.structural_reason
    with torch.no_grad():
        codes = ((model[0](torch.cat(batches))[:, [3, 1]] > 0) * torch.tensor([1, 2])).sum(dim=1)
    assert list(record.counts.visits) == torch.bincount(codes[:-1], minlength=4).tolist()


def test_a_feed_forward_kind_is_picked_and_drawn() -> None:
    register_layer_kind(SCALED)
    model = nn.Sequential(Scaled(), Scaled(4, 3))
    assert pick_layer(model) == "0"
    recorder = SnapshotRecorder(model)
    with recorder.watch():
        model(torch.randn(7, 5))
    shot = recorder.snapshot(epoch=0, global_step=0)
    assert [(layer.name, layer.kind, layer.width) for layer in shot.layers] == [
        ("input", "input", 5),
        ("0", "scaled", 4),
        ("1", "scaled", 3),
    ]
    for pair, module in zip(shot.connections, model, strict=True):
        found = {(source, to): weight for source, to, weight in pair.weights}
        assert found == {
            (source, to): pytest.approx(module.matrix[source, to].item(), rel=1e-3)
            for source in range(module.matrix.shape[0])
            for to in range(module.matrix.shape[1])
        }


def test_what_a_row_says_is_not_believed_of_another_forward() -> None:
    class Recurring(Scaled):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs).cumsum(dim=0)

    class Slower(Leaky):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs / 2)

    class Renamed(Scaled):
        pass

    register_layer_kind(SCALED)
    register_layer_kind(LEAKY)
    assert statement_about(Renamed(), "stream").structural_phi == 0.0
    assert statement_about(Recurring(), "stream").structural_phi is None
    assert step_for(Slower()) is None
    assert statement_about(Slower(), "time").kind == "observational"


# --- the table ---------------------------------------------------------------------------------------------------------------


def test_the_nearest_class_with_a_row_and_the_latest_row_of_a_class_count() -> None:
    class Narrow(nn.Linear):
        pass

    class Narrower(Narrow):
        pass

    assert kind_of(Narrower(2, 2)).kind == "linear"
    register_layer_kind(LayerKindRow(kind="narrow", classes=(Narrow,)))
    assert kind_of(Narrower(2, 2)).kind == "narrow"
    assert kind_of(nn.Linear(2, 2)).kind == "linear"
    register_layer_kind(LayerKindRow(kind="mine", classes=(Narrow, nn.Linear)))
    assert kind_of(Narrower(2, 2)).kind == kind_of(nn.Linear(2, 2)).kind == "mine"
    assert kind_of(nn.Tanh()) is OTHER


def test_each_class_has_one_row() -> None:
    classes = [kind for row in BUILT_IN for kind in row.classes]
    assert len(classes) == len(set(classes))


@pytest.mark.parametrize(
    ("module", "shape", "layout"),
    [
        (nn.Conv1d(2, 3, 1), (5, 3, 7), Layout("BUX")),
        (nn.ConvTranspose2d(2, 3, 1), (3, 7, 7), Layout("UXY")),
        (nn.LSTM(2, 3), (7, 5, 3), Layout("TBU", "time")),
        (nn.GRUCell(2, 3), (5, 3), Layout("BU", "time")),
        (nn.Linear(2, 3), (5, 7, 3), Layout("BTU", "token")),
    ],
)
def test_pytorchs_own_layers_are_read_by_their_rows(module: nn.Module, shape: tuple[int, ...], layout: Layout) -> None:
    assert layout_of(torch.zeros(shape), module) == layout


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"classes": [Leaky]}, "not a tuple of subclasses"),
        ({"classes": (int,)}, "not a tuple of subclasses"),
        ({"recurrent": True}, "recurrent=True without axes"),
        ({"recurrent": False, "step": lambda module, state, now: state}, "say recurrent=True"),
        ({"cell": True}, "say recurrent=True"),
        ({"recurrent": True, "axes": dict, "step": max, "stepper": "a:b"}, "give one of them"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"LayerKindRow\(kind='mine'\).*" + why):
        LayerKindRow(**{"kind": "mine", "classes": (Leaky,)} | change)


def test_only_a_row_is_registered() -> None:
    with pytest.raises(InvalidArgumentError, match="a type is no row of the table"):
        register_layer_kind(Leaky)


# --- rows of installed packages ------------------------------------------------------------------------------------------------

PACKAGE = """
from torch import nn
from lightning_iit.capture import LayerKindRow

class Ring(nn.Module):
    pass

class Hub(nn.Module):
    pass

ROWS = [LayerKindRow(kind="ring", classes=(Ring,)), LayerKindRow(kind="wide", classes=(nn.Linear,))]
HUB = LayerKindRow(kind="hub", classes=(Hub,))
"""

SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lightning_iit.capture
assert "torch" not in sys.modules
from lightning_iit.capture import kind_of
from torch import nn
import my_layers
try:
    print(json.dumps([kind_of(module).kind for module in (my_layers.Ring(), my_layers.Hub(), nn.Linear(1, 1), nn.GRU(1, 1))]))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def kinds_with(folder: Path, *entries: str) -> list[str]:
    """What a process makes of a package with these entry points."""
    (folder / "my_layers.py").write_text(PACKAGE)
    installed = folder / "my_layers-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-layers\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("\n".join(["[lightning_iit.layer_kinds]", *entries, ""]))
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_an_installed_package_adds_rows(tmp_path: Path) -> None:
    assert kinds_with(tmp_path, "many = my_layers:ROWS", "one = my_layers:HUB") == ["ring", "hub", "wide", "gru"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [("broken = my_layers:NONE", "cannot be loaded (AttributeError"), ("odd = my_layers:Ring", "is a type; it has to be")],
)
def test_an_entry_point_that_is_no_row_is_named(tmp_path: Path, entry: str, why: str) -> None:
    kind, message = kinds_with(tmp_path, entry)
    assert kind == "InvalidArgumentError"
    assert f"entry point {entry.partition(' ')[0]!r}" in message
    assert why in message
