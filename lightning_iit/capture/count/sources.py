"""The sources of a layer's data: calls of the layer within one step that have data of their own, such as two views of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lightning_iit.records import Dynamics
from lightning_iit.tpm.counts import merge, merge_dynamics
from lightning_iit.tpm.parts import parts_at_once
from lightning_iit.tpm.resampling import homogeneity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.options import Sources
    from lightning_iit.records import Counts

_LEVEL = 0.05
"""Sources are counted together unless the test of homogeneity rejects at this level."""


class SourcesSeen(NamedTuple):
    """Holds what was seen of a layer's calls in an epoch, over all ranks."""

    number: int
    """How many sources there were."""
    repeated: int
    """How many calls repeated data of their step."""


def no_such_source(layer: str, seen: int, wanted: int) -> tuple[str, str]:
    """Returns the code and the reason of a layer that had no call with the number that is wanted.

    Args:
        layer: the name of the layer.
        seen: how many sources were seen.
        wanted: the number of the source, from 0.
    """
    times = "once" if seen == 1 else f"{seen} times at most"
    most = "sources='first'" if seen == 1 else f"sources='first', or a number up to {seen - 1}"
    reason = (
        f"Layer {layer!r} was called {times} with data of its own in a training step, and sources={wanted} asks for the "
        f"{ordinal(wanted)} call. Give {most}."
    )
    return "no_such_source", reason


def ordinal(number: int) -> str:
    """Returns the word for a place counted from 0.

    Example:
        >>> ordinal(0), ordinal(2), ordinal(20)
        ('first', 'third', '21st')
    """
    words = ("first", "second", "third", "fourth", "fifth")
    place = number + 1
    ending = "th" if place % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return words[number] if number < len(words) else f"{place}{ending}"


def joined(sources: Sequence[LayerEpoch], seen: SourcesSeen, wanted: Sources) -> LayerEpoch:
    """Makes the result of a layer from those of its sources: that of one, or of all together where they are alike.

    Args:
        sources: the result of each source that was counted, of the same units.
        seen: how many sources there were, and how many repetitions.
        wanted: which source was asked for; or "pooled", to count them together where the test of homogeneity does not reject.

    Returns:
        The result, with notes on how many sources there were and which were analysed.
    """
    first = sources[0]
    notes = []
    if seen.number > 1:
        says = (
            f"The layer was called up to {seen.number} times in a training step with different data (two views, or real and "
            "generated samples, for example). Each of these calls is a source of its own, with thresholds and counts of its own;"
        )
        counted = [source.counts for source in sources if source.counts is not None and source.counts.transitions]
        if wanted != "pooled":
            number = 0 if wanted == "first" else wanted
            notes.append(f"{says} the {ordinal(number)} is analysed (sources={wanted!r}).")
        elif len(counted) < seen.number:
            notes.append(f"{says} {seen.number - len(counted)} could not be counted, so the first is analysed alone.")
        else:
            p = homogeneity(counted).p
            if p < _LEVEL:
                notes.append(f"{says} a test of homogeneity says that they differ (p = {p:.3g}), so the first is analysed alone.")
            else:
                notes.append(
                    f"{says} a test of homogeneity finds no difference (p = {p:.3g}), so the transitions of all are counted "
                    "together. The thresholds in this record are those of the first."
                )
                first = _together(first, sources, counted)
    if seen.repeated:
        notes.append(
            f"{seen.repeated} calls of the layer evaluated the data of their training step again (after a change of the weights, "
            "or with the same tensors) and are not counted: the first evaluation is."
        )
    return replace(first, notes=(*first.notes, *notes))


def _together(first: LayerEpoch, sources: Sequence[LayerEpoch], counted: Sequence[Counts]) -> LayerEpoch:
    """Returns the first source's result with the counts of all sources, which were made at the same time."""
    dynamics = [source.dynamics for source in sources if source.dynamics is not None]
    halves = tuple(merge(half) for half in zip(*(one.halves for one in dynamics), strict=True))
    parts = parts_at_once([one.parts for one in dynamics])
    return replace(
        first,
        counts=merge(counted),
        dynamics=Dynamics(triples=merge_dynamics(dynamics).triples, halves=halves, parts=parts)
        if len(dynamics) == len(sources)
        else None,
        left_out=sum(source.left_out for source in sources),
    )
