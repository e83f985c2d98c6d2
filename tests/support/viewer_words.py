"""Which words of a page lie over one another: those of its HTML and of its SVG, and those that are written on a canvas."""

from __future__ import annotations

from typing import Any

WRITES = """
  window.__written = new Map();
  const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
  const onPage = (context) => context.canvas instanceof HTMLCanvasElement && context.canvas.isConnected;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    window.__written.delete(this.canvas);
    return clearRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
    if (onPage(this) && text !== '') {
      const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right, actualBoundingBoxAscent: up,
        actualBoundingBoxDescent: down } = this.measureText(text);
      const here = this.getTransform();
      const corners = [[x - left, y - up], [x + right, y - up], [x - left, y + down], [x + right, y + down]]
        .map(([a, b]) => here.transformPoint(new DOMPoint(a, b)));
      const list = window.__written.get(this.canvas) ?? [];
      list.push({ text: String(text), xs: corners.map((one) => one.x), ys: corners.map((one) => one.y) });
      window.__written.set(this.canvas, list);
    }
    return fillText.call(this, text, x, y, ...rest);
  };
"""
"""Run before the page: keeps what is written on each canvas since it was cleared last, with its corners."""

OVERLAPS = """(selector) => {
  const clipped = (box, element) => {
    let { left, top, right, bottom } = box;
    for (let at = element; at; at = at.parentElement) {
      if (getComputedStyle(at).overflow === 'visible' || at instanceof SVGTextElement) continue;
      const room = at.getBoundingClientRect();
      [left, top] = [Math.max(left, room.left), Math.max(top, room.top)];
      [right, bottom] = [Math.min(right, room.right), Math.min(bottom, room.bottom)];
    }
    return { left, top, right, bottom };
  };
  const found = [];
  for (const root of document.querySelectorAll(selector)) {
    if (!root.checkVisibility()) continue;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent, element = walker.currentNode.parentElement;
      if (!text.trim() || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      if (element.closest('.visually-hidden, option, .tip, style, th')) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      for (const box of range.getClientRects()) found.push({ root, text, ...clipped(box, element) });
    }
    for (const canvas of root.querySelectorAll('canvas')) {
      const room = canvas.getBoundingClientRect(), scale = room.width / canvas.width;
      for (const { text, xs, ys } of window.__written.get(canvas) ?? []) {
        found.push({ root, text, left: room.left + scale * Math.min(...xs), right: room.left + scale * Math.max(...xs),
          top: room.top + scale * Math.min(...ys), bottom: room.top + scale * Math.max(...ys) });
      }
    }
  }
  const seen = found.filter(({ left, top, right, bottom }) => right - left > 0.5 && bottom - top > 0.5);
  const isOver = (a, b) => a.root === b.root && a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const over = seen.flatMap((a, at) => seen.slice(at + 1).filter((b) => isOver(a, b)).map((b) => `${a.text} | ${b.text}`));
  return [seen.length, over];
}"""
"""How many words are seen in each of these parts of the page, and which of a part lie over one another, as far as they are not cut
off; column heads stay in sight over rows."""


def overlaps(frame: Any, selector: str) -> list[str]:
    """Pairs of words that lie over one another in each part of the page with this selector."""
    seen, over = frame.evaluate(OVERLAPS, selector)
    assert seen > 0, f"no words in {selector}"
    return list(over)
