"""The pictures of a task: its TPM, and the minimum-information partition by each formalism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.job.guard import Part
from lightning_iit.records import NULL_NOT_COMPUTED

if TYPE_CHECKING:
    from lightning_iit.records import PhiTask, StateResult, Structure, TaskResult
    from lightning_iit.tpm.estimate import Tpm


def heatmap(task: PhiTask, tpm: Tpm, null_words: str = NULL_NOT_COMPUTED) -> bytes:
    """Draws the TPM as a heatmap, as PNG bytes."""
    from lightning_iit.figures.heatmap import tpm_heatmap

    return tpm_heatmap(
        tpm,
        counts=task.counts,
        kind=task.kind,
        axis=task.axis,
        subtitle=_subtitle(task),
        state=task.states[0] if task.states else None,
        labels=_labels(task),
        null_words=null_words,
    )


def _partition(task: PhiTask, tpm: Tpm, state: StateResult, null_words: str, structure: Structure | None) -> bytes:
    """Draws the minimum-information partition of a state's result, as PNG bytes."""
    from lightning_iit.figures.partition import partition_graph

    return partition_graph(
        state.result,
        tpm=tpm,
        state=state.state,
        kind=task.kind,
        axis=task.axis,
        subtitle=_subtitle(task),
        counts=task.counts,
        labels=_labels(task),
        cm=task.cm,
        null_words=null_words,
        structure=structure,
    )


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
        ``tpm``, ``mip``, and for each further formalism ``mip_iit4-2023`` and so on, as PNG.
    """
    images = {}
    with Part("the picture of the TPM", notes):
        images["tpm"] = heatmap(task, tpm, null_words)
    if states:
        with Part("the picture of the partition", notes):
            images["mip"] = _partition(task, tpm, states[0], null_words, None if found is None else found.structure)
    for other in found.others if found is not None else ():
        with Part(f"the picture of the partition of {other.formalism}", notes):
            images[f"mip_{other.formalism}"] = _partition(task, tpm, other.states[0], NULL_NOT_COMPUTED, other.structure)
    return images


def _subtitle(task: PhiTask) -> str:
    """Returns the second title line of the pictures: layer, epoch and global step."""
    epoch = "untrained" if task.epoch < 0 else f"epoch {task.epoch}"
    return f"{task.layer}, {epoch}, step {task.global_step}"


def _labels(task: PhiTask) -> tuple[str, ...] | None:
    """Returns the names of the elements, or None where the task has none."""
    return task.labels or None
