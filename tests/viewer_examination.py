"""What must be true of the viewer wherever it runs: what it draws and says is what the records hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from lightning_iit.records import Computed, EpochRecord, NetworkSnapshot, decode, decode_network

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Frame, Page

LETTERS = "ABCDEFGH"


def written_record(run: Path, layer: str, epoch: int) -> EpochRecord:
    return decode((run / "iit" / layer / f"epoch={epoch:04d}.json").read_bytes())


def written_network(run: Path, epoch: int) -> NetworkSnapshot:
    return decode_network((run / "iit" / "network" / f"snapshot={epoch:04d}.json").read_bytes())


def examine(page: Page, frame: Frame | Page, run: Path) -> None:
    """Compares the page that shows a run's newest epoch with the run's files."""
    epoch = frame.evaluate("() => window.lightningIIT.state().epoch")
    layer = frame.evaluate("() => window.lightningIIT.state().layer")
    record = written_record(run, layer, epoch)
    network = written_network(run, epoch)
    check_reading(frame, record)
    check_colours(frame, network)
    check_hover(page, frame, network, record)
    check_concepts(frame, record)
    check_heatmap(page, frame, record)
    check_widths(frame, run, epoch)


def check_reading(frame: Any, record: EpochRecord) -> None:
    assert isinstance(record.result, Computed)
    assert float(frame.locator(".value").get_attribute("data-phi")) == record.result.phi
    chips = frame.locator(".reading").inner_text()
    assert record.kind in chips
    assert f"{record.counts.transitions:,}" in chips
    assert f"{sum(record.tpm.visited)}/{len(record.tpm.visited)} states" in chips
    assert record.result.engine.version in chips


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
        place = frame.evaluate("(unit) => window.lightningIIT.project(unit)", {"layer": layer.name, "index": index})
        page.mouse.move(box["x"] + place["x"], box["y"] + place["y"])
        frame.wait_for_selector(".tip:not([hidden])", timeout=5_000)
        text = frame.locator(".tip").inner_text()
        if f"{layer.name} · unit {index}\n" in text:
            named += 1
            at = record.units.indices.index(index)
            assert LETTERS[at] in text.split("analysed as")[1].split("\n")[0] + text.split("analysed as")[1].split("\n")[1]
            assert "threshold" in text
            assert "mean activity" in text
    assert named >= len(record.units.indices) - 1  # one may stand right behind another
    page.mouse.move(box["x"] + 3, box["y"] + 3)


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
    assert command.startswith("lightning-iit phi ")
    assert f"--state {','.join(map(str, record.states[0].state))}" in command
    assert f"iit/{record.layer}/epoch={record.epoch:04d}.json" in command


def check_heatmap(page: Any, frame: Any, record: EpochRecord) -> None:
    """Cells read by keyboard hold the record's values; the row of the current state is marked in the accent's colour."""
    frame.locator("#tab-tpm").dispatch_event("click")
    frame.locator('[data-form="node"]').dispatch_event("click")
    canvas = frame.locator(".tpm canvas")
    frame.wait_for_function("() => document.querySelector('.tpm canvas').width > 100")
    canvas.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        canvas.press(key)
    text = frame.locator(".tip").inner_text()
    n = len(record.units.indices)
    assert f"P(B ON next | {'010000'[:n]})" in text
    value = record.tpm.state_by_node[2][1]
    assert f"{float(f'{value:.4g}'):g}" in text
    assert f"{record.counts.visits[2]:,} times" in text
    assert f"{record.counts.on[2][1]:,} times" in text
    frame.evaluate("() => document.activeElement?.blur()")
    frame.locator("#tab-causal").dispatch_event("click")


def go_to(frame: Any, epoch: int) -> None:
    """Moves the slider to an epoch of a run that begins at -1."""
    move = "slider.value = epoch + 1; slider.dispatchEvent(new Event('input'));"
    frame.evaluate(f"(epoch) => {{ const slider = document.querySelector('.epochs'); {move} }}", epoch)


def check_widths(frame: Any, run: Path, epoch: int) -> None:
    """A line's width is its weight's share of the newest snapshot's largest, in this epoch and in an earlier one."""
    newest = written_network(run, epoch)
    for shown in (epoch, 0):
        network = written_network(run, shown)
        go_to(frame, shown)
        frame.wait_for_function("(epoch) => window.lightningIIT.state().a.network?.epoch === epoch", arg=shown)
        for pair, reference in zip(network.connections, newest.connections, strict=True):
            source, target = network.layers[pair.from_layer].name, network.layers[pair.to_layer].name
            for from_unit, to_unit, weight in pair.weights[:3]:
                ends = [{"layer": source, "index": from_unit}, {"layer": target, "index": to_unit}]
                width = frame.evaluate("([from, to]) => window.lightningIIT.widthOf(from, to)", ends)
                wanted = max(0.35, min(1.4, abs(weight) / reference.largest) * 3.4)
                assert abs(width - wanted) < 1e-6
