"""The messages of a page beside a training; TypeScript types are generated from these structs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from lightning_iit.records.lesions.record import SetTo  # noqa: TC001
from lightning_iit.records.schema import Formalism  # noqa: TC001  msgspec reads the annotations
from lightning_iit.records.steering.commands import Verb  # noqa: TC001
from lightning_iit.records.steering.selection import Selection  # noqa: TC001
from lightning_iit.records.steering.status import TrainingStatus  # noqa: TC001

TrainingPhase: TypeAlias = Literal["running", "paused", "ending", "deaf", "ended", "none"]
"""What a run's training does: "ending" is one that waits for its last analyses, "deaf" one that runs and takes no commands;
"none" is a run whose training is not known."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Holds a command to a training, with the answer once there is one.

    Attributes:
        id: the command's id.
        words: the command as a shell has it.
        sender: who sent it.
        outcome: "done", "refused", or "" while there is no answer.
        answer: what was done, or why not.
        epoch: the training's epoch at the answer.
        step: the trainer's global step at the answer.
        answered: when it was answered, in seconds since 1970; 0 while it is not.
        records: the files of the records that come of it, below the run's directory.
    """

    id: str
    words: str
    sender: str = ""
    outcome: Literal["done", "refused", ""] = ""
    answer: str = ""
    epoch: int = 0
    step: int = 0
    answered: float = 0.0
    records: tuple[str, ...] = ()


class TrainingState(msgspec.Struct, frozen=True, kw_only=True):
    """Tells how far the training of a run is.

    Attributes:
        run: the run, as the page names it.
        phase: what its training does.
        status: what the training last said of itself; None where it has said nothing that can be read.
        age: how many seconds ago it said so.
        told: the commands that it was sent, the latest first; at most 100.
        others: further runs of the source whose trainings are running.
    """

    run: str
    phase: TrainingPhase
    status: TrainingStatus | None = None
    age: float = 0.0
    told: tuple[Told, ...] = ()
    others: tuple[str, ...] = ()


class LayerActivity(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what units of a layer do: their indices, and the activation of each."""

    name: str
    indices: tuple[int, ...]
    values: tuple[float, ...]


class LiveStep(msgspec.Struct, frozen=True, kw_only=True):
    """Tells what the units of a network do in one step of its training."""

    run: str
    step: int
    layers: tuple[LayerActivity, ...]


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for a command to be sent to the training of a run; the fields are those of a command."""

    run: str
    verb: Verb
    epochs: int | None = None
    layer: str | None = None
    units: tuple[int, ...] | None = None
    state: str | None = None
    formalism: Formalism | None = None
    to: SetTo | None = None
    watch: Selection | None = None
