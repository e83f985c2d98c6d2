"""Whether anything of one run stays on the page when another is chosen: ``python tests/support/viewer_pairs.py OUT [KIND ...]``.

OUT holds the runs of ``viewer_zoo``; those that are not there are made. In one page each run is shown after each other one, alone
and in a comparison, and what the page then shows is compared with a page that was opened on it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image
from viewer_pages import browser, viewer, watched
from viewer_zoo import LOADED, ZOO, make_zoo

from lightning_iit.viewer.compute import compute_again
from lightning_iit.viewer.live.stream import Streams
from lightning_iit.viewer.live.trainings import Trainings
from lightning_iit.viewer.logdir import LogDirSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Page

WINDOW = {"width": 1650, "height": 640}
"""So wide that all cards stand beside each other."""
TOKEN = "a-token-of-this-test"
ROUNDED = 64
"""By so much, of 255, may the edges of thin lines differ: a browser draws them otherwise in a canvas that was read often."""

SHOWN = """() => {
  const gone = '.top .pick:not(.layer), .filter:not(.overview *), .of-runs, [hidden], .u-cursor-x, .u-cursor-pt';
  const plain = (element) => {
    const copy = element.cloneNode(true);
    for (const part of copy.querySelectorAll(gone)) part.remove();
    for (const line of copy.querySelectorAll('.log li'))  // what was computed meanwhile is kept with the run
      if (/^(lightning-iit )?phi|^$/.test(line.querySelector('code')?.textContent ?? '')) line.remove();
    for (const part of copy.querySelectorAll('summary')) part.textContent = part.textContent.replace(/^Log.*/, 'Log');
    return copy.outerHTML;
  };
  const parts = {};
  const take = (element) => {
    const name = '.' + element.classList[0];
    if (name in parts) throw new Error(`two panels are called ${name}`);
    parts[name] = element.closest('[hidden]') || !element.checkVisibility() ? '' : plain(element);
  };
  const panels = window.lightningIIT.panels(), list = document.querySelector('.overview');
  for (const panel of panels) if (panel !== list) take(panel);
  parts['.tip'] = [...document.querySelectorAll('.iit .tip:not([hidden])')].map(plain).join('');
  const scene = window.lightningIIT.measure();
  const canvas = (selector) => document.querySelector(selector)?.toDataURL() ?? '';
  const canvases = (selector) => [...document.querySelectorAll(selector)].map((found) => found.toDataURL()).join('\\n');
  const drawn = (side) => {
    const layers = window.lightningIIT.state()[side]?.network?.layers ?? [];
    const color = (layer) => window.lightningIIT.colorOf({ layer: layer.name, index: layer.indices[0] }, side);
    const pose = Object.values(window.lightningIIT.pose(side) ?? {}).flat();
    return [layers.map(color), pose.map((value) => value.toPrecision(9))];
  };
  const values = [...document.querySelectorAll('.iit select, .iit input')]
    .filter((element) => !element.closest('.top .pick:not(.layer)'))
    .map((element) => `${element.ariaLabel}: ${element.value}, ${element.checked}, ${element.disabled}`);
  Object.assign(parts, { values: values.join('\\n'), chart: canvases('.chart canvas'),
    tpm: canvas('.tpm-holder:not([hidden]) canvas'), pairs: canvases('.whole-matrices canvas'),
    scene: JSON.stringify(scene?.neurons ? [scene.neurons, scene.calls, drawn('a'), drawn('b')] : []) });
  const key = (name, target) => target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
  const focused = document.activeElement;
  key('l', window);
  take(list);
  key('Escape', list);
  focused.focus();
  return parts;
}"""
"""All that the page shows, by its parts: each panel (the list of all layers is opened for it), what is chosen and what is drawn."""


def shown(page: Page) -> dict[str, str]:
    """What the page shows once everything is there and nothing moves."""
    page.wait_for_function(LOADED)
    before: dict[str, str] = {}
    for _ in range(40):
        page.wait_for_timeout(120)
        now = page.evaluate(SHOWN)
        if now == before:
            break
        before = now
    return before


def soil(page: Page) -> None:
    """Does to the run that is shown whatever leaves a trace: chooses, hovers, computes."""
    for selector in (".states button >> nth=1", ".unit >> nth=0", ".bit >> nth=0", ".dot >> nth=2"):
        page.evaluate("(id) => document.getElementById(id).click()", "tab-groups" if "dot" in selector else "tab-causal")
        if page.locator(selector).count() and page.locator(selector).is_visible():
            page.locator(selector).click()
    if page.locator(".command .primary").is_enabled():
        page.locator(".command .primary").click()
        page.wait_for_function(
            "() => !document.querySelector('.command .primary').disabled", timeout=180_000
        )  # the first Φ compiles the engine
    page.evaluate("() => document.getElementById('tab-tpm').click()")
    if page.locator(".tpm canvas").is_visible():
        page.locator(".tpm canvas").focus()
        page.keyboard.press("ArrowDown")
    page.evaluate("() => window.lightningIIT.setStep(2)")
    page.evaluate("() => document.getElementById('tab-causal').click()")
    page.mouse.move(3, 3)
    if page.locator(".concepts tbody tr[tabindex]").count():
        page.locator(".concepts tbody tr").first.focus()
    page.locator(".reading .chip").first.focus() if page.locator(".reading .chip").count() else None
    page.wait_for_timeout(100)


def soil_second(page: Page) -> None:
    """Shows the second run of a comparison at an epoch of its own."""
    page.get_by_label("Epoch of B").fill("-1")
    page.get_by_label("Epoch of B").press("Enter")
    page.wait_for_function(LOADED)


def same_charts(got: str, wanted: str) -> bool:
    """Whether charts are the same but for how a browser rounds: what lies a pixel further, and the edges of thin lines."""
    both = [[picture(address) for address in text.split("\n") if address] for text in (got, wanted)]
    return len(both[0]) == len(both[1]) and all(
        one.shape == two.shape and covers(one, two) and covers(two, one) for one, two in zip(*both, strict=True)
    )


def picture(address: str) -> np.ndarray:
    """The pixels of a PNG that is written out in an address, as they are seen on black; each of three values from 0 to 255."""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as found:
        values = np.asarray(found.convert("RGBA"), dtype=int)
    return values[..., :3] * values[..., 3:] // 255


def covers(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether each pixel of one picture lies between those around the same place of another."""
    height, width, _ = two.shape
    wide = np.pad(two, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = np.stack([wide[y : y + height, x : x + width] for y in range(3) for x in range(3)])
    return bool(((one >= around.min(axis=0) - ROUNDED) & (one <= around.max(axis=0) + ROUNDED)).all())


def differences(got: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """The parts of the page that differ, each with the place where it does."""
    found = []
    for part, text in wanted.items():
        if got[part] != text and not (part == "chart" and same_charts(got[part], text)):
            at = next((i for i, (a, b) in enumerate(zip(got[part], text, strict=False)) if a != b), min(len(got[part]), len(text)))
            found.append(f"{part}: …{got[part][max(0, at - 60) : at + 80]}… is not …{text[max(0, at - 60) : at + 80]}…")
    return found


def each_after_each(kinds: Sequence[str]) -> list[str]:
    """A way through the kinds on which each follows each other one once."""
    left = {kind: [other for other in kinds if other != kind] for kind in kinds}
    way, stack = [], [kinds[0]]
    while stack:
        if left[stack[-1]]:
            stack.append(left[stack[-1]].pop())
        else:
            way.append(stack.pop())
    return way[::-1]


@contextlib.contextmanager
def controlled(folder: Path) -> Iterator[str]:
    """The page of the runs, of a server that computes and takes commands; answers its address."""
    source = LogDirSource(folder)
    trainings = Trainings(source)
    options = {"streams": Streams(source, trainings), "steered": trainings, "token": TOKEN, "compute": compute_again}
    with viewer(folder, **options) as address:
        yield f"{address}?token={TOKEN}"


class Pairs:
    """Goes from run to run.

    Attributes:
        found: for each pair that differs, which parts do and where.
        panels: what panels there are.
        seen: the parts in which anything was shown at all.
    """

    def __init__(self, chromium: Browser, address: str) -> None:
        self._chromium, self._address = chromium, address
        self._alone: dict[str, dict[str, str]] = {}
        self.found: dict[str, list[str]] = {}
        self.panels: set[str] = set()
        self.seen: set[str] = set()

    def go(self, kinds: Sequence[str], *, beside: str = "", changed: Literal["a", "b"] = "a") -> None:
        """Shows each of the kinds after each other one, as first or as second run of a comparison with one that stays."""

        def asked(kind: str) -> str:
            # What the address asks for and is not there is said above everything, until another run is chosen.
            first, second = (kind, beside or "nobody") if changed == "a" else (beside, kind)
            return f"#run={first}&compare={second}"

        alone = {kind: self._opened(asked(kind).removesuffix("&compare=nobody")) for kind in kinds}
        way = each_after_each(kinds)
        picker = "Run" if changed == "a" else "Compare with"
        with watched(self._chromium, **WINDOW) as page:
            page.page.goto(self._address + asked(way[0]))
            self._see(shown(page.page))
            for one, two in pairwise(way):
                soil(page.page) if changed == "a" else soil_second(page.page)
                page.page.get_by_label(picker, exact=True).select_option(two)
                page.page.wait_for_function("([side, id]) => window.lightningIIT.state()[side].run.id === id", arg=[changed, two])
                page.page.wait_for_function(LOADED)
                while page.page.locator(".computation").count():  # what was asked for is kept; here it was asked for to soil
                    page.page.locator(".computation").get_by_role("button", name="Remove").first.click()
                page.page.mouse.move(3, 3)  # what has come under it would show its tip
                now = shown(page.page)
                if left := differences(now, alone[two]):
                    self.found[f"{two} after {one}" + (f" as {changed} beside {beside}" if beside else "")] = left
            page.check()

    def _opened(self, asked: str) -> dict[str, str]:
        """What a page shows that was opened on what is asked for."""
        if asked not in self._alone:
            with watched(self._chromium, **WINDOW) as page:
                page.page.goto(self._address + asked)
                self._alone[asked] = self._see(shown(page.page))
                self.panels |= set(page.page.evaluate("() => window.lightningIIT.panels().map((one) => '.' + one.classList[0])"))
                page.check()
        return self._alone[asked]

    def _see(self, found: dict[str, str]) -> dict[str, str]:
        self.seen |= {part for part, text in found.items() if text}
        return found


def main(out: Path, kinds: Sequence[str]) -> int:
    """Makes the runs, and says what differs and which panels were never seen; answers how many that is."""
    make_zoo(out, kinds)
    with browser() as chromium, controlled(out) as address:
        pairs = Pairs(chromium, address)
        pairs.go(kinds)
        others = [kind for kind in kinds if kind != "full"]
        if len(others) < len(kinds):
            pairs.go(others, beside="full", changed="a")
            pairs.go(others, beside="full", changed="b")
    for pair, left in pairs.found.items():
        print(pair, *left, sep="\n    ")
    missed = pairs.panels - pairs.seen
    print(f"{len(pairs.found)} pairs differ; panels that no run showed: {', '.join(sorted(missed)) or 'none'}")
    return len(pairs.found) + len(missed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:] or tuple(ZOO)))
