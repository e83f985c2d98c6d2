"""The survey of a layer in the page, in TensorBoard's tab and in a file: its curve, the answer, its groups."""

from __future__ import annotations

import http.client
import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
from places import PROJECT
from viewer_examination import CHART_PIXELS, go_to, has_dash, unfold, written_record
from viewer_pages import tensorboard, viewer, watched
from viewer_room import CONTRAST, LEAST_CONTRAST, check_room
from viewer_runs import make_record, make_snapshots, write_file, write_record
from viewer_surveys import (
    DRAWS,
    EPOCHS,
    GROUPS,
    LAYER,
    RESAMPLES,
    SEQUENCES,
    WITH_INTERVAL,
    surveyed,
    with_whole_layer,
    write_surveyed,
)

from lightning_iit.comparison.change import changes
from lightning_iit.records import Open, Survey, decode_network, encode
from lightning_iit.run.folder import RunFolder
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.answers import answers
from lightning_iit.viewer.export import export
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.mlflow_source import MLflowSource

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LAST = EPOCHS - 1
INK = bytes.fromhex("e69f00")
PIXELS = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"

THICKNESS = """(places) => {
  const canvas = document.querySelector('.chart canvas'), box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
  return places.map(([epoch, value]) => {
    const at = window.lightningIIT.chartPlace(epoch, value);
    const x = Math.round((at.x - box.left) * scale), y = Math.round((at.y - box.top) * scale);
    const column = canvas.getContext('2d').getImageData(x, y - 4, 1, 9).data;
    return column.reduce((sum, part, place) => (place % 4 === 3 ? sum + part / 255 : sum), 0);
  });
}"""
"""How much ink lies above and below each place of the chart, in pixels."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as files and in an event file."""
    from torch.utils.tensorboard import SummaryWriter

    folder = write_surveyed(tmp_path_factory.mktemp("surveyed") / "logs" / "version_0")
    writer = SummaryWriter(str(folder))
    tracker = TensorBoardTracker(writer)
    for epoch in range(-1, EPOCHS):
        tracker.log(surveyed(epoch), {})
    for _, data in make_snapshots(EPOCHS):
        tracker.log_network(decode_network(data))
    writer.close()
    return folder


def answer() -> str:
    """The sentence about the layer of the run."""
    words = changes([surveyed(-1), surveyed(LAST)])[LAYER].words
    assert words.startswith("Φ of the layer rose from 0.")
    return words


def test_the_rows_of_the_index_hold_what_the_curve_shows(run: Path) -> None:
    rows = LogDirSource(run).index(".").rows
    assert [row.epoch for row in rows] == [*range(-1, EPOCHS)]
    for row in rows:
        record = surveyed(row.epoch)
        assert (row.phi_layer, row.low, row.high) == (record.survey.phi, record.survey.low, record.survey.high)
        assert (row.low is not None) == (row.epoch in WITH_INTERVAL)
        assert row.groups == GROUPS - 1
        assert row.state == "".join(map(str, record.states[0].state))
        assert row.phi == record.phi


def test_the_answer_is_that_of_the_first_and_the_last_survey(tmp_path: Path) -> None:
    """Whatever lies between them; a layer or run without surveys has none, and what cannot be read is no fault of the page."""
    source = LogDirSource(write_surveyed(tmp_path / "run"))
    for epoch in range(3):
        write_record(tmp_path / "run", make_record("hidden", epoch))
    (found,) = answers(source, ".").answers
    assert (found.layer, found.epoch, found.to, found.words) == (LAYER, -1, LAST, answer())
    first = tmp_path / "run" / "iit" / LAYER / "epoch=-001.json"
    first.unlink()
    (found,) = answers(LogDirSource(tmp_path / "run"), ".").answers
    assert (found.epoch, found.to) == (0, LAST)
    assert "at epoch 0 to" in found.words
    for epoch in range(1, EPOCHS):
        (tmp_path / "run" / "iit" / LAYER / f"epoch={epoch:04d}.json").unlink()
    assert answers(LogDirSource(tmp_path / "run"), ".").answers == ()
    with pytest.raises(LookupError):
        answers(source, "another")


@pytest.mark.filterwarnings("ignore:.*deprecated")  # inside MLflow
def test_every_source_gives_the_same_answer(run: Path, tmp_path: Path) -> None:
    """TensorBoard's plugin by a request, MLflow by its store, a file by what lies in it."""
    from mlflow import MlflowClient

    wanted = [{"layer": LAYER, "epoch": -1, "to": LAST, "formalism": "iit3", "words": answer()}]
    with viewer(run) as address:
        assert fetched(address, "/answers?run=.")["answers"] == wanted
    with tensorboard(run.parent) as address:
        assert fetched(address, "/data/plugin/iit/answers?run=version_0")["answers"] == wanted
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "artifacts").as_uri())
    uploaded = client.create_run(experiment, tags={f"iit.kind.{LAYER}": "causal"}).info.run_id
    client.log_artifacts(uploaded, str(run / "iit" / LAYER), f"iit/{LAYER}")
    assert [found.words for found in answers(MLflowSource(uri), uploaded).answers] == [answer()]
    text = export(str(run), tmp_path / "run.html").read_text(encoding="utf-8")
    inline = json.loads(text.partition('id="iit-data">')[2].partition("</script>")[0])
    assert inline["runs"][0]["answers"]["answers"] == wanted


def fetched(address: str, path: str) -> Any:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        return json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.browser
def test_the_page_shows_the_survey(chromium: Browser, run: Path) -> None:
    with viewer(run) as address, watched(chromium, width=1280, height=720) as page:
        page.page.goto(address)
        examine(page.ready(), run)
        check_curve(page.page)
        check_groups(page.page)
        page.check()


@pytest.mark.browser
def test_the_tab_of_tensorboard_shows_the_survey(chromium: Browser, run: Path) -> None:
    with tensorboard(run.parent) as address, watched(chromium, width=1440, height=900) as page:
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        page.ready(frame)
        examine(frame, run)
        check_groups(frame)
        page.check()


@pytest.mark.browser
def test_a_file_shows_the_survey(chromium: Browser, run: Path, tmp_path: Path) -> None:
    """The same file is the page that lies in an MLflow run."""
    path = export(str(run), tmp_path / "run.html")
    with watched(chromium) as page:
        page.page.goto(path.as_uri())
        examine(page.ready(), run)
        check_curve(page.page)
        check_groups(page.page)
        page.check()


def examine(frame: Any, run: Path) -> None:
    """The answer, Φ of the layer, and what stands beside it, at the newest epoch and at one with an interval."""
    record = written_record(run, LAYER, LAST)
    frame.wait_for_selector(".change")
    assert frame.locator(".change").inner_text() == answer()
    assert float(frame.locator(".value").get_attribute("data-phi")) == record.survey.phi
    of_layer, of_group = chips_of(frame, "layer"), chips_of(frame, "group")
    assert of_layer["kind"] == "causal"
    assert of_group["null"] == "none: units were set"
    assert of_group["set"] == f"{DRAWS:,} backgrounds from {SEQUENCES} sequences"
    assert of_layer["90 % interval"] == "not computed"
    phis = [group.phi for group in record.survey.groups if group.phi is not None]
    assert of_layer["mean Φ of single groups"] == f"{min(phis):.4f} – {max(phis):.4f}"
    state = "".join(map(str, record.states[0].state))
    assert of_group["Φ"] == f"{record.phi:.4f}"
    assert "transitions" not in of_group
    units = " ".join(map(str, record.units.indices))
    assert titles_of(frame) == [f"the layer {GROUPS - 1} of {GROUPS} groups", f"shown group {units} in {state}"]
    go_to(frame, 3)
    frame.wait_for_function("() => window.lightningIIT.state().a.record?.epoch === 3")
    found = written_record(run, LAYER, 3).survey
    assert chips_of(frame, "layer")["90 % interval"] == f"{found.low:.4f} – {found.high:.4f}"
    assert chips_of(frame, "group")["not reducible"] == f"in 98 % of {RESAMPLES} resamples"
    go_to(frame, LAST)
    frame.wait_for_function("(epoch) => window.lightningIIT.state().a.record?.epoch === epoch", arg=LAST)


def chips_of(frame: Any, what: str) -> dict[str, str]:
    """The chips of the layer, of the shown group, or of all where these are one."""
    unfold(frame)
    return dict(text.split("\n") for text in frame.locator(f".reading [data-of={what}] .chip").all_inner_texts())


def titles_of(frame: Any) -> list[str]:
    return [" ".join(text.split()) for text in frame.locator(".reading .chip-of").all_inner_texts()]


def ink_at(frame: Any, places: list[tuple[float, float]]) -> list[list[int]]:
    return list(frame.evaluate(CHART_PIXELS, places))


def is_line(pixel: list[int], *, within: int = 40) -> bool:
    return pixel[3] > 200 and max(abs(a - b) for a, b in zip(pixel, INK, strict=False)) < within


def check_curve(page: Page) -> None:
    """The line is Φ of the layer, with a band where two epochs have an interval; Φ of the shown group comes on demand."""
    records = {epoch: surveyed(epoch) for epoch in range(-1, EPOCHS)}
    assert page.locator(".curve h2").inner_text() == "Φ of the layer over epochs, IIT 3.0 (causal)"
    halfway = [(epoch + 0.5, (records[epoch].survey.phi + records[epoch + 1].survey.phi) / 2) for epoch in range(-1, LAST)]
    assert all(map(is_line, ink_at(page, halfway)))
    two, three = records[2].survey, records[3].survey
    below = (two.phi + three.phi + two.low + three.low) / 4
    (band,) = ink_at(page, [(2.5, below)])
    assert 20 < band[3] < 200
    (beside,) = ink_at(page, [(1.5, (records[1].survey.phi + two.phi) / 2 - 0.02)])
    assert not is_line(beside)
    untrained = records[-1].survey
    assert is_line(ink_at(page, [(-1, untrained.low)])[0], within=80)  # the end of its whisker, thin and on a line of the grid
    group = [(epoch + 0.5, (records[epoch].phi + records[epoch + 1].phi) / 2) for epoch in range(-1, LAST)]
    apart = [place for place, (_, phi) in zip(group, halfway, strict=True) if abs(place[1] - phi) > 0.05]
    assert len(apart) > 1
    changed = [
        after
        for before, after in itertools.pairwise(range(-1, EPOCHS))
        if records[before].states[0].state != records[after].states[0].state
    ]
    assert changed
    assert "its state changed" not in page.locator(".chart-legend").inner_text()
    page.locator(".curve label", has_text="shown group").click()
    page.wait_for_function("() => document.querySelector('.chart-legend').innerText.includes('its state changed')")
    assert all(pixel[3] > 80 for pixel in ink_at(page, apart))
    lone = [place for place in halfway if place[0] != 2.5]  # elsewhere the line lies on its band
    assert min(page.evaluate(THICKNESS, apart)) < 0.7 * min(page.evaluate(THICKNESS, lone))
    box = page.locator(".chart .u-over").bounding_box()
    place = page.evaluate("([epoch, phi]) => window.lightningIIT.chartPlace(epoch, phi)", [changed[0], records[changed[0]].phi])
    page.mouse.move(place["x"], box["y"] + 8)
    told = page.locator(".tip").inner_text()
    assert f"{records[changed[0]].survey.phi:.4f}" in told
    assert f"{records[changed[0]].phi:.4f}" in told
    assert "its state is another than before" in told
    page.mouse.move(3, 3)


@pytest.mark.browser
def test_a_null_of_the_shown_group_is_drawn_where_the_groups_phi_is(chromium: Browser, tmp_path: Path) -> None:
    """It is of that Φ and not of the layer's: without the group there is no mark of it, and no word."""
    shown = [surveyed(epoch) for epoch in (-1, 0, 1)]
    null = make_record(LAYER, 0, n=4).null
    assert null is not None
    upper = (shown[1].survey.phi + shown[1].phi) / 2  # between the two lines
    shown[1] = msgspec.structs.replace(shown[1], null=msgspec.structs.replace(null, upper=upper))
    for record in shown:
        write_record(tmp_path, record)
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".chart-legend .key")
        legend, beside = page.page.locator(".chart-legend"), page.page.locator(".curve label", has_text="shown group")

        assert "null" not in legend.inner_text()
        assert not has_dash(page.page, 0, upper)
        beside.click()
        legend.get_by_text("null of the shown group").wait_for()
        assert has_dash(page.page, 0, upper)
        beside.click()
        page.page.wait_for_function("() => !document.querySelector('.chart-legend').innerText.includes('null')")
        assert not has_dash(page.page, 0, upper)
        page.check()


def check_groups(frame: Any) -> None:
    """A dot for each group with a Φ; the states of the one that is chosen; all of them as a table."""
    record = surveyed(LAST)
    phis = {number: group.phi for number, group in enumerate(record.survey.groups) if group.phi is not None}
    frame.locator("#tab-groups").click()
    panel = frame.locator("#panel-groups")
    dots = panel.locator(".dot").evaluate_all(
        "(all) => all.map((dot) => [Number(dot.dataset.group), Number(dot.dataset.phi), dot.cx.baseVal.value,"
        " dot.classList.contains('first')])"
    )
    assert {number: phi for number, phi, *_ in dots} == pytest.approx(phis)
    assert [number for number, _, _, first in dots if first] == [0]
    (_, a, x0, _), (_, b, x1, _), (_, c, x2, _) = sorted(dots, key=lambda dot: dot[1])[:3]
    assert (x1 - x0) / (x2 - x1) == pytest.approx((b - a) / (c - b))
    assert "mean over 7 groups" in panel.inner_text()
    assert "1 more has no Φ" in panel.inner_text()
    title = panel.locator(".group-states h3")
    assert "shown in detail" in title.inner_text()
    panel.locator(".dot[data-group='2']").click()
    group = record.survey.groups[2]
    assert (
        title.inner_text() == f"Units {' '.join(map(str, group.units.indices))} · mean Φ {group.phi:.4f} over 2 of 3 visited states"
    )
    states = [row.locator("td").all_inner_texts() for row in panel.locator(".group-states tbody tr").all()]
    assert states == [
        ["0000", "5,184", "60 %", f"{group.phis[0]:.4f}"],
        ["1001", "2,592", "30 %", f"{group.phis[1]:.4f}"],
        ["1100", "864", "10 %", "–"],
    ]
    panel.locator("summary").click()
    rows = [row.locator("td").all_inner_texts() for row in panel.locator("details tbody tr").all()]
    assert len(rows) == GROUPS
    assert [text for text, *_ in rows if "shown in detail" in text] == [rows[0][0]]
    assert rows[2][1:] == [
        f"{group.phi:.4f}",
        f"0000: 5,184 × {group.phis[0]:.4f}, 1001: 2,592 × {group.phis[1]:.4f}, 1100: 864 × –",
    ]
    assert rows[-1][1:] == ["–", "No state leads to any of its states."]
    panel.locator("summary").click()
    frame.locator("#tab-causal").click()


@pytest.mark.browser
def test_a_survey_is_waited_for_and_those_within_epochs_are_in_the_table(chromium: Browser, tmp_path: Path) -> None:
    """An open record has groups without Φ: nothing is said of them but that they are waited for."""
    inside = msgspec.structs.replace(surveyed(1), step=30, global_step=30)
    write_file(tmp_path / "iit" / LAYER / "epoch=0001-step=000030.json", encode(inside))
    whole = surveyed(1)
    groups = tuple(msgspec.structs.replace(group, phis=()) for group in whole.survey.groups)
    waiting = msgspec.structs.replace(whole, result=Open(), states=(), survey=Survey(groups=groups))
    training = RunFolder(tmp_path)
    training.begin()
    write_record(tmp_path, waiting)
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".reason.waiting")
        assert not [name for name in chips_of(page.page, "all") if "group" in name or "interval" in name]
        assert titles_of(page.page) == []
        page.page.locator("#tab-groups").click()
        assert page.page.locator("#panel-groups .groups").inner_text().endswith("Waiting for Φ.")
        page.page.locator(".steps summary").click()
        cells = page.page.locator(".steps tbody td").all_inner_texts()
        assert cells[:3] == ["30", "1", f"{whole.survey.phi:.4f}"]
        write_record(tmp_path, whole)
        page.page.wait_for_selector("#panel-groups .dot")
        page.check()
    training.end()


@pytest.mark.browser
def test_measures_of_the_whole_layer_have_a_card_where_a_record_has_them(chromium: Browser, tmp_path: Path) -> None:
    """What is above the null comes first, with its interval; the pairs are a picture whose colours are those of their values."""
    record = with_whole_layer(0)
    write_record(tmp_path, surveyed(-1))
    write_record(tmp_path, record)
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.locator("#tab-whole").click()
        card = page.page.locator("#panel-whole")
        words = card.inner_text()
        measured = "N = 12 of 32 units (measured: 0 to 11; 20 left out: it never varies); 599 pairs of a past and a present"
        assert f"{measured} in 1 sequence, worth" in words
        assert any(one.minimum.outside for one in record.whole.measures)
        assert "* A value may lie outside of its own interval: the ends are twice the value less the quantiles" in words
        assert "statistical – activity as it was watched, in nats: no perturbation, no causes" in words
        names = card.locator(".whole-name").all_inner_texts()
        rows = [row.locator("td").all_inner_texts() for row in card.locator("tbody tr:not(.whole-name)").all()]
        for one, name, (least, every) in zip(record.whole.measures, names, (rows[:2], rows[2:]), strict=True):
            small = ", ".join(map(str, min(one.partition, key=len)))
            assert f"{small} against the other" in name
            assert "Null: 19 surrogates (parts shifted against each other), division held." in name
            for value, cells in ((one.minimum, least), (one.atomic, every)):
                above, interval = cells[1].split("\n")
                assert interval.endswith(" *") == bool(value.outside)
                assert float(above.replace("−", "-")) == pytest.approx(value.excess, rel=5e-3)
                ends = [float(end.replace("−", "-")) for end in interval.removeprefix("95 %: ").removesuffix(" *").split(" to ")]
                shifted = [value.interval.low - value.null.mean, value.interval.high - value.null.mean]
                assert ends == pytest.approx(shifted, rel=5e-3)
                assert float(cells[2]) == pytest.approx(value.null.p, rel=5e-3)
                assert float(cells[3]) == pytest.approx(value.value, rel=5e-3)
        for numbers in record.whole.pairs.numbers:
            matrix = np.array(record.whole.pairs.matrix(numbers.name, excess=True))
            shown = np.array(card.locator(f"canvas[data-name={numbers.name}]").evaluate(PIXELS)).reshape(12, 12, 4)
            assert (np.diag(shown[:, :, 3]) == 0).all(), "a unit is no pair with itself"
            red, blue = shown[:, :, 0], shown[:, :, 2]
            above = matrix > 0.2 * np.abs(matrix).max()
            below = matrix < -0.2 * np.abs(matrix).max()
            assert (red[above] > blue[above]).all()
            assert (blue[below] > red[below]).all()
        go_to(page.page, -1)
        page.page.wait_for_function("() => !document.querySelector('.whole-layer.there')")
        assert "No measure of all units was asked for" in card.inner_text()
        page.page.locator("#tab-causal").click()
        assert not page.page.locator("#tab-whole").is_visible()
        page.check()


@pytest.mark.browser
def test_a_survey_that_was_not_finished_shows_its_groups_and_says_that_there_is_no_mean(chromium: Browser, tmp_path: Path) -> None:
    whole = surveyed(1)
    groups = (*whole.survey.groups[:3], *(msgspec.structs.replace(group, phis=()) for group in whole.survey.groups[3:]))
    words = f"Of {GROUPS} groups of units 3 were analysed before the time was over, so there is no mean over all."
    write_record(tmp_path, msgspec.structs.replace(whole, survey=Survey(groups=groups, interval_words=words)))
    with viewer(tmp_path) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.locator("#tab-groups").click()
        page.page.wait_for_selector("#panel-groups .dot")
        assert page.page.locator("#panel-groups .dot").count() == 3
        assert page.page.locator("#panel-groups .tpm-words").inner_text() == words
        page.check()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_a_survey_has_room(chromium: Browser, run: Path, width: int, height: int) -> None:
    with viewer(run) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.ready()
        page.page.wait_for_selector(".change")
        go_to(page.page, 3)
        page.page.wait_for_selector(".chip:has-text('not reducible')")
        check_room(page.page, width, height)
        assert page.page.locator(".chart").bounding_box()["height"] > 60
        if width < 1640:
            page.page.locator("#tab-groups").click()
        assert page.page.locator("#panel-groups .dot").first.is_visible()
        check_room(page.page, width, height)
        page.check()


@pytest.mark.browser
def test_a_telephone_shows_all_of_it_without_moving_sideways(chromium: Browser, run: Path) -> None:
    with viewer(run) as address, watched(chromium, width=400, height=800) as page:
        page.page.goto(address)
        page.ready()
        page.page.wait_for_selector(".change")
        for tab in ("causal", "tpm", "groups"):
            page.page.locator(f"#tab-{tab}").click()
            assert page.page.evaluate("() => document.documentElement.scrollWidth") <= 400
        assert page.page.locator(".chart").bounding_box()["height"] > 100
        page.check()


@pytest.mark.browser
def test_the_text_of_a_survey_stands_out_from_its_ground(chromium: Browser, run: Path) -> None:
    with viewer(run) as address, watched(chromium, width=1920, height=1080) as page:
        page.page.emulate_media(reduced_motion="reduce")
        page.page.goto(address)
        page.ready()
        page.page.wait_for_selector(".change")
        page.page.locator("#panel-groups summary").click()
        for theme in ("dark", "light"):
            faint = [(text, ratio) for text, ratio in page.page.evaluate(CONTRAST) if ratio < LEAST_CONTRAST]
            assert not faint, (theme, faint)
            page.page.keyboard.press("t")


@pytest.mark.browser
def test_a_run_of_version_0_1_0_is_shown_as_before(chromium: Browser, tmp_path: Path) -> None:
    """It has no survey: no answer, no groups, and the line is Φ of its one group."""
    shutil.copytree(PROJECT / "tests" / "data" / "run-0.1.0", tmp_path / "run")
    with viewer(tmp_path / "run") as address, watched(chromium, width=1920, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".value[data-phi]")
        kind = page.page.evaluate("() => window.lightningIIT.state().a.record.kind")
        assert page.page.locator(".curve h2").inner_text() == f"Φ over epochs, IIT 3.0 ({kind})"
        assert page.page.locator(".change").count() == 0
        assert not page.page.locator(".curve label", has_text="shown group").is_visible()
        assert not page.page.locator("#panel-groups").is_visible()
        assert fetched(address, "/answers?run=.")["answers"] == []
        page.check()
