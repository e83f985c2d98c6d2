"""Every example runs as its first lines say."""

from __future__ import annotations

import math
import os
import re
import statistics
import subprocess
import sys
import time
from functools import reduce
from pathlib import Path

import pytest
from places import DATA, EXAMPLES

from lightning_iit import change, load_run
from lightning_iit.records import Computed
from lightning_iit.report.cells import number, short_data

pytestmark = pytest.mark.slow


def run(folder: Path, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
    return done.stdout


def test_no_example_is_longer_than_60_lines():
    lengths = {file.name: len(file.read_text().splitlines()) for file in EXAMPLES.glob("*.py") if file.name != "gates.py"}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo as `make demo` runs it: its folder, its records, what it printed, and when it was through (seconds since 1970)."""
    folder = tmp_path_factory.mktemp("demo")
    began = time.monotonic()
    out = run(folder, EXAMPLES / "digits_mlp.py")
    assert time.monotonic() - began < 480, "eight minutes"
    (version,) = (folder / "runs" / "demo").glob("version_*")
    return folder, load_run(version), out, (version / "iit" / "report.md").stat().st_mtime


def test_the_demo(demo):
    folder, records, out, _ = demo
    assert [record.key for record in records] == [(layer, epoch) for epoch in range(-1, 6) for layer in ("mlp.1", "rows")]
    assert all(isinstance(record.result, Computed) for record in records)
    assert {record.layer: record.kind for record in records} == {"mlp.1": "statistical", "rows": "causal"}
    assert {len(record.units.indices) for record in records if record.layer == "rows"} == {4}
    for layer in ("mlp.1", "rows"):
        assert statistics.median(record.phi for record in records if record.layer == layer) > 0
    assert sum(record.result.cuts_evaluated > 1 for record in records) >= 0.8 * len(records)
    assert {record.layer: record.null is None for record in records if record.epoch == 5} == {"rows": True, "mlp.1": False}
    assert {len(record.survey.groups) for record in records} == {20}
    assert "Φ of the layer" in (version_of(folder) / "iit" / "report.md").read_text()
    assert "tensorboard --logdir runs/demo" in out
    assert "lightning-iit studio" in out
    assert "mlflow ui --backend-store-uri sqlite:///runs/demo/mlflow.db" in out
    version = version_of(folder)
    assert (version / "iit" / "report.md").read_text().count("structural Φ is 0") >= 1
    assert (version / "iit" / "network" / "snapshot=0005.json").exists()


def test_the_demo_shows_six_units_of_the_gru_in_the_old_way_beside_the_survey(demo):
    folder, _, out, _ = demo
    six = load_run(version_of(folder) / "six-units")
    assert [record.key for record in six] == [("rows", epoch) for epoch in range(-1, 6)]
    for record in six:
        assert isinstance(record.result, Computed)
        assert (len(record.units.indices), len(record.states), len(record.survey.groups)) == (6, 1, 1)
    assert len(table(out, which=1)) == len(six) + 1


def test_the_demo_answers_whether_training_changed_phi(demo):
    folder, records, out, _ = demo
    six = change(load_run(version_of(folder) / "six-units"), "rows")
    for layer, found in (("rows", change(records, "rows")), ("mlp.1", change(records, "mlp.1")), ("rows", six)):
        assert f"\n{layer}: {found.words}\n" in out
    assert "Φ of the layer rose" in out
    assert out.count("Epoch -1 is the untrained network. null: of Φ of the units in detail") == 2
    assert out.count("The words are explained in report.md") == 2
    assert change(records, "rows").layers == 1, "the p of the GRU is not made larger by a layer that is not tested"


def version_of(folder: Path) -> Path:
    """The directory of the demo's run."""
    (version,) = (folder / "runs" / "demo").glob("version_*")
    return version


def test_the_demo_prints_each_phi_with_what_it_rests_on_and_what_it_cost(demo):
    _, records, out, _ = demo
    header, *rows = table(out)
    shown = ["epoch", "epoch s", "layer", "Φ", "groups", "kind", "units", "state", "Φ of units", "null", "from", "seen"]
    assert header == [*shown, "Φ s", "cuts", "open"]
    assert len(rows) == len(records)
    ended = {}
    for row, record in zip(rows, records, strict=True):
        seconds = record.wall_time - ended.get(record.layer, math.nan)
        ended[record.layer] = record.wall_time
        visited = f"{sum(record.tpm.visited)} of {len(record.tpm.visited)}"
        assert row == [
            str(record.epoch),
            "-" if math.isnan(seconds) else f"{seconds:.2f}",
            record.layer,
            number(record.survey.phi),
            str(len(record.survey.groups)),
            record.kind,
            " ".join(record.units.labels),
            "".join(map(str, record.states[0].state)),
            number(record.phi),
            row[9],
            short_data(record),
            visited,
            f"{record.result.seconds:.2f}",
            str(record.result.cuts_evaluated),
            str(record.backlog),
        ]
        without = "units set" if record.kind == "causal" else "not computed"
        assert row[9] == (without if record.null is None else f"cut: {record.null.p_words.partition(',')[0]}")


def table(out: str, which: int = 0) -> list[list[str]]:
    """The cells of a table of epochs: its head, then its rows."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    heads = [index for index, cells in enumerate(lines) if cells[:2] == ["epoch", "epoch s"]] + [len(lines)]
    inside = lines[heads[which] + 1 : heads[which + 1]]
    return [lines[heads[which]], *(cells for cells in inside if re.fullmatch(r"-?\d+", cells[0]))]


def test_the_demo_ends_soon_after_its_last_epoch(demo, capsys):
    """What is open then takes as long as its analyses; those of surveys, surrogates, draws and subsamples are analyses too."""
    _, records, _, ended = demo
    last = max(record.wall_time for record in records)
    open_then = records[-1].backlog + 1
    phi = sum(record.result.seconds * analyses(record) for record in records[-open_then:])
    took = ended - last
    with capsys.disabled():
        print(f"\n{open_then} open at the end: {phi:.1f} s of Φ, done after {took:.1f} s (bound {phi + 5:.1f} s)")
    assert took <= 6 * phi + 90, "six times and a minute and a half: the tests' machine may be busy with other things"


def analyses(record) -> int:
    """How many times a Φ was computed for a record."""
    surrogates = record.null.surrogates if record.null else 0
    draws = record.interval.draws if record.interval else 0
    survey = sum(len(group.states) + 2 * len(record.survey.resampled) for group in record.survey.groups)
    return 1 + surrogates + draws + survey + sum(point.subsamples for point in record.curve)


def test_what_the_readme_does_with_the_demo_works(demo):
    folder, _, _, _ = demo
    readme = (EXAMPLES.parent / "README.md").read_text()
    commands = re.findall(r"^lightning-iit ((?:export|phi|verify) [^#\n]*)", readme, re.MULTILINE)
    assert {command.split()[0] for command in commands} == {"export", "phi", "verify"}
    of_demo = {"lightning_logs": "runs/demo", "gru/epoch=0002.json --state 1101": "rows/epoch=0005.json --state 1101"}
    for command in (reduce(lambda text, pair: text.replace(*pair), of_demo.items(), command) for command in commands):
        short = ["--sample", "1"] if command.startswith("verify") else []
        run(folder, "-m", "lightning_iit.cli", *command.split(), *short)
    assert (folder / "run.html").stat().st_size > 100_000


def test_mnist_from_files_that_are_there(tmp_path):
    run(tmp_path, EXAMPLES / "mnist_mlp.py", "--root", DATA / "mnist", "--epochs", 1)
    (version,) = (tmp_path / "lightning_logs").glob("version_*")
    (before, after) = load_run(version)
    assert after.counts.transitions == 999
    assert before.layer == after.layer == "net.4"
    assert len(after.units.indices) == 3, "as many as 999 transitions carry: 100 for each of 8 states"
    assert isinstance(after.result, Computed)


def test_lightning_cli_with_a_yaml_file(tmp_path):
    run(tmp_path, EXAMPLES / "cli.py", "fit", "--config", EXAMPLES / "config.yaml")
    (version,) = (tmp_path / "runs" / "cli" / "lightning_logs").glob("version_*")
    records = load_run(version)
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    assert all(isinstance(record.result, Computed) for record in records)


@pytest.mark.parametrize("name", ["recurrent", "pruning", "transformer_depth"])
def test_the_other_examples(tmp_path, name):
    out = run(tmp_path, EXAMPLES / f"{name}.py")
    assert "epoch" in out
    (events,) = {file.parent for file in tmp_path.rglob("events.out.tfevents*")}
    records = load_run(events)
    assert sum(isinstance(record.result, Computed) for record in records) >= 0.7 * len(records)


def test_a_sweep_over_checkpoints(tmp_path):
    out = run(tmp_path, EXAMPLES / "checkpoints.py")
    folder = tmp_path / "runs" / "checkpoints"
    records = load_run(folder)
    assert [record.epoch for record in records] == [0, 1, 2, 3, 4]
    assert all(isinstance(record.result, Computed) and record.interval is not None for record in records)
    assert len({record.units for record in records}) == 1
    assert len({record.counts for record in records}) == 5
    assert len([line for line in out.splitlines() if line.startswith("epoch ")]) == 5
    assert (folder / "iit" / "report.md").exists()
    run(tmp_path, "-m", "lightning_iit.cli", "export", "runs/checkpoints", "-o", "sweep.html")
    assert (tmp_path / "sweep.html").stat().st_size > 100_000, "the viewer's page of the sweep"


def test_a_whole_layer(tmp_path):
    began = time.monotonic()
    out = run(tmp_path, EXAMPLES / "whole_layer.py")
    took = time.monotonic() - began
    rows = [line.split() for line in out[out.index("epoch  Φ*") :].splitlines()[1:6]]
    assert [row[0] for row in rows] == ["-1", "0", "1", "2", "3"]
    records = load_run(tmp_path / "runs" / "whole_layer")
    assert [float(row[2]) for row in rows] == pytest.approx([one.whole["phi_star"].atomic.excess for one in records], abs=1e-3)
    assert all(one.whole["phi_star"].atomic.null.p == 0.05 for one in records)
    assert all(len(one.whole.units) == 48 for one in records)
    assert took < 480
