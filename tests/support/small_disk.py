"""A file system of two megabytes, which can be full or read-only even for root."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
"""Runs a command in which a user may mount who may not do so elsewhere."""


@contextmanager
def small_disk(disk: Path, test: pytest.Function) -> Iterator[None]:
    """Mounts the file system for one test; where this user may not mount, the test is run in a namespace where he may."""
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk))
    if not _works(mount):
        if not _works((*NAMESPACE, *mount)):
            pytest.skip("a small file system cannot be mounted here, nor in a namespace of this user")
        test.obj = lambda **_: _run_in_namespace(test)
        yield
        return
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    """Writes a file that takes all the room that is left, and returns its path."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    return filler


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def _works(command: tuple[str, ...]) -> bool:
    with suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def _run_in_namespace(test: pytest.Function) -> None:
    command = (*NAMESPACE, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test.nodeid)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=test.config.rootpath)
    assert done.returncode == 0, done.stdout + done.stderr
