"""What must be true of the look of a page: everything has its room, and text stands out from its ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text of ordinary size."""

BOXES = """(selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility()).map((element) => {
  const { left, top, right, bottom } = element.getBoundingClientRect();
  return [element.className.baseVal ?? (element.className || element.tagName), left, top, right, bottom];
}).filter(([, left, top, right, bottom]) => right > left && bottom > top)"""

CLIPPED = """() => [...document.querySelectorAll('.top *, .reading *, .playbar *, .curve-top *, .command *, .states *, .cut-words')]
  .filter((element) => element.checkVisibility() && element.tagName !== 'SELECT' && element.scrollWidth > element.clientWidth + 1
    && getComputedStyle(element).display !== 'inline' && element instanceof HTMLElement && element.clientWidth > 0
    && !element.matches('.folded'))
  .map((element) => element.outerHTML.slice(0, 200))"""
"""What is cut off; a folder of the command is folded on purpose, and copied whole."""

CUT_SHORT = """() => [...document.querySelectorAll('.reading *')]
  .filter((element) => element.checkVisibility() && getComputedStyle(element).overflowY === 'hidden'
    && element.scrollHeight > element.clientHeight + 1 && getComputedStyle(element).webkitLineClamp === 'none')
  .map((element) => element.outerHTML.slice(0, 200))"""
"""Text whose end is not seen, without the dots that say so."""

TIGHT = """() => [...document.querySelectorAll('.chip b, .chip span')].filter((words) => {
  const { left, right } = words.parentElement.getBoundingClientRect(), range = document.createRange();
  range.selectNodeContents(words);
  const text = range.getBoundingClientRect();
  return words.checkVisibility() && (text.left - left < 8 || right - text.right < 8);
}).map((words) => words.textContent)"""
"""Words of a chip that touch the line between it and the next one."""

SQUEEZED = """() => {
  const top = document.querySelector('.top'), filter = top.querySelector('input[type=search]'), was = filter.hidden;
  filter.hidden = false;
  top.style.width = '1041px';
  const fields = [...top.querySelectorAll('.filter.at')].filter((field) => field.checkVisibility());
  const widths = fields.map((field) => field.getBoundingClientRect().width);
  filter.hidden = was;
  top.style.width = '';
  return widths;
}"""
"""How wide the field of B's epoch is, whose word would be cut off, in the narrowest bar of one line with all that it can hold."""

CROSSED = """() => {
  const words = [...document.querySelectorAll('.stage :is(.layer-name:not(.tight), .letter)')];
  const piece = /M([\\d.-]+) ([\\d.-]+) L([\\d.-]+) ([\\d.-]+)/g;
  return [...document.querySelectorAll('.leaders')].flatMap((lines) => {
    const room = lines.getBoundingClientRect();
    return [...lines.lastElementChild.getAttribute('d').matchAll(piece)].flatMap((ends) => {
      const [x0, y0, x1, y1] = ends.slice(1).map(Number);
      const steps = [...Array(200).keys()].map((at) => at / 199);
      return words.filter((word) => {
        const { left, right, top, bottom } = word.getBoundingClientRect();
        return steps.map((at) => [room.left + x0 + at * (x1 - x0), room.top + y0 + at * (y1 - y0)])
          .some(([x, y]) => x > left + 1 && x < right - 1 && y > top + 1 && y < bottom - 1);
      }).map((word) => word.textContent);
    });
  });
}"""
"""The names and letters of a network through which a line goes that leads to one of them."""

SEEN_THROUGH = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d');
  return [...document.querySelectorAll('.stage :is(.layer-name:not(.tight), .letter)')].filter((word) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = getComputedStyle(word).backgroundColor;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data[3] < 0.8 * 255;
  }).map((word) => word.textContent);
}"""
"""The names and letters of a network without a ground, through which units and connections are seen."""

DRAWN = """() => [...document.querySelectorAll('.canvas')].every((holder) =>
  Math.abs(holder.clientHeight - holder.querySelector('canvas').clientHeight) <= 1)"""
"""Whether each network is drawn in the size that its place has now."""

LUMINANCE = """
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };"""
"""How bright a colour is, as WCAG counts it."""

CONTRAST = (
    f"""() => {{{LUMINANCE}"""
    """
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const grounds = (element) => {
    const found = [];
    for (let at = element; at; at = at.parentElement) found.unshift(getComputedStyle(at).backgroundColor);
    const body = element.closest('.unit')?.querySelector('.body');
    return body ? [getComputedStyle(body).fill] : found;
  };
  const walker = document.createTreeWalker(document.querySelector('.iit'), NodeFilter.SHOW_TEXT);
  const all = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest('.visually-hidden, option, :disabled')) continue;
    const ground = grounds(element), ink = element instanceof SVGElement ? style.fill : style.color;
    const faded = ink.replace(/^rgb\\((.*)\\)$/, `rgba($1, ${style.opacity})`);
    const [a, b] = [luminance(over([...ground, faded])), luminance(over(ground))];
    all.push([walker.currentNode.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return all;
}"""
)


def apart(boxes: list[list[Any]], width: int, height: int) -> None:
    """All boxes lie in the window, and no two of them over one another."""
    for at, (name, left, top, right, bottom) in enumerate(boxes):
        assert left >= -0.5, boxes[at]
        assert top >= -0.5, boxes[at]
        assert right <= width + 0.5, boxes[at]
        assert bottom <= height + 0.5, boxes[at]
        for other, *edges in boxes[:at]:
            beside = right <= edges[0] + 0.5 or left >= edges[2] - 0.5 or bottom <= edges[1] + 0.5 or top >= edges[3] - 0.5
            assert beside, (name, other)


def check_room(page: Page, width: int, height: int, *, scrolls: bool = False) -> None:
    """Everything has its room; all of it is in the window, or on a page that ``scrolls`` down."""
    page.wait_for_function(DRAWN)
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    size = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size[0] <= width
    height = max(height, size[1]) if scrolls else height
    assert size[1] <= height
    for selector in (
        ".top, .reading, .network, .curve, .panel",
        ".top > *",
        ".reading > :not(.chips), .chip-set:not([data-of=all]), .chip-set[data-of=all] > .chip",
        ".chip, .chip-of",
        ".playbar > *",
        ".curve-top > *",
    ):
        boxes = [box for box in page.evaluate(BOXES, selector) if box[0] != "grow"]
        assert len(boxes) > 2
        apart(boxes, width, height)
    assert all(wide >= 70 for wide in page.evaluate(SQUEEZED))
    for selector in (".top input, .top select", ".layer-name", ".states button", ".command-row > *", ".legend, .stage-title"):
        apart([box for box in page.evaluate(BOXES, selector) if box[0] != "grow"], width, height)
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(CUT_SHORT) == []
    assert page.evaluate(TIGHT) == []
