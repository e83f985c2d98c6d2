"""Whose requests a studio obeys, and what it says of the others; nothing is trained here."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest
import yaml
from forged import FORGED
from studio_process import TOKEN, Studio, quiet_studio
from viewer_pages import get
from viewer_runs import write_record
from viewer_surveys import write_surveyed

from lightning_iit import load_run
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.steering.status import TrainingStatus
from lightning_iit.studio.listing import accuracy_of, epoch_of, loss_of
from lightning_iit.studio.queue import TrainingQueue
from lightning_iit.studio.records import Asked, Chosen, Job, Progress
from lightning_iit.studio.serve import run_studio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASKED = {"network": {"name": "GRU", "values": {"width": 8}}, "task": {"name": "Parity", "values": {}}, "epochs": 2, "seeds": [1]}
REQUESTS = {
    "start": ASKED,
    "stop": {"names": ["gru-parity-1"]},
    "compare": {"names": ["gru-parity-1", "gru-parity-2"]},
    "own": {"role": "network", "name": "studio_own:Slow"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def studio(root: Path) -> Iterator[Studio]:
    with quiet_studio(root, allowed=("studio_own",)) as started:
        yield started


def runs_in(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if not path.name.startswith("."))


def test_what_is_asked_for_waits_in_a_folder_of_its_own(studio: Studio, root: Path) -> None:
    status, answer = studio.post("start", ASKED | {"seeds": [3, 5]})
    assert (status, answer) == (200, {"names": ["gru-parity-1", "gru-parity-2"]})
    assert studio.post("start", ASKED) == (200, {"names": ["gru-parity-3"]})
    jobs = studio.jobs()
    assert list(jobs) == ["gru-parity-3", "gru-parity-2", "gru-parity-1"]
    assert [(job["phase"], job["seed"], job["epoch"], job["viewable"]) for job in jobs.values()] == [
        ("waiting", 1, None, False),
        ("waiting", 5, None, False),
        ("waiting", 3, None, False),
    ]
    written = json.loads(get(studio.address, "/job?name=gru-parity-2")[2])
    assert yaml.safe_load(written["yaml"])["seed_everything"] == 5
    assert written["yaml"] == (root / "gru-parity-2" / "studio" / "training.yaml").read_text()
    assert studio.post("stop", {"names": ["gru-parity-2"]})[0] == 200
    stopped = studio.jobs()["gru-parity-2"]
    assert (stopped["phase"], stopped["reason"]) == ("stopped", "It was taken out of the queue before it began.")
    assert studio.post("stop", {"names": ["gru-parity-2"]}) == (409, {"error": "It does not run any more."})


@pytest.mark.parametrize("route", REQUESTS)
@pytest.mark.parametrize(("headers", "words"), FORGED)
def test_nobody_else_starts_stops_or_imports_anything(
    studio: Studio, root: Path, route: str, headers: dict[str, str | None], words: str
) -> None:
    status, answer = studio.post(route, REQUESTS[route], **headers)
    assert status == 403
    assert words in answer["error"]
    assert runs_in(root) == []


def test_a_token_in_the_address_is_none(studio: Studio, root: Path) -> None:
    assert studio.post(f"start?token={TOKEN}", ASKED, X_IIT_Token=None)[0] == 403
    assert get(studio.address, f"/start?token={TOKEN}", X_IIT_Token=TOKEN)[0] == 403  # by GET, as a link would
    assert get(studio.address, "/jobs", method="DELETE")[0] == 405
    assert runs_in(root) == []


@pytest.mark.parametrize("path", ["/", "/choices", "/jobs", "/live", "/view/", "/view/runs", "/job?name=x"])
def test_nothing_is_read_through_a_name_that_was_pointed_here(studio: Studio, path: str) -> None:
    assert get(studio.address, path, Host="evil.example")[0] == 403


def test_a_foreign_page_is_told_nothing(studio: Studio) -> None:
    assert get(studio.address, "/live", Origin="http://evil.example")[0] == 403
    assert get(studio.address, "/live", Sec_Fetch_Site="cross-site")[0] == 403


def test_the_viewer_of_the_studio_asks_for_the_same_token(studio: Studio) -> None:
    command = {"run": "gru-parity-1", "verb": "pause"}
    assert studio.post("view/command", command, X_IIT_Token="another")[0] == 403
    assert studio.post("view/command", command)[0] == 404  # there is no such run
    page = get(studio.address, "/view/")
    assert b'data-iit-studio="../"' in page[2]
    assert "default-src 'none'" in page[1]["Content-Security-Policy"]
    assert get(studio.address, "/view")[1]["Location"] == "view/"


@pytest.mark.parametrize(
    "name", ["../secret", "gru-parity-1/../../secret", "/etc", "..", ".", "%2e%2e/secret", "linked", "\x00", "", "none", "secret/"]
)
def test_no_name_leads_out_of_the_root(studio: Studio, root: Path, name: str) -> None:
    secret = root.parent / "secret"
    studio.post("start", ASKED)
    (root / "gru-parity-1").rename(secret)
    (root / "linked").symlink_to(secret)
    before = sorted(path.name for path in (secret / "studio").iterdir())
    assert studio.post("stop", {"names": [name]})[0] == 404
    assert studio.post("compare", {"names": [name, name]})[0] == 404
    assert get(studio.address, f"/job?name={quote(name)}")[0] == 404
    assert sorted(path.name for path in (secret / "studio").iterdir()) == before
    assert studio.jobs() == {}


def test_a_form_of_ten_megabytes_is_not_read(studio: Studio, root: Path) -> None:
    host, port = urlsplit(studio.address).netloc.split(":")
    head = (
        f"POST /start HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\nX-IIT-Token: {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b'{"network": {"name": "')
        with contextlib.suppress(OSError):
            for _ in range(160):
                connection.sendall(b"x" * 62_500)
        with contextlib.suppress(OSError):
            assert b" 413 " in connection.recv(100)
    assert studio.post("start", ASKED | {"iit": {"layers": "x" * 20_000}})[0] == 413
    assert runs_in(root) == []
    assert studio.post("start", ASKED)[0] == 200


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("{", 400, "cannot be read"),
        ("[" * 9_000, 400, "cannot be read"),
        ({"network": "GRU"}, 400, "cannot be read"),
        (ASKED | {"file": "x"}, 400, "cannot be read"),
        (ASKED | {"epochs": "many"}, 400, "cannot be read"),
        (ASKED | {"epochs": 0}, 422, "epochs=0: give a number from 1"),
        (ASKED | {"network": {"name": "os:system"}}, 422, "its module is not allowed"),
        (ASKED | {"network": {"name": "../GRU"}}, 422, "is no class that can be chosen"),
        (ASKED | {"network": {"name": "GRU", "values": {"width": "wide"}}}, 422, "does not fit its type"),
        (ASKED | {"iit": {"units": "[0, 0]"}}, 422, "units="),
        (ASKED | {"mlflow": "../mlflow"}, 422, "not below the studio's folder"),
        (ASKED | {"mlflow": "http://evil.example"}, 422, "this server may not be used"),
        (ASKED | {"mlflow": ["mlflow"]}, 400, "cannot be read"),
        (ASKED | {"task": {"name": "Text", "values": {"file": "../../etc/passwd"}}}, 422, "below the studio's folder"),
    ],
)
def test_what_cannot_be_trained_is_not_started(studio: Studio, root: Path, asked: object, status: int, words: str) -> None:
    found, answer = studio.post("start", asked)
    assert (found, words in answer["error"]) == (status, True), answer
    assert runs_in(root) == []


def test_only_so_many_wait(studio: Studio, root: Path) -> None:
    for at in range(5):
        assert studio.post("start", ASKED | {"seeds": list(range(20 * at, 20 * at + 20))})[0] == 200
    status, answer = studio.post("start", ASKED)
    assert (status, "at most 100" in answer["error"]) == (409, True)
    assert len(runs_in(root)) == 100


def test_a_class_of_ones_own_is_described(studio: Studio) -> None:
    status, answer = studio.post("own", REQUESTS["own"])
    assert (status, sorted(answer["form"]["properties"])) == (200, ["fails", "hidden", "pause"])
    assert studio.post("own", {"role": "task", "name": "studio_own:Slow"})[0] == 422
    assert studio.post("own", {"role": "root", "name": "studio_own:Slow"})[0] == 400


def test_a_folder_has_one_studio(studio: Studio, root: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="another studio has this folder"):
        TrainingQueue(root)


def test_trainings_are_compared_by_what_was_asked_for_differently(studio: Studio, root: Path) -> None:
    for at, network in enumerate(("GRU", "LSTM")):
        values = {"width": 8 + at}
        _, answer = studio.post("start", ASKED | {"network": {"name": network, "values": values}})
        write_surveyed(root / answer["names"][0], seed=at)
    status, answer = studio.post("compare", {"names": ["gru-parity-1", "lstm-parity-1"]})
    assert status == 200, answer
    (scale,) = answer["scales"]
    (row,) = scale["rows"]
    assert (scale["by"], row["one"], row["other"]) == ("network (they also differ in width)", "network=GRU", "network=LSTM")
    last = [load_run(root / name)[-1].survey.phi for name in ("gru-parity-1", "lstm-parity-1")]
    assert [row["phi_one"], row["phi_other"]] == pytest.approx(last)
    assert str(root) not in scale["words"]
    assert answer["words"] == ""  # both have Φ, and are compared
    (course,) = studio.jobs()["gru-parity-1"]["courses"]
    assert course["phis"] == pytest.approx([record.survey.phi for record in load_run(root / "gru-parity-1")])
    assert studio.post("compare", {"names": ["gru-parity-1"]}) == (422, {"error": "Choose 2 to 40 trainings to compare."})


def test_trainings_of_other_kinds_are_not_put_on_one_scale(studio: Studio, root: Path) -> None:
    for at, network in enumerate(("GRU", "MLP")):
        _, answer = studio.post("start", ASKED | {"network": {"name": network}})
        run = write_surveyed(root / answer["names"][0], seed=at)
        if network == "MLP":
            for record in load_run(run):
                write_record(run, msgspec.structs.replace(record, kind="statistical", perturbation=None))
    status, answer = studio.post("compare", {"names": ["gru-parity-1", "mlp-parity-1"]})
    assert status == 200, answer
    assert [scale["scale"].partition(" ")[0] for scale in answer["scales"]] == ["causal", "statistical"]
    assert [scale["is_statistical"] for scale in answer["scales"]] == [False, True]
    last = load_run(root / "gru-parity-1")[-1].survey.phi
    assert f"(trained: {last:.4f}) can Φ be above 0, since its units act on each other." in answer["words"]
    assert "no unit acts on another, so Φ is 0 by structure" in answer["words"]
    for scale in answer["scales"]:
        assert scale["by"] == "before and after training"
        assert [(row["one"], row["other"]) for row in scale["rows"]] == [("untrained", "trained")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"allow": ["no_such_module"]}, "--allow no_such_module: there is no such module"),
        ({"allow": ["os/path"]}, "--allow os/path"),
        ({"allow": [""]}, "--allow : there is no such module"),
        ({"at_once": 0}, "--at-once 0"),
        ({"mlflow": ["mlflow"]}, "'mlflow' is no address of an MLflow server"),
        ({"host": "203.0.113.9"}, "Cannot listen on 203.0.113.9"),
    ],
)
def test_a_studio_that_cannot_be_says_why(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    for _ in range(2):  # what failed leaves the folder free
        with pytest.raises(InvalidArgumentError, match=re.escape(words)):
            run_studio(str(tmp_path), open_browser=False, port=0, **given)


def test_a_training_that_has_made_its_last_step_is_in_its_last_epoch() -> None:
    """Lightning's own count is one further by then."""
    running, ending = (TrainingStatus(run="x", pace=pace, epoch=3, step=9, epochs=3, written=1.0) for pace in ("running", "ending"))
    progress = Progress(epoch=2, metrics={})
    assert (epoch_of(running, progress), epoch_of(ending, progress)) == (3, 2)
    assert (epoch_of(ending, None), epoch_of(None, progress), epoch_of(None, None)) == (3, 2, None)


def test_a_loss_says_what_it_is_of() -> None:
    """The loss of an epoch comes before that of the last batch, which is nothing to compare trainings by."""
    ours = a_job("memory")
    status = TrainingStatus(run="x", pace="running", epoch=1, step=9, epochs=3, written=1.0, loss=0.75)
    logged = Progress(epoch=0, metrics={"val_loss": 0.5, "loss": 0.25, "train_accuracy": 0.75, "accuracy": 0.5})
    assert loss_of(ours, status, logged) == ("Loss, mean of the latest epoch", 0.25)
    assert loss_of(ours, status, None) == ("Loss of the last batch", 0.75)
    assert loss_of(ours, None, None)[1] is None
    assert accuracy_of(ours, logged) == ("Accuracy on held-out data, latest epoch", 0.5)
    assert accuracy_of(ours, Progress(epoch=0, metrics={"train_accuracy": 0.75}))[0] == "Accuracy in training, latest epoch"
    assert accuracy_of(ours, None)[1] is None
    own = a_job("my_module:Network")
    assert loss_of(own, status, logged) == ("Loss (loss, as it was logged last)", 0.25)
    assert accuracy_of(own, Progress(epoch=0, metrics={"val_acc": 0.5})) == ("Accuracy (val_acc, as it was logged last)", 0.5)


def a_job(network: str) -> Job:
    """A training of a network by its name."""
    asked = Asked(network=Chosen(name=network), task=Chosen(name="recall"), epochs=3, seeds=(0,))
    return Job(name="x", asked=asked, seed=0, created=1.0)
