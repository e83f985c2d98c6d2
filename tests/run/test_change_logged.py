"""The change of Φ against the untrained network is logged with each epoch, whichever analysis ends first."""

from __future__ import annotations

from concurrent.futures import Future

import msgspec
import numpy as np
import pytest
from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger
from models import Gru, sequence_data
from scipy.stats import norm, wilcoxon
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training import train

from lightning_iit import Tracker, load_run
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.run.options import RunOptions
from lightning_iit.run.request import phi_task
from lightning_iit.run.resume import EarlierPart
from lightning_iit.run.run import Run
from lightning_iit.trackers.journal import Journal

LAYER = "net.gru"
RESAMPLED = 1.5
"""By so much the error from resampled sequences is enlarged (docs/statistics.md)."""


def trained(folder, **options):
    """A GRU with a survey of twelve groups, for two epochs."""
    given = {"layers": LAYER, "units": 3, "groups": 12, "epochs": 2} | options
    return train(folder, model=Gru(), data=sequence_data(), **given)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # in MLflow's own store
def test_it_is_that_of_the_surveys(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow = MLFlowLogger(tracking_uri=uri, artifact_location=str(tmp_path / "artifacts"))
    tensorboard = TensorBoardLogger(tmp_path, name="", version="tb")
    first, *later = trained(tmp_path, logger=[tensorboard, mlflow], workers=2).records
    phis = [[group.phi for group in record.survey.groups] for record in (first, *later)]
    expected = {record.global_step: record.survey.phi - first.survey.phi for record in later}
    expected_p = {}
    for number, record in enumerate(later, 1):
        errors = [one.survey.se for one in (first, record) if one.survey.se is not None]
        of_mean = 2 * norm.sf(abs(expected[record.global_step]) / (RESAMPLED * np.sqrt(2 * np.mean(np.square(errors)))))
        expected_p[record.global_step] = max(wilcoxon(phis[number], phis[0]).pvalue, of_mean)
    events = EventAccumulator(str(tmp_path / "tb")).Reload()
    for name, points in (("phi_change", expected), ("phi_change_p", expected_p)):
        key = f"iit/{name}/{LAYER}"
        assert {event.step: event.value for event in events.Scalars(key)} == pytest.approx(points, rel=1e-5)
        history = mlflow.experiment.get_metric_history(mlflow.run_id, key)
        assert {point.step: point.value for point in history} == pytest.approx(points, rel=1e-9)
        assert f"iit_details/{LAYER}/{name}" not in events.Tags()["scalars"]
    assert load_run(tmp_path / "tb") == (first, *later)
    assert "phi_change" not in first.scalars


def test_without_the_untrained_network_there_is_none(tmp_path):
    callback = trained(tmp_path, initial=False, epochs=1)
    assert not {"phi_change", "phi_change_p"} & set(callback.records[0].scalars)


class InMyOrder(InlinePool):
    """Computes the tasks when it is told to, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.open = {}

    def submit(self, task):
        future: Future = Future()
        self.open[task.epoch] = task, future
        return future

    def compute(self, epoch):
        task, future = self.open.pop(epoch)
        future.set_result(super().submit(task).result())


class Written(Tracker):
    """Notes the records that come, in their order."""

    def __init__(self) -> None:
        self.records = []

    def log(self, record, images):
        self.records.append(record)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The records of a training, each with its task, and the options of their analyses."""
    options = RunOptions(null_model=None)
    records = trained(tmp_path_factory.mktemp("run")).records
    bare = [msgspec.structs.replace(record, scalars={}) for record in records]
    tasks = [phi_task(options, record, tuple(one.state for one in record.states), dynamics=None) for record in records]
    return options, records, tuple(zip(tasks, bare, strict=True))


@pytest.mark.parametrize("order", [(-1, 0, 1), (0, 1, -1), (1, -1, 0)])
def test_an_answer_that_comes_early_waits_for_the_untrained_network(opened, order):
    options, records, tasks = opened
    pool, written = InMyOrder(), Written()
    journal = Journal([written])
    run = Run(options, pool, journal)
    run.take_up(EarlierPart(open=tasks))
    for number, epoch in enumerate(order):
        pool.compute(epoch)
        known = order[: number + 1]
        assert [record.epoch for record in run.analyses.records] == (sorted(known) if -1 in known else [])
    assert run.analyses.pending == 0
    assert journal.close(10.0) == ()
    changes = {record.epoch: record.scalars.get("phi_change") for record in written.records}
    assert changes == {record.epoch: record.scalars.get("phi_change") for record in records}
    assert len(written.records) == 3


def test_what_waited_is_kept_where_the_untrained_network_is_given_up(opened):
    options, records, tasks = opened
    pool, written = InMyOrder(), Written()
    journal = Journal([written])
    run = Run(options, pool, journal)
    run.take_up(EarlierPart(open=tasks))
    pool.compute(1)
    pool.compute(0)
    assert len(run.part().open) == 3, "a checkpoint has what waits as an open analysis"
    run.analyses.abandon("the run ended")
    assert journal.close(10.0) == ()
    assert [record.phi for record in run.analyses.records] == [None, records[1].phi, records[2].phi]
    assert not any("phi_change" in record.scalars for record in written.records)
