"""Blocks of a network in the page: each is one body until it is opened, with the rings of its units; names and notes have room."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest
import viewer_architectures
from viewer_examination import written_network
from viewer_fits import findings
from viewer_pages import viewer, watched
from viewer_room import BOXES, CROSSED, SEEN_THROUGH, apart

from lightning_iit.records import encode

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
RUNS = ("gpt2", "bert", "resnet18", "u_net")
FIVE, EIGHT = "transformer.h.5", "transformer.h.8"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("architectures")
    for name in RUNS:
        getattr(viewer_architectures, name)(folder / name)
    return folder


def neurons(page: Page) -> int:
    return int(page.evaluate("() => window.lightningIIT.measure().neurons"))


def settled(page: Page) -> None:
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def test_a_block_is_one_body_that_opens_and_closes(chromium: Browser, runs: Path) -> None:
    """By Enter and by a click; closed, it shows the units that are analysed, ringed, and nothing else."""
    network = written_network(runs / "gpt2", 0)
    inside = {block.name: [network.layers[at] for at in block.layers] for block in network.blocks}
    outside = [layer for layer in network.layers if not any(layer in layers for layers in inside.values())]
    (watched_layer,) = [layer for layer in inside[FIVE] if layer.analysed]
    analysed = sum(len(layer.analysed) for layer in network.layers)
    closed = sum(len(layer.indices) for layer in outside) + analysed
    ring = [{"layer": watched_layer.name, "index": watched_layer.analysed[0]}]
    with viewer(runs / "gpt2") as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        settled(page.page)
        buttons = page.page.locator(".blocks button")
        assert buttons.evaluate_all("(all) => all.map((one) => one.ariaExpanded)") == ["false"] * 12
        assert neurons(page.page) == closed
        assert page.page.evaluate("([unit]) => window.lightningIIT.ringsOf(unit)", ring) != []
        hidden = {
            "layer": watched_layer.name,
            "index": next(at for at in watched_layer.indices if at not in watched_layer.analysed),
        }
        assert page.page.evaluate("(unit) => window.lightningIIT.project(unit)", hidden) is None
        five = page.page.get_by_role("button", name=f"{FIVE}, GPT2Block")
        assert "attention + MLP" in (five.text_content() or "")

        five.focus()
        page.page.keyboard.press("Enter")
        settled(page.page)
        assert five.get_attribute("aria-expanded") == "true"
        opened = closed + sum(len(layer.indices) - len(layer.analysed) for layer in inside[FIVE])
        assert neurons(page.page) == opened
        assert page.page.evaluate("([unit]) => window.lightningIIT.ringsOf(unit)", ring) != []
        places = [
            page.page.evaluate("(unit) => window.lightningIIT.project(unit)", {"layer": layer.name, "index": layer.indices[0]})["x"]
            for layer in inside[FIVE]
        ]
        stream = inside[FIVE][-1]
        assert (stream.name, stream.kind) == (FIVE, "stream")
        at = page.page.evaluate("(unit) => window.lightningIIT.project(unit)", {"layer": FIVE, "index": stream.indices[0]})
        page.page.mouse.move(at["x"], at["y"])
        page.page.locator(".tip", has_text="residual stream").filter(has_text=f"{FIVE} · unit {stream.indices[0]}").wait_for()
        page.page.mouse.move(3, 3)
        assert places == sorted(places)  # the ring is in its own layer, between those of its block
        page.page.keyboard.press("Enter")
        settled(page.page)
        assert neurons(page.page) == closed

        units = [{"layer": EIGHT, "index": index} for index in network.layers[network.blocks[8].layers[-1]].analysed]
        at = page.page.evaluate("(unit) => window.lightningIIT.project(unit)", units[0])
        for up in range(18, 60, 4):
            page.page.mouse.move(at["x"] - 8, at["y"] - up)
            if page.page.locator(".tip", has_text="a click opens it").filter(has_text=EIGHT).is_visible():
                break
        page.page.mouse.click(at["x"] - 8, at["y"] - up)
        settled(page.page)
        assert page.page.get_by_role("button", name=f"{EIGHT}, GPT2Block").get_attribute("aria-expanded") == "true"
        assert neurons(page.page) > closed
        page.check()


def test_the_records_have_units_that_their_networks_have(runs: Path) -> None:
    """What the page shows of such a run is what it shows of any: a letter at each unit."""
    for run in RUNS:
        analysed = {unit for layer in written_network(runs / run, 0).layers for unit in layer.analysed}
        records = [msgspec.json.decode(file.read_bytes()) for file in (runs / run / "iit").rglob("epoch=*.json")]
        assert records
        for record in records:
            assert set(record["units"]["indices"]) <= analysed, run


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
@pytest.mark.parametrize("run", RUNS)
def test_no_name_lies_over_another_or_over_a_note(chromium: Browser, runs: Path, run: str, width: int, height: int) -> None:
    """With all blocks closed, and with one open; the note names what is not drawn, and lies over nothing of the picture.

    No line goes through a name, and each has a ground: units and connections are not seen through it.
    """
    with viewer(runs / run) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.ready()
        for opened in range(2):
            settled(page.page)
            words = ".stage .layer-name:not(.tight), .letter, .stage-note > *, .network > .legend"
            apart(page.page.evaluate(BOXES, words), width, 10_000)
            apart(page.page.evaluate(BOXES, ".stage-note, .canvas canvas"), width, 10_000)
            assert page.page.evaluate(CROSSED) == []
            assert page.page.evaluate(SEEN_THROUGH) == []
            assert page.page.locator(".layer-name.current").count() == 1
            if not opened:
                page.page.locator(".blocks button").nth(1 if run == "bert" else 4).focus()
                page.page.keyboard.press("Enter")
        if run != "u_net":
            assert "(normalisation: it has no weights from unit to unit)" in page.page.locator(".stage-note").inner_text()
        page.check()


@pytest.mark.parametrize("run", ["gpt2", "resnet18", "u_net"])
def test_on_a_telephone_names_stand_at_their_layers(chromium: Browser, runs: Path, run: str) -> None:
    """Below them, and with a line that leads to those that stand more than two rows farther than alone; and more than a few."""
    layers = (
        "() => window.lightningIIT.state().a.network.layers.filter(({ analysed }) => !analysed.length).map(({ name, indices }) =>"
    )
    with viewer(runs / run) as address, watched(chromium, width=390, height=844) as page:
        page.page.goto(address)
        page.ready()
        settled(page.page)
        units = page.page.evaluate(layers + " [name, indices.map((index) => window.lightningIIT.project({ layer: name, index }))])")
        lowest = {name: max(at["y"] for at in places) for name, places in units if all(places)}
        middle = {name: sum(at["x"] for at in places) / len(places) for name, places in units if all(places)}
        names = page.page.locator(".names .layer-name").all()
        found = [(name.inner_text(), name.bounding_box()) for name in names]
        close = [(name, box) for name, box in found if name in lowest]
        assert close
        stage = page.page.locator(".names").bounding_box()
        lines = page.page.locator(".leaders path").last.get_attribute("d")
        ends = [tuple(map(float, end.split())) for end in re.findall(r"L([\d.]+ [\d.]+)", lines)]
        for name, box in close:
            assert abs(box["x"] + box["width"] / 2 - middle[name]) < max(20, box["width"] / 2), name
            assert 0 < box["y"] - lowest[name] < 180, name
            if box["y"] - lowest[name] >= 60:
                x, y = box["x"] - stage["x"], box["y"] - stage["y"]
                assert any(x <= to_x <= x + box["width"] and abs(to_y - y) < 3 for to_x, to_y in ends), name
        assert page.page.locator(".stage .layer-name:not(.tight)").count() >= 5
        page.check()


def test_the_blocks_are_one_tab_stop_and_the_arrows_go_through_them(chromium: Browser, runs: Path) -> None:
    with viewer(runs / "gpt2") as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        settled(page.page)
        stops = "() => [...document.querySelectorAll('.blocks button')].map(({ tabIndex }) => tabIndex)"
        focused = "() => document.activeElement.ariaLabel"
        assert page.page.evaluate(stops) == [0] + [-1] * 11
        page.page.locator(".canvas").focus()
        page.page.keyboard.press("Tab")
        seen = [page.page.evaluate(focused)]
        for key in ("ArrowRight", "ArrowDown", "End", "ArrowLeft", "Home"):
            page.page.keyboard.press(key)
            seen.append(page.page.evaluate(focused))
        assert seen == [f"transformer.h.{at}, GPT2Block · attention + MLP" for at in (0, 1, 2, 11, 10, 0)]
        page.page.keyboard.press("ArrowRight")
        page.page.keyboard.press("Enter")
        settled(page.page)
        assert page.page.evaluate(stops) == [-1, 0] + [-1] * 10
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("() => document.activeElement.closest('.blocks')") is None
        page.check()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_network_of_blocks(chromium: Browser, runs: Path, theme: str) -> None:
    for width, height in ((1920, 1080), (390, 844)):
        assert findings(chromium, runs / "gpt2", width=width, height=height, theme=theme) == []


def test_a_snapshot_without_blocks_is_drawn_layer_by_layer(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    """As those of version 0.1.0 are, whose files know neither blocks nor flows."""
    network = written_network(runs / "u_net", 0)
    old = msgspec.json.decode(encode(network))
    del old["blocks"], old["flows"]
    for layer in old["layers"]:
        layer.pop("part", None)
    folder = tmp_path / "iit" / "network"
    folder.mkdir(parents=True)
    (folder / "snapshot=0000.json").write_bytes(msgspec.json.encode(old))
    for source in (runs / "u_net" / "iit").rglob("epoch=*.json"):
        target = tmp_path / source.relative_to(runs / "u_net")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        settled(page.page)
        assert page.page.locator(".blocks button").count() == 0
        assert neurons(page.page) == sum(len(layer.indices) for layer in network.layers)
        page.check()
