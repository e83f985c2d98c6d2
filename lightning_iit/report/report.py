"""The report of a run: the numbers measured, their nulls and intervals, and what may and may not be concluded from them.

The text is made from records alone, so the report of a stored run reads the same as the report of a run that has just ended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lightning_iit.records import Computed
from lightning_iit.report.terminal import FittedTable
from lightning_iit.report.verdicts import (
    DIAGNOSTIC_WORDS,
    INTRODUCTION,
    conclusion,
    is_low,
    structural_words,
    system_words,
    terms,
    warnings_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lightning_iit.records import Diagnostic, EpochRecord

REPORT = "report.md"
"""The name of the report's file, inside the folder ``iit``."""
_COLUMNS = ("layer", "epoch", "Φ", "interval", "kind", "null", "transitions", "coverage")
_SECTION_COLUMNS = ("epoch", "Φ", "interval", "null", "transitions", "coverage")
_EPOCHS_COLUMNS = (
    "epoch",
    "epoch s",
    "layer",
    "units",
    "Φ",
    "kind",
    "null",
    "transitions",
    "seen",
    "Φ s",
    "cuts",
    "open",
    "outcome",
)
_CURVE_WORDS = (
    "Of random parts of the last epoch's transitions; null not computed for these. While Φ still falls from row to row, the Φ above"
    " is biased upward."
)
_TERMINAL_COLUMNS = ("layer", "epoch", "Φ", "kind", "null", "transitions", "states seen")


def markdown(records: Iterable[EpochRecord], settings: Mapping[str, object] | None = None) -> str:
    """Writes the report as Markdown.

    Args:
        records: the records of one run, in any order.
        settings: the options of the callback by name.

    Returns:
        A table of each layer's last epoch, a section for each layer, and the settings.
    """
    layers = _by_layer(records)
    parts = ["# Integrated information (Φ, IIT 3.0) of this run", *_overview(layers)]
    for name, of_layer in layers.items():
        parts += _section(name, of_layer)
    parts += _settings(settings or {}, [of_layer[-1] for of_layer in layers.values()])
    return "\n\n".join(parts) + "\n"


def summary_table(records: Iterable[EpochRecord]) -> FittedTable:
    """Builds a table for the terminal with the last epoch of each layer."""
    return FittedTable(
        _TERMINAL_COLUMNS,
        [_terminal_row(of_layer[-1]) for of_layer in _by_layer(records).values()],
        names=("layer",),
        right=("epoch", "transitions", "states seen"),
        title="Φ (IIT 3.0) at the last epoch",
        caption="A Φ is to be read with its kind, its null and its transitions.",
    )


def epochs_table(records: Iterable[EpochRecord]) -> FittedTable:
    """Builds a table for the terminal with one row for each record of a whole epoch, including its costs.

    The costs are: seconds since the layer's previous epoch ended, seconds of the analysis of Φ, cuts evaluated, and analyses that
    were open when the epoch was captured.

    Args:
        records: the records of one run, in order of epoch.
    """
    rows = []
    ended: dict[str, float] = {}
    for record in (record for record in records if record.step is None):
        computed = record.result if isinstance(record.result, Computed) else None
        transitions, states = _data(record)
        took = record.wall_time - ended[record.layer] if record.layer in ended else None
        ended[record.layer] = record.wall_time
        cells = (
            *(str(record.epoch), "-" if took is None else f"{took:.2f}", record.layer),
            str(len(record.units.indices)) if record.units else "",
            *(number(computed.phi) if computed else "-", record.kind, _short_null(record), transitions),
            *(states.replace(" states", ""), f"{computed.seconds:.2f}" if computed else "-"),
            *(str(computed.cuts_evaluated) if computed else "-", str(record.backlog), _status(record)),
        )
        rows.append(cells)
    return FittedTable(
        _EPOCHS_COLUMNS,
        rows,
        names=("layer",),
        right=("epoch", "epoch s", "units", "Φ", "transitions", "seen", "Φ s", "cuts", "open"),
        droppable=("open", "cuts", "epoch s", "Φ s", "units"),
        title="Φ (IIT 3.0) in every epoch",
    )


# --- parts of the report ----------------------------------------------------------------------------------------------


def _overview(layers: Mapping[str, Sequence[EpochRecord]]) -> list[str]:
    """Writes the introduction, the table of each layer's last epoch and the explanation of its words."""
    if not layers:
        return ["No layer was analysed."]
    last = [of_layer[-1] for of_layer in layers.values()]
    rows = [(_code(r.layer), str(r.epoch), _phi(r), _interval(r), _kind(r), r.null_words, *_data(r)) for r in last]
    shown = [record for of_layer in layers.values() for record in of_layer]
    return [
        INTRODUCTION,
        "The last epoch of each layer:",
        _table(_COLUMNS, rows),
        "The words in the tables:",
        _bullets(f"**{term}**: {words}" for term, words in terms(shown)),
    ]


def _section(name: str, records: Sequence[EpochRecord]) -> list[str]:
    """Writes the section of one layer: its last Φ, the conclusion, diagnostics, warnings and all epochs."""
    last = records[-1]
    parts = [f"## Layer {_code(name)}"]
    if last.structural_phi == 0.0 or last.structural_reason:
        claim = f"**The {structural_words(last)}.** " if structural_words(last) else ""
        parts.append(_text(claim + last.structural_reason))
    parts.append(_text(f"At epoch {last.epoch}, {_kind(last)}: Φ {_phi(last)}; {_interval(last)}; {last.null_words}."))
    if last.interval is not None and last.interval.words:
        parts.append(_text(f"Of the interval: {last.interval.words}."))
    parts += _groups(last)
    parts += [f"**What may be concluded.** {_text(conclusion(last))}", _text(" ".join(system_words(last)))]
    parts += ["### Diagnostics", DIAGNOSTIC_WORDS, _bullets(map(_diagnosis, last.diagnostics)) or "Not computed."]
    parts += ["### Warnings", _bullets(map(_text, warnings_of(records))) or "None."]
    rows = [(str(r.epoch), _phi(r), _interval(r), r.null_words, *_data(r)) for r in records]
    untrained = ["Epoch -1 is the untrained network."] if records[0].epoch < 0 else []
    parts += [f"### Epochs ({_kind(last)})", *untrained, _table(_SECTION_COLUMNS, rows)]
    moments = [] if last.moments is None else ["### Single moments", _text(last.moments.words)]
    return [*parts, *moments, *_sensitivity(last), *_curve(last)]


def _groups(record: EpochRecord) -> list[str]:
    """Describes the spread of Φ over the groups of units, and says that the rest of the report is about the first group."""
    if not record.groups:
        return []
    total, units = len(record.groups), len(record.groups[0].units.indices) // record.groups[0].units.bits
    said = f"Φ of {total} random groups of {units} units:"
    if "groups" not in record.scalars:
        return [f"{said} not computed."]
    mean, spread, most = (number(record.scalars[f"phi_groups_{name}"]) for name in ("mean", "std", "max"))
    missing = total - int(record.scalars["groups"])
    lost = f" ({missing} could not be computed)" if missing else ""
    figures = f"{said} mean {mean}, spread (standard deviation) {spread}, largest {most}{lost}; null not computed for these."
    return [f"{figures} The largest of several is large by choice. Everything else here is of the first group."]


def _sensitivity(record: EpochRecord) -> list[str]:
    """Writes the table of Φ at other thresholds; nothing where the record has no Φ."""
    if record.phi is None:
        return []
    heading = f"### Φ at other thresholds ({_kind(record)})"
    if not record.sensitivity:
        return [heading, "Not computed. How much this Φ depends on where a unit counts as ON is not known."]
    rows = [
        (
            f"{point.quantile:g}",
            f"not computed ({point.reason})" if point.phi is None else number(point.phi),
            f"{point.transitions:,}",
            f"{point.visited} of {2 ** len(point.thresholds)} states",
        )
        for point in record.sensitivity
    ]
    words = "Φ of the same state, a unit being ON above this quantile of its last activations; null not computed for these."
    return [heading, words, _table(("quantile", "Φ", "transitions", "coverage"), rows)]


def _curve(record: EpochRecord) -> list[str]:
    """Writes the table of Φ against the number of transitions; nothing where it was not computed."""
    if not record.curve:
        return []
    rows = [(f"{p.transitions:,}", number(p.mean), f"{number(p.low)} to {number(p.high)}", str(p.subsamples)) for p in record.curve]
    return [
        f"### Φ against the number of transitions ({_kind(record)})",
        _CURVE_WORDS,
        _table(("transitions", "mean Φ", "smallest to largest", "parts"), rows),
    ]


def _settings(settings: Mapping[str, object], records: Sequence[EpochRecord]) -> list[str]:
    """Writes the table of options, engine, seed, window and package versions."""
    values = {name: str(value) for name, value in settings.items()}
    if records:
        provenance = records[0].provenance
        engines = [record.result.engine for record in records if isinstance(record.result, Computed)]
        used = dict.fromkeys(f"{engine.name} {engine.version}" for engine in engines)
        values |= {"engine used": ", ".join(used) or f"{provenance.engine} (nothing was computed)"}
        values |= {"seed": str(provenance.seed), "window": str(provenance.window)}
        values |= {f"version of {name}": version for name, version in sorted(provenance.packages.items())}
    return ["## Settings", _table(("setting", "value"), values.items())] if values else []


# --- cells ------------------------------------------------------------------------------------------------------------


def _phi(record: EpochRecord) -> str:
    """Returns Φ as text, or why it was not computed."""
    return f"not computed ({_status(record)}: {record.result.reason})" if record.phi is None else number(record.phi)


def _status(record: EpochRecord) -> str:
    """Returns how the analysis ended, in words: "computed", "timed out", "failed" or "skipped"."""
    return str(type(record.result).__struct_config__.tag).replace("_", " ")


def _interval(record: EpochRecord) -> str:
    """Returns the interval of Φ as text."""
    if record.interval is None:
        return "interval not computed"
    return f"interval {number(record.interval.low)} to {number(record.interval.high)}"


def _kind(record: EpochRecord) -> str:
    """Returns the kind of the number, with the remark that its structural Φ is 0 where that is known."""
    structural = structural_words(record)
    return f"{record.kind}, {structural}" if structural else record.kind


def _data(record: EpochRecord) -> tuple[str, str]:
    """Returns the number of transitions and the coverage (visited states of all states) as text."""
    transitions = f"{record.counts.transitions:,}" if record.counts else "none"
    if record.tpm is None:
        return transitions, "unknown"
    return transitions, f"{sum(record.tpm.visited)} of {len(record.tpm.visited)} states{', low' if is_low(record) else ''}"


def _terminal_row(record: EpochRecord) -> tuple[str, ...]:
    """Returns the cells of one record in the terminal's table."""
    phi = _status(record) if record.phi is None else number(record.phi)
    if record.phi is not None and record.interval is not None:
        phi += f" ({number(record.interval.low)} to {number(record.interval.high)})"
    null = _short_null(record)
    transitions, states = _data(record)
    return record.layer, str(record.epoch), phi, _kind(record), null, transitions, states.replace(" states", "")


def _short_null(record: EpochRecord) -> str:
    """Returns the null's name and p-value, or that no null was computed."""
    return record.null_words if record.null is None else f"{record.null.name} null, p = {record.null.p:.3f}"


def _diagnosis(diagnostic: Diagnostic) -> str:
    """Returns the line of one diagnostic: name, verdict, and words or value."""
    verdict = f" [{diagnostic.verdict}]" if diagnostic.verdict else ""
    if diagnostic.words:
        said = diagnostic.words
    else:
        said = "no value" if diagnostic.value is None else f"{number(diagnostic.value)} {diagnostic.unit}".strip()
        said += "" if diagnostic.p is None else f", p = {diagnostic.p:.3f}"
    return _text(f"{diagnostic.name.replace('_', ' ')}{verdict}: {said}")


def number(value: float) -> str:
    """Formats a number with four decimals; a positive one that would read 0 becomes "below 0.0001".

    Example:
        >>> number(0.5), number(0.00001)
        ('0.5000', 'below 0.0001')
    """
    return "below 0.0001" if 0.0 < value < 0.00005 else f"{value:.4f}"


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Builds a Markdown table."""
    lines = [columns, ["---"] * len(columns), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bullets(lines: Iterable[str]) -> str:
    """Builds a Markdown list with one item for each line."""
    return "\n".join(f"- {line}" for line in lines)


def _text(value: str) -> str:
    """Makes text safe for a Markdown table: on one line, with ``|`` and ``<`` escaped."""
    return re.sub(r"([|<])", r"\\\1", " ".join(value.split()))


def _code(name: str) -> str:
    """Formats a layer's name as Markdown code; backticks in the name are replaced, and an empty name reads "(the whole model)"."""
    return f"`{' '.join(name.split()).replace('`', 'ʼ') or '(the whole model)'}`"


def _by_layer(records: Iterable[EpochRecord]) -> dict[str, list[EpochRecord]]:
    """Groups the records of whole epochs by layer, each group in order of epoch."""
    layers: dict[str, list[EpochRecord]] = {}
    for record in sorted((record for record in records if record.step is None), key=lambda record: record.key):
        layers.setdefault(record.layer, []).append(record)
    return layers
