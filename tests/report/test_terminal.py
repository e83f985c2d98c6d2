"""What is printed on a terminal is whole at any width: no number is clipped, and names stay apart."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console
from sample_records import HOSTILE_LAYERS, a_record

from lightning_iit.commands.tables import print_result
from lightning_iit.records import Computed, Concept, Counts, EngineInfo, Failed, Interval, NullResult, Perturbation, TpmRecord
from lightning_iit.report.tables import epochs_table, summary_table
from lightning_iit.report.terminal import FittedTable, shortened

WIDTHS = (40, 60, 80, 120)
LONG = "encoder.layers.{}.attention.output.dense.projection.activation"
NULL = NullResult(name="cut", surrogates=19, mean=0.01, upper=0.03, excess=0.2, p=0.05, seed=0)


def printed(table, width: int, *, soft_wrap: bool = False) -> list[str]:
    console = Console(file=io.StringIO(), width=width, soft_wrap=soft_wrap)
    console.print(table)
    lines = console.file.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width, lines
    return lines


def a_row(layer, epoch=3, *, transitions=1792, states=16, **changes):
    tpm = TpmRecord(state_by_node=((0.5,),) * states, visited=(True,) * states, prior=0.5)
    return msgspec.structs.replace(
        a_record(layer, epoch), counts=Counts(visits=(transitions,), on=(), joint=()), tpm=tpm, **changes
    )


SEVERAL = {
    "a default run": [a_row("net.gru", null=NULL, kind="causal")],
    "several layers": [
        a_row("net.gru", null=NULL, kind="causal", interval=Interval(low=0.0, high=12345.6789, level=0.9, draws=9, seed=0)),
        a_row("net.1", kind="statistical", structural_phi=0.0, states=256),
        a_row("head", result=Failed(code="worker_died", reason="it died")),
    ],
    "long names": [a_row(LONG.format(number), transitions=987_654_321_012) for number in (1, 10, 11)],
    "hostile names": [a_row(name) for name in HOSTILE_LAYERS],
}


@pytest.mark.parametrize("soft_wrap", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", SEVERAL)
@pytest.mark.parametrize("table", [summary_table, epochs_table])
def test_no_number_is_clipped_at_any_width(table, case, width, soft_wrap):
    records = SEVERAL[case]
    words = " ".join(printed(table(records), width, soft_wrap=soft_wrap)).split()
    for record in records:
        whole = [f"{record.counts.transitions:,}", str(record.epoch)]
        whole += [f"{record.phi:.4f}"] if record.phi is not None else ["failed"]
        whole += ["(0", "12345.6789)"] if record.interval is not None and table is summary_table else []
        assert [word for word in whole if word not in words] == []
    text = " ".join(words)
    for record in records:
        assert f" {len(record.tpm.visited)} of {len(record.tpm.visited)}" in text


def test_a_default_run_is_a_table_at_80_columns():
    """And not a list: "16 of 1" stood for "16 of 16" there."""
    lines = printed(summary_table(SEVERAL["a default run"]), 80)
    assert lines[1].split() == ["layer", "epoch", "Φ", "groups", "kind", "from", "states", "seen"]
    assert lines[3].split()[-5:] == ["1,792", "transitions", "16", "of", "16"]


@pytest.mark.parametrize("width", WIDTHS)
def test_long_names_are_shortened_in_the_middle_and_stay_apart(width):
    records = SEVERAL["long names"]
    lines = printed(summary_table(records), width)
    shown = [line.split()[-1] if line.startswith("layer  ") else line.split()[0] for line in lines if "encoder" in line]
    shown = [name for name in shown if name != "layer"]
    assert len(set(shown)) == len(records)
    if width == 120:
        assert all("…" in name for name in shown)
        assert all(name.startswith("encoder.layers.1") for name in shown)


def test_what_only_costs_gives_way_first():
    records = [a_row("rows", epoch, null=NULL) for epoch in range(3)]
    narrow, wide = printed(epochs_table(records), 80), printed(epochs_table(records), 210)
    assert "A wider terminal also shows: groups, Φ of units, state, units, Φ s, epoch s, cuts, open." in " ".join(
        " ".join(narrow).split()
    )
    assert not any("wider" in line for line in wide)
    assert wide[1].split()[-2:] == ["cuts", "open"]


def test_a_record_takes_one_line_at_80_columns():
    watched = {"kind": "statistical"}
    made = Perturbation(background="sampled", draws=8260, observed=(), off=(), on=(), seed=0, sequences=1180)
    records = [
        a_row("mlp.1", -1, null=msgspec.structs.replace(NULL, p=1.0), **watched),
        a_row("mlp.1", 0, null=NULL, **watched),
        a_row("mlp.1", 1, null=None, **watched),
        a_row("rows", -1, null=None, kind="causal", perturbation=made),
    ]
    lines = printed(epochs_table(records), 80)
    rows = [line.split() for line in lines[3:7]]
    assert [row[:2] for row in rows] == [["-1", "mlp.1"], ["0", "mlp.1"], ["1", "mlp.1"], ["-1", "rows"]]
    assert [" ".join(row[4:]) for row in rows] == [
        "cut: p = 1.000 1,792 transitions 16 of 16",
        "cut: p <= 1/20 1,792 transitions 16 of 16",
        "not computed 1,792 transitions 16 of 16",
        "units set 8,260 / 1,180 seq. 16 of 16",
    ]
    said = " ".join(" ".join(lines[7:]).split())
    assert "units that were set have none" in said
    assert "backgrounds / sequences" in said


@pytest.mark.parametrize("width", WIDTHS)
def test_the_concepts_of_a_large_system_are_whole(width):
    nodes = tuple(range(8))
    concepts = tuple(
        Concept(mechanism=nodes, cause_purview=nodes, effect_purview=nodes, cause_phi=0.123456, effect_phi=phi)
        for phi in (0.234567, 0.000345678)
    )
    result = Computed(phi=1.0, concepts=concepts, engine=EngineInfo(name="fast", version="1"))
    console = Console(file=io.StringIO(), width=width, soft_wrap=True)
    print_result(console, result, (1,) * 8, "iit3")
    text = console.file.getvalue()
    words = text.split()
    assert {"0.123456", "0.234567", "0.000345678", "7}"} <= set(words)
    table = text[text.index("2 concepts") :].splitlines()
    assert max(map(len, table)) <= width


def test_cells_are_text_and_not_markup():
    (line,) = [line for line in printed(FittedTable(["a"], [["[red]x[/] \x1b[31m"]]), 80) if "x" in line]
    assert line.strip() == "[red]x[/] \\x1b[31m"


@pytest.mark.parametrize("width", [1, 2, 5, 17, 60])
@pytest.mark.parametrize("name", ["", "a", "encoder.layers.11.attention", "層" * 20, *HOSTILE_LAYERS])
def test_a_shortened_text_has_at_most_its_width(name, width):
    short = shortened(name.replace("\n", " ").replace("\x00", ""), width)
    assert cell_len(short) <= width
    assert "…" in short or len(short) == len(name.replace("\x00", ""))
    assert ".…" not in short
    assert "…." not in short


def test_a_table_of_iit4_alone_calls_its_number_by_its_symbol():
    found = a_record()
    (record,) = [msgspec.structs.replace(found, formalism="iit4-2023")]
    for build in (summary_table, epochs_table):
        head = printed(build([record]), 200)
        columns = next(line for line in head if "epoch" in line and "kind" in line).split()
        assert "φ_s" in columns
        assert "Φ" not in " ".join(columns).replace("Φ s", "")
