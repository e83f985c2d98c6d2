"""The viewer's server: what it answers, and what hostile requests and files get."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from viewer_pages import get, viewer
from viewer_runs import make_record, write_file, write_record, write_run

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import SCHEMA_VERSION, decode, decode_network, encode
from lightning_iit.records.names import layer_slug
from lightning_iit.records.store import write_atomically
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.sources import open_source
from lightning_iit.viewer.summary import MAX_BYTES


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("written"), epochs=3)


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "logs" / "version_0"))


def test_index_and_records_are_those_that_were_written(run: Path) -> None:
    with viewer(run.parent) as address:
        runs = json.loads(get(address, "/runs")[2])
        assert [found["id"] for found in runs["runs"]] == ["version_0"]
        index = json.loads(get(address, "/index?run=version_0")[2])
        assert [(row["layer"], row["epoch"]) for row in index["rows"]] == [
            (layer, epoch) for epoch in (-1, 0, 1, 2) for layer in ("hidden", "memory")
        ]
        for row in index["rows"]:
            status, _, body = get(address, f"/record?run=version_0&layer={row['layer']}&epoch={row['epoch']}")
            written = decode((run / row["file"]).read_bytes())
            assert status == 200
            assert decode(body) == written
            assert row["phi"] == written.phi
            assert row["mean"] == written.scalars["phi_mean"]
            assert row["maximum"] == written.scalars["phi_max"]
        for row in index["networks"]:
            body = get(address, f"/network?run=version_0&epoch={row['epoch']}")[2]
            assert decode_network(body) == decode_network((run / f"iit/network/snapshot={row['epoch']:04d}.json").read_bytes())


def test_copies_among_artifacts_of_mlflow_are_no_runs_of_their_own(tmp_path: Path) -> None:
    copy = tmp_path / "mlflow" / ("0a" * 16) / "artifacts"
    write_record(copy, make_record("hidden", 0))
    assert [run.path for run in LogDirSource(tmp_path).runs()[0]] == [str(copy)]
    write_record(tmp_path / "version_0", make_record("hidden", 0))
    assert [run.id for run in LogDirSource(tmp_path).runs()[0]] == ["version_0"]


def test_gaps_carry_their_reasons(tmp_path: Path) -> None:
    write_run(tmp_path / "run", epochs=8, snapshots=False)
    rows = {(row.layer, row.epoch): row for row in LogDirSource(tmp_path / "run").index(".").rows}
    for key, status in {("memory", 5): "timed_out", ("hidden", 3): "failed", ("hidden", 7): "skipped"}.items():
        assert rows[key].status == status
        assert rows[key].reason
        assert rows[key].phi is None


def test_what_is_known_is_not_sent_again(run: Path) -> None:
    with viewer(run) as address:
        status, headers, _ = get(address, "/index?run=.")
        assert status == 200
        again, _, body = get(address, "/index?run=.", If_None_Match=headers["ETag"])
        assert (again, body) == (304, b"")
        write_record(run, make_record("hidden", 3 + 1, n=4))
        assert get(address, "/index?run=.", If_None_Match=headers["ETag"])[0] == 200


def test_headers_keep_the_page_to_itself(run: Path) -> None:
    with viewer(run) as address:
        for path in ("/", "/viewer.js", "/runs", "/nowhere"):
            _, headers, _ = get(address, path)
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert get(address, "/runs", Host="evil.example")[0] == 403
        assert get(address, "/runs", Host=f"LocalHost:{urlsplit(address).port}")[0] == 200, "names of hosts have no case"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/static/../app.py",
        "/viewer.js/../../__init__.py",
        "/index?run=../secret",
        "/index?run=" + quote("/etc", safe=""),
        "/record?run=../secret&layer=hidden&epoch=0",
        "/record?run=.&layer=../../secret/iit/hidden&epoch=0",
        "/record?run=.&layer=hidden&epoch=../../x",
        "/network?run=.&epoch=0/../../../../secret",
        "/network?run=%00&epoch=0",
        "/record?run=.&layer=hidden",
        "/index",
    ],
)
def test_paths_out_of_the_root_are_not_found(run: Path, path: str) -> None:
    write_record(run.parent.parent / "secret", make_record("hidden", 0))
    with viewer(run) as address:
        status, _, body = get(address, path)
        assert status in (404, 400)
        assert b"root:" not in body
        assert b"state_by_node" not in body


def test_links_out_of_the_root_are_not_followed(run: Path, tmp_path: Path) -> None:
    secret = write_record(tmp_path / "secret", make_record("hidden", 9))
    (run / "iit" / "hidden" / "epoch=0009.json").symlink_to(secret)
    (run / "iit" / "linked").symlink_to(secret.parent)
    (run.parent / "other").symlink_to(tmp_path / "secret")
    source = LogDirSource(run.parent)
    assert [found.id for found in source.runs()[0]] == ["version_0"]
    rows = {(row.layer, row.epoch): row for row in source.index("version_0").rows}
    assert rows["hidden", 9].status == "corrupt"
    assert "out of the directory" in rows["hidden", 9].reason
    assert not any(layer == "linked" for layer, _ in rows)


def test_records_that_cannot_be_read_are_shown_as_such_and_the_rest_is_served(run: Path) -> None:
    folder = run / "iit" / "hidden"
    good = (folder / "epoch=0000.json").read_bytes()
    write_file(folder / "epoch=0010.json", good[: len(good) // 2])
    write_file(folder / "epoch=0011.json", b'{"layer": 3, "epoch": "x"}')
    write_file(folder / "epoch=0012.json", good.replace(f'"schema_version":{SCHEMA_VERSION}'.encode(), b'"schema_version":99'))
    write_file(folder / "epoch=0013.json", b"\xff\xfe\x00")
    write_file(folder / "epoch=0014.json", b"")
    write_file(folder / "epoch=0015.json", b"[" * 100_000)
    with (folder / "epoch=0016.json").open("wb") as huge:
        huge.truncate(100_000_000)
    began = time.monotonic()
    with viewer(run) as address:
        rows = {(row["layer"], row["epoch"]): row for row in json.loads(get(address, "/index?run=.")[2])["rows"]}
        assert time.monotonic() - began < 60
        for epoch in range(10, 17):
            assert rows["hidden", epoch]["status"] == "corrupt"
            assert rows["hidden", epoch]["reason"]
            status, _, body = get(address, f"/record?run=.&layer=hidden&epoch={epoch}")
            assert status == 422
            assert json.loads(body)["error"]
            assert len(body) < 10_000
        assert "99" in rows["hidden", 12]["reason"]
        assert "100,000,000" in rows["hidden", 16]["reason"]
        assert f"{MAX_BYTES:,}" in rows["hidden", 16]["reason"]
        assert rows["hidden", 0]["status"] == "computed"
        assert get(address, "/record?run=.&layer=hidden&epoch=0")[0] == 200


def test_a_corrupt_snapshot_is_said_to_be_one(run: Path) -> None:
    write_file(run / "iit" / "network" / "snapshot=0001.json", b'{"layers": 1}')
    with viewer(run) as address:
        status, _, body = get(address, "/network?run=.&epoch=1")
        assert status == 422
        assert "not a network snapshot" in json.loads(body)["error"]


def test_names_are_data_whatever_they_hold(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    write_record(tmp_path / name, make_record("hidden", 0))
    with viewer(tmp_path) as address:
        _, headers, body = get(address, "/runs")
        assert headers["Content-Type"] == "application/json"
        assert json.loads(body)["runs"][0]["name"] == name
        assert get(address, f"/index?run={quote(name)}")[0] == 200


def test_records_of_an_older_writer_are_filled_in(run: Path) -> None:
    path = run / "iit" / "hidden" / "epoch=0000.json"
    old = json.loads(path.read_bytes())
    for field in ("diagnostics", "notes", "null", "scalars", "major_complex"):
        del old[field]
    path.write_text(json.dumps({**old, "unheard_of": 1}))
    with viewer(run) as address:
        body = json.loads(get(address, "/record?run=.&layer=hidden&epoch=0")[2])
        assert body["notes"] == []
        assert body["null"] is None
        row = next(
            row for row in json.loads(get(address, "/index?run=.")[2])["rows"] if (row["layer"], row["epoch"]) == ("hidden", 0)
        )
        assert row["status"] == "computed"
        assert row["mean"] is not None


def test_thousands_of_runs_are_listed_in_part(tmp_path: Path) -> None:
    for number in range(2_100):
        (tmp_path / f"run_{number}" / "iit").mkdir(parents=True)
    source = LogDirSource(tmp_path)
    began = time.monotonic()
    runs, left_out = source.runs()
    assert (len(runs), left_out) == (2_000, 100)
    assert time.monotonic() - began < 30


def test_an_index_of_a_thousand_epochs_costs_little_more_than_reading_its_records(tmp_path: Path) -> None:
    """And the same index again costs a small part of that; times of the processor, since the machine may be busy."""
    for layer in ("a", "b", "c"):
        data = (write_record(tmp_path, make_record(layer, 0, n=4))).read_bytes()
        for epoch in range(1, 1_000):
            (tmp_path / "iit" / layer / f"epoch={epoch:04d}.json").write_bytes(data.replace(b'"epoch":0', b'"epoch":%d' % epoch))
    files = sorted((tmp_path / "iit").glob("*/*.json"))

    def seconds(call: Callable[[], object]) -> float:
        began = time.process_time()
        call()
        return time.process_time() - began

    source = LogDirSource(tmp_path)
    reading = seconds(lambda: [decode(file.read_bytes()) for file in files])
    first, again = seconds(lambda: source.index(".")), seconds(lambda: source.index("."))
    assert len(source.index(".").rows) == 3_000
    print(f"index of 3,000 records: {first:.2f} s beside {reading:.2f} s of reading, again {again:.4f} s")
    assert first < 5 * reading
    assert again < first / 5


def test_only_a_new_record_is_read(run: Path) -> None:
    """The rows of the others are the very same objects as before."""
    source = LogDirSource(run)
    before = {(row.layer, row.epoch): row for row in source.index(".").rows}
    write_record(run, make_record("hidden", 99))
    after = {(row.layer, row.epoch): row for row in source.index(".").rows}
    assert after.keys() - before.keys() == {("hidden", 99)}
    assert all(after[key] is row for key, row in before.items())
    assert source.index(".") is source.index(".")


_LISTED: list[str] = []
sys.addaudithook(lambda event, given: _LISTED.append(str(given[0])) if event == "os.scandir" and given else None)


def test_only_a_folder_with_news_is_listed(tmp_path: Path) -> None:
    for layer in ("a", "b"):
        write_record(tmp_path, make_record(layer, 0))
    source = LogDirSource(tmp_path)
    time.sleep(0.2)  # a file system tells two changes apart only if they are some milliseconds apart
    source.index(".")
    _LISTED.clear()
    source.index(".")
    write_record(tmp_path, make_record("a", 1))
    assert [(row.layer, row.epoch) for row in source.index(".").rows] == [("a", 0), ("b", 0), ("a", 1)]
    assert sorted(_LISTED) == [str(tmp_path / "iit")] * 2 + [str(tmp_path / "iit" / "a")]


def test_the_index_after_many_changes_is_that_of_a_source_that_starts_now(run: Path) -> None:
    """Files come, are replaced, damaged, and go."""
    source = LogDirSource(run)
    source.index(".")
    folder = run / "iit" / "hidden"
    for change in (
        lambda: write_record(run, make_record("hidden", 40)),
        lambda: write_record(run, make_record("hidden", 20)),
        lambda: write_record(run, make_record("hidden", 40, phi=0.5)),
        lambda: write_atomically(folder / "epoch=0030.json", b"{"),
        lambda: write_atomically(run / "iit" / layer_slug("other layer") / "epoch=0000.json", b"{"),
        lambda: write_record(run, make_record("other layer", 1)),
        lambda: write_atomically(run / "iit" / "network" / "snapshot=0050.json", b"{}"),
        (folder / "epoch=0020.json").unlink,
        lambda: shutil.rmtree(run / "iit" / layer_slug("other layer")),
    ):
        change()
        assert source.index(".") == LogDirSource(run).index(".")


def test_a_record_that_is_written_in_its_place_is_seen_later(run: Path) -> None:
    source = LogDirSource(run)
    before = {row.epoch: row for row in source.index(".").rows if row.layer == "hidden"}
    file = run / "iit" / "hidden" / "epoch=0001.json"
    file.write_bytes(encode(make_record("hidden", 1, phi=0.777)))
    deadline = time.monotonic() + 20
    while (row := next(row for row in source.index(".").rows if row.layer == "hidden" and row.epoch == 1)).phi != 0.777:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert row.version != before[1].version


def test_computing_is_off_unless_asked_for_and_only_for_the_own_page(run: Path) -> None:
    asked = json.dumps({"run": ".", "layer": "hidden", "epoch": 0, "state": [0, 0, 0, 0], "engine": "fast"})
    with viewer(run) as address:
        assert get(address, "/compute", method="POST", body=asked, Content_Type="application/json")[0] == 403
    from lightning_iit.viewer.compute import compute_again

    with viewer(run, compute=compute_again) as address:
        own = address.rstrip("/")
        assert get(address, "/compute", method="POST", body=asked, Content_Type="text/plain", Origin=own)[0] == 403
        assert (
            get(address, "/compute", method="POST", body=asked, Content_Type="application/json", Origin="http://evil.example")[0]
            == 403
        )
        assert get(address, "/compute", method="POST", body="{", Content_Type="application/json", Origin=own)[0] == 400
        assert get(address, "/compute", method="POST", body="x" * 20_000, Content_Type="application/json", Origin=own)[0] in (
            400,
            413,
        )
        status, _, body = get(address, "/compute", method="POST", body=asked, Content_Type="application/json", Origin=own)
        assert status == 200
        assert json.loads(body)["status"] == "computed"
        other = asked.replace('"fast"', '"slow"')
        status, _, body = get(address, "/compute", method="POST", body=other, Content_Type="application/json", Origin=own)
        assert status == 400
        assert json.loads(body) == {"error": "engine='slow': the server has no such engine; choose one of auto, fast, pyphi."}


SERVES_THE_RUNS = """
import sys
from pathlib import Path
from werkzeug.test import Client
from lightning_iit.viewer.app import ViewerApp
from lightning_iit.viewer.logdir import LogDirSource

source = LogDirSource(Path(sys.argv[1]))
answer = Client(ViewerApp(lambda _: source)).get("/runs")
print(answer.get_data(as_text=True))
print(*sorted({"torch", "pyphi", "numba", "engine_of_another"} & set(sys.modules)))
"""


def test_the_runs_come_with_the_engines_of_this_and_of_installed_packages(run: Path, tmp_path: Path) -> None:
    """Names only: no engine is imported for them."""
    metadata = tmp_path / "site" / "engine_of_another-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: engine-of-another\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lightning_iit.engines]\nanother = engine_of_another:Engine\n")
    path = os.pathsep.join([str(metadata.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", SERVES_THE_RUNS, str(run)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    answer, loaded = done.stdout.split("\n")[:2]
    assert json.loads(answer)["engines"] == ["auto", "fast", "pyphi", "another"]
    assert loaded == ""


def test_a_target_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no such directory"):
        open_source(str(tmp_path / "nothing"))
