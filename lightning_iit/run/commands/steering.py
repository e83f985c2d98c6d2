"""Commands to a training while it runs: they come as files, are looked for at the end of a batch, and are answered.

One rank reads and answers; all ranks obey, at the same batch. While a training is paused no rank is inside a collective operation.
"""

from __future__ import annotations

import logging
import math
import time
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import torch.distributed
from lightning.pytorch.utilities import rank_zero_info

from lightning_iit.records.steering.commands import Answer, Command
from lightning_iit.records.steering.folder import ANSWER, COMMAND, control_folder, read_command, write_answer
from lightning_iit.run.trainer import is_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lightning.pytorch import Trainer

    from lightning_iit.records.steering.commands import Outcome

log: logging.Logger = logging.getLogger(__name__)

_EVERY = 0.5
"""The fewest seconds between two looks at the folder."""
_LOOKS = 6
"""So many further looks read the folder after it has changed: the time of a change may be given in whole seconds."""
_AT_ONCE = 20
"""The most commands of one look; the next look takes the others."""
_MOST_BATCHES = 1000
"""The most batches between two exchanges of the ranks."""
_PAUSED_TICK = 0.2
"""Seconds between two looks while training is paused."""


class Refused(Exception):  # noqa: N818  no fault: it is the answer
    """Says why a command is refused, in a sentence."""


class Done(NamedTuple):
    """Says what was done on a command, in a sentence, and which files of records come of it (below the run's directory)."""

    words: str
    records: tuple[str, ...] = ()


class Inbox:
    """Reads the commands to one training, each once, and answers them. Lives on the first rank.

    Args:
        run_dir: the run's directory.
        run: the run's id.
    """

    def __init__(self, run_dir: Path, run: str) -> None:
        self._folder = control_folder(run_dir)
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
        self._folder.mkdir(parents=True, exist_ok=True)
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
            changed = self._folder.stat().st_mtime
        except OSError:
            return []
        if changed != self._changed:
            self._changed, self._looks = changed, _LOOKS
        if not self._looks and not self._broken:
            return []
        self._looks = max(0, self._looks - 1)
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
            write_answer(self._folder, answer)
        except OSError as error:
            log.warning("The answer to the command %s could not be written: %s", name, error)

    def _names(self) -> list[str]:
        """Returns the ids of the commands without an answer, in order."""
        try:
            files = [path.name for path in self._folder.iterdir()]
        except OSError:
            return []
        answered = {name.removesuffix(ANSWER) for name in files if name.endswith(ANSWER)}
        names = {name.removesuffix(COMMAND) for name in files if name.endswith(COMMAND) and not name.startswith(".")}
        return sorted(names - answered - self._known)

    def _read(self, name: str) -> Command | str:
        """Reads a command; returns why it cannot be read where it cannot."""
        try:
            return read_command(self._folder / f"{name}{COMMAND}")
        except Exception as error:  # noqa: BLE001  whatever lies there, training goes on
            return str(error).rstrip(".") or type(error).__name__


class Steering:
    """Has the commands to a training obeyed, by all ranks at the same batch.

    Args:
        trainer: the trainer.
        inbox: reads the commands; None on all ranks but the first, and where there is no folder of commands.
        obey: by verb, obeys a command on this rank and returns what was done; raises :class:`Refused` where it is refused. "pause"
            and "resume" are obeyed here.
    """

    _made = count()
    """Numbers the objects of this class, in the same way on all ranks."""

    def __init__(self, trainer: Trainer, inbox: Inbox | None, obey: Mapping[str, Callable[[Command], Done]]) -> None:
        self._inbox = inbox
        self._obey = {"pause": self._pause, "resume": self._resume, **obey}
        self._ranks = trainer.world_size
        # A group of its own exchanges commands without the ranks' devices; every rank must make it.
        self._group: Any = torch.distributed.new_group(backend="gloo") if self._ranks > 1 else None
        self._number = next(self._made)
        self._next = 0.0
        self._due = 0
        self._since: tuple[float, int] = (time.monotonic(), 0)
        self._batches = 0
        self._paused = ""
        self._pauses = 0

    def after_batch(self, trainer: Trainer) -> None:
        """Looks for commands, at most twice a second, and obeys them; while training is paused, does not return.

        Every rank must call this method after each batch.
        """
        if self._ranks == 1:
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + _EVERY
            commands = self._take(trainer)
        else:
            self._batches += 1
            if self._batches < self._due:
                return
            commands = self._exchanged(trainer)
        self._obey_all(commands, trainer)
        while self._paused:
            self._wait(trainer)

    def end(self, trainer: Trainer) -> None:
        """Refuses what was sent too late, and takes down the ranks' own group, which must not outlive the interpreter's threads."""
        if self._inbox is not None:
            self._inbox.refuse_all("the training has ended", epoch=trainer.current_epoch, step=trainer.global_step)
        group, self._group = self._group, None
        if group is not None and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group(group)

    # --- the ranks ---

    def _take(self, trainer: Trainer) -> list[Command]:
        """Returns the new commands; none where this rank does not read them."""
        if self._inbox is None:
            return []
        return self._inbox.take(epoch=trainer.current_epoch, step=trainer.global_step)

    def _exchanged(self, trainer: Trainer) -> list[Command]:
        """Returns the commands that the first rank has read; the ranks agree when they exchange next."""
        now, (then, before) = time.monotonic(), self._since
        apart = math.ceil(_EVERY * (self._batches - before) / max(now - then, 1e-6))
        self._since = now, self._batches
        told: list[Any] = [msgspec.json.encode(self._take(trainer)), min(max(apart, 1), _MOST_BATCHES)]
        torch.distributed.broadcast_object_list(told, src=0, group=self._group)
        self._due = self._batches + int(told[1])
        return msgspec.json.decode(told[0], type=list[Command])

    def _wait(self, trainer: Trainer) -> None:
        """Waits a moment while training is paused, and obeys what comes meanwhile; outside of collective operations."""
        time.sleep(_PAUSED_TICK)
        commands = self._in_a_pause(trainer)
        if commands is None:
            return
        if not commands:
            self._paused = ""
        self._obey_all(commands, trainer)

    def _in_a_pause(self, trainer: Trainer) -> list[Command] | None:
        """Returns the commands that all ranks obey next; none where the process was asked to end; None where nothing came yet.

        The ranks' common store is asked, not a collective operation: that would end by its time limit.
        """
        if self._ranks > 1 and self._inbox is None:
            if not _store().check([self._key_of_a_pause]):
                return None
            told = msgspec.json.decode(_store().get(self._key_of_a_pause), type=list[Command])
            self._pauses += 1
            return told
        commands = self._take(trainer)
        if not commands and not is_interrupted(trainer):
            return None
        if self._ranks > 1:
            _store().set(self._key_of_a_pause, msgspec.json.encode(commands))
            self._pauses += 1
        return commands

    @property
    def _key_of_a_pause(self) -> str:
        """Returns the key under which the next commands of a pause are in the store, the same on all ranks."""
        return f"lightning_iit/{self._number}/{self._pauses}"

    # --- what is obeyed ---

    def _obey_all(self, commands: list[Command], trainer: Trainer) -> None:
        """Obeys commands, and answers them."""
        for command in commands:
            outcome: Outcome = "refused"
            try:
                done = self._obey[command.verb](command)
                outcome = "done"
            except Refused as error:
                done = Done(f"Refused: {error}")
            except Exception as error:
                log.exception("The command %r failed.", command.words)
                done = Done(f"Refused: it failed ({type(error).__name__}: {error}).")
            rank_zero_info(f"IITCallback: {command.words!r} from {command.sender or 'somebody'}: {done.words}")
            if self._inbox is not None:
                self._inbox.answer(command.id, command, outcome, done, trainer.current_epoch, trainer.global_step)
            if command.verb in {"stop", "stop-now"} and outcome == "done":
                self._paused = ""

    def _pause(self, _: Command) -> Done:
        if self._paused:
            return Done(f"Training is paused already, since {self._paused}.")
        self._paused = time.strftime("%H:%M:%S")
        return Done(f"Training is paused since {self._paused}; 'resume' lets it go on.")

    def _resume(self, _: Command) -> Done:
        if not self._paused:
            msg = "training is not paused."
            raise Refused(msg)
        since, self._paused = self._paused, ""
        return Done(f"Training goes on; it was paused at {since}.")


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


def _store() -> Any:
    """Returns the store by which the ranks have found each other."""
    return torch.distributed.distributed_c10d._get_default_store()
