"""Runs of different kinds in one page: what is seen is of the run, the epoch and the state that are shown, and of no other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from viewer_examination import go_to, written_record
from viewer_pages import viewer, watched
from viewer_pairs import Pairs, controlled
from viewer_runs import write_run
from viewer_zoo import make_zoo

from lightning_iit import System, compute_phi
from lightning_iit.viewer.compute import compute_again

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from lightning_iit.records import PhiResult

pytestmark = pytest.mark.browser
KINDS = ("full", "iit4", "faults")
COMPARED = ("again", "faults")
LAST = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("written") / "run", epochs=LAST + 1)


def test_nothing_of_one_run_stays_when_another_is_chosen(chromium: Browser, tmp_path: Path) -> None:
    """Each panel then shows what a page shows that was opened on the second run, alone and in a comparison in which one of the
    two runs is changed; and each panel that there is was compared somewhere."""
    make_zoo(tmp_path, {*KINDS, *COMPARED, "begun"})
    with controlled(tmp_path) as address:
        pairs = Pairs(chromium, address)
        pairs.go(KINDS)
        pairs.go(("iit4", "begun"))
        pairs.go(("full", "again"))
        pairs.go(COMPARED, beside="full", changed="a")
        pairs.go(COMPARED, beside="full", changed="b")
    assert pairs.found == {}
    assert pairs.panels - pairs.seen == set()
    assert pairs.seen >= {"chart", "tpm", "pairs"}


def ask(page: Page, state: tuple[int, ...]) -> None:
    """Sets the bits and presses the button."""
    for bit, on in zip(page.locator(".bit").all(), state, strict=True):
        if bit.get_attribute("aria-pressed") != str(on == 1).lower():
            bit.click()
    page.get_by_role("button", name="Compute", exact=True).click()


def chip_of(page: Page, name: str) -> str:
    return page.locator(".reading .chip", has_text=name).first.inner_text().partition("\n")[2]


def test_a_computed_state_is_a_state_of_its_own(chromium: Browser, run: Path) -> None:
    """Its chip says what it is; it redraws the units, the partition, the concepts, the TPM's mark and what stands beside Φ, and can
    be removed. At 1280 x 720 it is seen without scrolling."""
    record = written_record(run, "hidden", LAST)
    state = next(
        s for s in ((1, 0, 1, 1), (0, 1, 0, 0), (1, 1, 1, 0), (1, 0, 0, 0)) if s not in [one.state for one in record.states]
    )
    bits = "".join(map(str, state))
    wanted = compute_phi(System(tpm=record.tpm.state_by_node, state=state))
    with viewer(run, compute=compute_again) as address, watched(chromium, width=1280, height=720) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'hidden'")
        ask(page.page, state)
        chip = page.page.locator(".states .computation")
        chip.wait_for(timeout=90_000)
        assert float(chip.get_attribute("data-computed")) == pytest.approx(wanted.phi, abs=1e-9)
        said = chip.inner_text()
        for word in (bits, f"{wanted.phi:.4f}", f"epoch {LAST}", wanted.engine.name, " s"):
            assert word in said, (word, said)
        box, panel = chip.bounding_box(), page.page.locator(".states").bounding_box()
        assert panel["y"] <= box["y"] + 1
        assert box["y"] + box["height"] <= panel["y"] + panel["height"] + 1
        assert panel["y"] + panel["height"] < 720
        shows(page.page, state, wanted)
        assert chip_of(page.page, "null") in ("not of this state", "not computed")
        page.page.locator("#tab-tpm").click()
        marked(page.page, state)
        page.page.locator("#tab-causal").click()
        page.page.locator(".states button").first.click()
        shows(page.page, record.states[0].state, record.states[0].result)
        chip.get_by_role("button", name="Remove").click()
        assert page.page.locator(".computation").count() == 0
        assert page.page.locator(".states button").count() == len(record.states)
        page.check()


def shows(page: Page, state: tuple[int, ...], result: PhiResult) -> None:
    """The units, the partition, the concepts, Φ and the engine's seconds are those of this state."""
    assert page.locator(".unit").evaluate_all("(all) => all.map((unit) => Number(unit.classList.contains('on')))") == list(state)
    assert f"Φ = {result.phi:.4f}" in page.locator(".cut-words").inner_text()
    letters = lambda units: " ".join("ABCDEF"[unit] for unit in units)  # noqa: E731
    assert page.locator(".severed-words").inner_text() == f"{letters(result.cut.from_nodes)} → {letters(result.cut.to_nodes)}"
    phis = page.locator(".concepts td.phi").evaluate_all("(all) => all.map((cell) => Number(cell.dataset.phi))")
    assert phis == pytest.approx(sorted((concept.phi for concept in result.concepts), reverse=True))
    assert float(page.locator(".value").get_attribute("data-phi")) == pytest.approx(result.phi, abs=1e-9)
    assert page.locator(".reading .where .bits").inner_text() == "".join(map(str, state))
    page.locator(".reading .chip", has_text="engine").hover()
    assert f"partitions evaluated: {result.cuts_evaluated:,}" in page.locator(".tip").inner_text()
    page.mouse.move(3, 3)


def marked(page: Page, state: tuple[int, ...]) -> None:
    """The TPM's row of this state is marked, and no other."""
    row = sum(bit << unit for unit, bit in enumerate(state))
    found = page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
          const canvas = document.querySelector('.tpm canvas'), scale = canvas.width / canvas.getBoundingClientRect().width;
          const [, top, , high] = canvas.dataset.cells.split(' ').map(Number), context = canvas.getContext('2d');
          done(Array.from({ length: 16 }, (_, row) =>
            context.getImageData(Math.round(4 * scale), Math.round((top + (row + 0.5) * high) * scale), 1, 1).data[3] > 0));
        })))"""
    )
    assert [at for at, mark in enumerate(found) if mark] == [row]


def test_an_answer_that_comes_late_is_shown_with_its_own_epoch(chromium: Browser, run: Path) -> None:
    """Where the epoch was changed meanwhile nothing of it is seen there; it waits at the epoch that it is of."""
    go_on = threading.Event()

    def later(*asked: Any) -> PhiResult:
        assert go_on.wait(60)
        return compute_again(*asked)

    with viewer(run, compute=later) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'hidden'")
        ask(page.page, (1, 0, 1, 1))
        go_to(page.page, 0)
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 0")
        before = page.page.locator("#panel-causal").inner_text().replace("Computing …", "Compute")
        go_on.set()
        page.page.wait_for_function("() => !document.querySelector('.command .primary').disabled", timeout=90_000)
        assert page.page.locator("#panel-causal").inner_text() == before
        assert page.page.locator("[data-computed]").count() == 0
        go_to(page.page, LAST)
        page.page.wait_for_function("(epoch) => window.lightningIIT.state().a.record?.epoch === epoch", arg=LAST)
        assert f"epoch {LAST}" in page.page.locator(".computation").inner_text()
        page.check()


def test_a_number_of_the_first_state_is_not_shown_beside_another(chromium: Browser, run: Path) -> None:
    record = written_record(run, "memory", 0)
    assert record.null is not None
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        go_to(page.page, 0)
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 0")
        assert chip_of(page.page, "null").startswith(f"p = {record.null.p:.2g}")
        page.page.locator(".reading .chip", has_text="null").hover()
        assert "is above the mean by" in page.page.locator(".tip").inner_text()
        page.page.locator(".states button").nth(1).click()
        assert chip_of(page.page, "null") == "not of this state"
        page.check()
