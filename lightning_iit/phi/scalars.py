"""The scalars that are logged of the results of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import Computed, StateResult, Structure, SystemPhi

if TYPE_CHECKING:
    from collections.abc import Sequence


def phi_scalars(states: Sequence[StateResult]) -> dict[str, float]:
    """Returns the scalars to log for the analysed states of one task; a value that was not computed is left out, never 0 or NaN.

    Args:
        states: the results of the task's states; the first state is the one shown in detail.

    Returns:
        Up to seven scalars by key. Of the first state, where computed: ``phi``, ``concepts`` (the number of concepts) and
        ``sum_small_phi`` (the sum of φ over the concepts). Over all computed states, if any: ``phi_mean`` (weighted by visits; all
        states weigh the same where none was visited), ``phi_max``, ``states`` (how many were computed) and ``seconds`` (computing
        time of these states together). Of IIT 4.0 ``phi_signed`` and ``ii`` stand in the place of the concepts.
    """
    scalars: dict[str, float] = {}
    if states and isinstance(first := states[0].result, Computed):
        scalars |= {"phi": first.phi, "concepts": float(len(first.concepts)), "sum_small_phi": first.sum_small_phi}
    elif states and isinstance(first, SystemPhi):
        scalars |= {"phi": first.phi, "phi_signed": first.signed_phi, "ii": first.ii}
    computed = [(state.visits, state.result) for state in states if isinstance(state.result, (Computed, SystemPhi))]
    if not computed:
        return scalars
    # Requested states that were never visited get no weight, unless no state was visited.
    weights = [visits for visits, _ in computed]
    if not sum(weights):
        weights = [1] * len(computed)
    mean = sum(weight * result.phi for weight, (_, result) in zip(weights, computed, strict=True)) / sum(weights)
    return scalars | {
        "phi_mean": mean,
        "phi_max": max(result.phi for _, result in computed),
        "states": float(len(computed)),
        "seconds": sum(result.seconds for _, result in computed),
    }


def structure_scalars(structure: Structure) -> dict[str, float]:
    """Returns the scalars to log of a cause-effect structure (IIT 4.0).

    Returns:
        ``distinctions`` and ``relations`` (how many there are), ``sum_phi_distinctions``, ``sum_phi_relations`` and their sum
        ``big_phi``, in ibits.
    """
    return {
        "distinctions": float(len(structure.distinctions)),
        "relations": float(structure.relations),
        "sum_phi_distinctions": structure.sum_phi_distinctions,
        "sum_phi_relations": structure.sum_phi_relations,
        "big_phi": structure.big_phi,
    }
