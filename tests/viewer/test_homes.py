"""The viewer in its other homes: a real tensorboard process, an HTML file, a real MLflow server's artifact pane."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import pytest
from models import Gru, sequence_data
from training import trainer
from viewer_examination import check_concepts, check_reading, examine, written_record
from viewer_fits import axe_findings, settled, sideways
from viewer_pages import answer_of, command_line_viewer, free_port, process, tensorboard, watched
from viewer_runs import LAYERS, make_record, make_snapshots, write_file, write_run

from lightning_iit import IITCallback, System, compute_phi, load_run
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import decode, decode_network
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.export import export, page_of
from lightning_iit.viewer.mlflow_source import MLflowSource
from lightning_iit.viewer.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
EPOCHS = 9
BOMB_BYTES = 200_000_000


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in an event file, its records beside it as files."""
    from torch.utils.tensorboard import SummaryWriter

    run = tmp_path_factory.mktemp("logged") / "logs" / "version_0"
    write_run(run, epochs=EPOCHS)
    writer = SummaryWriter(str(run))
    tracker = TensorBoardTracker(writer)
    for epoch in range(-1, EPOCHS):
        for layer, n in LAYERS.items():
            tracker.log(make_record(layer, epoch, n=n), {})
        writer.add_scalar("train/loss", 2.3 * 0.8**epoch, (epoch + 1) * 23)
    for _, data in make_snapshots(EPOCHS):
        tracker.log_network(decode_network(data))
    writer.close()
    return run


def fetched(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_the_tab_shows_what_the_records_hold_and_follows_the_theme(chromium: Browser, logged: Path) -> None:
    with tensorboard(logged.parent) as address, watched(chromium, width=1440, height=900, theme="light") as page:
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        page.ready(frame)
        examine(page.page, frame, logged)
        assert frame.evaluate("() => document.querySelector('.iit').dataset.theme") == "light"
        page.page.evaluate("() => document.body.classList.add('dark-mode')")
        frame.wait_for_function("() => document.querySelector('.iit').dataset.theme === 'dark'")
        frame.get_by_text("loss, accuracy").click()
        frame.wait_for_function("() => window.lightningIIT.state().a.scalars?.series.length === 1")
        page.page.set_viewport_size({"width": 390, "height": 844})
        frame.wait_for_function("() => innerWidth <= 390")
        settled(frame)
        assert sideways(frame) == []
        assert axe_findings(frame) == []
        page.check()


@pytest.fixture(scope="module")
def of_iit4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training by IIT 3.0 and 4.0 with TensorBoard's logger; the event file and the files of the run."""
    from lightning.pytorch.loggers import TensorBoardLogger

    root = tmp_path_factory.mktemp("iit4")
    callback = IITCallback("net.gru", units=3, groups=4, formalism=("iit3", "iit4-2023"), table=False)
    logger = TensorBoardLogger(root, name="logs", version="run")
    trainer(root, callback, epochs=1, logger=logger).fit(Gru(), sequence_data())
    return root / "logs" / "run"


def test_the_tab_shows_iit4_and_the_tour(chromium: Browser, of_iit4: Path) -> None:
    """Distinctions and partition of the record that the event file holds, and Φ of the tour's own engine."""
    with tensorboard(of_iit4.parent) as address, watched(chromium, width=1280, height=800, theme="light") as page:
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        page.ready(frame)
        frame.get_by_label("Formalism", exact=True).select_option("iit4-2023")
        frame.wait_for_function("() => window.lightningIIT.state().a.record?.formalism === 'iit4-2023'")
        record = next(one for one in load_run(of_iit4)[-1].by_formalism if one.formalism == "iit4-2023")
        settled(frame)
        assert float(frame.locator(".value[data-share]").get_attribute("data-share")) == record.survey.share
        assert frame.locator(".distinctions tbody tr[tabindex]").count() == len(record.structure.distinctions) > 0
        found = frame.locator(".distinctions td.phi").evaluate_all("(cells) => cells.map((cell) => cell.textContent)")
        assert sorted(found, reverse=True) == sorted((f"{one.phi:.4f}" for one in record.structure.distinctions), reverse=True)

        frame.get_by_role("button", name="What is Φ? A tour").click()
        frame.wait_for_selector(".tour[open]")
        for _ in range(4):
            frame.locator("#tour-title").press("ArrowRight")
        others = [[int(i != j) for j in range(3)] for i in range(3)]
        states = [(a, b, c) for c in (0, 1) for b in (0, 1) for a in (0, 1)]
        gates = [[b | c, a & c, a ^ b] for a, b, c in states]  # OR, AND and XOR, each of which errs in 5 % of all cases
        wanted = compute_phi(System(tpm=[[0.95 if on else 0.05 for on in row] for row in gates], state=(1, 0, 0), cm=others))
        phi = float(frame.locator(".tour [data-phi]").get_attribute("data-phi"))
        assert phi == pytest.approx(wanted.phi, abs=1e-6)
        page.page.keyboard.press("Escape")
        frame.wait_for_selector(".tour", state="detached")
        page.check()


def test_a_new_epoch_appears_in_the_tab_by_itself(chromium: Browser, tmp_path: Path) -> None:
    """With TensorBoard's own reload of the log directory, without one of the page."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path / "logs" / "run"))
    tracker = TensorBoardTracker(writer)
    tracker.log(make_record("hidden", 0), {})
    writer.flush()
    with tensorboard(tmp_path / "logs", "--reload_interval", "1") as address, watched(chromium) as page:
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        frame.wait_for_selector(".value[data-phi]", timeout=60_000)
        frame.evaluate("() => { window.__marker = 'still here'; }")
        tracker.log(make_record("hidden", 1, phi=0.777), {})
        writer.flush()
        began = time.monotonic()
        frame.wait_for_selector(".value[data-phi='0.777']", timeout=20_000)
        print(f"the new epoch was in the tab {time.monotonic() - began:.2f} s after it was written")
        assert frame.evaluate("() => window.__marker") == "still here"
        page.check()
    writer.close()


@pytest.mark.parametrize("loader", ["true", "false"])
def test_a_judgement_that_comes_late_appears_in_the_tab_by_itself(chromium: Browser, tmp_path: Path, loader: str) -> None:
    """The judged record has layer, epoch, step and time of the one that it replaces."""
    from torch.utils.tensorboard import SummaryWriter

    judged = make_record("hidden", 0)
    writer = SummaryWriter(str(tmp_path / "logs" / "run"))
    tracker = TensorBoardTracker(writer)
    tracker.log(msgspec.structs.replace(judged, null=None), {})
    writer.flush()
    with tensorboard(tmp_path / "logs", "--reload_interval", "1", f"--load_fast={loader}") as address, watched(chromium) as page:
        page.page.goto(f"{address}#iit")
        frame = page.page.wait_for_selector("iframe").content_frame()
        frame.wait_for_function("() => window.lightningIIT?.state().a?.record?.null === null", timeout=60_000)
        tracker.log(judged, {})
        writer.flush()
        frame.wait_for_function("() => window.lightningIIT.state().a.record.null?.upper === 0.11", timeout=30_000)
        page.check()
    writer.close()


@pytest.mark.parametrize("loader", ["true", "false"])
def test_tensorboard_keeps_every_epoch(tmp_path: Path, loader: str) -> None:
    from torch.utils.tensorboard import SummaryWriter

    run = tmp_path / "logs" / "long"
    writer = SummaryWriter(str(run))
    tracker = TensorBoardTracker(writer)
    for epoch in range(150):
        tracker.log(make_record("hidden", epoch, n=2), {})
    writer.close()
    with tensorboard(run.parent, f"--load_fast={loader}") as address:
        rows: list[dict[str, object]] = []
        for _ in range(60):
            status, body = fetched(address, "/data/plugin/iit/index?run=long")
            rows = json.loads(body)["rows"] if status == 200 else []
            if len(rows) == 150:
                break
            subprocess.run(["sleep", "0.5"], check=True)
        assert [row["epoch"] for row in rows] == list(range(150))
        assert decode(fetched(address, "/data/plugin/iit/record?run=long&layer=hidden&epoch=77")[1]) == make_record(
            "hidden", 77, n=2
        )


def test_a_payload_that_unpacks_to_very_much_is_not_unpacked(tmp_path: Path) -> None:
    """A few kilobytes in an event file that claim to be a large record are shown as corrupt, the rest is served."""
    from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path / "logs" / "run"))
    TensorBoardTracker(writer).log(make_record("hidden", 0), {})
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="iit"), data_class=DATA_CLASS_TENSOR)
    for tag, payload in (
        ("iit/bomb/record", zlib.compress(b" " * BOMB_BYTES)),
        ("iit/noise/record", b"\x00\xff"),
        ("iit/network/snapshot", b"x"),
    ):
        tensor = TensorProto(dtype=DT_STRING, string_val=[payload])
        writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)]), 3)
    writer.close()
    with tensorboard(tmp_path / "logs") as address:
        rows: dict[str, dict[str, object]] = {}
        for _ in range(40):
            status, body = fetched(address, "/data/plugin/iit/index?run=run")
            rows = {row["layer"]: row for row in json.loads(body)["rows"]} if status == 200 else {}
            if len(rows) == 3:
                break
            subprocess.run(["sleep", "0.5"], check=True)
        assert {layer: row["status"] for layer, row in rows.items()} == {
            "hidden": "computed",
            "bomb": "corrupt",
            "noise": "corrupt",
        }
        assert fetched(address, "/data/plugin/iit/record?run=run&layer=bomb&epoch=3")[0] == 422
        assert fetched(address, "/data/plugin/iit/record?run=../x&layer=bomb&epoch=3")[0] == 404
        assert fetched(address, "/data/plugin/iit/network?run=run&epoch=0")[0] in (404, 422)


def test_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys; import lightning_iit.viewer.plugin;"
        "heavy = ('torch', 'pyphi', 'mlflow', 'numba', 'lightning', 'matplotlib', 'pandas', 'scipy');"
        "print(*[name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_file_shows_what_the_records_hold_without_a_server(chromium: Browser, logged: Path, tmp_path: Path) -> None:
    path = export(str(logged), tmp_path / "run.html")
    with watched(chromium) as page:
        page.page.goto(path.as_uri())
        examine(page.page, page.ready(), logged)
        page.page.get_by_text("loss, accuracy").click()
        page.page.wait_for_function("() => window.lightningIIT.state().a.scalars?.series[0]?.tag === 'train/loss'")
        page.check()


def test_a_long_run_is_thinned_to_the_limit_and_the_page_says_so(chromium: Browser, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for epoch in range(60):
        write_file(run / "iit" / "memory" / f"epoch={epoch:04d}.json", b"")
        (run / "iit" / "memory" / f"epoch={epoch:04d}.json").write_bytes(_record_bytes(epoch))
    for name, data in make_snapshots(30):
        write_file(run / "iit" / "network" / name, data)
    whole = export(str(run), tmp_path / "whole.html").stat().st_size
    limit = 1_100_000
    path = export(str(run), tmp_path / "thin.html", max_bytes=limit)
    assert path.stat().st_size <= limit < whole
    with watched(chromium) as page:
        page.page.goto(path.as_uri())
        page.ready()
        assert page.page.evaluate("() => window.lightningIIT.state().epoch") == 59
        words = page.page.locator(".banner").inner_text()
        assert "to stay below 1.1 MB" in words
        assert page.page.evaluate("() => window.lightningIIT.state().a.index.rows.length") == 60
        page.check()


def _record_bytes(epoch: int) -> bytes:
    from lightning_iit.records import encode

    return encode(make_record("memory", epoch + 100, n=6)).replace(b'"epoch":%d' % (epoch + 100), b'"epoch":%d' % epoch)


def test_the_page_of_a_run_directory_is_its_export(logged: Path, tmp_path: Path) -> None:
    assert page_of(logged) == export(str(logged), tmp_path / "run.html").read_bytes()
    with pytest.raises(InvalidArgumentError, match="no folder 'iit'"):
        page_of(tmp_path)


def test_an_export_is_of_one_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, epochs=0, snapshots=False)
    with pytest.raises(InvalidArgumentError, match=r"holds 2 runs; .* Give one of these: \S+/[ab], \S+/[ab]\.$"):
        export(str(tmp_path), tmp_path / "out.html")


def test_names_in_a_file_stay_text(chromium: Browser, tmp_path: Path) -> None:
    run = tmp_path / "<img src=x onerror=alert(1)><!--<script>"
    write_run(run, epochs=1)
    path = export(str(run), tmp_path / "out.html")
    assert b"<img" not in path.read_bytes().split(b'id="iit-data">')[1].split(b"</script>")[0]
    with watched(chromium) as page:
        page.page.goto(path.as_uri())
        page.ready()
        assert run.name in page.page.get_by_label("Run", exact=True).inner_text()
        assert page.page.locator(".iit img").count() == 0
        page.check()


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *stores]
    with process(command, f"{address}/health", folder / "server.log", seconds=120):
        yield address


@pytest.fixture(scope="module")
def tracked(mlflow_server: str, logged: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """Address, experiment and run of a run whose records and page were uploaded."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=mlflow_server)
    experiment = client.create_experiment("digits")
    run = client.create_run(experiment, run_name="<b>first</b>", tags={"iit.kind.memory": "observational"}).info.run_id
    for folder in (logged / "iit").iterdir():
        client.log_artifacts(run, str(folder), f"iit/{folder.name}")
    client.log_metric(run, "loss", 0.5, step=23)
    page = export(str(logged), tmp_path_factory.mktemp("page") / "viewer.html")
    client.log_artifact(run, str(page), "iit")
    return mlflow_server, experiment, run


def test_the_artifact_pane_of_mlflow_shows_the_viewer(chromium: Browser, tracked: tuple[str, str, str], logged: Path) -> None:
    address, experiment, run = tracked
    with watched(chromium, width=1900, height=1000) as page:
        page.page.goto(f"{address}/#/experiments/{experiment}/runs/{run}/artifacts/iit/viewer.html")
        element = page.page.wait_for_selector("iframe[src^='blob:']", timeout=60_000)
        frame = element.content_frame()
        page.ready(frame)
        page.complaints.clear()  # MLflow's own page may complain of itself
        examine(page.page, frame, logged)
        assert "Download this file and open it by itself" in frame.locator(".cut-off").inner_text()
        assert frame.locator(".cut-off").is_visible()
        assert frame.get_by_role("button", name="Share").count() == 0
        page.page.set_viewport_size({"width": 1280, "height": 720})
        frame.wait_for_function("() => innerWidth < 1280")
        settled(frame)
        assert sideways(frame) == []
        assert not page.complaints, page.complaints
        assert frame.evaluate("() => window.__refused") == []


def test_records_are_read_from_an_mlflow_server(tracked: tuple[str, str, str], logged: Path) -> None:
    address, _, run = tracked
    source = open_source(f"{address}#{run}")
    assert isinstance(source, MLflowSource)
    assert [info.name for info in source.runs()[0]] == ["<b>first</b>"]
    index = source.index(run)
    assert len(index.rows) == 2 * (EPOCHS + 1)
    assert [row.epoch for row in index.networks] == list(range(-1, EPOCHS))
    assert decode(source.record(run, "memory", 2)) == make_record("memory", 2, n=6)
    assert source.network(run, 2) == (logged / "iit/network/snapshot=0002.json").read_bytes()
    assert [(line.tag, line.points) for line in source.scalars(run).series] == [("loss", ((23, 0.5),))]
    for unknown in ("../../etc", "0" * 32):
        with pytest.raises(LookupError):
            source.index(unknown)


def test_the_command_shows_the_runs_of_an_mlflow_server(
    chromium: Browser, tracked: tuple[str, str, str], logged: Path, tmp_path: Path
) -> None:
    """Started with a tracking URI, the page is as for a directory; its command line fetches the record and computes."""
    address, _, run = tracked
    with command_line_viewer(address, "--no-browser") as own, watched(chromium) as page:
        page.page.goto(own)
        page.ready()
        newest = written_record(logged, "memory", EPOCHS - 1)
        check_reading(page.page, newest)
        check_concepts(page.page, newest)
        assert page.page.evaluate("() => window.lightningIIT.state().a.run.id") == run
        page.page.get_by_label("Layer", exact=True).select_option("hidden")
        page.page.wait_for_function("() => window.lightningIIT.state().a.record?.layer === 'hidden'")
        command = page.page.locator(".command code").inner_text()
        shown = page.page.evaluate(
            "() => { const { epoch, states } = window.lightningIIT.state().a.record; return [epoch, states[0].state]; }"
        )
        page.check()
    record = make_record("hidden", shown[0], n=4)
    wanted = compute_phi(System(tpm=record.tpm.state_by_node, state=tuple(shown[1])), engine="fast")
    assert command.startswith(f"MLFLOW_TRACKING_URI={address} mlflow artifacts download --run-id {run} ")
    assert answer_of(command, tmp_path)["phi"] == pytest.approx(wanted.phi, abs=1e-9)


def test_an_mlflow_server_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InvalidArgumentError, match="No MLflow"):
        open_source(f"http://127.0.0.1:{free_port()}")
