"""In windows of all widths what is worked stays usable, and words lie beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from viewer_fits import settled
from viewer_pages import viewer, watched
from viewer_room import LUMINANCE
from viewer_runs import write_record
from viewer_surveys import surveyed
from viewer_words import WRITES, overlaps
from viewer_zoo import LOADED, make_zoo

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from lightning_iit.records import EpochRecord

pytestmark = pytest.mark.browser
BORDERS = (480, 620, 800, 1040, 1140, 1200, 1340, 1639)
WIDTHS = sorted({*range(360, 2561, 50), 390, *BORDERS, *(border + 1 for border in BORDERS), 2560})
"""From a telephone to a large screen, with both sides of every width at which the page is laid out anew."""
LEAST_SLIDER = 120

ROWS = """() => [...document.querySelectorAll('.top, .curve-top, .playbar, .command-row')].flatMap((row) => {
  const parts = [...row.querySelectorAll('h2, button, input, select, output, label')].filter((part) => part.checkVisibility());
  const boxes = parts.map((part) => {
    const words = document.createRange();
    words.selectNodeContents(part);
    const { left, right, top, bottom } = (part.matches('output, h2') ? words : part).getBoundingClientRect();
    return { part, left, right, top, bottom, name: part.ariaLabel ?? part.textContent };
  }).filter(({ left, right }) => right > left);
  const over = boxes.flatMap((a, at) => boxes.slice(at + 1).filter((b) => !a.part.contains(b.part)
    && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).map((b) => `${a.name} over ${b.name}`));
  const out = boxes.filter(({ left, right }) => left < 0 || right > innerWidth).map(({ name }) => `${name} out of the window`);
  return [...over, ...out];
})"""
SLIDERS = """() => [...document.querySelectorAll('.iit input[type=range]')].filter((slider) => slider.checkVisibility())
  .map((slider) => slider.getBoundingClientRect().width)"""


CHARTS = ".chart, .groups svg, .record-curve svg, .system, .tpm"


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_zoo(tmp_path_factory.mktemp("zoo"), ("full", "again", "faults", "untrained"))
    write_record(folder / "two groups", two_groups())
    return folder


def two_groups() -> EpochRecord:
    """Returns a record of two groups, whose mean is so near the end of the axis that its name may meet that of the end."""
    record = surveyed(0)
    assert record.survey is not None
    phis = (0.39, 0.5)
    groups = (replace(group, phis=(phi,) * len(group.phis)) for group, phi in zip(record.survey.groups, phis, strict=False))
    return replace(record, survey=replace(record.survey, groups=tuple(groups), phi=sum(phis) / 2, low=None, high=None))


@pytest.mark.parametrize("asked", ["#run=full", "#run=full&compare=again"])
def test_sliders_are_usable_at_every_width(chromium: Browser, zoo: Path, asked: str) -> None:
    """They keep 120 pixels; where a row has no room for them it folds, and nothing in it lies over anything."""
    found = {}
    with viewer(zoo) as address, watched(chromium, height=900) as page:
        page.page.goto(address + asked)
        page.page.wait_for_function(LOADED)
        page.page.evaluate("() => { document.querySelector('.top input[type=search]').hidden = false; }")  # as of many runs
        for width in WIDTHS:
            page.page.set_viewport_size({"width": width, "height": 900})
            sliders = page.page.evaluate(SLIDERS)
            assert len(sliders) == 2
            amiss = [*page.page.evaluate(ROWS), *(f"a slider of {wide}" for wide in sliders if wide < LEAST_SLIDER)]
            if amiss:
                found[width] = amiss
        page.check()
    assert found == {}


@pytest.mark.parametrize("kind", ["full", "faults", "untrained", "two groups"])
def test_words_of_charts_lie_beside_each_other(chromium: Browser, zoo: Path, kind: str) -> None:
    """Those in SVG, in canvases and in HTML over them, in each chart that is seen."""
    found = {}
    with viewer(zoo) as address, watched(chromium, height=900) as page:
        page.page.add_init_script(WRITES)
        page.page.goto(f"{address}#run={kind}")
        page.page.wait_for_function(LOADED)
        for width in (360, 700, 1041, 1640):
            page.page.set_viewport_size({"width": width, "height": 900})
            for tab in ("causal", "tpm", "groups") if width < 1640 else ("causal",):
                page.page.evaluate("(tab) => document.getElementById(`tab-${tab}`).click()", tab)
                settled(page.page)
                over = overlaps(page.page, CHARTS)
                if over:
                    found[width, tab] = over
        page.check()
    assert found == {}


CONTRAST = (
    f"""() => {{{LUMINANCE}"""
    """
  const light = (color) => {
    const context = document.createElement('canvas').getContext('2d');
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return luminance(context.getImageData(0, 0, 1, 1).data);
  };
  const card = light(getComputedStyle(document.querySelector('.panel')).backgroundColor);
  return [...document.querySelectorAll('.influence.severed')].map((line) => {
    const { stroke, strokeOpacity } = getComputedStyle(line);
    const ink = Number(strokeOpacity) * light(stroke) + (1 - strokeOpacity) * card;
    return (Math.max(ink, card) + 0.05) / (Math.min(ink, card) + 0.05);
  });
}"""
)
"""How much what is severed stands out from its ground, as WCAG counts it."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_partition_is_legible_in_a_low_window(chromium: Browser, zoo: Path, theme: str) -> None:
    """At 1280 x 720 the units are as large as letters need, the sentence stands beside them, and what is severed is seen."""
    with viewer(zoo) as address, watched(chromium, width=1280, height=720, theme=theme) as page:
        page.page.goto(f"{address}#run=untrained")
        page.page.wait_for_function(LOADED)
        settled(page.page)
        units = page.page.locator(".system .unit .body").all()
        assert len(units) == 4
        assert all(unit.bounding_box()["width"] >= 24 for unit in units)
        picture, words = (page.page.locator(one).bounding_box() for one in (".graph", ".cut-words"))
        assert words["x"] >= picture["x"] + picture["width"]
        ratios = page.page.evaluate(CONTRAST)
        assert len(ratios) >= 3
        assert min(ratios) > 3  # of graphical objects, WCAG 2.2, 1.4.11
        page.check()


def test_a_narrow_window_says_what_the_colours_of_the_network_mean(chromium: Browser, zoo: Path) -> None:
    with viewer(zoo) as address, watched(chromium, width=390, height=844) as page:
        page.page.goto(f"{address}#run=full")
        page.page.wait_for_function(LOADED)
        legend, canvas = (page.page.locator(one).bounding_box() for one in (".network > .legend", ".canvas"))
        assert "high activity" in page.page.locator(".network > .legend").inner_text()
        assert legend["y"] >= canvas["y"] + canvas["height"]
        page.check()
