"""The folder of one training's files: which one it is, and the sign of life that keeps it from other trainings."""

from __future__ import annotations

import logging
import os
import platform
import re
import threading
import time
import uuid
from itertools import count
from typing import TYPE_CHECKING

import msgspec
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from lightning_iit.records.disk.files import lock_of, locked
from lightning_iit.records.disk.owner import MARKER, Owner, is_alive, process_start, read_owner, this_machine
from lightning_iit.records.names import FOLDER
from lightning_iit.records.steering.folder import CONTROL, is_own_file
from lightning_iit.records.store import holds_run, numbered_runs, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

log: logging.Logger = logging.getLogger(__name__)

_HEARTBEAT = 10.0
"""Seconds between two signs of life."""
_PATIENCE = 30.0
"""The longest wait in seconds for other trainings that take a folder in the same place."""
_OUR_SUFFIXES = {".json", ".jsonl", ".md", ".html", ".lock"}
_OUR_FILE = re.compile(r"\.?(epoch|snapshot)=.*\.(json|png|tmp)")
_SHOWN = 3
"""How many names of strange files a message lists at most."""


class RunFolder:
    """Holds the folder of one training and gives a sign of life in it, every ten seconds until the end.

    Args:
        run_dir: the run's directory.
        run: the id of an earlier part of this run, which is resumed; None for a new id.
        known: whether the folder has the records of that earlier part.

    Attributes:
        run_dir: the run's directory.
        run: the run's id.
        known: whether the folder has the records of an earlier part of this run.
    """

    def __init__(self, run_dir: Path, run: str | None = None, *, known: bool = False) -> None:
        self.run_dir = run_dir
        self.run: str = run or uuid.uuid4().hex
        self.known = known
        self._owner = Owner(
            run=self.run,
            host=platform.node(),
            machine=this_machine(),
            process=os.getpid(),
            process_started=process_start(os.getpid()),
            started=time.time(),
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name="iit-heartbeat", daemon=True)

    @property
    def _folder(self) -> Path:
        return self.run_dir / FOLDER

    def begin(self) -> None:
        """Writes whose the folder is, and starts the signs of life; a disk that takes no file is tried again with each sign."""
        self._sign()
        self._thread.start()

    def end(self) -> None:
        """Ends the signs of life and writes that the training ended; a second call does nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(_HEARTBEAT)
        if read_owner(self._folder) == self._owner:
            self._write(msgspec.structs.replace(self._owner, ended=time.time()))

    def _live(self) -> None:
        while not self._ended.wait(_HEARTBEAT) and self._sign():
            pass

    def _sign(self) -> bool:
        """Gives a sign of life; returns False where the folder belongs to another training by now."""
        found = read_owner(self._folder)
        if found == self._owner:
            try:
                os.utime(self._folder / MARKER)
            except OSError as error:
                log.debug("No sign of life in %s: %s", self._folder, error)
        elif found is None or not self._thread.is_alive():
            self._write(self._owner)
        else:
            log.warning("%s was taken by another training (%s), which held this one for dead.", self._folder, _named(found))
            return False
        return True

    def _write(self, owner: Owner) -> None:
        try:
            write_atomically(self._folder / MARKER, msgspec.json.encode(owner))
        except OSError as error:
            log.debug("%s could not be written: %s", self._folder / MARKER, error)


def take_folder(wanted: Path, *, numbered: bool, resumed: str | None = None) -> RunFolder | None:
    """Takes a folder for a training: one in which no other training lives, and which no other training can take from now on.

    - A run that is resumed goes on in its folder.
    - Records of another run that has ended are moved to ``iit-1``, or the next free number.
    - Where another training lives, or files lie in a folder ``iit`` that are not of this package, the next free sibling
      ``<wanted>_1`` is taken, with a warning that names both.

    Processes that start at the same time, on one machine or several, get different folders: they wait for each other at a lock.

    Args:
        wanted: the run's directory; or, with ``numbered``, the directory in which ``iit/<n>`` with the next free number is taken.
        numbered: whether the runs below ``wanted`` are numbered.
        resumed: the run's id in the checkpoint that is resumed, empty for a checkpoint without one; None for a new run.

    Returns:
        The folder; None, with a warning, where another training lives in it and no sibling can be made.
    """
    wanted = wanted if wanted.name else wanted.absolute()
    place = wanted / FOLDER if numbered else wanted
    try:
        place.mkdir(parents=True, exist_ok=True)
        with locked(place / FOLDER, patience=_PATIENCE) as why_not:
            if why_not:
                words = "%s cannot be locked (%s): trainings that start at the same moment might not see each other."
                log.warning(words, place, why_not)
            folder = _choose(wanted, numbered=numbered, resumed=resumed, now=_now(place))
            folder.begin()
    except OSError as error:
        if is_alive(wanted / FOLDER):
            rank_zero_warn(f"IITCallback: a training lives in {wanted}, and no folder can be made beside it ({error}): no files.")
            return None
        log.warning("%s cannot be marked as the folder of this training: %s", place, error)  # the files' tracker says what is lost
        folder = RunFolder(place / str(_next_number(place)) if numbered else wanted)
        folder.begin()
    if numbered:
        rank_zero_info(f"IITCallback writes its files to {folder.run_dir}.")
    return folder


def mark_folder(run_dir: Path) -> RunFolder | None:
    """Marks a folder as one in which this process computes, until :meth:`RunFolder.end`; the run keeps its id.

    Returns:
        The folder; None where a process that lives has marked it already.
    """
    if is_alive(run_dir / FOLDER):
        return None
    owner = read_owner(run_dir / FOLDER)
    folder = RunFolder(run_dir, None if owner is None else owner.run)
    folder.begin()
    return folder


def _now(place: Path) -> float:
    """Returns the time by the clock that stamps the files of a directory, told by its lock; without it by this machine's clock."""
    lock = lock_of(place / FOLDER)
    try:
        os.utime(lock)
        return lock.stat().st_mtime
    except OSError:
        return time.time()


def _choose(wanted: Path, *, numbered: bool, resumed: str | None, now: float) -> RunFolder:
    """Chooses the folder, and makes room in it; see :func:`take_folder`."""
    there = numbered_runs(wanted / FOLDER) if numbered else [wanted, *_siblings(wanted)]
    own = next((run for run in there if resumed and (owner := read_owner(run / FOLDER)) and owner.run == resumed), None)
    if own is not None and not is_alive(own / FOLDER, now=now):
        return RunFolder(own, resumed, known=True)
    first = own or wanted
    why = "" if numbered and own is None else _occupied(first / FOLDER, now)
    if not why and not numbered:
        if resumed is not None and read_owner(wanted / FOLDER) is None and holds_run(wanted / FOLDER):  # of version 0.1.0
            return RunFolder(wanted, resumed, known=True)
        try:
            if (aside := set_aside(wanted)) is not None:
                rank_zero_info(f"IITCallback: the records of an earlier run are now in {aside}.")
            return RunFolder(wanted)
        except OSError as error:
            why = f"holds the records of an earlier run, which cannot be moved ({error})"
    new = _new_directory(wanted, numbered=numbered)
    if why:
        rank_zero_warn(f"IITCallback: {first / FOLDER} {why}; the files of this run go to {new / FOLDER}.")
    return RunFolder(new)


def _occupied(folder: Path, now: float) -> str:
    """Says why a folder ``iit`` cannot be taken: a training lives in it, or its files are not ours; empty where it can."""
    if is_alive(folder, now=now):
        owner = read_owner(folder)
        return f"belongs to a training that is still running{'' if owner is None else f' ({_named(owner)})'}"
    strange = [repr(path.name) for path in sorted(folder.glob("*")) if not _is_ours(path)]
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return f"holds files that are not of lightning-iit ({', '.join(strange[:_SHOWN])}{more})" if strange else ""


def _is_ours(path: Path) -> bool:
    """Returns whether a file or folder in a folder ``iit`` is of a run: texts, or a folder with records, pictures or commands."""
    if not path.is_dir():
        return path.name.startswith(".") or path.suffix in _OUR_SUFFIXES
    inside = [*path.glob("*"), *path.glob("*/*")]
    if not inside or any(_OUR_FILE.fullmatch(file.name) for file in inside):
        return True
    return path.name == CONTROL and all(is_own_file(file.name) for file in inside)


def _new_directory(wanted: Path, *, numbered: bool) -> Path:
    """Makes the next free directory: ``iit/<n>``, or a sibling ``<wanted>_<n>``, which every reader of runs takes for a run."""
    for number in count(_next_number(wanted / FOLDER) if numbered else 1):
        new = wanted / FOLDER / str(number) if numbered else wanted.with_name(f"{wanted.name}_{number}")
        try:
            new.mkdir()
        except FileExistsError:
            continue
        return new
    raise AssertionError


def _next_number(folder: Path) -> int:
    return max((int(path.name) + 1 for path in numbered_runs(folder)), default=0)


def _siblings(wanted: Path) -> list[Path]:
    numbered = re.compile(re.escape(wanted.name) + r"_\d+")
    return sorted(path for path in wanted.parent.iterdir() if numbered.fullmatch(path.name))


def _named(owner: Owner) -> str:
    return f"process {owner.process} on {owner.host!r}, run {owner.run}"


def set_aside(run_dir: Path) -> Path | None:
    """Moves an earlier run's records out of the way of a new run: ``iit`` becomes ``iit-1``, or the next free number.

    Returns:
        The new path of the earlier records, or None where the folder holds none.

    Raises:
        OSError: the folder could not be renamed.
    """
    folder = run_dir / FOLDER
    if not holds_run(folder):
        return None
    number = 1
    while (aside := folder.with_name(f"{FOLDER}-{number}")).exists():
        number += 1
    folder.rename(aside)
    return aside
