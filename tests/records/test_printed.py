"""Records, results, matrices and the callback say in a few lines what they are; in a notebook as HTML, with all names escaped."""

from __future__ import annotations

import html
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from sample_records import HOSTILE_LAYERS, a_record, a_snapshot

from lightning_iit import IITCallback, System, Tpm, compute_phi, estimate_tpm, major_complex
from lightning_iit.records import (
    Computed,
    Concept,
    Counts,
    EngineInfo,
    EpochRecord,
    Failed,
    NullResult,
    Records,
    Skipped,
    TimedOut,
    TpmRecord,
    Units,
)
from lightning_iit.settings import Settings

FEW_LINES = 800
"""Characters: ten lines of 80."""
HOSTILE = "<script>alert(1)</script>&'\""


def a_large_record(layer: str = "net.gru", epoch: int = 3) -> EpochRecord:
    """A record of 8 units with 200 concepts and long words, which is 48 kB and more as plain fields."""
    nodes = tuple(range(8))
    concept = Concept(mechanism=nodes, cause_purview=nodes, effect_purview=nodes, cause_phi=0.1, effect_phi=0.2)
    computed = Computed(
        phi=1.25,
        concepts=(concept,) * 200,
        partitioned_concepts=(concept,) * 200,
        engine=EngineInfo(name="fast", version="1"),
        seconds=2.0,
    )
    null = NullResult(name="cut", surrogates=19, mean=0.01, upper=0.03, excess=0.2, p=0.05, seed=0, values=(0.1,) * 1000)
    return msgspec.structs.replace(
        a_record(layer, epoch),
        result=computed,
        units=Units(indices=nodes, width=64, selection="variance"),
        counts=Counts(visits=(7,) * 256, on=((1,) * 8,) * 256, joint=((0, 1, 3),) * 5000),
        tpm=TpmRecord(state_by_node=((0.25,) * 8,) * 256, visited=(True,) * 256, prior=0.5),
        null=null,
        notes=("A long sentence that says something. " * 40,),
    )


def large_things() -> list[object]:
    record = a_large_record()
    states = np.random.default_rng(0).integers(0, 2, (5000, 8))
    tpm = estimate_tpm(states)
    return [
        record,
        *(getattr(record, field) for field in ("result", "units", "counts", "tpm", "null", "provenance")),
        Records.ordered(a_large_record(layer, epoch) for layer in ("a", "b") for epoch in range(-1, 300)),
        Records(),
        a_large_record("x" * 5000),
        tpm,
        System(tpm=tpm.state_by_node, state=(0,) * 8, cm=np.ones((8, 8), int), labels=tuple("ABCDEFGH")),
        Failed(code="engine_error", reason="It broke. " * 100, details="Traceback\n" * 1000),
        Skipped(code="no_transitions", reason="None. " * 1000),
        TimedOut(reason="Too long. " * 1000, timeout=3.0),
        msgspec.structs.replace(record, result=Failed(code="x", reason="It broke. " * 100)),
        msgspec.structs.replace(a_snapshot(3), layers=a_snapshot(3).layers * 400),
        IITCallback(
            ["layer." + "x" * 300] * 50, probe=[torch.zeros(512, 512)] * 3, units=list(range(200)), pyphi_options={"MEASURE": "L1"}
        ),
    ]


@pytest.mark.parametrize("thing", large_things(), ids=lambda thing: type(thing).__name__)
def test_a_repr_is_a_few_lines(thing):
    assert len(repr(thing)) <= FEW_LINES, repr(thing)
    assert len(str(thing)) <= FEW_LINES
    assert len(repr(thing).splitlines()) <= 8


def test_a_repr_says_what_matters():
    assert repr(a_large_record()) == (
        "<EpochRecord of epoch 3, 'net.gru': Φ = 1.25 (observational; cut null, p <= 1/20, 19 surrogates), 8 units, "
        "1,792 transitions>"
    )
    skipped = msgspec.structs.replace(a_record(), result=Skipped(code="queue_full", reason="The queue was full."))
    assert repr(skipped) == "<EpochRecord of epoch 0, 'fc1': no Φ (Skipped: The queue was full.), 3 units, 222 transitions>"
    run = Records.ordered(a_record(layer, epoch) for layer in ("a", "b") for epoch in range(-1, 9))
    assert repr(run).splitlines()[0] == "<Records: 20 of 2 layers, epochs -1 to 8>"
    assert repr(Records()) == "<Records: none>"
    assert repr(estimate_tpm([[0, 1], [1, 0], [0, 1]])) == "<Tpm of 2 units: 2 transitions, 2 of 4 states visited, prior 0.5>"
    assert repr(IITCallback("encoder.gru", units=5)) == "IITCallback(layers='encoder.gru', units=5)"
    assert repr(Settings(units=np.arange(3))) == "Settings(units=array([0, 1, 2]))"
    assert repr(Failed(code="worker_died", reason="It died.")) == "Failed(code='worker_died', reason='It died.')"


def shown(thing: object) -> str:
    """What the HTML shows: its text, without tags."""
    return html.unescape(re.sub(r"<[^>]+>", " ", thing._repr_html_()))


@pytest.mark.parametrize("name", [HOSTILE, *HOSTILE_LAYERS])
def test_names_and_reasons_are_escaped(name):
    reason = f"{name}: {HOSTILE}"
    broken = msgspec.structs.replace(a_record(name), result=Failed(code="x", reason=reason, details=HOSTILE), notes=(HOSTILE,))
    computed = msgspec.structs.replace(
        a_record(name), null=NullResult(name=HOSTILE, surrogates=1, mean=0, upper=0, excess=0, p=1, seed=0)
    )
    for thing in (
        broken,
        computed,
        broken.result,
        Records([broken, computed]),
        System(tpm=[[0], [1]], state=(0,), labels=(HOSTILE,)),
    ):
        text = thing._repr_html_()
        assert "<script" not in text
        assert not re.search(r"<[^>]*alert", text)
    assert " ".join(name.split()) in " ".join(shown(Records([broken])).split())


def test_a_record_as_html_has_its_numbers():
    record = a_large_record()
    text = shown(record)
    units = "0, 1, 2, 3, 4, 5, 6, 7 of 64"
    for words in ("net.gru, epoch 3", "1.25", "p <= 1/20, 19 surrogates", units, "1,792", "256 of 256", "concepts: 200"):
        assert words in text
    assert "160 further rows" in text
    assert "216 further states" in text
    assert len(record._repr_html_()) < 100_000
    run = Records.ordered(a_large_record("a", epoch) for epoch in range(1000))
    assert "960 further rows" in shown(run)
    assert len(run._repr_html_()) < 100_000


def test_no_number_without_its_kind_and_null_in_html():
    """And a missing Φ is told in words, never as a number."""
    statistical = msgspec.structs.replace(a_record(), kind="statistical", structural_phi=0.0)
    missing = msgspec.structs.replace(a_record(epoch=1), result=TimedOut(reason="It took longer than 3 s.", timeout=3.0))
    text = shown(Records([statistical, missing]))
    assert "statistical" in text
    assert "structural Φ is 0" in text
    assert "null not computed" in text
    assert "none" in text
    assert "It took longer than 3 s." in text
    assert "structural Φ is 0" in shown(statistical)
    assert "null not computed" in shown(statistical)


def test_rows_that_were_never_visited_are_marked_in_html():
    tpm = estimate_tpm([[0, 1], [1, 0], [0, 1]])
    assert isinstance(tpm, Tpm)
    assert shown(tpm).count("never visited") == 2
    result = compute_phi(System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1)))
    assert "Φ = 1" in shown(result)
    assert "{0} -/-> {1}" in shown(result) or "{1} -/-> {0}" in shown(result)
    assert "MajorComplex" in shown(major_complex(System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1))))


def page(dark: bool) -> str:
    """Everything that a notebook shows, below one another, as a page in a notebook's colours."""
    colours = "background:#111;color:#eee" if dark else "background:#fff;color:#111"
    things = (
        Records.ordered(a_record(layer, epoch) for layer in ("encoder.layers.10.attention", "net.gru") for epoch in range(-1, 4)),
        a_record("net.gru", 3),
        a_record("net.gru", 3).result,
        estimate_tpm(np.random.default_rng(0).integers(0, 2, (40, 3))),
        Skipped(code="no_transitions", reason="Layer 'fc' gave no transition: it needs two samples or time steps in a row."),
    )
    shown_things = "<hr>".join(thing._repr_html_() for thing in things).replace("<details", "<details open")
    return f'<!doctype html><meta charset="utf-8"><body style="{colours};font-family:sans-serif">{shown_things}</body>'


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_the_html_is_readable_in_a_browser(tmp_path: Path, dark: bool):
    """Text has the colour of the page, nothing is wider than the page, and no cell has a background that hides it."""
    from viewer_pages import browser

    (tmp_path / "page.html").write_text(page(dark), encoding="utf-8")
    with browser() as chromium:
        tab = chromium.new_page(viewport={"width": 900, "height": 1400})
        tab.goto((tmp_path / "page.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 900
        colours = tab.evaluate(
            "[...new Set([...document.querySelectorAll('td,th,summary')].map((cell) => getComputedStyle(cell).color))]"
        )
        assert colours == (["rgb(238, 238, 238)"] if dark else ["rgb(17, 17, 17)"])
