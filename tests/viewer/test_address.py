"""The address of the page: what it holds, reload and back, in each of the places where the page is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from viewer_pages import tensorboard, viewer, watched
from viewer_pairs import TOKEN, controlled
from viewer_runs import make_record, write_run

from lightning_iit.records import decode_network
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.export import export

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
EPOCHS = 5

HELD = """() => {
  const { a, b, shown, against, layer, epoch, wanted, chosenState, unit, tab, follow } = window.lightningIIT.state();
  // First as the address rounds: 26.4348 is 26.435 there, and so 26.44 after a reload.
  const round = (values) => values.map((value) => Number(Number(value.toPrecision(5)).toPrecision(4)));
  const pose = window.lightningIIT.pose();
  return { run: a?.run.id, compare: b?.run.id, shown, against, layer, epoch, wanted: wanted?.state, chosenState, unit, tab, follow,
    camera: [...round(pose.position), ...round(pose.target)], record: a?.record?.epoch, other: b?.record?.epoch };
}"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("address") / "logs"
    write_run(folder / "first", epochs=EPOCHS)
    write_run(folder / "second", epochs=EPOCHS, seed=1)
    return folder


def choose_all(page: Any) -> None:
    """Chooses something in every place that the address holds."""
    page.get_by_label("Run", exact=True).select_option(label="first")
    page.wait_for_function("() => window.lightningIIT.state().a?.run.name === 'first' && window.lightningIIT.state().a.record")
    page.get_by_label("Compare with").select_option(label="second")
    page.locator(".top").get_by_label("Layer", exact=True).select_option("memory")
    page.get_by_label("Epoch before").click()
    page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 3")
    page.locator(".states button").nth(1).click()
    page.locator(".units-panel [data-unit='2']").dispatch_event("click")
    page.locator("#tab-tpm").click()
    page.locator(".stage[data-side=a] .canvas").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function("() => /camera=.*/.test(location.hash) && /tab=tpm/.test(location.hash)")


def settled(page: Any) -> dict[str, Any]:
    page.wait_for_function("() => window.lightningIIT?.state().loaded && window.lightningIIT.state().b?.record", timeout=60_000)
    page.wait_for_timeout(600)
    return dict(page.evaluate(HELD))


def test_a_page_that_takes_commands_keeps_its_address_too(chromium: Browser, runs: Path) -> None:
    """As the studio's is: what is shown is behind the address, the token is not, and a reload keeps both."""
    with controlled(runs) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        choose_all(page.page)
        chosen = settled(page.page)
        assert (chosen["epoch"], chosen["chosenState"], chosen["tab"]) == (3, 1, "tpm")
        link = page.page.url
        assert TOKEN not in link
        assert "compare=second" in link
        page.page.reload()
        assert settled(page.page) == chosen
        assert page.page.url == link
        assert page.page.locator(".control").is_visible()
        page.page.get_by_label("Epoch before").click()
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 2 && /epoch=2/.test(location.hash)")
        page.page.go_back()
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 3")
        page.check()


def test_a_link_shows_the_same_and_a_reload_keeps_it(chromium: Browser, runs: Path) -> None:
    with viewer(runs) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        choose_all(page.page)
        chosen = settled(page.page)
        assert chosen["run"].endswith("first")
        assert chosen["compare"].endswith("second")
        assert (chosen["layer"], chosen["epoch"], chosen["record"], chosen["other"]) == ("memory", 3, 3, 3)
        assert (chosen["chosenState"], chosen["tab"], chosen["follow"]) == (1, "tpm", False)
        assert chosen["unit"] is not None
        link = page.page.url
        page.page.reload()
        assert settled(page.page) == chosen
        assert page.page.url == link
        page.check()
        with watched(chromium) as other:
            other.page.goto(link)
            assert settled(other.page) == chosen
            other.check()


def test_back_and_forth_go_through_what_was_chosen(chromium: Browser, runs: Path) -> None:
    """Turning the network is no step; what is shown after a step back has its record and no other."""
    with viewer(runs) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        began = page.page.url
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.wait_for_function("() => /layer=hidden/.test(location.hash)")
        page.page.locator(".canvas").focus()
        page.page.keyboard.press("Shift+ArrowLeft")
        page.page.wait_for_function("() => /camera=/.test(location.hash)")
        page.page.locator("#tab-groups").click()
        page.page.wait_for_function("() => /tab=groups/.test(location.hash)")
        page.page.go_back()
        page.page.wait_for_function("() => window.lightningIIT.state().tab === null")
        assert page.page.evaluate("() => window.lightningIIT.state().layer") == "hidden"
        page.page.go_back()
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'memory'")
        page.page.wait_for_function("(url) => location.href === url", arg=began)
        page.page.go_forward()
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'hidden'")
        page.check()


def test_an_address_of_what_is_not_there_says_so(chromium: Browser, runs: Path) -> None:
    with viewer(runs) as address, watched(chromium) as page:
        page.page.goto(f"{address}#run=gone&layer=nowhere&epoch=99")
        page.ready()
        words = page.page.locator(".banner").inner_text()
        assert "what is not here: gone, nowhere, epoch 99" in words
        page.page.get_by_label("Run", exact=True).select_option(label="second")
        page.page.wait_for_function("() => document.querySelector('.banner').hidden")
        page.check()


def test_a_file_has_an_address_too(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    path = export(str(runs / "first"), tmp_path / "run.html")
    with watched(chromium) as page:
        page.page.goto(path.as_uri())
        page.ready()
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.get_by_label("Epoch before").click()
        page.page.wait_for_function("() => /layer=hidden/.test(location.hash) && /epoch=3/.test(location.hash)")
        page.page.reload()
        page.ready()
        assert page.page.evaluate(HELD)["layer"] == "hidden"
        assert page.page.evaluate(HELD)["epoch"] == 3
        page.check()


def test_the_tab_of_tensorboard_goes_back(chromium: Browser, tmp_path: Path) -> None:
    """The tab's frame has a history of its own, and TensorBoard's address stays what it was."""
    from torch.utils.tensorboard import SummaryWriter
    from viewer_runs import make_snapshots

    writer = SummaryWriter(str(tmp_path / "logs" / "run"))
    tracker = TensorBoardTracker(writer)
    for epoch in range(2):
        for layer in ("hidden", "memory"):
            tracker.log(make_record(layer, epoch), {})
    for _, data in make_snapshots(1):
        tracker.log_network(decode_network(data))
    writer.close()
    with tensorboard(tmp_path / "logs") as address, watched(chromium) as page:
        page.page.goto(f"{address}#iit")
        frame = page.ready(page.page.wait_for_selector("iframe").content_frame())
        outer = page.page.url
        frame.get_by_label("Layer", exact=True).select_option("hidden")
        frame.wait_for_function("() => /layer=hidden/.test(location.hash)")
        page.page.evaluate("() => history.back()")
        frame.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'memory'")
        assert page.page.url == outer
        page.check()
