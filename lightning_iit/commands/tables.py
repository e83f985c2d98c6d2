"""Prints results as text and tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import Computed, Concept, MajorComplex, PhiResult
from lightning_iit.records.systems import braces
from lightning_iit.report.terminal import FittedTable

if TYPE_CHECKING:
    from rich.console import Console


def print_result(console: Console, result: PhiResult, state: tuple[int, ...]) -> None:
    """Prints Φ, the minimum-information partition and the concepts of a result, or the reason why there is no Φ.

    Args:
        console: where to print.
        result: the result of the analysis.
        state: the analysed state, unit 0 first.
    """
    if not isinstance(result, Computed):
        console.print(f"No Φ: {result.reason}")
        return
    console.print(f"[bold]Φ = {result.phi:.6g}[/] in state {bits(state)} ({seconds(result.seconds)}, {result.engine.name} engine)")
    if result.cut is not None:
        cuts = f"{result.cuts_evaluated} partitions evaluated"
        console.print(
            f"Minimum-information partition: {result.cut}; {cuts}",
            highlight=False,
        )
    for words in filter(None, (result.reason, result.ties_words)):
        console.print(words, highlight=False)
    if result.concepts:
        console.print(_concepts(result.concepts))


def print_complex(console: Console, found: MajorComplex) -> None:
    """Prints the nodes and the Φ of a major complex in one line, or the reason why there is none."""
    if isinstance(found.result, Computed) and found.nodes:
        console.print(f"[bold]Major complex: {braces(found.nodes)}[/], Φ = {found.result.phi:.6g}", highlight=False)
    else:
        console.print(f"No major complex: {found.result.reason}", highlight=False)


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
