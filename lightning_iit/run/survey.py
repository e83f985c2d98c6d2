"""The groups of units of a layer's survey: what is asked of a worker for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from lightning_iit.records import Moment, Skipped, SurveyGroup
from lightning_iit.tpm.sequences import resampled_tpms
from lightning_iit.tpm.states import index_of, state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import Counts, Perturbation, State
    from lightning_iit.tpm.sequences import NextBits

Causal: TypeAlias = "tuple[Counts, Perturbation] | Skipped | None"
"""The counts made by a perturbation and how it was made; Skipped with the reason why it could not be made; or None where the layer
is not perturbed."""

NO_MOMENTS = (
    "There is no Φ at single moments (moments=): the layer is not perturbed in backgrounds that differ, so none can be held."
)
"""The note on a layer that has no single moments."""
_ALL_STATES = 16
"""Of groups with so many states Φ is computed in those that were not visited too, which have no weight: so that two epochs can be
compared in the states that one of them visited."""


class Group(NamedTuple):
    """Holds a group of a layer's units at the end of an epoch."""

    captured: LayerEpoch
    """What was captured of the group's units in the epoch."""
    counts: Counts | None
    """The watched transitions, over the window."""
    causal: Causal
    """The counts made by a perturbation, or the reason why there are none."""
    states: tuple[State, ...]
    """The states chosen for analysis."""
    bits: NextBits | None = None
    """The next state in each background of a perturbation, from which sequences are resampled."""


def survey_group(group: Group) -> SurveyGroup:
    """Builds a group of a survey: with counts and states, or with the reason why its Φ cannot be computed."""
    captured, counts, causal, states, _ = group
    assert captured.units is not None
    set_counts, how = causal if isinstance(causal, tuple) else (counts, None)
    if isinstance(causal, Skipped) or not states or set_counts is None:
        why = (
            causal.reason
            if isinstance(causal, Skipped)
            else (captured.problem or ("", "No transition of these units was seen."))[1]
        )
        return SurveyGroup(units=captured.units, reason=why)
    visits = captured.seen or set_counts.visits
    if len(states) > 1 and len(visits) <= _ALL_STATES:
        n = len(states[0])
        states = (*states, *(each for each in (state_of(index, n) for index in range(2**n)) if each not in states))
    return SurveyGroup(
        units=captured.units,
        counts=msgspec.structs.replace(set_counts, joint=()),
        cm=None if how is None else how.cm,
        states=states,
        visits=tuple(visits[index_of(state)] for state in states),
    )


def draw(groups: Sequence[Group], *, resamples: int, moments: int, seed: int) -> dict[str, Any]:
    """Draws what a task has of single backgrounds: resamples of each group, and moments of the first one; by the task's fields."""
    return {
        "resampled": packed_resamples(groups, resamples, seed=seed),
        "moments": moments_of(groups[0], moments, seed=seed) if moments else (),
    }


def packed_resamples(groups: Sequence[Group], number: int, *, seed: int) -> tuple[bytes, ...]:
    """Draws TPMs of resampled sequences for each group, the same sequences for all groups.

    Args:
        groups: the groups of a layer.
        number: how many resamples are drawn; with 0 none.
        seed: the seed of the draws.

    Returns:
        For each group ``[resample, state, unit]`` as the bytes of float64; empty where sequences cannot be resampled.
    """
    if not number:
        return ()
    found = []
    for group in groups:
        drawn = None
        if group.bits is not None and group.bits.sequences is not None:
            drawn = resampled_tpms(group.bits.packed, group.bits.sequences, number, seed=seed)
        found.append(b"" if drawn is None else np.ascontiguousarray(drawn, dtype=np.float64).tobytes())
    return tuple(found)


def moments_of(group: Group, number: int, *, seed: int) -> tuple[Moment, ...]:
    """Draws single moments of a group at random: observed backgrounds with the state of the units in each.

    Args:
        group: the group.
        number: how many moments are drawn; all where fewer backgrounds were kept.
        seed: the seed of the draw.

    Returns:
        The moments in the order of the data; none where the group is not perturbed in sampled backgrounds.
    """
    if group.bits is None:
        return ()
    total = len(group.bits.observed)
    drawn = np.sort(np.random.default_rng(seed).choice(total, min(number, total), replace=False))
    bits = np.unpackbits(group.bits.packed, axis=-1, count=total)[..., drawn]
    following = np.tensordot(1 << np.arange(bits.shape[1]), bits, axes=(0, 1))
    return tuple(
        Moment(state=int(group.bits.observed[row]), following=tuple(following[:, column].tolist()))
        for column, row in enumerate(drawn)
    )
