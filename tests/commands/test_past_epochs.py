"""Questions to past epochs: units inside recorded groups, units that only a checkpoint can answer, and what cannot be answered."""

from __future__ import annotations

import shlex

import msgspec
import numpy as np
import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, Mlp, flat_data, sequence_data
from places import SUPPORT
from training import train

from lightning_iit import analyse, cli, compute_phi, load_run
from lightning_iit.records import Failed, System
from lightning_iit.records.steering.folder import answers_in
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.tpm.recorded_groups import group_in
from lightning_iit.tpm.states import state_of
from lightning_iit.viewer.compute import compute_again
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.protocol import ComputeRequest

OPTIONS = {"initial": False, "pictures": False, "network": False, "extra_budget": 0.0, "threshold": "zero"}


def data():
    """The data of a question to a checkpoint."""
    return sequence_data(32)


@pytest.fixture(scope="module")
def perturbed(tmp_path_factory):
    """A run of a GRU with groups of 3 units and the checkpoint of its last epoch."""
    folder = tmp_path_factory.mktemp("perturbed")
    logger = TensorBoardLogger(folder, name="", version="run")
    options = {"layers": "net.gru", "units": 3, "groups": 3, "states": "auto", "logger": logger, "enable_checkpointing": True}
    train(folder, ModelCheckpoint(save_last=False), model=Gru(), data=sequence_data(32), epochs=2, **OPTIONS, **options)
    return folder / "run"


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A run of an MLP whose units are watched, without a checkpoint."""
    folder = tmp_path_factory.mktemp("watched")
    logger = TensorBoardLogger(folder, name="", version="run")
    options = {"layers": "net.1", "units": [3, 7, 9, 12], "groups": 1, "logger": logger}
    train(folder, model=Mlp(), data=flat_data(), epochs=2, **OPTIONS, **options)
    return folder / "run"


def asked(capsys, *arguments):
    """What the command line answers, as JSON, and its exit status."""
    status = cli.main(["phi", *map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return status, msgspec.json.decode(out) if out else None, err


def record_of(run, epoch):
    return next(one for one in load_run(run) if one.epoch == epoch)


def test_units_that_were_watched_are_answered_from_their_own_counts(watched, capsys):
    """The same as if these alone had been watched, in any order."""
    status, found, err = asked(capsys, watched, "--epoch", 0, "--units", "9,3", "--state", "10")
    record = record_of(watched, 0)
    pairs = [(before, after, times) for before, after, times in record.counts.joint]
    seen = np.zeros(4), np.zeros((4, 2))
    for before, after, times in pairs:
        own, then = state_of(before, 4), state_of(after, 4)
        index = own[2] + 2 * own[0]
        seen[0][index] += times
        seen[1][index] += times * np.array([then[2], then[0]])
    rows = seen[1] / seen[0][:, None]
    assert found["system"]["tpm"] == pytest.approx(rows, abs=1e-12)
    alone = compute_phi(System(tpm=rows, state=(1, 0)))
    assert (status, found["result"]["phi"]) == (0, pytest.approx(alone.phi, abs=1e-6))
    assert found["units"] == [9, 3]
    (kept, *_) = answers_in(watched)
    line = f"phi {shlex.quote(str(watched))} --epoch 0 --layer net.1 --units 9,3 --state 10 --formalism iit3"
    assert kept.command.words == line
    assert line in err
    assert kept.words.startswith(f"Φ = {alone.phi:.6g}. From the counts of units 3, 7, 9, 12")


def test_the_kept_line_gives_the_same_answer(watched, capsys):
    first = asked(capsys, watched, "--epoch", 1, "--units", "7,9", "--state", "11")
    line = answers_in(watched)[-1].command.words
    second = asked(capsys, *shlex.split(line)[1:])
    assert first[1]["result"]["phi"] == second[1]["result"]["phi"]
    assert first[1]["system"] == second[1]["system"]


def test_the_kept_line_has_the_options_that_change_the_answer(perturbed, capsys):
    """With all of them at their defaults Φ is another one."""
    group = record_of(perturbed, 1).survey.groups[0].units.indices
    given = ("--epoch", 1, "--units", ",".join(map(str, group)), "--state", "110")
    changed = ("--prior", "0.9", "--cuts", "one", "--no-new-concepts", "--engine", "pyphi", "--option", "MEASURE=L1")
    _, found, _ = asked(capsys, perturbed, *given, *changed)
    line = answers_in(perturbed)[-1].command.words
    _, again, _ = asked(capsys, *shlex.split(line)[1:])
    _, plain, _ = asked(capsys, perturbed, *given)
    assert again["system"] == found["system"]
    assert again["result"]["phi"] == found["result"]["phi"] != plain["result"]["phi"]
    assert again["result"]["engine"] == found["result"]["engine"]


@pytest.mark.parametrize(("run", "layer", "units"), [("watched", "net.1", (9, 3)), ("perturbed", "net.gru", None)])
def test_the_page_is_answered_as_the_command_is(request, capsys, run, layer, units):
    folder = request.getfixturevalue(run)
    units = units or record_of(folder, 0).survey.groups[2].units.indices[::-1][:2]
    named = ",".join(map(str, units))
    _, found, _ = asked(capsys, folder, "--epoch", 0, "--units", named, "--state", "10", "--partitions", 5)
    source = LogDirSource(folder)
    (info,) = source.runs()[0]
    question = ComputeRequest(run=info.id, layer=layer, epoch=0, state=(1, 0), units=units)
    assert compute_again(source, question).phi == pytest.approx(found["result"]["phi"], abs=1e-12)
    ranked = compute_again(source, msgspec.structs.replace(question, wanted="partitions"))
    assert [one.phi for one in ranked.partitions] == pytest.approx(
        [one["phi"] for one in found["partitions"]["partitions"]], abs=1e-12
    )
    slow = compute_again(source, msgspec.structs.replace(question, engine="pyphi", most_seconds=0.01))
    assert (slow.code, slow.reason) == ("costly", "pyphi takes about 0 s for 2 units.")
    for wrong in ((9, 9), (9,), (9, 99), ()):
        answer = compute_again(source, msgspec.structs.replace(question, units=wrong, state=(1,) * len(wrong)))
        assert (type(answer), answer.code) == (Failed, "no_such_units")
    assert compute_again(source, msgspec.structs.replace(question, state=(1, 0, 0))).code == "engine_error"


def test_a_group_of_the_survey_is_answered_as_the_survey_has_it(perturbed, capsys):
    record = record_of(perturbed, 0)
    group = record.survey.groups[2]
    units = ",".join(map(str, group.units.indices))
    for state, phi in zip(group.states, group.phis, strict=True):
        _, found, _ = asked(capsys, perturbed, "--epoch", 0, "--units", units, "--state", "".join(map(str, state)))
        assert found["result"]["phi"] == pytest.approx(phi, abs=1e-6)


def test_some_of_the_units_that_were_set_are_a_mean_over_the_others(perturbed):
    record = record_of(perturbed, 1)
    units = record.units.indices
    rows, *_ = group_in(record, (units[2], units[0]), prior=None)
    whole = tpm_for_phi(record.counts).state_by_node
    share = np.array(record.perturbation.observed, dtype=float)
    share /= share.sum()
    for own in range(4):
        two, zero = own & 1, own >> 1
        expected = sum(
            sum(share[s] for s in range(8) if (s >> 1 & 1) == one) * whole[zero + 2 * one + 4 * two][[2, 0]] for one in (0, 1)
        )
        assert rows[own] == pytest.approx(expected)


def test_other_units_are_answered_from_the_checkpoint_of_the_epoch(perturbed, capsys, monkeypatch):
    """As ``analyse`` answers for the module with these weights, on the data that are named."""
    monkeypatch.syspath_prepend(SUPPORT)
    record = record_of(perturbed, 1)
    units = [unit for unit in range(16) if not any(unit in group.units.indices for group in record.survey.groups)][:2]
    given = ("--epoch", 1, "--units", ",".join(map(str, units)), "--state", "10")
    status, found, err = asked(capsys, perturbed, *given, "--model", "models:Gru", "--data", "models:sequence_data")
    assert status == 0, err
    (path,) = perturbed.rglob("*.ckpt")
    options = {"threshold": "zero", "states": "auto", "workers": 0, "null_model": None}
    (alone,) = analyse(Gru.load_from_checkpoint(path), sequence_data(), "net.gru", units=units, groups=1, **options)
    assert found["system"]["tpm"] == [list(row) for row in alone.tpm.state_by_node]
    assert "From the checkpoint of epoch 1, on the data of models:sequence_data." in answers_in(perturbed)[-1].words
    for missing, words in (
        (("--model", "models:Gru"), "states are observed in data"),
        (("--data", "models:x"), "give the class of"),
    ):
        status, _, err = asked(capsys, perturbed, *given, *missing)
        assert status == 2
        assert words in err
    for wrong in (("--model", "models:Gro", "--data", "models:x"), ("--model", "models:Gru", "--data", "models:nothing")):
        status, _, err = asked(capsys, perturbed, *given, *wrong)
        assert status == 2
        assert "cannot be imported" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--epoch", 0, "--units", "0,1"), "no checkpoint of epoch 0"),
        (("--epoch", 7), "--epoch 7: "),
        (("--layer", "net.2"), "give one of the layers, 'net.1'"),
        (("--units", "3,3"), "give two or more different units"),
    ],
)
def test_what_cannot_be_answered_says_so(watched, capsys, arguments, words):
    before = len(answers_in(watched))
    status, found, err = asked(capsys, watched, *arguments)
    assert (status, found) == (2, None)
    assert words in err
    assert len(answers_in(watched)) == before


def test_a_record_by_itself_answers_for_its_own_units(watched, tmp_path, capsys):
    file = tmp_path / "record.json"
    file.write_bytes((watched / "iit" / "net.1" / "epoch=0000.json").read_bytes())
    status, found, err = asked(capsys, file, "--units", "3,7", "--state", "11")
    assert (status, found["units"], err) == (0, [3, 7], "")
    status, _, err = asked(capsys, file, "--units", "3,8")
    assert status == 2
    assert "give the run's directory" in err
