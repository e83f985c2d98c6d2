"""The report's section on measures of whole layers: a table over epochs for each layer, and a profile over layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records.shown.numbers import digits, percent
from lightning_iit.records.whole.measures import SYMBOLS
from lightning_iit.report.markup import bullets, code, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lightning_iit.records import EpochRecord
    from lightning_iit.records.whole.measures import WholeLayer, WholeValue

_WORDS = (
    "Statistics of the activity of all units of a layer, in nats: no perturbation, no causes, and no Φ of IIT 3.0 or 4.0. Each "
    "value stands as estimated, then what is above the mean of its null, and p. Compare what is above the null, not the values."
)


def whole_parts(layers: Mapping[str, Sequence[EpochRecord]]) -> list[str]:
    """Returns the section on measures of whole layers; nothing where none was asked for.

    Args:
        layers: the records of whole epochs of each layer, by its name.
    """
    measured = {name: [record for record in records if record.whole is not None] for name, records in layers.items()}
    measured = {name: records for name, records in measured.items() if records}
    if not measured:
        return []
    parts = ["## Whole layers", _WORDS]
    for name, records in measured.items():
        parts += _section(name, records)
    return parts + _profile({name: records[-1].whole for name, records in measured.items() if records[-1].whole is not None})


def _section(name: str, records: Sequence[EpochRecord]) -> list[str]:
    """Returns the table of one layer over epochs, and what is to be said of its last epoch."""
    rows = []
    for record in records:
        for one in record.whole.measures if record.whole is not None else ():
            partition = " against ".join(_units(part) for part in one.partition)
            minimum, atomic = _value(one.minimum), _value(one.atomic)
            rows.append((str(record.epoch), SYMBOLS[one.name], minimum, partition, atomic, _null_words(one.minimum)))
    parts = [f"### {code(name)}"]
    if rows:
        parts.append(table(("epoch", "measure", "minimum", "partition", "between all elements", "null of the minimum"), rows))
    last = records[-1].whole
    if last is None:
        return parts
    of_epoch = "" if last.epoch is None else last.epoch.words
    said = [text(words) for words in (*_sentences(records[-1].epoch, last), last.refused, *last.notes, of_epoch) if words]
    said += [f"Unit {one.unit} was left out: {text(one.reason)}." for one in last.dropped[:10]]
    if len(last.dropped) > 10:
        said.append(f"{len(last.dropped) - 10} further units were left out.")
    return [*parts, bullets(said)] if said else parts


def _sentences(epoch: int, whole: WholeLayer) -> Iterator[str]:
    """Yields what was measured at an epoch, each measure, and the pairs of units, in sentences."""
    if not whole.measures and whole.pairs is None:
        return
    ordered = f"{whole.samples:,} pairs of a past and a present in {whole.sequences:,} sequences"
    samples = ordered if whole.lag else f"{whole.samples:,} samples without an order"
    effective = "" if whole.effective_samples is None else f", worth {whole.effective_samples:,.0f} independent ones"
    yield f"Epoch {epoch}, statistical: {_measured(whole)}, {samples}{effective}."
    for one in whole.measures:
        yield f"{one.words}.{_interval_words(one.minimum)}"
    for pair in whole.pairs.numbers if whole.pairs is not None else ():
        value = pair.mean if pair.excess is None else pair.excess
        less = "as estimated" if pair.excess is None else "above the mean of its null"
        yield f"Mean {pair.name} of pairs of units: {digits(value, 4, sign=True)} nats, {less}."


def _measured(whole: WholeLayer) -> str:
    """Returns how many units of those that were given were measured; why the others were not stands below."""
    given = len(whole.units) + len(whole.dropped)
    return f"{len(whole.units)} of {given} units" if whole.dropped else f"{given} units"


def _interval_words(value: WholeValue) -> str:
    """Returns the interval of a value as a sentence; empty where there is none."""
    interval = value.interval
    if interval is None:
        return ""
    less = 0.0 if value.null is None else value.null.mean
    above = "" if value.null is None else " above the mean of its null"
    low, high = digits(interval.low - less, 4), digits(interval.high - less, 4)
    outside = f" {value.outside}" if value.outside else ""
    return f" {percent(interval.level)} interval at this partition: {low} to {high} nats{above}.{outside}"


def _value(value: WholeValue) -> str:
    """Returns a value with what is above its null and its p."""
    if value.null is None:
        return f"{digits(value.value, 4)} (no null)"
    above = digits(value.value - value.null.mean, 3, sign=True)
    return f"{digits(value.value, 4)} ({above}, p {digits(value.null.p, 3)})"


def _null_words(value: WholeValue) -> str:
    """Returns how the null was made."""
    if value.null is None:
        return "none"
    searched = "partition searched anew" if value.null.searched else "partition held"
    return f"{value.null.surrogates} surrogates ({value.null.method}), {searched}"


def _units(part: Sequence[int]) -> str:
    """Returns the units of a part, or how many there are."""
    return "{" + ", ".join(map(str, part)) + "}" if len(part) <= 6 else f"{len(part)} units"


def _profile(layers: Mapping[str, WholeLayer]) -> list[str]:
    """Returns the means over pairs of units of each layer, in the order of the layers; nothing where there are none."""
    rows = []
    for name, whole in layers.items():
        if whole.pairs is not None:
            numbers = [one.mean if one.excess is None else one.excess for one in whole.pairs.numbers]
            rows.append((code(name), str(len(whole.pairs.elements)), *(digits(value, 4, sign=True) for value in numbers)))
    if not rows:
        return []
    words = "Means over pairs of units at the last epoch (ΦID), in nats, less the mean of their nulls where there are some."
    return ["### Pairs of units over layers", words, table(("layer", "units", "redundancy", "synergy", "transfer"), rows)]
