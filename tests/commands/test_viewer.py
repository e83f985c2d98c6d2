"""``lightning-iit view`` and ``export`` as a person calls them."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from viewer_pages import browser, command_line_viewer, watched
from viewer_runs import make_record, write_record, write_run

from lightning_iit.viewer.export import page_of
from lightning_iit.viewer.serving.server import REQUEST_SECONDS

IIT = str(Path(sys.executable).with_name("lightning-iit"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_record(tmp_path / "run", make_record("hidden", 0))
    return tmp_path / "run"


@pytest.fixture
def named_browser(tmp_path: Path) -> Path:
    """A browser that writes down what it is asked to open, in a file beside it."""
    script = tmp_path / "a browser"
    script.write_text(f'#!/bin/sh\necho "$1" >> "{tmp_path}/opened"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def opened(named_browser: Path, *, seconds: float) -> list[str]:
    """What the browser was asked to open within some seconds."""
    file, deadline = named_browser.with_name("opened"), time.monotonic() + seconds
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return file.read_text().split() if file.exists() else []


@pytest.mark.browser
def test_the_page_is_at_the_address_that_is_printed(run: Path) -> None:
    with command_line_viewer(str(run)) as address:
        assert address.startswith("http://127.0.0.1:")
        with browser() as chromium, watched(chromium) as page:
            page.page.goto(address)
            page.page.wait_for_selector(".value[data-phi]")
            page.check()


def test_the_browser_is_opened_where_there_is_one(run: Path, named_browser: Path) -> None:
    with command_line_viewer(str(run), BROWSER=f"'{named_browser}' %s") as address:
        assert opened(named_browser, seconds=10) == [address]


def test_no_browser_is_opened_where_none_is_wanted_or_there(run: Path, named_browser: Path) -> None:
    """Neither with --no-browser, nor without a screen: a text browser on the PATH would take over the terminal."""
    with command_line_viewer(str(run), "--no-browser", BROWSER=f"'{named_browser}' %s"):
        pass
    text_browser = named_browser.with_name("www-browser")
    named_browser.rename(text_browser)
    with command_line_viewer(str(run), TERM="xterm", PATH=f"{text_browser.parent}:/usr/bin:/bin") as address:
        assert urllib.request.urlopen(address).status == 200
        assert opened(text_browser, seconds=0.5) == []


def reachable(host: str, address: str) -> int | None:
    """The status that the server answers under another name of this machine; None where nobody listens."""
    port = address.rstrip("/").rpartition(":")[2]
    try:
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            return int(connection.recv(100).split()[1])
    except ConnectionRefusedError:
        return None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers to all of 127.0.0.0/8 by itself")
def test_only_this_machine_is_served_unless_another_host_is_named(run: Path) -> None:
    with command_line_viewer(str(run), "--no-browser") as address:
        assert reachable("127.0.0.1", address) == 200
        assert reachable("127.0.0.2", address) is None
    with command_line_viewer(str(run), "--no-browser", "--host", "127.0.0.2") as address:
        assert address.startswith("http://127.0.0.2:")
        assert reachable("127.0.0.2", address) == 200
        assert reachable("127.0.0.1", address) is None


def test_the_export_command_writes_the_page_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", epochs=1)
    done = subprocess.run([IIT, "export", str(run), "-o", "out.html"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "Wrote out.html.\n"
    assert (tmp_path / "out.html").read_bytes() == page_of(run)
    missing = subprocess.run([IIT, "export", "nowhere"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "nowhere" in missing.stderr


def connections(address: str, number: int) -> list[socket.socket]:
    """Connections to the viewer that send nothing."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    return [socket.create_connection((host, int(port)), timeout=30) for _ in range(number)]


def test_five_hundred_silent_connections_do_not_end_the_viewer(run: Path) -> None:
    with command_line_viewer(str(run)) as address:
        silent = connections(address, 500)
        try:
            for _ in range(3):
                with urllib.request.urlopen(f"{address}runs", timeout=30) as answer:
                    assert b'"run"' in answer.read()
        finally:
            for connection in silent:
                connection.close()


def test_a_client_that_sends_its_request_too_slowly_is_cut_off(run: Path) -> None:
    with command_line_viewer(str(run)) as address:
        (slow,) = connections(address, 1)
        began = time.monotonic()
        slow.settimeout(1.0)
        with slow:
            for letter in b"GET /runs HTTP/1.1\r\nX: " + b"x" * 100:  # a letter a second: each comes within any limit for one wait
                try:
                    slow.send(bytes([letter]))
                    if slow.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        assert REQUEST_SECONDS - 1 < time.monotonic() - began < REQUEST_SECONDS + 10


def test_a_page_without_the_front_end_is_refused_in_words(run: Path, tmp_path: Path) -> None:
    code = (
        "import sys, lightning_iit.viewer.static_files as files\n"
        "files.resources = type('Empty', (), {'files': staticmethod(lambda _: __import__('pathlib').Path(sys.argv[1]))})\n"
        "from lightning_iit.cli import main\nsys.exit(main(['export', sys.argv[2], '-o', sys.argv[1] + '/page.html']))"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(run)], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "front end is not built" in ended.stderr
    assert "Traceback" not in ended.stderr
