"""The network in three dimensions: its view, its clock, when it draws, and what it holds of the graphics card."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from viewer_examination import go_to
from viewer_pages import viewer, watched
from viewer_runs import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
STEP_SECONDS = 0.65


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_run(folder / "version_0", epochs=3)
    write_run(folder / "version_1", epochs=2, seed=1)
    return folder


def pose(page: Page) -> tuple[np.ndarray, np.ndarray]:
    """Camera and what it looks at."""
    found = page.evaluate("() => window.lightningIIT.pose()")
    return np.array(found["position"]), np.array(found["target"])


def distance(page: Page) -> float:
    camera, target = pose(page)
    return float(np.linalg.norm(camera - target))


def test_units_and_rings_lie_over_the_connections(chromium: Browser, written: Path) -> None:
    """The colour of a unit is that of its activity, whatever connections lead before it; the rings are whole."""
    with viewer(written) as address, watched(chromium, theme="light") as page:
        page.page.goto(address)
        page.ready()
        shown = page.page
        layers = shown.evaluate("() => window.lightningIIT.state().a.network.layers.map(({ name, indices }) => [name, indices])")
        units = [{"layer": name, "index": index} for name, indices in layers for index in indices]
        places = [shown.evaluate("(unit) => window.lightningIIT.project(unit)", unit) for unit in units]
        wanted = [shown.evaluate("(unit) => window.lightningIIT.colorOf(unit)", unit) for unit in units]
        labels = ".names, .blocks, .legend, .network > .about"
        shown.evaluate("(labels) => document.querySelectorAll(labels).forEach((one) => (one.style.visibility = 'hidden'))", labels)
        picture = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
        inks = np.array([picture.getpixel((round(place["x"]), round(place["y"]))) for place in places], dtype=float)
        colors = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in wanted], dtype=float)
        cosine = (inks * colors).sum(1) / np.linalg.norm(inks, axis=1) / np.linalg.norm(colors, axis=1)
        assert (cosine > 0.995).mean() > 0.9, "but for those behind other units"


def test_nothing_is_drawn_while_nothing_changes(chromium: Browser, written: Path) -> None:
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.wait_for_timeout(1_000)
        before = page.page.evaluate("() => window.lightningIIT.measure().frames")
        page.page.wait_for_timeout(2_500)
        assert page.page.evaluate("() => window.lightningIIT.measure().frames") == before


def test_the_view_is_turned_zoomed_and_reset(chromium: Browser, written: Path) -> None:
    """By pointer, wheel and keys; the neurons move on the page with it, and come back to where they were."""
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        shown = page.page
        unit = {"layer": "hidden", "index": shown.evaluate("() => window.lightningIIT.state().a.network.layers[2].indices[0]")}
        first, far = pose(shown), distance(shown)
        place = shown.evaluate("(unit) => window.lightningIIT.project(unit)", unit)
        box = shown.locator(".canvas").bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

        shown.mouse.move(*middle)
        shown.mouse.down()
        shown.mouse.move(middle[0] + 150, middle[1] + 40, steps=4)
        shown.mouse.up()
        turned = pose(shown)
        assert np.linalg.norm(turned[0] - first[0]) > 0.2 * far
        assert distance(shown) == pytest.approx(far)
        moved = shown.evaluate("(unit) => window.lightningIIT.project(unit)", unit)
        assert np.hypot(moved["x"] - place["x"], moved["y"] - place["y"]) > 10
        shown.mouse.wheel(0, -300)
        shown.wait_for_function(
            "(far) => { const { position: p, target: t } = window.lightningIIT.pose();"
            " return Math.hypot(p[0] - t[0], p[1] - t[1], p[2] - t[2]) < 0.95 * far; }",
            arg=far,
        )
        shown.get_by_role("button", name="Reset view").click()
        np.testing.assert_allclose(pose(shown), first, atol=1e-6)
        again = shown.evaluate("(unit) => window.lightningIIT.project(unit)", unit)
        assert (again["x"], again["y"]) == pytest.approx((place["x"], place["y"]), abs=0.01)

        shown.locator(".canvas").focus()
        shown.keyboard.press("Shift+ArrowRight")
        assert np.linalg.norm(pose(shown)[0] - first[0]) > 0.05 * far
        shown.keyboard.press("+")
        assert distance(shown) == pytest.approx(0.88 * far)
        shown.keyboard.press("r")
        np.testing.assert_allclose(pose(shown), first, atol=1e-6)
        page.check()


def test_the_activity_is_played_at_the_speed_that_is_chosen(chromium: Browser, written: Path) -> None:
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        steps = {speed: _steps_a_second(page.page, speed) for speed in ("0.5", "4")}
        assert 0.5 < steps["0.5"] * STEP_SECONDS / 0.5 < 2
        assert 0.5 < steps["4"] * STEP_SECONDS / 4 < 2


def _steps_a_second(page: Page, speed: str) -> float:
    """How fast the steps go, by the clock of this process."""
    page.get_by_label("Speed").select_option(speed)
    page.evaluate("() => window.lightningIIT.setStep(0)")
    page.get_by_role("button", name="Play the activity (space)").click()
    reached = "(step) => window.lightningIIT.state().step >= step"
    page.wait_for_function(reached, arg=1, timeout=15_000)
    began, many = time.monotonic(), 1 if float(speed) < 1 else 12
    page.wait_for_function(reached, arg=1 + many, timeout=15_000)
    seconds = time.monotonic() - began
    page.get_by_role("button", name="Pause (space)").click()
    assert page.evaluate("() => window.lightningIIT.state().playing") is False
    return many / seconds


def test_a_scene_lets_go_of_what_it_made(chromium: Browser, written: Path) -> None:
    """Going through epochs leaves as many geometries as there were; a scene that is closed leaves nothing, again and again."""
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        go_to(page.page, -1)
        page.page.wait_for_function("() => window.lightningIIT.state().a.network?.epoch === -1")
        page.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        before = page.page.evaluate("() => window.lightningIIT.measure().geometries")
        for value in (0, 1, 0, 1, -1):
            go_to(page.page, value)
            page.page.wait_for_function("(epoch) => window.lightningIIT.state().a.network?.epoch === epoch", arg=value)
        page.page.wait_for_function("(before) => window.lightningIIT.measure().geometries === before", arg=before, timeout=10_000)
        other = page.page.get_by_label("Compare with")
        for _ in range(2):
            other.select_option(index=1)
            page.page.wait_for_function("() => window.lightningIIT.graphics('b')?.render.calls > 0")
            page.page.evaluate("() => { window.__graphics = window.lightningIIT.graphics('b'); }")
            held = page.page.evaluate("() => window.__graphics.memory.geometries")
            assert held >= 4
            other.select_option("")
            page.page.wait_for_function("() => window.lightningIIT.graphics('b') === null")
            left = (
                "() => [window.__graphics.memory.geometries, window.__graphics.memory.textures, window.__graphics.programs.length]"
            )
            assert page.page.evaluate(left) == [0, 0, 0]
        assert page.page.locator(".stage canvas").count() == 1
        page.check()
