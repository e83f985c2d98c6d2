"""Activity that is played: pulses along the strongest connections, what a frame of them costs, and rest."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from viewer_pages import viewer, watched
from viewer_runs import make_record, write_file, write_record

from lightning_iit.records import Connections, NetworkBlock, NetworkLayer, NetworkSnapshot, encode

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = pytest.mark.browser
MEASURE = "() => window.lightningIIT.measure()"
DRAWN = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
MOST_TIMES = 3.0
"""A thousand neurons and 3,000 connections cost the page at most so many times what two neurons and one connection do."""
KINDS = {"input": 100, "embedding": 100, "conv": 150, "gru": 150, "attention": 150, "linear": 200, "own": 150}


def layer(name: str, kind: str, width: int, activity: np.ndarray, **more: object) -> NetworkLayer:
    """A layer all of whose units are drawn, with ``activity[step, unit]``."""
    rows = tuple(map(tuple, activity.tolist()))
    return NetworkLayer(name=name, kind=kind, width=width, indices=tuple(range(width)), activity=rows, **more)


def write_network(run: Path, layers: list[NetworkLayer], connections: list[Connections], **more: object) -> Path:
    write_record(run, make_record("gru", 0, n=3))
    steps = tuple((0, step) for step in range(len(layers[0].activity)))
    shot = NetworkSnapshot(
        epoch=0, global_step=1, wall_time=0.0, layers=tuple(layers), connections=tuple(connections), steps=steps, **more
    )
    write_file(run / "iit" / "network" / "snapshot=0000.json", encode(shot))
    return run


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand neurons in layers of every shape, 3,000 connections, and a block with analysed units."""
    generator = np.random.default_rng(0)
    layers = [
        layer(kind, kind, width, generator.random((8, width)), analysed=(0, 1, 2), heads=6 if kind == "attention" else 0)
        for kind, width in KINDS.items()
    ]
    layers += [layer(f"block.{at}", "linear", 40, generator.random((8, 40)), analysed=(1, 5)) for at in (0, 1)]
    connections = []
    for at in range(1, len(KINDS)):
        sizes = layers[at - 1].width, layers[at].width
        places = [(int(generator.integers(sizes[0])), to, float(generator.normal())) for to in range(sizes[1]) for _ in range(3)]
        connections.append(Connections(from_layer=at - 1, to_layer=at, weights=tuple(places), total=len(places), largest=3.0))
    flows = tuple((at, at + 1) for at in range(len(layers) - 1))
    block = NetworkBlock(name="block", kind="Block", layers=(len(KINDS), len(KINDS) + 1))
    return write_network(tmp_path_factory.mktemp("large") / "run", layers, connections, flows=flows, blocks=(block,))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two neurons and their connection; the first is active in the first step alone."""
    layers = [
        layer("input", "input", 1, np.array([[1.0], [0.0]])),
        layer("gru", "gru", 1, np.array([[0.5], [0.2]])),
    ]
    weight = Connections(from_layer=0, to_layer=1, weights=((0, 0, -1.0),), total=1, largest=1.0)
    return write_network(tmp_path_factory.mktemp("single") / "run", layers, [weight])


def play(page: Page) -> None:
    page.get_by_role("button", name="Play the activity (space)").click()


def pause(page: Page) -> None:
    page.get_by_role("button", name="Pause (space)").click()
    page.evaluate(DRAWN)


def test_a_frame_of_a_thousand_neurons_is_cheap_and_none_is_drawn_at_rest(chromium: Browser, large: Path) -> None:
    with viewer(large) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.locator(".blocks button").click()
        page.page.evaluate(DRAWN)
        before = page.page.evaluate(MEASURE)
        assert before["neurons"] == sum(KINDS.values()) + 4
        assert before["pulses"] == 0
        play(page.page)
        frames = page.page.evaluate(
            "async () => { const found = []; while (found.length < 60) { await new Promise(requestAnimationFrame);"
            " const now = window.lightningIIT.measure(); if (now.frames !== found.at(-1)?.frames) found.push(now); }"
            " return found; }"
        )
        pause(page.page)
        assert max(frame["calls"] for frame in frames) <= 12
        assert max(frame["pulses"] for frame in frames) > 100
        assert np.median([frame["frameMs"] for frame in frames]) < 10
        still = page.page.evaluate(MEASURE)["frames"]
        page.page.wait_for_timeout(1_000)
        assert page.page.evaluate(MEASURE)["frames"] == still
        page.check()


def task_seconds(page: Page, cost: CDPSession) -> float:
    """The time that the page's main thread works for 20 frames of played activity: scripts, layout and painting."""

    def worked() -> float:
        metrics = cost.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

    before = worked()
    page.evaluate(
        "async () => { for (let at = 0; at < 20; at++) {"
        " window.lightningIIT.setBeat(at / 20); await new Promise(requestAnimationFrame); } }"
    )
    return worked() - before


def test_the_page_works_little_more_for_a_thousand_neurons_than_for_two(chromium: Browser, large: Path, single: Path) -> None:
    """Of the whole page, not of the scene alone. Both are measured by turns, the least of two each: other work only adds."""
    found: dict[Path, list[float]] = {large: [], single: []}
    with viewer(large) as one, viewer(single) as other, watched(chromium) as first, watched(chromium) as second:
        pages = {large: first.page, single: second.page}
        costs = {}
        for run, address in ((large, one), (single, other)):
            pages[run].goto(address)
            (first if run is large else second).ready()
            costs[run] = pages[run].context.new_cdp_session(pages[run])
            costs[run].send("Performance.enable", {"timeDomain": "threadTicks"})
        for _ in range(2):
            for run, page in pages.items():
                page.bring_to_front()
                found[run].append(task_seconds(page, costs[run]))
    ratio = min(found[large]) / min(found[single])
    assert ratio < MOST_TIMES, found


def test_names_and_rings_stay_as_they_are_while_activity_is_played(chromium: Browser, large: Path) -> None:
    with viewer(large) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.wait_for_timeout(500)
        page.page.evaluate(
            "() => { window.__changes = 0; new MutationObserver((found) => (window.__changes += found.length))"
            ".observe(document.querySelector('.names'), { childList: true, subtree: true, attributes: true }); }"
        )
        frames = page.page.evaluate(MEASURE)["frames"]
        play(page.page)
        page.page.wait_for_function("(frames) => window.lightningIIT.measure().frames > frames + 10", arg=frames)
        pause(page.page)
        assert page.page.evaluate("() => window.__changes") == 0
        page.page.locator(".canvas").focus()
        page.page.keyboard.press("Shift+ArrowLeft")
        page.page.wait_for_function("() => window.__changes > 0")
        page.check()


def picture(page: Page) -> np.ndarray:
    page.evaluate(DRAWN)
    return np.asarray(Image.open(io.BytesIO(page.locator(".canvas").screenshot())).convert("RGB")).astype(int)


def test_a_pulse_runs_from_its_neuron_along_the_connection(chromium: Browser, single: Path) -> None:
    """It is where it should be at each moment; that of a neuron that is not active is not there; the slider puts it out."""
    with viewer(single) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        shown = page.page
        box = shown.locator(".canvas").bounding_box()
        ends = [
            shown.evaluate("(layer) => window.lightningIIT.project({ layer, index: 0 })", layer_name)
            for layer_name in ("input", "gru")
        ]
        start, end = (np.array([at["x"] - box["x"], at["y"] - box["y"]]) for at in ends)
        shown.evaluate("() => window.lightningIIT.setBeat(0)")
        empty = picture(shown)
        along = []
        for beat in (0.2, 0.35, 0.5):
            shown.evaluate("(beat) => window.lightningIIT.setBeat(beat)", beat)
            rows, columns = np.nonzero(np.abs(picture(shown) - empty).sum(axis=2) > 200)
            place = np.array([columns.mean(), rows.mean()]) - start
            way = (end - start) / np.linalg.norm(end - start)
            assert abs(place[0] * way[1] - place[1] * way[0]) < 4
            along.append(float(place @ way / np.linalg.norm(end - start)))
        assert 0 < along[0] < along[1] - 0.1
        assert along[1] < along[2] - 0.1 < 0.9
        shown.evaluate("() => window.lightningIIT.setStep(1)")
        assert shown.evaluate(MEASURE)["pulses"] == 0
        shown.evaluate("() => window.lightningIIT.setStep(0)")
        assert shown.evaluate(MEASURE)["pulses"] == 1
        shown.get_by_label("Step of the recorded activity").fill("1")
        assert shown.evaluate("() => window.lightningIIT.state().beat") is None
        page.check()


def test_where_less_motion_is_wanted_each_step_is_one_frame(chromium: Browser, large: Path) -> None:
    with viewer(large) as address, watched(chromium) as page:
        page.page.emulate_media(reduced_motion="reduce")
        page.page.goto(address)
        page.ready()
        page.page.wait_for_timeout(500)
        before = page.page.evaluate(MEASURE)["frames"]
        play(page.page)
        page.page.wait_for_function("() => window.lightningIIT.state().step >= 3")
        after = page.page.evaluate(MEASURE)
        state = page.page.evaluate("() => [window.lightningIIT.state().beat, window.lightningIIT.state().step]")
        pause(page.page)
        assert state[0] == "still"
        assert state[1] == int(state[1])
        assert after["frames"] - before <= 5
        assert after["pulses"] > 100
        page.check()
