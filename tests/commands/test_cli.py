"""The command line, from files to exit codes."""

from __future__ import annotations

import importlib.metadata
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import msgspec
import numpy as np
import pytest
from coin_flips import simulate_coin_flips
from processes import start_interruptible

import lightning_iit
from lightning_iit import System, compute_phi
from lightning_iit.commands.check_case import compare
from lightning_iit.commands.check_plan import with_engine, within_time
from lightning_iit.commands.verify import analyses_of
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.job.job import run
from lightning_iit.phi.cost import coin_flip_phi, seconds_per_phi, transitions_for, units_for
from lightning_iit.records import (
    Counts,
    EngineInfo,
    EpochRecord,
    Failed,
    NullResult,
    Perturbation,
    PhiOptions,
    PhiTask,
    Provenance,
    StateResult,
)
from lightning_iit.records.names import record_name
from lightning_iit.records.store import write_record
from lightning_iit.tpm.conversion import state_by_state
from lightning_iit.tpm.estimate import counts_from_codes, tpm_from_counts

BASIC = [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 0]]
CM = "001;101;110"


@pytest.fixture
def tpm():
    return np.random.default_rng(4).random((8, 3))


COLUMNS = "200"


def record(epoch, *, n=3, seed=0, steps=400, cm=None):
    codes = np.random.default_rng([seed, epoch + 1]).integers(0, 2**n, steps)
    codes[1::2] = (codes[0:-1:2] * 3) % 2**n
    counts = counts_from_codes(codes[:-1], codes[1:], units=n)
    states = tuple(tuple(state >> unit & 1 for unit in range(n)) for state in (1, 2))
    task = PhiTask(
        layer="rnn", epoch=epoch, global_step=epoch, counts=counts, prior=0.5, states=states, kind="observational", axis="time",
        labels=tuple(map(str, range(n))), cm=cm, pictures=False,
    )  # fmt: skip
    answer = run(task)
    return EpochRecord(
        layer="rnn", epoch=epoch, global_step=epoch, wall_time=1.0, kind="observational", axis="time",
        result=answer.states[0].result, states=answer.states, counts=counts, tpm=answer.tpm, scalars=answer.scalars,
        provenance=Provenance(engine="fast", options=PhiOptions(), seed=0, window=1),
    )  # fmt: skip


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    for epoch in range(3):
        write_record(folder, record(epoch))
    return folder


# --- phi -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "csv with names", "state-by-state"])
def test_phi_of_a_file(run_cli, tmp_path, tpm, kind):
    path = tmp_path / f"tpm.{kind[:3]}"
    arguments = ["--state", "1,0,1"]
    if kind == "npy":
        np.save(path, tpm)
    elif kind == "npz":
        np.savez(path, tpm=tpm, state=[1, 0, 1])
        arguments = []
    elif kind == "state-by-state":
        path = tmp_path / "square.npy"
        np.save(path, state_by_state(tpm))
    else:
        np.savetxt(path, tpm, delimiter=",", header="A,B,C" if "names" in kind else "", comments="")
    expected = compute_phi(System(tpm=tpm, state=(1, 0, 1)))
    status, out, _ = run_cli("phi", path, *arguments)
    assert status == 0
    assert f"Φ = {expected.phi:.6g} in state 101" in out
    assert f"{len(expected.concepts)} concepts" in out
    assert ("conditionally independent (largest deviation" in out) == (kind == "state-by-state")
    status, out, _ = run_cli("phi", path, *arguments, "--json")
    document = json.loads(out)
    assert status == 0
    assert document["result"]["phi"] == pytest.approx(expected.phi, abs=1e-6)
    assert document["result"]["status"] == "computed"
    assert document["form"] == ("state-by-state" if kind == "state-by-state" else "state-by-node")
    assert document["dependence"] is None or document["dependence"] < 1e-12


def test_phi_of_dependent_units(run_cli, tmp_path):
    square = np.full((4, 4), 0.0)
    square[:, 0] = square[:, 3] = 0.5  # both or neither
    np.save(tmp_path / "square.npy", square)
    status, _, err = run_cli("phi", "square.npy", "--state", "11")
    assert status == 2
    assert "not independent" in err
    assert "0.25 away" in err
    status, out, _ = run_cli("phi", "square.npy", "--state", "11", "--allow-dependence")
    assert status == 0
    assert "NOT conditionally independent" in out
    assert "Φ = 0 " in out


def test_phi_with_connections_complexes_and_engines(run_cli, tmp_path):
    np.savetxt(tmp_path / "basic.csv", BASIC, delimiter=",")
    np.save(tmp_path / "cm.npy", np.array([[0, 0, 1], [1, 0, 1], [1, 1, 0]]))
    for engine in ("fast", "pyphi"):
        for cm in (CM, "cm.npy"):
            status, out, _ = run_cli("phi", "basic.csv", "--state", "100", "--cm", cm, "--engine", engine, "--complexes")
            assert status == 0
            assert "Φ = 2.3125 in state 100" in out
            assert f"{engine} engine" in out
            assert "{1, 2} -/-> {0}" in out
            assert "Major complex: {0, 1, 2}, Φ = 2.3125" in out
    status, out, _ = run_cli("phi", "basic.csv", "--state", "100", "--cm", CM, "--option", "MEASURE=L1", "--json", "--complexes")
    assert status == 0
    document = json.loads(out)
    assert document["result"]["engine"]["name"] == "pyphi"
    assert document["result"]["phi"] != pytest.approx(2.3125, abs=0.01)
    assert document["major_complex"]["nodes"] == [0, 1, 2]


def test_phi_of_a_candidate_system(run_cli, tmp_path, tpm):
    np.savez(tmp_path / "cube.npz", tpm=tpm.reshape((2, 2, 2, 3), order="F"), state=[1.0, 0.0, 1.0])  # as PyPhi has it
    expected = compute_phi(System(tpm=tpm, state=(1, 0, 1)), nodes=(0, 2))
    status, out, _ = run_cli("phi", "cube.npz", "--nodes", "0,2")
    assert status == 0
    assert f"Φ = {expected.phi:.6g} in state 101" in out
    assert "Nodes {0, 2}; the others are held at their states." in out
    document = json.loads(run_cli("phi", "cube.npz", "--nodes", "0,2", "--json")[1])
    assert (document["nodes"], document["result"]["phi"]) == ([0, 2], expected.phi)


def test_a_sparse_system_of_nine_nodes_and_a_limit_for_its_complex(run_cli, tmp_path, tpm):
    nine = np.full((512, 9), 0.5)
    nine[:, :3] = np.tile(tpm, (64, 1))  # the first three units are little-endian first
    np.save(tmp_path / "nine.npy", nine)
    status, out, _ = run_cli("phi", "nine.npy", "--state", "000000000", "--complexes", "--timeout", "60")
    assert status == 0
    assert "Major complex: {0, 1, 2}" in out
    np.save(tmp_path / "dense.npy", np.random.default_rng(0).random((256, 8)))
    out = run_cli("phi", "dense.npy", "--state", "0" * 8, "--complexes", "--timeout", "0.5")[1]
    assert "No major complex: Not finished within its time limit of 0.5 s" in out


def test_a_matrix_that_contradicts_the_tpm_is_told_once(run_cli, tmp_path, tpm):
    np.save(tmp_path / "tpm.npy", tpm)
    status, _, err = run_cli("phi", "tpm.npy", "--state", "100", "--cm", "111;111;011", "--complexes")
    assert status == 0
    assert err.count("cm has no connection from node 2 to node 0") == 1
    assert run_cli("phi", "tpm.npy", "--state", "100", "--complexes")[2] == ""


def test_a_square_of_float16_counts_as_independent(run_cli, tmp_path, tpm):
    np.save(tmp_path / "half.npy", state_by_state(tpm).astype(np.float16))
    status, out, _ = run_cli("phi", "half.npy", "--state", "100")
    assert status == 0
    assert "State-by-state TPM, conditionally independent" in out


def test_what_is_not_computed_has_status_1(run_cli, tmp_path):
    np.save(tmp_path / "basic.npy", BASIC)
    status, out, _ = run_cli("phi", "basic.npy", "--state", "010", "--cm", CM)
    assert status == 1
    assert "No Φ: " in out
    np.save(tmp_path / "dense.npy", np.random.default_rng(0).random((32, 5)))
    status, out, _ = run_cli("phi", "dense.npy", "--state", "01010", "--engine", "pyphi", "--timeout", "0.5", "--json")
    assert status == 1
    assert json.loads(out)["result"]["status"] == "timed_out"


def test_phi_of_a_record_in_another_state_and_prior(run_cli, run_dir):
    path = run_dir / record_name("rnn", 1)
    stored = record(1)
    status, out, _ = run_cli("phi", path)
    assert status == 0
    assert f"Φ = {stored.result.phi:.6g} in state 100" in out
    assert "rnn, epoch 1: observational, 399 transitions (time)" in out
    for prior in (None, 0.1):
        rows = tpm_from_counts(stored.counts, 0.5 if prior is None else prior).state_by_node
        expected = compute_phi(System(tpm=rows, state=(1, 1, 0)))
        extra = [] if prior is None else ["--prior", prior]
        status, out, _ = run_cli("phi", path, "--state", "110", "--json", *extra)
        assert status == 0
        assert json.loads(out)["result"]["phi"] == expected.phi


def test_phi_of_a_record_says_its_null_or_that_there_is_none(run_cli, run_dir, tmp_path):
    null = NullResult(name="cut", surrogates=19, mean=0.01, upper=0.03, excess=0.2, p=0.05, seed=0)
    assert "null not computed (observational)" in run_cli("phi", run_dir / record_name("rnn", 1))[1]
    write_record(tmp_path, msgspec.structs.replace(record(1), null=null))
    path = tmp_path / record_name("rnn", 1)
    assert f"{null.words} (observational)" in run_cli("phi", path)[1]
    out = run_cli("phi", path, "--state", "110")[1]
    assert "null not computed (observational)" in out
    assert null.words not in out, "that is the null of another state"


def test_the_prior_fills_rows_that_were_never_visited(run_cli, tmp_path):
    sparse = record(0, n=2)
    counts = counts_from_codes(np.array([0, 1, 0, 2, 0, 1]), np.array([1, 0, 2, 0, 1, 2]), units=2)
    tpm = tpm_from_counts(counts, 0.5)
    write_record(tmp_path, msgspec.structs.replace(sparse, counts=counts, tpm=tpm.record))
    phis = set()
    for prior in (0.0, 0.5, 1.0):
        status, out, _ = run_cli("phi", tmp_path / record_name("rnn", 0), "--state", "10", "--prior", prior, "--json")
        assert status == 0
        document = json.loads(out)
        assert document["system"]["tpm"][3] == [prior, prior]
        phis.add(document["result"]["phi"])
    assert len(phis) > 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["phi", "nowhere.npy", "--state", "1"], "there is no such file"),
        (["phi", "tpm.npx", "--state", "1"], "cannot read .npx"),
        (["phi", "tpm.npy"], "--state is missing"),
        (["phi", "tpm.npy", "--state", "12"], "0 or 1 for each unit"),
        (["phi", "tpm.npy", "--state", "120"], "more than two states are not supported"),
        (["phi", "tpm.npy", "--state", "100", "--nodes", "0,3"], "nodes 0 to 2"),
        (["phi", "tpm.npy", "--state", "100", "--nodes", "0;1"], "separated by commas"),
        (["phi", "tpm.npy", "--state", "10"], "3 nodes"),
        (["phi", "tpm.npy", "--state", "100", "--cm", "x.csv"], "no such file"),
        (["phi", "tpm.npy", "--state", "100", "--cm", "all"], "rows as in"),
        (["phi", "tpm.npy", "--state", "100", "--cm", "01;10"], "3 x 3"),
        (["phi", "tpm.npy", "--state", "100", "--prior", "0.5"], "counts of a record"),
        (["phi", "tpm.npy", "--state", "100", "--option", "MEASURE"], "NAME=VALUE"),
        (["phi", "tpm.npy", "--state", "100", "--option", "MEASUER=L1"], "Did you mean 'MEASURE'"),
        (["phi", "tpm.npy", "--state", "100", "--engine", "fats"], "invalid choice"),
        (["phi", "tpm.npy", "--state", "100", "--threads", "0"], "threads=0"),
        (["phi", "bad.csv", "--state", "100"], "row 2"),
        (["phi", "bad.json", "--state", "100"], "not a record"),
        (["phi", "broken.npz", "--state", "100"], "cannot read it"),
        (["phi", "names.npz", "--state", "100"], "must be named 'tpm'"),
        (["phi", "nan.npy", "--state", "1"], "probability"),
        (["verify", "."], r"\.|no run"),
        (["verify", ".", "--sample", "0"], "--sample 0"),
        (["cost", "--units", "1"], "two units"),
        (["cost", "--units", "4", "--transitions", "0"], "transitions"),
        (["view", "nowhere"], "nowhere"),
        ([], "required"),
        (["ph"], "invalid choice"),
    ],
)
def test_mistakes_are_told_in_words(run_cli, tmp_path, tpm, arguments, words):
    np.save(tmp_path / "tpm.npy", tpm)
    (tmp_path / "bad.csv").write_text("0.1,0.2,0.3\n0.1,x,0.3\n")
    (tmp_path / "tpm.npx").write_text("0")
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "broken.npz").write_text("no archive")
    np.savez(tmp_path / "names.npz", a=tpm, b=tpm)
    np.save(tmp_path / "nan.npy", [[np.nan], [0.5]])
    status, _, err = run_cli(*arguments)
    assert status == 2
    assert re.search(words, err), err


# --- verify --------------------------------------------------------------------------------------------------------------


def test_a_run_is_verified_against_pyphi(run_cli, run_dir):
    status, out, _ = run_cli("verify", run_dir)
    assert status == 0
    assert "6 analyses compared with pyphi, 0 differ" in out
    status, out, _ = run_cli("verify", run_dir, "--sample", "2", "--json")
    document = json.loads(out)
    assert status == 0
    assert (document["compared"], document["different"], document["ok"]) == (2, 0, True)
    assert all(comparison["stored"] == pytest.approx(comparison["again"], abs=1e-6) for comparison in document["comparisons"])


def tampered(what):
    given = record(1)
    first = given.states[0]
    if what == "tpm":
        rows = [list(row) for row in given.tpm.state_by_node]
        rows[1][0] += 1e-3
        return msgspec.structs.replace(given, tpm=msgspec.structs.replace(given.tpm, state_by_node=rows))
    result = first.result
    changes = {
        "phi": {"phi": result.phi + 2e-6},
        "cut": {"cut": msgspec.structs.replace(result.cut, from_nodes=result.cut.to_nodes, to_nodes=result.cut.from_nodes)},
        "concepts": {"concepts": result.concepts[1:]},
        "small phi": {"concepts": (msgspec.structs.replace(result.concepts[0], cause_phi=0.9), *result.concepts[1:])},
    }[what]
    changed = msgspec.structs.replace(first, result=msgspec.structs.replace(result, **changes))
    return msgspec.structs.replace(given, states=(changed, *given.states[1:]))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("phi", "Φ 0"),
        ("cut", "cut "),
        ("concepts", "1 in one of them only"),
        ("small phi", "small φ of 1"),
        ("tpm", "off its counts"),
    ],
)
def test_any_difference_is_found(run_cli, run_dir, what, words):
    write_record(run_dir, tampered(what))
    status, out, _ = run_cli("verify", run_dir, "--engine", "fast")
    assert status == 1
    assert words in out
    assert f"{2 if what == 'tpm' else 1} differ" in out
    assert run_cli("verify", run_dir, "--engine", "fast", "--tolerance", "10")[0] == (1 if what in {"cut", "concepts"} else 0)


def test_bad_records_are_named_and_counted_and_the_others_verified(run_cli, run_dir):
    folder = (run_dir / record_name("rnn", 0)).parent
    (folder / "epoch=0007.json").write_text("{")
    changed = json.loads((folder / "epoch=0001.json").read_text())
    changed["counts"]["visits"].pop()
    (folder / "epoch=0008.json").write_text(json.dumps(changed))
    status, out, _ = run_cli("verify", run_dir, "--engine", "fast")
    assert status == 1
    assert "6 analyses compared with fast, 0 differ" in out
    assert re.search(r"epoch=0007\.json: .*\n.*epoch=0008\.json: .*counts\.visits.*\n2 records cannot be read", out)
    status, out, _ = run_cli("verify", run_dir, "--engine", "fast", "--json")
    document = json.loads(out)
    assert (status, document["ok"], document["compared"]) == (1, False, 6)
    assert [Path(fault["file"]).name for fault in document["unreadable"]] == ["epoch=0007.json", "epoch=0008.json"]


def test_a_record_that_does_not_fit_itself_counts_as_different_and_the_others_are_verified():
    two = msgspec.structs.replace(record(0).counts, visits=(1, 1), on=((0,), (1,)))  # of one unit, beside a TPM of three
    apart = msgspec.structs.replace(record(0).tpm, state_by_node=((0.5,), (0.5,)))
    broken = [msgspec.structs.replace(record(0), counts=two), msgspec.structs.replace(record(1), tpm=apart)]
    cases = [("run", part, state) for each in [*broken, record(2)] for part, state in analyses_of(each)]
    found = [compare(case, 1e-6, None) for case in with_engine(cases, "fast", None)]
    assert [bool(comparison.differences) for comparison in found] == [True] * 4 + [False] * 2
    assert all("does not fit itself" in comparison.differences[0] for comparison in found[:4])


def test_the_connections_of_a_record_count(run_cli, tmp_path):
    ring = ((0, 1, 0), (0, 0, 1), (1, 0, 0))
    how = Perturbation(background="sampled", draws=1, observed=(1,) * 8, off=(), on=(), seed=0, cm=ring)
    stored = msgspec.structs.replace(record(0, cm=ring), perturbation=how)
    assert stored.result.phi != record(0).result.phi
    write_record(tmp_path, stored)
    assert run_cli("verify", tmp_path, "--engine", "pyphi")[0] == 0
    assert f"Φ = {stored.result.phi:.6g} in state" in run_cli("phi", tmp_path / record_name("rnn", 0))[1]


def test_nothing_compared_is_nothing_verified(run_cli, tmp_path):
    write_record(tmp_path / "big", record(0, n=6, steps=900))
    status, out, _ = run_cli("verify", tmp_path / "big", "--engine", "pyphi")
    assert status == 1
    assert "6 units; pyphi takes 5 at most" in out
    assert "0 analyses compared" in out
    assert "nothing is verified" in out
    broken = msgspec.structs.replace(record(0), result=Failed(code="worker_died", reason="It died."), states=())
    write_record(tmp_path / "none", broken)
    status, out, _ = run_cli("verify", tmp_path / "none")
    assert status == 1
    assert "No record has a Φ: 1 failed." in out


def test_a_default_run_is_compared_with_another_engine_within_a_minute(run_cli, tmp_path):
    """Six units are too many for PyPhi: it computes a part of them, and so does the fast engine."""
    for epoch in range(4):
        write_record(tmp_path / "run", record(epoch, n=6, steps=3000))
    began = time.monotonic()
    status, out, _ = run_cli("verify", tmp_path / "run")
    assert status == 0, out
    assert re.search(r"^[123] analyses compared with fast, and pyphi on 4 of 6 units, 0 differ", out, re.MULTILINE), out
    assert "drawn at random from 8 analyses to fit into 60 s; --sample 8 compares all" in out
    assert "No other engine takes so many units" in out
    assert time.monotonic() - began < 150, "a machine that does much else is slower"


def test_as_many_analyses_as_fit():
    """Three units take PyPhi a second: all of a run of ten, and some of a run of a thousand."""
    stored = record(0)
    few = [("run", stored, stored.states[0])] * 10
    assert [case.engine for case in within_time(few, None)] == ["pyphi"] * 10
    many = within_time(few * 100, None)
    assert 10 < len(many) < 100
    assert sum(case.seconds for case in many) <= 60
    assert len(within_time(few, 3)) == 3
    by_pyphi = msgspec.structs.replace(
        stored.states[0], result=msgspec.structs.replace(stored.result, engine=EngineInfo(name="pyphi", version="1.2.0"))
    )
    assert {case.engine for case in within_time([("run", stored, by_pyphi)], None)} == {"fast"}


# --- paths ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_runs(tmp_path):
    for name in ("version_0", "version_1"):
        for epoch in range(2):
            write_record(tmp_path / "logs" / name, record(epoch))
    return tmp_path / "logs"


@pytest.mark.parametrize(
    ("below", "compared"), [("version_0", 4), ("version_0/iit", 4), ("", 8), ("version_1/iit/rnn/epoch=0001.json", 2)]
)
def test_the_commands_take_the_same_paths(run_cli, two_runs, tmp_path, below, compared):
    target = two_runs / below
    status, out, _ = run_cli("verify", target, "--engine", "fast")
    assert (status, f"{compared} analyses compared with fast, 0 differ" in out) == (0, True), out
    assert ("version_1" in out) == (below == "")
    status, out, err = run_cli("export", target, "-o", "out.html")
    if below:
        assert (status, out) == (0, "Wrote out.html.\n")
        held = json.loads(re.search(r'id="iit-data">(.*?)</script>', (tmp_path / "out.html").read_text())[1])
        assert len(held["runs"][0]["records"]) == compared / 2
    else:
        assert status == 2
        assert "holds 2 runs" in err
        assert str(two_runs / "version_0") in err
    command = [sys.executable, "-m", "lightning_iit.cli", "view", str(target), "--port", "0", "--no-browser"]
    with start_interruptible(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert "http://" in process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
        process.wait(20)
    status, out, err = run_cli("phi", target)
    assert (status == 0) == below.endswith(".json")
    assert ("records, and one is analysed" in err) == (not below.endswith(".json"))


def test_phi_takes_a_run_with_one_record(run_cli, tmp_path):
    write_record(tmp_path / "run", record(0))
    status, out, _ = run_cli("phi", "run")
    assert status == 0
    assert f"Φ = {record(0).result.phi:.6g} in state 100" in out


@pytest.mark.parametrize("command", ["verify", "export", "list"])
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere", "no such directory or file"),
        ("logz", "Beside it: logs"),
        ("logs/version_0/iit/rnn", "folder of one layer"),
        ("empty", "no folder 'iit'"),
        ("notes.txt", "is no record"),
        ("bad.json", "bad.json|record"),
    ],
)
def test_a_wrong_path_is_told_alike(run_cli, two_runs, tmp_path, command, target, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "bad.json").write_text("{}")
    status, _, err = run_cli(command, target)
    assert status == 2
    assert re.search(words, err), err


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("logs", r"no folder 'iit' in it.*Runs below it: 'logs/version_0', 'logs/version_1'"),
        ("logs/version_0/iit/rnn/epoch=0000.json", "this is a file"),
        ("logs/version_0/iit/rnn", "folder of one layer"),
        ("missing", "no such folder"),
        ("http://127.0.0.1:9", "this is an MLflow URI"),
        ("sqlite:///mlflow.db", "this is an MLflow URI"),
        ("numbered", "holds 2 runs, 'numbered/iit/0', 'numbered/iit/1'"),
        ("numbered/iit", "holds 2 runs, 'numbered/iit/0', 'numbered/iit/1'"),
    ],
)
def test_only_a_runs_directory_is_settled(run_cli, two_runs, tmp_path, target, words):
    for number in (0, 1):
        write_record(tmp_path / "numbered" / "iit" / str(number), record(0))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    status, out, err = run_cli("verify", target, "--settle")
    assert (status, out) == (2, "")
    assert err.startswith(f"lightning-iit verify: {target}: ")
    assert re.search(words, err), err
    assert "--settle writes into one run: give its directory, the one that holds the folder 'iit'.\n" in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    for settled in ("logs/version_0", "logs/version_0/iit", "numbered/iit/1"):
        assert run_cli("verify", settled, "--settle")[0] == 0


# --- list ----------------------------------------------------------------------------------------------------------------


def test_runs_are_listed(run_cli, two_runs):
    failed = msgspec.structs.replace(record(2), result=Failed(code="worker_died", reason="It died."), states=())
    write_record(two_runs / "version_1", failed)
    other = msgspec.structs.replace(record(0), layer="head", kind="statistical")
    write_record(two_runs / "version_1", other)
    status, out, _ = run_cli("list", two_runs)
    lines = [line.split() for line in out.splitlines()[2:]]
    phis = [f"{record(epoch).phi:.4f}" for epoch in (0, 1)]
    theory = ["IIT", "3.0"]
    assert status == 0
    assert lines[0] == ["version_0", "rnn", "0", "to", "1", *theory, phis[1], "observational", "2", "computed"]
    assert lines[1] == ["version_1", "head", "0", "to", "0", *theory, phis[0], "statistical", "1", "computed"]
    assert lines[2] == ["rnn", "0", "to", "2", *theory, phis[1], "(epoch", "1)", "observational", "2", "computed,", "1", "failed"]
    listed = json.loads(run_cli("list", two_runs, "--json")[1])
    assert [(found["run"], found["layer"], found["phi_epoch"], found["outcomes"]) for found in listed] == [
        ("version_0", "rnn", 1, {"computed": 2}),
        ("version_1", "head", 0, {"computed": 1}),
        ("version_1", "rnn", 1, {"computed": 2, "failed": 1}),
    ]


@pytest.fixture
def with_steps(two_runs):
    """A run with records within epochs: of its second epoch, and of one that has not ended, one of which is broken."""
    run = two_runs / "version_0"
    for epoch, step in ((1, 15), (2, 25), (2, 30)):
        write_record(run, msgspec.structs.replace(record(epoch), step=step, global_step=step))
    skipped = Failed(code="worker_died", reason="It died.")
    write_record(run, msgspec.structs.replace(record(2), step=28, result=skipped, states=()))
    return run


def test_analyses_within_epochs_are_listed(run_cli, with_steps):
    _, out, _ = run_cli("list", with_steps)
    assert "0 to 2" in out
    assert f"{record(1).phi:.4f} (epoch 1)" in out, "the last Φ is that of a whole epoch"
    assert "2 computed; within epochs: 3 computed, 1 failed" in out
    (listed,) = json.loads(run_cli("list", with_steps, "--json")[1])
    assert (listed["outcomes"], listed["within_epochs"]) == ({"computed": 2}, {"computed": 3, "failed": 1})


def test_a_run_that_never_ended_an_epoch_is_listed(run_cli, tmp_path):
    write_record(tmp_path / "run", msgspec.structs.replace(record(0), step=10))
    assert "none; within epochs: 1 computed" in run_cli("list", "run")[1]
    assert run_cli("phi", "run")[0] == 0


def test_analyses_within_epochs_are_verified(run_cli, with_steps):
    status, out, _ = run_cli("verify", with_steps, "--engine", "fast")
    assert (status, "10 analyses compared with fast, 0 differ" in out) == (0, True), out
    assert "1, step 15" in out
    path = with_steps / record_name("rnn", 2, 25)
    found = json.loads(path.read_bytes())
    found["result"]["phi"] += 0.5
    found["states"][0]["result"]["phi"] += 0.5
    path.write_text(json.dumps(found))
    (with_steps / record_name("rnn", 2, 30)).write_text("{}")
    status, out, _ = run_cli("verify", with_steps, "--engine", "fast", "--json")
    document = json.loads(out)
    assert status == 1
    assert [(one["epoch"], one["step"]) for one in document["comparisons"] if one["differences"]] == [(2, 25)]
    assert [Path(one["file"]).name for one in document["unreadable"]] == ["epoch=0002-step=000030.json"]


def test_analyses_within_epochs_are_exported(run_cli, with_steps, tmp_path):
    assert run_cli("export", with_steps, "-o", "out.html")[0] == 0
    held = json.loads(re.search(r'id="iit-data">(.*?)</script>', (tmp_path / "out.html").read_text())[1])
    index = held["runs"][0]["index"]
    assert [(row["epoch"], row["step"]) for row in index["steps"]] == [(1, 15), (2, 25), (2, 28), (2, 30)]
    assert [(row["epoch"], row["step"]) for row in index["rows"]] == [(0, None), (1, None)]


def test_the_version(run_cli):
    status, out, _ = run_cli("--version")
    assert (status, out) == (0, f"lightning-iit {lightning_iit.__version__}\n")
    assert lightning_iit.__version__ == importlib.metadata.version("lightning-iit")


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", ["verify --engine fast", "list", "phi"])
def test_no_number_is_clipped_in_the_commands(run_cli, two_runs, monkeypatch, width, command):
    monkeypatch.setenv("COLUMNS", str(width))
    stored = msgspec.structs.replace(record(1), layer="encoder.layers.10.attention.output.dense.projection.activation")
    path = write_record(two_runs / "version_1", stored)
    name, *options = command.split()
    _, out, _ = run_cli(name, path if name == "phi" else two_runs, *options)
    assert (
        f"{stored.phi:.4f}" if name == "list" else f"{stored.phi:.6f}" if name == "verify" else f"{stored.phi:.6g}"
    ) in out.split()
    lines = out.splitlines()
    rule = next(index for index, line in enumerate(lines) if "──" in line or line.startswith("run  "))
    table = [
        line for line in lines[rule:] if not re.search("compared|drawn at random", line)
    ]  # sentences are wrapped by the terminal
    assert max(map(len, table)) <= width


# --- cost ----------------------------------------------------------------------------------------------------------------


def test_cost_in_words_and_as_json(run_cli):
    status, out, _ = run_cli("cost", "--units", "6", "--transitions", "1700")
    assert status == 0
    for words in ("One Φ of 6 units takes about", "coin flips", "6,400 transitions", "units=4", "window=4"):
        assert words in out
    status, out, _ = run_cli("cost", "--units", "6", "--transitions", "1700", "--json")
    document = json.loads(out)
    assert status == 0
    assert document["coin_flip_phi"] == pytest.approx(0.34, rel=0.3)
    assert (document["units_that_do"], document["window_that_does"], document["transitions_wanted"]) == (4, 4, 6400)
    assert "there are enough" in run_cli("cost", "--units", "3", "--transitions", "800")[1]
    assert "refuses more than 5 units" in run_cli("cost", "--units", "6", "--engine", "pyphi")[1]
    assert "still with too few" in run_cli("cost", "--units", "3", "--transitions", "10")[1]
    assert "unknown" in run_cli("cost", "--units", "8", "--transitions", "10")[1]


@pytest.mark.parametrize(
    ("transitions", "units"), [(1, 2), (399, 2), (800, 3), (1599, 3), (1600, 4), (6399, 5), (6400, 6), (10**9, 6)]
)
def test_units_for_so_many_transitions(transitions, units):
    assert units_for(transitions) == units
    assert transitions >= transitions_for(units) or units == 2


@pytest.mark.parametrize(("n", "transitions", "samples"), [(2, 60, 400), (3, 201, 300), (4, 800, 40)])
def test_coin_flips_as_simulated(n, transitions, samples):
    """The table, and values between its entries, against a simulation with another seed."""
    assert coin_flip_phi(n, transitions) == pytest.approx(simulate_coin_flips(n, transitions, samples=samples, seed=99), rel=0.15)


def test_coin_flips_beyond_the_table():
    values = [coin_flip_phi(3, transitions) for transitions in (1, 40, 41, 400, 8000, 80_000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(values[-2] / 10, rel=0.2)
    assert coin_flip_phi(3, 5001) == pytest.approx(0.0008, rel=0.8)
    assert coin_flip_phi(9, 100) is None
    assert seconds_per_phi("pyphi", 4) > 100 * seconds_per_phi("auto", 4)
    with pytest.raises(InvalidArgumentError):
        coin_flip_phi(1, 100)


# --- the installed command, view -----------------------------------------------------------------------------------------


def test_the_installed_command(tmp_path):
    np.save(tmp_path / "basic.npy", BASIC)
    command = [str(Path(sys.executable).with_name("lightning-iit")), "phi", "basic.npy", "--state", "100", "--cm", CM]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert "? = 2.3125 in state 100" in done.stdout
    assert done.stderr == ""


def test_view_serves_until_interrupted(run_dir):
    command = [sys.executable, "-m", "lightning_iit.cli", "view", str(run_dir), "--port", "0", "--no-browser"]
    with start_interruptible(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = re.search(r"http://[^ ]+", process.stdout.readline()).group()
            with urllib.request.urlopen(address) as page:
                assert page.status == 200
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) in {0, 130}


OF_480 = (
    *((188, 176, 140), (294, 179, 144), (192, 340, 127), (309, 331, 136)),
    *((176, 168, 311), (280, 175, 336), (178, 330, 287), (289, 324, 311)),
)
"""How often of 480 each unit of a GRU was ON after each state: at one cut the φ of two purviews is 0.0203125 exactly."""


def test_rounding_of_pyphi_is_no_difference(run_cli, tmp_path):
    """With PyPhi's six decimals this Φ is 0.006065, with ten it is 0.0044711635; this package says 0.004471."""
    counts = Counts(visits=(480,) * 8, on=OF_480, joint=())
    tpm = tpm_from_counts(counts)
    system = System(tpm=tpm.state_by_node, state=(0, 1, 0))
    assert compute_phi(system, "pyphi").phi == pytest.approx(0.006065)
    result = compute_phi(system)
    assert result.phi == pytest.approx(0.004471)
    state = StateResult(state=(0, 1, 0), visits=480, result=result)
    made = msgspec.structs.replace(record(0), counts=counts, tpm=tpm.record, result=result, states=(state,), survey=None, groups=())
    write_record(tmp_path / "run", made)
    status, said, _ = run_cli("verify", str(tmp_path / "run"), "--engine", "pyphi", "--json")
    (found,) = json.loads(said)["comparisons"]
    assert (status, found["differences"], found["again"]) == (0, [], pytest.approx(0.0044711635))
    assert "six decimals" in found["unchecked"]
    for phi, engine in ((0.006065, "fast"), (0.0055, "pyphi")):  # PyPhi's own rounding, and what is wrong with either precision
        wrong = msgspec.structs.replace(result, phi=phi)
        states = (msgspec.structs.replace(state, result=wrong),)
        write_record(tmp_path / "run", msgspec.structs.replace(made, result=wrong, states=states))
        status, said, _ = run_cli("verify", str(tmp_path / "run"), "--engine", engine, "--json")
        assert status == 1
