"""Says in phrases how a stored result and one that was computed again differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import Computed, SystemPhi
from lightning_iit.records.systems import braces

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.records import Concept, Cut, Structure
    from lightning_iit.records.iit4 import Purview, SpecifiedState

_NUMBERS = ("signed_phi", "normalized_phi", "margin")
"""Numbers of IIT 4.0 that are of the minimum partition."""


def differences(
    stored: Computed | SystemPhi,
    again: Computed | SystemPhi,
    tolerance: float,
    *,
    tied: Callable[[Cut, Cut], bool] | None = None,
) -> list[str]:
    """Returns a phrase for each difference in Φ (or φ_s) and in all that belongs to it.

    Args:
        stored: the stored result.
        again: the result that was computed again.
        tolerance: the largest difference of numbers that counts as equal.
        tied: says of two cuts of IIT 3.0 whether they tie, so that either is a minimum; called where the cuts differ. None
            where the same rule chose both.
    """
    if isinstance(stored, SystemPhi) and isinstance(again, SystemPhi):
        return _of_iit4(stored, again, tolerance)
    if isinstance(stored, Computed) and isinstance(again, Computed):
        return _of_iit3(stored, again, tolerance, tied)
    return ["the stored result is of another formalism than the record"]


def number(what: str, stored: float | None, again: float | None, tolerance: float) -> list[str]:
    """Returns a phrase where two numbers differ; a number that one of the two does not have is not compared."""
    if stored is None or again is None or abs(stored - again) <= tolerance:
        return []
    return [f"{what} {stored:.8g}, again {again:.8g}"]


def _of_iit3(stored: Computed, again: Computed, tolerance: float, tied: Callable[[Cut, Cut], bool] | None) -> list[str]:
    """Returns a phrase for each difference in Φ, cut, concepts and small φ."""
    words = number("Φ", stored.phi, again.phi, tolerance)
    if stored.cut != again.cut and not (tied and stored.cut and again.cut and tied(stored.cut, again.cut)):
        words.append(f"cut {stored.cut or 'none'}, again {again.cut or 'none'}")
    mine, other = (_concepts(result.concepts) for result in (stored, again))
    if mine.keys() != other.keys():
        words.append(f"concepts {len(mine)}, again {len(other)}; {len(mine.keys() ^ other.keys())} in one of them only")
    off = _off(mine, other, tolerance)
    if off:
        words.append(f"small φ of {len(off)} concepts, first of mechanism {braces(min(off)[0])}")
    return words


def _concepts(concepts: tuple[Concept, ...]) -> dict[tuple[tuple[int, ...], ...], tuple[float, ...]]:
    """Returns (cause φ, effect φ) of each concept by (mechanism, cause purview, effect purview)."""
    return {
        (concept.mechanism, concept.cause_purview, concept.effect_purview): (concept.cause_phi, concept.effect_phi)
        for concept in concepts
    }


def _off(
    mine: dict[tuple[tuple[int, ...], ...], tuple[float, ...]],
    other: dict[tuple[tuple[int, ...], ...], tuple[float, ...]],
    tolerance: float,
) -> list[tuple[tuple[int, ...], ...]]:
    """Returns the keys that both have, with numbers that differ."""
    common = mine.keys() & other.keys()
    return [key for key in common if max(abs(a - b) for a, b in zip(mine[key], other[key], strict=True)) > tolerance]


def _of_iit4(stored: SystemPhi, again: SystemPhi, tolerance: float) -> list[str]:
    """Returns a phrase for each difference in φ_s, its partition, states and numbers.

    Where φ_s is 0, no rule says which of several partitions or tied states is taken: engines with other names then agree if each
    has the other's states among those that tie.
    """
    words = number("φ_s", stored.phi, again.phi, tolerance) + number("ii", stored.ii, again.ii, tolerance)
    decided = max(stored.phi, again.phi) > tolerance or stored.engine.name == again.engine.name
    for name, mine, other in (("cause", stored.cause, again.cause), ("effect", stored.effect, again.effect)):
        words += _of_state(name, mine, other, tolerance, decided=decided)
    if not decided:
        return words
    for name in _NUMBERS:
        words += number(name, getattr(stored, name), getattr(again, name), tolerance)
    if sorted(stored.partition) != sorted(again.partition) and not (stored.ties or again.ties):
        words.append(f"partition severs {_severed(stored)}, again {_severed(again)}")
    return words


def _of_state(name: str, stored: SpecifiedState, again: SpecifiedState, tolerance: float, *, decided: bool) -> list[str]:
    """Returns a phrase for each difference of a specified cause or effect."""
    words = number(f"intrinsic information of the {name}", stored.intrinsic_information, again.intrinsic_information, tolerance)
    if set(stored.ties) != set(again.ties) or (decided and stored.state != again.state):
        words.append(f"{name} state {_bits(stored)}, again {_bits(again)}")
    elif decided:
        words += number(f"φ of the {name}", stored.phi, again.phi, tolerance)
    return words


def _bits(one: SpecifiedState) -> str:
    """Returns the state, and those that tie with it."""
    others = [state for state in one.ties if state != one.state]
    return " or ".join("".join(map(str, state)) for state in (one.state, *others))


def _severed(result: SystemPhi) -> str:
    """Returns the connections that the partition severs."""
    return ", ".join(f"{i} to {j}" for i, j in result.partition) or "none"


def structure_differences(stored: Structure, again: Structure, tolerance: float) -> list[str]:
    """Returns a phrase for each difference between two structures (IIT 4.0): φ_s, distinctions, relations, and the sums of φ.

    Args:
        stored: the stored structure.
        again: the structure that was computed again; for the same states of the system.
        tolerance: the largest difference of numbers that counts as equal.
    """
    words = [f"the structure's system: {words}" for words in _of_iit4(stored.system, again.system, tolerance)]
    words += number("Φ of the structure", stored.big_phi, again.big_phi, tolerance)
    words += number("sum of φ_d", stored.sum_phi_distinctions, again.sum_phi_distinctions, tolerance)
    words += number("sum of φ_r", stored.sum_phi_relations, again.sum_phi_relations, tolerance)
    if stored.relations != again.relations:
        words.append(f"relations {stored.relations:,}, again {again.relations:,}")
    mine, other = (_distinctions(one) for one in (stored, again))
    if mine.keys() != other.keys():
        words.append(f"distinctions {len(mine)}, again {len(other)}; {len(mine.keys() ^ other.keys())} in one of them only")
    off = _off(mine, other, tolerance)
    if off:
        words.append(f"φ of {len(off)} distinctions, first of mechanism {braces(min(off)[0])}")
    return words


def _distinctions(structure: Structure) -> dict[tuple[tuple[int, ...], ...], tuple[float, ...]]:
    """Returns (φ_d, cause φ, effect φ) of each distinction by its mechanism and its purviews with their states."""

    def of(purview: Purview) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return purview.nodes, purview.state

    return {
        (one.mechanism, *of(one.cause), *of(one.effect)): (one.phi, one.cause.phi, one.effect.phi) for one in structure.distinctions
    }
