"""Results as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from lightning_iit.records import Computed, Concept, MajorComplex, PhiResult

if TYPE_CHECKING:
    from rich.console import Console


def print_result(console: Console, result: PhiResult, state: tuple[int, ...]) -> None:
    """Φ, the cut and the concepts; or why there is none."""
    if not isinstance(result, Computed):
        console.print(f"No Φ: {result.reason}")
        return
    console.print(f"[bold]Φ = {result.phi:.6g}[/] in state {bits(state)} ({seconds(result.seconds)}, {result.engine.name} engine)")
    if result.cut is not None:
        cuts = f"{result.cuts_evaluated} partitions evaluated"
        console.print(
            f"Minimum-information partition: {nodes(result.cut.from_nodes)} -/-> {nodes(result.cut.to_nodes)}; {cuts}",
            highlight=False,
        )
    if result.reason:
        console.print(result.reason, highlight=False)
    if result.concepts:
        console.print(_concepts(result.concepts))


def print_complex(console: Console, found: MajorComplex) -> None:
    """The major complex in a line."""
    if isinstance(found.result, Computed) and found.nodes:
        console.print(f"[bold]Major complex: {nodes(found.nodes)}[/], Φ = {found.result.phi:.6g}", highlight=False)
    else:
        console.print(f"No major complex: {found.result.reason}", highlight=False)


def bits(state: tuple[int, ...]) -> str:
    """A state as digits, unit 0 first."""
    return "".join(str(bit) for bit in state)


def nodes(indices: tuple[int, ...]) -> str:
    """Node indices in braces."""
    return "{" + ", ".join(str(index) for index in indices) + "}"


def seconds(value: float) -> str:
    """A duration in words, with the unit that suits it."""
    if value < 1:
        return f"{1000 * value:.3g} ms"
    for unit, size in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if value >= 2 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"


def _concepts(concepts: tuple[Concept, ...]) -> Table:
    table = Table("mechanism", "cause purview", "effect purview", title=f"{len(concepts)} concepts", title_justify="left")
    for name in ("φ", "cause φ", "effect φ"):
        table.add_column(name, justify="right")
    for concept in concepts:
        sets = nodes(concept.mechanism), nodes(concept.cause_purview), nodes(concept.effect_purview)
        table.add_row(*sets, f"{concept.phi:.6g}", f"{concept.cause_phi:.6g}", f"{concept.effect_phi:.6g}")
    return table
