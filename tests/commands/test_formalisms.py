"""The command line on records and files of IIT 4.0: what is printed is what was computed, and what was changed is found."""

from __future__ import annotations

import copy
import json
import re
from functools import reduce

import msgspec
import numpy as np
import pytest
from chains import DENSE, walk
from iit4_systems import oracle, system_of
from models import Gru, sequence_data
from training import train

from lightning_iit import System, analyse_states, best_partitions, compute_phi, compute_structure, load_run, major_complex
from lightning_iit.commands.check_case import _result_differences, _system, compare
from lightning_iit.commands.check_plan import with_engine, within_time
from lightning_iit.commands.verify import analyses_of
from lightning_iit.records import Failed, Open
from lightning_iit.records.store import write_record
from lightning_iit.tpm.conversion import bits

BOTH = ("iit4-2023", "iit4-2026")
ALL = ("iit3", *BOTH)
WORDS = ("IIT 4.0 (2023)", "IIT 4.0 (2026)")


COLUMNS = "300"


SERIES = bits(3)[walk(DENSE[0], 3000, np.random.default_rng(3))]


def record(epoch=0, **options):
    """The record of a recorded series."""
    return analyse_states(SERIES, state=3, null_model=None, epoch=epoch, **options)


@pytest.fixture
def run_dir(tmp_path):
    """A run with two epochs of one layer, of all formalisms."""
    for epoch in (0, 1):
        write_record(tmp_path / "run", record(epoch, formalism=ALL))
    return tmp_path / "run"


# --- phi ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def figure_1(tmp_path):
    entry = oracle()["iit4_fig1a_AB_011"]
    np.savez(tmp_path / "figure.npz", tpm=entry["tpm"], cm=entry["cm"], state=entry["state"])
    return system_of(entry)


def test_all_numbers_of_a_file_are_printed(run_cli, figure_1):
    status, out, _ = run_cli(
        "phi", "figure.npz", "--formalism", "iit4-2026,iit3,iit4-2023", "--nodes", "0,1", "--structure", "--complexes"
    )
    assert status == 0
    of_iit3, *of_iit4 = out.split("\n\n")
    assert "(IIT 3.0; " in of_iit3
    assert f"Φ = {compute_phi(figure_1, nodes=[0, 1]).phi:.6g} in state 011" in of_iit3
    for formalism, words, said in zip(BOTH, WORDS, of_iit4, strict=True):
        found = compute_phi(figure_1, nodes=[0, 1], formalism=formalism)
        structure = compute_structure(figure_1, nodes=[0, 1], formalism=formalism)
        complexes = major_complex(figure_1, formalism=formalism)
        (other,) = complexes.others
        for line in (
            f"φ_s = {found.phi:.6g} ibits in state 011 ({words}; ",
            f"Signed φ_s = {found.signed_phi:.6g}, normalised φ_s = {found.normalized_phi:.6g}, ii = {found.ii:.6g}",
            f"Cause state 10: φ_c = {found.cause.phi:.6g}, intrinsic information {found.cause.intrinsic_information:.6g}",
            f"Effect state 10: φ_e = {found.effect.phi:.6g}, intrinsic information {found.effect.intrinsic_information:.6g}",
            f"severs 0 to 1; partitions evaluated: 3; normalised φ of the second-best one is larger by {found.margin:.6g}",
            "Nodes {0, 1}; the others are the background.",
            f"Major complex: {{2}}, φ_s = {complexes.result.phi:.6g}; complex {{0, 1}}, φ_s = {other.phi:.6g}",
            f"Φ of the structure = {structure.big_phi:.6g} ibits: 3 distinctions (sum of φ_d ",
            "7 of 7 relations, the strongest first",
        ):
            assert line in said
        assert all(f"{one.phi:.6g}" in said for one in structure.distinctions)


def test_the_same_as_json(run_cli, figure_1):
    status, out, _ = run_cli("phi", "figure.npz", "--formalism", "iit3,iit4-2023", "--structure", "--complexes", "--json")
    document = json.loads(out)
    (other,) = document["others"]
    assert status == 0
    assert (document["formalism"], document["result"]["status"]) == ("iit3", "computed")
    assert "structure" not in document
    assert (other["formalism"], other["result"]["status"]) == ("iit4-2023", "computed_iit4")
    assert other["result"]["signed_phi"] == compute_phi(figure_1, formalism="iit4-2023").signed_phi
    assert other["big_phi"] == compute_structure(figure_1, formalism="iit4-2023").big_phi
    assert other["major_complex"]["nodes"] == [2]


def test_the_best_partitions_are_printed(run_cli, figure_1):
    asked = ("phi", "figure.npz", "--formalism", "iit3,iit4-2023", "--nodes", "0,1", "--partitions", "2")
    status, out, _ = run_cli(*asked)
    assert status == 0
    document = json.loads(run_cli(*asked, "--json")[1])
    for formalism, shown in (("iit3", document), ("iit4-2023", document["others"][0])):
        found = best_partitions(figure_1, 2, formalism=formalism, nodes=[0, 1])
        assert f"The 2 best of {found.number} partitions" in out
        assert [one["phi"] for one in shown["partitions"]["partitions"]] == [one.phi for one in found.partitions]
        for one in found.partitions:
            assert one.words in out
            assert f"{one.phi:.6g}" in out
    status, _, err = run_cli("phi", "figure.npz", "--partitions", "2", "--engine", "pyphi")
    assert (status, "does not rank partitions" in err) == (2, True)


def test_nodes_have_the_names_of_the_file(run_cli, tmp_path, figure_1):
    by_index = json.loads(run_cli("phi", "figure.npz", "--nodes", "0,1", "--json")[1])
    np.savez(tmp_path / "named.npz", **np.load(tmp_path / "figure.npz"), labels=["A", "B", "C"])
    rows = "\n".join(",".join(map(str, row)) for row in figure_1.tpm)
    (tmp_path / "named.csv").write_text(f"A,B,C\n{rows}\n")
    for file in ("named.npz", "named.csv"):
        asked = ("phi", file, "--cm", ";".join("".join(map(str, row)) for row in figure_1.cm), "--state", "011")
        for nodes in ("A,B", "B, A", "0,B"):
            named = json.loads(run_cli(*asked, "--nodes", nodes, "--json")[1])
            assert (named["nodes"], named["result"]["phi"]) == ([0, 1], by_index["result"]["phi"])
        assert "Nodes: 0 is A, 1 is B, 2 is C" in run_cli(*asked)[1]
        assert "no node called 'D'; the labels are A, B, C" in run_cli(*asked, "--nodes", "A,D")[2]
        assert "separated by commas" in run_cli(*asked, "--nodes", "A,")[2]


def test_ties_and_reasons_are_printed(run_cli, tmp_path):
    entry = oracle()["xor_110"]
    found = compute_phi(system_of(entry), formalism="iit4-2023")
    np.savez(tmp_path / "xor.npz", tpm=entry["tpm"], cm=entry["cm"], state=entry["state"])
    status, out, _ = run_cli("phi", "xor.npz", "--formalism", "iit4-2023")
    assert status == 0
    assert found.reason in out
    assert "tied with " in out
    np.savez(tmp_path / "one_way.npz", tpm=[[0.1, 0.2], [0.9, 0.2], [0.1, 0.2], [0.9, 0.2]], cm=[[1, 0], [1, 1]], state=[1, 0])
    status, out, err = run_cli("phi", "one_way.npz", "--formalism", "iit4-2023")
    assert (status, "φ_s is 0 without a search" in out) == (0, True), out + err


def test_a_record_prints_each_of_its_formalisms_and_others_on_request(run_cli, run_dir):
    path = run_dir / "iit" / "states" / "epoch=0001.json"
    (stored,) = [one for one in load_run(run_dir) if one.epoch == 1]
    status, out, _ = run_cli("phi", path)
    assert status == 0
    assert f"Φ = {stored.phi:.6g} in state" in out
    for one in stored.others:
        assert f"φ_s = {one.phi:.6g} ibits in state" in out
    assert out.count("null not computed (observational)") == 3
    out = run_cli("phi", path, "--formalism", "iit4-2026", "--state", "110")[1]
    system = System(tpm=stored.tpm.state_by_node, state=(1, 1, 0))
    assert f"φ_s = {compute_phi(system, formalism='iit4-2026').phi:.6g} ibits in state 110 (IIT 4.0 (2026); " in out
    assert "IIT 3.0" not in out


def test_a_record_of_a_candidate_system_is_computed_as_one(run_cli, tmp_path):
    stored = record(nodes=[0, 2], formalism=("iit3", "iit4-2023"))
    write_record(tmp_path / "run", stored)
    status, out, _ = run_cli("phi", "run")
    assert status == 0
    assert f"Φ = {stored.phi:.6g} in state" in out
    assert f"φ_s = {stored.others[0].phi:.6g} ibits" in out
    assert out.count("Nodes {0, 2}; ") == 2
    status, out, _ = run_cli("verify", "run", "--engine", "fast")
    assert (status, "6 analyses compared with fast, 0 differ" in out) == (0, True), out
    status, out, _ = run_cli("verify", "run")
    assert (status, "6 analyses compared with pyphi (3); fast (3), 0 differ" in out) == (0, True), out


def test_a_time_limit_and_what_is_not_computed(run_cli, tmp_path):
    ones = np.array([state.bit_count() for state in range(1024)])
    np.save(tmp_path / "parity.npy", np.repeat((0.8 * (ones % 2) + 0.1)[:, None], 10, axis=1))  # alike cuts: more than a minute
    status, out, _ = run_cli("phi", "parity.npy", "--state", "0" * 10, "--formalism", "iit4-2023", "--timeout", "0.005")
    assert (status, "No φ_s: " in out) == (1, True)
    np.save(tmp_path / "never.npy", [[0, 0]] * 4)
    status, out, _ = run_cli("phi", "never.npy", "--state", "10", "--formalism", "iit4-2023", "--structure", "--complexes")
    assert (status, "No φ_s: No state can be followed by" in out, "No structure: No state" in out) == (1, True, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["phi", "tpm.npy", "--state", "100", "--formalism", "iit4"], "--formalism=.*'iit4-2023'"),
        (["phi", "tpm.npy", "--state", "100", "--structure"], "--structure: .*--formalism iit4-2023"),
        (["phi", "tpm.npy", "--state", "100", "--formalism", "iit4-2023", "--cuts", "one"], "cuts='one'.*no such option"),
        (["phi", "tpm.npy", "--state", "100", "--formalism", "iit4-2023", "--engine", "pyphi"], "needs PyPhi 2"),
        (["phi", "seven.npy", "--state", "0000000", "--formalism", "iit4-2023", "--structure"], "up to 6"),
        (["cost", "--units", "3", "--formalism", "iit5"], "--formalism="),
        (["cost", "--units", "3", "--formalism", "iit4-2026", "--engine", "pyphi"], "needs PyPhi 2"),
    ],
)
def test_what_cannot_be_is_said(run_cli, tmp_path, arguments, words):
    np.save(tmp_path / "tpm.npy", np.random.default_rng(0).random((8, 3)))
    np.save(tmp_path / "seven.npy", np.random.default_rng(0).random((128, 7)))
    status, _, err = run_cli(*arguments)
    assert status == 2
    assert re.search(words, err), err


# --- verify -------------------------------------------------------------------------------------------------------------


def changed(path, formalism, change):
    """Changes what the file of a record has of a formalism."""
    document = json.loads(path.read_bytes())
    part = document if formalism == document["formalism"] else document["others"][ALL.index(formalism) - 1]
    change(part)
    path.write_text(json.dumps(document))


def of_first_state(name, value):
    """Returns a change of the result of the first state, which a record has twice."""

    def change(part):
        for result in (part["result"], part["states"][0]["result"]):
            *where, last = name.split(".")
            part_of = reduce(dict.__getitem__, where, result)
            part_of[last] = value(part_of[last])

    return change


@pytest.mark.parametrize("formalism", BOTH)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (of_first_state("phi", lambda phi: phi + 1e-4), "φ_s 0"),
        (of_first_state("signed_phi", lambda phi: phi + 1e-4), "signed_phi "),
        (of_first_state("normalized_phi", lambda phi: phi + 1e-4), "normalized_phi "),
        (of_first_state("margin", lambda phi: phi + 1e-4), "margin "),
        (of_first_state("ii", lambda phi: phi + 1e-4), "ii "),
        (of_first_state("partition", lambda severed: severed[1:]), "partition severs "),
        (of_first_state("cause.phi", lambda phi: phi + 1e-4), "φ of the cause "),
        (of_first_state("effect.intrinsic_information", lambda phi: phi + 1e-4), "intrinsic information of the effect "),
        (of_first_state("effect.state", lambda state: [1 - state[0], *state[1:]]), "effect state "),
        (lambda part: part["result"].update(phi=0.3), "the record's result: φ_s 0.3, again "),
        (lambda part: part["states"][1]["result"].update(phi=0.3), "φ_s 0.3, again "),
        (lambda part: part["structure"]["system"].update(phi=0.3), "the structure's system: φ_s 0.3, again "),
        (lambda part: part["structure"]["distinctions"].pop(), "1 in one of them only"),
        (lambda part: part["structure"].update(sum_phi_relations=0.5), "sum of φ_r 0.5"),
        (lambda part: part["structure"].update(relations=77), "relations 77, again "),
        (lambda part: part["structure"]["distinctions"][0].update(phi=0.9), "φ of 1 distinctions, first of mechanism {"),
    ],
)
def test_whatever_is_changed_in_a_record_is_found(run_cli, run_dir, formalism, change, words):
    path = run_dir / "iit" / "states" / "epoch=0001.json"
    changed(path, formalism, change)
    status, out, _ = run_cli("verify", run_dir, "--engine", "fast")
    assert (status, words in out) == (1, True), out
    assert "18 analyses compared with fast, 1 differ (" in out


def test_other_engines_where_there_are_any_and_the_own_one_where_there_are_none(run_cli, run_dir):
    """PyPhi 1.2 computes IIT 3.0 only."""
    status, out, _ = run_cli("verify", run_dir)
    assert status == 0
    assert "18 analyses compared with pyphi (6); fast (12), 0 differ" in out
    for words in WORDS:
        assert f"No other engine here computes {words}: its numbers were computed again from the counts" in out
    changed(run_dir / "iit" / "states" / "epoch=0001.json", "iit4-2023", of_first_state("phi", lambda phi: phi + 1e-4))
    status, out, _ = run_cli("verify", run_dir)
    assert (status, "φ_s 0" in out) == (1, True), out
    status, out, _ = run_cli("verify", run_dir, "--engine", "pyphi", "--json")
    document = json.loads(out)
    assert (status, document["compared"], document["analyses"]) == (0, 6, 18)
    for one in document["comparisons"]:
        assert (one["formalism"] == "iit3") == (one["skipped"] == "")
        assert one["skipped"] == "" or "needs PyPhi 2" in one["skipped"]
    out = run_cli("verify", run_dir, "--engine", "pyphi")[1]
    assert "6 analyses compared with pyphi, 0 differ (tolerance 1e-06), 12 could not be compared." in out
    assert re.search(r"Not checked: 6 analyses by IIT 4.0 \(2023\)\. .*needs PyPhi 2", out)


@pytest.mark.parametrize("formalism", ALL)
def test_the_major_complex_is_verified(run_cli, tmp_path, formalism):
    write_record(tmp_path / "run", record(formalism=formalism, complexes=True))
    path = tmp_path / "run" / "iit" / "states" / "epoch=0000.json"
    for engine in ("fast", "pyphi") if formalism == "iit3" else ("fast",):
        status, out, _ = run_cli("verify", "run", "--engine", engine)
        assert (status, f"3 analyses compared with {engine}, 0 differ" in out) == (0, True), out
    stored = json.loads(path.read_bytes())["major_complex"]
    assert stored["nodes"] not in ([], [0])
    for change, words in (
        (lambda found: found["result"].update(phi=0.7), "of the major complex 0.7, again"),
        (lambda found: found.update(nodes=[0], result={**found["result"], "phi": 0.7}), "major complex {0}, again {"),
        *([(lambda found: found["others"].append(found["result"]), "further complexes ")] if formalism in BOTH else []),
    ):
        changed(
            path,
            formalism,
            lambda part, change=change: part.update(major_complex=copy.deepcopy(stored)) or change(part["major_complex"]),
        )
        status, out, _ = run_cli("verify", "run", "--engine", "fast")
        assert (status, words in out) == (1, True), out
    changed(path, formalism, lambda part: part.update(major_complex=stored))
    assert run_cli("verify", "run", "--engine", "fast")[0] == 0


def test_another_minimum_of_pyphi_2_is_no_difference():
    bits_of = [[index >> unit & 1 for unit in range(3)] for index in range(8)]
    exclusive_or = [[state, [state[1] ^ state[2], state[0] ^ state[2], state[0] ^ state[1]]] for state in bits_of]
    tied = analyse_states(np.array(exclusive_or), state="mode", null_model=None)
    for stored, differs in ((tied, False), (record(), True)):
        (case,) = with_engine([("run", stored, stored.states[0])], "fast", None)
        first, second = best_partitions(_system(case), 2).partitions
        assert (stored.result.cut, first.phi < second.phi - 1e-6) == (first.cut, differs)
        for version, words in (("2.0.0rc4", differs), ("1.2.0", True)):
            engine = msgspec.structs.replace(stored.result.engine, name="pyphi", version=version)
            again = msgspec.structs.replace(stored.result, cut=second.cut, engine=engine)
            found = _result_differences(case, again, 1e-6)
            assert found == ([f"cut {first.cut}, again {second.cut}"] if words else []), (version, found)


def test_nothing_compared_is_not_passed(run_cli, tmp_path):
    write_record(tmp_path / "run", record(formalism="iit4-2023"))
    status, out, _ = run_cli("verify", "run", "--engine", "pyphi")
    assert status == 1
    assert "Nothing was compared, so nothing is verified." in out
    assert run_cli("verify", "run")[0] == 0


def test_the_survey_of_each_formalism_is_verified(tmp_path_factory, run_cli):
    folder = tmp_path_factory.mktemp("survey")
    options = {"layers": "net.gru", "units": 3, "groups": 4, "states": "auto", "pictures": False, "when_busy": "wait"}
    callback = train(folder, model=Gru(), data=sequence_data(), epochs=1, formalism=("iit3", "iit4-2023"), **options)
    (path,) = folder.rglob("epoch=0000.json")
    assert run_cli("verify", path, "--engine", "fast")[0] == 0
    last = callback.records[-1].of("iit4-2023")
    cases = [("run", part, state) for part, state in analyses_of(last)]
    of_survey = [case for case in with_engine(cases, "fast", None) if isinstance(case.record.result, Open)]
    assert len(of_survey) == 5
    assert not any(case.has_structure for case in of_survey)
    one = of_survey[0]
    result = msgspec.structs.replace(one.stored.result, phi=one.stored.result.phi + 1e-4)
    wrong = one._replace(stored=msgspec.structs.replace(one.stored, result=result))
    assert compare(wrong, 1e-6, None).differences[0].startswith("φ_s 0")
    assert [compare(case, 1e-6, None).units for case in of_survey] == [case.record.units.labels for case in of_survey]
    (first, *_) = with_engine(cases, "fast", None)
    for name, words in (("phi", "mean φ_s"), ("share", "share of φ_s > 0"), ("signed", "mean signed φ_s")):
        survey = msgspec.structs.replace(last.survey, **{name: getattr(last.survey, name) + 1e-4})
        wrong = first._replace(record=msgspec.structs.replace(last, survey=survey))
        (said,) = compare(wrong, 1e-6, None).differences
        assert said.startswith(f"{words} of the layer ")
    assert compare(first, 1e-6, None).differences == ()
    signed = {"phi_signed": one.record.scalars["phi_signed"] + 1e-4}
    wrong = one._replace(record=msgspec.structs.replace(one.record, scalars=signed))
    assert compare(wrong, 1e-6, None).differences[0].startswith("signed_phi ")


def test_a_plan_counts_the_time_of_structures():
    stored = record(formalism="iit4-2023")
    plan = within_time([("run", part, state) for part, state in analyses_of(stored)], None)
    (first,) = [case for case in plan if case.has_structure]
    assert len(plan) == 3
    assert all(first.seconds > 5 * other.seconds for other in plan if other is not first)


# --- settle, list, cost --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*drain_timeout")
def test_what_a_training_left_open_is_settled_by_each_formalism(run_cli, tmp_path):
    options = {"formalism": ALL, "units": 3, "groups": 2, "pictures": False, "layers": "net.gru", "epochs": 4}
    model = Gru()
    whole = train(tmp_path / "whole", model=copy.deepcopy(model), data=sequence_data(), when_busy="wait", **options).records
    train(tmp_path / "left", model=model, data=sequence_data(), drain_timeout=0, **options)
    left = [record.epoch for record in load_run(tmp_path / "left") if record.task is not None]
    assert left
    status, out, _ = run_cli("verify", "left", "--settle")
    assert status == 0
    settled = {record.epoch: record for record in load_run(tmp_path / "left")}
    for record in (record for record in whole if record.epoch in left):
        again = settled[record.epoch]
        assert again.formalisms == ALL
        for one, other in zip(record.by_formalism, again.by_formalism, strict=True):
            assert (one.phi, one.survey.phi, one.survey.signed) == (other.phi, other.survey.phi, other.survey.signed)
            assert one.structure is None or one.structure.distinctions == other.structure.distinctions
        two = [f"φ_s = {one.phi:.6f} ({words})" for one, words in zip(record.others, WORDS, strict=True)]
        assert f"layer 'net.gru', epoch {record.epoch}: Φ = {record.phi:.6f}; {'; '.join(two)}" in out


def test_runs_are_listed_with_a_row_for_each_formalism(run_cli, run_dir, tmp_path):
    failed = Failed(code="worker_died", reason="It died.")
    write_record(run_dir, msgspec.structs.replace(record(2, formalism="iit4-2023"), layer="head"))
    write_record(run_dir, msgspec.structs.replace(record(3), layer="lost", result=failed, states=()))
    last = load_run(run_dir)
    (stored,) = [one for one in last if (one.layer, one.epoch) == ("states", 1)]
    (head,) = [one for one in last if one.layer == "head"]
    status, out, _ = run_cli("list", run_dir)
    cells = [re.split(r" {2,}", line.strip()) for line in out.splitlines()]
    assert status == 0
    assert cells[0] == ["run", "layer", "epochs", "theory", "last Φ or φ_s", "kind", "analyses"]
    assert [row[-5:] for row in cells[2:]] == [
        ["2 to 2", "IIT 4.0 (2023)", f"{head.phi:.4f}", "observational", "1 computed"],
        ["lost", "3 to 3", "none", "1 failed"],
        *(
            ["0 to 1", words, f"{one.phi:.4f}", "observational", "2 computed"]
            for words, one in zip(("IIT 3.0", *WORDS), stored.by_formalism, strict=True)
        ),
    ]
    listed = json.loads(run_cli("list", run_dir, "--json")[1])
    assert [(one["layer"], one["formalism"], one["phi"]) for one in listed] == [
        ("head", "iit4-2023", head.phi),
        ("lost", "", None),
        *(("states", one.formalism, one.phi) for one in stored.by_formalism),
    ]


def test_of_a_layer_with_groups_phi_of_the_layer_is_listed_and_compared(run_cli, tmp_path):
    train(
        tmp_path / "run",
        model=Gru(),
        data=sequence_data(),
        layers="net.gru",
        units=3,
        groups=8,
        formalism=("iit3", BOTH[0]),
        epochs=1,
    )
    last = load_run(tmp_path / "run")[-1]
    assert last.survey.phi != pytest.approx(last.phi, abs=1e-4)
    listed = json.loads(run_cli("list", tmp_path / "run", "--json")[1])
    assert [one["phi"] for one in listed] == [one.survey.phi for one in last.by_formalism]
    status, out, _ = run_cli("compare", tmp_path / "run")
    assert status == 0
    assert [out.count(f"{symbol} of the second") for symbol in ("Φ", "φ_s")] == [1, 1]
    (file,) = (tmp_path / "run").rglob("epoch=0000.json")
    state = "".join(str(1 - bit) for bit in last.states[0].state)
    assert "no null: units were set (causal)" in run_cli("phi", file, "--state", state)[1]


def test_what_phi_s_and_structures_cost(run_cli):
    status, out, _ = run_cli("cost", "--units", "6", "--formalism", "iit3,iit4-2023", "--transitions", "6400")
    assert status == 0
    assert re.search(r"One Φ of 6 units takes about .* \(IIT 3\.0, fast engine", out)
    assert re.search(r"One φ_s of 6 units takes about .* \(IIT 4\.0 \(2023\), fast engine", out)
    assert "Its cause-effect structure takes about 40 ms." in out
    assert "simulated for Φ of IIT 3.0 only" in out
    out = run_cli("cost", "--units", "10", "--formalism", "iit4-2026")[1]
    assert "Its cause-effect structure is not computed" in out
    assert "refuses" not in out
    assert "the engine refuses more than 10 units" in run_cli("cost", "--units", "11", "--formalism", "iit4-2026")[1]
    document = json.loads(run_cli("cost", "--units", "4", "--transitions", "100", "--formalism", "iit4-2023", "--json")[1])
    assert (document["formalism"], document["coin_flip_phi"], document["most_units"]) == ("iit4-2023", None, 10)
    assert 0 < document["structure_seconds"] < 1
    assert document["units_that_do"] == 2
