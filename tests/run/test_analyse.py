"""Φ of a model that is not in training."""

from __future__ import annotations

import inspect
import json
import os
import random
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import gates
import numpy as np
import pytest
import torch
from index_files import read_index
from models import Gru, Mlp, flat_data, sequence_data
from places import PROJECT
from torch import nn
from training import assert_same

import lightning_iit
from lightning_iit import IITCallback, System, analyse, compute_phi, load_run
from lightning_iit.errors import InvalidArgumentError, UnknownLayerError
from lightning_iit.records import NO_NULL, Computed, Failed, Skipped, TimedOut
from lightning_iit.settings import Settings
from lightning_iit.tpm.estimate import estimate_tpm

QUICK = {"workers": 0, "null_model": None}
pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 100 for each")


# --- what comes out -------------------------------------------------------------------------------------------------------


def test_watched_counts_and_phi_are_those_of_a_plain_loop():
    model, data = Mlp(dropout=0.5), flat_data()
    (record,) = analyse(model, data, "net.1", units=[3, 7, 9], threshold="zero", states="all", **QUICK)
    with torch.no_grad():
        states = (model.eval().net[:2](data.dataset.tensors[0])[:, [3, 7, 9]] > 0).int().numpy()
    tpm = estimate_tpm(states)
    assert record.counts == tpm.counts
    assert len(record.states) > 3
    for found in record.states:
        alone = compute_phi(System(tpm=tpm.state_by_node, state=found.state), engine="pyphi")
        assert getattr(found.result, "phi", None) == pytest.approx(getattr(alone, "phi", None), abs=1e-5)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_a_gate_network_has_its_published_phi(kind):
    layer = nn.Sequential(gates.recurrent_layer(gates.BASIC, kind))
    options = {"units": [0, 1, 2], "threshold": gates.threshold(kind), "states": "all"}
    (record,) = analyse(layer, [gates.drive(64, 6, 3)], "0", **options, **QUICK)
    assert record.kind == "causal"
    assert [list(row) for row in record.tpm.state_by_node] == gates.truth_table(gates.BASIC)
    assert {found.state: found.result for found in record.states}[1, 0, 0].phi == pytest.approx(2.3125, abs=1e-5)


def test_it_is_judged_as_a_last_epoch_is():
    (record,) = analyse(Gru(), sequence_data(), "net.gru", units=3, tpm="observe", workers=0)
    assert record.null.surrogates == 19
    assert record.interval is not None
    assert record.curve[-1].mean == pytest.approx(record.phi, abs=1e-6)


def test_a_worker_computes_the_same():
    model, data = Gru(), sequence_data()
    assert_same(analyse(model, data, "net.gru", units=3), analyse(model, data, "net.gru", units=3, workers=0))


def test_a_module_of_any_depth_without_a_name():
    model = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
    (record,) = analyse(model, flat_data(), units=2, **QUICK)
    assert record.layer == "1"


def test_blocks_in_depth():
    model = nn.Sequential(*[nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(3)])
    records = analyse(model, flat_data(), "[012]", units=2, transitions="depth", **QUICK)
    assert [(record.layer, record.axis, record.kind) for record in records] == [(name, "depth", "causal") for name in "012"]
    assert {record.structural_phi for record in records} == {None}, "what was set is no statement about the stack's structure"
    assert all("The stack is feed-forward" in " ".join(record.notes) for record in records)


def test_more_layers_than_a_training_run_would_let_wait():
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(64, 64) for _ in range(70)])
    records = analyse(model, flat_data(), "*", units=2, null_model=None)
    assert len(records) == 70
    assert {type(record.result) for record in records} == {Computed}


def test_what_is_open_when_the_wait_is_over_speaks_of_no_training():
    with pytest.warns(UserWarning, match="still open 0.001 s after the pass over the data"):
        (record,) = analyse(Mlp(), flat_data(), "net.1", units=2, null_model=None, drain_timeout=0.001)
    assert isinstance(record.result, Skipped | TimedOut)
    assert "drain_timeout of 0.001 s had passed" in record.result.reason


# --- no trace -------------------------------------------------------------------------------------------------------------


def test_the_model_and_the_random_states_are_left_as_they_were():
    model = nn.Sequential(nn.Linear(64, 12), nn.BatchNorm1d(12), nn.Dropout(0.5), nn.Linear(12, 4))
    model.train()
    model[2].eval()
    model(torch.randn(8, 64)).sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    analyse(model, flat_data(), "1", units=2, **QUICK)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]  # noqa: NPY002
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(parameter.grad, old) for parameter, old in zip(model.parameters(), gradients, strict=True))
    assert [part.training for part in model] == [True, True, False, True]
    assert not any(part._forward_hooks for part in model.modules())


# --- files ----------------------------------------------------------------------------------------------------------------


def test_calls_with_other_epochs_make_one_curve_of_the_same_units(tmp_path):
    data, returned = sequence_data(), []
    for epoch in (-1, 0, 4):
        torch.manual_seed(epoch + 1)
        returned += analyse(Gru(), data, "net.gru", units=3, epoch=epoch, global_step=10 * epoch, log_dir=tmp_path, **QUICK)
    assert load_run(tmp_path) == tuple(returned)
    assert [(record.epoch, record.global_step) for record in returned] == [(-1, -10), (0, 0), (4, 40)]
    assert len({record.units for record in returned}) == 1
    torch.manual_seed(5)
    (alone,) = analyse(Gru(), data, "net.gru", units=3, **QUICK)
    assert alone.units != returned[0].units, "by itself the last one would have chosen others"
    report = (tmp_path / "iit" / "report.md").read_text()
    assert [line.split(" |")[0] for line in report.splitlines() if line.startswith(("| -1 |", "| 0 |", "| 4 |"))] == [
        "| -1",
        "| 0",
        "| 4",
    ]
    assert "Inputs: the given data of 4 batches, run in eval mode." in report
    assert json.loads((tmp_path / "iit" / "options.json").read_text())["units"] == "3"
    assert len(list((tmp_path / "iit" / "network").glob("*.json"))) == 3


SWEEP = """
import sys
import torch
from models import Gru, sequence_data
from lightning_iit import analyse
epoch = int(sys.argv[1])
torch.manual_seed(epoch)
model, data = Gru(), sequence_data()
sys.stdin.read()  # begins together with the others
analyse(model, data, "net.gru", units=3, epoch=epoch, log_dir=sys.argv[2], workers=0, null_model=None)
"""


def check_shared(folder):
    records = load_run(folder)
    assert [record.epoch for record in records] == [0, 1, 2, 3]
    assert len({record.units for record in records}) == 1, "all have the units that the first one chose"
    kept = json.loads((folder / "iit" / "units.json").read_text())["layers"]["net.gru"]["units"]["indices"]
    assert tuple(kept) == records[0].units.indices
    assert {entry.epoch for entry in read_index(folder)} == {0, 1, 2, 3}
    report = (folder / "iit" / "report.md").read_text()
    assert all(f"| {epoch} |" in report for epoch in range(4))


def test_processes_that_analyse_into_one_folder_at_once_agree_on_units(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", SWEEP]
    running = [
        subprocess.Popen([*command, str(epoch), str(tmp_path)], stdin=subprocess.PIPE, env=environment) for epoch in range(4)
    ]
    for process in running:
        process.stdin.close()
    assert [process.wait(240) for process in running] == [0] * 4
    check_shared(tmp_path)


def test_threads_that_analyse_into_one_folder_at_once_agree_on_units(tmp_path):
    data, models = sequence_data(), []
    for epoch in range(4):
        torch.manual_seed(epoch)
        models.append(Gru())
    begin = threading.Barrier(4)

    def one(epoch):
        begin.wait()
        analyse(models[epoch], data, "net.gru", units=3, epoch=epoch, log_dir=tmp_path, **QUICK)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(one, range(4)))
    check_shared(tmp_path)


def test_each_layer_keeps_its_units_where_each_has_a_call_of_its_own(tmp_path):
    data = sequence_data()
    for epoch in range(2):
        for layer in ("net.gru", "net.out"):
            torch.manual_seed(epoch)
            analyse(Gru(), data, layer, units=3, epoch=epoch, log_dir=tmp_path, **QUICK)
    of_layer = {name: [record.units for record in load_run(tmp_path) if record.layer == name] for name in ("net.gru", "net.out")}
    assert all(first == second for first, second in of_layer.values())
    torch.manual_seed(1)
    (alone,) = analyse(Gru(), data, "net.gru", units=3, **QUICK)
    assert alone.units != of_layer["net.gru"][0], "by itself the second one would have chosen others"
    assert set(json.loads((tmp_path / "iit" / "units.json").read_text())["layers"]) == set(of_layer)


def test_depth_and_time_share_a_folder(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(3)], nn.GRU(3, 8, batch_first=True))
    data = [torch.randn(16, 5, 3) for _ in range(3)]
    for epoch in range(2):
        analyse(model, data, "3", units=[5, 6], epoch=epoch, log_dir=tmp_path, **QUICK)
        analyse(model, data, "[012]", units=[0, 2], transitions="depth", epoch=epoch, log_dir=tmp_path, **QUICK)
    found = {record.key: record.units.indices for record in load_run(tmp_path)}
    assert found == {(name, epoch): (5, 6) if name == "3" else (0, 2) for name in "0123" for epoch in range(2)}


def test_the_writer_ends_where_the_folder_cannot_be_finished(tmp_path, monkeypatch):
    def broken(_folder):
        raise OSError("disk")

    monkeypatch.setattr("lightning_iit.analysis.load_run", broken)
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="disk"):
        analyse(Mlp(), flat_data(), "net.1", units=2, log_dir=tmp_path, **QUICK)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    analyse(Mlp(), flat_data(), "net.1", units=2, **QUICK)
    assert not list(tmp_path.iterdir())


def test_the_sweep_of_the_readme(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    readme = (PROJECT / "README.md").read_text()
    (block,) = [code for code in re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL) if "analyse" in code]

    class Model(Gru):
        @classmethod
        def load_from_checkpoint(cls, seed):
            torch.manual_seed(seed)
            return cls()

    exec(compile(block, "README.md", "exec"), {"Model": Model, "loader": sequence_data(), "checkpoints": [1, 2]})
    records = load_run("runs/sweep")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0", "1"]
    assert [record.epoch for record in records] == [0, 1]
    assert {(record.kind, record.null_words) for record in records} == {("causal", NO_NULL)}


# --- options --------------------------------------------------------------------------------------------------------------


def test_iit4_of_a_model_that_is_there():
    options = {"units": [7, 2, 11], "formalism": ("iit3", "iit4-2023"), "groups": 1, "states": "all", "workers": 0}
    (record,) = analyse(Gru(), sequence_data(), "net.gru", **options)
    assert record.formalisms == ("iit3", "iit4-2023")
    assert len(record.states) == 8
    for found in record.others[0].states:
        again = compute_phi(
            System(tpm=record.tpm.state_by_node, state=found.state, cm=record.perturbation.cm), formalism="iit4-2023"
        )
        assert (found.result.phi, found.result.partition, found.result.cause) == (again.phi, again.partition, again.cause)
    (among,) = analyse(Gru(), sequence_data(), "net.gru", **options, nodes=[11, 7])
    assert among.others[0].result.nodes == (0, 2)


def test_the_options_are_those_of_the_callback():
    shared = {field.name: field.default for field in fields(Settings)}
    for function in (analyse, IITCallback):
        parameters = inspect.signature(function).parameters
        assert {name: parameters[name].default for name in shared} == shared
        assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in shared if name != "layers")
    documented = IITCallback.__doc__
    assert [name for name in inspect.signature(IITCallback).parameters if f"\n        {name}: " not in documented] == []


def test_what_is_refused():
    model, data = Mlp(), flat_data()
    with pytest.raises(InvalidArgumentError, match=r"analyse\(unit=\.\.\.\).*'units'"):
        analyse(model, data, unit=3)
    with pytest.raises(InvalidArgumentError, match="window"):
        analyse(model, data, window=3)
    with pytest.raises(UnknownLayerError):
        analyse(model, data, "net.x")
    with pytest.raises(InvalidArgumentError, match="threshold"):
        analyse(model, data, threshold="mode")
    with pytest.raises(InvalidArgumentError, match="loader: the loader shuffles"):
        analyse(model, flat_data(shuffle=True))


def test_data_that_the_model_cannot_take():
    (record,) = analyse(Mlp(), [torch.zeros(4, 63)], "net.1", units=2, **QUICK)
    assert isinstance(record.result, Failed)
    assert "could not be run on the given data" in record.result.reason


def test_an_analysis_that_breaks_in_this_process_is_a_failed_record(monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr("lightning_iit.job.job.tpm_for_phi", broken)
    (record,) = analyse(Mlp(), flat_data(), "net.1", units=2, **QUICK)
    assert isinstance(record.result, Failed)
    assert record.counts.transitions == 199


def test_the_package_loads_no_torch_and_the_name_stays_a_function():
    code = (
        "import sys, lightning_iit; assert 'torch' not in sys.modules; "
        "from lightning_iit import analyse; from lightning_iit import analyse as again; "
        "assert callable(analyse) and analyse is again is lightning_iit.analyse"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert lightning_iit.analyse is analyse
