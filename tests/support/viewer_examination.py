"""What must be true of the viewer wherever it runs: what it draws and says is what the records hold."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from playwright.sync_api import TimeoutError as NotThere
from viewer_heatmap import check_heatmap

from lightning_iit.phi.registry import engine_names
from lightning_iit.records import Computed, EpochRecord, NetworkSnapshot, decode, decode_network

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Frame, Page

LETTERS = "ABCDEFGH"
POSITIVE, NEGATIVE = "#e69f00", "#3b8fd4"


def written_record(run: Path, layer: str, epoch: int) -> EpochRecord:
    return decode((run / "iit" / layer / f"epoch={epoch:04d}.json").read_bytes())


def written_network(run: Path, epoch: int) -> NetworkSnapshot:
    return decode_network((run / "iit" / "network" / f"snapshot={epoch:04d}.json").read_bytes())


def examine(page: Page, frame: Frame | Page, run: Path) -> None:
    """Compares the page that shows the newest epoch of one of ``viewer_runs`` with the run's files: all that can be shown."""
    record, network = examine_values(page, frame, run)
    check_layers(frame, network)
    check_curve(frame, run, record.layer)
    check_heatmap(page, frame, record)


def examine_values(page: Page, frame: Frame | Page, run: Path) -> tuple[EpochRecord, NetworkSnapshot]:
    """Compares the page that shows the newest epoch of any run with the run's files: what every run has."""
    epoch = frame.evaluate("() => window.lightningIIT.state().epoch")
    layer = frame.evaluate("() => window.lightningIIT.state().layer")
    record = written_record(run, layer, epoch)
    network = written_network(run, epoch)
    check_reading(frame, record)
    check_colours(frame, network)
    check_hover(page, frame, network, record)
    check_concepts(frame, record)
    check_influences(frame, record)
    check_widths(frame, run, epoch)
    assert frame.get_by_label("Engine").locator("option").all_inner_texts() == list(engine_names())
    go_to(frame, epoch)
    frame.wait_for_function("(epoch) => window.lightningIIT.state().a.record?.epoch === epoch", arg=epoch)
    return record, network


def unfold(frame: Any) -> None:
    """Has all chips shown, where the window is so small that some are folded."""
    more = frame.locator(".reading .more[aria-expanded=false]")
    if more.is_visible():
        more.click()


def check_reading(frame: Any, record: EpochRecord) -> None:
    assert isinstance(record.result, Computed)
    phi = record.result.phi if record.survey is None else record.survey.phi
    assert float(frame.locator(".value").get_attribute("data-phi")) == phi
    unfold(frame)
    chips = frame.locator(".reading").inner_text()
    assert record.kind in chips
    assert f"{record.counts.transitions:,}" in chips
    assert f"{sum(record.tpm.visited)}/{len(record.tpm.visited)} states" in chips
    assert record.result.engine.version in chips
    wanted = f"p = {record.null.p:.2g}, up to {record.null.upper:.2g}" if record.null else "not computed"
    assert wanted in frame.locator(".chip", has_text="null").inner_text()


def check_layers(frame: Any, network: NetworkSnapshot) -> None:
    """Names in forward order with their true widths; rings around the analysed units and no others, those of the shown layer in an
    ink of their own."""
    names = frame.evaluate("() => [...document.querySelectorAll('.layer-name')].map((tag) => tag.innerText)")
    assert [text.split("\n")[0] for text in names] == [layer.name for layer in network.layers]
    for text, layer in zip(names, network.layers, strict=True):
        shown, width = len(layer.indices), layer.width
        assert (f"{shown} of {width} shown" if shown < width else f"{width} units") in text
    assert any(len(layer.indices) < layer.width for layer in network.layers)
    dark = frame.evaluate("() => document.querySelector('.iit').dataset.theme") == "dark"
    units = [
        ({"layer": layer.name, "index": index}, index in layer.analysed) for layer in network.layers for index in layer.indices
    ]
    rings = frame.evaluate("(units) => units.map(([unit]) => window.lightningIIT.ringsOf(unit))", units)
    shown, other = ("#ffffff", "#97a3b4") if dark else ("#1b2230", "#5a6678")
    chosen = frame.evaluate("() => window.lightningIIT.state().layer")
    assert rings == [[shown if unit["layer"] == chosen else other] if analysed else [] for unit, analysed in units]
    assert {shown, other} <= {ring for all_of_unit in rings for ring in all_of_unit}


def check_colours(frame: Any, network: NetworkSnapshot, step: int = 3) -> None:
    """Five nodes at a step have the colour that matplotlib's viridis gives their activity."""
    frame.evaluate(f"() => window.lightningIIT.setStep({step})")
    table = mpl.colormaps["viridis"].resampled(64)
    layer = network.layers[1]
    low, high = min(map(min, layer.activity)), max(map(max, layer.activity))
    for position in range(0, 25, 5):
        part = (layer.activity[step][position] - low) / (high - low)
        at = int(part * 63 + 0.5)
        wanted = mpl.colors.to_hex(table(at))
        unit = {"layer": layer.name, "index": layer.indices[position]}
        assert frame.evaluate("(unit) => window.lightningIIT.colorOf(unit)", unit) == wanted
    frame.evaluate("() => window.lightningIIT.setStep(0)")


def check_hover(page: Any, frame: Any, network: NetworkSnapshot, record: EpochRecord) -> None:
    """The pointer at a node's place on the screen brings up that node's name."""
    box = frame.frame_element().bounding_box() if hasattr(frame, "frame_element") else {"x": 0, "y": 0}
    layer = next(layer for layer in network.layers if record.layer in (layer.name, *layer.aliases))
    named = 0
    for index in record.units.indices:
        _point_at(page, frame, box, {"layer": layer.name, "index": index})
        text = frame.locator(".tip").inner_text()
        if f"{layer.name} · unit {index}\n" in text:
            named += 1
            at = record.units.indices.index(index)
            assert LETTERS[at] in text.split("analysed as")[1].split("\n")[0] + text.split("analysed as")[1].split("\n")[1]
            assert "threshold" in text
            assert "mean activity" in text
    assert named >= len(record.units.indices) - 1  # one may stand right behind another
    page.mouse.move(box["x"] + 3, box["y"] + 3)


def _point_at(page: Any, frame: Any, box: dict, unit: dict) -> None:
    """Moves the pointer to a node until its tip is there: on a busy machine the scene may still move when it is first asked."""
    for _ in range(20):
        place = frame.evaluate("(unit) => window.lightningIIT.project(unit)", unit)
        page.mouse.move(box["x"] + place["x"] + 1, box["y"] + place["y"])
        page.mouse.move(box["x"] + place["x"], box["y"] + place["y"])
        try:
            frame.wait_for_selector(".tip:not([hidden])", timeout=3_000)
        except NotThere:
            continue
        return
    raise AssertionError(unit)


def check_concepts(frame: Any, record: EpochRecord) -> None:
    frame.locator("#tab-causal").dispatch_event("click")
    rows = frame.locator(".concepts tbody tr").all()
    shown = {
        (
            *(row.locator("td").nth(column).inner_text() for column in range(3)),
            float(row.locator("td.phi").get_attribute("data-phi")),
        )
        for row in rows
    }
    letters = lambda units: " ".join(LETTERS[unit] for unit in units)  # noqa: E731
    wanted = {(letters(c.mechanism), letters(c.cause_purview), letters(c.effect_purview), c.phi) for c in record.result.concepts}
    assert shown == wanted
    assert (
        frame.locator(".severed-words").inner_text()
        == f"{letters(record.result.cut.from_nodes)} → {letters(record.result.cut.to_nodes)}"
    )
    frame.locator(".concepts tbody tr").first.dispatch_event("mouseenter")
    first = frame.locator(".concepts tbody tr").first.locator("td").first.inner_text()
    lit = frame.evaluate("() => [...document.querySelectorAll('.unit.mechanism .unit-letter')].map((found) => found.textContent)")
    assert sorted(lit) == sorted(first.split(" "))
    frame.locator(".concepts tbody tr").first.dispatch_event("mouseleave")
    command = frame.locator(".command code").inner_text()
    assert "lightning-iit phi " in command
    assert f"--state {','.join(map(str, record.states[0].state))}" in command
    assert f"iit/{record.layer}/epoch={record.epoch:04d}.json" in command


def check_influences(frame: Any, record: EpochRecord) -> None:
    """An arrow for each influence that is severed or not faint: as wide as it is strong (a loop less), in its sign's colour."""
    tpm, visited = np.array(record.tpm.state_by_node), np.array(record.tpm.visited)
    n = len(record.units.indices)
    cut = record.states[0].result.cut
    wanted = {}
    for i in range(n):
        off = np.array([code for code in range(2**n) if not code >> i & 1])
        on = off + (1 << i)
        difference = (tpm[on] - tpm[off])[visited[on] & visited[off]]
        for j in range(n):
            strength, mean = np.abs(difference[:, j]).mean(), difference[:, j].mean()
            severed = i in cut.from_nodes and j in cut.to_nodes
            if strength >= 0.03 or severed:
                colour = POSITIVE if mean >= 0 else NEGATIVE
                wanted[i, j] = (pytest.approx(0.8 + (2.4 if i == j else 5.2) * strength), colour, severed)
    drawn = frame.evaluate(
        "() => [...document.querySelectorAll('.influence')].map((arrow) => [Number(arrow.dataset.from), Number(arrow.dataset.to),"
        " Number(arrow.getAttribute('stroke-width')), arrow.getAttribute('stroke'), arrow.classList.contains('severed'),"
        " arrow.getAttribute('marker-end') !== null && arrow.getTotalLength() > 10])"
    )
    assert len(drawn) == len(wanted) > n
    assert {(i, j): tuple(look) for i, j, *look, _ in drawn} == wanted
    assert all(long for *_, long in drawn)


CHART_ROWS = """(places) => {
  const canvas = document.querySelector('.chart canvas'), box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
  return places.map(([epoch, value]) => {
    const at = window.lightningIIT.chartPlace(epoch, value), x = Math.round((at.x - box.left) * scale);
    const rows = canvas.getContext('2d').getImageData(x, Math.round((at.y - box.top) * scale) - 1, 1, 3).data;
    return [0, 4, 8].map((first) => [...rows.slice(first, first + 4)]);
  });
}"""
"""Three pixels above each other at each place of the chart."""
CHART_PIXELS = f"(places) => ({CHART_ROWS})(places).map((rows) => rows.reduce((most, one) => (one[3] > most[3] ? one : most)))"
"""The most opaque of them."""


def has_dash(frame: Any, epoch: float, value: float) -> bool:
    """Whether a short dash lies in the chart at a place: there is ink on both sides of it, not the vertical line of the epoch."""
    frame.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    here, next_one = (frame.evaluate("([x, y]) => window.lightningIIT.chartPlace(x, y).x", [epoch + by, value]) for by in (0, 1))
    aside = 3 / (next_one - here)
    return all(pixel[3] > 150 for pixel in frame.evaluate(CHART_PIXELS, [[epoch - aside, value], [epoch + aside, value]]))


def check_curve(frame: Any, run: Path, layer: str) -> None:
    """Halfway between epochs there is ink of the layer's colour where mean and maximum pass, and a band between them."""
    epochs = sorted(decode(path.read_bytes()).epoch for path in (run / "iit" / layer).glob("epoch=*.json"))
    records = {epoch: written_record(run, layer, epoch) for epoch in epochs}
    ink = tuple(bytes.fromhex("56b4e9"))
    looked = 0
    for before, after in itertools.pairwise(epochs):
        pair = [records[before], records[after]]
        if not all(isinstance(record.result, Computed) for record in pair):
            continue
        mean, most = (sum(record.scalars[name] for record in pair) / 2 for name in ("phi_mean", "phi_max"))
        values = [mean, most, (mean + most) / 2, most * 1.25 + 0.1]
        at_line, *others = frame.evaluate(CHART_ROWS, [[(before + after) / 2, value] for value in values])
        top, band, above = (max(pixels, key=lambda pixel: pixel[3]) for pixels in others)
        # The line may lie on a line of the grid, which shines through at its edges.
        assert min(max(abs(a - b) for a, b in zip(pixel, (*ink, 255), strict=True)) for pixel in at_line) < 40
        if most - mean > 0.05:
            assert top[3] > 60
            assert band[3] > 20
            assert above[3] == 0 or max(abs(a - b) for a, b in zip(above, ink, strict=False)) > 60  # nothing, or a line of the grid
            looked += 1
    assert looked > 2


def go_to(frame: Any, epoch: int) -> None:
    """Moves the slider to an epoch of a run that begins at -1."""
    move = "slider.value = epoch + 1; slider.dispatchEvent(new Event('input'));"
    frame.evaluate(f"(epoch) => {{ const slider = document.querySelector('.epochs'); {move} }}", epoch)


def check_widths(frame: Any, run: Path, epoch: int) -> None:
    """In two epochs a line's width is its weight's share of the newest snapshot's largest, and its colour the sign."""
    newest = written_network(run, epoch)
    signs = set()
    for shown in (epoch, 0):
        network = written_network(run, shown)
        go_to(frame, shown)
        frame.wait_for_function("(epoch) => window.lightningIIT.state().a.network?.epoch === epoch", arg=shown)
        for pair, reference in zip(network.connections, newest.connections, strict=True):
            source, target = network.layers[pair.from_layer].name, network.layers[pair.to_layer].name
            for from_unit, to_unit, weight in pair.weights[:6]:
                ends = [{"layer": source, "index": from_unit}, {"layer": target, "index": to_unit}]
                line = frame.evaluate("([from, to]) => window.lightningIIT.lineOf(from, to)", ends)
                wanted = max(0.35, min(1.4, abs(weight) / reference.largest) * 3.4)
                assert line == {"width": pytest.approx(wanted, abs=1e-6), "color": NEGATIVE if weight < 0 else POSITIVE}
                signs.add(weight < 0)
    assert signs == {True, False}
