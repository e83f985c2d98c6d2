"""Where trainings may log to MLflow: files below the root, and servers that the command line names. Nothing is trained here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.mlflow_store import server, store_of
from lightning_iit.studio.records import Asked, Chosen
from lightning_iit.studio.request import as_yaml, checked

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = ("http://127.0.0.1:5000/", "https://mlflow.example")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "runs" / "linked").mkdir()
    (tmp_path / "runs" / "linked" / "mlflow.db").symlink_to(tmp_path / "elsewhere" / "mlflow.db")
    (tmp_path / "runs" / "half").mkdir()
    (tmp_path / "runs" / "half" / ".mlflow-artifacts").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("mlflow", "mlflow/mlflow.db"),
        ("  a/b c/ ", "a/b c/mlflow.db"),
        ("own.db", "own.db"),
        ("sqlite:///own.db", "own.db"),
        ("sqlite:///{root}/kept/own.db", "kept/own.db"),
        ("file:mlruns", "mlruns/mlflow.db"),
        ("file://{root}/mlruns", "mlruns/mlflow.db"),
        (".", "mlflow.db"),
        ("a/../b", "b/mlflow.db"),
    ],
)
def test_a_store_lies_below_the_root(root: Path, address: str, file: str) -> None:
    path = root / file
    found = store_of(address.format(root=root), root, ())
    artifacts = path.parent / f".{path.stem}-artifacts"
    assert found == {"tracking_uri": f"sqlite:///{path}", "artifact_location": artifacts.as_uri()}
    assert list(root.glob("**/*.db")) == [root / "linked" / "mlflow.db"]  # nothing is made by asking


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("..", "not below the studio's folder"),
        ("../elsewhere", "not below"),
        ("/etc", "not below"),
        ("sqlite:////etc/mlflow.db", "not below"),
        ("file:///etc", "not below"),
        ("out", "not below"),
        ("out/../../runs2", "not below"),
        ("linked", "not below"),
        ("half", "not below"),
        ("sqlite:///own.db?uri=true&mode=memory", "give a folder below"),
        ("sqlite:///:memory:#", "give a folder below"),
        ("%2e%2e/elsewhere", "give a folder below"),
        ("a\x00b", "give a folder below"),
        ("a\nb", "give a folder below"),
        ("x" * 2000, "give a folder below"),
        ("postgresql://user:secret@elsewhere/db", "give a folder below"),
        ("SQLITE:///own.db", "give a folder below"),
        ("databricks:", "give a folder below"),
        ("s3://bucket/x", "give a folder below"),
        ("http://127.0.0.1:5001", "this server may not be used"),
        ("http://127.0.0.1:5000.evil.example", "is no address of an MLflow server"),
        ("http://127.0.0.1:5000@evil.example", "is no address of an MLflow server"),
        ("http://127.0.0.1:5000/?to=http://evil.example", "is no address of an MLflow server"),
        ("http://169.254.169.254/latest", "this server may not be used"),
        ("https://mlflow.example.evil.example", "this server may not be used"),
        ("http://mlflow.example", "this server may not be used"),
        ("http://[", "is no address of an MLflow server"),
    ],
)
def test_no_other_address_is_used(root: Path, address: str, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(words)):
        store_of(address, root, SERVERS)


def test_a_server_that_was_named_is_used(root: Path) -> None:
    assert store_of("http://127.0.0.1:5000", root, SERVERS) == {"tracking_uri": "http://127.0.0.1:5000"}
    assert store_of("https://mlflow.example/", root, SERVERS) == {"tracking_uri": "https://mlflow.example"}
    assert store_of("  ", root, SERVERS) is None
    with pytest.raises(InvalidArgumentError, match="Start the studio with --mlflow http://127"):
        store_of("http://127.0.0.1:5000", root, ())
    with pytest.raises(InvalidArgumentError, match="'mlflow' is no address of an MLflow server"):
        server("mlflow")


def test_the_yaml_has_both_loggers_and_the_run_stays_where_it_was(root: Path) -> None:
    def written(mlflow: str) -> tuple[str, dict]:
        asked = Asked(network=Chosen(name="GRU"), task=Chosen(name="Parity"), epochs=2, seeds=(1,), mlflow=mlflow)
        text = as_yaml(checked(asked, root, (), SERVERS), seed=1, run=root / "gru-parity-1")
        return text, yaml.safe_load(text)["trainer"]

    (text, alone), (other, both) = written(""), written("mlflow")
    tensorboard, mlflow = both["logger"]
    assert tensorboard == alone["logger"]
    assert mlflow["class_path"] == "lightning.pytorch.loggers.MLFlowLogger"
    assert mlflow["init_args"] == {
        "experiment_name": "lightning-iit studio",
        "run_name": "gru-parity-1",
        "tracking_uri": f"sqlite:///{root}/mlflow/mlflow.db",
        "artifact_location": (root / "mlflow" / ".mlflow-artifacts").as_uri(),
    }
    assert "--trainer.logger.init_args.save_dir FOLDER" in text
    assert "--trainer.logger" not in other  # of several loggers none can be named there
    assert "write that folder behind save_dir" in other
