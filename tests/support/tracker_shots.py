"""Screenshots of the demo in TensorBoard and MLflow, after ``make demo``: ``python tests/support/tracker_shots.py OUT [RUN]``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from mlflow import MlflowClient
from playwright.sync_api import Page, sync_playwright
from servers import BIN, Server, tensorboard_server

ARGUMENTS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox", "--disable-background-networking"]


def shoot(page: Page, address: str, file: Path, *, wait: int = 6000) -> None:
    page.goto(address)
    page.wait_for_timeout(wait)
    page.screenshot(path=file)
    print(file)


def main(out: Path, demo: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    store = f"sqlite:///{demo}/mlflow.db"
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("digits")
    run = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0].info.run_id
    mlflow = Server(
        lambda port: [str(BIN / "mlflow"), "server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"],
        out / "mlflow.log",
        ready="/health",
    )
    mlflow.start()
    try:
        with tensorboard_server(demo) as tensorboard, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            shown = "?tagFilter=%5Eiit%2Fphi(_s)%3F%2F&runFilter=.&smoothing=0"
            shoot(page, f"{tensorboard}/{shown}#timeseries", out / "tensorboard-scalars.png", wait=9000)
            shoot(page, f"{tensorboard}/#custom_scalars", out / "tensorboard-custom-scalars.png", wait=9000)
            shoot(page, f"{tensorboard}/#images", out / "tensorboard-images.png")
            shoot(page, f"{tensorboard}/#text", out / "tensorboard-text.png")
            shoot(page, f"{tensorboard}/#iit", out / "tensorboard-iit.png", wait=9000)
            where = f"{mlflow.url}/#/experiments/{experiment.experiment_id}/runs/{run}"
            page.goto(f"{where}/model-metrics")
            page.wait_for_timeout(6000)
            page.screenshot(path=out / "mlflow-default.png")
            page.get_by_placeholder("Search metric charts").fill("mip|tpm")
            page.wait_for_timeout(4000)
            page.screenshot(path=out / "mlflow-images.png")
            page.get_by_placeholder("Search metric charts").fill("phi")
            page.wait_for_timeout(6000)
            page.screenshot(path=out / "mlflow-metrics.png")
            page.set_viewport_size({"width": 1900, "height": 1000})
            shoot(page, f"{where}/artifacts/iit/viewer.html", out / "mlflow-artifacts.png", wait=15000)
            browser.close()
    finally:
        mlflow.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(*sys.argv[2:]) if len(sys.argv) > 2 else Path("runs/demo"))
