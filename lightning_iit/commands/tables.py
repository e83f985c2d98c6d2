"""Prints results as text and tables on the terminal, or as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import FORMALISM_WORDS, Computed, Concept, PhiResult, Skipped, Structure, SystemPhi
from lightning_iit.records.schema import symbol
from lightning_iit.records.systems import braces
from lightning_iit.report.terminal import FittedTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from lightning_iit.records import MajorComplex
    from lightning_iit.records.iit4 import Purview, SpecifiedState
    from lightning_iit.records.results import Partitions


_RELATIONS = 10
"""The number of relations that are printed."""


def print_json(document: object) -> None:
    """Prints a document (structs, mappings, lists, numbers, texts) as JSON of several lines, in UTF-8 on every terminal."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def print_result(console: Console, result: PhiResult, state: tuple[int, ...], formalism: str) -> None:
    """Prints Φ (or φ_s) with its version of the theory, and all that belongs to it, or the reason why there is none.

    Args:
        console: where to print.
        result: the result of the analysis.
        state: the analysed state, unit 0 first.
        formalism: "iit3", "iit4-2023" or "iit4-2026".
    """
    what, by = symbol(formalism), FORMALISM_WORDS[formalism]
    if not isinstance(result, (Computed, SystemPhi)):
        console.print(f"No {what}: {result.reason} ({by})", highlight=False, markup=False)
        return
    unit = "" if isinstance(result, Computed) else " ibits"
    console.print(
        f"[bold]{what} = {result.phi:.6g}{unit}[/] in state {bits(state)} "
        f"({by}; {seconds(result.seconds)}, {result.engine.name} engine)",
        highlight=False,
    )
    if isinstance(result, SystemPhi):
        for line in _of_iit4(result):
            console.print(line, highlight=False, markup=False)
        return
    if result.cut is not None:
        console.print(
            f"Minimum-information partition: {result.cut}; partitions evaluated: {result.cuts_evaluated}", highlight=False
        )
    for words in filter(None, (result.reason, result.ties_words)):
        console.print(words, highlight=False)
    if result.concepts:
        console.print(_concepts(result.concepts))


def _of_iit4(result: SystemPhi) -> Iterator[str]:
    """Yields what belongs to φ_s, a line each."""
    yield f"Signed φ_s = {result.signed_phi:.6g}, normalised φ_s = {result.normalized_phi:.6g}, ii = {result.ii:.6g}"
    yield f"Cause state {_specified(result.cause, 'φ_c')}"
    yield f"Effect state {_specified(result.effect, 'φ_e')}"
    if result.partition:
        severed = ", ".join(f"{i} to {j}" for i, j in result.partition)
        margin = "" if result.margin is None else f"; normalised φ of the second-best one is larger by {result.margin:.6g}"
        tied = f"; {result.ties} others tie with it" if result.ties else ""
        yield f"Minimum partition: severs {severed}; partitions evaluated: {result.partitions}{margin}{tied}"
    if result.reason:
        yield result.reason


def _specified(one: SpecifiedState, name: str) -> str:
    """Returns a specified cause or effect with its numbers."""
    signed = "" if one.signed_phi >= 0 else f" (signed {one.signed_phi:.6g})"
    others = ", ".join(bits(state) for state in one.ties if state != one.state)
    tied = f"; tied with {others}" if others else ""
    return f"{bits(one.state)}: {name} = {one.phi:.6g}{signed}, intrinsic information {one.intrinsic_information:.6g}{tied}"


def print_complex(console: Console, found: MajorComplex) -> None:
    """Prints the nodes and the Φ (or φ_s) of the complexes in one line, or the reason why there is none."""
    result = found.result
    if not isinstance(result, (Computed, SystemPhi)) or not found.nodes:
        console.print(f"No major complex: {result.reason}", highlight=False, markup=False)
        return
    what = "φ_s" if isinstance(result, SystemPhi) else "Φ"
    others = "".join(f"; complex {braces(one.nodes)}, {what} = {one.phi:.6g}" for one in found.others)
    console.print(f"[bold]Major complex: {braces(found.nodes)}[/], {what} = {result.phi:.6g}{others}", highlight=False)
    if isinstance(result, SystemPhi) and result.reason:
        console.print(result.reason, highlight=False, markup=False)


def print_structure(console: Console, found: Structure | Skipped) -> None:
    """Prints Φ of a cause-effect structure (IIT 4.0), its distinctions, and the strongest of its relations."""
    if isinstance(found, Skipped):
        console.print(f"No structure: {found.reason}", highlight=False, markup=False)
        return
    console.print(
        f"[bold]Φ of the structure = {found.big_phi:.6g} ibits[/]: {len(found.distinctions)} distinctions (sum of φ_d "
        f"{found.sum_phi_distinctions:.6g}), {found.relations:,} relations (sum of φ_r {found.sum_phi_relations:.6g})",
        highlight=False,
    )
    if found.reason:
        console.print(found.reason, highlight=False, markup=False)
    if found.distinctions:
        numbers = ("φ_d", "cause φ", "effect φ")
        rows = [
            (
                *(braces(one.mechanism), _purview(one.cause), _purview(one.effect)),
                *(f"{value:.6g}" for value in (one.phi, one.cause.phi, one.effect.phi)),
            )
            for one in found.distinctions
        ]
        columns = ("mechanism", "cause purview", "effect purview", *numbers)
        console.print(FittedTable(columns, rows, right=numbers, title=f"{len(rows)} distinctions"))
    if found.relations:
        strongest = found.relations_among(most=_RELATIONS)
        rows = [
            (" ".join(map(braces, one.mechanisms)), f"{braces(one.nodes)} as {bits(one.state)}", f"{one.phi:.6g}")
            for one in strongest
        ]
        title = f"{len(rows)} of {found.relations:,} relations, the strongest first"
        console.print(FittedTable(("distinctions of", "common nodes", "φ_r"), rows, right=("φ_r",), title=title))


def print_partitions(console: Console, found: Partitions | Skipped) -> None:
    """Prints the partitions with the smallest Φ, the minimum first."""
    if isinstance(found, Skipped) or not found.partitions:
        console.print(f"No partitions: {found.reason}", highlight=False, markup=False)
        return
    is_iit3 = found.partitions[0].cut is not None
    numbers = ("Φ",) if is_iit3 else ("φ_s", "signed", "normalised")
    columns = ("", "cut" if is_iit3 else "severs", *numbers)
    rows = [
        (str(place), one.words, *(f"{value:.6g}" for value in (one.phi, one.signed_phi, one.normalized_phi) if value is not None))
        for place, one in enumerate(found.partitions, start=1)
    ]
    title = f"The {len(rows)} best of {found.number:,} partitions"
    console.print(FittedTable(columns, rows, right=("", *numbers), title=title))


def _purview(one: Purview) -> str:
    """Returns a purview with its state."""
    return f"{braces(one.nodes)} as {bits(one.state)}"


def bits(state: tuple[int, ...]) -> str:
    """Returns a state as digits, unit 0 first.

    Example:
        >>> bits((1, 0, 0))
        '100'
    """
    return "".join(str(bit) for bit in state)


def seconds(value: float) -> str:
    """Returns a duration (given in seconds) as text, in ms, s, minutes, hours or days.

    Example:
        >>> seconds(0.25), seconds(90.0), seconds(7200.0)
        ('250 ms', '90 s', '2 hours')
    """
    if value < 1:
        return f"{1000 * value:.3g} ms"
    for unit, size in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if value >= 2 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"


def _concepts(concepts: tuple[Concept, ...]) -> FittedTable:
    """Returns the table of concepts: mechanism, purviews and small φ."""
    numbers = ("φ", "cause φ", "effect φ")
    rows = [
        (
            *map(braces, (concept.mechanism, concept.cause_purview, concept.effect_purview)),
            *(f"{value:.6g}" for value in (concept.phi, concept.cause_phi, concept.effect_phi)),
        )
        for concept in concepts
    ]
    columns = ("mechanism", "cause purview", "effect purview", *numbers)
    return FittedTable(columns, rows, right=numbers, title=f"{len(concepts)} concepts")
