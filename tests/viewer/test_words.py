"""The page has the words of the report: its verdict, its notes, its terms; and each panel has a sheet that explains it."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from places import PROJECT
from viewer_fits import settled
from viewer_pages import viewer, watched
from viewer_pairs import controlled
from viewer_runs import make_record, write_file, write_record
from viewer_zoo import LOADED, make_zoo

from lightning_iit import load_run, whole_layer
from lightning_iit.records import CurvePoint, Open, encode
from lightning_iit.report import glossary
from lightning_iit.report.markup import text
from lightning_iit.report.report import markdown, verdict
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.protocol import RunIndex
from lightning_iit.viewer.summary import with_sentences_once

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

TERMS = {"Φ", "φ", "state", "mechanism", "purview", "concept", "cut", "null", "coverage", "kind", "survey"}
TERMS_4 = {"φ_s", "partition", "distinction", "relation"}
SHEETS = {"reading", "network", "curve", "causal", "concepts", "command", "tpm", "groups"}
SHEETS_4 = {"systemPhi", "distinctions", "relations"}
TABS = ("causal", "tpm", "groups")
KINDS = ("gru", "mlp", "without_snapshots", "untrained", "faults", "pruned", "three", "iit4", "old")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_zoo(tmp_path_factory.mktemp("zoo"), ("three",)) / "three"


def test_the_page_reads_the_words_of_the_report() -> None:
    written = (PROJECT / "viewer" / "src" / "generated" / "glossary.json").read_text(encoding="utf-8")
    assert written == glossary.text(), "python -m lightning_iit.report.glossary viewer/src/generated/glossary.json"
    assert set(glossary.GLOSSARY) >= TERMS | TERMS_4


def test_an_open_record_has_no_verdict() -> None:
    record = make_record("memory", 0)
    assert verdict(record)
    assert not verdict(msgspec.structs.replace(record, result=Open()))


def test_the_index_says_each_sentence_once(tmp_path: Path) -> None:
    """The index of a long run is fetched again and again; verdicts add little to it, and none is lost."""
    for epoch in range(300):
        write_record(tmp_path, make_record("memory", epoch, n=2))
    index = LogDirSource(tmp_path).index(".")
    sent = with_sentences_once(index)
    assert len(set(sent.sentences)) == len(sent.sentences)
    for row, before in zip(sent.rows, index.rows, strict=True):
        assert before.verdict
        assert " ".join(sent.sentences[place] for place in row.verdict) == before.verdict
    bare = [msgspec.structs.replace(row, verdict="") for row in index.rows]
    sizes = [len(msgspec.json.encode(msgspec.structs.replace(index, rows=tuple(rows)))) for rows in (bare, index.rows)]
    assert sizes[1] > 1.2 * sizes[0]
    assert len(msgspec.json.encode(sent)) < 1.03 * sizes[0]
    with viewer(tmp_path) as address, urllib.request.urlopen(f"{address}index?run=.", timeout=60) as answer:
        assert msgspec.json.decode(answer.read(), type=RunIndex) == sent


LEFT = "(pieces) => ({ all: pieces.length, seen: pieces.filter((piece) => piece.checkVisibility()).length })"
CUT = """() => [...document.querySelectorAll('.change, .verdict, .notes ul')]
  .filter((one) => one.scrollHeight > one.clientHeight + 1 && getComputedStyle(one).overflow !== 'visible'
    || getComputedStyle(one).webkitLineClamp !== 'none')
  .map((one) => one.className || one.tagName)"""
"""Sentences that end in the middle."""


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
def test_verdict_and_notes_of_each_kind_of_run(chromium: Browser, tmp_path: Path, kind: str) -> None:
    """The sentences beside Φ stand in report.md too, and each note of the record is an item of a list that is seen."""
    records = load_run(make_zoo(tmp_path, (kind,)) / kind)
    with viewer(tmp_path / kind) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        layer, epoch = page.page.evaluate("() => { const { layer, epoch } = window.lightningIIT.state(); return [layer, epoch]; }")
        record = next(one for one in records if (one.layer, one.epoch, one.step) == (layer, epoch, None))
        if record.phi is None:
            reason = " ".join(record.result.reason.split())
            assert page.page.locator(".reason").inner_text().endswith(f"That is not Φ = 0. {reason}")
            assert page.page.locator(".reading").inner_text().count(reason) == 1
        else:
            said = page.page.locator(".verdict > span").text_content()
            assert said == " ".join(verdict(record).split())
            partition = page.page.locator(".cut-words").text_content() or ""
            assert partition.count("φ_s = 0.") + partition.count("φ_s is 0:") == (1 if kind == "iit4" else 0), partition
            assert text(said) in markdown(records)
        checks = sorted(record.diagnostics, key=lambda one: one.verdict != "violated")
        notes = [*(one.words for one in checks if one.words), *record.notes]
        assert page.page.locator(".notes li").all_inner_texts() == [" ".join(note.split()) for note in notes]
        assert page.page.locator(".notes").is_visible() == bool(notes)
        page.check()


@pytest.mark.browser
def test_the_verdict_is_that_of_the_shown_state_and_formalism(chromium: Browser, three: Path) -> None:
    """It is about the record's own state: of another one nothing is concluded. Each formalism has its own sentences."""
    last = load_run(three)[-1]
    with viewer(three) as address, watched(chromium, width=1920, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        found = []
        for one in last.by_formalism:
            page.page.get_by_label("Formalism", exact=True).select_option(one.formalism)
            page.page.wait_for_function("(name) => window.lightningIIT.state().a.record?.formalism === name", arg=one.formalism)
            found.append(page.page.locator(".verdict > span").text_content())
        assert found == [verdict(one) for one in last.by_formalism]
        page.page.locator(".states button").nth(1).click()
        assert page.page.locator(".verdict").count() == 0
        page.check()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(360, 780), (1280, 720)])
def test_a_small_window_shows_whole_sentences_and_more_on_request(chromium: Browser, three: Path, width: int, height: int) -> None:
    """A sentence that is cut off may say the contrary: each is seen to its end or not at all."""
    with viewer(three) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        left = lambda selector: page.page.locator(f"{selector} [data-piece]").evaluate_all(LEFT)  # noqa: E731
        parts = (".verdict", ".notes ul")
        more = page.page.get_by_role("button", name="more", exact=True)
        assert all(1 <= left(part)["seen"] < left(part)["all"] for part in parts)
        assert page.page.evaluate(CUT) == []
        more.click()
        assert all(left(part)["seen"] == left(part)["all"] for part in parts)
        page.page.get_by_role("button", name="less", exact=True).click()
        # What has no room in a large window is there on request too; where all is seen nothing is offered.
        page.page.set_viewport_size({"width": 1920, "height": 1080})
        settled(page.page)
        assert left(".verdict")["seen"] == left(".verdict")["all"]
        assert left(".notes ul")["seen"] < left(".notes ul")["all"]
        assert page.page.evaluate(CUT) == []
        assert more.is_visible()
        page.page.locator(".notes ul").evaluate("(element) => { for (const one of [...element.children].slice(1)) one.remove(); }")
        page.page.set_viewport_size({"width": 1900, "height": 1080})
        settled(page.page)
        assert not more.is_visible()
        page.check()


def terms_with_tips(page: Page) -> set[str]:
    """The terms whose explanation appears where their element has the focus."""
    found = set()
    for element in page.locator("[data-term]").all():
        term = element.get_attribute("data-term") or ""
        if not element.is_visible():
            continue
        element.focus()
        tip = page.locator(".tip")
        if tip.is_visible() and glossary.GLOSSARY[term] in tip.inner_text():
            found.add(term)
    return found


def read_sheets(page: Page) -> set[str]:
    """Opens each sheet that can be opened by the keyboard, reads it, closes it by Escape, and sees where the focus is."""
    names = set()
    for button in page.locator("button.about").all():
        if not button.is_visible():
            continue
        name = button.get_attribute("data-about") or ""
        button.focus()
        page.keyboard.press("Enter")
        sheet = page.get_by_role("dialog", name=(button.get_attribute("aria-label") or "").removeprefix("What is this? "))
        sheet.wait_for()
        parts = sheet.locator("[data-part]")
        assert [part.get_attribute("data-part") for part in parts.all()] == ["shows", "computed", "read", "not", "source"]
        assert all(parts.all_inner_texts())
        for term, words in zip(sheet.locator("dt").all_inner_texts(), sheet.locator("dd").all_inner_texts(), strict=True):
            assert words == glossary.GLOSSARY[term]
        box = sheet.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]
        assert sheet.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
        page.keyboard.press("Escape")
        sheet.wait_for(state="detached")
        assert button.evaluate("(button) => document.activeElement === button"), name
        names.add(name)
    return names


def sheets_and_terms(page: Page) -> tuple[set[str], set[str]]:
    """Those of all tabs together."""
    sheets, terms = set(), set()
    for tab in TABS:
        page.evaluate("(id) => document.getElementById(id).click()", f"tab-{tab}")
        sheets |= read_sheets(page)
        terms |= terms_with_tips(page)
    return sheets, terms


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1920])
def test_each_panel_has_a_sheet_and_each_term_a_tip(chromium: Browser, three: Path, width: int) -> None:
    with viewer(three) as address, watched(chromium, width=width, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        more = page.page.get_by_role("button", name="more", exact=True)
        if more.is_visible():
            more.click()
        assert sheets_and_terms(page.page) == (SHEETS, TERMS)
        page.page.get_by_label("Formalism", exact=True).select_option("iit4-2023")
        page.page.wait_for_selector(".distinctions:not([hidden])", state="attached")
        sheets, terms = sheets_and_terms(page.page)
        assert sheets == SHEETS - {"concepts"} | SHEETS_4
        assert terms >= TERMS_4 | {"state", "kind", "null", "coverage", "survey"}
        page.page.locator(".units-panel button.about").evaluate("(button) => button.click()")
        assert "nearly the same φ_s" in page.page.get_by_role("dialog").inner_text()
        page.page.keyboard.press("Escape")
        assert "cut" not in terms  # a partition by IIT 4.0 is another thing
        page.check()


@pytest.mark.browser
def test_the_sheets_of_what_is_not_always_there(chromium: Browser, tmp_path: Path) -> None:
    """Of a comparison, of Φ against transitions, of analyses within epochs, of the whole layer, of the control of a training, and
    of the list of all layers, which stays open."""
    points = tuple(CurvePoint(transitions=t, subsamples=5, mean=0.5, low=0.4, high=0.6) for t in (100, 200))
    whole = whole_layer(np.random.default_rng(0).standard_normal((60, 3)), measures=["total_correlation"], surrogates=0)
    record = msgspec.structs.replace(make_record("memory", 1), curve=points, whole=whole)
    for run in ("one", "two"):
        write_record(tmp_path / run, make_record("memory", 0))
        write_record(tmp_path / run, record)
    within = encode(msgspec.structs.replace(record, step=30, global_step=30))
    write_file(tmp_path / "one" / "iit" / "memory" / "epoch=0001-step=000030.json", within)
    with controlled(tmp_path) as address, watched(chromium, width=1920, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        page.page.get_by_label("Run", exact=True).select_option("one")
        page.page.wait_for_selector(".record-curve .point")
        assert "recordCurve" in read_sheets(page.page)
        page.page.locator("#tab-whole").evaluate("(tab) => tab.click()")
        assert "whole" in read_sheets(page.page)
        page.page.get_by_label("Compare with").select_option("two")
        page.page.wait_for_function("() => window.lightningIIT.state().b?.record")
        page.page.locator(".steps summary").click()
        page.page.evaluate("() => document.getElementById('tab-compare').click()")
        assert read_sheets(page.page) >= {"compare", "steps", "control"}
        page.page.keyboard.press("l")
        about = page.page.locator(".overview .about")
        about.click()
        page.page.get_by_role("dialog", name="All layers", exact=True).wait_for()
        page.page.keyboard.press("Escape")
        assert page.page.locator(".overview").is_visible()
        assert about.evaluate("(button) => document.activeElement === button")
        page.check()


@pytest.mark.browser
def test_a_sheet_is_closed_by_mouse_too_and_what_comes_meanwhile_leaves_it_open(chromium: Browser, three: Path) -> None:
    with viewer(three) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        about, sheet = page.page.locator(".reading .about"), page.page.locator("dialog.sheet")
        about.click()
        page.page.evaluate("() => document.querySelector('[aria-label=\"Epoch before\"]').click()")
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 0")
        sheet.get_by_role("button", name="Close").click()
        sheet.wait_for(state="detached")
        assert about.evaluate("(button) => document.activeElement === button")
        about.click()
        page.page.mouse.click(20, 400)
        sheet.wait_for(state="detached")
        about.click()
        epoch = page.page.evaluate("() => window.lightningIIT.state().epoch")
        page.page.keyboard.press("ArrowLeft")
        assert page.page.evaluate("() => window.lightningIIT.state().epoch") == epoch
        assert sheet.is_visible()
        page.check()
