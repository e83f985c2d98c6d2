"""TensorBoard's and MLflow's own pages, at Chromium's default size, show the pictures of a training."""

from __future__ import annotations

import io
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from lightning.pytorch import seed_everything
from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger
from models import Gru, sequence_data
from PIL import Image
from servers import fetch, mlflow_server, tensorboard_server
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
LEAST_WIDTH = 150
"""Of a picture on the page, in pixels: less is a thumbnail that nobody reads."""
NOTCH = 300
MOST_NOTCHES = 200


class Logged(NamedTuple):
    """Where a training was logged."""

    folder: Path
    mlflow: str

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
        yield Logged(folder, f"{server.url}/#/experiments/{mlflow.experiment_id}/runs/{mlflow.run_id}")


def seen(image: Locator) -> Image.Image:
    """The picture that an element shows, which must lie in the window, large enough to be read."""
    image.scroll_into_view_if_needed(timeout=60_000)
    image.page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=image.element_handle())
    box, window = image.bounding_box(), image.page.viewport_size
    assert box["width"] >= LEAST_WIDTH
    assert 0 <= box["y"] < window["height"]
    assert 0 <= box["x"] <= box["x"] + box["width"] <= window["width"]
    with Image.open(io.BytesIO(fetch(image.evaluate("(image) => image.src")))) as picture:
        assert picture.width == image.evaluate("(image) => image.naturalWidth")
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


def test_the_charts_of_mlflow_show_the_pictures(chromium: Browser, logged: Logged) -> None:
    """In the tab of the run's charts, below the curves of the same group; the slider stands at the untrained network."""
    with watched(chromium) as page:
        page.page.goto(f"{logged.mlflow}/model-metrics")
        page.page.get_by_text("concepts", exact=True).first.wait_for(timeout=120_000)
        for name in PICTURES:
            image = page.page.locator(f'img[src*="{LAYER}~{name}"]').first
            scroll_to(page.page, image)
            assert logged.nearest(seen(image)) == (name, -1)


def test_tensorboard_shows_the_pictures(chromium: Browser, logged: Logged) -> None:
    """In the tab that has pictures only, and in the one of all kinds of data, in a group that is opened."""
    with tensorboard_server(logged.folder / "tb") as address:
        for tab in ("images", "timeseries"):
            with watched(chromium) as page:
                page.page.goto(f"{address}/#{tab}")
                if tab == "timeseries":
                    page.page.get_by_text("Image", exact=True).click(timeout=60_000)
                    page.page.get_by_text("iit_details", exact=True).click()
                images = page.page.locator("img[src*='data/plugin/']")
                for place, name in enumerate(PICTURES):
                    assert np.array_equal(seen(images.nth(place)), logged.picture(name, 0))
