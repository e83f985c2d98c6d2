"""What cannot be is said before training: what was given, where, why it cannot be, and what to do instead."""

from __future__ import annotations

import inspect
import pickle
import re
import warnings
from dataclasses import fields
from functools import partial
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from training import train, trainer

from lightning_iit import (
    Failed,
    IITCallback,
    InvalidArgumentError,
    PhiResult,
    Skipped,
    System,
    UnknownLayerError,
    UnknownOptionError,
    analyse,
    analyse_states,
    compute_phi,
    estimate_tpm,
    major_complex,
)
from lightning_iit.settings import Options, Settings

WRONG = {
    "layers": [3, [1, 2], object()],
    "units": [2.5, "3", [0.5, 1], [1, 1], 0, None, np.array([0.5, 1.0])],
    "selection": ["largest", 3, ["variance"], None],
    "threshold": ["median ", "3", True, float("inf"), [0.0, 1.0], None],
    "bits": [3, "2", True, 1.0],
    "groups": [0, 2.0, "3"],
    "transitions": ["space", 1, None],
    "layout": ["BTN", 3, {"net.1": 4}],
    "unit_fn": ["mean", 3],
    "lag": [0, "2", 1.5],
    "sources": ["second", None],
    "calibration_batches": [0, "all", 2.5],
    "freeze_threshold": ["yes", 1, None],
    "seed": ["abc", -1, 1.5, None],
    "tpm": ["set", True],
    "background": ["mean", None],
    "draws": [0, "many", 3.5],
    "step": ["gru", 1],
    "level": ["last", 0.5, None],
    "direction": ["both", None],
    "hidden_only": ["no", 0],
    "cm": ["weight", [[0, 1], [1, 0]]],
    "states": ["first", 0, 1.5, ["mode"], None],
    "prior": ["x", 1.5, -0.1, None, float("nan"), True],
    "formalism": ["iit", 3, None, (), ("iit3", "iit3"), ["iit4-2023", 4]],
    "nodes": ["01", 1, [], [0, 0], [-1], [0.5]],
    "engine": ["slow", 3, None],
    "cuts": ["two", 1],
    "new_concepts": ["no", None],
    "complexes": ["all", 1],
    "repertoires": ["all", 1],
    "pyphi_options": ["MEASURE", [("MEASURE", "L1")], {1: 2}],
    "null_model": ["cuts", False],
    "surrogates": [0, "19", 2.5],
    "preset": ["papers", 1],
    "moments": [-1, "50", 2.5],
    "search_null": ["no", None],
    "measures": ["phi", ("phi_star", "psi"), 3, None],
    "timeout": ["600", 0, -1, float("nan"), float("inf"), True],
    "pictures": ["no", 1],
    "executor": ["dusk", "dask://", "", 3, None, ["dask"], object()],
    "workers": [-1, "2", 1.5, True],
    "drain_timeout": ["600", -1, None, float("nan")],
    "trackers": ["nobody", 3, [3], ["nobody"]],
    "network": ["no", None],
    "network_budget": [-1, "200k", 2e5],
    "pool_depth": ["yes", 1, True],
    "every_n_epochs": [0, "2", 1.5],
    "every_n_steps": [0, "100", 1.5, True],
    "window": ["3", 0, 1.5, True],
    "when_busy": ["drop", None],
    "budget": ["a quarter", -0.1, float("nan")],
    "extra_budget": ["a quarter", -0.1, float("nan"), None],
    "initial": ["no", 0],
    "max_queued": [-1, "64", 1.5],
    "prog_bar": ["yes", 1],
    "table": ["no", 0],
    "control": ["no", 0, None],
    "probe": [3, torch.zeros(4, 64), np.zeros((4, 64)), "loader", iter([1])],
    "name": ["", "two words", 3, "iit", "a" * 41],
}
OPTIONS = list(inspect.signature(IITCallback).parameters)
SHARED = [field.name for field in fields(Settings)]


def test_every_option_has_values_that_cannot_be():
    assert sorted(WRONG) == sorted(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_checked_before_training(tmp_path, option):
    for value in WRONG[option]:
        with pytest.raises(InvalidArgumentError) as caught:
            trainer(tmp_path, IITCallback(**({"layers": "net.1", "units": 2} | {option: value}))).fit(Mlp(), flat_data())
        says(str(caught.value), option)
        if option in SHARED and (option, value) != ("workers", 0):
            with pytest.raises(InvalidArgumentError) as caught:
                analyse(Mlp(), flat_data(), **({"layers": "net.1"} | {option: value}))
            says(str(caught.value), option)


def says(message: str, option: str) -> None:
    """Names the option, and has more than a single clause: what was given, and what to do instead."""
    assert option in message
    assert len(message.split()) >= 7, message
    assert re.search(r"[Gg]ive|[Cc]hoose|expected|coded|needed|[Uu]se|[Nn]ame|is on(ly)? |positive|Ask|whole|axes", message), (
        message
    )


@pytest.mark.parametrize("option", [name for name in OPTIONS if get_type_hints(Settings).get(name) is int])
def test_numpy_integers_are_whole_numbers(option):
    default = inspect.signature(IITCallback).parameters[option].default
    settings = Settings(**{option: np.int64(default)})
    settings.check()
    assert (type(getattr(settings, option)), getattr(settings, option)) == (int, default)


def test_a_run_with_numpy_numbers_is_that_with_pythons(tmp_path):
    same = {"window": 2, "every_n_epochs": 1, "lag": 1, "seed": 3, "surrogates": 5, "states": 2, "max_queued": 9}
    numbers = {name: np.int32(value) for name, value in same.items()}
    given = {"units": np.array([0, 2]), "prior": np.float32(0.5), "timeout": np.float64(60), "initial": np.bool_(False)}
    callback = train(tmp_path, epochs=1, **numbers, **given)
    assert [record.units.indices for record in callback.records] == [(0, 2)]
    assert callback.units == [0, 2]
    assert {name: getattr(callback, name) for name in same} == same
    assert {type(getattr(callback, name)) for name in same} == {int}


@pytest.mark.parametrize("null", ["cut", "shuffle"])
def test_a_null_is_refused_where_units_are_set(tmp_path, null):
    """Also where another layer is watched, which has the cut null without being asked."""
    for layers in ("net.gru", ["net.gru", "net.out"]):
        with pytest.raises(InvalidArgumentError, match=rf"null_model='{null}'.*'net.gru' are set.*Leave it out.*tpm='observe'"):
            trainer(tmp_path, IITCallback(layers, units=2, null_model=null)).fit(Gru(), sequence_data())
    with pytest.raises(InvalidArgumentError, match="null_model"):
        analyse(Gru(), sequence_data(), "net.gru", null_model=null, log_dir=tmp_path)
    for allowed in ({"null_model": "auto"}, {"null_model": None}, {"null_model": null, "tpm": "observe"}):
        Settings(layers="net.gru", **allowed).watch(Gru(), Settings().run_options(), snapshots=False)


# --- keywords --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (IITCallback, "IITCallback"),
        (partial(analyse, Mlp(), []), "analyse"),
        (partial(analyse_states, np.zeros((9, 2))), "analyse_states"),
        (partial(compute_phi, None), "compute_phi"),
        (partial(major_complex, None), "major_complex"),
        (partial(estimate_tpm, np.zeros((9, 2))), "estimate_tpm"),
    ],
)
@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("layer", "layers"),
        ("engines", "engine"),
        ("time_out", "timeout"),
        ("treshold", "threshold"),
        ("pior", "prior"),
        ("zzz", None),
    ],
)
def test_an_unknown_keyword_offers_the_close_one(call, name, wrong, right):
    function = call.func if isinstance(call, partial) else call
    known = inspect.signature(function).parameters
    if wrong in known:
        return
    with pytest.raises(UnknownOptionError, match=rf"^{name}\({wrong}=\.\.\.\): there is no such option\. ") as caught:
        call(**{wrong: 1})
    assert isinstance(caught.value, InvalidArgumentError)
    assert isinstance(caught.value, TypeError)
    if right in known:
        assert f"Did you mean {right!r}?" in str(caught.value)


def test_the_typed_keywords_of_analyse_are_the_settings():
    hints = get_type_hints(Settings)
    assert {name: hints[name] for name in SHARED if name != "layers"} == get_type_hints(Options)


# --- layers and units ------------------------------------------------------------------------------------------------------


class Nested(Mlp):
    """Has a list and a dict of modules, which are never called themselves."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(64, 8), nn.Linear(64, 8)])
        self.heads = nn.ModuleDict({"a": nn.Linear(64, 8)})
        self.rnn = nn.GRU(4, 8, bidirectional=True)

    def forward(self, x):
        return super().forward(x) + self.blocks[0](x).mean() * 0


@pytest.mark.parametrize(("layer", "instead"), [("blocks", "blocks.*"), ("heads", "heads.*")])
def test_a_list_of_modules_is_no_layer(layer, instead):
    model = Nested()
    for given in (layer, [layer], getattr(model, layer)):
        with pytest.raises(
            InvalidArgumentError, match=rf"layers='{layer}': a Module(List|Dict) .*never called.*{re.escape(instead)}"
        ):
            analyse(model, flat_data(), given)


def test_a_glob_passes_over_lists_of_modules(tmp_path):
    callback = train(tmp_path, layers="**blocks**", units=2, model=Nested(), epochs=1, initial=False, limit_train_batches=8)
    assert {record.layer for record in callback.records} == {"blocks.0", "blocks.1"}


@pytest.mark.parametrize("several", [False, True])
def test_a_module_of_the_model_is_a_layer(tmp_path, several):
    model = Mlp()
    callback = train(tmp_path, layers=[model.net[1], "net.0"] if several else model.net[1], model=model, epochs=1, initial=False)
    assert [record.layer for record in callback.records] == (["net.0", "net.1"] if several else ["net.1"])
    assert b"Linear" not in pickle.dumps(callback.layers)
    model = Mlp()
    (record,) = analyse(model, flat_data(), model.net[1], units=2, workers=0, null_model=None)
    assert record.layer == "net.1"


def test_a_module_of_another_model_is_none():
    with pytest.raises(UnknownLayerError, match="no module of the model"):
        analyse(Mlp(), flat_data(), Mlp().net[1])


@pytest.mark.parametrize(("layer", "width"), [("blocks.0", 8), ("rnn", 16), ("net.0", None), ("net.1", None), ("net", None)])
def test_units_that_the_layer_has_not(tmp_path, layer, width):
    width = width or "[0-9]+"
    with pytest.raises(
        InvalidArgumentError, match=rf"units=\[3, 9999\]: layer '{layer}' has {width} units and no unit 9999\. Give"
    ):
        trainer(tmp_path, IITCallback(layer, units=[3, 9999])).fit(Nested(), flat_data())


class Ends(nn.Module):
    """Ends in a layer of 8 units, in several ways of writing it."""

    def __init__(self):
        super().__init__()
        self.before, self.fc, self.act, self.more = nn.Linear(64, 32), nn.Linear(32, 8), nn.ReLU(), nn.Linear(64, 1)

    def forward(self, x):
        hidden = self.act(self.before(x))
        hidden = self.fc(torch.relu(hidden))
        return torch.tanh(hidden).float() * self.more(x)


class Twice(nn.Module):
    """Gives twice as many units as its last layer."""

    def __init__(self):
        super().__init__()
        self.end = Ends()

    def forward(self, x):
        return torch.cat([self.end(x), self.end(x)], 1)


class Branches(Twice):
    def forward(self, x):
        if len(x) > 10**6:
            return super().forward(x)
        return self.end(x)


class Inner(Mlp):
    """Calls one more layer, whose output changes nothing."""

    def __init__(self, layer: nn.Module, example=None):
        super().__init__()
        self.layer, self.example_input_array, self.calls = layer, example, 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.seen += 1
        out = self.layer(x)
        return super().forward(x) + (0 * out.mean() if isinstance(out, torch.Tensor) else 0)


class Reshaped(nn.Sequential):
    def forward(self, x):
        return super().forward(x.reshape(len(x), -1, 8))


TOLD = {
    "returned": (Ends(), 8),
    "inside": (nn.Sequential(nn.Linear(64, 64), Ends()), 8),
    "same": (nn.Sequential(Ends(), nn.Identity(), nn.Dropout(0.1)), 8),
    "norm": (nn.Sequential(nn.Linear(64, 8), nn.LayerNorm(8)), 8),
    "batch norm": (nn.BatchNorm1d(64), 64),
    "transformer": (nn.TransformerEncoderLayer(64, 4, 16), 64),
    "stack": (nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 16), 2, enable_nested_tensor=False), 64),
}
NOT_TOLD = {
    "concatenated": (Twice(), 16),
    "branching": (Branches(), 8),
    "of the rank": (Reshaped(nn.Conv1d(8, 4, 1)), 8),  # [B, 4, 8] is read as tokens of 8 units
}


@pytest.mark.parametrize("layer", TOLD)
def test_layers_that_tell_their_width(tmp_path, layer):
    module, width = TOLD[layer]
    words = rf"units=\[0, {width}\]: layer 'layer' has {width} units and no unit {width}\. Give"
    with pytest.raises(InvalidArgumentError, match=words):
        trainer(tmp_path, IITCallback("layer", units=[0, width])).fit(Inner(module), flat_data())


@pytest.mark.parametrize("layer", NOT_TOLD)
def test_the_example_of_the_model_tells_the_width(tmp_path, layer):
    module, width = NOT_TOLD[layer]
    model = Inner(module, torch.zeros(3, 64))
    module.eval()
    modes, drawn = {name: part.training for name, part in model.named_modules()}, torch.get_rng_state()
    callback = IITCallback("layer", units=[0, width])
    with pytest.raises(InvalidArgumentError, match=rf"layer 'layer' has {width} units and no unit {width}\. Give"):
        trainer(tmp_path, callback).fit(model, flat_data())
    assert (model.calls, model.seen.item()) == (0, 0), "the run leaves no trace"
    assert {name: part.training for name, part in model.named_modules()} == modes
    assert torch.equal(torch.get_rng_state(), drawn)
    assert not any(part._forward_hooks for part in model.modules())


def test_an_example_that_fails_tells_nothing(tmp_path):
    callback = train(tmp_path, layers="layer", units=[0, 15], model=Inner(Twice(), torch.zeros(3, 5)), epochs=1, initial=False)
    assert [record.units.indices for record in callback.records] == [(0, 15)]


@pytest.mark.parametrize("layer", NOT_TOLD)
def test_units_that_exist_are_never_refused(tmp_path, layer):
    module, width = NOT_TOLD[layer]
    callback = train(tmp_path, layers="layer", units=[0, width - 1], model=Inner(module), epochs=1, initial=False)
    assert [record.units.width for record in callback.records] == [width]


def test_units_along_depth(tmp_path):
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 16), 2, enable_nested_tensor=False)
    with pytest.raises(InvalidArgumentError, match=r"layer 'layer\.layers\.0' has 64 units and no unit 64\. Give"):
        trainer(tmp_path, IITCallback(units=[0, 64], transitions="depth")).fit(Inner(stack), flat_data())


class Text(nn.Module):
    def forward(self, x):
        return f"{len(x)} rows"


@pytest.mark.parametrize("initial", [False, True])
@pytest.mark.parametrize(("layer", "words"), [(Twice(), "units=[0, 16]: the layer has 16 units and no unit 16."), (Text(), "str")])
def test_what_shows_at_the_first_batch_is_said_at_once(tmp_path, layer, words, initial):
    """A warning before the second batch, and records with the words; training goes on."""
    batches = []

    class Seen(Callback):
        def on_train_batch_end(self, *_):
            batches.append(len(caught))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callback = IITCallback("layer", units=[0, 16], null_model=None, table=False, initial=initial)
        trainer(tmp_path, callback, Seen(), epochs=2).fit(Inner(layer), flat_data())
    said = [number for number, warning in enumerate(caught) if "Layer 'layer' could not be recorded" in str(warning.message)]
    assert len(said) == 1, "once"
    assert said[0] < batches[0], "the first batch"
    assert words in str(caught[said[0]].message)
    assert [type(record.result) for record in callback.records] == [Failed] * (3 if initial else 2)
    assert all(words in record.result.reason and not record.result.reason.endswith("..") for record in callback.records)


# --- data ------------------------------------------------------------------------------------------------------------------


def test_a_path_is_no_model():
    with pytest.raises(InvalidArgumentError, match=r"model='x\.ckpt': .*load_from_checkpoint\('x\.ckpt'\)"):
        analyse("x.ckpt", flat_data())
    with pytest.raises(InvalidArgumentError, match="load_state_dict"):
        analyse(Mlp().state_dict(), flat_data())
    with pytest.raises(InvalidArgumentError, match="a class is no network"):
        analyse(Mlp, flat_data())


def test_a_tensor_is_no_probe():
    with pytest.raises(InvalidArgumentError, match=r"loader: got one Tensor of shape \(4, 64\).*\[x\]"):
        analyse(Mlp(), torch.zeros(4, 64))


@pytest.mark.parametrize("function", [analyse_states, estimate_tpm])
def test_a_transposed_recording_is_suspected(function):
    states = np.random.default_rng(0).random((4, 5000)) > 0.5
    with pytest.raises(InvalidArgumentError, match=r"5000 units.*4 rows.*5000 columns.*transposed\?.*states\.T"):
        function(states)


def test_a_lag_longer_than_the_sequences():
    states = np.random.default_rng(0).random((20, 2)) > 0.5
    with pytest.raises(InvalidArgumentError, match=r"lag=20: a transition spans 21 rows.*has 20\. Give a lag of at most 19"):
        analyse_states([states, states[:9]], lag=20)
    assert analyse_states(states, lag=19).counts.transitions == 1
    (record,) = analyse(Mlp(), [torch.zeros(8, 64)], "net.1", units=2, lag=50, workers=0)
    assert isinstance(record.result, Skipped)
    assert "with lag=50 a sequence needs at least 51 steps" in record.result.reason


# --- types -----------------------------------------------------------------------------------------------------------------


def test_every_outcome_says_its_phi():
    for outcome in get_args(PhiResult):
        assert hasattr(outcome, "phi"), outcome
    assert Skipped(code="x", reason="y").phi is None


def test_an_estimated_tpm_makes_a_system():
    tpm = estimate_tpm(np.random.default_rng(0).random((900, 2)) > 0.5)
    assert (
        System(tpm=tpm, state=[0, 1])
        == System(tpm=tpm.state_by_node, state=np.array([0, 1]))
        == System(tpm=tpm.record, state=(0, 1))
    )
