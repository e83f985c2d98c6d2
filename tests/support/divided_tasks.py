"""A task of many Φ, which a pool of several workers divides, and what of two results must be the same."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np

from lightning_iit.job.split import with_parts
from lightning_iit.records import Judge, PhiTask, SurveyGroup, Units
from lightning_iit.records.whole.tasks import WholeSeries, WholeTask
from lightning_iit.tpm.estimate import estimate_tpm
from lightning_iit.whole.cost import LayerSeconds


def states_of(units: int, seed: int, steps: int = 900) -> np.ndarray:
    """Binary states that follow from the ones before them, with noise."""
    rng = np.random.default_rng(seed)
    weights, state, states = rng.normal(0, 1, (units, units)), np.zeros(units, int), []
    for _ in range(steps):
        state = (rng.random(units) < 1 / (1 + np.exp(-weights @ (2 * state - 1)))).astype(int)
        states.append(state)
    return np.array(states)


def task_of(units: int = 2, groups: int = 4, resamples: int = 30, **options) -> PhiTask:
    """A layer's survey with resamples, a null, an interval, a curve and the measures of the whole layer."""
    every = list(itertools.product((0, 1), repeat=units))
    survey, resampled, counts = [], [], []
    for group in range(groups):
        counts.append(estimate_tpm(states_of(units, group)).counts)
        visits = tuple(counts[-1].visits[sum(bit << unit for unit, bit in enumerate(state))] for state in every)
        order = sorted(range(len(every)), key=lambda one: -visits[one])
        indices = tuple(range(group, group + units))
        survey.append(
            SurveyGroup(
                units=Units(indices=indices, width=9, selection="given"),
                counts=msgspec.structs.replace(counts[-1], joint=()),
                states=tuple(every[one] for one in order),
                visits=tuple(visits[one] for one in order),
            )
        )
        resampled.append(np.random.default_rng(group).random((resamples, 2**units, units)).tobytes())
    rows = np.random.default_rng(0).standard_normal((400, 5)).astype(np.float32)
    series = WholeSeries(units=tuple(range(5)), width=5, lengths=(400,), rows=rows.tobytes())
    asked = {
        "survey": tuple(survey),
        "resampled": tuple(resampled),
        "states": survey[0].states[:2],
        "judge": Judge(surrogates=19, interval_draws=40, curve=True, ties=True),
        "whole": WholeTask(series=series, names=("stochastic_interaction",), surrogates=9),
        "pictures": False,
        "seed": 3,
    }
    about = {"layer": "layer", "epoch": 0, "global_step": 1, "kind": "causal", "axis": "time", "prior": 0.5}
    return PhiTask(counts=counts[0], **(about | asked | options))


def plain(result) -> dict:
    """A result without what depends on the clock."""
    told = msgspec.to_builtins(result)

    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(part) for key, part in value.items() if key not in {"seconds", "options"}}
        return [timeless(part) for part in value] if isinstance(value, list | tuple) else value

    return timeless(told)


def divided(layer: str = "layer", **options) -> PhiTask:
    return with_parts(task_of(layer=layer, **options), 0.05, LayerSeconds(1.0))
