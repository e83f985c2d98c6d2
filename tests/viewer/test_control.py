"""Commands to a training from a page: whose are taken, what the page is told, and how it looks to a person."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
import pytest
from forged import FORGED
from places import SUPPORT
from viewer_fits import SIDEWAYS, axe_findings
from viewer_pages import command_line_viewer, get, tensorboard, viewer, watched
from viewer_runs import make_record, write_file, write_record, write_run

from lightning_iit import cli, load_run
from lightning_iit.commands.view import run_view
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import EpochRecord, encode
from lightning_iit.records.names import record_name
from lightning_iit.records.steering.activity import RING, ActivityRing, LayerUnits
from lightning_iit.records.steering.commands import Answer
from lightning_iit.records.steering.folder import answers_in, control_folder, read_command, send, write_answer
from lightning_iit.records.steering.status import LOOKED_AT, TrainingStatus, write_status
from lightning_iit.run.folder import RunFolder
from lightning_iit.viewer.compute import compute_again
from lightning_iit.viewer.export import export
from lightning_iit.viewer.live.stream import MOST_STREAMS, Streams
from lightning_iit.viewer.live.trainings import Trainings
from lightning_iit.viewer.logdir import LogDirSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

TOKEN = "a-token-of-this-test"


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Path]:
    """A run whose training is this process, with a folder of commands, in a folder of runs."""
    run = write_run(tmp_path / "runs" / "version_0", epochs=1)
    control_folder(run).mkdir()
    folder = RunFolder(run)
    folder.begin()
    yield run
    folder.end()


@contextlib.contextmanager
def controlled(root: Path) -> Iterator[str]:
    """A viewer that takes commands with ``TOKEN``; answers its address."""
    source = LogDirSource(root)
    trainings = Trainings(source)
    with viewer(root, streams=Streams(source, trainings), steered=trainings, token=TOKEN, compute=compute_again) as address:
        yield address


def told(
    address: str, asked: dict[str, object] | str, route: str = "command", **headers: str | None
) -> tuple[int, dict[str, object]]:
    """Sends a command as the page does, but for the headers that are given otherwise; None leaves one out."""
    own = {"Content_Type": "application/json", "X_IIT_Token": TOKEN, "Origin": address.rstrip("/")}
    sent = {name: value for name, value in (own | headers).items() if value is not None}
    body = asked if isinstance(asked, str) else json.dumps(asked)
    status, _, answer = get(address, f"/{route}", method="POST", body=body, **sent)
    return status, json.loads(answer)


def commands_in(run: Path) -> list[Path]:
    return sorted(control_folder(run).glob("*.command.json"))


PAUSE = {"run": "version_0", "verb": "pause"}


def one_cut(record: EpochRecord) -> EpochRecord:
    """A record of a run whose Φ is that of cuts in one direction."""
    options = msgspec.structs.replace(record.provenance.options, cuts="one")
    return msgspec.structs.replace(record, provenance=msgspec.structs.replace(record.provenance, options=options))


@pytest.mark.parametrize("step", [None, 40])
def test_what_a_page_had_computed_is_kept_with_the_run(living: Path, capsys: pytest.CaptureFixture[str], step: int | None) -> None:
    """And the line beside it computes it again: Φ, the best partitions and a structure, of the record's units and of others."""
    record = msgspec.structs.replace(one_cut(make_record("hidden", 7)), step=step)
    write_file(living / record_name("hidden", 7, step), encode(record))
    own = record.units.indices
    place = {"run": "version_0", "layer": "hidden", "epoch": 7} | ({} if step is None else {"step": step})
    few = {"units": [own[1], own[0]], "state": [1, 0]}
    with controlled(living.parent) as address:
        asked = [
            {"state": [0] * len(own), "engine": "fast"},
            few | {"wanted": "partitions"},
            few | {"wanted": "structure", "formalism": "iit4-2023"},
        ]
        answers = [told(address, place | one, "compute") for one in asked]
        for headers in ({"X_IIT_Token": None}, {"X_IIT_Token": "another"}):
            assert told(address, place | asked[0], "compute", **headers)[1]["phi"] == answers[0][1]["phi"]
        assert told(address, place | {"state": [1, 0], "units": [own[0], own[0]]}, "compute")[1]["status"] == "failed"
        kept = answers_in(living)
        in_page = Trainings(LogDirSource(living.parent)).state("version_0").told
    assert [one.outcome for one in kept] == ["done"] * 3
    assert [(one.command.epochs, one.command.layer, one.command.units) for one in kept] == [
        (7, "hidden", None),
        *[(7, "hidden", (own[1], own[0]))] * 2,
    ]
    assert ["'s page on " in one.command.sender for one in kept] == [True] * 3
    assert [one.words for one in reversed(in_page)] == [one.command.words for one in kept]
    again = []
    for one in kept:
        assert cli.main([*shlex.split(one.command.words), "--json"]) == 0
        again.append(json.loads(capsys.readouterr().out))
    alone, ranked, structure = (answer for _, answer in answers)
    assert again[0]["result"]["phi"] == pytest.approx(alone["phi"], abs=1e-12)
    assert "--cuts one" in kept[0].command.words
    phis = [one["phi"] for one in ranked["partitions"]]
    assert [one["phi"] for one in again[1]["partitions"]["partitions"]] == pytest.approx(phis, abs=1e-12)
    for name in ("relations", "sum_phi_distinctions", "sum_phi_relations"):
        assert again[2]["structure"][name] == pytest.approx(structure[name], abs=1e-12)
    assert kept[0].words == f"Φ = {alone['phi']:.6g}."
    assert kept[1].words == f"The best partitions have Φ = {', '.join(f'{phi:.6g}' for phi in phis)}."


def test_a_command_of_the_page_lies_in_the_folder_of_the_run(living: Path) -> None:
    asked = {"run": "version_0", "verb": "analyse", "layer": "hidden", "units": [3, 8], "state": "01", "formalism": "iit4-2023"}
    with controlled(living.parent) as address:
        status, answer = told(address, asked)
    (file,) = commands_in(living)
    command = read_command(file)
    assert (status, answer["id"], answer["words"]) == (200, command.id, command.words)
    assert command.words == "analyse --layer hidden --units 3,8 --state 01 --formalism iit4-2023"
    assert "'s page on " in command.sender


@pytest.mark.parametrize(("headers", "words"), FORGED)
def test_a_command_of_anybody_else_is_refused(living: Path, headers: dict[str, str | None], words: str) -> None:
    with controlled(living.parent) as address:
        status, answer = told(address, PAUSE, **headers)
    assert status == 403
    assert words in str(answer["error"])
    assert commands_in(living) == []


def test_a_token_in_the_address_is_none(living: Path) -> None:
    with controlled(living.parent) as address:
        own = {"Content_Type": "application/json", "Origin": address.rstrip("/")}
        status, _, _ = get(address, f"/command?token={TOKEN}", method="POST", body=json.dumps(PAUSE), **own)
        assert status == 403
        assert get(address, f"/command?token={TOKEN}", X_IIT_Token=TOKEN)[0] == 403  # by GET, as a link would
    assert commands_in(living) == []


@pytest.mark.parametrize(
    "name",
    ["../secret", "version_0/../../secret", "/etc", "..", "%2e%2e/secret", "version_0/iit", "\x00", "linked", "version_1", ""],
)
def test_no_command_leaves_the_root(living: Path, name: str) -> None:
    secret = living.parent.parent / "secret"
    write_record(secret, make_record("hidden", 0))
    control_folder(secret).mkdir()
    outside = RunFolder(secret)
    outside.begin()
    (living.parent / "linked").symlink_to(secret)
    try:
        with controlled(living.parent) as address:
            status, _ = told(address, PAUSE | {"run": name or str(secret)})
            assert get(address, f"/live?run={quote(name or str(secret))}")[0] == 404
    finally:
        outside.end()
    assert status == 404
    assert commands_in(secret) == commands_in(living) == []
    assert not (control_folder(secret) / LOOKED_AT).exists()


def test_a_folder_of_commands_that_is_a_link_is_not_written_in(living: Path) -> None:
    elsewhere = living.parent.parent / "elsewhere"
    elsewhere.mkdir()
    control_folder(living).rmdir()
    control_folder(living).symlink_to(elsewhere)
    with controlled(living.parent) as address:
        assert told(address, PAUSE)[0] == 404
        with listening(address, "version_0") as heard:
            time.sleep(0.8)
            assert "training" not in {name for name, _ in heard}
    assert list(elsewhere.iterdir()) == []


def test_a_form_of_ten_megabytes_is_not_read(living: Path) -> None:
    with controlled(living.parent) as address:
        host, port = urlsplit(address).netloc.split(":")
        head = (
            f"POST /command HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\nX-IIT-Token: {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
        )
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + b'{"run": "version_0", "verb": "pause", "state": "')
            with contextlib.suppress(OSError):
                for _ in range(160):
                    connection.sendall(b"0" * 62_500)
            with contextlib.suppress(OSError):
                assert b" 413 " in connection.recv(100)
        assert told(address, PAUSE | {"state": "0" * 20_000})[0] == 413
        assert commands_in(living) == []
        assert told(address, PAUSE)[0] == 200


@pytest.mark.parametrize(
    "asked",
    [
        "{",
        "[]",
        '"pause"',
        PAUSE | {"verb": "explode"},
        PAUSE | {"file": "x"},
        PAUSE | {"sender": "root"},
        PAUSE | {"epochs": "many"},
        PAUSE | {"units": [1, "x"]},
        {"verb": "pause"},
    ],
)
def test_what_is_no_command_is_not_sent(living: Path, asked: dict[str, object] | str) -> None:
    with controlled(living.parent) as address:
        status, answer = told(address, asked)
    assert status == 400
    assert "cannot be read" in str(answer["error"])
    assert commands_in(living) == []


def test_a_training_that_has_ended_or_takes_no_commands_is_not_told(living: Path, tmp_path: Path) -> None:
    write_record(tmp_path / "runs" / "ended", make_record("hidden", 0))
    with controlled(living.parent) as address:
        status, answer = told(address, PAUSE | {"run": "ended"})
        assert (status, answer["error"]) == (409, "No training runs there (any more).")
        control_folder(living).rmdir()
        status, answer = told(address, PAUSE)
        assert status == 409
        assert "takes no commands" in str(answer["error"])
    assert not control_folder(living).exists()


def test_without_control_nothing_is_taken_and_nothing_written(living: Path) -> None:
    source = LogDirSource(living.parent)
    with viewer(living.parent, streams=Streams(source, None)) as address:
        assert told(address, PAUSE)[0] == 403
        assert json.loads(get(address, "/runs")[2])["control"] is False
        with listening(address, "version_0") as heard:
            time.sleep(1.5)
            write_record(living, make_record("hidden", 1))
            wait_for(lambda: ("records", "version_0") in heard)
            time.sleep(0.5)
        assert {name for name, _ in heard} == {"records"}
    assert list(control_folder(living).iterdir()) == []


@pytest.mark.parametrize("target", ["sqlite:///x.db", "record"])
def test_only_a_folder_of_runs_can_be_controlled(living: Path, target: str) -> None:
    wanted = str(living / "iit" / "hidden" / "epoch=0000.json") if target == "record" else f"sqlite:///{living.parent}/x.db"
    with pytest.raises(InvalidArgumentError, match="is no directory of runs"):
        run_view(wanted, control=True, port=0, open_browser=False)


# --- what is pushed ---


def wait_for(found: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextlib.contextmanager
def listening(address: str, *runs: str) -> Iterator[list[tuple[str, object]]]:
    """Hears what a page would be told, as (name, data), until the block ends."""
    host, port = urlsplit(address).netloc.split(":")
    heard: list[tuple[str, object]] = []
    connection = socket.create_connection((host, int(port)))
    query = "&".join(f"run={quote(run)}" for run in runs)
    connection.sendall(f"GET /live?{query} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())

    def read() -> None:
        name = ""
        with contextlib.suppress(OSError, ValueError):
            for line in connection.makefile("rb"):
                key, _, value = line.decode().rstrip("\r\n").partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    heard.append((name, json.loads(value)))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        thread.join()


def test_records_runs_answers_and_how_far_a_training_is_are_pushed(living: Path) -> None:
    folder = control_folder(living)
    with controlled(living.parent) as address, listening(address, "version_0") as heard:
        wait_for(lambda: heard)
        assert [(name, data["phase"], data["status"]) for name, data in heard] == [("training", "running", None)]
        write_status(folder, TrainingStatus(run="x", pace="paused", epoch=3, step=40, epochs=9, loss=0.5, written=time.time()))
        wait_for(lambda: heard[-1][1]["phase"] == "paused")
        assert (heard[-1][1]["status"]["loss"], heard[-1][1]["status"]["step"]) == (0.5, 40)
        command = send(living, "epochs", epochs=12, sender="me")
        wait_for(lambda: heard[-1][1]["told"])
        (line,) = heard[-1][1]["told"]
        assert (line["words"], line["outcome"], line["sender"]) == ("epochs 12", "", "me")
        answer = Answer(id=command.id, outcome="done", words="It is so.", epoch=3, step=41, answered=1.0, command=command)
        write_answer(folder, answer)
        wait_for(lambda: heard[-1][1]["told"][0]["outcome"] == "done")
        assert heard[-1][1]["told"][0] | {"answer": "It is so.", "step": 41, "id": command.id} == heard[-1][1]["told"][0]
        write_record(living, make_record("hidden", 1))
        wait_for(lambda: ("records", "version_0") in heard)
        write_record(living.parent / "version_1", make_record("hidden", 0))
        wait_for(lambda: ("runs", None) in heard)
        ring = ActivityRing(folder / RING)
        for step in (5, 6):
            ring.write(step, (LayerUnits("a", (0, 3)),), ((0.123456, -1.0),))
            wait_for(lambda step=step: any(name == "activity" and data["step"] == step for name, data in heard))
        (row,) = [data for name, data in heard if name == "activity" and data["step"] == 6]
        assert row["layers"] == [{"name": "a", "indices": [0, 3], "values": [0.1235, -1.0]}]


def test_activity_of_before_is_not_pushed(living: Path) -> None:
    ring = ActivityRing(control_folder(living) / RING)
    ring.write(1, (LayerUnits("a", (0,)),), ((0.5,),))
    with controlled(living.parent) as address, listening(address, "version_0") as heard:
        wait_for(lambda: heard)
        time.sleep(0.5)
        assert {name for name, _ in heard} == {"training"}


def test_only_an_open_page_has_a_training_say_how_far_it_is(living: Path, tmp_path: Path) -> None:
    """The sign is renewed while a page is told what is new, ends with it, and is not given to a training that has ended."""
    sign = control_folder(living) / LOOKED_AT
    ended = tmp_path / "runs" / "ended"
    write_record(ended, make_record("hidden", 0))
    control_folder(ended).mkdir()
    with controlled(living.parent) as address:
        get(address, "/runs")
        get(address, "/index?run=version_0")
        assert not sign.exists()
        with listening(address, "version_0"), listening(address, "ended"):
            wait_for(sign.exists)
            first = sign.stat().st_mtime_ns
            wait_for(lambda: sign.stat().st_mtime_ns > first)
        time.sleep(5)
        last = sign.stat().st_mtime_ns
        time.sleep(3)
        assert sign.stat().st_mtime_ns == last
    assert list(control_folder(ended).iterdir()) == []


def test_a_foreign_page_is_told_nothing(living: Path) -> None:
    with controlled(living.parent) as address:
        assert get(address, "/live?run=version_0", Origin="http://evil.example")[0] == 403
        assert get(address, "/live?run=version_0", Host="evil.example")[0] == 403
        assert get(address, "/live?run=version_0", Sec_Fetch_Site="cross-site")[0] == 403
    assert not (control_folder(living) / LOOKED_AT).exists()


def test_so_many_pages_are_told_and_a_place_becomes_free_again(living: Path) -> None:
    with controlled(living.parent) as address:
        for _ in range(3):
            get(address, "/live?run=version_0", method="HEAD")
        with contextlib.ExitStack() as stack:
            heard = [stack.enter_context(listening(address, "version_0")) for _ in range(MOST_STREAMS)]
            wait_for(lambda: all(heard))
            assert get(address, "/live?run=version_0")[0] == 503
            assert get(address, "/runs")[0] == 200
        time.sleep(5)
        with listening(address, "version_0") as again:
            wait_for(lambda: again)


# --- in a browser ---


SCRIPT = """
import sys, time
sys.path.insert(0, {support!r})
from pathlib import Path
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, sequence_data
from torch.nn.functional import cross_entropy
from lightning_iit import IITCallback

steps = Path({folder!r}) / "steps.txt"


class Slow(Callback):
    def on_train_batch_start(self, trainer, *_):
        with steps.open("a") as file:
            file.write(f"{{time.time()}} {{trainer.current_epoch}} {{trainer.global_step}}\\n")
        time.sleep(0.1)


class Validated(Gru):
    def validation_step(self, batch, _):
        self.log("val_loss", cross_entropy(self(batch[0]), batch[1]))


seed_everything(1)
callback = IITCallback("net.gru", units=3, groups=3, table=False)
Trainer(
    max_epochs=500, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1,
    logger=TensorBoardLogger({folder!r}, name="live"), callbacks=[callback, Slow(), ModelCheckpoint(save_last=True)],
).fit(Validated(), sequence_data(128), sequence_data(40, seed=3))
"""

STATE = "window.lightningIIT?.state()"


def status_of(page: Page) -> dict[str, object]:
    return dict(page.evaluate(f"() => {STATE}.training.status"))


def answered(page: Page, verb: str, seconds: float = 60.0) -> dict[str, object]:
    """The answer to the only command of a verb, once it has come into the page."""
    find = f"(verb) => {STATE}.training?.told.find((one) => one.words.split(' ')[0] === verb && one.outcome)"
    return dict(page.wait_for_function(find, arg=verb, timeout=seconds * 1000).json_value())


@pytest.mark.browser
def test_a_training_is_followed_and_steered_from_the_page(chromium: Browser, tmp_path: Path) -> None:
    """From the command line to the report: nothing is loaded again, and nothing is asked for while nothing is new."""
    runs = tmp_path / "runs"
    runs.mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(support=str(SUPPORT), folder=str(runs)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        command_line_viewer(str(runs), "--control", "--compute", "--no-browser") as address,
        watched(chromium) as page,
        (tmp_path / "output.txt").open("w") as output,
    ):
        token = parse_qs(urlsplit(address).query)["token"][0]
        asked: list[tuple[str, str, str | None]] = []
        page.page.on("request", lambda one: asked.append((one.method, urlsplit(one.url).path, one.headers.get("x-iit-token"))))
        page.page.goto(address)
        page.page.evaluate("() => { window.__marker = 'still here'; }")
        assert "token" not in page.page.url
        assert page.page.locator(".control").is_hidden()
        command = [sys.executable, "-W", "ignore", str(script)]
        training = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            steered(page.page, training, runs, asked, token)
        finally:
            training.kill()
            training.wait()
        assert page.page.evaluate("() => window.__marker") == "still here"
        page.check()


def steered(
    page: Page, training: subprocess.Popen[bytes], runs: Path, asked: list[tuple[str, str, str | None]], token: str
) -> None:
    """What a person does and sees, in this order."""
    panel = page.locator(".control")
    page.wait_for_function(f"() => {STATE}.training?.status?.loss != null && {STATE}.a?.record", timeout=120_000)
    assert panel.locator(".phase").inner_text() == "Running"
    assert page.locator(".top .live").inner_text() == "live"
    first = status_of(page)
    page.wait_for_function(f"(epoch) => {STATE}.training.status.epoch > epoch", arg=first["epoch"], timeout=60_000)
    later = status_of(page)
    assert later["step"] > first["step"]
    assert later["loss"] != first["loss"]
    assert f"({later['epoch'] + 1} of 500)" in panel.locator(".made").inner_text() or status_of(page) != later
    page.wait_for_function(f"() => {STATE}.now?.layers.some(({{ name }}) => name === 'net.gru')", timeout=30_000)
    page.wait_for_function("() => document.querySelector('.playbar .step').textContent.startsWith('live')", timeout=30_000)

    # A pause: no step is made, and nothing is asked for.
    panel.get_by_role("button", name="Pause").click()
    paused = answered(page, "pause")
    page.wait_for_function(f"() => {STATE}.training.phase === 'paused'", timeout=20_000)
    assert "Training is paused since" in panel.locator(".control-said").inner_text()
    page.wait_for_function(f"() => {STATE}.training.status.waiting === 0", timeout=90_000)
    page.wait_for_timeout(1500)
    del asked[:]
    page.wait_for_timeout(3000)
    assert asked == []

    # An analysis of the network as it is.
    panel.locator("summary", has_text="Ask it").click()
    panel.get_by_role("button", name="Analyse", exact=True).click()
    analysed = answered(page, "analyse")
    assert (analysed["outcome"], analysed["step"]) == ("done", paused["step"])
    row = f"(step) => {STATE}.a.whole.index.steps.find((row) => row.step === step && row.status === 'computed')"
    found = page.wait_for_function(row, arg=paused["step"], timeout=90_000).json_value()
    panel.locator("summary", has_text="Log").click()
    assert f"net.gru: Φ {found['phi_layer']:.4f}" in panel.locator(".log li").first.inner_text()
    panel.locator("summary", has_text="Log").click()

    panel.get_by_role("button", name="Resume").click()
    resumed = answered(page, "resume")
    page.wait_for_function(f"(step) => {STATE}.training.status.step > step", arg=paused["step"], timeout=30_000)
    panel.locator("summary", has_text="Stop").click()
    asked_now(page)
    wanted = int(str(status_of(page)["epoch"])) + 40
    panel.get_by_label("Number of epochs").fill(str(wanted))
    panel.get_by_role("button", name="Set").click()
    assert f"has {wanted} epochs now, not 500" in answered(page, "epochs")["answer"]
    page.wait_for_function(f"(wanted) => {STATE}.training.status.epochs === wanted", arg=wanted, timeout=20_000)
    panel.locator("summary", has_text="Stop").click()

    # Other units are watched from the next epoch on: the curve begins anew.
    panel.locator("summary", has_text="Watch").click()
    panel.locator("details[open]").get_by_label("Units").fill("2")
    panel.locator("details[open]").get_by_label("Groups").fill("1")
    panel.get_by_role("button", name="Watch", exact=True).click()
    changed = answered(page, "watch")
    assert "'net.gru' is watched, with units=2, groups=1." in changed["answer"]
    row = f"(epoch) => {STATE}.a.whole.index.rows.find((row) => row.epoch === epoch && row.selection === 1)"
    page.wait_for_function(row, arg=changed["epoch"] + 1, timeout=90_000)
    page.locator(".chart-legend", has_text="from here on other units").wait_for(timeout=20_000)
    panel.locator("summary", has_text="Stop").click()
    panel.get_by_role("button", name="Stop after this epoch").click()
    stopped = answered(page, "stop")
    page.wait_for_function(f"() => {STATE}.training.phase === 'ended'", timeout=120_000)
    assert panel.locator(".phase").inner_text() == "Done"
    assert page.locator(".top .live").inner_text() == "ended"
    assert panel.locator(".made").inner_text() == f"{stopped['epoch'] + 1} of {wanted} epochs"
    assert panel.get_by_role("button", name="Pause").is_hidden()
    assert training.wait(120) == 0

    assert {one[2] for one in asked if one[:2] == ("POST", "/command")} == {token}
    (run,) = (runs / "live").iterdir()
    told = [one.command.verb for one in answers_in(run)]
    assert told == ["pause", "analyse", "resume", "analyse", "phi", "epochs", "watch", "stop"]  # the best partitions are kept too
    steps = [line.split() for line in (runs / "steps.txt").read_text().splitlines()]
    began = [float(when) for when, *_ in steps]
    assert not [when for when in began if paused["answered"] < when < resumed["answered"]]
    assert any(when > resumed["answered"] for when in began)
    last = max(int(epoch) for _, epoch, _ in steps)
    assert last == stopped["epoch"]
    assert len([1 for _, epoch, _ in steps if int(epoch) == last]) == 8  # the whole epoch
    records = load_run(run)
    marked, other = [record for record in records if record.step is not None]
    assert marked.step == paused["step"]
    assert (other.units.indices, other.states[0].state) == ((0, 7), (1, 0))
    assert other.step > marked.step
    assert "Analysed on a command of " in " ".join(marked.notes)
    assert max(record.epoch for record in records) == last
    report = (run / "iit" / "report.md").read_text()
    assert report.index("`pause`") < report.index("`analyse ") < report.index("`resume`") < report.index("`stop`")
    assert list(run.rglob("last.ckpt"))
    print(f"seconds from the click to the answer's time: stop at {stopped['answered'] - resumed['answered']:.1f} s after resume")


def asked_now(page: Page) -> None:
    """Units that are in no recorded group are asked of the training as it is now, with the best partitions."""
    panel = page.locator(".command")
    panel.get_by_role("button", name="Other units").click()
    recorded = page.evaluate(f"() => {STATE}.a.record.survey.groups.map((group) => group.units.indices)")
    assert not [group for group in recorded if {0, 7} <= set(group)]
    panel.get_by_label("Units").fill("0, 7")
    assert panel.get_by_label("Of which moment").input_value() == "now"
    bits = panel.locator(".bit")
    if bits.nth(0).get_attribute("aria-pressed") == "false":
        bits.nth(0).click()
    if bits.nth(1).get_attribute("aria-pressed") == "true":
        bits.nth(1).click()
    assert panel.locator("code").first.inner_text().replace("\n", " ").endswith("analyse --layer net.gru --units 0,7 --state 10")
    panel.get_by_role("button", name="Best partitions").click()
    rows = panel.locator(".ranked li")
    rows.nth(1).wait_for(timeout=90_000)
    assert sorted(rows.locator("b").all_inner_texts()) == ["0 → 7", "7 → 0"]
    (step,) = page.evaluate(f"() => {STATE}.a.whole.index.steps.filter((row) => row.units === 2)") or [None]
    assert float(rows.nth(0).get_attribute("data-phi")) == pytest.approx(step["phi"], abs=1e-9)
    panel.get_by_role("button", name="Other units").click()


@pytest.mark.browser
def test_without_a_token_the_page_shows_how_far_training_is_and_sends_nothing(chromium: Browser, living: Path) -> None:
    status = TrainingStatus(run="x", pace="running", epoch=1, step=9, epochs=4, written=time.time(), layers=("hidden",))
    write_status(control_folder(living), status)
    with controlled(living.parent) as address, watched(chromium) as page:
        page.page.goto(address)
        panel = page.page.locator(".control")
        panel.locator(".made", has_text="Epoch 1 (2 of 4)").wait_for(timeout=20_000)
        assert "open the address that the server has printed, with its token" in panel.inner_text()
        assert panel.get_by_role("button", name="Pause").is_disabled()
        page.check()


@pytest.mark.browser
def test_a_run_whose_training_has_ended_says_so_and_where_another_runs(chromium: Browser, living: Path) -> None:
    ended = living.parent / "ended"
    write_record(ended, make_record("hidden", 0))
    control_folder(ended).mkdir()
    with controlled(living.parent) as address, watched(chromium) as page:
        page.page.goto(f"{address}?token={TOKEN}#run=ended")
        panel = page.page.locator(".control")
        panel.get_by_text("No training runs here any more. Its last record is of epoch 0, step 23. Running: version_0").wait_for(
            timeout=20_000
        )
        assert panel.get_by_role("button", name="Pause").is_hidden()
        panel.locator("button", has_text="version_0").click()
        panel.get_by_role("button", name="Pause").wait_for(timeout=20_000)
        page.check()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_fits_and_can_be_used_by_all(chromium: Browser, living: Path, width: int, height: int, theme: str) -> None:
    folder = control_folder(living)
    write_status(
        folder,
        TrainingStatus(
            run="x",
            pace="running",
            epoch=141,
            step=12_345_678,
            epochs=1000,
            batch=3,
            batches=7,
            loss=0.0123,
            seconds_left=9000.0,
            waiting=12,
            written=time.time(),
            layers=("hidden",),
        ),
    )
    command = send(living, "lesion", layer="hidden", units=tuple(range(20)), to="resample")
    words = "Refused: " + "this is a long sentence that says why, with a_long_name_that_has_no_place_to_break_at_all. " * 3
    write_answer(folder, Answer(id=command.id, outcome="refused", words=words, epoch=1, step=2, answered=1.0, command=command))
    with controlled(living.parent) as address, watched(chromium, width=width, height=height, theme=theme) as page:
        page.page.goto(f"{address}?token={TOKEN}")
        panel = page.page.locator(".control")
        panel.locator(".made", has_text="Epoch 141 (142 of 1000)").wait_for(timeout=20_000)
        for name in ("Stop", "Ask it", "Watch", "Log"):
            panel.locator("summary", has_text=name).click()
            body = panel.locator("details[open] .drop-body")
            body.wait_for()
            box = body.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
            assert page.page.evaluate(SIDEWAYS) == []
            assert axe_findings(page.page) == []
            assert panel.locator("details[open]").count() == 1
        page.check()


@pytest.mark.browser
def test_units_clicked_together_are_those_that_are_asked_for(chromium: Browser, living: Path) -> None:
    status = TrainingStatus(run="x", pace="running", epoch=1, step=9, epochs=4, written=time.time(), layers=("hidden",))
    write_status(control_folder(living), status)
    with controlled(living.parent) as address, watched(chromium) as page:
        page.page.goto(f"{address}?token={TOKEN}")
        page.ready()
        panel = page.page.locator(".control")
        panel.locator(".made", has_text="Epoch 1").wait_for(timeout=20_000)
        panel.locator("summary", has_text="Ask it").click()
        panel.get_by_role("button", name="Lesion").click()
        panel.get_by_role("button", name="Measure").click()
        assert "say which are set" in panel.locator("details[open] .ask .reason").inner_text()
        indices = page.page.evaluate(f"() => {STATE}.a.network.layers.find((one) => one.name === 'hidden').indices")
        chosen = [indices[at] for at in (0, 3, 5, 3)]
        for index in chosen:
            place = page.page.evaluate("(unit) => window.lightningIIT.project(unit)", {"layer": "hidden", "index": index})
            page.page.mouse.move(place["x"], place["y"])
            page.page.mouse.click(place["x"], place["y"])
            page.page.wait_for_function(f"(index) => {STATE}.unit?.index === index", arg=index)
        assert panel.locator("details[open]").get_by_label("Units").input_value() == f"{chosen[0]}, {chosen[2]}"
        panel.get_by_label("Set to").select_option("zero")
        panel.get_by_role("button", name="Measure").click()
        wait_for(lambda: commands_in(living))
        (file,) = commands_in(living)
        assert read_command(file).words == f"lesion --layer hidden --units {chosen[0]},{chosen[2]} --to zero"
        page.check()


@pytest.mark.browser
def test_a_tab_of_tensorboard_and_a_file_have_no_panel(chromium: Browser, living: Path, tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    from lightning_iit.trackers.tensorboard import TensorBoardTracker

    writer = SummaryWriter(str(living))
    TensorBoardTracker(writer).log(make_record("hidden", 0), {})
    writer.close()
    export(str(living), tmp_path / "run.html")
    with watched(chromium) as page:
        page.page.goto((tmp_path / "run.html").as_uri() + f"?token={TOKEN}")
        page.page.wait_for_function(f"() => {STATE}?.a?.record", timeout=30_000)
        assert page.page.locator(".control").is_hidden()
    with tensorboard(living.parent) as address, watched(chromium) as page:
        headers = {"Content_Type": "application/json", "X_IIT_Token": TOKEN, "Origin": address.rstrip("/")}
        status, _, _ = get(address, "/data/plugin/iit/command", method="POST", body=json.dumps(PAUSE), **headers)
        assert status in {403, 404}
        assert get(address, "/data/plugin/iit/live?run=version_0")[0] == 404
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        frame.wait_for_function(f"() => {STATE}?.a?.record", timeout=60_000)
        assert frame.locator(".control").is_hidden()
    assert list(control_folder(living).iterdir()) == []
