"""What must be true of the heatmap of the TPM, read from its pixels and by pointer and keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from lightning_iit.records import EpochRecord

PIXELS = """(places) => {
  const canvas = document.querySelector('.tpm canvas');
  const context = canvas.getContext('2d'), scale = canvas.width / canvas.clientWidth;
  return places.map(([x, y]) => [...context.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1).data]);
}"""


def check_heatmap(page: Page, frame: Any, record: EpochRecord) -> None:
    """Both forms of the matrix, their colour bar, the unvisited rows, the current state, and what pointer and keys read."""
    frame.locator("#tab-tpm").dispatch_event("click")
    tpm = np.array(record.tpm.state_by_node)
    _choose(frame, "node", tpm.shape[1])
    _check_cells(frame, record, tpm, 1.0)
    _check_unvisited(frame, record)
    _check_current_state(frame, record)
    _check_bar(frame, "1")
    _check_words(page, frame, record)
    bits = np.arange(len(tpm))[:, None] >> np.arange(tpm.shape[1]) & 1
    by_state = np.where(bits[None], tpm[:, None, :], 1 - tpm[:, None, :]).prod(axis=2)
    _choose(frame, "state", len(tpm))
    _check_cells(frame, record, by_state, by_state.max())
    _check_current_state(frame, record)
    _check_bar(frame, f"{float(f'{by_state.max():.2g}'):g}")
    from_state, to_state, times = max(record.counts.joint, key=lambda triple: triple[2])
    text = _hovered(page, frame, from_state, to_state)
    n = tpm.shape[1]
    assert f"P({_label(to_state, n)} next | {_label(from_state, n)})" in text
    assert f"{float(f'{by_state[from_state, to_state]:.4g}'):g}" in text
    assert f"{times:,} times" in text
    assert "little-endian: A is the least significant bit" in frame.locator(".tpm-words").first.inner_text()
    frame.locator("#tab-causal").dispatch_event("click")


def _label(code: int, n: int) -> str:
    return "".join(str(code >> unit & 1) for unit in range(n))


def _choose(frame: Any, form: str, columns: int) -> None:
    frame.locator(f'[data-form="{form}"]').dispatch_event("click")
    words = "state by node" if form == "node" else "state by state"
    frame.wait_for_function(
        "([words]) => { const canvas = document.querySelector('.tpm canvas');"
        " return canvas.width > 100 && canvas.clientWidth > 0 && canvas.getAttribute('aria-label').includes(words); }",
        arg=[words],
    )
    left, _, width, _ = _cells(frame)
    assert frame.locator(".tpm canvas").evaluate("(canvas) => canvas.clientWidth") >= left + columns * width


def _cells(frame: Any) -> list[float]:
    return [float(part) for part in frame.locator(".tpm canvas").get_attribute("data-cells").split(" ")]


def _pixels(frame: Any, places: list[tuple[float, float]]) -> np.ndarray:
    return np.array(frame.evaluate(PIXELS, places))


def _viridis(part: float) -> tuple[int, ...]:
    color = mpl.colormaps["viridis"].resampled(64)(int(part * 63 + 0.5))
    return (*bytes.fromhex(mpl.colors.to_hex(color)[1:]), 255)


def _check_cells(frame: Any, record: EpochRecord, values: np.ndarray, most: float) -> None:
    """Each visited cell has the colour that matplotlib's viridis gives its value."""
    left, top, width, height = _cells(frame)
    rows = [row for row in np.flatnonzero(record.tpm.visited).tolist() if row not in _framed(record, height)]
    cells = [(row, column) for row in rows for column in range(values.shape[1])]
    seen = _pixels(frame, [(left + (c + 0.5) * width, top + (r + 0.5) * height) for r, c in cells])
    wanted = np.array([_viridis(values[cell] / most) for cell in cells])
    wrong = np.abs(seen - wanted).max(axis=1) > 4
    assert not wrong.any(), [(cells[at], seen[at].tolist(), wanted[at].tolist()) for at in np.flatnonzero(wrong)[:9]]


def _check_unvisited(frame: Any, record: EpochRecord) -> None:
    """Unvisited rows are stripes with nothing between them; visited rows are full."""
    left, top, width, height = _cells(frame)
    rows = np.flatnonzero(~np.array(record.tpm.visited))
    assert len(rows)
    for row in set(rows.tolist()) - _framed(record, height):
        alpha = _pixels(frame, [(left + 2 + x, top + (row + 0.5) * height) for x in range(int(width * 2))])[:, 3]
        assert alpha.min() == 0
        assert 60 < alpha.max() < 200  # cells are opaque
    assert f"Hatched: {len(rows)} states never visited" in frame.locator(".tpm-words").first.inner_text()


def _framed(record: EpochRecord, height: float) -> set[int]:
    """Rows that the frame of the current state hides in part where cells are small."""
    at = _current(record)
    return {at - 1, at, at + 1} if height < 8 else set()


def _current(record: EpochRecord) -> int:
    return sum(bit << unit for unit, bit in enumerate(record.states[0].state))


def _check_current_state(frame: Any, record: EpochRecord) -> None:
    """A wedge of the accent's colour stands at the current state's row and at no other."""
    _, top, _, height = _cells(frame)
    seen = _pixels(frame, [(2.5, top + (row + 0.5) * height) for row in range(len(record.tpm.visited))])
    state = _current(record)
    accent = frame.evaluate("() => getComputedStyle(document.querySelector('.tpm')).getPropertyValue('--accent')").strip()
    assert tuple(seen[state][:3]) == tuple(bytes.fromhex(accent[1:]))
    assert seen[state][3] > 200
    assert not np.delete(seen, [row for row in (state - 1, state, state + 1) if row >= 0 and row < len(seen)], axis=0)[:, 3].any()


def _check_bar(frame: Any, most: str) -> None:
    """The colour bar goes from 0 to the largest value in the colours of the cells."""
    assert frame.locator(".bar span").all_inner_texts() == [most, "0"]
    ramp = frame.locator(".bar i").evaluate("(bar) => getComputedStyle(bar).backgroundImage")
    stops = [tuple(map(int, stop)) for stop in re.findall(r"rgb\((\d+), (\d+), (\d+)\)", ramp)]
    assert stops == [_viridis(1 - at / 16)[:3] for at in range(17)]


def _hovered(page: Any, frame: Any, row: int, column: int) -> str:
    left, top, width, height = _cells(frame)
    box = frame.locator(".tpm canvas").bounding_box()
    page.mouse.move(box["x"] + left + (column + 0.5) * width, box["y"] + top + (row + 0.5) * height)
    frame.wait_for_selector(".tip:not([hidden])", timeout=5_000)
    text = str(frame.locator(".tip").inner_text())
    page.mouse.move(box["x"] + 1, box["y"] - 6)
    return text


def _check_words(page: Any, frame: Any, record: EpochRecord) -> None:
    """Keys and pointer read a cell's value and counts; of an unvisited row they say that it is the prior."""
    canvas = frame.locator(".tpm canvas")
    canvas.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        canvas.press(key)
    text = frame.locator(".tip").inner_text()
    n = len(record.units.indices)
    assert f"P(B ON next | {_label(2, n)})" in text
    assert f"{float(f'{record.tpm.state_by_node[2][1]:.4g}'):g}" in text
    assert f"{record.counts.visits[2]:,} times" in text
    assert f"{record.counts.on[2][1]:,} times" in text
    frame.evaluate("() => document.activeElement?.blur()")
    assert _hovered(page, frame, 2, 1) == text
    unvisited = record.tpm.visited.index(False)
    told = _hovered(page, frame, unvisited, 0)
    assert "prior only" in told
    assert "0 times" in told
