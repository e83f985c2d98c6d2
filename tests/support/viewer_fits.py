"""Whether the page fits into windows of every size, and what axe-core finds: ``python tests/support/viewer_fits.py OUT``.

OUT holds the runs of ``viewer_zoo``; those that are not there are made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from places import PROJECT
from viewer_pages import browser, viewer, watched
from viewer_zoo import LOADED, ZOO, make_zoo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Page

SIZES = [
    (360, 780),
    (390, 844),
    (640, 360),  # 1280 x 720 at a zoom of 200 %
    (700, 900),
    (768, 1024),
    (819, 1180),
    (1040, 800),
    (1041, 700),
    (1280, 720),
    (1440, 900),
    (1640, 900),
    (1920, 1080),
    (2560, 1440),
]
"""Windows from a telephone to a large screen, with both sides of every border at which the page is laid out anew."""
TABS = """() => {
  const { a, b, shown } = window.lightningIIT.state();
  const hasWhole = Boolean((shown === 'b' ? b : a)?.record?.whole);
  return ['causal', 'tpm', 'groups', ...(hasWhole ? ['whole'] : []), ...(b ? ['compare'] : [])];
}"""
"""The cards that show something: that of the whole layer, and that of a comparison, are not always there."""
LEAST_CHART = 150
MANY_CONCEPTS = {(1280, 720): 8, (1440, 900): 6, (1640, 900): 6, (1920, 1080): 6}
"""So many concepts are seen at least in windows of these sizes."""

SIDEWAYS = """() => [document.scrollingElement, ...document.querySelectorAll('.iit, .iit *')]
  .filter((element) => element instanceof HTMLElement && element.checkVisibility() && element.clientWidth > 0
    && !element.closest('.canvas, .uplot, .visually-hidden, select, .relations .scroll, .folded')
    && (element === document.scrollingElement || ['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX))
    && element.scrollWidth > element.clientWidth + 1)
  .map((element) => `${element.className || element.tagName}: ${element.clientWidth} wide, its content ${element.scrollWidth}`)"""
"""What is wider than its room, so that one scrolls sideways or something is cut off."""

OVERLAPPING = """() => {
  const cards = [...document.querySelectorAll('.iit .card')].filter((card) => card.checkVisibility());
  const found = cards.flatMap((card) => {
    card.scrollIntoView();
    const boxes = cards.map((one) => [one.id || one.classList[0], one.getBoundingClientRect()]);
    return boxes.flatMap(([one, a], at) => boxes.slice(at + 1)
      .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
      .map(([other]) => `${one} lies over ${other} where one scrolls to ${card.id || card.classList[0]}`));
  });
  for (const one of [document.scrollingElement, document.querySelector('.side')]) one.scrollTop = 0;
  return found;
}"""
"""Cards that lie over others, wherever one scrolls to."""

CONCEPTS_SEEN = """() => [...document.querySelectorAll('.concepts tbody tr')].filter((row) => {
  const [box, room] = [row.getBoundingClientRect(), row.closest('.scroll').getBoundingClientRect()];
  return row.checkVisibility() && box.bottom <= Math.min(innerHeight, room.bottom) + 1;
}).length"""

COMMAND_CUT = """() => {
  const [command, card] = ['.command', '#panel-causal'].map((one) => document.querySelector(one).getBoundingClientRect());
  return command.bottom > Math.min(card.bottom, innerHeight) + 1;
}"""

SCATTERED = """() => {
  const middles = [...document.querySelectorAll('.top > .brand, .top > .grow ~ *')].filter((one) => one.checkVisibility())
    .map((one) => one.getBoundingClientRect()).map(({ top, bottom }) => (top + bottom) / 2);
  return Math.max(...middles) - Math.min(...middles) > 4;
}"""

MISPLACED = """() => [...document.querySelectorAll('.stage:not(.empty)')].flatMap((stage) => {
  const { layers } = window.lightningIIT.state()[stage.dataset.side].network, other = document.querySelector('.scenes.two');
  const units = layers.flatMap(({ name, indices }) => indices.map((index) => ({ layer: name, index })));
  const places = units.map((unit) => window.lightningIIT.project(unit, stage.dataset.side)).filter(Boolean);
  const box = stage.querySelector('.canvas').getBoundingClientRect();
  const words = [...document.querySelectorAll('.network > .legend'), stage.querySelector('.stage-title')];
  const shown = words.filter((one) => one.checkVisibility() && one.textContent).map((one) => one.getBoundingClientRect());
  const above = shown.filter((one) => one.top < box.bottom).map((one) => one.bottom);
  const ends = (axis) => [Math.min(...places.map((at) => at[axis])), Math.max(...places.map((at) => at[axis]))];
  const [[left, right], [top, bottom]] = [ends('x'), ends('y')];
  const [wide, high] = [(right - left) / box.width, (bottom - top) / box.height];
  const isAlone = !other && places.length === units.length && box.height > 120;
  return [
    [left < box.left || right > box.right, 'units lie beside the picture'],
    [top < Math.max(box.top, ...above), 'units lie under the words above the network'],
    [bottom > box.bottom - 17, 'units lie below the names of the network'],
    [isAlone && Math.abs(left + right - box.left - box.right) > 0.2 * box.width, 'the network stands on one side'],
    [isAlone && wide < 0.6 && high < 0.35, `the network is small: ${wide} of the width, ${high} of the height`],
  ].flatMap(([is, said]) => (is ? [said] : []));
})"""
"""Where the networks are not in the middle of what words leave free of the picture, and as large as that lets them be."""

AXE = PROJECT / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
FOUND = """async (part) => (await axe.run(part)).violations.flatMap(({ id, help, nodes }) =>
  nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target.join(' ')}: ${failureSummary}`))"""


UNFOLD = "() => { for (const closed of document.querySelectorAll('details')) closed.open = true; }"


def settled(frame: Any) -> None:
    """Waits until the page is drawn for the size that it now has."""
    frame.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
    )


def choose_tab(frame: Any, tab: str) -> None:
    frame.evaluate("(tab) => document.getElementById(`tab-${tab}`).click()", tab)
    settled(frame)


def tabs_of(frame: Any) -> list[str]:
    return list(frame.evaluate(TABS))


def sideways(frame: Any) -> list[str]:
    """What does not fit into its width, and which cards lie over others, in any of the tabs."""
    found = []
    for tab in tabs_of(frame):
        choose_tab(frame, tab)
        found += [f"{tab}: {words}" for words in frame.evaluate(SIDEWAYS) + frame.evaluate(OVERLAPPING)]
    choose_tab(frame, "causal")
    return found


def misfits(chromium: Browser, run: Path, sizes: Sequence[tuple[int, int]] = SIZES, *, asked: str = "") -> list[str]:
    """What does not fit, in windows of all sizes; in some sizes also a curve or a list of concepts that is too low.

    ``asked`` is what stands behind the address.
    """
    found = []
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address + asked)
        page.page.wait_for_function(LOADED)
        for width, height in sizes:
            page.page.set_viewport_size({"width": width, "height": height})
            settled(page.page)
            found += [f"{width} x {height}, {words}" for words in sideways(page.page)]
            if width == 390 and page.page.evaluate(SCATTERED):
                found.append("390 wide, the buttons of the top bar do not stand beside the name")
            found += [f"{width} x {height}, {words}" for words in page.page.evaluate(MISPLACED)]
            if (width, height) in MANY_CONCEPTS and not asked:
                found += [f"{width} x {height}, {words}" for words in _too_low(page.page, MANY_CONCEPTS[width, height])]
        page.check()
    return found


def _too_low(page: Any, many: int) -> list[str]:
    chart = min(box["height"] for box in (one.bounding_box() for one in page.locator(".charts").all()))
    concepts = page.locator(".concepts td.phi").count()
    seen = page.evaluate(CONCEPTS_SEEN)
    return [
        *([f"the curve is {chart} high"] if chart < LEAST_CHART else []),
        *([f"{seen} of {concepts} concepts are seen"] if seen < min(many, concepts) else []),
        *(["the command is cut off"] if concepts and page.evaluate(COMMAND_CUT) else []),
    ]


def axe_findings(frame: Any, part: str = "html") -> list[str]:
    """What axe-core finds in a part of the page, with all its rules."""
    if not AXE.exists():
        pytest.fail(f"{AXE} is not there: npm ci --ignore-scripts in viewer/ (or make viewer) installs it.")
    if not frame.evaluate("() => 'axe' in window"):
        frame.evaluate(AXE.read_text())
    return list(frame.evaluate(FOUND, part))


def findings(chromium: Browser, run: Path, *, width: int, height: int, theme: str) -> list[str]:
    """What axe-core finds in each tab, with all that can be unfolded unfolded, and in the list of all layers."""
    found = []
    with viewer(run) as address, watched(chromium, width=width, height=height, theme=theme) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        page.page.evaluate(UNFOLD)
        for tab in tabs_of(page.page):
            choose_tab(page.page, tab)
            found += [f"{theme}, {width} wide, {tab}: {words}" for words in axe_findings(page.page)]
        page.page.keyboard.press("l")
        found += [f"{theme}, {width} wide, all layers: {words}" for words in axe_findings(page.page)]
        page.check()
    return found


def opened_findings(page: Page) -> tuple[set[str], list[str]]:
    """The side sheets that can be opened in any of the tabs, and what axe-core finds in each and while the Share menu is open."""
    page.get_by_role("button", name="Share", exact=True).click()
    found = [f"Share menu: {words}" for words in axe_findings(page)]
    page.keyboard.press("Escape")
    page.evaluate(UNFOLD)
    names: set[str] = set()
    for tab in tabs_of(page):
        choose_tab(page, tab)
        for button in page.locator("button.about").filter(visible=True).all():
            name = button.get_attribute("data-about") or ""
            if name in names:
                continue
            names.add(name)
            button.press("Enter")
            found += [f"sheet of {name}: {words}" for words in axe_findings(page, "dialog.sheet")]
            page.keyboard.press("Escape")
    return names, found


def main(out: Path) -> int:
    """Says of every kind of run what does not fit and what axe-core finds; answers how much that is."""
    make_zoo(out)
    found = []
    with browser() as chromium:
        for kind in ZOO:
            said = misfits(chromium, out / kind)
            if kind != "full":
                said += misfits(chromium, out, asked=f"#run={kind}&compare=full")
            for theme in ("light", "dark"):
                said += findings(chromium, out / kind, width=1920, height=1080, theme=theme)
                said += findings(chromium, out / kind, width=390, height=844, theme=theme)
                with viewer(out / kind) as address, watched(chromium, width=390, height=844, theme=theme) as page:
                    page.page.goto(address)
                    page.page.wait_for_function(LOADED)
                    said += [f"{theme}, {words}" for words in opened_findings(page.page)[1]]
            print(kind, *said, sep="\n    ", flush=True)
            found += said
    return len(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
