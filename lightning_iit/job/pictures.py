"""The pictures of a task: its TPM, and the minimum-information partition by each formalism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.job.guard import Part
from lightning_iit.records import NULL_NOT_COMPUTED
from lightning_iit.records.disk.pictures import CARD
from lightning_iit.records.names import SVG

if TYPE_CHECKING:
    from lightning_iit.records import PhiTask, StateResult, Structure, TaskResult
    from lightning_iit.tpm.estimate import Tpm


def heatmaps(task: PhiTask, tpm: Tpm, null_words: str = NULL_NOT_COMPUTED) -> dict[str, bytes]:
    """Draws the TPM: ``tpm`` (PNG), ``tpm.svg``, and for the cards of trackers ``tpm_small`` (PNG)."""
    from lightning_iit.figures import tpm_card, tpm_heatmap

    state = task.states[0] if task.states else None
    large = tpm_heatmap(
        tpm,
        counts=task.counts,
        kind=task.kind,
        axis=task.axis,
        subtitle=f"{task.layer}, {_epoch(task)}, step {task.global_step}",
        state=state,
        labels=_labels(task),
        null_words=null_words,
    )
    small = tpm_card(tpm, kind=task.kind, when=_epoch(task), state=state, labels=_labels(task))
    return {"tpm": large.png, f"tpm{SVG}": large.svg, f"tpm{CARD}": small}


def _partitions(
    name: str, task: PhiTask, tpm: Tpm, state: StateResult, null_words: str, structure: Structure | None
) -> dict[str, bytes]:
    """Draws the minimum-information partition of a state's result under a name, like :func:`heatmaps`."""
    from lightning_iit.figures import partition_card, partition_graph

    large = partition_graph(
        state.result,
        tpm=tpm,
        state=state.state,
        kind=task.kind,
        axis=task.axis,
        subtitle=f"{task.layer}, {_epoch(task)}, step {task.global_step}",
        counts=task.counts,
        labels=_labels(task),
        cm=task.cm,
        null_words=null_words,
        structure=structure,
    )
    small = partition_card(
        state.result, tpm=tpm, state=state.state, kind=task.kind, when=_epoch(task), labels=_labels(task), cm=task.cm
    )
    return {name: large.png, f"{name}{SVG}": large.svg, f"{name}{CARD}": small}


def pictures(
    task: PhiTask,
    tpm: Tpm,
    states: tuple[StateResult, ...],
    notes: list[str],
    null_words: str = NULL_NOT_COMPUTED,
    found: TaskResult | None = None,
) -> dict[str, bytes]:
    """Draws the TPM and the partition of the first state by each formalism; a picture that cannot be drawn becomes a note.

    Args:
        task: the task.
        tpm: its TPM.
        states: the results of its states.
        notes: receives the note.
        null_words: the null of the first state's Φ in words.
        found: what else is known of the task.

    Returns:
        ``tpm``, ``mip``, and for each further formalism ``mip_iit4-2023`` and so on, as PNG; each of them also as SVG (``mip.svg``)
        and small, for the cards of trackers (``mip_small``, PNG).
    """
    images: dict[str, bytes] = {}
    with Part("the picture of the TPM", notes):
        images |= heatmaps(task, tpm, null_words)
    if states:
        with Part("the picture of the partition", notes):
            images |= _partitions("mip", task, tpm, states[0], null_words, None if found is None else found.structure)
    for other in found.others if found is not None else ():
        with Part(f"the picture of the partition of {other.formalism}", notes):
            name = f"mip_{other.formalism}"
            images |= _partitions(name, task, tpm, other.states[0], NULL_NOT_COMPUTED, other.structure)
    return images


def _epoch(task: PhiTask) -> str:
    """Returns the epoch of a task in words."""
    return "untrained" if task.epoch < 0 else f"epoch {task.epoch}"


def _labels(task: PhiTask) -> tuple[str, ...] | None:
    """Returns the names of the elements, or None where the task has none."""
    return task.labels or None
