"""``lightning-iit compare``: compares runs, prints a table and the answer in words, and writes table and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.compare import compare_each_scale
from lightning_iit.records import FORMALISM_WORDS, symbol
from lightning_iit.records.shown.numbers import decimals, digits
from lightning_iit.report.cells import number
from lightning_iit.report.terminal import FittedTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from lightning_iit.comparison.compared import LayerComparison

_RIGHT = ("difference", "p", "smallest p")


def run_compare(runs: Sequence[str], by: str | None, output: Path | None, console: Console) -> int:
    """Prints the comparison of runs as a table and in words, one of each scale of numbers; returns the exit status.

    Args:
        runs: folders and MLflow URIs.
        by: what tells the sides apart, see :func:`~lightning_iit.compare_runs`.
        output: the folder to write table, words and pictures into, of several scales into folders 1, 2, ... in it; None writes
            nothing.
        console: where to print.

    Returns:
        0, or 1 where none of several scales could be compared.

    Raises:
        IITError: there is no run, or what was given cannot be compared.
        OSError: the folder cannot be written.
    """
    found = compare_each_scale(runs, by)
    if len(found) > 1:
        console.print(f"These runs have Φ on {len(found)} scales, each of which is compared by itself.", highlight=False)
    for place, (scale, one) in enumerate(found.items(), 1):
        if scale:
            console.print(f"\n{place}. {scale}", highlight=False, markup=False)
        if isinstance(one, str):
            console.print(one, highlight=False, markup=False)
            continue
        console.print(_table(one.layers))
        console.print(one.words, highlight=False, markup=False)
        if output is not None:
            for path in one.write(output / str(place) if scale else output):
                console.print(f"Wrote {path}.", highlight=False, markup=False)
    return int(all(isinstance(one, str) for one in found.values()))


def _table(rows: Sequence[LayerComparison]) -> FittedTable:
    """Returns the table of the rows, which are of one formalism."""
    of_first, of_second = (f"{symbol(rows[0].formalism)} of the {which}" for which in ("first", "second"))
    columns = ("layer", "compared", "runs", of_first, of_second, "difference", "p", "smallest p", "kind", "theory")
    cells = [
        (
            row.layer or "(the whole model)",
            f"{row.one} → {row.other}",
            f"{row.runs_one} / {row.runs_other}",
            _phi(row.phi_one, row.low_one, row.high_one),
            _phi(row.phi_other, row.low_other, row.high_other),
            decimals(row.difference, sign=True),
            "none" if row.p is None else digits(row.p),
            "none" if row.p_smallest is None else digits(row.p_smallest),
            row.kind,
            FORMALISM_WORDS[row.formalism],
        )
        for row in rows
    ]
    return FittedTable(columns, cells, names=("layer",), right=_RIGHT)


def _phi(phi: float, low: float | None, high: float | None) -> str:
    """Returns Φ with its interval."""
    return number(phi) if low is None or high is None else f"{number(phi)} ({number(low)} to {number(high)})"
