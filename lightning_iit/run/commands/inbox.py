"""The folder of commands as a training reads it: each command once; and the answers that it writes there."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lightning_iit.records.steering.commands import Answer, Command
from lightning_iit.records.steering.folder import ANSWER, COMMAND, control_folder, read_command, write_answer
from lightning_iit.run.commands.audience import Audience

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records.steering.commands import Outcome

log: logging.Logger = logging.getLogger(__name__)

_LOOKS = 6
"""So many further looks read the folder after it has changed: the time of a change may be given in whole seconds."""
_AT_ONCE = 20
"""The most commands of one look; the next look takes the others."""


class Done(NamedTuple):
    """Says what was done on a command, in a sentence, and which files of records come of it (below the run's directory)."""

    words: str
    records: tuple[str, ...] = ()


class Inbox:
    """Reads the commands to one training, each once, and answers them. Lives on the first rank.

    Args:
        run_dir: the run's directory.
        run: the run's id.

    Attributes:
        folder: the folder of commands.
        audience: knows whether somebody looks; it is asked where something has changed in the folder.
    """

    def __init__(self, run_dir: Path, run: str) -> None:
        self.folder: Path = control_folder(run_dir)
        self.audience: Audience = Audience(self.folder)
        self._run = run
        self._changed: float = 0.0
        self._looks = 0
        self._known: set[str] = set()
        self._broken: dict[str, int] = {}

    def begin(self) -> None:
        """Makes the folder, and refuses the commands that lie in it already: they were meant for an earlier training.

        Raises:
            OSError: the folder cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.refuse_all("it was sent before this training began", epoch=0, step=0)

    def refuse_all(self, why: str, *, epoch: int, step: int) -> None:
        """Refuses all commands that have no answer yet."""
        for name in self._names():
            self._known.add(name)
            command = self._read(name)
            self.answer(name, command if isinstance(command, Command) else None, "refused", Done(f"Refused: {why}."), epoch, step)

    def take(self, *, epoch: int, step: int) -> list[Command]:
        """Returns the new commands that this training has to obey, in their order; answers those that cannot be obeyed.

        Asks for no more than the state of the folder where nothing has changed in it.
        """
        try:
            changed = self.folder.stat().st_mtime
        except OSError:
            return []
        if changed != self._changed:
            self._changed, self._looks = changed, _LOOKS
        if not self._looks and not self._broken:
            return []
        self._looks = max(0, self._looks - 1)
        self.audience.look()
        found: list[Command] = []
        names = self._names()
        if len(names) > _AT_ONCE:
            self._looks = max(self._looks, 1)
        for name in names[:_AT_ONCE]:
            command = self._read(name)
            if isinstance(command, str) and self._broken.setdefault(name, 0) < 2:
                self._broken[name] += 1  # another writer may not have come to the end of it
                continue
            self._broken.pop(name, None)
            self._known.add(name)
            if isinstance(command, str):
                self.answer(name, None, "refused", Done(f"Refused: {command}."), epoch, step)
            elif command.verb == "phi":
                self.answer(name, command, "refused", Done("Refused: this is asked of records, not of a training."), epoch, step)
            elif command.run not in {"", self._run}:
                why = f"Refused: it is meant for the run {command.run}, and this is the run {self._run}."
                self.answer(name, command, "refused", Done(why), epoch, step)
            else:
                found.append(msgspec.structs.replace(command, id=name))
        return found

    def answer(self, name: str, command: Command | None, outcome: Outcome, done: Done, epoch: int, step: int) -> None:
        """Writes an answer; a disk that takes none is said in the log."""
        answer = Answer(
            id=name,
            outcome=outcome,
            words=done.words,
            records=done.records,
            epoch=epoch,
            step=step,
            answered=time.time(),
            command=command,
        )
        try:
            write_answer(self.folder, answer)
        except OSError as error:
            log.warning("The answer to the command %s could not be written: %s", name, error)

    def _names(self) -> list[str]:
        """Returns the ids of the commands without an answer, in order."""
        try:
            files = [path.name for path in self.folder.iterdir()]
        except OSError:
            return []
        answered = {name.removesuffix(ANSWER) for name in files if name.endswith(ANSWER)}
        names = {name.removesuffix(COMMAND) for name in files if name.endswith(COMMAND) and not name.startswith(".")}
        return sorted(names - answered - self._known)

    def _read(self, name: str) -> Command | str:
        """Reads a command; returns why it cannot be read where it cannot."""
        try:
            return read_command(self.folder / f"{name}{COMMAND}")
        except Exception as error:  # noqa: BLE001  whatever lies there, training goes on
            return str(error).rstrip(".") or type(error).__name__


def open_inbox(run_dir: Path | None, run: str) -> Inbox | None:
    """Opens the folder of commands of a run; None where there is none, or where it cannot be made, which is said."""
    if run_dir is None:
        return None
    inbox = Inbox(run_dir, run)
    try:
        inbox.begin()
    except OSError as error:
        log.warning("This training takes no commands, since %s cannot be made: %s", control_folder(run_dir), error)
        return None
    return inbox
