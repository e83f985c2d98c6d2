"""``lightning-iit list``: lists the runs below a directory or on an MLflow server."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.report.cells import number
from lightning_iit.report.terminal import FittedTable
from lightning_iit.viewer.sources import open_runs
from lightning_iit.viewer.summary import all_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from lightning_iit.viewer.protocol import IndexRow


class ListedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """Describes one layer of a run.

    Attributes:
        run: the name of the run.
        path: the run's directory; empty for files on an MLflow server.
        layer: the layer's name.
        first_epoch: the first epoch with a record; -1 is the untrained network.
        last_epoch: the last epoch with a record.
        phi: the latest Φ that was computed; None if there is none.
        phi_epoch: the epoch of that Φ.
        kind: the kind of that Φ.
        outcomes: how many analyses of whole epochs ended in which way, by name ("computed", "failed", ...).
        within_epochs: the same of the analyses within epochs (``every_n_steps``).
    """

    run: str
    path: str
    layer: str
    first_epoch: int
    last_epoch: int
    phi: float | None
    phi_epoch: int | None
    kind: str
    outcomes: dict[str, int]
    within_epochs: dict[str, int]


def run_list(target: str, as_json: bool, console: Console) -> int:
    """Prints a row for each layer of each run, as a table or as JSON; returns the exit status 0.

    Raises:
        IITError: there is no run.
    """
    source, runs = open_runs(target)
    listed = []
    for run in sorted(runs, key=lambda info: info.name):
        rows = all_rows(source.index(run.id))
        layers = sorted({row.layer for row in rows})
        listed += [_layer(run.name, run.path, [row for row in rows if row.layer == layer]) for layer in layers]
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(listed)) + b"\n")
        return 0
    console.print(_table(listed))
    return 0


def _layer(run: str, path: str, rows: Sequence[IndexRow]) -> ListedLayer:
    """Describes a layer by the index rows of its records, in order of capture; the last Φ is that of a whole epoch."""
    epochs = [row for row in rows if row.step is None]
    computed = [row for row in epochs if row.phi is not None]
    last = computed[-1] if computed else None
    return ListedLayer(
        run=run,
        path=path,
        layer=rows[0].layer,
        first_epoch=rows[0].epoch,
        last_epoch=rows[-1].epoch,
        phi=None if last is None else last.phi,
        phi_epoch=None if last is None else last.epoch,
        kind="" if last is None else last.kind,
        outcomes=_outcomes(epochs),
        within_epochs=_outcomes(row for row in rows if row.step is not None),
    )


def _outcomes(rows: Iterable[IndexRow]) -> dict[str, int]:
    """Counts how the analyses of some rows ended."""
    return dict(Counter(row.status.replace("_", " ") for row in rows))


def _counted(outcomes: Mapping[str, int]) -> str:
    """Returns how analyses ended as a text."""
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


def _table(listed: Sequence[ListedLayer]) -> FittedTable:
    """Returns the table of the layers; a run is named in its first row."""
    rows = []
    named = ""
    for found in listed:
        phi = "none" if found.phi is None else number(found.phi)
        if found.phi_epoch not in (None, found.last_epoch):
            phi += f" (epoch {found.phi_epoch})"
        outcomes = _counted(found.outcomes)
        if found.within_epochs:
            outcomes = f"{outcomes or 'none'}; within epochs: {_counted(found.within_epochs)}"
        epochs = f"{found.first_epoch} to {found.last_epoch}"
        rows.append(
            ("" if found.run == named else found.run, found.layer or "(the whole model)", epochs, phi, found.kind, outcomes)
        )
        named = found.run
    return FittedTable(("run", "layer", "epochs", "last Φ", "kind", "analyses"), rows, names=("run", "layer"), right=("last Φ",))
