"""The studio's page in a real browser: a training from the form to the report, and how the page looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from mlflow import MlflowClient
from studio_process import TOKEN, Studio, end_all, quiet_studio, studio_process
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from viewer_examination import go_to
from viewer_fits import SCATTERED, SIDEWAYS, axe_findings, settled
from viewer_pages import watched
from viewer_surveys import write_surveyed
from viewer_zoo import LOADED

from lightning_iit import load_run
from lightning_iit.records.steering.folder import answers_in
from lightning_iit.studio.records import Outcome, studio_folder, write_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from lightning_iit.records import EpochRecord

pytestmark = pytest.mark.browser
STATE = "window.lightningIIT?.state()"


def answered(page: Page, verb: str) -> dict[str, object]:
    """The answer to the only command of a verb, once it has come into the page."""
    find = f"(verb) => {STATE}.training?.told.find((one) => one.words.split(' ')[0] === verb && one.outcome)"
    return dict(page.wait_for_function(find, arg=verb, timeout=180_000).json_value())


@pytest.mark.filterwarnings("ignore:.*noload.*")  # MLflow's own use of SQLAlchemy, where its store is read
def test_a_gru_is_trained_from_the_form_and_steered(chromium: Browser, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    run = root / "gru-digits-1"
    try:
        with studio_process(root) as studio, watched(chromium) as page:
            page.page.set_default_timeout(180_000)  # other processes may have the machine
            page.page.goto(f"{studio.address}?token={studio.token}")
            start(page.page)
            page.page.get_by_role("link", name="gru-digits-1").click()
            steered(page.page)
            page.page.get_by_role("link", name="Studio").click()
            ended(page.page, studio, run)
            page.check()
    finally:
        end_all(root)
    records = load_run(run)
    complete(root, run, records)
    report = (run / "iit" / "report.md").read_text()
    assert report.index("`pause`") < report.index("`analyse ") < report.index("`epochs 5`") < report.index("`stop`")
    assert [one.command.verb for one in answers_in(run)] == ["pause", "analyse", "epochs", "resume", "stop"]
    assert [record.step is not None for record in records].count(True) == 1
    assert {record.provenance.options.cuts for record in records} == {"one"}


def complete(root: Path, run: Path, records: Sequence[EpochRecord]) -> None:
    """Sees that checkpoint, TensorBoard and MLflow have all of a training that was ended from the page."""
    epochs = {record.epoch: record for record in records if record.step is None}
    last = max(epochs)
    (checkpoint,) = run.rglob("*.ckpt")
    kept = torch.load(checkpoint, weights_only=False)
    assert kept["epoch"] == last
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("lightning-iit studio")
    (stored,) = client.search_runs([experiment.experiment_id])
    assert (stored.info.run_name, stored.info.status) == (run.name, "FINISHED")
    (layer,) = {record.layer for record in records}
    phi = {record.global_step: pytest.approx(record.survey.phi, rel=1e-6) for record in epochs.values()}
    for name, wanted in ((f"iit/phi/{layer}", phi), ("loss", {}), ("accuracy", {})):
        in_events = {event.step: event.value for event in events.Scalars(name)}
        in_store = {point.step: point.value for point in client.get_metric_history(stored.info.run_id, name)}
        assert in_store == pytest.approx(in_events, rel=1e-6)
        assert in_events == wanted or (not wanted and len(in_events) == last + 1), (name, in_events)
    files = {path.relative_to(run).as_posix() for path in (run / "iit" / layer).glob("epoch=*.json")}
    artifacts = {file.path for file in client.list_artifacts(stored.info.run_id, f"iit/{layer}")}
    assert len(files) == len(records)
    assert files <= artifacts
    assert {"iit/report.md"} <= {file.path for file in client.list_artifacts(stored.info.run_id, "iit")}


def start(page: Page) -> None:
    """Fills in the form, and sees epoch and loss come in without loading the page again."""
    form = page.locator("form.start")
    form.get_by_label("Network", exact=True).select_option("GRU")
    form.locator("[data-field=width]").fill("8")
    form.locator("[data-field=depth]").fill("3")
    form.get_by_label("Task", exact=True).select_option("Digits")
    form.locator("[data-field=batch_size]").fill("1")  # so that an epoch lasts some seconds
    form.locator("#epochs").fill("3")
    form.locator("#mlflow").fill("mlflow")
    form.get_by_text("options of IITCallback").click()
    form.locator("[data-field=units]").fill("3")
    form.locator("[data-field=groups]").fill("2")
    form.locator("[data-field=cuts]").select_option("one")
    page.evaluate("() => { window.__marker = 'still here'; }")
    form.get_by_role("button", name="Start", exact=True).click()
    form.get_by_text("In the queue: gru-digits-1.").wait_for()
    card = page.locator("[data-job=gru-digits-1]")
    card.locator("[data-fact=loss]").wait_for(timeout=180_000)
    assert card.locator(".phase").inner_text() == "Running"
    assert card.locator(".made").inner_text().startswith("Epoch 0 (1 of 3)")
    card.get_by_role("link", name="gru-digits-1").wait_for(timeout=180_000)
    assert page.evaluate("() => window.__marker") == "still here"
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("() => scrollTo(0, 0)")
    box = card.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 844, "on a telephone what runs is seen without scrolling"
    assert page.locator("#epochs").bounding_box()["y"] > box["y"] + box["height"]
    page.set_viewport_size(size)
    assert form.bounding_box()["y"] < 100, "in a wide window the form stands beside the list"
    assert card.bounding_box()["x"] > 400


def steered(page: Page) -> None:
    """Pauses, asks for an analysis, sets the epochs, goes on, and has it stop after the epoch."""
    panel = page.locator(".control")
    panel.get_by_role("button", name="Pause").click(timeout=180_000)
    paused = answered(page, "pause")
    page.wait_for_function(f"() => {STATE}.training.phase === 'paused' && {STATE}.training.status.waiting === 0", timeout=180_000)
    at = page.evaluate(f"() => {STATE}.training.status.step")
    untrained = f"() => typeof {STATE}.a.whole.index.rows[0].phi_layer === 'number'"
    page.wait_for_function(untrained, timeout=180_000)  # its record may come a moment after it is counted as no longer open
    panel.locator("summary", has_text="Ask it").click()
    panel.get_by_role("button", name="Analyse", exact=True).click()
    assert answered(page, "analyse")["outcome"] == "done"
    row = f"(step) => {STATE}.a.whole.index.steps.find((row) => row.step === step && row.status === 'computed')"
    page.wait_for_function(row, arg=paused["step"], timeout=180_000)
    panel.locator("summary", has_text="Stop").click()
    panel.get_by_label("Number of epochs").fill("5")
    panel.get_by_role("button", name="Set").click()
    assert "has 5 epochs now, not 3" in answered(page, "epochs")["answer"]
    assert page.evaluate(f"() => {STATE}.training.status.step") == at == paused["step"]
    panel.get_by_role("button", name="Resume").click()
    answered(page, "resume")
    panel.locator("summary", has_text="Stop").click()
    panel.get_by_role("button", name="Stop after this epoch").click()
    assert answered(page, "stop")["outcome"] == "done"
    page.wait_for_function(f"() => {STATE}.training.phase === 'ended'", timeout=180_000)
    last = page.evaluate(f"() => {STATE}.training.status")
    assert panel.locator(".phase").inner_text() == "Done"
    assert panel.locator(".made").inner_text() == f"{last['epoch']} of 5 epochs"
    assert panel.locator("[data-fact=step] b").inner_text() == f"{last['step']:,}"
    assert page.locator(".top .live").inner_text() == "ended"


def ended(page: Page, studio: Studio, run: Path) -> None:
    """Sees in the list how it ended, and fills in the form with its values."""
    card = page.locator("[data-job=gru-digits-1]")
    card.locator(".phase", has_text="Done").wait_for(timeout=180_000)
    job = studio.jobs()["gru-digits-1"]
    (course,) = job["courses"]
    last = max(record.global_step for record in load_run(run))
    assert card.locator(".made").inner_text() == f"{job['epoch'] + 1} of 5 epochs · step {last:,}"
    assert card.locator(".course b").inner_text() == f"{course['phis'][-1]:.4f}"
    assert card.locator("[data-fact=accuracy]").inner_text().endswith("%")
    card.get_by_role("button", name="Start again").click()
    form = page.locator("form.start")
    form.get_by_text("As gru-digits-1:").wait_for()
    filled = {
        name: form.locator(f"[data-field={name}]").input_value() for name in ("width", "depth", "batch_size", "units", "cuts")
    }
    assert form.locator("#mlflow").input_value() == "mlflow"
    assert filled == {"width": "8", "depth": "3", "batch_size": "1", "units": "3", "cuts": "one"}


LONG = "an_argument_with_a_name_that_has_no_place_to_break_at_all_" * 3


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A folder with a training that waits, one that has ended, and one that has failed with many words."""
    asked = {"network": {"name": "GRU"}, "task": {"name": "Digits"}, "epochs": 3, "seeds": [1, 2, 3]}
    with quiet_studio(tmp_path / "runs") as studio:
        studio.post("start", asked)
        ended, failed = (tmp_path / "runs" / f"gru-digits-{number}" for number in (1, 2))
    write_surveyed(ended)
    write_outcome(ended, Outcome(state="done"))
    (studio_folder(failed) / "output.txt").write_text(f"Traceback ...\n{LONG}\n" * 30)
    write_outcome(failed, Outcome(state="failed", reason=f"ValueError: {LONG}"))
    return tmp_path / "runs"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_and_can_be_used_by_all(chromium: Browser, listed: Path, theme: str) -> None:
    with quiet_studio(listed, allowed=("studio_own",)) as studio, watched(chromium, theme=theme) as page:
        page.page.goto(f"{studio.address}?token={TOKEN}")
        assert "token" not in page.page.url
        page.page.locator("li.job").nth(2).wait_for()
        for summary in page.page.locator("details > summary").all():
            summary.click()
        page.page.locator(".files pre").nth(5).wait_for()
        for width, height in ((390, 844), (768, 1024), (901, 700), (1280, 720), (1920, 1080)):
            page.page.set_viewport_size({"width": width, "height": height})
            assert page.page.evaluate(SIDEWAYS) == []
            if width > 900:  # the list stays in sight, however far down the form is read
                page.page.evaluate("() => scrollTo(0, 0)")
                page.page.locator("form.start [data-field]").last.scroll_into_view_if_needed()
                assert page.page.get_by_role("heading", name="Trainings").bounding_box()["y"] > 0
        assert axe_findings(page.page) == []
        page.check()


def test_what_is_wrong_is_said_in_the_form(chromium: Browser, listed: Path) -> None:
    with quiet_studio(listed, allowed=("studio_own",)) as studio, watched(chromium) as page:
        page.page.goto(f"{studio.address}?token={TOKEN}")
        form, said = page.page.locator("form.start"), page.page.locator("form.start .go .said")
        form.locator("#seeds").fill("1, 1")
        form.get_by_role("button", name="Start", exact=True).click()
        assert "different whole numbers" in said.inner_text()
        form.locator("#seeds").fill("4-5")
        form.get_by_label("Network", exact=True).select_option("own")
        assert form.get_by_label("Class of the network").get_attribute("placeholder") == "studio_own:Class"
        form.get_by_text("A class of the module studio_own, or of a module in it").first.wait_for()
        form.get_by_label("Class of the network").fill("studio_own:NoModule")
        form.get_by_role("button", name="Show its arguments").click()
        form.get_by_text("is no LightningModule").wait_for()
        asked: list[str | None] = []
        page.page.on("request", lambda request: asked.append(request.post_data) if request.url.endswith("/own") else None)
        form.get_by_label("Class of the network").fill("studio_own:Slow")
        form.get_by_role("button", name="Show its arguments").click()
        form.locator("[data-field=pause]").fill("0.5")
        form.locator("[data-field=fails]").check()
        form.get_by_role("button", name="Show its arguments").click()
        page.page.wait_for_load_state("networkidle")
        assert len(asked) == 1, asked  # a second answer would empty the form
        form.get_by_role("button", name="Start", exact=True).click()
        page.page.locator("[data-job=slow-digits-2]").wait_for()
        assert studio.jobs()["slow-digits-2"]["asked"]["network"] == {
            "name": "studio_own:Slow",
            "values": {"pause": 0.5, "fails": True},
        }
        form.get_by_label("Task", exact=True).select_option("own")
        form.get_by_label("Class of the task").fill("studio_own:Noise")
        form.get_by_role("button", name="Show its arguments").last.click()
        form.locator("[data-field=many]").fill("48")
        form.get_by_role("button", name="Start", exact=True).click()
        page.page.locator("[data-job=slow-noise-1]").wait_for()
        assert studio.jobs()["slow-noise-1"]["asked"]["task"] == {"name": "studio_own:Noise", "values": {"many": 48}}
        page.page.get_by_role("button", name="Stop slow-digits-2").click()
        page.page.locator("[data-job=slow-digits-2] .phase", has_text="Stopped").wait_for()


def test_without_a_token_the_page_shows_and_starts_nothing(chromium: Browser, listed: Path) -> None:
    with quiet_studio(listed) as studio, watched(chromium) as page:
        page.page.goto(studio.address)
        page.page.locator("li.job").nth(2).wait_for()
        assert "open the address that the studio has printed" in page.page.locator("form.start .go").inner_text()
        assert page.page.get_by_role("button", name="Start", exact=True).is_disabled()
        assert page.page.get_by_role("button", name="Stop gru-digits-3").is_disabled()
        page.check()


def test_the_address_of_the_page_of_a_run_brings_back_what_was_seen(chromium: Browser, listed: Path) -> None:
    """After a reload and on the way back, below the address of the studio, and without the token."""
    shown = "(epoch) => window.lightningIIT?.state().a?.record?.epoch === epoch && location.hash.includes(`epoch=${epoch}`)"
    with quiet_studio(listed) as studio, watched(chromium) as page:
        page.page.goto(f"{studio.address}view/?token={TOKEN}#run=gru-digits-1")
        page.page.wait_for_function(LOADED)
        go_to(page.page, 1)
        page.page.wait_for_function(shown, arg=1)
        seen = page.page.url
        assert seen.startswith(f"{studio.address}view/#")
        assert "run=gru-digits-1" in seen
        page.page.reload()
        page.page.wait_for_function(shown, arg=1)
        page.page.wait_for_timeout(600)  # what changes together is one entry of the history
        go_to(page.page, 3)
        page.page.wait_for_function(shown, arg=3)
        page.page.go_back()
        page.page.wait_for_function(shown, arg=1)
        assert page.page.url == seen
        page.page.get_by_role("link", name="Studio").click()
        page.page.locator("li.job").nth(2).wait_for()
        page.page.go_back()
        page.page.wait_for_function(shown, arg=1)
        page.check()


def test_the_page_of_a_run_has_its_bar_in_one_line_on_a_telephone(chromium: Browser, listed: Path) -> None:
    """With the way back to the studio too; nothing of it scrolls sideways."""
    with quiet_studio(listed) as studio, watched(chromium, width=390, height=844) as page:
        page.page.goto(f"{studio.address}view/?token={TOKEN}#run=gru-digits-1")
        page.page.wait_for_function(LOADED)
        assert page.page.get_by_role("link", name="Studio").is_visible()
        for width in (360, 390):
            page.page.set_viewport_size({"width": width, "height": 844})
            settled(page.page)
            assert not page.page.evaluate(SCATTERED), width
            assert page.page.evaluate(SIDEWAYS) == []
        page.check()
