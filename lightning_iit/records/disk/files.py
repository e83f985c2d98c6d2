"""Reads files that others may have put there, and holds locks on files that several processes write."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

from lightning_iit.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log: logging.Logger = logging.getLogger("lightning_iit")

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_PATIENCE = 10.0
"""The seconds of waiting for a lock after which the wait is said, or ended, unless others are given."""


def open_regular(path: Path, flags: int = os.O_RDONLY) -> BinaryIO:
    """Opens a regular file, or what a link to one leads to; never waits, as opening a named pipe would.

    Args:
        path: the file.
        flags: those of ``os.open``; ``os.O_RDONLY`` to read, ``os.O_WRONLY | os.O_APPEND | os.O_CREAT`` to append.

    Raises:
        RecordError: the path is a folder, a named pipe, a socket or a device.
        OSError: there is no such file, or it cannot be opened.
    """
    with contextlib.suppress(FileNotFoundError):  # a device is not even opened: that alone may have an effect
        _check_regular(path, path.stat().st_mode)
    try:
        number = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno != errno.ENXIO:  # a named pipe that nobody reads has come to the place in between
            raise
        msg = f"{path} is no regular file, so it is not opened."
        raise RecordError(msg) from error
    file = os.fdopen(number, "rb" if flags == os.O_RDONLY else "ab")
    try:
        _check_regular(path, os.fstat(number).st_mode)
    except RecordError:
        file.close()
        raise
    return file


def read_regular(path: Path, limit: int | None = None) -> bytes:
    """Reads a regular file whole.

    Args:
        path: the file.
        limit: the most bytes to read; a longer file is read up to here. None for no limit.

    Raises:
        RecordError: the path is a folder, a named pipe, a socket or a device.
        OSError: there is no such file, or it cannot be read.
    """
    with open_regular(path) as file:
        return file.read(-1 if limit is None else limit)


def _check_regular(path: Path, mode: int) -> None:
    """Raises RecordError unless the mode is that of a regular file."""
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "something else")
        msg = f"{path} is {kind}, not a regular file, so it is not opened."
        raise RecordError(msg)


def lock_of(path: Path) -> Path:
    """Returns the path of the file that is the lock of a file or folder: the hidden file ``.<name>.lock`` beside it."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = False, patience: float = _PATIENCE) -> Iterator[str]:
    """Holds the lock of a file or folder, so that threads and processes that change it do so one after the other.

    The system frees the lock when its process ends, however it ends. On a file system without locks, the file is changed without.

    Args:
        path: the file; the folder that it is in must be there.
        wait: whether to wait for as long as another holds the lock. False waits for ``patience``, then goes on without the lock.
        patience: seconds of waiting after which it is said that another holds the lock.

    Yields:
        Why the lock is not held; empty where it is.
    """
    lock = FileLock(lock_of(path))
    why_not = ""
    try:
        try:
            lock.acquire(timeout=patience)
        except Timeout as error:
            then = "waiting until it is free" if wait else "going on without it"
            log.warning("Another process, or another thread, has held the lock of %s for %g s; %s.", path, patience, then)
            why_not = str(error)
            if wait:
                lock.acquire()
                why_not = ""
    except (OSError, NotImplementedError) as error:  # filelock raises the latter where the file system has no locks
        log.debug("%s is changed without a lock: %s", path, error)
        why_not = str(error)
    try:
        yield why_not
    finally:
        lock.release()
