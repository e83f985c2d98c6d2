"""What is printed of a run: a table of each layer's last epoch with the answer below it, and a table of all epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from lightning_iit.records import FORMALISM, FORMALISM_WORDS, Computed, SystemPhi, symbol
from lightning_iit.report import cells
from lightning_iit.report.answers import answers, by_layer
from lightning_iit.report.iit4 import group_words, layer_words
from lightning_iit.report.terminal import FittedTable, one_line
from lightning_iit.report.verdicts import left_out_by_budget

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from lightning_iit.records import EpochRecord

_NUMBERS = ("Φ", "Φ of units")
"""The columns that are called φ_s in a table of IIT 4.0."""
_DROPPABLE = ("open", "cuts", "epoch s", "Φ s", "units", "state", "Φ of units", "φ_s of units", "groups")
"""The columns that give way first where a terminal is narrow."""
_COLUMNS = ("layer", "epoch", "Φ", "groups", "kind", "from", "states seen")
_EPOCHS_COLUMNS = (
    *("epoch", "epoch s", "layer", "Φ", "groups", "kind", "units", "state", "Φ of units", "null", "from", "seen"),
    *("Φ s", "cuts", "open"),
)


def summary(records: Iterable[EpochRecord]) -> RenderableType:
    """Builds what is printed at the end of a training: the table of the last epochs, and of each layer details and the answer."""
    kept = list(records)
    said = answers(kept)
    lines = []
    for name, of_layer in by_layer(kept).items():
        lines += [f"{name}: {said[name]}", f"{name}, in detail: {detail(of_layer[-1])}"]
        lines += [f"{name}: {words}" for words in left_out_by_budget(of_layer)]
        for one in of_layer[-1].by_formalism:
            if words := layer_words(one):
                lines += [f"{name}, {FORMALISM_WORDS[one.formalism]}: {words}."]
            if one.formalism != of_layer[-1].formalism:
                lines += [f"{name}, {FORMALISM_WORDS[one.formalism]}: {answers(kept, one.formalism)[name]}"]
    return Group(summary_table(kept), *(Text(f"\n{one_line(line)}", no_wrap=False, overflow="fold") for line in lines))


def summary_table(records: Iterable[EpochRecord]) -> FittedTable:
    """Builds a table for the terminal with the last epoch of each layer."""
    last = [of_layer[-1] for of_layer in by_layer(records).values()]
    shown = [one for record in last for one in record.by_formalism]
    columns, rows, title = _with_formalism(_COLUMNS, [_row(one) for one in shown], [one.formalism for one in shown])
    return FittedTable(
        columns,
        rows,
        names=("layer",),
        right=("epoch", "groups", "states seen"),
        title=f"{title} of each layer at the last epoch",
        caption="The number of a layer is the mean over groups of its units, each in the states that it visited.",
    )


def epochs_table(records: Iterable[EpochRecord]) -> FittedTable:
    """Builds a table for the terminal with one row for each record of a whole epoch, including its costs.

    The costs are: seconds since the layer's previous epoch ended, seconds of the analysis of the shown group's Φ, cuts evaluated
    for it, and analyses that were open when the epoch was captured.

    Args:
        records: the records of one run, in order of epoch.
    """
    rows: list[tuple[str, ...]] = []
    shown = [one for record in records if record.step is None for one in record.by_formalism]
    ended: dict[tuple[str, str], float] = {}
    for record in shown:
        computed = record.result if isinstance(record.result, (Computed, SystemPhi)) else None
        key = record.layer, record.formalism
        took = record.wall_time - ended[key] if key in ended else None
        ended[key] = record.wall_time
        cuts = computed.cuts_evaluated if isinstance(computed, Computed) else computed.partitions if computed else None
        row = (
            *(str(record.epoch), "-" if took is None else f"{took:.2f}", record.layer),
            *(cells.layer_phi(record), cells.groups(record), record.kind),
            *(cells.units(record), cells.state(record), "-" if record.phi is None else cells.number(record.phi)),
            *(cells.short_null(record), cells.short_data(record), cells.coverage(record).replace(" states", "")),
            *(f"{computed.seconds:.2f}" if computed else "-", "-" if cuts is None else str(cuts)),
            str(record.backlog),
        )
        rows.append(row)
    columns, rows, title = _with_formalism(_EPOCHS_COLUMNS, rows, [one.formalism for one in shown])
    return FittedTable(
        columns,
        rows,
        names=("layer",),
        right=("epoch", "epoch s", *_NUMBERS, "φ_s", "groups", "φ_s of units", "seen", "Φ s", "cuts", "open"),
        droppable=[name for name in _DROPPABLE if name in columns],
        title=f"{title} of each layer in every epoch",
        caption=(
            "Epoch -1 is the untrained network. null: of Φ of the units in detail; units that were set have none. from: "
            "transitions, or backgrounds / sequences. The words are explained in report.md, in the run's folder iit."
        ),
    )


def _with_formalism(
    columns: Sequence[str], rows: Sequence[tuple[str, ...]], formalisms: Sequence[str]
) -> tuple[Sequence[str], list[tuple[str, ...]], str]:
    """Names the formalism of the numbers in a table: of a single one in its title, of several in a column after the layer's.

    Returns:
        The columns, the rows, and the beginning of the title.
    """
    several = list(dict.fromkeys(formalisms)) or [FORMALISM]
    if len(several) == 1:
        named = [column.replace("Φ", symbol(several[0])) if column in _NUMBERS else column for column in columns]
        return named, list(rows), f"{symbol(several[0])} ({FORMALISM_WORDS[several[0]]})"
    at = columns.index("layer") + 1
    told = [(*row[:at], FORMALISM_WORDS[one], *row[at:]) for row, one in zip(rows, formalisms, strict=True)]
    names = [f"{column} or φ_s" if column == "Φ" else column for column in columns]
    return (*names[:at], "formalism", *names[at:]), told, " and ".join(dict.fromkeys(map(symbol, several)))


def detail(record: EpochRecord) -> str:
    """Returns the Φ that a record describes in detail, with what it is judged by, in one line."""
    if record.phi is None:
        return cells.phi(record)
    if record.formalism != FORMALISM:
        return group_words(record)
    which = f"units {cells.units(record)} in state {cells.state(record)}"
    return f"{which}: Φ {cells.phi(record)}; {cells.interval(record)}; {record.reducible_words or cells.null(record)}."


def _row(record: EpochRecord) -> tuple[str, ...]:
    """Returns the cells of one record in the table of the last epochs."""
    between = cells.layer_interval(record)
    phi = f"{cells.layer_phi(record)} ({between})" if between else cells.layer_phi(record)
    seen = cells.coverage(record).replace(" states", "")
    return record.layer, str(record.epoch), phi, cells.groups(record), cells.kind(record), record.data_words, seen
