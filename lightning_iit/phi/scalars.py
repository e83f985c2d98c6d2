"""The scalars that are read off the Φ of a task's states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import Computed, StateResult

if TYPE_CHECKING:
    from collections.abc import Sequence


def phi_scalars(states: Sequence[StateResult]) -> dict[str, float]:
    """What is logged of the Φ of one task; what was not computed is left out, never 0 or NaN.

    Returns:
        ``phi``, ``concepts`` and ``sum_small_phi`` of the first state; ``phi_mean`` (weighted by visits) and ``phi_max`` over
        the computed states; ``states``: how many were computed; ``seconds``: what they took together.
    """
    scalars: dict[str, float] = {}
    if states and isinstance(first := states[0].result, Computed):
        scalars |= {"phi": first.phi, "concepts": float(len(first.concepts)), "sum_small_phi": first.sum_small_phi}
    computed = [(state.visits, state.result) for state in states if isinstance(state.result, Computed)]
    if not computed:
        return scalars
    # States that were asked for and never visited weigh nothing, unless no state was.
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
