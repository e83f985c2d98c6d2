"""What the viewer weighs and takes: bundle, first picture, draw calls, time of a frame, a long run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from viewer_bundle import MOST, bundle_size
from viewer_pages import viewer, watched
from viewer_runs import make_record, write_file, write_record, write_run

from lightning_iit.records import Connections, NetworkLayer, NetworkSnapshot, encode

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = [pytest.mark.browser, pytest.mark.benchmark]
FRAME = 10
"""The most milliseconds of the page's processor time that one frame may take."""


def test_a_large_network_is_few_draw_calls(chromium: Browser, tmp_path: Path) -> None:
    """1,000 neurons of five kinds, 20,000 connections."""
    kinds = ("input", "conv", "gru", "attention", "linear")
    layers = tuple(
        NetworkLayer(
            name=f"layer{at}",
            kind=kind,
            width=200,
            heads=4,
            indices=tuple(range(200)),
            analysed=(1, 2, 3),
            mean_activity=(0.5,) * 200,
            activity=tuple(tuple((unit * (step + 1)) % 17 / 17 for unit in range(200)) for step in range(4)),
        )
        for at, kind in enumerate(kinds)
    )
    connections = tuple(
        Connections(
            from_layer=at,
            to_layer=at + 1,
            total=40_000,
            largest=1.0,
            weights=tuple((pair % 200, pair // 200 * 7 % 200, (pair % 19 - 9) / 9) for pair in range(5_000)),
        )
        for at in range(4)
    )
    write_record(tmp_path, make_record("layer2", 0))
    shot = NetworkSnapshot(
        epoch=0, global_step=0, wall_time=0.0, layers=layers, connections=connections, steps=tuple((0, step) for step in range(4))
    )
    write_file(tmp_path / "iit" / "network" / "snapshot=0000.json", encode(shot))
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        cost = _meter(page.page)
        _draw_steps(page.page, 4)
        before, frames = _task_seconds(cost), page.page.evaluate("() => window.lightningIIT.measure().frames")
        _draw_steps(page.page, 12)
        drawn = page.page.evaluate("() => window.lightningIIT.measure().frames") - frames
        milliseconds = 1000 * (_task_seconds(cost) - before) / drawn
        measured = page.page.evaluate("() => window.lightningIIT.measure()")
        print(f"1,000 neurons, 20,000 connections: {milliseconds:.1f} ms of the page's processor time a frame; {measured}")
        page.page.wait_for_timeout(2_000)
        assert page.page.evaluate("() => window.lightningIIT.measure().frames") == measured["frames"]
        assert measured["neurons"] == 1_000
        assert measured["calls"] <= 12
        assert milliseconds <= FRAME
        assert measured["triangles"] >= 40_000
        page.check()


def _draw_steps(page: Page, many: int) -> None:
    """Shows one step of the activity after another, each once the one before it is drawn."""
    for step in range(many):
        frames = page.evaluate("() => window.lightningIIT.measure().frames")
        page.evaluate("(step) => window.lightningIIT.setStep(step)", (step + 1) % 4 + 0.5 * (step // 4 % 2))
        page.wait_for_function("(frames) => window.lightningIIT.measure().frames > frames", arg=frames)


def _meter(page: Page) -> CDPSession:
    """The browser's own figures of a page, in processor time: what else the machine does is not in them."""
    cost = page.context.new_cdp_session(page)
    cost.send("Performance.enable", {"timeDomain": "threadTicks"})
    return cost


def _task_seconds(cost: CDPSession) -> float:
    """The processor time that the page's main thread has taken so far: scripts, layout and painting."""
    return float(
        next(metric["value"] for metric in cost.send("Performance.getMetrics")["metrics"] if metric["name"] == "TaskDuration")
    )


def test_the_bundle_is_small_and_the_first_picture_quick(chromium: Browser, tmp_path: Path) -> None:
    write_run(tmp_path, epochs=10)
    size = bundle_size()
    with viewer(tmp_path) as address, watched(chromium) as page:
        began = time.monotonic()
        page.page.goto(address)
        page.ready()
        seconds = time.monotonic() - began
    print(f"bundle {size / 1000:.0f} kB gzip; first picture after {seconds:.2f} s")
    assert size <= MOST
    assert seconds < 2


def test_a_new_row_of_a_long_curve_is_cheap(chromium: Browser, tmp_path: Path) -> None:
    for layer in ("a", "b", "c"):
        data = write_record(tmp_path, make_record(layer, 0, n=4)).read_bytes()
        for epoch in range(1, 3_000):
            (tmp_path / "iit" / layer / f"epoch={epoch:04d}.json").write_bytes(data.replace(b'"epoch":0', b'"epoch":%d' % epoch))
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".chart .u-over", timeout=60_000)
        page.page.wait_for_timeout(3_000)
        cost = _meter(page.page)
        seconds = []
        for epoch in range(3_000, 3_003):
            before = _task_seconds(cost)
            write_record(tmp_path, make_record("a", epoch, n=4, phi=0.5))
            page.page.wait_for_function("(epoch) => window.lightningIIT.state().a?.record?.epoch === epoch", arg=epoch)
            page.page.wait_for_timeout(700)
            seconds.append(_task_seconds(cost) - before)
        print(f"3,000 epochs x 3 layers: {min(seconds):.3f} s of the page's processor time for a new row")
        assert min(seconds) < 0.5
        page.check()


def test_a_run_of_a_thousand_epochs_opens_quickly(chromium: Browser, tmp_path: Path) -> None:
    for layer in ("a", "b", "c"):
        data = write_record(tmp_path, make_record(layer, 0, n=4)).read_bytes()
        for epoch in range(1, 1_000):
            (tmp_path / "iit" / layer / f"epoch={epoch:04d}.json").write_bytes(data.replace(b'"epoch":0', b'"epoch":%d' % epoch))
    with viewer(tmp_path) as address, watched(chromium) as page:
        began = time.monotonic()
        page.page.goto(address)
        page.page.wait_for_selector(".value[data-phi]")
        page.page.wait_for_selector(".chart .u-over")
        seconds = time.monotonic() - began
        print(f"a run of 1,000 epochs and 3 layers opens in {seconds:.2f} s")
        assert seconds < 3
        page.check()
