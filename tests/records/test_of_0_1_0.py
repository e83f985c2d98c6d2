"""What version 0.1.0 wrote is read: a run's folder by everything that reads one, and a checkpoint by a training that goes on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from lightning.pytorch import seed_everything
from models import Gru, sequence_data
from places import PROJECT
from sample_records import a_record
from training import trainer

from lightning_iit import Computed, IITCallback, RecordError, load_run
from lightning_iit.cli import main
from lightning_iit.records import SCHEMA_VERSION, decode, decode_network, encode
from lightning_iit.records.logged import logged
from lightning_iit.records.store import rebuild_index
from lightning_iit.report.report import markdown

DATA = PROJECT / "tests" / "data" / "run-0.1.0"
PHI = {
    ("net.gru", -1): 0.034343,
    ("net.gru", 0): 0.034286,
    ("net.gru", 1): 0.02964,
    ("net.out", -1): 0.035691,
    ("net.out", 0): 0.036425,
    ("net.out", 1): 0.036425,
}
"""As version 0.1.0 printed them."""


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(DATA, tmp_path / "run"))


NEW = {
    "task": None,
    "step": None,
    "ties": False,
    "phi_margin": None,
    "tied_purviews": None,
    "phi_jitter": None,
    "survey": None,
    "sequences": None,
    "moments": None,
    "initial_weights": "",
    "structure": None,
    "others": [],
    "nodes": None,
    "formalism": "iit3",
    "parts": 0,
    "part": "",
    "flows": [],
    "blocks": [],
    "whole": None,
    "lesions": [],
    "selection": 0,
}
"""The fields that records of 0.1.0 do not have, with their defaults."""


def _of_0_1_0(part):
    """Leaves out, at any depth, new fields that have their defaults."""
    if isinstance(part, list):
        return [_of_0_1_0(entry) for entry in part]
    if isinstance(part, dict):
        new = NEW if "layer" not in part else {key: value for key, value in NEW.items() if key != "formalism"}
        return {key: _of_0_1_0(value) for key, value in part.items() if key not in new or value != new[key]}
    return part


def test_its_records_are_read_and_written_again_as_they_were(run):
    records = load_run(run)
    assert {record.key: pytest.approx(record.phi, abs=1e-9) for record in records} == PHI
    numbers = {record.key: logged(record) for record in records}
    assert {key: found[f"iit/phi/{key[0]}"] for key, found in numbers.items()} == {record.key: record.phi for record in records}
    assert all(found["iit_details/net.gru/coverage"] > 0 for key, found in numbers.items() if key[0] == "net.gru")
    for file in (run / "iit").glob("net.*/*.json"):
        written = json.loads(file.read_bytes())
        assert written["formalism"] == "IIT 3.0"  # as version 0.1.0 called it
        assert _of_0_1_0(json.loads(encode(decode(file.read_bytes())))) == written | {"formalism": "iit3"}
    for file in (run / "iit" / "network").glob("*.json"):
        assert _of_0_1_0(json.loads(encode(decode_network(file.read_bytes())))) == json.loads(file.read_bytes())
    assert [entry.epoch for entry in rebuild_index(run)] == [-1, -1, 0, 0, 1, 1]


def test_its_report_and_page_are_made_again(run, tmp_path):
    written = (run / "iit" / "report.md").read_text()
    options = json.loads((run / "iit" / "options.json").read_text())
    again = markdown(load_run(run), options)
    numbers = re.findall(r"\d\.\d{4}", written.partition("### Φ against the number")[0])
    assert len(numbers) > 10
    assert [number for number in numbers if number != "0.0000" and number not in again] == []
    assert "0.0000" not in again
    assert "this Φ cannot be told from that of a system that loses nothing at its weakest cut (p = 0.400, 19 surrogates)" in again
    assert "Whether training changed Φ is not known: there are no two epochs" in again
    assert main(["export", str(run), "-o", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").stat().st_size > 100_000


def test_its_numbers_are_computed_again(run, capsys):
    assert main(["verify", str(run), "--engine", "fast"]) == 0
    assert "0 differ" in capsys.readouterr().out
    record = str(run / "iit" / "net.gru" / "epoch=0001.json")
    assert main(["phi", record, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["phi"] == pytest.approx(PHI["net.gru", 1], abs=1e-9)


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    """The state of the callback in a checkpoint of 0.1.0: its units are kept, and its records are there."""
    state = json.loads((DATA / "callback_state.json").read_text())
    seed_everything(5, verbose=False)
    callback = IITCallback(["net.gru", "net.out"], units=3, groups=2, draws=128, table=False, pictures=False, network=False)
    callback.load_state_dict(state)
    trainer(tmp_path, callback, epochs=1).fit(Gru(), sequence_data())
    read = {record.key: record for record in callback.records if record.key in PHI and record.epoch != 0}
    assert {key: pytest.approx(record.phi, abs=1e-9) for key, record in read.items()} == {key: PHI[key] for key in read}
    assert len(read) == 4
    old = {record.layer: record.units for record in load_run(DATA)}
    new = {record.layer: record.units for record in callback.records if record.epoch == 0}
    assert new == old
    assert all(isinstance(record.result, Computed) for record in callback.records)


def test_version_0_1_0_refuses_what_is_written_now():
    """It refused every schema above its own."""
    of_0_1_0 = {json.loads(path.read_bytes())["schema_version"] for path in DATA.glob("iit/net.*/epoch=*.json")}
    assert len(of_0_1_0) == 1
    assert json.loads(encode(a_record("gru", 0)))["schema_version"] > max(of_0_1_0)


def test_a_newer_schema_is_refused_in_words():
    record = load_run(DATA)[0]
    newer = msgspec.structs.replace(record, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(RecordError, match=rf"has schema {SCHEMA_VERSION + 1}; this version reads up to {SCHEMA_VERSION}\. Update"):
        decode(encode(newer))
