"""Records on disk: names, whole files, an index that follows, and reading what others left behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_files import read_index
from sample_records import HOSTILE_LAYERS, a_png, a_record

from lightning_iit.errors import RecordError
from lightning_iit.records import Open, Records, Skipped, encode
from lightning_iit.records.names import layer_slug, record_name
from lightning_iit.records.store import load_run, read_images, read_run, rebuild_index, write_atomically, write_record
from lightning_iit.records.tidied_index import tidy_index
from lightning_iit.run.folder import set_aside

if TYPE_CHECKING:
    from pathlib import Path


def a_run(run_dir: Path, layers=("fc1", "gru"), epochs=range(-1, 3)) -> Records:
    records = [a_record(layer, epoch) for epoch in epochs for layer in layers]
    for record in records:
        write_record(run_dir, record)
    return Records.ordered(records)


# --- names


def test_names_are_those_that_the_readme_gives():
    assert record_name("encoder.layers.0.mlp", 3) == "iit/encoder.layers.0.mlp/epoch=0003.json"
    assert record_name("fc1", -1) == "iit/fc1/epoch=-001.json"
    assert record_name("fc1", 12345) == "iit/fc1/epoch=12345.json"


@given(st.text())
def test_slugs_are_safe_as_file_names_and_as_metric_keys(layer):
    slug = layer_slug(layer)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", slug), slug
    assert len(slug) <= 80
    assert not slug.endswith(".")


@given(st.lists(st.text(alphabet="aA/_-.: ", max_size=6), unique=True))
def test_no_two_layers_share_a_slug(layers):
    assert len({layer_slug(layer) for layer in layers}) == len(layers)


def test_a_layer_named_like_the_slug_of_another_gets_a_slug_of_its_own():
    assert layer_slug(layer_slug("a/b")) != layer_slug("a/b")


@pytest.mark.parametrize(
    "name",
    [
        "con",
        "CON",
        "Aux",
        "nul.weight",
        "com1",
        "lpt9.0",
        "net.",
        "net...",
        " net",
        "net ",
        ".hidden",
        "-",
        "a:b",
        "a\\b",
        "",
        "l" * 81,
    ],
)
def test_names_that_some_file_system_takes_for_something_else_are_written_otherwise(name):
    slug = layer_slug(name)
    assert slug != name
    assert re.fullmatch(r"[A-Za-z0-9_]+--[0-9a-f]{8}", slug)


@given(st.text(max_size=90), st.text(max_size=90))
def test_slugs_are_the_same_without_case_only_where_names_are(one, other):
    if one.casefold() != other.casefold():
        assert layer_slug(one).lower() != layer_slug(other).lower()


def test_usual_module_names_stay_as_they_are():
    for layer in ("fc1", "net.0", "encoder.layers.11.mlp", "_hidden", "model.layer1.0.conv2", "A-b"):
        assert layer_slug(layer) == layer


# --- writing and reading


def test_what_was_written_is_read_back(tmp_path):
    records = a_run(tmp_path)
    assert load_run(tmp_path) == records
    assert load_run(str(tmp_path / "iit")) == records
    assert [record.epoch for record in load_run(tmp_path)] == [-1, -1, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("layer", HOSTILE_LAYERS)
def test_hostile_layer_names_stay_in_their_folder(tmp_path, layer):
    record = a_record(layer)
    path = write_record(tmp_path / "run", record, {"tpm": a_png()})
    assert path.resolve().is_relative_to((tmp_path / "run" / "iit").resolve())
    assert path.parent.parent == tmp_path / "run" / "iit"
    assert load_run(tmp_path / "run") == (record,)


def test_all_hostile_layers_live_side_by_side(tmp_path):
    records = a_run(tmp_path, HOSTILE_LAYERS, epochs=[0])
    assert load_run(tmp_path) == records
    assert len(records) == len(HOSTILE_LAYERS)


def test_pictures_stand_beside_their_record(tmp_path):
    images = {"tpm": a_png(1), "mip": a_png(2), "mip.svg": b"<svg/>", "mip_small": a_png(3)}
    write_record(tmp_path, a_record("fc1", 3), images)
    write_record(tmp_path, a_record("fc1", 30), {"tpm": a_png(4)})
    assert (tmp_path / "iit/fc1/epoch=0003.mip.svg").read_bytes() == b"<svg/>"
    assert read_images(tmp_path, a_record("fc1", 3)) == images
    assert (tmp_path / "iit/fc1/epoch=0003.tpm.png").read_bytes() == a_png(1)
    assert (tmp_path / "iit/fc1/epoch=0003.mip.png").read_bytes() == a_png(2)


def test_writing_a_record_again_replaces_it(tmp_path):
    a_run(tmp_path)
    newer = a_record("gru", 1, seed=5)
    write_record(tmp_path, newer)
    assert len(load_run(tmp_path)) == 8
    assert newer in load_run(tmp_path)
    assert len(read_index(tmp_path)) == 8


def test_no_reader_sees_half_a_file(tmp_path):
    """Another process writes one file over and over, in two versions; each read gives one of them, whole."""
    path = tmp_path / "file"
    versions = [b"a" * 300_000, b"b" * 200_000]
    write_atomically(path, versions[0])
    script = (
        "import sys, pathlib; from lightning_iit.records.store import write_atomically\n"
        "versions = [b'a' * 300_000, b'b' * 200_000]\n"
        "for turn in range(200): write_atomically(pathlib.Path(sys.argv[1]), versions[turn % 2])"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)])
    seen = set()
    while writer.poll() is None:
        data = path.read_bytes()
        assert data in versions
        seen.add(data[:1])
    assert writer.returncode == 0
    assert seen == {b"a", b"b"}
    assert [child.name for child in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"before")
    (tmp_path / "dir").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "dir", b"a file cannot take a folder's name")
    assert path.read_bytes() == b"before"
    assert sorted(child.name for child in tmp_path.iterdir()) == ["dir", "file"]


# --- the index


def test_the_index_lists_every_record_and_is_rebuilt_from_them(tmp_path):
    records = a_run(tmp_path)
    index = tmp_path / "iit" / "index.jsonl"
    entries = read_index(tmp_path)
    assert [(entry.epoch, entry.layer, entry.phi) for entry in entries] == [(r.epoch, r.layer, r.phi) for r in records]
    assert all((tmp_path / entry.file).is_file() for entry in entries)

    index.unlink()
    assert read_index(tmp_path) == ()
    assert rebuild_index(tmp_path) == entries == read_index(tmp_path)


_OPENED: list[str] = []
sys.addaudithook(lambda event, given: _OPENED.append(str(given[0])) if event == "open" else None)


def test_the_index_is_tidied_without_reading_the_records_that_it_lists(tmp_path):
    records = a_run(tmp_path)
    write_record(tmp_path, records[0])
    written_before = a_record("fc1", 7)
    write_atomically(tmp_path / record_name("fc1", 7), encode(written_before))  # a crash came before its line
    write_record(tmp_path, a_record("fc1", 8, result=Open()))
    write_atomically(tmp_path / record_name("fc1", 8), encode(a_record("fc1", 8)))
    (tmp_path / "iit/fc1/epoch=0001.json").unlink()
    _OPENED.clear()
    tidy_index(tmp_path)
    assert sorted(path.rpartition("/")[2] for path in _OPENED if "epoch=" in path) == ["epoch=0007.json", "epoch=0008.json"]
    tidied = (tmp_path / "iit/index.jsonl").read_bytes()
    rebuild_index(tmp_path)
    assert tidied == (tmp_path / "iit/index.jsonl").read_bytes()
    assert len(tidied.splitlines()) == len(records) + 1


def test_a_torn_index_line_costs_that_line_only(tmp_path):
    a_run(tmp_path)
    index = tmp_path / "iit" / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-20])
    assert len(read_index(tmp_path)) == 7
    assert len(load_run(tmp_path)) == 8


def test_a_result_without_phi_says_so_in_the_index(tmp_path):
    write_record(tmp_path, a_record(result=Skipped(code="no_transitions", reason="nothing was seen")))
    (entry,) = read_index(tmp_path)
    assert (entry.status, entry.phi) == ("skipped", None)


# --- reading what is damaged, old, new, or elsewhere


def test_damaged_records_are_named_and_the_others_served(tmp_path):
    records = a_run(tmp_path)
    (tmp_path / "iit/fc1/epoch=0000.json").write_bytes(b'{"layer": "fc1", "epo')
    (tmp_path / "iit/gru/epoch=0001.json").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"2 of 8 records.*fc1/epoch=0000\.json: .*gru/epoch=0001\.json"):
        loaded = load_run(tmp_path)
    assert loaded == Records.ordered(r for r in records if r.key not in {("fc1", 0), ("gru", 1)})
    assert [fault.path.name for fault in read_run(tmp_path).faults] == ["epoch=0000.json", "epoch=0001.json"]


def test_records_none_of_which_can_be_read_are_an_error(tmp_path):
    a_run(tmp_path, layers=["fc1"], epochs=[0])
    (tmp_path / "iit/fc1/epoch=0000.json").write_bytes(b"[]")
    with pytest.raises(RecordError, match="1 of 1 records"):
        load_run(tmp_path)


def test_an_older_schema_with_fewer_fields_is_read(tmp_path):
    record = a_record()
    path = write_record(tmp_path, record)
    data = json.loads(path.read_bytes())
    old = {name: data[name] for name in ("layer", "epoch", "global_step", "wall_time", "kind", "axis", "result", "provenance")}
    path.write_text(json.dumps({**old, "schema_version": 0, "a_field_that_is_gone": 1}))
    (loaded,) = load_run(tmp_path)
    assert (loaded.key, loaded.phi, loaded.schema_version) == (record.key, record.phi, 0)


def test_a_newer_schema_is_refused_with_advice(tmp_path):
    a_run(tmp_path)
    write_record(tmp_path, a_record("fc1", 9, schema_version=99))
    with pytest.warns(UserWarning, match="schema 99.*Update lightning-iit"):
        assert len(load_run(tmp_path)) == 8


def test_strange_files_are_no_records(tmp_path):
    records = a_run(tmp_path)
    for name in ("notes.json", "epoch=last.json", ".epoch=0004.json.12.tmp", "epoch=0001 (copy).json"):
        (tmp_path / "iit/fc1" / name).write_text("{")
    (tmp_path / "iit/report.md").write_text("# report")
    assert load_run(tmp_path) == records


def test_an_earlier_run_is_set_aside_and_stays_readable(tmp_path):
    records = a_run(tmp_path)
    assert set_aside(tmp_path) == tmp_path / "iit-1"
    with pytest.raises(RecordError):
        load_run(tmp_path)
    assert load_run(tmp_path / "iit-1") == records
    a_run(tmp_path, layers=["new"])
    assert set_aside(tmp_path) == tmp_path / "iit-2"
    assert set_aside(tmp_path) is None


def test_a_run_without_records_is_empty(tmp_path):
    (tmp_path / "iit").mkdir()
    assert load_run(tmp_path) == ()


def test_wrong_paths_say_what_is_there(tmp_path):
    a_run(tmp_path / "logs" / "version_0")
    (tmp_path / "logs" / "version_1").mkdir()
    with pytest.raises(
        RecordError, match=r"no folder 'iit' in it; it holds 'version_0', 'version_1'\. Runs below it: '.*version_0'"
    ):
        load_run(tmp_path / "logs")
    with pytest.raises(RecordError, match=r"no such folder.*logs' holds 'version_0', 'version_1'\. Runs below it: '.*version_0'"):
        load_run(tmp_path / "logs" / "version_7" / "deeper")
    with pytest.raises(RecordError, match="it holds nothing"):
        load_run(tmp_path / "logs" / "version_1")
    with pytest.raises(RecordError, match=r"one layer. Give the run's directory: '.*version_0'"):
        load_run(tmp_path / "logs/version_0/iit/fc1")
    with pytest.raises(RecordError, match="this is a file"):
        load_run(tmp_path / "logs/version_0/iit/fc1/epoch=0000.json")


def test_the_store_needs_no_torch():
    script = "import sys, lightning_iit.records.store; assert not {'torch', 'mlflow', 'tensorboard'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
