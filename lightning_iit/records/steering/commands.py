"""Commands that a running training is sent, and its answers."""

from __future__ import annotations

import shlex
from typing import Literal, TypeAlias

import msgspec

from lightning_iit.records.lesions.record import SetTo
from lightning_iit.records.schema import Formalism
from lightning_iit.records.steering.selection import Selection

STEERING_SCHEMA = 1
"""The version of both structs. A training refuses commands of a later one."""
Verb: TypeAlias = Literal["pause", "resume", "stop", "stop-now", "epochs", "analyse", "lesion", "watch"]
"""What a training can be told: to wait, to go on, to end after this epoch or this step, how many epochs it has, to analyse now, to
measure what it loses without some units, what to watch from the next epoch on."""
Outcome: TypeAlias = Literal["done", "refused"]
"""How a command ended."""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Holds a command to a running training.

    Args:
        id: names the command's files; commands are obeyed in the order of their ids, which begin with the sender's time.
        verb: what is to be done.
        run: the id of the run that is meant, as its ``owner.json`` has it; empty for whichever lives in the folder.
        sender: who sent it, in words.
        epochs: how many epochs the training is to have; of ``epochs``.
        layer: which watched layer is analysed, None for all; of ``analyse``, as the following ones. Of ``lesion`` any layer of the
            network, None for the one that is watched.
        units: the indices of the layer's units, None for those that the run watches; of ``lesion`` too, which needs them.
        state: the state of these units, a 0 or 1 for each; None for those that are visited.
        formalism: the version of the theory; None for those of the run.
        to: what the units are set to, None for their mean; of ``lesion``.
        watch: what is watched from the next epoch on; of ``watch``.
        target: the run's directory; of "phi", which is no command: a question to a past epoch (``epochs``), kept with its answer.
        model: the class of the module for a checkpoint; of "phi".
        data: what gave the data for a checkpoint; of "phi".
        options: further options of the command line that change the answer; of "phi".
        schema: the version of this struct.
    """

    id: str
    verb: Verb | Literal["phi"]
    run: str = ""
    sender: str = ""
    epochs: int | None = None
    layer: str | None = None
    units: tuple[int, ...] | None = None
    state: str | None = None
    formalism: Formalism | None = None
    to: SetTo | None = None
    watch: Selection | None = None
    target: str | None = None
    model: str | None = None
    data: str | None = None
    options: tuple[str, ...] = ()
    schema: int = STEERING_SCHEMA

    @property
    def words(self) -> str:
        """Returns the command as one types it after ``lightning-iit control RUN``; of a question, after ``lightning-iit``."""
        parts: list[str] = [self.verb]
        if self.verb == "phi":
            parts += [shlex.quote(self.target or "RUN"), f"--epoch {self.epochs}"]
        elif self.epochs is not None:
            parts.append(str(self.epochs))
        told = {
            "layer": self.layer,
            "units": None if self.units is None else ",".join(map(str, self.units)),
            "state": self.state,
            "formalism": self.formalism,
            "to": self.to,
            "model": self.model,
            "data": self.data,
        }
        parts += [f"--{name} {value}" for name, value in told.items() if value is not None]
        parts += [shlex.quote(option) for option in self.options]
        return " ".join([*parts, *([self.watch.words] if self.watch is not None and self.watch.words else [])])


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Holds a training's answer to a command.

    Args:
        id: that of the command.
        outcome: whether it was done or refused.
        words: what was done, or why not, in a sentence.
        epoch: the training's epoch at that moment.
        step: the trainer's global step at that moment.
        answered: when, in seconds since 1970 by the training's clock.
        command: the command; None where its file could not be read as one.
        records: the files of the records that come of it, below the run's directory; they may be open for a while. Of ``lesion``
            the file of its :class:`~lightning_iit.records.lesions.record.LesionRecord`.
        schema: the version of this struct.
    """

    id: str
    outcome: Outcome
    words: str
    epoch: int
    step: int
    answered: float
    command: Command | None = None
    records: tuple[str, ...] = ()
    schema: int = STEERING_SCHEMA
