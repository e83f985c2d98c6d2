"""The numbers of a record as text, for the cells of tables and for sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import logged
from lightning_iit.records.shown.numbers import decimals
from lightning_iit.report.terms import is_low, made_of
from lightning_iit.report.verdicts import structural_words

if TYPE_CHECKING:
    from lightning_iit.records import EpochRecord, Interval


def number(value: float) -> str:
    """Formats a number with four decimals, exactly 0 as "0", and one that would read 0 with two digits.

    Example:
        >>> number(0.5), number(0.000014), number(0.0)
        ('0.5000', '1.4e−5', '0')
    """
    return decimals(value)


def status(record: EpochRecord) -> str:
    """Returns how the analysis ended, in words: "computed", "timed out", "failed" or "skipped"."""
    return str(type(record.result).__struct_config__.tag).replace("_", " ")


def layer_phi(record: EpochRecord) -> str:
    """Returns Φ of the layer as text, or how its analysis ended; of records without a survey the only Φ that there is."""
    phi = logged.layer_phi(record)
    if phi is None:
        return status(record) if record.phi is None else "not finished"
    return number(phi)


def layer_interval(record: EpochRecord) -> str:
    """Returns the interval of the layer's Φ as "low to high"; empty where there is none."""
    survey = record.survey
    if survey is None:
        return "" if record.interval is None else _ends(record.interval)
    return "" if survey.low is None or survey.high is None else f"{number(survey.low)} to {number(survey.high)}"


def groups(record: EpochRecord) -> str:
    """Returns how many groups the layer's Φ is the mean of, with the number of all groups where some have no Φ."""
    if record.survey is None or not record.survey.groups:
        return "-" if record.phi is None else "1"
    known, total = sum(group.phi is not None for group in record.survey.groups), len(record.survey.groups)
    return str(known) if known == total else f"{known} of {total}"


def analysed_states(record: EpochRecord) -> str:
    """Returns how many of the visited states of the first group have a Φ, such as "1 of 4 visited states"; empty where all have."""
    survey = record.survey
    if survey is None or not survey.groups:
        return ""
    group = survey.groups[0]
    observed = () if group.counts is None else group.counts.visits
    if record.perturbation is not None:  # then the counts are of units that were set
        observed = record.perturbation.observed
    visited = sum(many > 0 for many in observed)
    analysed = sum(many > 0 and phi is not None for many, phi in zip(group.visits, group.phis, strict=False))
    return f"{analysed} of {visited} visited states" if 0 < analysed < visited else ""


def units(record: EpochRecord) -> str:
    """Returns the units that are described in detail."""
    return "-" if record.units is None else " ".join(record.units.labels)


def state(record: EpochRecord) -> str:
    """Returns the analysed state of these units, in their order; 1 is ON."""
    return "".join(map(str, record.states[0].state)) if record.states else "-"


def phi(record: EpochRecord) -> str:
    """Returns Φ of the units that are described in detail, or why it was not computed."""
    return f"not computed ({status(record)}: {record.result.reason})" if record.phi is None else number(record.phi)


def interval(record: EpochRecord) -> str:
    """Returns the interval of this Φ as text, with what it is."""
    if record.interval is None:
        return "interval not computed"
    return f"interval {_ends(record.interval)} ({made_of(record.interval)})"


def kind(record: EpochRecord) -> str:
    """Returns the kind of the number, with the remark that its structural Φ is 0 where that is known."""
    structural = structural_words(record)
    return f"{record.kind}, {structural}" if structural else record.kind


def coverage(record: EpochRecord) -> str:
    """Returns how many of all states were visited, or set, and marks low ones."""
    if record.tpm is None:
        return "unknown"
    return f"{sum(record.tpm.visited)} of {len(record.tpm.visited)} states{', low' if is_low(record) else ''}"


def null(record: EpochRecord) -> str:
    """Returns the null's name and p-value, or why there is none."""
    return record.null_words if record.null is None else f"{record.null.name} null, {record.null.p_words}"


def short_null(record: EpochRecord) -> str:
    """Returns the null's name and p-value for a narrow column, or that there is none."""
    if record.null is None:
        return "units set" if record.kind == "causal" else "not computed"
    return f"{record.null.name}: {record.null.p_words.partition(',')[0]}"


def short_data(record: EpochRecord) -> str:
    """Returns what Φ was computed from for a narrow column: transitions, or backgrounds and the sequences that these come from."""
    made = record.perturbation
    return record.data_words if made is None or made.sequences is None else f"{made.draws:,} / {made.sequences:,} seq."


def _ends(one: Interval) -> str:
    """Returns the two ends of an interval."""
    return f"{number(one.low)} to {number(one.high)}"
