"""Comparison of runs: known numbers against scipy, what is refused, real trainings, and what is printed and drawn."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from lightning.pytorch import seed_everything
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger
from mlflow.tracking import MlflowClient
from models import Gru, sequence_data
from places import PROJECT
from sample_records import a_record, pixels
from scipy import stats
from training import trainer

from lightning_iit import IITCallback, InvalidArgumentError, RecordError, compare_runs, load_run
from lightning_iit.cli import main
from lightning_iit.comparison.compared import Curve
from lightning_iit.figures.curves import phi_curves
from lightning_iit.records import OfFormalism, Skipped, Survey, SurveyGroup, Units
from lightning_iit.records.store import write_record
from lightning_iit.watch.fingerprint import fingerprint

TEN = np.random.default_rng(3).normal(0.03, 0.005, 10).round(4).tolist()
OTHER_TEN = np.random.default_rng(4).normal(0.03, 0.005, 10).round(4).tolist()
LOW, HIGH = [0.011, 0.013, 0.012, 0.015, 0.010], [0.031, 0.028, 0.035, 0.030, 0.033]


def a_survey(phi: float, groups: int = 8, units: int = 3) -> Survey:
    """A survey with this Φ, whose groups lie around it, each in one state."""
    around = phi * (1 + np.linspace(-0.3, 0.3, groups))
    made = tuple(
        SurveyGroup(
            units=Units(indices=tuple(range(number, number + units)), width=16, selection="random"),
            states=((1,) * units,),
            visits=(10,),
            phis=(float(value),),
        )
        for number, value in enumerate(around)
    )
    return Survey(phi=phi, groups=made, se=phi / 20, low=phi * 0.9, high=phi * 1.1)


def write_run(
    folder: Path, before: float, after: float, *, layer: str = "rnn", weights: str = "", options=None, units=3, **changes
) -> Path:
    """A run of an untrained and two trained epochs with these Φ, and its options."""
    for epoch, phi in ((-1, before), (0, (before + after) / 2), (1, after)):
        made = a_record(layer, epoch, kind="causal", survey=a_survey(phi, units=units))
        provenance = type(made.provenance)(
            engine="fast", options=made.provenance.options, seed=0, window=1, initial_weights=weights
        )
        write_record(
            folder,
            type(made)(**{name: getattr(made, name) for name in made.__struct_fields__} | {"provenance": provenance} | changes),
        )
    (folder / "iit" / "options.json").write_text(json.dumps({"seed": "0", "threshold": "median"} | (options or {})))
    return folder


def two_sides(tmp_path, one, other, **further):
    """Runs with the option ``lr`` at 0.1 and at 0.01, with these Φ at the end."""
    runs = [write_run(tmp_path / f"a{n}", 0.01, phi, options={"lr": "0.1"}, **further) for n, phi in enumerate(one)]
    return runs + [write_run(tmp_path / f"b{n}", 0.01, phi, options={"lr": "0.01"}, **further) for n, phi in enumerate(other)]


def scipy_p(one, other):
    found = stats.permutation_test(
        (one, other), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), vectorized=True, n_resamples=np.inf
    )
    return found.pvalue


def test_five_and_five_runs_that_differ(tmp_path):
    found = compare_runs(two_sides(tmp_path, LOW, HIGH), by="lr")
    (row,) = found.layers
    assert (row.one, row.other, row.runs_one, row.runs_other) == ("lr=0.01", "lr=0.1", 5, 5)  # numbers in their order
    assert row.difference == pytest.approx(np.mean(LOW) - np.mean(HIGH))
    assert row.p == pytest.approx(scipy_p(LOW, HIGH)) == pytest.approx(row.p_smallest) == pytest.approx(2 / 252)
    wanted = stats.t.interval(0.9, 4, loc=np.mean(HIGH), scale=stats.sem(HIGH))
    assert (row.low_one, row.high_one) == pytest.approx(wanted)
    assert (row.kind, row.formalism, row.test) == ("causal", "iit3", "exact permutation of run means")
    assert f"it is lower with lr=0.1 ({row.test}: p = 0.008; smallest possible 0.0079)" in found.words
    assert row.spread == pytest.approx(np.sqrt((np.var(LOW, ddof=1) + np.var(HIGH, ddof=1)) / 2))
    assert (
        f"The difference is {abs(row.difference) / row.spread:.2g} times the standard deviation over the runs of a side"
        in found.words
    )


def test_ten_and_ten_runs_that_do_not_differ(tmp_path):
    found = compare_runs(two_sides(tmp_path, TEN, OTHER_TEN), by="lr")
    (row,) = found.layers
    assert row.p == pytest.approx(scipy_p(OTHER_TEN, TEN))
    assert row.p > 0.05
    assert row.p_smallest == pytest.approx(2 / 184_756)
    assert "no difference can be told" in found.words


def test_seeds_are_paired_by_run(tmp_path):
    runs = [write_run(tmp_path / f"{n}", before, after) for n, (before, after) in enumerate(zip(LOW, HIGH, strict=True))]
    for by in ("seed", None):
        found = compare_runs(runs, by=by)
        (row,) = found.layers
        differences = np.subtract(HIGH, LOW)
        wanted = stats.permutation_test(
            (differences,), lambda a, axis: a.mean(axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
        )
        assert row.p == pytest.approx(wanted.pvalue) == pytest.approx(row.p_smallest) == pytest.approx(2 / 2**5)
        assert (row.up, row.pairs, row.spread) == (5, 5, pytest.approx(np.std(LOW, ddof=1)))
        assert f"{differences.mean() / np.std(LOW, ddof=1):.2g} times the standard deviation over the untrained" in found.words
        assert "seeds not compared" not in found.words


def test_a_single_run_is_compared_with_its_untrained_network(tmp_path):
    found = compare_runs([write_run(tmp_path / "run", 0.01, 0.02)])
    (row,) = found.layers
    wanted = stats.wilcoxon(0.01 * (1 + np.linspace(-0.3, 0.3, 8))).pvalue
    assert row.p == pytest.approx(wanted) == pytest.approx(row.p_smallest) == pytest.approx(2 / 2**8)
    assert (row.phi_one, row.low_one, row.phi_other, row.high_other) == pytest.approx((0.01, 0.009, 0.02, 0.022))
    assert "It rose in 8 of 8 groups of units" in found.words
    assert "seeds not compared" in found.words


def test_a_single_run_of_few_groups_has_no_p_and_says_why(tmp_path):
    run = tmp_path / "run"
    for epoch, phi in ((-1, 0.01), (0, 0.02)):
        write_record(run, a_record("rnn", epoch, kind="causal", survey=a_survey(phi, groups=5)))
    found = compare_runs([run])
    assert found.layers[0].p is None
    assert "no p-value, since fewer than 6 groups differ: the smallest possible one is above 0.05" in found.words
    assert "It rose in 5 of 5 groups of units; seeds not compared." in found.words


def test_runs_with_equal_initial_weights_are_paired(tmp_path):
    names = "abcdef"
    one = [write_run(tmp_path / f"a{n}", 0.01, 0.02 + 0.005 * n, weights=name, options={"lr": "1"}) for n, name in enumerate(names)]
    other = [
        write_run(tmp_path / f"b{n}", 0.01, 0.021 + 0.005 * (5 - n) + 1e-4 * n, weights=name, options={"lr": "2"})
        for n, name in enumerate(reversed(names))
    ]
    paired = compare_runs([*one, *other], by="lr").layers[0]
    assert paired.test == "exact permutation, paired by run"
    assert (paired.up, paired.pairs, paired.p) == (6, 6, pytest.approx(2 / 2**6))  # each is higher by little, far below the spread
    write_run(tmp_path / "b0", 0.01, 0.021 + 0.025, weights="g", options={"lr": "2"})
    unpaired = compare_runs([*one, *other], by="lr").layers[0]
    assert unpaired.test == "exact permutation of run means"
    assert unpaired.p > 0.5
    write_run(tmp_path / "b0", 0.01, 0.021 + 0.025, weights="e", options={"lr": "2"})
    again = compare_runs([*one, *other], by="lr")
    assert again.layers[0].pairs == 0
    assert "began with the same weights, so these are not independent" in again.words


def test_several_values_and_layers_are_corrected(tmp_path):
    runs = [
        write_run(tmp_path / f"{value}-{n}", 0.01, phi * factor, options={"lr": value})
        for value, factor in (("1", 1.0), ("2", 3.0), ("10", 3.1))
        for n, phi in enumerate(LOW)
    ]
    for run, phi in zip(runs, 3 * LOW, strict=True):
        write_run(run, 0.01, phi, layer="second", options={"lr": run.name.partition("-")[0]})
    found = compare_runs(runs, by="lr")
    assert [(row.layer, row.one, row.other) for row in found.layers[:3]] == [
        ("rnn", "lr=1", "lr=2"),
        ("rnn", "lr=1", "lr=10"),
        ("rnn", "lr=2", "lr=10"),
    ]
    assert len(found.layers) == 6
    raw = scipy_p(LOW, np.multiply(LOW, 3.0))
    assert found.layers[0].p == pytest.approx(6 * raw)
    assert found.layers[0].p_smallest == pytest.approx(6 * 2 / 252)
    assert "corrected (Holm) for 6 comparisons" in found.words


def test_one_run_on_each_side_has_no_p(tmp_path):
    found = compare_runs(two_sides(tmp_path, LOW[:1], HIGH[:1]), by="lr")
    assert (found.layers[0].p, found.layers[0].low_one) == (None, pytest.approx(0.9 * HIGH[0]))
    assert "so few values have no p" in found.words
    few = compare_runs(two_sides(tmp_path, LOW[:2], HIGH[:3]), by="lr")
    assert few.layers[0].p_smallest == pytest.approx(1 / 10)
    assert "so few runs cannot give a p of 0.05 or less" in few.words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "statistical"}, "more than one kind of number"),
        ({"formalism": "iit4-2023"}, "more than one formalism"),
        ({"axis": "stream"}, "more than one axis"),
        ({"units": 4}, "more than one number of elements"),
    ],
)
def test_what_is_not_on_one_scale_is_refused(tmp_path, changes, words):
    runs = [
        write_run(tmp_path / "a", 0.01, 0.02, options={"lr": "1"}),
        write_run(tmp_path / "b", 0.01, 0.02, options={"lr": "2"}, **changes),
    ]
    with pytest.raises(InvalidArgumentError, match=words) as told:
        compare_runs(runs, by="lr")
    assert str(tmp_path / "a") in str(told.value)
    assert str(tmp_path / "b") in str(told.value)


def test_what_else_is_refused(tmp_path):
    run, other = (write_run(tmp_path / name, 0.01, 0.02, options={"lr": "1"}) for name in "ab")
    with pytest.raises(InvalidArgumentError, match="more than once"):
        compare_runs([run, run / "iit"])
    with pytest.raises(InvalidArgumentError, match=r"no such option is known of .*b\. All runs have: threshold"):
        compare_runs([run, other], by="treshold")
    with pytest.raises(InvalidArgumentError, match="all 2 runs have lr=1"):
        compare_runs([run, other], by="lr")
    with pytest.raises(InvalidArgumentError, match="there is no run"):
        compare_runs([])
    with pytest.raises(InvalidArgumentError, match="give a list of runs"):
        compare_runs(str(run))
    with pytest.raises(InvalidArgumentError, match=r"run-0.1.0 has no Φ of a layer .*version 0.1.0"):
        compare_runs([run, Path(__file__).parents[1] / "data/run-0.1.0"])
    (other / "iit/rnn/epoch=-001.json").unlink()
    with pytest.raises(InvalidArgumentError, match=r"b has no Φ of layer 'rnn' in the untrained network"):
        compare_runs([run, other], by="seed")
    with pytest.raises(InvalidArgumentError, match=r"epoch -1, and .*b has no layer with that"):
        compare_runs([other])
    write_record(other, a_record("more", 1, kind="causal", survey=a_survey(0.1)))
    write_record(other, a_record("third", 1, kind="causal", survey=a_survey(0.1)))
    for file in (other / "iit/rnn").glob("epoch=*.json"):
        file.unlink()
    with pytest.raises(InvalidArgumentError, match="no layer in common"):
        compare_runs([run, other])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError):
        compare_runs([tmp_path / "empty"])


def test_single_layers_of_other_names_and_differing_options_are_said(tmp_path):
    runs = [write_run(tmp_path / f"g{n}", 0.01, phi, layer="gru", options={"layers": "gru"}) for n, phi in enumerate(LOW)]
    runs += [
        write_run(tmp_path / f"l{n}", 0.01, phi, layer="lstm", options={"layers": "lstm", "threshold": "zero"})
        for n, phi in enumerate(HIGH)
    ]
    found = compare_runs(runs, by="layers")
    assert [(row.layer, row.one, row.other) for row in found.layers] == [("gru / lstm", "layers=gru", "layers=lstm")]
    assert "they differ in threshold (median, zero)" in found.words


@pytest.mark.parametrize("changes", [{"kind": "statistical"}, {"kind": "observational", "structural_phi": 0.0}])
def test_a_number_of_units_without_connections_is_no_integration_and_not_tested(tmp_path, changes):
    runs = two_sides(tmp_path, LOW, HIGH, **changes)
    single = [write_run(tmp_path / "one", 0.01, 0.02, **changes)]
    for found in (compare_runs(runs, by="lr"), compare_runs(runs), compare_runs(single)):
        assert "the number counted from the data is" in found.words
        assert "not tested. It is no integration" in found.words
        assert "p =" not in found.words
        assert "pairs" not in found.words
        assert "rose" not in found.words
        assert found.layers[0].p is None


@pytest.mark.parametrize("by", ["lr", "seed"])
def test_a_layer_whose_structural_phi_is_0_does_not_make_the_p_of_another_larger(tmp_path, by):
    runs = two_sides(tmp_path, LOW, HIGH)
    alone = compare_runs(runs, by=by)
    for run in runs:
        write_run(run, 0.01, 0.02, layer="relu", kind="statistical", options={"lr": "0.1" if run.name[0] == "a" else "0.01"})
    both = compare_runs(runs, by=by)
    assert {row.layer: row.p is None for row in both.layers} == {"rnn": False, "relu": True}
    assert [row for row in both.layers if row.layer == "rnn"] == list(alone.layers)
    assert "corrected" not in both.words


def test_curves_table_and_pictures(tmp_path):
    found = compare_runs(two_sides(tmp_path, LOW, HIGH), by="lr")
    (high, low) = found.curves[1], found.curves[0]
    assert (low.side, low.runs, low.epochs) == ("lr=0.01", 5, (-1, 0, 1))
    assert low.mean[-1] == pytest.approx(np.mean(HIGH))
    assert low.high[-1] - low.mean[-1] == pytest.approx(np.std(HIGH, ddof=1))
    assert high.low[0] == pytest.approx(0.01)  # all began alike
    names = {path.name for path in found.write(tmp_path / "out")}
    assert names == {"compare.csv", "compare.md", "phi-rnn.png", "phi-rnn.svg"}
    with (tmp_path / "out/compare.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["layer"], float(row["p"]), int(row["runs_one"])) == ("rnn", found.layers[0].p, 5)
    assert (tmp_path / "out/compare.md").read_text().strip() == found.words
    shown = pixels((tmp_path / "out/phi-rnn.png").read_bytes())
    assert shown.shape == (520, 920, 3)
    assert all((np.abs(shown.astype(int) - colour).sum(-1) < 12).sum() > 200 for colour in ((0, 114, 178), (213, 94, 0)))
    svg = ET.fromstring((tmp_path / "out/phi-rnn.svg").read_bytes())
    text = " ".join("".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text"))
    assert "lr=0.01 (5 runs)" in text
    assert "mean over runs ± one standard deviation" in text
    assert found.picture(form="svg") == found.picture("rnn", "svg")
    with pytest.raises(InvalidArgumentError, match="these layers were compared: 'rnn'"):
        found.picture("gru")


def test_the_curve_of_a_single_run_has_no_band_where_an_epoch_has_no_interval(tmp_path):
    curve = Curve(
        layer="rnn", side="run", runs=1, epochs=(-1, 0, 1), mean=(0.2, 0.2, 0.2), low=(0.1, 0.2, 0.1), high=(0.3, 0.2, 0.3)
    )
    shown = pixels(phi_curves([curve], kind="causal", formalism="iit3"))
    blue = np.abs(shown.astype(int) - (0, 114, 178)).sum(-1) < 12
    tall = np.flatnonzero(blue[:320].sum(0) > 40)
    assert len(tall) < 12, "only the bars at the two ends are tall"
    assert tall.max() - tall.min() > 700
    tinted = np.abs(shown.astype(int) - (209, 227, 241)).sum(-1) < 25
    assert tinted[:320].sum() < 200, "no band that tapers off into the epoch between"


def test_the_code_of_the_readme(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number, (one, other) in enumerate(zip(LOW, HIGH, strict=True)):
        for width, phi in ((8, one), (16, other)):
            run = write_run(Path(f"lightning_logs/version_{number}-{width}"), 0.01, phi)
            (run / "hparams.yaml").write_text(
                f"hidden: {width}\nmodule: !!python/name:torch.nn.GRU ''\n" if number else f"hidden: {width}\n"
            )
    readme = (PROJECT / "README.md").read_text()
    (block,) = [
        block for block in re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL) if "compare_runs" in block
    ]
    exec(compile(block, "README.md", "exec"), {})
    assert "it is higher with hidden=16" in capsys.readouterr().out
    assert sorted(path.name for path in Path("compared").iterdir()) == ["compare.csv", "compare.md", "phi-rnn.png", "phi-rnn.svg"]


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    two_sides(tmp_path / "runs", LOW, HIGH)
    assert main(["compare", str(tmp_path / "runs"), "--by", "lr", "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert re.search(
        r"rnn +lr=0.01 → lr=0.1 +5 / 5 +0.0314 \(0.0288 to 0.0340\) +0.0122 .* −0.0192 +0.0079 +0.0079 +causal +IIT 3.0", told
    )
    assert "Layer 'rnn': Φ is 0.0314 (90 % interval" in told
    assert str(tmp_path / "out/phi-rnn.svg") in told
    assert main(["compare", str(tmp_path / "runs"), "--by", "momentum"]) == 2
    assert "no such option is known" in capsys.readouterr().err


def test_the_command_line_compares_each_scale_by_itself(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    made = [{"units": 4}, {"units": 6}, {"units": 6, "formalism": "iit4-2023"}, {"units": 4}]
    for number, changes in enumerate(made):
        write_run(tmp_path / "runs" / str(number), 0.01 + number / 100, 0.04, options={"lr": str(number)}, **changes)
    assert main(["compare", *(str(tmp_path / "runs" / name) for name in "0123"), "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    first, *parts = re.split(r"^\d\. ", told, flags=re.MULTILINE)
    assert "3 scales" in first
    names = [[str(tmp_path / "runs" / name) for name in of] for of in ("03", "1", "2")]
    scales = [("4", "Φ (IIT 3.0)"), ("6", "Φ (IIT 3.0)"), ("6", "φ_s (IIT 4.0 (2023))")]
    for number, (part, own, (elements, what)) in enumerate(zip(parts, names, scales, strict=True), 1):
        assert part.startswith(f"causal {what} along time, groups of {elements} elements ({', '.join(own)})\n")
        assert re.search(rf"rnn +untrained → trained +{len(own)} / {len(own)} ", part)
        assert (tmp_path / "out" / str(number) / "compare.csv").is_file()
        alone = compare_runs(own)
        assert "".join(alone.words.split()) in "".join(part.split())
    assert main(["compare", str(tmp_path / "runs"), "--by", "lr"]) == 0
    told = capsys.readouterr().out
    assert re.search("lr=0 → lr=3", told)
    assert told.count("so there are no two sides") == 2
    assert main(["compare", str(tmp_path / "runs/1"), str(tmp_path / "runs/2"), "--by", "lr"]) == 1


def fit(folder, seed, logger, *, learning_rate=0.1):
    """A short training of a GRU with two epochs of a few groups."""
    seed_everything(seed, verbose=False)
    model = Gru(8, lr=learning_rate)
    callback = IITCallback("net.gru", units=3, groups=6, pictures=False, network=False, table=False, surrogates=1)
    trainer(folder, callback, epochs=2, logger=logger).fit(model, sequence_data(64, steps=8, batch=16))
    return callback


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # in MLflow's own store
def test_real_trainings_from_folders_and_from_mlflow(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    folders, phis = [], {}
    for seed in (0, 1):
        logger = CSVLogger(tmp_path, name="csv", version=seed)
        logger.log_hyperparams({"width": 8 + seed})
        to_mlflow = MLFlowLogger("widths", tracking_uri=uri, artifact_location=str(tmp_path / "artifacts"), run_name=f"run {seed}")
        to_mlflow.log_hyperparams({"width": 8 + seed})
        callback = fit(tmp_path, seed, [logger, to_mlflow])
        folders.append(Path(logger.log_dir))
        phis[seed] = {record.epoch: record.survey.phi for record in callback.records}
    from_folders = compare_runs(folders, by="width")
    from_mlflow = compare_runs([f"{uri}#widths"], by="width")
    for found in (from_folders, from_mlflow):
        (row,) = found.layers
        assert (row.one, row.other) == ("width=8", "width=9")
        assert (row.phi_one, row.phi_other) == pytest.approx((phis[0][1], phis[1][1]))
    assert from_folders.layers == from_mlflow.layers
    client = MlflowClient(uri)
    of_experiment = [client.get_experiment_by_name("widths").experiment_id]
    by_id = [f"{uri}#{run.info.run_id}" for run in client.search_runs(of_experiment)]
    assert compare_runs(by_id, by="width").layers == from_mlflow.layers
    seeds = compare_runs([f"{uri}#widths"])
    assert seeds.layers[0].difference == pytest.approx(np.mean([phis[seed][1] - phis[seed][-1] for seed in (0, 1)]))
    weights = {record.provenance.initial_weights for folder in folders for record in load_run(folder)}
    assert len(weights) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", found) for found in weights)
    slower = [CSVLogger(tmp_path, name="slower", version=seed) for seed in (0, 1)]
    for seed, logger in enumerate(slower):
        logger.log_hyperparams({"width": "slow"})
        fit(tmp_path, seed, logger, learning_rate=0.001)
    paired = compare_runs([*folders[:1], slower[0].log_dir], by="width").layers[0]  # one run each: paired, but without a p
    assert (paired.pairs, paired.p) == (1, None)
    assert compare_runs([*folders[:1], slower[1].log_dir], by="width").layers[0].pairs == 0


def test_the_fingerprint_tells_weights_apart():
    torch.manual_seed(0)
    model, same = Gru(8), Gru(8)
    same.load_state_dict(model.state_dict())
    assert fingerprint(model, ["net.gru"]) == fingerprint(same, ["net.gru"]) != ""
    with torch.no_grad():
        same.net.gru.weight_hh_l0[0, 0] += 1e-6
    assert fingerprint(model, ["net.gru"]) != fingerprint(same, ["net.gru"])
    half = Gru(8).to(torch.bfloat16)
    assert len(fingerprint(half, ["net.gru", "gone"])) == 32
    assert fingerprint(torch.nn.LazyLinear(3), [""]) == ""


def with_iit4(folder, share=0.5):
    """Adds to each record of a run the numbers of IIT 4.0: half of those of IIT 3.0."""
    for record in load_run(folder):
        groups = tuple(
            msgspec.structs.replace(group, counts=None, phis=tuple(share * phi for phi in group.phis), signed=group.phis)
            for group in record.survey.groups
        )
        survey = msgspec.structs.replace(record.survey, phi=share * record.survey.phi, groups=groups, se=None, low=None, high=None)
        other = OfFormalism(formalism="iit4-2023", result=Skipped(code="made_up", reason="made up"), survey=survey)
        write_record(folder, msgspec.structs.replace(record, others=(other,)))


def test_formalisms_are_compared_apart(tmp_path, capsys):
    runs = two_sides(tmp_path, LOW, HIGH)
    with pytest.raises(InvalidArgumentError, match=r"formalism='iit4-2023'.*has no numbers of it.*'iit3'"):
        compare_runs(runs, by="lr", formalism="iit4-2023")
    for run in runs:
        with_iit4(run)
    assert compare_runs(runs, by="lr").layers[0].formalism == "iit3"
    (row,) = compare_runs(runs, by="lr", formalism="iit4-2023").layers
    assert row.formalism == "iit4-2023"
    assert row.difference == pytest.approx((np.mean(LOW) - np.mean(HIGH)) / 2)
    assert ": φ_s is " in row.words
    assert main(["compare", *map(str, runs), "--by", "lr", "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "2 scales, each of which is compared by itself" in " ".join(told.split())
    assert "causal Φ (IIT 3.0)" in told
    assert "causal φ_s (IIT 4.0 (2023))" in told
    assert sorted(path.parent.name for path in tmp_path.glob("out/*/compare.csv")) == ["1", "2"]
