"""Two runs, two epochs and all runs beside each other; the curve with its axes, smoothed, logarithmic, and a part of it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from msgspec.structs import replace
from viewer_examination import written_record
from viewer_files import saved, words_of
from viewer_fits import settled
from viewer_pages import viewer, watched
from viewer_room import BOXES
from viewer_room import apart as beside_each_other
from viewer_runs import make_record, write_record, write_run

from lightning_iit.records import Computed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from lightning_iit.records import EpochRecord

pytestmark = pytest.mark.browser
EPOCHS = 5
LETTERS = "ABCDEF"
WORDS = """() => {
  window.__words = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.__words.push(String(text));
    return fillText.call(this, text, ...rest);
  };
}"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare") / "logs"
    write_run(folder / "first", epochs=EPOCHS)
    write_run(folder / "second", epochs=EPOCHS, seed=1, like=0)
    return folder


@pytest.fixture
def page(chromium: Browser, runs: Path) -> Iterator[Any]:
    """A page on the runs; the address is to be opened by the test."""
    with viewer(runs) as address, watched(chromium) as page:
        page.page.add_init_script(f"({WORDS})()")
        page.address = address  # type: ignore[attr-defined]
        yield page
        page.check()


def phis(record: EpochRecord, state: tuple[int, ...] | None = None) -> dict[str, float]:
    """φ of each mechanism, in the record's first state or in another one."""
    result = record.result if state is None else next(one.result for one in record.states if one.state == state)
    assert isinstance(result, Computed)
    return {
        " ".join(LETTERS[unit] for unit in concept.mechanism): min(concept.cause_phi, concept.effect_phi)
        for concept in result.concepts
    }


def shown_phis(page: Any, side: str) -> dict[str, float]:
    rows = page.locator(".compare tbody tr").evaluate_all(
        "(rows, side) => rows.map(({ cells }) => [cells[0].textContent, cells[side === 'a' ? 1 : 2].getAttribute('data-' + side)])",
        side,
    )
    return {name: float(value) for name, value in rows if value is not None}


def test_two_runs_stand_beside_each_other(page: Any, runs: Path, tmp_path: Path) -> None:
    a, b = (written_record(runs / name, "hidden", 2) for name in ("first", "second"))
    page.page.goto(f"{page.address}#run=first&compare=second&layer=hidden&epoch=2&tab=compare")
    page.ready()
    page.page.wait_for_function("() => document.querySelectorAll('.half svg').length === 2")
    assert shown_phis(page.page, "a") == phis(a)
    assert shown_phis(page.page, "b") == phis(b)
    both = sorted(set(phis(a)) & set(phis(b)))
    assert both
    for name in both:
        row = page.page.locator(".compare tbody tr").filter(has=page.page.get_by_role("cell", name=name, exact=True).first)
        apart = float(row.first.locator("[data-difference]").get_attribute("data-difference"))
        assert apart == pytest.approx(phis(b)[name] - phis(a)[name], abs=1e-15)
    for side, record in (("a", a), ("b", b)):
        parts = page.page.locator(f".half[data-side={side}] .part").evaluate_all("(all) => all.map((one) => one.dataset.nodes)")
        assert parts == [" ".join(map(str, nodes)) for nodes in (record.result.cut.from_nodes, record.result.cut.to_nodes)]
        assert f"= {record.result.phi:.4f}" in page.page.locator(f".half[data-side={side}]").inner_text()
    ids = page.page.locator("marker").evaluate_all("(all) => all.map((one) => one.id)")
    assert len(ids) == len(set(ids))  # arrows of a picture need heads of their own: those of a hidden one are not drawn
    colours = page.page.locator(".half h3").evaluate_all("(all) => all.map((one) => getComputedStyle(one).color)")
    assert len(set(colours)) == 2
    assert not page.page.locator(".compare > p").inner_text()  # the same units in the same state: there is nothing to be said
    for width, height in ((390, 844), (1024, 768), (1280, 720)):
        page.page.set_viewport_size({"width": width, "height": height})
        settled(page.page)
        assert min(box["height"] for box in (one.bounding_box() for one in page.page.locator(".stage").all())) >= 180
        boxes = page.page.evaluate(BOXES, ".layer-name, .letter, .stage-title, .network > .about")
        beside_each_other(boxes, width, 10_000)
    page.page.set_viewport_size({"width": 1920, "height": 1080})
    settled(page.page)
    network, curve, compare = (page.page.locator(card).bounding_box() for card in (".network", ".curve", "#panel-compare"))
    assert {box["x"] for box in (curve, compare)} == {network["x"]}  # one below the other, so that no room is left empty
    assert {box["width"] for box in (curve, compare)} == {network["width"]}
    assert compare["y"] - (curve["y"] + curve["height"]) == pytest.approx(12, abs=1)
    for card in page.page.locator(".panel").all():
        assert card.evaluate("(element) => element.scrollHeight - element.clientHeight") <= 1, card.get_attribute("id")
    page.page.set_viewport_size({"width": 1280, "height": 720})
    settled(page.page)
    page.page.get_by_role("button", name="Share", exact=True).click()
    with page.page.expect_download() as found:
        page.page.locator("[data-figure=tpm-difference] [data-form=csv]").click()
    found.value.save_as(tmp_path / "difference.csv")
    values = [list(map(float, row)) for row in csv.reader(io.StringIO((tmp_path / "difference.csv").read_text()))]
    np.testing.assert_allclose(values, np.subtract(b.tpm.state_by_node, a.tpm.state_by_node), atol=1e-15)
    check_pictures(page.page, a, b, tmp_path)
    page.page.keyboard.press("Escape")
    page.page.get_by_label("Compare with").select_option("")
    page.page.wait_for_function("() => window.lightningIIT.state().tab === null")
    assert page.page.locator("#tab-compare").is_hidden()
    assert page.page.locator("#panel-causal").is_visible()
    page.page.locator("#tab-causal").focus()
    page.page.keyboard.press("ArrowLeft")  # round to the last one that is there
    assert page.page.locator("#panel-groups").is_visible()


def check_pictures(page: Any, a: EpochRecord, b: EpochRecord, folder: Path) -> None:
    """Of both systems, of the mechanisms and of the difference there is a picture that needs no style sheet: each is opened."""
    words = {}
    for figure in ("system-a", "system-b", "mechanisms", "tpm-difference"):
        words[figure] = words_of(saved(page, page, figure, "svg", folder))
        assert saved(page, page, figure, "png", folder).stat().st_size > 1000
    for name in ("system-a", "system-b"):
        assert set(words[name]) >= set(LETTERS[:4])
    *cells, kind = words["mechanisms"]
    assert kind == "statistical: no connections among the units, 0 by structure"
    rows = zip(*[iter(cells)] * 4, strict=True)
    assert next(rows) == ("Mechanism", "φ in A", "φ in B", "B − A")
    shown = {name: (first, second) for name, first, second, _ in rows}
    text = lambda phi: "–" if phi is None else f"{phi:.4f}"  # noqa: E731
    assert shown == {name: (text(phis(a).get(name)), text(phis(b).get(name))) for name in {**phis(a), **phis(b)}}
    assert "P(ON next), B − A" in words["tpm-difference"]


def test_two_epochs_of_a_run_stand_beside_each_other(page: Any, runs: Path) -> None:
    """At first the untrained network; any epoch can be typed, and it stays while that of A moves."""
    page.page.goto(f"{page.address}#run=first&layer=hidden&epoch=2")
    page.ready()
    page.page.get_by_label("Compare with").select_option(label="itself, at another epoch")
    page.page.wait_for_function("() => window.lightningIIT.state().b?.record?.epoch === -1")
    page.page.locator("#tab-compare").click()
    assert "A is in state 0100, B in 0110" in page.page.locator(".compare > p").inner_text()  # these two have no state in common
    assert page.page.locator(".compare table").is_hidden()
    assert page.page.locator(".stage[data-side=b] .stage-title").inner_text() == "B · first, untrained"
    page.page.get_by_label("Epoch of B").fill("99")
    page.page.get_by_label("Epoch of B").press("Enter")
    assert page.page.get_by_label("Epoch of B").input_value() == str(EPOCHS - 1)
    page.page.get_by_label("Epoch of B").fill("1")
    page.page.get_by_label("Epoch of B").press("Enter")
    page.page.wait_for_function("() => window.lightningIIT.state().b.record.epoch === 1")
    page.page.locator(".brand").click()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 4")
    assert page.page.evaluate("() => window.lightningIIT.state().b.record.epoch") == 1
    for side, epoch in (("a", 4), ("b", 1)):  # in the state that both have, which is not the first of A
        record = written_record(runs / "first", "hidden", epoch)
        assert shown_phis(page.page, side) == phis(record, (0, 1, 0, 0))
    assert page.page.locator(".half p").first.inner_text().startswith("Φ in 0100 = ")
    page.page.wait_for_function("() => /against=1/.test(location.hash)")
    assert page.page.locator(".chart-legend .key", has_text="B · ").count() == 0  # its curve is that of A


def test_records_of_other_kinds_are_not_compared(chromium: Browser, tmp_path: Path) -> None:
    write_run(tmp_path / "logs" / "first", epochs=1, layers={"hidden": 4})
    record = make_record("hidden", 0, n=4)
    write_record(tmp_path / "logs" / "causal", replace(record, kind="causal"))
    with viewer(tmp_path / "logs") as address, watched(chromium) as page:
        page.page.goto(f"{address}#run=first&compare=causal&layer=hidden&epoch=0&tab=compare")
        page.ready()
        page.page.wait_for_function("() => document.querySelectorAll('.half svg').length === 2")
        assert "A is statistical, B is causal" in page.page.locator(".compare > p").inner_text()
        assert page.page.locator(".compare table, .difference").filter(visible=True).count() == 0
        page.check()


def test_what_does_not_mean_the_same_is_not_subtracted(chromium: Browser, tmp_path: Path) -> None:
    """Of other units nothing is; in another state the transition probabilities alone are. The page speaks of both sides."""
    record, other = (make_record("hidden", 0, n=4, seed=seed) for seed in (0, 1))
    moved = replace(other, units=record.units, states=(replace(other.states[0], state=(1, 1, 1, 1)),))
    for name, one in (("first", record), ("units", other), ("state", moved)):
        write_record(tmp_path / "logs" / name, one)
    subtracted = {"units": ([], "Not subtracted: the letters stand for other units"), "state": (["figure"], "A is in state")}
    with viewer(tmp_path / "logs") as address, watched(chromium) as page:
        for name, (parts, words) in subtracted.items():
            page.page.goto(f"{address}#run=first&compare={name}&layer=hidden&epoch=0&tab=compare")
            page.page.wait_for_function("(name) => window.lightningIIT?.state().b?.run.name === name", arg=name)
            page.page.wait_for_function("() => document.querySelectorAll('.half svg').length === 2")
            shown = page.page.locator(".compare table, .difference figure").filter(visible=True)
            assert shown.evaluate_all("(all) => all.map((one) => one.localName)") == parts
            assert words in page.page.locator(".compare > p").inner_text()
            page.page.get_by_role("button", name="Share", exact=True).click()
            files = page.page.locator("[data-figure]").evaluate_all("(all) => all.map((one) => one.dataset.figure)")
            assert ("tpm-difference" in files, "mechanisms" in files) == (bool(parts), False)
            page.page.keyboard.press("Escape")
            own, others = (f"{one.result.phi:.4f}" for one in (record, other))
            reading = page.page.locator(".reading")
            assert reading.locator(".value").inner_text() == f"Φ{own}"
            assert reading.locator(".other-side").inner_text() == f"B · {name}, epoch 0\nΦ {others}, statistical"
            assert "What may be concluded of A." in reading.inner_text()
            page.page.get_by_role("button", name="B", exact=True).click()
            assert reading.locator(".other-side").inner_text() == f"A · first, epoch 0\nΦ {own}, statistical"
            assert "What may be concluded of B." in reading.inner_text()
        page.check()


def test_all_runs_make_a_band(page: Any, runs: Path) -> None:
    page.page.goto(f"{page.address}#run=first&layer=hidden&epoch=2")
    page.ready()
    page.page.locator(".chart-menu summary").click()
    page.page.get_by_text("mean and range of all runs").click()
    page.page.get_by_text("hidden, mean and range of 2 runs").wait_for()
    page.page.keyboard.press("Escape")
    means = [
        np.mean([state.result.phi for state in written_record(runs / name, "hidden", 2).states]) for name in ("first", "second")
    ]
    place = page.page.evaluate("([at]) => window.lightningIIT.chartPlace(2, at)", [float(np.mean(means))])
    page.page.mouse.move(place["x"], place["y"])
    words = page.page.locator(".tip").inner_text()
    assert f"hidden, mean of 2 runs\n{np.mean(means):.4f}" in words
    assert f"{min(means):.4f}, {max(means):.4f}" in words


def test_the_axes_of_the_curve_have_names_and_units(page: Any) -> None:
    page.page.goto(f"{page.address}#run=first&layer=hidden&epoch=2")
    page.ready()
    page.page.wait_for_function("() => window.__words.includes('Epoch') && window.__words.some((word) => /^Φ \\(/.test(word))")


def test_a_part_of_the_epochs_can_be_seen(page: Any) -> None:
    """A drag chooses a part and no epoch; a double click, or the button, shows all."""
    page.page.goto(f"{page.address}#run=first&layer=hidden&epoch=4")
    page.ready()
    page.page.wait_for_function("() => window.lightningIIT.chartPlace(0, 0.1)")
    at = [page.page.evaluate("(epoch) => window.lightningIIT.chartPlace(epoch, 0.1)", epoch) for epoch in (0, 2)]
    page.page.mouse.move(at[0]["x"], at[0]["y"])
    page.page.mouse.down()
    page.page.mouse.move(at[1]["x"], at[0]["y"], steps=5)
    page.page.mouse.up()
    page.page.wait_for_function("() => window.lightningIIT.state().zoom?.join() === '0,2'")
    assert page.page.evaluate("() => window.lightningIIT.state().epoch") == 4
    page.page.wait_for_timeout(200)
    wide = page.page.evaluate("() => window.lightningIIT.chartPlace(2, 0.1).x - window.lightningIIT.chartPlace(0, 0.1).x")
    assert wide > 1.5 * (at[1]["x"] - at[0]["x"])
    page.page.get_by_role("button", name="All epochs").click()
    page.page.wait_for_function("() => window.lightningIIT.state().zoom === null")


def test_what_was_done_to_the_line_is_said(page: Any, tmp_path: Path) -> None:
    page.page.goto(f"{page.address}#run=first&layer=hidden&epoch=2")
    page.ready()
    page.page.locator(".chart-menu summary").click()
    page.page.get_by_label("Smoothing").select_option("5")
    page.page.get_by_text("lines: running means of 5 epochs").wait_for()
    page.page.get_by_text("logarithmic axis").first.click()
    page.page.locator(".said-of", has_text="logarithmic axis").wait_for()
    page.page.wait_for_timeout(200)
    heights = page.page.evaluate("() => [0.1, 0.2, 0.4].map((value) => window.lightningIIT.chartPlace(0, value).y)")
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.5)
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="Share", exact=True).click()
    with page.page.expect_download() as found:
        page.page.locator("[data-figure=curve] [data-form=svg]").click()
    found.value.save_as(tmp_path / "curve.svg")
    words = ["".join(text.itertext()) for text in ET.parse(tmp_path / "curve.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert "Φ (earth mover's distance), running mean of 5 epochs" in words
