"""Systems for tests of the fast engine, and how results are compared."""

from __future__ import annotations

import gzip
import itertools
import json
from functools import cache
from typing import Any

import numpy as np
from places import DATA

from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, PhiOptions, Skipped, System

TOLERANCE = 1e-6 + 1e-12


@cache
def oracle() -> list[dict[str, Any]]:
    """The systems that PyPhi analysed, with its answers."""
    return json.loads(gzip.decompress((DATA / "pyphi_sia.json.gz").read_bytes()))["systems"]


def system_of(entry: dict[str, Any]) -> System:
    return System(tpm=entry["tpm"], state=entry["state"], cm=entry["cm"])


def dense(n: int, seed: int) -> System:
    """A system with continuous random entries, all nodes connected to all."""
    rng = np.random.default_rng(seed)
    return System(tpm=rng.random((2**n, n)), state=rng.integers(0, 2, n))


def majority_ring(n: int, noise: float = 0.1) -> System:
    """Majority gates of a node and its two neighbours, wrong with probability ``noise``."""
    states = np.array(list(itertools.product((0, 1), repeat=n)))[:, ::-1]
    votes = states + np.roll(states, 1, axis=1) + np.roll(states, -1, axis=1)
    cm = np.eye(n, dtype=int) + np.roll(np.eye(n, dtype=int), 1, axis=1) + np.roll(np.eye(n, dtype=int), -1, axis=1)
    return System(tpm=np.where(votes >= 2, 1 - noise, noise), cm=np.minimum(cm, 1), state=[i % 2 for i in range(n)])


def analyse(system: System, engine: str = "fast", **options: Any) -> Computed | Skipped:
    (result,) = get_engine(engine).analyse([system], PhiOptions(**options))
    return result


def phi(system: System, **options: Any) -> float:
    result = analyse(system, **options)
    assert isinstance(result, Computed)
    return result.phi


def differences(found: Computed | Skipped, expected: Computed | Skipped) -> list[str]:
    """In what two results differ: Φ, cut, and both structures with their purviews, φ and repertoires."""
    if isinstance(expected, Skipped) or isinstance(found, Skipped):
        same = isinstance(expected, Skipped) and isinstance(found, Skipped) and expected.code == found.code
        return [] if same else [f"{found} instead of {expected}"]
    wrong = []
    if abs(found.phi - expected.phi) > TOLERANCE:
        wrong.append(f"phi {found.phi} instead of {expected.phi}")
    if found.cut != expected.cut:
        wrong.append(f"cut {found.cut} instead of {expected.cut}")
    for name in ("concepts", "partitioned_concepts"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        if [_purviews(concept) for concept in ours] != [_purviews(concept) for concept in theirs]:
            wrong.append(f"{name}: {ours} instead of {theirs}")
            continue
        for mine, other in zip(ours, theirs, strict=True):
            wrong += [f"{name} {mine} instead of {other}"] * (not _close(mine, other))
    return wrong


def _purviews(concept: Any) -> tuple[Any, ...]:
    return concept.mechanism, concept.cause_purview, concept.effect_purview


def _close(mine: Any, other: Any) -> bool:
    pairs = [((mine.cause_phi, mine.effect_phi), (other.cause_phi, other.effect_phi))]
    pairs += [(mine.cause_repertoire, other.cause_repertoire), (mine.effect_repertoire, other.effect_repertoire)]
    return all(
        (a is None) == (b is None) and (a is None or (len(a) == len(b) and np.allclose(a, b, rtol=0, atol=TOLERANCE)))
        for a, b in pairs
    )
