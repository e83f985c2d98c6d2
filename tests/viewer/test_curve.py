"""The curve over epochs: what has no Φ is at no value, the only epoch is seen, and the legend says what the marks are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from viewer_examination import written_record
from viewer_fits import settled
from viewer_pages import viewer, watched
from viewer_words import WRITES
from viewer_zoo import LOADED, make_zoo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

COLUMN = """([epoch, variable]) => {
  const canvas = document.querySelector('.chart canvas'), room = canvas.getBoundingClientRect();
  const context = canvas.getContext('2d'), scale = canvas.width / room.width, probe = new OffscreenCanvas(1, 1).getContext('2d');
  probe.fillStyle = getComputedStyle(canvas).getPropertyValue(variable);
  probe.fillRect(0, 0, 1, 1);
  const wanted = probe.getImageData(0, 0, 1, 1).data, place = window.lightningIIT.chartPlace(epoch, 0);
  const { data } = context.getImageData(Math.round((place.x - room.left) * scale) - 1, 0, 3, canvas.height);
  const isWanted = (at) => data[at + 3] > 150 && [0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 40);
  const rows = [...Array(canvas.height).keys()].filter((row) => [0, 1, 2].some((column) => isWanted(4 * (3 * row + column))));
  const plot = document.querySelector('.chart .u-over').getBoundingClientRect();
  return [rows.map((row) => room.top + row / scale), plot.top, plot.bottom];
}"""
"""Where the colour of a variable of the page is seen above and below an epoch, and where the values begin and end."""

WRITTEN = """() => [...window.__written.values()].flat().map(({ text, ys }) =>
  [text, (Math.min(...ys) + Math.max(...ys)) / 2 / devicePixelRatio])"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_zoo(tmp_path_factory.mktemp("zoo"), ("faults", "untrained", "full"))


@pytest.fixture
def page(chromium: Browser, zoo: Path) -> Iterator[Any]:
    """A page on the runs, which listens to what charts write; ``open`` shows one of them."""
    with viewer(zoo) as address, watched(chromium) as page:
        page.page.add_init_script(WRITES)

        def shown(kind: str) -> Any:
            page.page.goto(f"{address}#run={kind}")
            page.page.wait_for_function(LOADED)
            settled(page.page)
            return page.page

        page.open = shown  # type: ignore[attr-defined]
        yield page
        page.check()


def test_an_epoch_without_phi_stands_on_a_strip_of_its_own_and_at_no_value(page: Any) -> None:
    shown = page.open("faults")
    for epoch in (3, 4):  # failed, then skipped
        crosses, top, _ = shown.evaluate(COLUMN, [epoch, "--warn"])
        assert crosses, epoch
        assert max(crosses) < top - 4, epoch
    written = dict(shown.evaluate(WRITTEN))
    canvas = shown.locator(".chart canvas").bounding_box()
    _, top, _ = shown.evaluate(COLUMN, [3, "--warn"])
    assert canvas["y"] + written["no Φ"] < top - 4
    assert "no Φ" in shown.locator(".chart-legend").inner_text()


def test_the_value_of_the_only_epoch_lies_over_the_mark_of_that_epoch(page: Any, zoo: Path) -> None:
    shown = page.open("untrained")
    mark, top, bottom = shown.evaluate(COLUMN, [-1, "--accent"])
    assert len(mark) > 20
    survey = written_record(zoo / "untrained", "memory", -1).survey
    value = shown.evaluate("(phi) => window.lightningIIT.chartPlace(-1, phi).y", survey.phi)
    assert top < value < bottom
    assert [row for row in mark if abs(row - value) < 4] == []
    assert shown.locator(".chart-legend .key", has_text="90 % interval").inner_text() == "90 % interval"


def test_it_is_said_why_only_some_epochs_have_an_interval_and_in_which_state_the_group_is(page: Any, zoo: Path) -> None:
    shown = page.open("full")
    said = shown.locator(".chart-legend .key", has_text="90 % interval")
    assert said.inner_text() == "90 % interval (at 1 of 3 epochs)"
    assert said.get_attribute("title").startswith("Computed of: untrained. An interval takes many more analyses than Φ")
    line = shown.locator(".chart-legend .key.current .stroke")
    color = "(element) => getComputedStyle(element).color"
    assert said.locator(".whisker").evaluate(color) == line.evaluate(color)
    shown.get_by_role("checkbox", name="shown group").check()
    states = {epoch: "".join(map(str, written_record(zoo / "full", "memory", epoch).states[0].state)) for epoch in (-1, 0, 1)}
    legend = shown.locator(".chart-legend")
    wanted = states[1] if len(set(states.values())) == 1 else f"{states[1]} at epoch 1"
    legend.get_by_text(f"shown group ({wanted})").wait_for()
    place = shown.evaluate("() => window.lightningIIT.chartPlace(0, 0)")
    shown.mouse.move(place["x"], place["y"] - 20)
    tip = shown.locator(".tip").inner_text()
    assert "intervals: the first and the last epoch have theirs before the others" in tip
    assert f"shown group in {states[0]}" in tip


@pytest.mark.parametrize("kind", ["untrained", "full"])
def test_an_interval_without_a_neighbour_is_seen_whole(page: Any, kind: str) -> None:
    """There is no band between epochs of which one has no interval; the axis has room for the interval all the same."""
    shown = page.open(kind)
    rows = shown.evaluate("() => window.lightningIIT.state().a.index.rows.filter((row) => row.high !== null)")
    assert len(rows) == 1
    top, bottom = shown.evaluate(
        "() => { const box = document.querySelector('.chart .u-over').getBoundingClientRect(); return [box.top, box.bottom]; }"
    )
    for end in (rows[0]["low"], rows[0]["high"]):
        place = shown.evaluate("([epoch, phi]) => window.lightningIIT.chartPlace(epoch, phi)", [rows[0]["epoch"], end])
        assert top + 4 < place["y"] < bottom
