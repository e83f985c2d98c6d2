"""The layer that is shown is seen in the picture of the network, or it is said where its units are."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from viewer_examination import go_to, written_network, written_record
from viewer_fits import settled
from viewer_pages import viewer, watched
from viewer_runs import make_record, write_record, write_run

from lightning_iit.records import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from lightning_iit.records import NetworkSnapshot

pytestmark = pytest.mark.browser
MIDDLE = """(layer) => {
  const { network } = window.lightningIIT.state().a;
  const { indices } = network.layers.find(({ name }) => name === layer);
  const places = indices.map((index) => window.lightningIIT.project({ layer, index }));
  const [x, y] = ['x', 'y'].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
  const { left, top, right, bottom } = document.querySelector('.canvas').getBoundingClientRect();
  return left < x && x < right && top < y && y < bottom;
}"""
"""Whether the middle of the units of a layer is inside the picture."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers with snapshots, and records of a third one that is in none."""
    folder = write_run(tmp_path_factory.mktemp("shown") / "run", epochs=1)
    write_record(folder, make_record("apart", 0, n=2))
    return folder


@pytest.fixture
def page(chromium: Browser, run: Path) -> Iterator[Any]:
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        yield page.page
        page.check()


def choose(page: Any, layer: str) -> None:
    page.get_by_label("Layer", exact=True).select_option(layer)
    page.wait_for_function("(layer) => window.lightningIIT.state().a.record?.layer === layer", arg=layer)
    settled(page)


def test_a_layer_that_is_out_of_sight_is_brought_into_view(page: Any) -> None:
    choose(page, "hidden")
    page.locator(".canvas").focus()
    while page.evaluate(MIDDLE, "memory"):
        page.keyboard.press("+")
        settled(page)
    choose(page, "memory")
    assert page.evaluate(MIDDLE, "memory")
    before = page.evaluate("() => window.lightningIIT.pose()")
    choose(page, "apart")
    choose(page, "memory")
    assert page.evaluate("() => window.lightningIIT.pose()") == before, "what is in view stays where it is"


def test_rings_say_whether_they_are_of_the_shown_layer(page: Any, run: Path) -> None:
    def ring(layer: str) -> list[str]:
        analysed = next(known for known in written_network(run, 0).layers if known.name == layer).analysed
        return list(page.evaluate("(unit) => window.lightningIIT.ringsOf(unit)", {"layer": layer, "index": analysed[0]}))

    legend = page.locator(".network > .legend")
    choose(page, "memory")
    shown, other = ring("memory"), ring("hidden")
    assert shown != other
    assert "\nanalysed\nof other layers" in "\n" + legend.inner_text()
    choose(page, "hidden")
    assert [ring("memory"), ring("hidden")] == [other, shown]
    choose(page, "apart")
    assert ring("memory") == ring("hidden") == other
    assert legend.inner_text().endswith("high activity\nanalysed, of other layers")
    assert "apart, the shown layer, is not in this snapshot of the network." in page.locator(".stage-note").inner_text()


def test_rings_are_around_the_units_of_the_shown_record(chromium: Browser, run: Path, tmp_path: Path) -> None:
    """Also where the snapshot of its epoch was taken before they were chosen, and that of another epoch after."""
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "iit" / "network" / "snapshot=0000.json").write_bytes(encode(without_units(written_network(run, 0))))
    with viewer(tmp_path / "run") as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        for epoch in (0, -1, 0):
            go_to(page.page, epoch)
            page.page.wait_for_function("(epoch) => window.lightningIIT.state().a.network?.epoch === epoch", arg=epoch)
            choose(page.page, "memory")
            ringed = page.page.evaluate(
                "() => [...Array(32).keys()].filter((index) => window.lightningIIT.ringsOf({ layer: 'memory', index }).length)"
            )
            assert ringed == sorted(written_record(run, "memory", epoch).units.indices)
        page.check()


def without_units(network: NetworkSnapshot) -> NetworkSnapshot:
    return replace(network, layers=tuple(replace(layer, analysed=()) for layer in network.layers))
