"""The messages of the studio's page; TypeScript types are generated from these structs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from lightning_iit.studio.records import Asked, Ending

JobPhase: TypeAlias = Ending | Literal["waiting", "running", "paused", "ending"]
"""What a training does: it waits in the queue, makes steps, is paused, waits for its last analyses, or has ended."""


class LayerCourse(msgspec.Struct, frozen=True, kw_only=True):
    """Holds Φ of a layer over epochs.

    Attributes:
        layer: the layer.
        epochs: the epochs that have one.
        phis: Φ of each: of the layer, or of the group that is shown where there is no survey.
        kind: "causal", "observational" or "statistical".
        formalism: the formalism of the numbers: that of IIT 3.0 gives Φ, one of IIT 4.0 gives φ_s.
    """

    layer: str
    epochs: tuple[int, ...]
    phis: tuple[float, ...]
    kind: str
    formalism: str


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """Tells how far a training is.

    Attributes:
        name: the name of its run.
        phase: what it does.
        network: its network, for people.
        task: its task, for people.
        seed: its seed.
        created: when it was asked for, in seconds since 1970.
        asked: what was asked for.
        epoch: the epoch that it is at, or was at last; None before the first.
        epochs: how many it has.
        step: the step that it is at, or has ended at; None where it has not said so.
        loss: the loss that it logged last; until its first epoch has ended, that of its last batch.
        loss_name: what that loss is of, in words.
        accuracy: the accuracy that it logged last; None where it logs none.
        accuracy_name: what that accuracy is of, in words.
        courses: Φ of each layer.
        reason: why it ended, where not by itself.
        output: the end of what it printed, where it ended not by itself.
        viewable: whether the viewer has something of it.
    """

    name: str
    phase: JobPhase
    network: str
    task: str
    seed: int
    created: float
    asked: Asked
    epochs: int
    epoch: int | None = None
    step: int | None = None
    loss: float | None = None
    loss_name: str = "Loss"
    accuracy: float | None = None
    accuracy_name: str = "Accuracy"
    courses: tuple[LayerCourse, ...] = ()
    reason: str = ""
    output: str = ""
    viewable: bool = False


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    """Lists the trainings of the studio, the latest first."""

    jobs: tuple[JobState, ...]


class JobText(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the files of a training as text: the YAML that it runs, and the end of what it printed."""

    yaml: str
    output: str


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names runs."""

    names: tuple[str, ...]


class OwnRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for the form of a class of the user's own.

    Attributes:
        role: "network" or "task".
        name: ``module:Class``.
    """

    role: Literal["network", "task"]
    name: str


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the comparison of a layer between two sides.

    Attributes:
        layer: the layer.
        one: the first side.
        other: the second side.
        phi_one: mean Φ of the first side.
        phi_other: mean Φ of the second side.
        difference: ``phi_other - phi_one``.
        p: the p-value, corrected; None where there is none.
        words: the answer in a sentence or two.
    """

    layer: str
    one: str
    other: str
    phi_one: float
    phi_other: float
    difference: float
    p: float | None
    words: str


class ComparedScale(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the comparison of the runs whose numbers are on one scale.

    Attributes:
        scale: the scale and its runs in words; empty where there is one scale.
        is_statistical: whether its units have no connections among them: what was counted is no Φ, which is 0 by structure.
        by: what tells the sides apart, in words.
        rows: the layers.
        words: the whole answer, or why there is none.
    """

    scale: str
    by: str
    rows: tuple[ComparedRow, ...]
    words: str
    is_statistical: bool = False


class ComparedRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the comparison of runs.

    Attributes:
        scales: the comparison of the runs of each scale.
        words: which of them have Φ at all, where some have none by structure; else empty.
    """

    scales: tuple[ComparedScale, ...]
    words: str = ""
