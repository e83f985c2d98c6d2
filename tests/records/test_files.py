"""Only regular files are opened, and files that several write keep what each of them wrote."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from index_files import read_index
from sample_records import a_record

from lightning_iit.errors import RecordError
from lightning_iit.records.disk.files import locked, open_regular, read_regular
from lightning_iit.records.names import layer_slug
from lightning_iit.records.store import read_run, write_atomically, write_record
from lightning_iit.trackers.destinations import destinations
from lightning_iit.viewer.scalars import read_scalars
from lightning_iit.viewer.sources import open_source


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may have about 100 characters
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


SPECIAL = [make_fifo, make_socket, make_device, make_terminal, Path.mkdir]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", SPECIAL)
def test_only_regular_files_are_opened(tmp_path, make):
    good = write_record(tmp_path, a_record(epoch=0))
    bad = good.with_name("epoch=0001.json")
    make(bad)
    (tmp_path / "iit" / "network").mkdir()
    make(tmp_path / "iit" / "network" / "snapshot=0001.json")
    make(tmp_path / "iit" / "mlflow.json")
    make(tmp_path / "events.out.tfevents.1")
    with pytest.raises(RecordError, match="not a regular file"):
        read_regular(bad)
    records, (fault,) = read_run(tmp_path)
    assert [record.epoch for record in records] == [0]
    assert fault.path == bad
    assert "not a regular file" in fault.reason
    source = open_source(str(tmp_path))
    assert [(row.epoch, row.status) for row in source.index(".").rows] == [(0, "computed"), (1, "corrupt")]
    with pytest.raises(RecordError, match=r"not a regular file|leads out"):
        source.network(".", 1)
    with pytest.raises(RecordError, match="not a regular file"):
        destinations(tmp_path)
    assert read_scalars(tmp_path).series == ()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", SPECIAL)
@pytest.mark.parametrize(
    "command", [["verify", "{run}"], ["export", "{run}", "-o", "{run}/page.html"], ["phi", "{run}/iit/fc1/epoch=0001.json"]]
)
def test_no_command_hangs_at_what_is_no_regular_file(tmp_path, make, command):
    make(write_record(tmp_path, a_record(epoch=0)).with_name("epoch=0001.json"))
    words = [sys.executable, "-m", "lightning_iit.cli", *(word.format(run=tmp_path) for word in command)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True, timeout=50)
    assert "Traceback" not in ended.stderr
    if command[0] != "export":
        assert re.search("regular file|leads out of the directory|there is no folder", ended.stdout + ended.stderr)
        assert ended.returncode != 0


@pytest.mark.timeout(60)
def test_an_index_that_is_no_regular_file_does_not_hold_up_a_writer(tmp_path):
    (tmp_path / "iit").mkdir()
    os.mkfifo(tmp_path / "iit" / "index.jsonl")
    with pytest.raises(RecordError, match="named pipe"):
        write_record(tmp_path, a_record())
    assert len(read_run(tmp_path).records) == 1


def test_a_link_to_a_regular_file_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link", 3) == b"123"
    with open_regular(tmp_path / "file", os.O_WRONLY | os.O_APPEND) as file:
        file.write(b"6")
    assert read_regular(tmp_path / "link") == b"123456"


def test_threads_that_write_one_file_leave_one_of_their_contents(tmp_path):
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda data: write_atomically(tmp_path / "file", data), contents * 5))
    assert (tmp_path / "file").read_bytes() in contents
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


WRITER = """
import sys
from pathlib import Path
from sample_records import a_record
from lightning_iit.records.store import rebuild_index, write_record
for epoch in range(25):
    write_record(Path(sys.argv[1]), a_record(sys.argv[2], epoch))
    if epoch % 3 == 0:
        rebuild_index(Path(sys.argv[1]))
"""


def test_processes_that_write_into_one_folder_lose_no_line_of_the_index(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1] / "support"), *sys.path])}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), layer], env=environment) for layer in ("a", "b", "c", "d")
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    listed = {(entry.layer, entry.epoch) for entry in read_index(tmp_path)}
    assert listed == {(layer, epoch) for layer in "abcd" for epoch in range(25)}


def test_a_lock_is_of_one_thread_at_a_time(tmp_path):
    inside, most = [], []

    def enter(number):
        with locked(tmp_path / "file", wait=True) as why_not:
            assert not why_not
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(200)))
    assert max(most) == 1


def test_without_the_lock_it_is_said_why(tmp_path, caplog):
    (tmp_path / ".folder.lock").mkdir()
    with locked(tmp_path / "file") as why_not, ThreadPoolExecutor(1) as thread:
        assert why_not == ""
        assert "could not be acquired" in thread.submit(reason_without_the_lock, tmp_path / "file").result()
    assert "has held the lock of" in caplog.text
    assert "Is a directory" in reason_without_the_lock(tmp_path / "folder")


def reason_without_the_lock(path):
    with locked(path, patience=0.1) as why_not:
        return why_not


@pytest.mark.parametrize(
    "name", ["index.jsonl", "options.json", "units.json", "mlflow.json", "report.md", "viewer.html", "Report.MD"]
)
def test_no_layer_takes_the_place_of_a_file_of_the_run(name):
    assert layer_slug(name) != name
