"""IIT 4.0 in a training: every number against the public functions, and where it is logged."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import shutil
import subprocess
import sys

import msgspec
import numpy as np
import pytest
import torch
from event_files import read_events
from lightning.pytorch import Callback, LightningModule, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from models import Gru, flat_data, sequence_data
from places import PROJECT, SUPPORT
from sample_records import a_record
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from training import train, trainer

from lightning_iit import (
    Failed,
    IITCallback,
    InvalidArgumentError,
    Open,
    Skipped,
    System,
    SystemPhi,
    TimedOut,
    TooManyUnitsError,
    analyse_states,
    change,
    compute_phi,
    compute_structure,
    load_run,
)
from lightning_iit.phi.compiling import IIT3, IIT4, cache_folder
from lightning_iit.phi.pool.endings import unfinished
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import OfFormalism, PhiTask, TaskResult, decode, encode
from lightning_iit.records.logged import logged
from lightning_iit.report.cells import number
from lightning_iit.report.terms import terms
from lightning_iit.run.budget import judgements
from lightning_iit.run.request import reopened, settled_record
from lightning_iit.run.run import FewTransitionsWarning

BOTH = ("iit4-2023", "iit4-2026")
SURVEY = {"layers": "net.gru", "units": 4, "groups": 6, "states": "auto", "pictures": False, "null_model": "auto"}


def system_of(group, state, prior=0.5) -> System:
    """The system of a group of a survey, from its counts."""
    visits = np.array(group.counts.visits)[:, None]
    return System(tpm=np.where(visits > 0, np.array(group.counts.on) / np.maximum(visits, 1), prior), state=state, cm=group.cm)


def weighted(values, weights) -> float:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None and weight]
    return sum(value * weight for value, weight in known) / sum(weight for _, weight in known)


def without_seconds(result):
    """The fields of a φ_s but for time and engine."""
    return {name: getattr(result, name) for name in result.__struct_fields__ if name not in {"seconds", "engine"}}


class Metrics(Callback):
    """Keeps the metrics that another callback could monitor in the last epoch."""

    def on_train_end(self, trainer, pl_module):
        self.last = {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A GRU with all three formalisms, and its folder."""
    folder = tmp_path_factory.mktemp("three")
    loggers = [TensorBoardLogger(folder / "tb", name="", version=""), CSVLogger(folder / "csv", name="", version="")]
    options = {**SURVEY, "formalism": ["iit4-2026", "iit3", "iit4-2023"], "when_busy": "wait", "complexes": True}
    seen = Metrics()
    seed_everything(3)
    model = Gru(hidden=6)
    with torch.no_grad():
        model.net["gru"].weight_hh_l0.mul_(8.0)  # so that units depend on each other: φ_s is above 0 in more states
    with pytest.MonkeyPatch.context() as patch:  # so that intervals are there on a machine whose cores others hold, too
        patch.setattr(judgements, "_SECONDS_OF_THE_LAST", math.inf)
        return train(folder, seen, model=model, data=sequence_data(), epochs=2, logger=loggers, **options), folder, seen


def test_every_number_is_that_of_the_public_functions(three):
    callback, *_ = three
    assert [record.formalisms for record in callback.records] == [("iit3", *BOTH)] * 3
    positive = 0
    for record in callback.records:
        assert record.formalism == "iit3"
        assert record.provenance.options.formalism == "iit3"
        for other in record.others:
            one = record.of(other.formalism)
            assert (one.phi, one.survey.phi, one.null, one.interval) == (other.phi, other.survey.phi, None, None)
            assert len(one.states) == len(record.states) > 1
            for state in one.states:
                again = compute_phi(system_of(one.survey.groups[0], state.state), formalism=other.formalism)
                assert without_seconds(state.result) == without_seconds(again)
                assert state.result.engine.name == "fast"
            assert one.result == one.states[0].result
            structure = compute_structure(system_of(one.survey.groups[0], one.states[0].state), formalism=other.formalism)
            assert one.structure.distinctions == structure.distinctions
            assert (one.structure.relations, one.structure.big_phi) == (structure.relations, structure.big_phi)
            assert one.scalars["big_phi"] == structure.big_phi
            assert one.major_complex.result.formalism == other.formalism
            shares, means, signed = [], [], []
            for group in one.survey.groups:
                found = [compute_phi(system_of(group, state), formalism=other.formalism) for state in group.states]
                assert list(group.phis) == [result.phi for result in found]
                assert list(group.signed) == [result.signed_phi for result in found]
                means.append(weighted(group.phis, group.visits))
                signed.append(weighted(group.signed, group.visits))
                shares.append(weighted([float(phi > 1e-6) for phi in group.phis], group.visits))
                positive += sum(phi > 1e-6 for phi in group.phis)
            survey = one.survey
            assert (survey.phi, survey.signed, survey.share) == pytest.approx(
                (np.mean(means), np.mean(signed), np.mean(shares)), abs=1e-12
            )
    assert positive > 5  # not only zeros were compared


def test_each_has_tags_of_its_own_in_every_logger(three):
    callback, folder, _ = three
    last = callback.records[-1]
    numbers = logged(last)
    of_2023, of_2026 = last.others
    for name, one in (("phi_s", of_2023), ("phi_s_2026", of_2026)):
        assert numbers[f"iit/{name}/net.gru"] == one.survey.phi
        assert numbers[f"iit/{name}_share/net.gru"] == one.survey.share
        assert numbers[f"iit/{name}_signed/net.gru"] == one.survey.signed
        assert numbers[f"iit/{name}_low/net.gru"] == one.survey.low
        assert numbers[f"iit_details/net.gru/{name}"] == one.phi
    assert numbers["iit_details/net.gru/big_phi"] == of_2023.structure.big_phi
    assert numbers["iit_details/net.gru/big_phi_2026"] == of_2026.structure.big_phi
    assert numbers["iit/phi/net.gru"] == last.survey.phi
    assert numbers["iit_details/net.gru/states"] == len(last.states)
    events = read_events(folder / "tb")
    values = {tag: [point.value for point in events.scalars[tag]] for tag in numbers}
    assert {tag: found[-1] for tag, found in values.items()} == pytest.approx(numbers, rel=1e-6)
    rows = (folder / "csv" / "metrics.csv").read_text()
    assert all(tag in rows.splitlines()[0].split(",") for tag in numbers)


def test_every_key_that_the_readme_names_is_logged(three):
    callback, *_ = three
    numbers = logged(callback.records[-1])
    rows = [line for line in (PROJECT / "README.md").read_text().splitlines() if line.startswith("| of IIT 4.0")]
    judged = [line for line in (PROJECT / "README.md").read_text().splitlines() if line.startswith("| the same judgement of φ_s")]
    layer, details, of_layer = (re.findall(r"`([\w/<>]+)`", row) for row in (*rows, *judged))
    assert (len(layer), len(details), len(of_layer)) == (3, 13, 5)
    of_layer.remove("iit/phi_s_change_p/<layer>")  # of six groups that differ, or more
    assert {key.replace("<layer>", "net.gru") for key in (*layer, *of_layer)} <= numbers.keys()
    with_a_null = {"phi_s_null_mean", "phi_s_p", "phi_s_low"}  # of watched units, and with an interval
    assert {f"iit_details/net.gru/{name}" for name in set(details) - with_a_null} <= numbers.keys()


def test_metrics_that_others_monitor(three):
    callback, _, metrics = three
    seen = metrics.last
    last = callback.records[-1]
    assert seen["iit/phi/net.gru"] == seen["iit/net.gru/phi"] == pytest.approx(last.survey.phi)
    assert seen["iit/phi_s/net.gru"] == pytest.approx(last.others[0].survey.phi)
    assert seen["iit/phi_s_2026/net.gru"] == pytest.approx(last.others[1].survey.phi)
    assert "iit/net.gru/phi_s" not in seen


def test_change_and_table_keep_them_apart(three):
    callback, folder, _ = three
    frame = callback.records.to_dataframe()
    assert list(frame["formalism"]) == ["iit3", *BOTH] * 3
    for formalism in ("iit3", *BOTH):
        found = callback.change(formalism=formalism)
        assert found.formalism == formalism
        assert found.after == pytest.approx(callback.records[-1].of(formalism).survey.phi)
        assert ("φ_s" in found.words) == (formalism != "iit3")
        row = frame[(frame.formalism == formalism) & (frame.epoch == 1)].iloc[0]
        assert row.layer_phi == pytest.approx(found.after)
    assert callback.change().formalism == "iit3"
    read = load_run(folder / "tb")
    assert [record.others for record in read] == [record.others for record in callback.records]
    assert change(read, formalism="iit4-2023") == callback.change(formalism="iit4-2023")
    with pytest.raises(InvalidArgumentError, match=r"formalism='iit5'.*'iit3', 'iit4-2023', 'iit4-2026'"):
        callback.records[0].of("iit5")
    report = (folder / "tb" / "iit" / "report.md").read_text()
    for words in ("IIT 3.0", "IIT 4.0 (2023)", "IIT 4.0 (2026)"):
        assert report.split("\n\n")[2].count(f"- Layer `net.gru`, {words}: ") == 1
        assert report.count(f"- `net.gru`, {words}: φ_s is above 0 in ") == (words != "IIT 3.0")
    assert "# Integrated information (Φ, IIT 3.0; φ_s, IIT 4.0 (2023); φ_s, IIT 4.0 (2026)) of this run" in report
    last = callback.records[-1].of("iit4-2023")
    assert f"{len(last.structure.distinctions)} distinctions" in report
    assert f"signed {number(last.result.signed_phi)}" in report
    assert "Albantakis et al. 2023" in callback.methods()


def test_iit4_alone_is_the_result_of_the_record(tmp_path):
    callback = train(tmp_path, model=Gru(), data=sequence_data(), **{**SURVEY, "formalism": "iit4-2023"})
    last = callback.records[-1]
    assert (last.formalism, last.others) == ("iit4-2023", ())
    assert isinstance(last.result, SystemPhi)
    assert last.phi == last.result.phi == last.scalars["phi"]
    assert last.structure.system.phi == last.phi
    assert not any(name.split("/")[1] == "phi" for name in logged(last))
    assert decode(encode(last)) == last
    assert "φ_s" in repr(last)
    assert "signed φ_s" in last._repr_html_()
    assert last.interval is not None
    explained = dict(terms(callback.records))
    assert {"partition", "distinction", "TPM"} <= set(explained)
    assert not {"cut", "concept"} & set(explained), "words of IIT 3.0"


def test_few_transitions_are_told_without_what_coin_flips_read_by_iit3(tmp_path):
    with pytest.warns(FewTransitionsWarning, match=r"3 units: about .* s for each φ_s; 199 transitions for 8") as told:
        train(tmp_path, data=flat_data(200), units=3, formalism="iit4-2023", epochs=1)
    assert not any("coin flips" in str(one.message) for one in told)
    few = analyse_states(np.random.default_rng(0).integers(0, 2, (30, 3)), formalism="iit4-2023", null_model=None)
    assert "29 transitions for 8 possible states, fewer than 100 for each. " in few.notes[-1]


def test_what_each_formalism_takes_is_said_before_the_first_epoch_is_computed(tmp_path, caplog):
    caplog.set_level("INFO")
    options = {"layers": "net.gru", "units": 4, "groups": 2, "pictures": False, "formalism": ("iit3", "iit4-2023")}
    train(tmp_path, model=Gru(), data=sequence_data(), epochs=1, **options)
    seconds = [get_engine("fast", one).seconds(4) for one in ("iit3", "iit4-2023")]
    wanted = f"about {seconds[0]:.2g} s for each Φ (IIT 3.0), {seconds[1]:.2g} s for each φ_s (IIT 4.0 (2023));"
    assert caplog.text.count(wanted) == 1


def test_a_watched_layer_has_the_null_of_phi_s(tmp_path):
    options = {"formalism": "iit4-2023", "units": 3, "null_model": "auto", "surrogates": 9, "pictures": True}
    callback = train(tmp_path, data=flat_data(512), **options)
    last = callback.records[-1]
    assert last.null is not None
    system = System(tpm=last.tpm.state_by_node, state=last.states[0].state)
    assert last.phi == compute_phi(system, formalism="iit4-2023").phi
    assert last.null.values[-1] <= max(1.0, last.null.upper)
    assert logged(last)["iit_details/net.1/phi_s_null_mean"] == last.null.mean
    assert sorted(path.name for path in tmp_path.rglob("epoch=0002.*.png")) == [
        f"epoch=0002.{name}.png" for name in ("mip", "mip_small", "tpm", "tpm_small")
    ]


class Figure1(nn.Module):
    """The network of three stochastic units in figure 1 of Albantakis et al. 2023, as a recurrent module that begins in aBC."""

    def __init__(self, tpm) -> None:
        super().__init__()
        self.register_buffer("tpm", torch.tensor(tpm, dtype=torch.float32))

    def step(self, state, now):
        index = (state.round().long() * torch.tensor([1, 2, 4])).sum(-1)
        return torch.bernoulli(self.tpm[index])

    def forward(self, inputs):
        states = [torch.tensor([0.0, 1.0, 1.0]).expand(len(inputs), 3)]
        for now in inputs[:, 1:].unbind(1):
            states.append(self.step(states[-1], now))
        return torch.stack(states, 1)


class Trained(LightningModule):
    """Figure 1 in a Trainer, with one weight to train."""

    def __init__(self, tpm) -> None:
        super().__init__()
        self.network, self.out = Figure1(tpm), nn.Linear(3, 1)

    def training_step(self, batch, index):
        return self.out(self.network(batch[0])).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def test_the_interval_of_figure_1_holds_its_phi_s(tmp_path):
    """φ_s of aB is 0.17 in the paper, with unit C as its background; 12,000 backgrounds of a network of random units."""
    document = json.loads(gzip.decompress((PROJECT / "tests" / "data" / "pyphi_iit4.json.gz").read_bytes()))
    (figure,) = [one for one in document["systems"] if one["name"] == "iit4_fig1a_AB_011"]
    data = DataLoader(TensorDataset(torch.zeros(4000, 4, 1)), 500)
    callback = train(
        tmp_path,
        model=Trained(figure["tpm"]),
        data=data,
        epochs=1,
        logger=TensorBoardLogger(tmp_path / "tb", name="", version=""),
        layers="network",
        step=lambda module, state, now: module.step(state, now),
        tpm="perturb",
        threshold=0.5,
        units=[0, 1, 2],
        nodes=[0, 1],
        formalism=BOTH,
        initial=False,
        pictures=False,
    )
    (record,) = callback.records
    assert record.states[0].state == (0, 1, 1)
    assert record.perturbation.draws >= 10_000
    assert record.result.nodes == (0, 1)
    events = read_events(tmp_path / "tb")
    low, high = (events.scalars[f"iit_details/network/phi_s_{end}"][-1].value for end in ("low", "high"))
    assert low <= 0.1719 <= high
    assert high - low < 0.05
    assert record.others[0].result.nodes == (0, 1)
    assert record.others[0].phi == pytest.approx(0.0405, abs=0.02)


def test_nodes_of_iit3_are_held_as_in_compute_phi(tmp_path):
    options = {**SURVEY, "units": [7, 2, 11], "nodes": [11, 7], "groups": 1, "formalism": ("iit3", "iit4-2023")}
    callback = train(tmp_path, model=Gru(), data=sequence_data(), epochs=1, **options)
    last = callback.records[-1]
    assert last.units.indices == (7, 2, 11)
    for state, other in zip(last.states, last.others[0].states, strict=True):
        system = System(tpm=last.tpm.state_by_node, state=state.state)
        again = compute_phi(system, nodes=[0, 2])
        assert (state.result.phi, state.result.cut) == (again.phi, again.cut)
        assert without_seconds(other.result) == without_seconds(compute_phi(system, nodes=[0, 2], formalism="iit4-2023"))
    survey = last.survey.groups[0]
    assert list(survey.phis) == pytest.approx(
        [compute_phi(system_of(survey, s), nodes=[0, 2]).phi for s in survey.states], abs=1e-6
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"formalism": "iit4-2023", "cuts": "one"}, InvalidArgumentError, "no such option; leave cuts out"),
        ({"formalism": "iit4-2026", "pyphi_options": {"MEASURE": "L1"}}, InvalidArgumentError, "pyphi_options"),
        ({"formalism": "iit4-2023", "units": 11, "groups": 1}, InvalidArgumentError, "at most 10"),
        ({"formalism": ("iit3", "iit4-2023"), "units": 9, "groups": 1}, InvalidArgumentError, "at most 8"),
        ({"nodes": [0, 1]}, InvalidArgumentError, "not among the units"),
        ({"units": [0, 1, 2], "nodes": [0, 3]}, InvalidArgumentError, "not among the units"),
        ({"units": [0, 1, 2], "nodes": [0, 1], "bits": 2}, InvalidArgumentError, "two elements"),
        ({"units": [0, 1, 2], "nodes": [0, 1], "complexes": True}, InvalidArgumentError, "complexes"),
    ],
)
def test_what_cannot_be_is_said_before_training(tmp_path, options, error, words):
    with pytest.raises((error, TooManyUnitsError), match=words):
        train(tmp_path, **{"units": 2, **options})


def test_a_state_that_no_state_leads_to_is_skipped_by_each(tmp_path):
    """A layer whose unit is always OFF after one step: the state with the unit ON has no cause."""
    model = Gru(hidden=6)
    with torch.no_grad():
        model.net["gru"].weight_hh_l0.zero_()
        model.net["gru"].weight_ih_l0.zero_()
    options = {**SURVEY, "groups": 1, "formalism": ("iit3", *BOTH), "initial": False, "threshold": 5.0, "tpm": "perturb"}
    callback = train(tmp_path, model=model, data=sequence_data(), epochs=1, **options)
    for one in callback.records[-1].by_formalism:
        for state in one.states:
            assert (state.state == (0, 0, 0, 0)) == (not isinstance(state.result, Skipped))


def seeded() -> Gru:
    """A GRU with the same weights each time."""
    seed_everything(3, verbose=False)
    return Gru()


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_a_resumed_run_goes_on_with_all_formalisms(tmp_path):
    options = {**SURVEY, "groups": 2, "units": 3, "formalism": ("iit3", "iit4-2023")}
    whole = train(tmp_path / "whole", model=seeded(), data=sequence_data(), epochs=3, **options).records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path / "part", saved, model=seeded(), data=sequence_data(), epochs=2, enable_checkpointing=True, **options)
    seed_everything(5, verbose=False)
    again = IITCallback(**{"table": False, **options})
    trainer(tmp_path / "part", again, epochs=3).fit(seeded(), sequence_data(), ckpt_path=saved.last_model_path)
    assert [record.epoch for record in again.records] == [-1, 0, 1, 2]
    assert [record.formalisms for record in again.records] == [record.formalisms for record in whole]
    for one, other in zip(again.records[:3], whole, strict=False):  # after a resume the data come in another order
        assert one.others[0].survey.phi == pytest.approx(other.others[0].survey.phi, abs=1e-9)
    last = again.records[-1]
    assert [group.units for group in last.others[0].survey.groups] == [group.units for group in whole[0].survey.groups]
    assert last.others[0].phi == compute_phi(system_of(last.survey.groups[0], last.states[0].state), formalism="iit4-2023").phi
    other_options = IITCallback(**{"table": False, **options, "formalism": "iit4-2023"})
    with pytest.warns(UserWarning, match=r"formalism=iit4-2023 \(before: iit3,iit4-2023\)"):
        trainer(tmp_path / "part", other_options, epochs=4).fit(seeded(), sequence_data(), ckpt_path=saved.last_model_path)


def test_a_task_that_is_ended_says_so_of_each_formalism():
    record = a_record()
    why = TimedOut(reason="too slow", timeout=1.0)
    task = PhiTask(
        **{name: getattr(record, name) for name in ("layer", "epoch", "global_step", "counts", "kind", "axis")},
        prior=0.5,
        states=(record.states[0].state,),
        further=BOTH,
    )
    done = OfFormalism(formalism=BOTH[0], result=Skipped(code="made_up", reason="made up"))
    for partial, expected in ((None, [why, why]), (TaskResult(states=(), others=(done,)), [done.result, why])):
        answer = unfinished(task, why, partial=partial)
        assert [other.formalism for other in answer.others] == list(BOTH)
        assert [other.result for other in answer.others] == expected
        settled = settled_record(msgspec.structs.replace(record, result=Open()), answer.states[0].result, answer, task)
        assert [other.result for other in settled.others] == expected
    gone = Failed(code="interrupted", reason="gone")
    interrupted = settled_record(msgspec.structs.replace(record, result=Open()), gone, None, task)
    assert [other.result.code for other in interrupted.others] == ["interrupted"] * 2
    assert reopened(interrupted).others == ()


def test_within_epochs_there_are_all_formalisms_too(tmp_path):
    options = {**SURVEY, "groups": 1, "units": 3, "formalism": ("iit3", "iit4-2023"), "every_n_steps": 1, "initial": False}
    callback = train(tmp_path, model=Gru(), data=sequence_data(), epochs=1, **options)
    steps = [record for record in callback.records if record.step is not None]
    assert steps
    for record in steps:
        assert record.formalisms == ("iit3", "iit4-2023")
        assert logged(record)["iit/steps/phi_s/net.gru"] == record.others[0].survey.phi


def test_the_training_is_the_same_to_the_bit(tmp_path):
    """With IIT 4.0 and a candidate system, as without the callback."""
    weights = []
    for watched in (False, True):
        seed_everything(7, verbose=False)
        model, data = Gru(), sequence_data()
        callback = IITCallback("net.gru", units=[0, 1, 2, 3], nodes=[0, 1, 2], formalism=("iit3", *BOTH), table=False)
        fit = trainer(tmp_path / str(watched), callback, epochs=2)
        if not watched:
            fit.callbacks = [one for one in fit.callbacks if one is not callback]
        fit.fit(model, data)
        weights.append([value.clone() for value in model.state_dict().values()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


COLD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from lightning.pytorch import Callback
from models import Gru, sequence_data
from training import train

class Look(Callback):
    def on_train_epoch_end(self, trainer, module):
        print(len(list(Path({cache!r}).rglob("*.nbi"))))

options = {{"layers": "net.gru", "formalism": ("iit3", "iit4-2023"), "epochs": 1}}
callback = train(Path({folder!r}), Look(), model=Gru(), data=sequence_data(), **options)
print(len(list(Path({cache!r}).rglob("*.nbi"))), *(one.phi for record in callback.records for one in record.by_formalism))
"""


@pytest.mark.slow
def test_training_does_not_wait_for_an_engine_that_is_not_compiled_yet(tmp_path):
    """When the last epoch ends a worker still compiles, everything that may be needed; then the Φ of all epochs are computed.

    The engine of IIT 3.0 is compiled already, and that of IIT 4.0 is what is waited for at the end.
    """
    get_engine("fast").load()
    cache = tmp_path / "lightning-iit" / cache_folder(IIT4).name
    shutil.copytree(cache_folder(IIT3), cache.parent / cache_folder(IIT3).name)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    code = COLD.format(tests=str(SUPPORT), cache=str(cache), folder=str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    meanwhile, *after = done.stdout.split()
    assert "The engine's code is compiled first" in " ".join(done.stderr.split())
    compiled, *phis = map(float, after)
    # No training ranks partitions: that code is compiled where somebody asks for it.
    of_training = sum(path.read_text().count("\n@entry") for path in IIT4.glob("*.py")) - 1
    assert int(meanwhile) < compiled == of_training
    assert len(phis) == 4
