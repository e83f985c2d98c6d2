"""The survey of a layer in a worker: Φ of each group in each of its states, and the mean over groups with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Computed, State, Survey, SurveyGroup, System
from lightning_iit.tpm.estimate import tpm_for_phi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jaxtyping import Float

    from lightning_iit.records import PhiTask

POSITIVE = 1e-6
"""A Φ above this is called positive: rounding leaves less."""
STATES_RESAMPLED = 2
"""In how many of its states, the most visited ones, each group is analysed again for each resample."""
LEVEL = 0.90
"""The level of the interval."""
_FEWEST = 20
"""With fewer resamples that have a Φ no interval is given."""

Phis: TypeAlias = "Callable[[np.ndarray, Sequence[State]], list[float | None]]"
"""A function from a state-by-node TPM and some states to Φ in each of them; None where there is none."""


def survey(task: PhiTask, known: Mapping[State, float | None]) -> Survey:
    """Computes Φ of each group of a task's survey, and summarises the groups.

    The interval is that of the mean over groups, with the same resample in each group. A resample is analysed in the two most
    visited states of each group only, and by what these differ from the same states of the data it is set apart from ``phi``.

    Args:
        task: the task, with its survey; ``resampled`` has one array ``[resample, state, unit]`` for each group, or none.
        known: Φ of the first group in the states that were analysed already.

    Returns:
        The survey; a group whose analysis fails has no Φ, and a reason.
    """
    groups, deviations = [], []
    for number, group in enumerate(task.survey):
        try:
            found, apart = _surveyed(task, group, {} if number else known, number)
        except Exception as error:  # noqa: BLE001  whatever broke, the other groups are still analysed
            found, apart = msgspec.structs.replace(group, reason=f"{type(error).__name__}: {error}"), np.empty(0)
        groups.append(found)
        if found.phi is not None:
            deviations.append(apart)
    return _summary(groups, deviations)


def _surveyed(
    task: PhiTask, group: SurveyGroup, known: Mapping[State, float | None], number: int
) -> tuple[SurveyGroup, Float[np.ndarray, " resample"]]:
    """Returns a group with its Φ, and for each resample how far its Φ lies from that of the data, in the same states."""
    if group.counts is None:
        return group, np.empty(0)
    phis = _phis_of(task, group)
    tpm = tpm_for_phi(group.counts, task.prior).state_by_node
    todo = [state for state in group.states if state not in known]
    found = dict(known) | dict(zip(todo, phis(tpm, todo), strict=True))
    order = sorted((index for index, visits in enumerate(group.visits) if visits), key=lambda index: -group.visits[index])
    chosen = order[:STATES_RESAMPLED]
    states, weights = [group.states[index] for index in chosen], [group.visits[index] for index in chosen]
    apart, positive = [], []
    here = _mean([found[state] for state in states], weights)
    for drawn in _resampled(task, number, tpm.shape):
        again = phis(drawn, states)
        there = _mean(again, weights)
        apart.append(np.nan if there is None or here is None else there - here)
        positive.append(again[0] is not None and again[0] > POSITIVE)
    values = tuple(found[state] for state in group.states)
    reached = any(phi is not None for phi in values)
    settled = msgspec.structs.replace(
        group,
        phis=values,
        positive=float(np.mean(positive)) if positive else None,
        reason="" if reached else "No state leads to any of its states.",
    )
    return settled, np.array(apart)


def _resampled(task: PhiTask, number: int, shape: tuple[int, ...]) -> Float[np.ndarray, "resample state unit"]:
    """Returns the resampled TPMs of a group; none where the task has none."""
    packed = task.resampled[number] if number < len(task.resampled) else b""
    return np.frombuffer(packed, dtype=np.float64).reshape(-1, *shape)


def _summary(groups: Sequence[SurveyGroup], deviations: Sequence[Float[np.ndarray, " resample"]]) -> Survey:
    """Returns the mean over groups, with the interval that the deviations of the resamples give."""
    phis = [group.phi for group in groups if group.phi is not None]
    if not phis:
        return Survey(groups=tuple(groups), interval_words="No group has a Φ.")
    phi = float(np.mean(phis))
    shares = [group.positive for group in groups if group.positive is not None]
    positive = float(np.mean(shares)) if shares else None
    number = min(map(len, deviations), default=0)
    together = np.array([apart[:number] for apart in deviations]).reshape(-1, number)
    drawn = phi + together[:, ~np.isnan(together).any(axis=0)].mean(axis=0)
    if len(drawn) < _FEWEST:
        return Survey(phi=phi, positive=positive, groups=tuple(groups), interval_words="interval not computed")
    tail = (1 - LEVEL) / 2
    low, high = np.maximum(np.quantile(drawn, [tail, 1 - tail]), 0.0)
    return Survey(
        phi=phi,
        groups=tuple(groups),
        resampled=tuple(drawn.tolist()),
        se=float(np.std(drawn, ddof=1)),
        low=float(low),
        high=float(high),
        positive=positive,
        interval_words=f"{LEVEL:.0%} interval of {len(drawn)} resamples of whole sequences",
    )


def _mean(phis: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """Returns the weighted mean of the Φ that are known; None where none is."""
    known = [(phi, weight) for phi, weight in zip(phis, weights, strict=True) if phi is not None]
    total = sum(weight for _, weight in known)
    return sum(phi * weight for phi, weight in known) / total if total else None


def _phis_of(task: PhiTask, group: SurveyGroup) -> Phis:
    """Returns the function that computes Φ for a group, with the engine and the options of the task."""
    engine = choose_engine(task.engine, task.options)

    def phis(tpm: np.ndarray, states: Sequence[State]) -> list[float | None]:
        systems = [System(tpm=tpm, state=state, cm=group.cm) for state in states]
        return [result.phi if isinstance(result, Computed) else None for result in engine.analyse(systems, task.options)]

    return phis
