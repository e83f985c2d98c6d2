"""The viewer's own page in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace
from places import SUPPORT
from viewer_examination import examine, examine_values, go_to, written_record
from viewer_pages import ARGUMENTS, answer_of, tensorboard, viewer, watched
from viewer_runs import make_record, write_file, write_record, write_run

from lightning_iit import Open, System, compute_phi
from lightning_iit.records import decode, encode
from lightning_iit.run.folder import RunFolder
from lightning_iit.viewer.compute import compute_again

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
EPOCHS = 10


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("written") / "version_0", epochs=EPOCHS)


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "logs" / "version_0"))


def test_the_page_shows_what_the_records_hold(chromium: Browser, written: Path) -> None:
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        examine(page.page, page.ready(), written)
        page.check()


def test_a_new_epoch_appears_by_itself(chromium: Browser, run: Path) -> None:
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.evaluate("() => { window.__marker = 'still here'; }")
        record = make_record("memory", EPOCHS, n=6, phi=0.777)
        write_record(run, record)
        began = time.monotonic()
        page.page.wait_for_function("() => Number(document.querySelector('.value')?.dataset.phi) === 0.777", timeout=10_000)
        waited = time.monotonic() - began
        print(f"the new epoch was in the page after {waited:.2f} s")
        assert waited < 2
        assert page.page.evaluate("() => window.__marker") == "still here"
        assert page.page.evaluate("() => window.lightningIIT.state().epoch") == EPOCHS
        page.check()


def test_a_chosen_state_stays_through_a_new_epoch(chromium: Browser, run: Path) -> None:
    """The new record has it in another place, and says so with its Φ."""
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        button = page.page.locator(".states button").nth(1)
        bits = button.locator(".bits").inner_text()
        button.click()
        layer = page.page.evaluate("() => window.lightningIIT.state().layer")
        n = page.page.evaluate("() => window.lightningIIT.state().a.record.units.indices.length")
        record = make_record(layer, EPOCHS, n=n, phi=0.777)
        chosen = msgspec.structs.replace(record.states[0], state=tuple(map(int, bits)))
        others = [found for found in record.states if found.state != chosen.state]
        write_record(run, msgspec.structs.replace(record, states=(*others, chosen)))
        page.page.wait_for_function("(epoch) => window.lightningIIT.state().a.record.epoch === epoch", arg=EPOCHS, timeout=10_000)
        assert page.page.locator(".states button[aria-pressed=true] .bits").inner_text() == bits
        assert page.page.locator(".reading .where .bits").inner_text() == bits
        page.check()


def test_a_training_beside_the_page_is_followed(chromium: Browser, tmp_path: Path) -> None:
    """Each epoch of a real run is in the page soon after its record, and the page is never loaded again.

    The command line that the page shows then gives Φ of the shown group, and the page and a real tensorboard show what the run's
    files hold.
    """
    script = SUPPORT / "viewer_training.py"
    log = (tmp_path / "log").open("wb")
    runs = tmp_path / "runs"
    runs.mkdir()
    with viewer(runs) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.evaluate("() => { window.__marker = 'still here'; }")
        with log, subprocess.Popen([sys.executable, "-W", "ignore", str(script), str(runs)], stdout=log, stderr=log) as training:
            try:
                late = [_seconds_until_shown(page.page, training, runs, epoch) for epoch in range(4)]
                assert training.wait(120) == 0
            finally:
                training.kill()
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 3")
        shown = page.page.evaluate("() => window.lightningIIT.state().a.record.result.phi")
        assert page.page.locator("[data-of=group] .chip").first.inner_text().endswith(f"\n{shown:.4f}")
        assert answer_of(page.page.locator(".command code").inner_text(), tmp_path)["phi"] == pytest.approx(shown, abs=1e-9)
        print("seconds from record to page:", ", ".join(f"{seconds:.2f}" for seconds in late))
        assert max(late) < 20, "two seconds and what a busy machine adds"
        assert page.page.evaluate("() => window.__marker") == "still here"
        examine_values(page.page, page.ready(), runs / "live" / "version_0")
        page.check()
    with tensorboard(runs) as address, watched(chromium, width=1440, height=900) as page:
        page.page.goto(f"{address}#iit")
        frame = page.ready(page.page.wait_for_selector("iframe").content_frame())
        examine_values(page.page, frame, runs / "live" / "version_0")
        page.check()


def _seconds_until_shown(page: Page, training: subprocess.Popen[bytes], runs: Path, epoch: int) -> float:
    deadline = time.monotonic() + 90
    name = f"*/*/iit/memory/epoch={epoch:04d}.json"
    while (found := next(runs.glob(name), None)) is None or isinstance(decode(found.read_bytes()).result, Open):
        assert time.monotonic() < deadline, (runs.parent / "log").read_text()[-2000:]
        assert training.poll() in (None, 0), (runs.parent / "log").read_text()[-2000:]
        page.wait_for_timeout(20)
    began = time.monotonic()
    record = decode(found.read_bytes())
    has = "(asked) => window.lightningIIT.state().a?.index?.rows.some((row) => row.epoch === asked[0] && row.phi === asked[1])"
    page.wait_for_function(has, arg=[epoch, record.phi], timeout=20_000)
    return time.monotonic() - began


def test_choosing_a_neuron_selects_it_everywhere(chromium: Browser, written: Path) -> None:
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        shown = page.ready()
        units = written_record(written, "hidden", EPOCHS - 1).units.indices
        place = shown.evaluate("(unit) => window.lightningIIT.project(unit)", {"layer": "hidden", "index": units[2]})
        page.page.mouse.move(place["x"], place["y"])
        page.page.mouse.click(place["x"], place["y"])
        page.page.wait_for_function("() => window.lightningIIT.state().layer === 'hidden'")
        page.page.wait_for_selector(".unit.chosen")
        assert page.page.evaluate("() => document.querySelector('.unit.chosen .unit-letter').textContent") == "C"
        page.page.keyboard.press("Escape")
        assert page.page.evaluate("() => window.lightningIIT.state().unit") is None


def test_the_page_is_worked_by_keyboard(chromium: Browser, written: Path) -> None:
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        shown = page.ready()
        page.page.keyboard.press("ArrowLeft")
        page.page.wait_for_function(f"() => window.lightningIIT.state().a.record?.epoch === {EPOCHS - 2}")
        page.page.keyboard.press("t")
        assert shown.evaluate("() => document.querySelector('.iit').dataset.theme") == "light"
        page.page.keyboard.press("Space")
        page.page.wait_for_function("() => window.lightningIIT.state().step >= 2", timeout=15_000)
        page.page.keyboard.press("Space")
        assert shown.evaluate("() => window.lightningIIT.state().playing") is False
        reached = set()
        focused = "() => { const at = document.activeElement; return at.className.baseVal ?? (at.className || at.ariaLabel); }"
        for _ in range(40):
            page.page.keyboard.press("Tab")
            reached.add(shown.evaluate(focused))
        assert {"canvas", "epochs"} <= reached
        assert any(str(name).startswith("unit ") for name in reached)
        page.check()


def test_gaps_say_why(chromium: Browser, written: Path) -> None:
    with viewer(written) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        go_to(page.page, 5)
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 5")
        text = page.page.locator(".reading").inner_text()
        assert "timed out" in text
        assert "600 s" in text
        box = page.page.locator(".chart .u-over").bounding_box()
        page.page.mouse.move(box["x"] + box["width"] * (6.4 / (EPOCHS + 0.8)), box["y"] + box["height"] / 2)
        assert "did not end within 600 s" in page.page.locator(".tip").inner_text()
        page.page.mouse.click(box["x"] + box["width"] * (3.4 / (EPOCHS + 0.8)), box["y"] + box["height"] / 2)
        page.page.wait_for_function("() => window.lightningIIT.state().epoch === 2")


def test_two_runs_stand_side_by_side(chromium: Browser, run: Path) -> None:
    write_run(run.parent / "version_1", epochs=4, seed=1)
    with viewer(run.parent) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_label("Run", exact=True).select_option("version_0")
        page.page.get_by_label("Compare with").select_option("version_1")
        page.page.wait_for_function(
            "() => window.lightningIIT.state().b?.network && document.querySelectorAll('.stage canvas').length === 2"
        )
        go_to(page.page, 2)
        page.page.wait_for_function(
            "() => { const s = window.lightningIIT.state(); return s.a.network?.epoch === 2 && s.b.network?.epoch === 2; }"
        )
        assert "B · memory" in page.page.locator(".chart-legend").inner_text()
        page.page.locator(".segments button", has_text="B").first.click()
        wanted = written_record(run.parent / "version_1", "memory", 2)
        page.page.wait_for_function(f"() => Number(document.querySelector('.value').dataset.phi) === {wanted.phi!r}")
        page.page.get_by_label("Compare with").select_option("")
        page.page.wait_for_function("() => document.querySelectorAll('.stage canvas').length === 1")
        page.check()


def test_names_are_shown_as_text(chromium: Browser, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    label = '<script>window.__hit=1</script>"onmouseover="window.__hit=1'
    record = make_record("hidden", 0)
    write_record(tmp_path / name, record)
    strange = json.loads(encode(record))
    strange["layer"] = label
    strange["notes"] = [f"<b>{name}</b>"]
    write_file(tmp_path / name / "iit" / "strange" / "epoch=0000.json", json.dumps(strange).encode())
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_function("() => window.lightningIIT?.state().a?.record")
        page.page.get_by_label("Layer", exact=True).select_option(label)
        page.page.wait_for_function("(label) => window.lightningIIT.state().a.record?.layer === label", arg=label)
        assert f"<b>{name}</b>" in page.page.locator(".notes li").all_inner_texts()
        assert page.page.locator(".iit img, .iit script").count() == 0
        assert page.page.evaluate("() => window.__hit") is None
        assert name in page.page.get_by_label("Run", exact=True).inner_text()
        page.check()


def test_a_corrupt_record_is_said_to_be_one_and_the_rest_is_shown(chromium: Browser, run: Path) -> None:
    write_file(run / "iit" / "memory" / f"epoch={EPOCHS:04d}.json", b'{"layer":')
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_function("() => window.lightningIIT?.state().a?.recordProblem")
        assert "not a record" in page.page.locator(".reading").inner_text()
        page.page.keyboard.press("ArrowLeft")
        page.page.wait_for_selector(".value[data-phi]")
        page.check()


def test_an_empty_directory_says_what_to_do_and_fills_by_itself(chromium: Browser, tmp_path: Path) -> None:
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".nothing:not([hidden])")
        assert "IITCallback" in page.page.locator(".nothing").inner_text()
        write_record(tmp_path / "run", make_record("hidden", 0))
        page.page.wait_for_selector(".value[data-phi]", timeout=10_000)
        assert page.page.locator(".nothing").is_hidden()
        page.check()


def test_without_webgl_the_other_panels_work(chromium: Browser, written: Path) -> None:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    plain = chromium.browser_type.launch(executable_path=path, args=[*ARGUMENTS[2:], "--disable-3d-apis"])
    with viewer(written) as address, watched(plain) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".value[data-phi]")
        page.page.wait_for_selector(".no-webgl")
        assert "memory" in page.page.locator(".no-webgl").inner_text()
        assert page.page.locator(".concepts tbody tr").count() > 3
        page.page.locator("#tab-tpm").click()
        page.page.wait_for_function("() => document.querySelector('.tpm canvas').width > 100")
        assert page.page.evaluate("() => window.lightningIIT.measure()") is None
    plain.close()


def test_the_button_computes_again(chromium: Browser, written: Path) -> None:
    """In another state that the person sets bit by bit; the answer is the engine's."""
    state = (1, 0, 1, 1)
    with viewer(written, compute=compute_again) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'hidden'")
        for bit, on in zip(page.page.locator(".bit").all(), state, strict=True):
            if bit.get_attribute("aria-pressed") != str(on == 1).lower():
                bit.click()
        assert "--state 1,0,1,1" in page.page.locator(".command code").inner_text()
        page.page.get_by_label("Engine").select_option("fast")
        page.page.get_by_role("button", name="Compute", exact=True).click()
        answer = page.page.wait_for_selector("[data-computed]", timeout=90_000)
        tpm = written_record(written, "hidden", EPOCHS - 1).tpm.state_by_node
        assert float(answer.get_attribute("data-computed")) == pytest.approx(
            compute_phi(System(tpm=tpm, state=state)).phi, abs=1e-9
        )
        page.check()


def test_an_open_record_is_waited_for_and_its_result_comes_by_itself(chromium: Browser, run: Path) -> None:
    """While the run goes on it is no fault and no 0; once the run is gone it is interrupted; a result takes its place."""
    settled = make_record("memory", EPOCHS, n=6, phi=0.777)
    training = RunFolder(run)
    training.begin()
    write_record(run, replace(settled, result=Open(), states=(), scalars={}, tpm=None, null=None, interval=None))
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.evaluate("() => { window.__marker = 'still here'; }")
        reason, value = page.page.locator(".reason"), page.page.locator(".value")
        assert reason.inner_text() == "Waiting for Φ. The analysis has not ended yet."
        assert value.inner_text() == "Φ –"
        page.page.locator(".key", has_text="waiting for Φ").wait_for(timeout=10_000)
        training.end()
        page.page.wait_for_function(
            "() => document.querySelector('.reason')?.textContent.startsWith('No Φ: failed.')", timeout=10_000
        )
        assert "--settle" in reason.inner_text()
        write_record(run, settled)
        page.page.wait_for_function("() => Number(document.querySelector('.value')?.dataset.phi) === 0.777", timeout=10_000)
        assert page.page.evaluate("() => window.__marker") == "still here"
        page.check()
