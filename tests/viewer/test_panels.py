"""The panels of the page: their room, their contrast, and the parts of a record that not every record has."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from viewer_examination import go_to
from viewer_pages import viewer, watched
from viewer_room import CONTRAST, LEAST_CONTRAST, check_room
from viewer_runs import make_record, make_snapshots, write_file, write_record, write_run

from lightning_iit import cli
from lightning_iit.records import (
    Computed,
    CurvePoint,
    EngineInfo,
    GroupResult,
    MajorComplex,
    ThresholdPoint,
    Units,
    decode_network,
    encode,
)
from lightning_iit.viewer.compute import compute_again

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
EPOCHS = 6


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_run(folder / "version_0", epochs=EPOCHS)
    write_run(folder / "version_1", epochs=3, seed=1)
    return folder


def test_analyses_within_epochs_have_a_table(chromium: Browser, tmp_path: Path) -> None:
    """Of the layer that is shown, and of the run that is shown; without any there is no such panel."""
    run = write_run(tmp_path / "run", epochs=3)
    for step in (30, 40, 1234):
        inside = msgspec.structs.replace(make_record("memory", 1, phi=step / 10_000), step=step, global_step=step)
        write_file(run / "iit" / "memory" / f"epoch=0001-step={step:06d}.json", encode(inside))
    with viewer(tmp_path) as address, watched(chromium, width=1280, height=720) as page:
        page.page.goto(address)
        page.ready()
        panel = page.page.locator(".steps")
        page.page.get_by_label("Layer", exact=True).select_option("memory")
        assert panel.locator("summary").inner_text() == "3 analyses within epochs (observational)"
        panel.locator("summary").click()
        lines = [row.locator("td").all_inner_texts()[:3] for row in panel.locator("tbody tr").all()]
        assert lines == [["30", "1", "0.0030"], ["40", "1", "0.0040"], ["1,234", "1", "0.1234"]]
        check_room(page.page, 1280, 720)
        assert page.page.locator(".chart").bounding_box()["height"] > 60
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        assert not panel.is_visible()
        page.check()


def test_other_units_of_a_past_epoch_are_answered_here_and_by_the_command_that_is_shown(
    chromium: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of units inside the recorded ones page and command answer the same; of others the page says what it takes."""
    write_run(tmp_path / "run", epochs=2)
    with viewer(tmp_path, compute=compute_again) as address, watched(chromium, width=1280, height=900) as page:
        page.page.goto(address)
        page.ready()
        go_to(page.page, 1)
        layer = page.page.evaluate("() => window.lightningIIT.state().layer")
        own = page.page.evaluate("() => window.lightningIIT.state().a.record.units.indices")
        code, panel = page.page.locator(".command code"), page.page.locator(".command")
        first = code.inner_text()
        panel.get_by_role("button", name="Other units").click()
        panel.get_by_label("Units").fill(f"{own[1]}, {own[0]}")
        assert "it is answered from the record, here and by the command" in panel.locator(".units-row").inner_text()
        asked = code.evaluate("(element) => element.textContent")
        assert f" --epoch 1 --layer {layer} --units {own[1]},{own[0]} --state " in asked
        assert [bit.inner_text() for bit in panel.locator(".bit small").all()] == [str(own[1]), str(own[0])]
        panel.locator(".bit").first.click()
        turned = code.evaluate("(element) => element.textContent")
        assert turned != asked
        assert cli.main([*shlex.split(turned)[1:], "--partitions", "5", "--json"]) == 0
        by_command = json.loads(capsys.readouterr().out)
        panel.get_by_role("button", name="Compute", exact=True).click()
        phi = panel.locator(".answer [data-phi]")
        assert float(phi.get_attribute("data-phi")) == pytest.approx(by_command["result"]["phi"], abs=1e-12)
        assert f" of units {own[1]}, {own[0]} in state " in panel.locator(".answer").inner_text()
        panel.get_by_role("button", name="Best partitions").click()
        panel.locator(".ranked li").nth(1).wait_for()
        shown = panel.locator(".ranked li").evaluate_all("(rows) => rows.map((row) => Number(row.dataset.phi))")
        assert shown == pytest.approx([one["phi"] for one in by_command["partitions"]["partitions"]], abs=1e-12)
        severed = panel.locator(".ranked li b").all_inner_texts()
        assert sorted(severed) == sorted([f"{own[0]} → {own[1]}", f"{own[1]} → {own[0]}"])
        check_room(page.page, 1280, 900)
        panel.get_by_label("Units").fill(f"{own[0]}, 1000")
        assert "No recorded group has all of these units." in panel.locator(".units-row").inner_text()
        assert "--units" in code.inner_text()
        assert panel.get_by_role("button", name="Best partitions").is_disabled()
        panel.get_by_label("Units").fill("")
        drawn = page.page.evaluate("(name) => window.lightningIIT.state().a.network.layers.find((one) => one.name === name)", layer)
        for index in own[:3]:  # clicked together in the network
            place = page.page.evaluate("(unit) => window.lightningIIT.project(unit)", {"layer": drawn["name"], "index": index})
            page.page.mouse.move(place["x"], place["y"])
            page.page.mouse.click(place["x"], place["y"])
            page.page.wait_for_function("(index) => window.lightningIIT.state().unit?.index === index", arg=index)
        assert panel.get_by_label("Units").input_value() == ", ".join(map(str, own[:3]))
        panel.get_by_role("button", name="Best partitions").click()
        panel.locator(".ranked li").nth(4).wait_for()
        panel.get_by_role("button", name="Other units").click()
        assert code.inner_text() == first
        panel.get_by_label("Engine").select_option("pyphi")
        panel.get_by_role("button", name="Compute", exact=True).click()
        panel.locator(".answer", has_text="pyphi takes about 667 min for 6 units. It is given 300 s here").wait_for()
        assert panel.get_by_role("button", name="Compute all the same").is_enabled()
        panel.get_by_label("Engine").select_option("fast")
        panel.get_by_role("button", name="Compute", exact=True).click()
        page.page.wait_for_function("() => window.lightningIIT.state().computations.length === 1")
        page.check()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_everything_has_room(chromium: Browser, written: Path, width: int, height: int) -> None:
    """Nothing lies over another or out of the window (of two runs: the page), no text is cut off."""
    with viewer(written) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.ready()
        check_room(page.page, width, height)
        command = page.page.locator(".command pre").bounding_box()
        panel = page.page.locator("#panel-causal").bounding_box()
        assert command["y"] + command["height"] <= panel["y"] + panel["height"]
        assert page.page.locator(".tabs").is_visible() == (width < 1640)
        assert page.page.locator("#panel-tpm").is_visible() == (width >= 1640)
        page.page.get_by_label("Compare with").select_option(index=1)
        page.page.get_by_text("loss, accuracy").click()
        page.page.wait_for_function("() => window.lightningIIT.graphics('b')?.render.calls > 0")
        check_room(page.page, width, height, scrolls=width >= 1640)  # there all cards of both stand below each other
        assert page.page.locator(".chart").bounding_box()["height"] > 60
        page.check()


def test_text_stands_out_from_its_ground(chromium: Browser, written: Path) -> None:
    """Light and dark, with the record of an epoch that has a Φ and of one that has none."""
    with viewer(written / "version_0") as address, watched(chromium, width=1920, height=1080) as page:
        page.page.emulate_media(reduced_motion="reduce")  # colours that glide would be read on their way
        page.page.goto(address)
        page.ready()
        for theme in ("dark", "light"):
            for epoch in (EPOCHS - 1, 5, 4):
                go_to(page.page, epoch)
                page.page.wait_for_function("(epoch) => window.lightningIIT.state().a.record?.epoch === epoch", arg=epoch)
                found = page.page.evaluate(CONTRAST)
                assert len(found) > 60
                faint = [(text, round(ratio, 2)) for text, ratio in found if ratio < LEAST_CONTRAST]
                assert not faint, (theme, faint)
            page.page.keyboard.press("t")


def test_what_only_some_records_hold_is_drawn(chromium: Browser, tmp_path: Path) -> None:
    """The major complex by name and by rings, Φ against transitions as points; nothing of it where a record has none."""
    record = make_record("hidden", 0, phi=0.5)
    points = tuple(
        CurvePoint(transitions=t, subsamples=5, mean=m, low=m / 2, high=m * 1.5) for t, m in ((100, 0.9), (200, 0.6), (400, 0.5))
    )
    computed = Computed(phi=0.75, engine=EngineInfo(name="fast", version="1"))
    others = tuple(
        ThresholdPoint(quantile=q, thresholds=(), transitions=9, visited=3, phi=phi, reason="" if phi else "too few")
        for q, phi in ((0.3, 0.25), (0.5, 0.5), (0.7, None))
    )
    groups = tuple(GroupResult(units=Units(indices=(k, k + 4), width=32, selection="random"), result=computed) for k in range(3))
    complexes = MajorComplex(nodes=(0, 2), result=computed)
    tied = msgspec.structs.replace(record.result, tied_purviews=((0,), (1,)), phi_jitter=(0.41, 0.52), phi_margin=0.125)
    states = tuple(msgspec.structs.replace(state, result=tied) for state in record.states)
    full = msgspec.structs.replace(record, curve=points, major_complex=complexes, sensitivity=others, groups=groups, states=states)
    write_record(tmp_path, full)
    shot = decode_network(make_snapshots(0)[0][1])
    note = "memory: the last of its 3 layers is shown, without the weights into it."
    write_file(tmp_path / "iit" / "network" / "snapshot=0000.json", encode(msgspec.structs.replace(shot, epoch=0, notes=(note,))))
    write_record(tmp_path, make_record("hidden", 1))
    with viewer(tmp_path) as address, watched(chromium, width=1920, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".value[data-phi]")
        assert page.page.locator(".record-curve").is_hidden()
        assert page.page.locator(".stage-note").inner_text().split("\n") == [note, "No snapshot of epoch 1: this is epoch 0."]
        assert page.page.locator(".stage-title.old").inner_text() == "network of epoch 0"
        assert page.page.locator(".unit.major").count() == 0
        assert "not computed" in page.page.locator(".chip", has_text="null").inner_text()
        page.page.keyboard.press("ArrowLeft")
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 0")
        assert page.page.locator(".stage-title").inner_text() == ""
        assert "A C · Φ 0.7500" in page.page.locator(".chip", has_text="major complex").inner_text()
        sensitivity = page.page.locator(".chip", has_text="other thresholds")
        assert "0.2500 – 0.5000" in sensitivity.inner_text()
        sensitivity.hover()
        assert page.page.locator(".tip-row").all_inner_texts()[2].split("\n") == ["quantile 0.7", "too few"]
        assert "0.7500 – 0.7500" in page.page.locator(".chip", has_text="3 groups of units").inner_text()
        rings = page.page.locator(".unit").evaluate_all(
            "(units) => units.map((u) => getComputedStyle(u.querySelector('.complex')).stroke)"
        )
        assert [ring != "none" for ring in rings] == [True, False, True, False]
        words = page.page.locator(".cut-words").inner_text()
        assert "major complex, A C" in words
        assert "Φ depends on ties: in 2 of" in words
        assert "have Φ 0.4100 – 0.5200. The second-best partition loses 0.125 more." in words
        drawn = page.page.locator(".record-curve .point").evaluate_all(
            "(all) => all.map((point) => { const { cx, cy } = point.lastChild;"
            " return [Number(point.dataset.transitions), Number(point.dataset.mean), cx.baseVal.value, cy.baseVal.value]; })"
        )
        assert [(t, m) for t, m, *_ in drawn] == [(p.transitions, p.mean) for p in points]
        (_, _, x0, y0), (_, _, x1, y1), (_, _, x2, y2) = drawn
        assert (x2 - x1) / (x1 - x0) == pytest.approx(2)
        assert (y1 - y0) / (y2 - y1) == pytest.approx(3)
        page.page.locator(".record-curve .point").first.hover()
        told = page.page.locator(".tip").inner_text()
        assert "100 transitions" in told
        assert "0.4500, 1.3500" in told
        page.check()


def test_records_of_older_and_newer_writers(chromium: Browser, written: Path, tmp_path: Path) -> None:
    """What an older writer did not know is left out; of a newer one's record the page says that it cannot be read."""
    run = Path(shutil.copytree(written / "version_0", tmp_path / "run"))
    old = json.loads(encode(make_record("memory", EPOCHS, n=6, phi=0.25)))
    for field in (
        "diagnostics",
        "notes",
        "null",
        "scalars",
        "major_complex",
        "curve",
        "interval",
        "perturbation",
        "groups",
        "sensitivity",
    ):
        old.pop(field, None)
    write_file(run / "iit" / "memory" / f"epoch={EPOCHS:04d}.json", json.dumps({**old, "unheard_of": 1}).encode())
    new = {**json.loads(encode(make_record("memory", EPOCHS + 1, n=6))), "schema_version": 99}
    write_file(run / "iit" / "memory" / f"epoch={EPOCHS + 1:04d}.json", json.dumps(new).encode())
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_function("() => window.lightningIIT?.state().a?.recordProblem")
        assert "99" in page.page.locator(".reading").inner_text()
        page.page.keyboard.press("ArrowLeft")
        page.page.wait_for_selector(".value[data-phi='0.25']")
        assert "not computed" in page.page.locator(".chip", has_text="null").inner_text()
        assert page.page.locator(".concepts tbody tr").count() > 3
        assert page.page.locator(".influence").count() > 3
        page.page.locator("#tab-tpm").click()
        page.page.wait_for_function("() => document.querySelector('.tpm canvas').width > 100")
        page.check()
