"""The parts of the report that say how far Φ depends on what was chosen: where a unit is ON, and how many data there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import symbol
from lightning_iit.report import cells
from lightning_iit.report.cells import number
from lightning_iit.report.markup import table
from lightning_iit.report.terms import in_symbol

if TYPE_CHECKING:
    from lightning_iit.records import CurvePoint, EpochRecord, ThresholdPoint

_CURVE_WORDS = (
    "These are Φ of random subsets of the last epoch's data, without a null. A Φ that falls with more data is biased upward."
)
_STILL_FALLS = 1.1
"""Φ of all the data may be biased while the subset before it has a mean Φ larger by more than this factor."""


def sensitivity(record: EpochRecord) -> list[str]:
    """Writes the table of Φ at other thresholds; nothing where the record has no Φ."""
    if record.phi is None:
        return []
    phi = symbol(record.formalism)
    heading = f"### {phi} at other thresholds ({cells.kind(record)})"
    if not record.sensitivity:
        return [heading, f"Not computed. How much this {phi} depends on where a unit counts as ON is not known."]
    set_units = record.kind == "causal"
    words = f"{phi} of the same units in the same state, a unit being ON above this quantile of its last activations"
    words += "." if set_units else "; null not computed for these."
    words += " This was computed for the last epoch alone. Quantile 0.5 is the median of the last activations"
    words += f" again; the {phi} above has the thresholds of the epoch, which were found before its activations were counted."
    columns = ("quantile", phi, "backgrounds" if set_units else "transitions", "coverage")
    return [heading, words, table(columns, (_threshold(point, set_units=set_units) for point in record.sensitivity))]


def _threshold(point: ThresholdPoint, *, set_units: bool) -> tuple[str, ...]:
    """Returns the row of one threshold; where units were set, each state was set as often as there are backgrounds."""
    states = 2 ** len(point.thresholds)
    data = point.transitions // max(point.visited, 1) if set_units else point.transitions
    phi = f"not computed ({point.reason})" if point.phi is None else number(point.phi)
    return f"{point.quantile:g}", phi, f"{data:,}", f"{point.visited} of {states} states"


def curve(record: EpochRecord) -> list[str]:
    """Writes the table of Φ against the number of transitions, without that of all transitions; nothing where there is none."""
    total = 0 if record.counts is None else record.counts.transitions
    points = [point for point in record.curve if point.transitions != total]
    if not points or record.kind == "causal":
        return []
    rows = [(f"{p.transitions:,}", number(p.mean), f"{number(p.low)} to {number(p.high)}", str(p.subsamples)) for p in points]
    return [
        f"### {symbol(record.formalism)} against the number of transitions ({cells.kind(record)})",
        in_symbol(" ".join(filter(None, (_CURVE_WORDS, _curve_verdict(record, points[-1])))), [record]),
        table(("transitions", f"mean {symbol(record.formalism)}", "smallest to largest", "subsets"), rows),
    ]


def _curve_verdict(record: EpochRecord, largest: CurvePoint) -> str:
    """Returns whether Φ of all the data still falls with their number; empty where the record has no Φ."""
    if record.phi is None or record.counts is None:
        return ""
    every = f"{number(record.phi)} of all {record.counts.transitions:,}"
    to = f"from {number(largest.mean)} of {largest.transitions:,} transitions to {every}"
    if record.phi < largest.low:
        return f"Here it still falls, {to}, so this Φ is biased upward: more data would give a smaller one."
    if largest.mean > _STILL_FALLS * record.phi:
        return f"Here it seems still to fall, {to}, so this Φ may be biased upward."
    return f"Here it falls no more, {to}."
