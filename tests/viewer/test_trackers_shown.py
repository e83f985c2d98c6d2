"""TensorBoard's and MLflow's own pages, at Chromium's default size, show the pictures of a training."""

from __future__ import annotations

import io
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from event_files import read_events
from lightning.pytorch import seed_everything
from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger
from models import Gru, sequence_data
from PIL import Image
from servers import fetch, mlflow_server, tensorboard_server
from tracker_cards import MLFLOW, TENSORBOARD
from training import trainer
from viewer_pages import watched

from lightning_iit import IITCallback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
LAYER = "net.gru"
PICTURES = ("mip", "tpm")
PARAMS = 47
BLUR, BANDS = 4, 6
NOTCH = 300
MOST_NOTCHES = 200


CARD = "[data-testid=experiment-view-compare-runs-card], card-view"
"""What holds a picture in the charts of MLflow and in TensorBoard's tab of all kinds of data."""
WIDTHS = {"images": TENSORBOARD, "timeseries": 260, "model-metrics": MLFLOW}
"""Pixels from left to right, at least, of a picture in each tab."""


class Logged(NamedTuple):
    """Where a training was logged."""

    folder: Path
    mlflow: str
    full: str
    """A run in MLflow with the same picture, and with all options among its params."""
    tensorboard: str

    def picture(self, name: str, epoch: int) -> Image.Image:
        """The small picture that the callback wrote beside its records."""
        with Image.open(self.folder / "tb" / "iit" / LAYER / f"epoch={epoch:04d}.{name}_small.png") as image:
            return image.convert("RGB")

    def nearest(self, shown: Image.Image) -> tuple[str, int]:
        """Of which picture and epoch a copy is that was made smaller and compressed."""

        def distance(written: tuple[str, int]) -> float:
            small = self.picture(*written).resize(shown.size)
            return float(np.abs(np.asarray(shown, float) - np.asarray(small, float)).mean())

        return min(product(PICTURES, (-1, 0)), key=distance)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """One epoch and the untrained network, in an event file and in an MLflow server."""
    folder = tmp_path_factory.mktemp("logged")
    with mlflow_server(folder / "server") as server:
        mlflow = MLFlowLogger("experiment", tracking_uri=server.url)
        callback = IITCallback(LAYER, units=3, groups=1, states=1, null_model=None, table=False)
        seed_everything(4, verbose=False)
        loggers = [TensorBoardLogger(folder, name="", version="tb"), mlflow]
        trainer(folder, callback, epochs=1, logger=loggers).fit(Gru(), sequence_data(64))
        full = full_of_params(mlflow, folder / "tb" / "iit" / LAYER / "epoch=-001.mip_small.png")
        where = f"{server.url}/#/experiments/{mlflow.experiment_id}/runs"
        with tensorboard_server(folder / "tb") as tensorboard:
            yield Logged(folder, f"{where}/{mlflow.run_id}", f"{where}/{full}", tensorboard)


def full_of_params(mlflow: MLFlowLogger, picture: Path) -> str:
    """A run with a picture and so many params that MLflow, which writes them above it, pushes the picture out of its card."""
    client = mlflow.experiment
    run = client.create_run(mlflow.experiment_id).info.run_id
    for option in range(PARAMS):
        client.log_param(run, f"iit.option_{option}", "value")
    client.log_metric(run, "iit_details/net.gru/concepts", 3.0, step=0)
    with Image.open(picture) as image:
        client.log_image(run, image.convert("RGB"), key=f"iit_details/{LAYER}/mip", step=0)
    return run


def seen(image: Locator, written: Image.Image, width: int) -> None:
    """All its pixels stand on the page, and are large enough, where its card comes into the window and nothing in it is moved."""
    image.page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=image.element_handle())
    image.evaluate("(image, card) => (image.closest(card) ?? image).scrollIntoView({ block: 'center' })", CARD)
    box, window = resting(image), image.page.viewport_size
    assert box["width"] >= width - 1
    assert 0 <= box["x"] <= box["x"] + box["width"] <= window["width"]
    assert 0 <= box["y"] <= box["y"] + box["height"] <= window["height"]
    with Image.open(io.BytesIO(image.page.screenshot(clip=box))) as shot:
        shown = shot.convert("RGB")
    wanted = written.resize(shown.size, Image.Resampling.LANCZOS)
    # Blurred: the browser's pixels and those of the file are no more than a part of a pixel apart.
    size = shown.width // BLUR, shown.height // BLUR
    there, should = (np.asarray(one.resize(size, Image.Resampling.BOX), float) for one in (shown, wanted))
    for lines, due in zip(np.array_split(there, BANDS), np.array_split(should, BANDS), strict=True):
        assert np.abs(lines - due).mean() < 1 + 0.3 * np.abs(due - 255).mean(), "what stands there is not the picture"


def resting(element: Locator) -> dict[str, float]:
    """The box of an element that has come to rest: trackers fill their pages bit by bit, slowly on a busy machine."""
    boxes = []
    for _ in range(100):
        boxes.append(element.bounding_box())
        if boxes[-4:] == [boxes[-1]] * 4:
            return boxes[-1]
        element.page.wait_for_timeout(200)
    pytest.fail(f"It does not come to rest: {boxes[-1]}")


def file_of(image: Locator) -> Image.Image:
    """The picture that the server gives for an element."""
    with Image.open(io.BytesIO(fetch(image.evaluate("(image) => image.src")))) as picture:
        return picture.convert("RGB")


def scroll_to(page: Page, image: Locator) -> None:
    """Turns the wheel over the charts: MLflow fetches a picture only when its card comes into the window."""
    page.mouse.move(500, 500)
    for _ in range(MOST_NOTCHES):
        if image.count():
            return
        page.mouse.wheel(0, NOTCH)
        page.wait_for_timeout(200)
    pytest.fail(f"No picture was met: {page.inner_text('body')}")


def open_charts(page: Page, run: str) -> None:
    """Opens the tab of a run's charts."""
    page.goto(f"{run}/model-metrics")
    page.get_by_text("concepts", exact=True).first.wait_for(timeout=120_000)


def chart(page: Page, name: str) -> Locator:
    """A picture there, of one of the cards that were not passed yet."""
    image = page.locator(f'img[src*="{LAYER}~{name}"]').first
    scroll_to(page, image)
    return image


def test_the_charts_of_mlflow_show_the_pictures(chromium: Browser, logged: Logged) -> None:
    """In the tab of the run's charts, below the curves of the same group; the slider stands at the untrained network."""
    with watched(chromium) as page:
        open_charts(page.page, logged.mlflow)
        for name in PICTURES:
            image = chart(page.page, name)
            assert logged.nearest(file_of(image)) == (name, -1)
            seen(image, logged.picture(name, -1), WIDTHS["model-metrics"])


def test_a_picture_that_params_push_out_of_its_card_is_not_seen(chromium: Browser, logged: Logged) -> None:
    """So the test above fails where all options are logged."""
    with watched(chromium) as page:
        open_charts(page.page, logged.full)
        image = chart(page.page, "mip")
        assert logged.nearest(file_of(image)) == ("mip", -1)
        with pytest.raises(AssertionError):
            seen(image, logged.picture("mip", -1), WIDTHS["model-metrics"])


def test_tensorboard_shows_the_pictures(chromium: Browser, logged: Logged) -> None:
    """In the tab that has pictures only, and in the one of all kinds of data, in a group that is opened."""
    for tab in ("images", "timeseries"):
        with watched(chromium) as page:
            page.page.goto(f"{logged.tensorboard}/#{tab}")
            if tab == "timeseries":
                page.page.get_by_text("Image", exact=True).click(timeout=60_000)
                page.page.get_by_text("iit_details", exact=True).click()
            images = page.page.locator("img[src*='data/plugin/']")
            for place, name in enumerate(PICTURES):
                images.nth(place).wait_for(timeout=60_000)
                assert np.array_equal(file_of(images.nth(place)), logged.picture(name, 0))
                seen(images.nth(place), logged.picture(name, 0), WIDTHS[tab])


def test_the_first_charts_of_tensorboard_are_of_the_layer(chromium: Browser, logged: Logged) -> None:
    """The first tab opens the group of few tags by itself: Φ of the layer is its first card, with its last value."""
    with watched(chromium) as page:
        page.page.goto(f"{logged.tensorboard}/#timeseries")
        page.page.locator("card-view", has_text=f"phi/{LAYER}").first.wait_for(timeout=60_000)
        groups = page.page.locator("metrics-card-group-toolbar").all_inner_texts()
        own = [name for name in groups if name.startswith("iit")]
        assert [name.removesuffix(" cards").rstrip("0123456789") for name in own] == ["iit", "iit_details"]
        first = page.page.locator("card-view", has_text="iit/phi").first
        last = read_events(logged.folder / "tb").scalars[f"iit/phi/{LAYER}"][-1]
        first.get_by_text("Smoothed").wait_for(timeout=30_000)
        place = resting(first)["y"]
        page.page.mouse.move(640, 500)
        page.page.mouse.wheel(0, 500)
        page.page.wait_for_function("([card, y]) => card.getBoundingClientRect().y < y", arg=[first.element_handle(), place])
        box = resting(first)
        assert 0 <= box["y"] < box["y"] + box["height"] <= 720
        cells = first.inner_text().split()
        assert any(cell[:1] == "0" and float(cell) == pytest.approx(last.value, rel=1e-2) for cell in cells)
        assert LAYER in first.inner_text()
        page.check()


def test_the_text_of_tensorboard_is_the_report(chromium: Browser, logged: Logged) -> None:
    """Its headings are headings and its sentences are whole."""
    report = (logged.folder / "tb" / "iit" / "report.md").read_text("utf-8")
    with watched(chromium) as page:
        page.page.goto(f"{logged.tensorboard}/#text")
        title = page.page.locator("h1", has_text="Integrated information").first
        title.wait_for(timeout=60_000)
        assert report.splitlines()[0] == f"# {title.inner_text()}"
        assert 0 < title.bounding_box()["y"] < 720
        shown = " ".join(title.locator("xpath=..").inner_text().split())
        sentences = [line for line in report.splitlines() if line.startswith("Φ, integrated information")]
        assert sentences
        assert all(line.replace("`", "") in shown for line in sentences)
        page.check()


def test_the_custom_scalars_of_tensorboard_have_a_chart_of_the_layer(chromium: Browser, logged: Logged) -> None:
    """Φ without a click, and apart from it what bounds it."""
    with watched(chromium) as page:
        page.page.goto(f"{logged.tensorboard}/#custom_scalars")
        page.page.get_by_text("Integrated information", exact=True).wait_for(timeout=60_000)
        page.page.get_by_text(f"Φ of {LAYER}, causal, IIT 3.0", exact=True).wait_for()
        page.page.get_by_text("Intervals and nulls, only at the epochs where they were computed").first.wait_for()
        chart = resting(page.page.locator("vz-line-chart2").first)
        assert chart["width"] > 300
        assert chart["y"] + chart["height"] <= 720
        page.check()
