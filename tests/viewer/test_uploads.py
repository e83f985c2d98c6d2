"""The viewer's page in an MLflow run: how often it is sent; and snapshots of the network: who builds them."""

from __future__ import annotations

import itertools
import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from viewer_runs import make_record, make_snapshots, write_file, write_record

from lightning_iit.trackers.mlflow import MLflowTracker

if TYPE_CHECKING:
    from pathlib import Path


# Of MLflow's own store, which the tests otherwise reach through a server.
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.* loader strategy is deprecated")
PAGE = "iit/viewer.html"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


class Run:
    """A run in a real store with the files of its records beside it, and what becomes of its page."""

    def __init__(self, store: str, folder: Path, **options: float) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=store)
        experiment = self.client.create_experiment(folder.name, artifact_location=(folder / "artifacts").as_uri())
        self.id = self.client.create_run(experiment).info.run_id
        self.folder = folder / "run"
        self.page = folder / "artifacts" / self.id / "artifacts" / PAGE
        self.tracker = MLflowTracker(self.client, self.id, self.folder, **options)

    def log(self, epoch: int) -> None:
        record = make_record("hidden", epoch)
        write_record(self.folder, record)
        self.tracker.log(record, {})

    def epochs(self) -> int:
        """How many epochs the page lists; 0 where there is no page."""
        return self.page.read_text().count('"layer":"hidden"') if self.page.exists() else 0


def test_the_page_is_sent_at_most_once_a_minute_and_at_the_end(store: str, tmp_path: Path) -> None:
    run = Run(store, tmp_path)
    for epoch in range(3):
        run.log(epoch)
    assert run.epochs() == 0
    run.tracker.finish(failed=False)
    assert run.epochs() == 3
    assert run.tracker.page_every == 60


def test_the_page_is_sent_again_once_the_time_between_two_is_over(store: str, tmp_path: Path) -> None:
    run = Run(store, tmp_path, page_every=1.5)
    run.log(0)
    time.sleep(1.6)
    run.log(1)
    assert run.epochs() == 2
    began = time.monotonic()
    run.log(2)
    if time.monotonic() - began < 1:
        assert run.epochs() == 2
    time.sleep(1.6)
    run.log(3)
    assert run.epochs() == 4


def test_the_page_is_sent_again_once_there_are_a_tenth_more_records(store: str, tmp_path: Path) -> None:
    """So its uploads are few in a long run, whose page is long: each record costs the same, however many there are."""
    run = Run(store, tmp_path, page_every=0)
    sent = []
    for epoch in range(60):
        run.log(epoch)
        sent = sorted({*sent, run.epochs()})
    assert sent[:10] == list(range(1, 11))
    assert all(later >= 1.1 * earlier for earlier, later in itertools.pairwise(sent))
    assert len(sent) < 30
    run.tracker.finish(failed=False)
    assert run.epochs() == 60


def test_the_page_of_a_run_with_snapshots_holds_them(store: str, tmp_path: Path) -> None:
    run = Run(store, tmp_path)
    for name, data in make_snapshots(1):
        write_file(run.folder / "iit" / "network" / name, data)
    run.log(0)
    run.tracker.finish(failed=True)
    assert run.page.read_text().count('"networks":{"-1":"') == 1


def test_the_page_calls_the_run_by_its_name_in_mlflow(store: str, tmp_path: Path) -> None:
    run = Run(store, tmp_path)
    run.client.update_run(run.id, name="swift-<b>hare</b>")
    run.log(0)
    run.tracker.finish(failed=False)
    inside = json.loads(re.search(r'<script type="application/json" id="iit-data">(.*?)</script>', run.page.read_text())[1])
    assert [one["info"]["name"] for one in inside["runs"]] == ["swift-<b>hare</b>"]
