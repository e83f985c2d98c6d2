"""Finds the major complex of a system, and compares two of them."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

from lightning_iit.commands.differences import differences, number
from lightning_iit.phi.compute import major_complex
from lightning_iit.records import Complexes, Computed, MajorComplex, SystemPhi
from lightning_iit.records.schema import symbol
from lightning_iit.records.systems import braces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.records import System


def found_complex(system: System, engine: str, timeout: float | None, options: Mapping[str, Any]) -> MajorComplex:
    """Finds the major complex; of IIT 4.0 in the form that records have too.

    Args:
        system: the system.
        engine: the name of the engine.
        timeout: the time limit in seconds; None for none.
        options: further options of :func:`lightning_iit.major_complex`.
    """
    found = major_complex(system, engine, timeout, **options)
    if isinstance(found, MajorComplex):
        return found
    if isinstance(found, Complexes):
        return MajorComplex(nodes=found.nodes, result=found.result, others=found.others)
    return MajorComplex(nodes=(), result=found)


def seconds_of_search(engine: PhiEngine, n: int) -> float:
    """Returns about how long an engine searches all subsets of n units, on one core."""
    return sum(comb(n, size) * engine.seconds(size) for size in range(2, min(n, engine.max_units) + 1))


def complex_differences(stored: MajorComplex, again: MajorComplex, formalism: str, tolerance: float, *, same: bool) -> list[str]:
    """Returns a phrase for each difference between two major complexes.

    Args:
        stored: the stored major complex, of which there is a Φ.
        again: the one that was searched again.
        formalism: the version of the theory.
        tolerance: the largest difference of numbers that counts as equal.
        same: whether both were searched by one engine. Engines with other names may name another one of several subsets that tie.
    """
    assert isinstance(stored.result, (Computed, SystemPhi))
    if not isinstance(again.result, (Computed, SystemPhi)):
        return [f"major complex {braces(stored.nodes)}, but now: {again.result.reason}"]
    words = number(f"{symbol(formalism)} of the major complex", stored.result.phi, again.result.phi, tolerance)
    if stored.nodes != again.nodes:
        tie = not words and not same
        return [] if tie else [f"major complex {braces(stored.nodes)}, again {braces(again.nodes)}", *words]
    if stored.nodes and not words:
        words = [f"the major complex: {words}" for words in differences(stored.result, again.result, tolerance)]
    others = [sorted((one.phi for one in found.others), reverse=True) for found in (stored, again)]
    if len(others[0]) != len(others[1]):
        words.append(f"further complexes {len(others[0])}, again {len(others[1])}")
    elif any(abs(mine - other) > tolerance for mine, other in zip(*others, strict=True)):
        words.append("φ_s of the further complexes")
    return words
