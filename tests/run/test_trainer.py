"""Where a run's files go: a folder of that run alone, whatever its logger calls it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosted import Hosted
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger
from training import train

from lightning_iit import load_run
from lightning_iit.run.trainer import run_directory


def folder_of(tmp_path, logger, **options):
    return run_directory(Trainer(logger=logger, default_root_dir=tmp_path / "root", accelerator="cpu", **options))


@pytest.mark.parametrize(
    ("logger", "folder"),
    [
        (lambda path: False, "root"),
        (lambda path: CSVLogger(path / "logs", name="a", version=3), "logs/a/version_3"),
        (lambda path: Hosted(path / "saved", "x7"), "saved/study/x7"),
        (lambda path: Hosted(path / "saved", 2), "saved/study/version_2"),
        (lambda path: Hosted(None, "x7"), "root/study/x7"),
        (lambda path: Hosted("s3://bucket/logs", "x7"), "root/study/x7"),
        (lambda path: Hosted(path / "saved", "x7", name=""), "saved/x7"),
        (lambda path: [Hosted(path / "saved", "x7"), CSVLogger(path / "logs", name="a", version=3)], "logs/a/version_3"),
    ],
)
def test_the_folder(tmp_path, logger, folder):
    assert folder_of(tmp_path, logger(tmp_path)) == tmp_path / folder


def test_a_dev_run_has_none(tmp_path):
    assert folder_of(tmp_path, False, fast_dev_run=True) is None


def test_runs_of_one_project_keep_their_records_apart(tmp_path):
    for version, epochs in (("a", 1), ("b", 2)):
        train(tmp_path, logger=Hosted(tmp_path, version), epochs=epochs, pictures=False, network=False)
    assert [record.epoch for record in load_run(tmp_path / "study" / "a")] == [-1, 0]
    assert [record.epoch for record in load_run(tmp_path / "study" / "b")] == [-1, 0, 1]
    assert sorted(str(path.relative_to(tmp_path)) for path in Path(tmp_path).rglob("iit*")) == ["study/a/iit", "study/b/iit"]
