"""Commands to a training while it runs: they come as files, are looked for at the end of a batch, and are answered.

One rank reads and answers; all ranks obey, at the same batch. While a training is paused no rank is inside a collective operation.
"""

from __future__ import annotations

import logging
import math
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import torch.distributed
from lightning.pytorch.utilities import rank_zero_info

from lightning_iit.records.steering.commands import Command
from lightning_iit.run.commands.inbox import Done
from lightning_iit.run.trainer import is_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lightning.pytorch import Trainer

    from lightning_iit.records.steering.commands import Outcome
    from lightning_iit.run.commands.inbox import Inbox

log: logging.Logger = logging.getLogger(__name__)

_EVERY = 0.5
"""The fewest seconds between two looks at the folder."""
_MOST_BATCHES = 1000
"""The most batches between two exchanges of the ranks."""
_PAUSED_TICK = 0.2
"""Seconds between two looks while training is paused."""


class Refused(Exception):  # noqa: N818  no fault: it is the answer
    """Says why a command is refused, in a sentence."""


class Steering:
    """Has the commands to a training obeyed, by all ranks at the same batch.

    Args:
        trainer: the trainer.
        inbox: reads the commands; None on all ranks but the first, and where there is no folder of commands.
        obey: by verb, obeys a command on this rank and returns what was done; raises :class:`Refused` where it is refused. "pause"
            and "resume" are obeyed here.
        waits: called again and again while training is paused.
    """

    _made = count()
    """Numbers the objects of this class, in the same way on all ranks."""

    def __init__(
        self,
        trainer: Trainer,
        inbox: Inbox | None,
        obey: Mapping[str, Callable[[Command], Done]],
        *,
        waits: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self._waits = waits
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

    def after_batch(self, trainer: Trainer) -> float:
        """Looks for commands, at most twice a second, and obeys them; while training is paused, does not return.

        Every rank must call this method after each batch.

        Returns:
            How many seconds training was paused.
        """
        if self._ranks == 1:
            now = time.monotonic()
            if now < self._next:
                return 0.0
            self._next = now + _EVERY
            commands = self._take(trainer)
        else:
            self._batches += 1
            if self._batches < self._due:
                return 0.0
            commands = self._exchanged(trainer)
        self._obey_all(commands, trainer)
        if not self._paused:
            return 0.0
        began = time.monotonic()
        while self._paused:
            self._wait(trainer)
        return time.monotonic() - began

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
        self._waits()
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


def _store() -> Any:
    """Returns the store by which the ranks have found each other."""
    return torch.distributed.distributed_c10d._get_default_store()
