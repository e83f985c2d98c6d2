"""The tour of the page: all its steps, and the numbers that its own engine computes."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from places import PROJECT
from tour_repertoires import ERROR, FILE, GATES, STATES, State, connections, tpm_of
from viewer_bundle import MOST, bundle_size
from viewer_fits import SIDEWAYS, axe_findings, settled
from viewer_pages import viewer, watched
from viewer_runs import write_run
from viewer_zoo import LOADED

from lightning_iit import compute_phi
from lightning_iit.records import Computed, System, SystemPhi
from lightning_iit.viewer.export import export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
TOLERANCE = 1e-6 + 1e-12
STEPS = 8
ALONE = PROJECT / "docs" / "tour.html"


def system(kind: str, state: State, *, cut: tuple[tuple[int, int], ...] = (), error: float = ERROR) -> System:
    """A system of the tour: each gate errs with a probability, and cut connections are none."""
    return System(tpm=tpm_of(kind, error), state=state, cm=connections(kind, cut))


def phi_of(wanted: System) -> float:
    result = compute_phi(wanted)
    assert isinstance(result, Computed)
    return result.phi


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("tour") / "run", epochs=2)


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with viewer(runs) as served:
        yield served


@pytest.fixture(params=["page", "export"])
def home(request: pytest.FixtureRequest, address: str, runs: Path, tmp_path: Path) -> str:
    return address if request.param == "page" else export(str(runs), tmp_path / "run.html").as_uri()


def go_to(page: Page, step: int) -> None:
    """Goes on to a step of the tour, by the arrow key."""
    page.wait_for_selector(".tour[open]")
    while not page.locator(".tour-count").inner_text().startswith(f"{step} of"):
        page.locator("#tour-title").press("ArrowRight")


def key(page: Page, name: str) -> Any:
    return page.locator(f".tour [data-key='{name}']")


def drag(page: Page, slider: Any) -> None:
    """Pulls a slider to its end with the pointer, not in one go."""
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.1, middle)
    page.mouse.down()
    for part in (0.2, 0.5, 0.8, 1.0):
        page.mouse.move(box["x"] + box["width"] * part, middle)
    page.mouse.up()


def check_bars(page: Page) -> None:
    """The bars of each set's past and future in the state that is shown, and the lines of chance, are PyPhi's repertoires."""
    now = "".join(str(int(key(page, f"node-{node}").get_attribute("aria-pressed") == "true")) for node in range(3))
    state = sum(int(on) << node for node, on in enumerate(now))
    systems = json.loads(gzip.decompress(FILE.read_bytes()))["systems"]
    (wanted,) = [one for one in systems if (one["kind"], one["cut"], one["state"]) == ("majority", [], state)]
    for mechanism in range(1, 8):
        key(page, f"set-{mechanism}").click()
        for side, words in (("cause", "was before"), ("effect", "will be")):
            title = page.locator(f".tour-bars.{side} h3").inner_text()
            assert title.endswith(words)
            purview = sum(1 << "ABC".index(letter) for letter in title.split()[1])
            shown = page.locator(f".tour-bars.{side} li").evaluate_all(
                "(all) => all.map(({ style }) => ['--p', '--chance'].map((name) => Number(style.getPropertyValue(name))))"
            )
            assert [p for p, _ in shown] == pytest.approx(wanted[side][f"{mechanism} {purview}"], abs=1e-6)
            assert [p for _, p in shown] == pytest.approx(wanted[side][f"0 {purview}"], abs=1e-6)


def shown_phi(page: Page) -> float:
    return float(page.locator(".tour [data-phi]").get_attribute("data-phi") or "nan")


@pytest.mark.filterwarnings("ignore:cm contradicts the TPM")  # that is what a cut connection is
def test_a_person_goes_through_the_tour(chromium: Browser, home: str) -> None:
    """By the button and its steps; parts are turned ON, connections cut, and Φ is that of ``compute_phi``."""
    with watched(chromium) as watcher:
        page = watcher.page
        page.goto(home)
        page.wait_for_function(LOADED)
        page.get_by_role("button", name="What is Φ? A tour").click()
        page.wait_for_selector(".tour[open]")
        on = page.locator(".tour [data-action=on]")
        titles = [page.locator("#tour-title").inner_text()]

        key(page, "node-1").click()
        page.get_by_text("Now 110").wait_for()
        key(page, "pass").click()
        page.get_by_text("Now 111").wait_for()
        for step in range(2, STEPS + 1):
            on.click()
            titles.append(page.locator("#tour-title").inner_text())
            if step == 2:
                key(page, "state-0").click()
                assert key(page, "node-0").get_attribute("aria-pressed") == "false"
            if step == 3:
                key(page, "set-7").click()
                page.locator(".tour-says").get_by_text("ABC is ").wait_for()
                check_bars(page)
                key(page, "node-0").click()
                assert key(page, "node-0").get_attribute("aria-pressed") == "false"
                check_bars(page)
            if step == 4:
                assert page.locator(".tour-table tbody tr").count() == 4
            if step == 5:
                assert abs(shown_phi(page) - phi_of(system("mixed", (1, 0, 0)))) <= TOLERANCE
                key(page, "node-2").click()
                assert abs(shown_phi(page) - phi_of(system("mixed", (1, 0, 1)))) <= TOLERANCE
                key(page, "arrow-0-1").dispatch_event("click")
                assert abs(shown_phi(page) - phi_of(system("mixed", (1, 0, 1), cut=((0, 1),)))) <= TOLERANCE
            if step == 6:
                assert shown_phi(page) == 0 == phi_of(system("chain", (1, 0, 0), cut=((2, 0),)))
                key(page, "arrow-2-0").press("Enter")
                assert shown_phi(page) > 0.5
                assert abs(shown_phi(page) - phi_of(system("chain", (1, 0, 0)))) <= TOLERANCE
            if step == 8:
                drag(page, key(page, "blur"))
                assert key(page, "blur").input_value() == "50"
                assert shown_phi(page) == 0
                key(page, "blur").fill("20")
                assert abs(shown_phi(page) - phi_of(system("xor", (0, 0, 0), error=0.2))) <= TOLERANCE
                key(page, "alone").check()
                assert shown_phi(page) == 0
        assert len(set(titles)) == STEPS
        on.click()
        page.wait_for_selector(".tour", state="detached")
        watcher.check()


def test_both_versions_of_each_system_in_each_state(chromium: Browser, address: str) -> None:
    with watched(chromium) as watcher:
        page = watcher.page
        page.goto(f"{address}#tour")
        go_to(page, 7)
        for kind in GATES:
            key(page, f"kind-{kind}").click()
            values = page.locator(".tour [data-value]").evaluate_all("(cells) => cells.map((cell) => cell.dataset.value)")
            assert len(values) == 2 * len(STATES)
            for state, three, four in zip(STATES, values[::2], values[1::2], strict=True):
                result = compute_phi(system(kind, state), formalism="iit4-2023")
                assert isinstance(result, SystemPhi)
                assert abs(float(three.removeprefix("iit3 ")) - phi_of(system(kind, state))) <= TOLERANCE
                assert abs(float(four.removeprefix("iit4 ")) - result.phi) <= TOLERANCE, (kind, state)
        watcher.check()


def test_the_keyboard_is_enough_and_the_page_rests(chromium: Browser, address: str) -> None:
    with watched(chromium) as watcher:
        page = watcher.page
        page.goto(address)
        page.wait_for_function(LOADED)
        epoch = page.evaluate("() => window.lightningIIT.state().epoch")
        button = page.get_by_role("button", name="What is Φ? A tour")
        button.press("Enter")
        page.wait_for_selector(".tour[open]")
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        assert page.locator(".tour-count").inner_text() == f"2 of {STEPS}"
        key(page, "node-0").press("Enter")
        assert key(page, "node-0").get_attribute("aria-pressed") == "false"
        assert page.evaluate("() => document.activeElement.dataset.key") == "node-0"
        page.keyboard.press("Escape")
        page.wait_for_selector(".tour", state="detached")
        assert page.evaluate("() => window.lightningIIT.state().epoch") == epoch
        assert button.evaluate("(element) => element === document.activeElement")
        page.evaluate("() => { location.hash = '#tour'; }")
        page.wait_for_selector(".tour[open]")
        watcher.check()


def test_the_address_keeps_it_open(chromium: Browser, home: str) -> None:
    """A reload, a link to the page as it is, and the way back and forth; closed, it is gone from the address."""
    with watched(chromium) as watcher:
        page = watcher.page
        page.goto(f"{home}#tour")
        page.wait_for_selector(".tour[open]")
        page.wait_for_function(LOADED)
        page.wait_for_function("() => location.hash.includes('run=')")
        page.reload()
        page.wait_for_selector(".tour[open]")
        page.wait_for_function(LOADED)
        page.wait_for_timeout(600)  # what changes together is one entry of the history
        page.keyboard.press("Escape")
        page.wait_for_function("() => !location.hash.includes('tour')")
        page.go_back()
        page.wait_for_selector(".tour[open]")
        page.go_forward()
        page.wait_for_selector(".tour", state="detached")
        assert page.evaluate("() => window.lightningIIT.state().a.record !== null")
        watcher.check()


def test_it_needs_no_run(chromium: Browser, tmp_path: Path) -> None:
    with viewer(tmp_path) as served, watched(chromium) as watcher:
        watcher.page.goto(served)
        watcher.page.wait_for_selector(".nothing:not([hidden])")
        watcher.page.get_by_role("button", name="What is Φ? A tour").click()
        go_to(watcher.page, 5)
        assert abs(shown_phi(watcher.page) - phi_of(system("mixed", (1, 0, 0)))) <= TOLERANCE
        watcher.check()


LAID_OUT_ANEW = [(360, 780), (640, 360), (768, 1024), (1280, 720), (1920, 1080)]
"""A window on each side of every border at which the tour is laid out anew."""


def test_each_step_fits_into_every_window(chromium: Browser, address: str) -> None:
    with watched(chromium) as watcher:
        page = watcher.page
        page.goto(f"{address}#tour")
        page.wait_for_function(LOADED)
        found = []
        for step in range(1, STEPS + 1):
            go_to(page, step)
            for width, height in LAID_OUT_ANEW:
                page.set_viewport_size({"width": width, "height": height})
                settled(page)
                found += [f"step {step}, {width} x {height}: {words}" for words in page.evaluate(SIDEWAYS)]
        assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_in_any_step(chromium: Browser, address: str, theme: str, width: int) -> None:
    with watched(chromium, width=width, height=800, theme=theme) as watcher:
        page = watcher.page
        page.emulate_media(reduced_motion="reduce")
        page.goto(f"{address}#tour")
        page.wait_for_function(LOADED)
        found = []
        for step in range(1, STEPS + 1):
            go_to(page, step)
            found += [f"step {step}: {words}" for words in axe_findings(page)]
        assert found == []


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_the_page_of_the_docs_is_one_file_that_asks_for_nothing(chromium: Browser, theme: str, width: int) -> None:
    """docs/tour.html, opened as a file: all steps and begun again, with the numbers of ``compute_phi``; by keyboard too."""
    asked = []
    with watched(chromium, width=width, height=800, theme=theme) as watcher:
        page = watcher.page
        page.emulate_media(reduced_motion="reduce")
        page.on("request", lambda request: asked.append(request.url))
        page.goto(ALONE.as_uri())
        page.wait_for_selector(".tour[open]")
        assert page.title() == "What is Φ? A tour"
        (link,) = page.get_by_role("link").all()
        assert (ALONE.parent / str(link.get_attribute("href"))).resolve() == PROJECT / "README.md"
        titles, found = [], []
        for step in range(1, STEPS + 1):
            titles.append(page.locator("#tour-title").inner_text())
            assert page.locator(".tour-count").inner_text() == f"{step} of {STEPS}"
            settled(page)
            found += [f"step {step}: {words}" for words in [*axe_findings(page), *page.evaluate(SIDEWAYS)]]
            assert page.locator("h1").bounding_box()["y"] >= 0, "each step begins at the top"
            if step == 5:
                key(page, "node-2").click()
                assert abs(shown_phi(page) - phi_of(system("mixed", (1, 0, 1)))) <= TOLERANCE
            page.locator(".tour [data-action=on]").click()
        assert len(set(titles)) == STEPS
        assert page.locator("#tour-title").inner_text() == titles[0], "it begins again"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Escape")
        assert page.locator("#tour-title").inner_text() == titles[1]
        ground = "() => getComputedStyle(document.querySelector('.iit')).backgroundColor"
        first = page.evaluate(ground)
        page.get_by_role("button", name="Light or dark").click()
        assert page.evaluate(ground) != first
        watcher.check()
    assert found == []
    assert asked == [ALONE.as_uri()]


def test_the_page_of_the_docs_is_small() -> None:
    size = len(gzip.compress(ALONE.read_bytes()))
    assert size <= 16_000
    said = re.search(r"(\d+) kB, (\d+) kB compressed", (PROJECT / "docs" / "formalisms.md").read_text("utf-8"))
    assert said is not None
    assert [int(one) for one in said.groups()] == [round(ALONE.stat().st_size / 1000), round(size / 1000)]


def test_the_front_end_stays_small() -> None:
    """All of it, the tour too, in the one file that a browser loads; README says how much it is, to a few per cent."""
    size = bundle_size()
    assert size <= MOST
    (stated,) = re.findall(r"The viewer is (\d+) kB \(gzip\)", (PROJECT / "README.md").read_text("utf-8"))
    assert int(stated) == pytest.approx(size / 1000, rel=0.03)
