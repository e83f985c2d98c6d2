"""What is printed of a run: a table of each layer's last epoch with the answer below it, and a table of all epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from lightning_iit.records import Computed
from lightning_iit.report import cells
from lightning_iit.report.answers import answers, by_layer
from lightning_iit.report.terminal import FittedTable, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from lightning_iit.records import EpochRecord

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
    return Group(summary_table(kept), *(Text(f"\n{one_line(line)}", no_wrap=False, overflow="fold") for line in lines))


def summary_table(records: Iterable[EpochRecord]) -> FittedTable:
    """Builds a table for the terminal with the last epoch of each layer."""
    return FittedTable(
        _COLUMNS,
        [_row(of_layer[-1]) for of_layer in by_layer(records).values()],
        names=("layer",),
        right=("epoch", "groups", "states seen"),
        title="Φ (IIT 3.0) of each layer at the last epoch",
        caption="Φ of a layer is the mean over groups of its units, each in the states that it visited.",
    )


def epochs_table(records: Iterable[EpochRecord]) -> FittedTable:
    """Builds a table for the terminal with one row for each record of a whole epoch, including its costs.

    The costs are: seconds since the layer's previous epoch ended, seconds of the analysis of the shown group's Φ, cuts evaluated
    for it, and analyses that were open when the epoch was captured.

    Args:
        records: the records of one run, in order of epoch.
    """
    rows = []
    ended: dict[str, float] = {}
    for record in (record for record in records if record.step is None):
        computed = record.result if isinstance(record.result, Computed) else None
        took = record.wall_time - ended[record.layer] if record.layer in ended else None
        ended[record.layer] = record.wall_time
        row = (
            *(str(record.epoch), "-" if took is None else f"{took:.2f}", record.layer),
            *(cells.layer_phi(record), cells.groups(record), record.kind),
            *(cells.units(record), cells.state(record), "-" if record.phi is None else cells.number(record.phi)),
            *(cells.null(record), record.data_words, cells.coverage(record).replace(" states", "")),
            *(f"{computed.seconds:.2f}" if computed else "-", str(computed.cuts_evaluated) if computed else "-"),
            str(record.backlog),
        )
        rows.append(row)
    return FittedTable(
        _EPOCHS_COLUMNS,
        rows,
        names=("layer",),
        right=("epoch", "epoch s", "Φ", "groups", "Φ of units", "seen", "Φ s", "cuts", "open"),
        droppable=("open", "cuts", "epoch s", "Φ s", "units", "state", "Φ of units", "groups"),
        title="Φ (IIT 3.0) of each layer in every epoch",
        caption="Epoch -1 is the untrained network. The words are explained in report.md, in the run's folder iit.",
    )


def detail(record: EpochRecord) -> str:
    """Returns the Φ that a record describes in detail, with what it is judged by, in one line."""
    if record.phi is None:
        return cells.phi(record)
    which = f"units {cells.units(record)} in state {cells.state(record)}"
    return f"{which}: Φ {cells.phi(record)}; {cells.interval(record)}; {record.reducible_words or cells.null(record)}."


def _row(record: EpochRecord) -> tuple[str, ...]:
    """Returns the cells of one record in the table of the last epochs."""
    between = cells.layer_interval(record)
    phi = f"{cells.layer_phi(record)} ({between})" if between else cells.layer_phi(record)
    seen = cells.coverage(record).replace(" states", "")
    return record.layer, str(record.epoch), phi, cells.groups(record), cells.kind(record), record.data_words, seen
