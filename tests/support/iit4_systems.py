"""The reference systems of IIT 4.0, with the answers of PyPhi 2, and plain code that finds minimum partitions by trying all."""

from __future__ import annotations

import gzip
import itertools
import json
from functools import cache
from typing import Any

import numpy as np
from places import DATA

from lightning_iit.phi.iit4.tolerance import equal
from lightning_iit.records import System

FORMALISMS = {"iit4-2023": "IIT_4_0_2023", "iit4-2026": "IIT_4_0_2026"}


@cache
def oracle() -> dict[str, dict[str, Any]]:
    """The systems that PyPhi analysed, with its answers, by name."""
    found = json.loads(gzip.decompress((DATA / "pyphi_iit4.json.gz").read_bytes()))["systems"]
    return {entry["name"]: entry for entry in found}


def system_of(entry: dict[str, Any]) -> System:
    return System(tpm=entry["tpm"], state=entry["state"], cm=entry["cm"])


def answer(entry: dict[str, Any], formalism: str) -> dict[str, Any]:
    return entry["results"][FORMALISMS[formalism]]


def pairs(severed: Any) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((i, j) for i, j in severed))


def set_partitions(nodes: list[int]) -> list[list[list[int]]]:
    if not nodes:
        return [[]]
    first, *rest = nodes
    return [
        new
        for parts in set_partitions(rest)
        for new in ([[first], *parts], *([*parts[:k], [first, *part], *parts[k + 1 :]] for k, part in enumerate(parts)))
    ]


@cache
def all_cuts(n: int) -> list[tuple[tuple[int, int], ...]]:
    """The severed connections of every directed set partition of n nodes; equal ones once."""
    cuts = set()
    for parts in set_partitions(list(range(n))):
        if len(parts) < 2:
            continue
        of = {node: k for k, part in enumerate(parts) for node in part}
        for directions in itertools.product(("in", "out", "both"), repeat=len(parts)):
            cuts.add(
                tuple(
                    (i, j)
                    for i in range(n)
                    for j in range(n)
                    if of[i] != of[j] and (directions[of[j]] != "out" or directions[of[i]] != "in")
                )
            )
    return sorted(cuts)


def phi_of_cut(losses: np.ndarray, severed: Any) -> float:
    """φ of one direction: the sum over the nodes of what they lose with their cut inputs."""
    return sum(losses[node, sum(1 << i for i, j in severed if j == node)] for node in range(len(losses)))


def best_of(cuts: list[tuple[Any, float]], n: int) -> tuple[tuple[tuple[int, int], ...], float, float, int]:
    """The minimum partition of (severed, signed φ), its signed φ, the margin to the second best, and the number of ties."""

    def key(cut: tuple[Any, float]) -> tuple[Any, ...]:
        matrix = np.zeros((n, n), dtype=np.uint8)
        for i, j in cut[0]:
            matrix[i, j] = 1
        return matrix.tobytes()

    normalized = [max(0.0, signed) / len(severed) for severed, signed in cuts]
    ordered = sorted(normalized)
    tied = [cut for cut, value in zip(cuts, normalized, strict=True) if equal(value, ordered[0])]
    largest = max(max(0.0, signed) for _, signed in tied)
    severed, signed = min((cut for cut in tied if equal(max(0.0, cut[1]), largest)), key=key)
    return pairs(severed), signed, ordered[1] - ordered[0], len(tied) - 1
