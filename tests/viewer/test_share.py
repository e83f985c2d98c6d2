"""What the page saves as files is what the records hold; each file is opened."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image
from viewer_examination import written_record
from viewer_files import SVG, rows_of, saved, words_of
from viewer_pages import tensorboard, viewer, watched
from viewer_runs import make_record, write_file, write_record, write_run
from viewer_surveys import with_whole_layer, write_surveyed
from viewer_zoo import make_zoo

from lightning_iit.records import Computed, CurvePoint, Survey, SurveyGroup, SystemPhi, Units, decode, encode
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.export import export

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
EPOCHS = 5
LETTERS = "ABCDEF"
FILM = """async (bytes) => {
  const video = document.createElement('video');
  video.muted = true;
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: 'video/webm' }));
  const ready = new Promise((resolve, reject) => {
    video.onloadedmetadata = resolve;
    video.onerror = () => reject(new Error(video.error.message));
  });
  video.src = url;
  await ready;
  return [video.duration, video.videoWidth, video.videoHeight];
}"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share") / "logs"
    write_run(folder / "first", epochs=EPOCHS)
    write_surveyed(folder / "surveyed")
    return folder


def opened(page: Any, run: str, *, layer: str | None = None) -> None:
    page.get_by_label("Run", exact=True).select_option(label=run)
    page.wait_for_function("(run) => window.lightningIIT.state().a?.run.name === run", arg=run)
    if layer is not None:
        page.get_by_label("Layer", exact=True).select_option(layer)
    page.wait_for_function("() => window.lightningIIT.state().a.record && window.lightningIIT.state().a.network")
    page.wait_for_timeout(400)
    page.get_by_role("button", name="Share", exact=True).click()


def test_numbers_are_those_of_the_records(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    record = written_record(runs / "first", "hidden", 2)
    assert isinstance(record.result, Computed)
    with viewer(runs) as address, watched(chromium) as page:
        page.page.goto(f"{address}#run=first&layer=hidden&epoch=2")
        page.ready()
        page.page.get_by_role("button", name="Share", exact=True).click()
        concepts = rows_of(saved(page.page, page.page, "concepts", "csv", tmp_path))
        tpm = rows_of(saved(page.page, page.page, "tpm", "csv", tmp_path))
        curve = rows_of(saved(page.page, page.page, "curve", "csv", tmp_path))
        whole = saved(page.page, page.page, "record", "json", tmp_path)
        page.check()
    assert decode(whole.read_bytes()) == record
    assert whole.name == f"record_first_hidden_epoch={record.epoch}.json"
    assert [float(row["cause_phi"]) for row in concepts] == [concept.cause_phi for concept in record.result.concepts]
    assert [float(row["effect_phi"]) for row in concepts] == [concept.effect_phi for concept in record.result.concepts]
    letters = [" ".join(LETTERS[unit] for unit in concept.mechanism) for concept in record.result.concepts]
    assert [row["mechanism"] for row in concepts] == letters
    assert record.tpm is not None
    values = [[float(row[letter]) for letter in LETTERS[:4]] for row in tpm]
    np.testing.assert_array_equal(values, record.tpm.state_by_node)
    assert [row["visited"] for row in tpm] == [str(visited).lower() for visited in record.tpm.visited]
    assert len(curve) == 2 * (EPOCHS + 1)
    for row in curve:
        known = written_record(runs / "first", row["layer"], int(row["epoch"]))
        assert (float(row["phi"]) if row["phi"] else None) == known.phi


def test_pictures_are_in_the_style_of_a_paper(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    """From the dark theme too: white ground, names and units at the axes, no style sheet needed; as PNG of the same shape."""
    with viewer(runs) as address, watched(chromium, theme="dark") as page:
        page.page.goto(address)
        page.ready()
        opened(page.page, "surveyed")
        there = page.page.locator(".share-row[data-figure]").evaluate_all("(rows) => rows.map((row) => row.dataset.figure)")
        assert {"curve", "system", "concepts", "tpm", "groups", "reading", "network", "film", "record"} <= set(there)
        found = {}
        for figure in page.page.locator(".share-row:has([data-form=svg])").evaluate_all(
            "(all) => all.map((a) => a.dataset.figure)"
        ):
            found[figure] = words_of(svg := saved(page.page, page.page, figure, "svg", tmp_path))
            faint = [float(one) for one in re.findall(r'opacity="([^"]*)"', svg.read_text("utf-8")) if float(one) < 0.15]
            assert not faint, f"{figure} has haze"
            with Image.open(saved(page.page, page.page, figure, "png", tmp_path)) as image:
                width, height = (float(value) for value in ET.fromstring(svg.read_text("utf-8")).get("viewBox", "").split()[2:])
                assert image.width / image.height == pytest.approx(width / height, rel=0.02)
                pixels = np.asarray(image.convert("RGBA"))
            assert tuple(pixels[0, 0]) == (255, 255, 255, 255)
            assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20, figure
        page.check()
    without = [name for name, words in found.items() if "causal: units were set into each state" not in words]
    assert not without
    assert {"Epoch", "Φ (earth mover's distance)", "untrained"} <= set(found["curve"])
    assert {"P(ON next)", "Unit, next", "State (unit A first)", "A", "0000"} <= set(found["tpm"])
    assert "Mean Φ (earth mover's distance) of a group of units" in found["groups"]
    assert {"A", "B", "C", "D"} <= set(found["system"])


def test_nothing_of_a_system_is_a_black_disc(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    """Colours come from style sheets, by the classes of what is around an element: units that are OFF are white."""
    with viewer(runs) as address, watched(chromium, theme="dark") as page:
        page.page.goto(address)
        page.ready()
        opened(page.page, "first", layer="hidden")
        drawn = saved(page.page, page.page, "system", "svg", tmp_path)
        root = ET.fromstring(drawn.read_text("utf-8"))
        assert "statistical: no connections among the units, 0 by structure" in words_of(drawn)
        assert page.page.locator("#panel-causal h2").text_content() == "System read from activity (statistical)"
        card = page.page.locator("#panel-causal")
        assert "Minimum-information partition (statistical):" in card.inner_text()
        assert "), statistical" in card.locator(".concepts h3").inner_text()
        assert "statistical" in str(card.locator(".states button").first.get_attribute("title"))
        page.page.keyboard.press("Escape")
        card.locator(".influence").first.dispatch_event("mousemove")
        assert "a dependence in the data" in page.page.locator(".tip").inner_text()
        states = page.page.evaluate("() => window.lightningIIT.state().a.record.states[0].state")
        page.check()
    discs = [circle for circle in root.iter(f"{SVG}circle") if circle.get("fill") != "none"]
    light = [circle for circle in discs if circle.get("fill") == "#ffffff"]
    assert (len(discs), len(light)) == (len(states), states.count(0))
    letters = [text for text in root.iter(f"{SVG}text") if text.text in tuple("ABCD")]
    assert {text.get("text-anchor") for text in letters} == {"middle"}


def test_all_layers_are_saved_as_small_pictures_and_as_numbers(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    """Each layer with its name and its last number; the numbers are those of the records' index."""
    with viewer(runs / "first") as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_role("button", name="Share", exact=True).click()
        words = words_of(saved(page.page, page.page, "layers", "svg", tmp_path))
        with Image.open(saved(page.page, page.page, "layers", "png", tmp_path)) as picture:
            assert picture.width > 1000
        rows = rows_of(saved(page.page, page.page, "layers", "csv", tmp_path))
        page.check()
    means: dict[str, dict[int, float | None]] = {
        layer: {epoch: written_record(runs / "first", layer, epoch).scalars.get("phi_mean") for epoch in range(-1, EPOCHS)}
        for layer in ("memory", "hidden")
    }
    found: dict[str, dict[int, float | None]] = {layer: {} for layer in means}
    for row in rows:
        found[row["layer"]][int(row["epoch"])] = float(row["value"]) if row["value"] else None
    assert found == means
    for layer, kind in (("memory", "observational"), ("hidden", "statistical")):
        most = max(value for value in means[layer].values() if value is not None)
        (head,) = [one for one in words if one.startswith(f"Mean Φ of the states, {kind}; all axes from 0 to ")]
        assert float(head.split(" to ")[1].split(",")[0]) == pytest.approx(most, rel=5e-3)
        assert head.endswith(f"epochs -1 to {EPOCHS - 1}")
        assert words[words.index(layer) + 1] == f"{means[layer][EPOCHS - 1]:.4f}"


def test_the_network_has_no_ground_and_the_page_is_as_before(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    with viewer(runs) as address, watched(chromium, theme="dark") as page:
        page.page.goto(address)
        page.ready()
        opened(page.page, "first")
        size = "() => { const { width, height } = document.querySelector('.canvas canvas'); return [width, height]; }"
        before = page.page.evaluate(size)
        with Image.open(saved(page.page, page.page, "network", "png", tmp_path)) as image:
            assert image.mode == "RGBA"
            alpha = np.asarray(image)[..., 3]
            assert (image.width, image.height) == (3 * before[0], 3 * before[1])
        assert alpha[0, 0] == 0
        assert 0.02 < (alpha > 200).mean() < 0.8
        assert page.page.evaluate(size) == before
        page.check()


def test_the_film_plays_every_epoch_and_ends_where_it_began(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    with viewer(runs) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        opened(page.page, "first")
        page.page.evaluate(
            "() => { const { state, measure } = window.lightningIIT; [window.__seen, window.__pulses] = [new Set(), new Set()];"
            " setInterval(() => { window.__seen.add(state().a.network.epoch); window.__pulses.add(measure().pulses); }, 30); }"
        )
        path = saved(page.page, page.page, "film", "webm", tmp_path)
        seen = page.page.evaluate("() => [...window.__seen]")
        assert sorted(seen) == list(range(-1, EPOCHS))
        assert page.page.evaluate("() => window.__pulses.size") > EPOCHS  # the activity of each epoch is played
        assert page.page.evaluate("() => window.lightningIIT.state().beat") is None
        assert page.page.evaluate("() => window.lightningIIT.state().follow")
        page.page.wait_for_function("(epoch) => window.lightningIIT.state().a.record?.epoch === epoch", arg=EPOCHS - 1)
        page.check()
    data = path.read_bytes()
    assert data[:4] == b"\x1a\x45\xdf\xa3"
    player = chromium.new_page()
    duration, width, height = player.evaluate(FILM, list(data))
    player.close()
    assert (width, height) == (1280, 720)
    assert 0.6 * (EPOCHS + 1) * 0.9 < duration < 60


def test_a_link_can_be_copied(chromium: Browser, runs: Path) -> None:
    with viewer(runs) as address, watched(chromium) as page:
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.page.goto(address)
        page.ready()
        opened(page.page, "first", layer="hidden")
        page.page.wait_for_function("() => /layer=hidden/.test(location.hash)")
        page.page.get_by_text("Copy link").click()
        page.page.get_by_text("is copied").wait_for()
        assert page.page.evaluate("() => navigator.clipboard.readText()") == page.page.url
        page.page.keyboard.press("Escape")
        assert page.page.locator(".share-menu").is_hidden()
        page.check()


def test_a_frame_that_is_cut_off_says_where_the_menu_is(chromium: Browser, runs: Path, tmp_path: Path) -> None:
    """As MLflow shows it: a frame without an address, downloads and storage. The file by itself has the menu."""
    path = export(str(runs / "first"), tmp_path / "run.html")
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<!doctype html><iframe sandbox="allow-scripts" src="{path.name}" style="width:1200px;height:680px"></iframe>', "utf-8"
    )
    with watched(chromium) as page:
        page.page.goto(outer.as_uri())
        frame = page.ready(page.page.wait_for_selector("iframe").content_frame())
        assert frame.get_by_role("button", name="Share", exact=True).count() == 0
        assert "Download this file and open it by itself" in frame.locator(".cut-off").inner_text()
        frame.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.wait_for_timeout(600)
        assert frame.evaluate("() => location.hash") == ""
        page.check()
        page.page.goto(path.as_uri())
        page.ready()
        assert page.page.locator(".cut-off").count() == 0
        page.page.get_by_role("button", name="Share", exact=True).click()
        whole = saved(page.page, page.page, "record", "json", tmp_path)
        assert decode(whole.read_bytes()) == written_record(runs / "first", "memory", EPOCHS - 1)
        words_of(saved(page.page, page.page, "curve", "svg", tmp_path))
        page.check()


def test_the_tab_of_tensorboard_saves_files_but_has_no_link(chromium: Browser, tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    record = make_record("hidden", 0)
    writer = SummaryWriter(str(tmp_path / "logs" / "run"))
    TensorBoardTracker(writer).log(record, {})
    writer.close()
    with tensorboard(tmp_path / "logs") as address, watched(chromium) as page:
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        frame.wait_for_selector(".value[data-phi]", timeout=60_000)
        frame.get_by_role("button", name="Share", exact=True).click()
        assert frame.get_by_text("Copy link").count() == 0
        assert decode(saved(page.page, frame, "record", "json", tmp_path).read_bytes()) == record
        words_of(saved(page.page, frame, "tpm", "svg", tmp_path))
        with Image.open(saved(page.page, frame, "tpm", "png", tmp_path)) as image:
            image.load()
        page.check()
    assert json.loads((tmp_path / "record_run_hidden_epoch=0.json").read_text())["layer"] == "hidden"


def test_the_whole_layer_is_saved_as_a_table_as_matrices_and_as_numbers(chromium: Browser, tmp_path: Path) -> None:
    """The table says what is above the null; the matrices have the signs of their values, and white for a unit with itself."""
    record = with_whole_layer(0)
    assert record.whole is not None
    assert record.whole.pairs is not None
    write_record(tmp_path / "run", record)
    with viewer(tmp_path / "run") as address, watched(chromium, theme="dark") as page:
        page.page.goto(address)
        page.page.wait_for_selector(".whole-layer.there", state="attached")
        page.page.get_by_role("button", name="Share", exact=True).click()
        table, measures = (saved(page.page, page.page, "whole-layer", form, tmp_path) for form in ("svg", "csv"))
        drawn, picture, pairs = (saved(page.page, page.page, "pairs", form, tmp_path) for form in ("svg", "png", "csv"))
        with Image.open(saved(page.page, page.page, "whole-layer", "png", tmp_path)) as image:
            assert image.width > 1000
            assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        page.check()
    words, rows = words_of(table), rows_of(measures)
    caption = "statistical: activity as it was watched, in nats; no causes, and not the Φ of IIT"
    assert caption in words
    assert {"Measure", "Division", "Above its null", "p", "As estimated"} <= set(words)
    values = [value for one in record.whole.measures for value in (one.minimum, one.atomic)]
    assert len(rows) == len(values)
    first = words.index("SI, stochastic interaction")
    for at, (value, row) in enumerate(zip(values, rows, strict=True)):
        assert (float(row["value"]), float(row["p"])) == (value.value, value.null.p)
        assert float(row["above_null"]) == pytest.approx(value.excess, abs=1e-12)
        assert (float(row["low"]), float(row["high"])) == (value.interval.low, value.interval.high)
        shown = [cell.replace("−", "-") for cell in words[first + 6 * at : first + 6 * at + 6]]
        assert [float(shown[2]), float(shown[4]), float(shown[5])] == pytest.approx(
            [value.excess, value.null.p, value.value], rel=5e-3
        )
        assert shown[3].endswith("(95 %)" + " *" * bool(value.outside))
    assert {"redundancy", "synergy", "transfer", "Unit", "nats", caption} <= set(words_of(drawn))
    found = rows_of(pairs)
    assert len(found) == 3 * 12 * 11 // 2
    for row in found:
        matrix = record.whole.pairs.matrix(row["number"], excess=True)
        above = float(row["value"]) - float(row["null_mean"])
        assert above == pytest.approx(matrix[int(row["first"])][int(row["second"])], abs=1e-15)
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    # Each matrix is 140 wide, the first one 44 from the left and 30 from the top, the next ones 252 further on; four pixels a unit.
    middles = (np.arange(12) + 0.5) * 140 / 12
    for place, one in enumerate(record.whole.pairs.numbers):
        cells = pixels[np.ix_((4 * (30 + middles)).astype(int), (4 * (44 + 252 * place + middles)).astype(int))]
        matrix = np.array(record.whole.pairs.matrix(one.name, excess=True))
        assert (cells[np.eye(12, dtype=bool)] == 255).all()
        most = np.abs(matrix).max()
        assert (cells[..., 0] > cells[..., 2])[matrix > 0.2 * most].all()
        assert (cells[..., 2] > cells[..., 0])[matrix < -0.2 * most].all()


def test_the_three_curves_of_a_survey_by_iit_4_are_saved(chromium: Browser, tmp_path: Path) -> None:
    """Each with the name of its number at the axis, and its points where the values are."""
    units = Units(indices=(0, 1, 2), width=8, selection="given")
    values = {"share": (0.25, 0.5, 0.125), "curve": (0.02, 0.01, 0.04), "signed": (-0.02, 0.01, -0.005)}
    for epoch, (share, phi, signed) in enumerate(zip(*values.values(), strict=True)):
        group = SurveyGroup(units=units, states=((1, 0, 0),), visits=(8,), phis=(phi,), signed=(signed,))
        survey = Survey(phi=phi, groups=(group,), interval_words="interval not computed", share=share, signed=signed)
        record = make_record("memory", epoch, n=3)
        write_record(tmp_path / "run", replace(record, formalism="iit4-2023", null=None, survey=survey))
    with viewer(tmp_path / "run") as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".value", state="attached")
        page.page.get_by_role("button", name="Share", exact=True).click()
        drawn = {name: saved(page.page, page.page, name, "svg", tmp_path) for name in values}
        page.check()
    titles = {"share": "Share of the visits with φ_s > 0", "curve": "φ_s (ibits)", "signed": "Mean signed φ_s (ibits)"}
    for name, wanted in values.items():
        words = words_of(drawn[name])
        assert titles[name] in words
        assert "Epoch" in words
        root = ET.fromstring(drawn[name].read_text("utf-8"))
        heights = [float(dot.get("cy", "nan")) for dot in root.iter(f"{SVG}circle")]
        # A text that ends at a tick stands three below it.
        ticks = [
            (float(one.text.replace("−", "-")), float(one.get("y", "nan")) - 3)
            for one in root.iter(f"{SVG}text")
            if one.get("text-anchor") == "end" and one.text
        ]
        slope, zero = np.polyfit(*zip(*ticks, strict=True), 1)
        assert heights == pytest.approx([zero + slope * value for value in wanted], abs=0.6), name


def test_what_few_records_have_can_be_saved_too(chromium: Browser, tmp_path: Path) -> None:
    """Distinctions, relations and specified states of IIT 4.0; Φ against transitions; analyses within epochs."""
    run = make_zoo(tmp_path / "zoo", ("iit4",)) / "iit4"
    record = written_record(run, "net.gru", 1)
    assert record.structure is not None
    points = tuple(CurvePoint(transitions=t, subsamples=5, mean=m, low=m / 3, high=m * 1.1) for t, m in ((100, 0.9), (200, 0.7)))
    write_record(tmp_path / "plain", replace(make_record("memory", 0), curve=points))
    inside = replace(make_record("memory", 0), step=7, global_step=7)
    write_file(tmp_path / "plain" / "iit" / "memory" / "epoch=0000-step=000007.json", encode(inside))
    with viewer(run) as address, watched(chromium) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_role("button", name="Share", exact=True).click()
        rows = rows_of(saved(page.page, page.page, "distinctions", "csv", tmp_path))
        assert [float(row["phi"]) for row in rows] == [one.phi for one in record.structure.distinctions]
        assert [row["cause_state"] for row in rows] == ["".join(map(str, one.cause.state)) for one in record.structure.distinctions]
        assert "φ_d (ibits)" in words_of(saved(page.page, page.page, "distinctions", "svg", tmp_path))
        if record.structure.relations:
            assert "φ_r in ibits" in words_of(saved(page.page, page.page, "relations", "svg", tmp_path))
        if isinstance(record.result, SystemPhi):
            words = words_of(saved(page.page, page.page, "states", "svg", tmp_path))
            assert "".join(map(str, record.result.cause.state)) in words
        page.check()
    with viewer(tmp_path / "plain") as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".value[data-phi]")
        page.page.get_by_role("button", name="Share", exact=True).click()
        rows = rows_of(saved(page.page, page.page, "transitions", "csv", tmp_path))
        assert [(int(row["transitions"]), float(row["low"])) for row in rows] == [(one.transitions, one.low) for one in points]
        words = words_of(saved(page.page, page.page, "transitions", "svg", tmp_path))
        assert {"Transitions", "Φ (earth mover's distance)"} <= set(words)
        assert "7" in words_of(saved(page.page, page.page, "steps", "svg", tmp_path))
        assert "7" in [row["step"] for row in rows_of(saved(page.page, page.page, "curve", "csv", tmp_path))]
        page.check()
