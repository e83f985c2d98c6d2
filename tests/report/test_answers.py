"""The answer of a real training: from the callback, on the terminal, in the report, in a table, and from the stored run."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

import numpy as np
import pytest
from models import Gru, sequence_data
from scipy import stats
from training import train

from lightning_iit import IITCallback, InvalidArgumentError, change, load_run
from lightning_iit.report.course import averaged_words, course_words

OPTIONS = {
    "layers": "net.gru",
    "units": "auto",
    "groups": "auto",
    "states": "auto",
    "null_model": "auto",
    "table": True,
    "pictures": False,
    "network": False,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[IITCallback, str, object]:
    """A callback after a training with its own choice of units, groups and states; what it printed, and its folder."""
    folder, printed = tmp_path_factory.mktemp("run"), io.StringIO()
    with redirect_stderr(printed):
        callback = train(folder, model=Gru(lr=0.5), data=sequence_data(160, steps=12), **OPTIONS)
    return callback, printed.getvalue(), folder


def test_the_numbers_are_those_of_the_records(trained) -> None:
    callback, _, _ = trained
    found = callback.change()
    first, last = callback.records[0], callback.records[-1]
    assert (found.layer, found.epoch, found.to) == ("net.gru", -1, 2)
    before, after = ([np.average(one.phis, weights=one.visits) for one in record.survey.groups] for record in (first, last))
    assert (found.before, found.after) == pytest.approx((first.survey.phi, last.survey.phi))
    assert (found.before, found.after) == pytest.approx((np.mean(before), np.mean(after)))
    assert (found.groups, found.up) == (20, int(np.sum(np.array(after) > before)))
    error = np.hypot(first.survey.se, last.survey.se)
    alone, of_mean = stats.wilcoxon(after, before).pvalue, 2 * stats.norm.sf(abs(found.difference) / (1.5 * error))
    assert (found.p, found.p_by_error) == (pytest.approx(max(alone, of_mean)), of_mean > alone)
    assert found.p_smallest == 2 / 2**20
    assert found.noise == pytest.approx(np.sqrt(2 * (first.survey.se**2 + last.survey.se**2)))
    kept = []
    for then, now in zip(first.survey.groups, last.survey.groups, strict=True):
        phis = dict(zip(now.states, now.phis, strict=True))
        kept.append(np.average([phis[state] for state in then.states], weights=then.visits))
    assert found.by_tpm == pytest.approx(np.mean(kept) - np.mean(before))
    assert found.by_states == pytest.approx(np.mean(after) - np.mean(kept))
    assert callback.change("net.gru", 0, 1).before == pytest.approx(callback.records[1].survey.phi)
    with pytest.raises(InvalidArgumentError, match="epoch 3 is not in the records"):
        callback.change(to=3)


def test_it_is_said_wherever_one_looks(trained) -> None:
    callback, printed, folder = trained
    words, one_line = callback.change().words, " ".join(printed.split())
    assert f"net.gru: {words}" in one_line
    assert one_line.index("states seen") < one_line.index(words), "below the table"
    assert "net.gru, in detail: units" in one_line
    report = next(folder.rglob("report.md")).read_text(encoding="utf-8")
    further = f"{course_words(callback.records)} {averaged_words(callback.records[-1])}"
    assert "`moments=50`" in further
    assert report.split("\n\n")[1:3] == [
        "**Did training change Φ?**",
        f"- Layer `net.gru`: {words} {further}",
    ]
    assert f"## Layer `net.gru`\n\n**Did training change Φ?** {words}" in report
    assert callback.methods() in report
    stored = load_run(folder / "iit" / "0")
    assert change(stored) == callback.change()


def test_nothing_speaks_of_transitions_or_coin_flips_where_units_were_set(trained) -> None:
    callback, printed, folder = trained
    made = callback.records[-1].perturbation
    report = next(folder.rglob("report.md")).read_text(encoding="utf-8")
    assert f"{made.draws:,} backgrounds from {made.sequences:,} sequences" in report
    assert f"{made.draws:,} backgrounds from {made.sequences:,} sequences" in repr(callback.records[-1])
    assert f" {made.draws:,} backgrounds " in " ".join(printed.split())
    for text in (printed, report, repr(callback.records[-1])):
        assert "coin flips (" not in text
        assert "null not computed" not in text
        assert f"{callback.records[-1].counts.transitions:,}" not in text


def test_the_methods_have_what_a_reviewer_needs(trained) -> None:
    callback, _, _ = trained
    record, said = callback.records[-1], callback.methods()
    for part in (
        f"lightning-iit {record.provenance.packages['lightning-iit']} (engine fast {record.result.engine.version}",
        f"mean over 20 groups of 4 units, the same ones in all epochs: units {', '.join(record.units.labels)} of 16",
        "visited states, weighted by visits",
        "threshold: median, found anew in each epoch",
        record.perturbation.words,
        "200 resamples of whole sequences",
        "Wilcoxon's signed-rank test over groups, two-sided",
        "smallest possible p 1.9e−6",
        f"torch {record.provenance.packages['torch']}",
        "seed 0",
    ):
        assert part in said, (part, said)
    assert "surrogates" not in said


def test_a_table_of_the_records_names_units_state_kind_and_the_phi_of_the_layer(trained) -> None:
    callback, _, _ = trained
    table = callback.records.to_dataframe()
    record, row = callback.records[-1], table.iloc[-1]
    assert row["units"] == ", ".join(record.units.labels)
    assert row["state"] == "".join(map(str, record.states[0].state))
    assert row["kind"] == "causal"
    assert (row["layer_phi"], row["phi"]) == pytest.approx((record.survey.phi, record.phi))
    assert (row["layer_phi_low"], row["layer_phi_high"]) == pytest.approx((record.survey.low, record.survey.high))
    assert row["groups"] == 20
