"""The trainings of a folder of runs: how far they are, and commands to them."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records import decode
from lightning_iit.records.disk.owner import is_alive, read_owner
from lightning_iit.records.names import FOLDER
from lightning_iit.records.steering.activity import RING, read_rows
from lightning_iit.records.steering.folder import ANSWER, COMMAND, CONTROL, read_answer, read_command, send, user_name
from lightning_iit.records.steering.status import STATUS, read_status, say_looking
from lightning_iit.viewer.live.kept import keep_computed
from lightning_iit.viewer.live.messages import LayerActivity, LiveStep, Told, TrainingState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lightning_iit.records import PhiResult, Structure
    from lightning_iit.records.results import Partitions
    from lightning_iit.records.steering.activity import ActivityRow
    from lightning_iit.records.steering.commands import Command
    from lightning_iit.records.steering.status import TrainingStatus
    from lightning_iit.viewer.live.messages import CommandRequest, TrainingPhase
    from lightning_iit.viewer.protocol import ComputeRequest, RunInfo

_MOST_TOLD = 100
"""The most commands that are shown."""
_MOST_ASKED = 20
"""Of so many runs, the last modified ones, it is asked whether their trainings run."""


class _ToldOf(NamedTuple):
    """Holds what a training was told as the page has it, and the verb of the command; None where it cannot be read."""

    told: Told
    verb: str | None


class HasDirectories(Protocol):
    """Describes a source whose runs lie in directories of this machine."""

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the runs, the latest first, and the number of further runs that are not listed."""

    def directory(self, run: str) -> Path:
        """Returns the directory of a run; raises LookupError where there is no such run."""

    def record(self, run: str, layer: str, epoch: int, step: int | None = None) -> bytes:
        """Returns a record as JSON; raises LookupError where there is none."""


class Refusal(Exception):  # noqa: N818  no fault: it is the answer
    """Says why a command is not sent, in a sentence."""


class Sent(NamedTuple):
    """Says that a command was sent: its id, and as a shell has it."""

    id: str
    words: str


class Trainings:
    """Reads how far the trainings of a source's runs are, and sends them commands.

    Args:
        source: has the runs.
    """

    def __init__(self, source: HasDirectories) -> None:
        self._source = source
        self._answered: dict[Path, _ToldOf] = {}

    def folder(self, run: str) -> Path:
        """Returns the folder of commands of a run, which may not be there.

        Raises:
            LookupError: there is no such run, or the folder is a link that leads out of the run's directory.
        """
        directory = self._source.directory(run)
        folder = directory / FOLDER / CONTROL
        if not folder.resolve().is_relative_to(directory.resolve()):
            raise LookupError(run)
        return folder

    def look(self, run: str) -> None:
        """Says that somebody looks at the training of a run, so that it says how far it is."""
        folder = self.folder(run)
        if is_alive(folder.parent):
            with suppress(OSError):  # it takes no commands, or the folder is not ours to write in
                say_looking(folder)

    def state(self, run: str) -> TrainingState:
        """Returns how far the training of a run is.

        Raises:
            LookupError: there is no such run.
        """
        folder = self.folder(run)
        status, age = read_status(folder), 0.0
        with suppress(OSError):
            age = max(0.0, time.time() - (folder / STATUS).stat().st_mtime)
        found = self._told(folder)
        return TrainingState(
            run=run,
            phase=_phase(folder, status, [one.verb for one in found]),
            status=status,
            age=age,
            told=tuple(one.told for one in found),
            others=self._others(run),
        )

    def news(self, run: str) -> tuple[float, ...]:
        """Returns numbers that change where the state of a run's training may have changed; asks little of the disk."""
        folder = self.folder(run)
        times = [0.0, 0.0, float(is_alive(folder.parent))]
        for at, path in enumerate((folder / STATUS, folder)):
            with suppress(OSError):
                times[at] = path.stat().st_mtime
        return tuple(times)

    def steps(self, run: str, after: int) -> tuple[list[LiveStep], int]:
        """Returns the activity of the steps that came after a number, and that of the last one; a new training begins anew."""
        rows = read_rows(self.folder(run) / RING)
        last = rows[-1].number if rows else 0
        return [_step(run, row) for row in rows if row.number > after or last < after], last

    def command(self, asked: CommandRequest) -> Sent:
        """Sends a command to the training of a run.

        Raises:
            LookupError: there is no such run.
            Refusal: no training runs there, or it takes no commands.
        """
        folder = self.folder(asked.run)
        if not is_alive(folder.parent):
            msg = "No training runs there (any more)."
            raise Refusal(msg)
        if not folder.is_dir():
            msg = "This training takes no commands: IITCallback(control=False), or its first batch is still to come."
            raise Refusal(msg)
        given = {name: value for name, value in msgspec.structs.asdict(asked).items() if name not in {"run", "verb"}}
        try:
            sent = send(folder.parent.parent, asked.verb, sender=_who(), **given)
        except OSError as error:
            msg = f"The command cannot be written: {error.strerror}."
            raise Refusal(msg) from error
        return Sent(sent.id, sent.words)

    def keep(self, asked: ComputeRequest, found: PhiResult | Structure | Partitions) -> None:
        """Keeps what was computed of a record with its run; what was not computed is not kept, nor where the disk takes nothing."""
        folder = self.folder(asked.run)
        with suppress(OSError, RecordError, LookupError):
            record = decode(self._source.record(asked.run, asked.layer, asked.epoch, asked.step))
            keep_computed(folder.parent.parent, record, asked, found, sender=_who())

    def _told(self, folder: Path) -> list[_ToldOf]:
        """Returns what a training was told, the latest first."""
        try:
            files = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        except OSError:
            return []
        names = {name.removesuffix(end) for name in files for end in (ANSWER, COMMAND) if name.endswith(end)}
        return [self._one(folder, name) for name in sorted(names, reverse=True)[:_MOST_TOLD]]

    def _one(self, folder: Path, name: str) -> _ToldOf:
        """Returns a command with its answer, which is read once."""
        path = folder / f"{name}{ANSWER}"
        if (known := self._answered.get(path)) is not None:
            return known
        answer = read_answer(path)
        command = _command(folder / f"{name}{COMMAND}") if answer is None else answer.command
        words, sender = ("no command", "") if command is None else (command.words, command.sender)
        verb = None if command is None else command.verb
        if answer is None:
            return _ToldOf(Told(id=name, words=words, sender=sender), verb)
        told = Told(
            id=name,
            words=words,
            sender=sender,
            outcome=answer.outcome,
            answer=answer.words,
            epoch=answer.epoch,
            step=answer.step,
            answered=answer.answered,
            records=answer.records,
        )
        self._answered[path] = found = _ToldOf(told, verb)
        return found

    def _others(self, run: str) -> tuple[str, ...]:
        """Returns the other runs whose trainings are running."""
        found, _ = self._source.runs()
        names = [one.id for one in found[:_MOST_ASKED] if one.id != run]
        return tuple(name for name in names if is_alive(self._source.directory(name) / FOLDER))


def _phase(folder: Path, status: TrainingStatus | None, verbs: Sequence[str | None]) -> TrainingPhase:
    """Returns what the training of a folder of commands does, which has been told these verbs."""
    if not is_alive(folder.parent):
        # Answers about past epochs are kept in this folder for any run, also for one of version 0.1.0, which nobody owns.
        asked = bool(verbs) and all(verb == "phi" for verb in verbs)
        return "none" if not folder.is_dir() or (asked and read_owner(folder.parent) is None) else "ended"
    if not folder.is_dir():
        return "deaf"
    return "running" if status is None else status.pace


def _step(run: str, row: ActivityRow) -> LiveStep:
    """Returns a row of activity as the page takes it, with four digits of each number."""
    layers = [
        LayerActivity(name=units.layer, indices=units.indices, values=tuple(float(f"{value:.4g}") for value in values))
        for units, values in zip(row.units, row.values, strict=True)
    ]
    return LiveStep(run=run, step=row.step, layers=tuple(layers))


def _command(path: Path) -> Command | None:
    """Reads a command that has no answer yet; None where it cannot be read."""
    try:
        return read_command(path)
    except (OSError, RecordError):
        return None


def _who() -> str:
    """Returns in words whose page it is."""
    return f"{user_name()}'s page on {platform.node()}"
