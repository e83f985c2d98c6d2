"""``lightning-iit list``: lists the runs below a directory or on an MLflow server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.commands.tables import print_json
from lightning_iit.records import FORMALISM, FORMALISM_WORDS
from lightning_iit.report.cells import number
from lightning_iit.report.terminal import FittedTable
from lightning_iit.viewer.sources import open_runs
from lightning_iit.viewer.summary import all_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from lightning_iit.viewer.protocol import IndexRow, RunInfo


class ListedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """Describes one layer of a run by one version of the theory.

    Attributes:
        run: the name of the run.
        path: the run's directory; empty for files on an MLflow server.
        layer: the layer's name.
        first_epoch: the first epoch with a record; -1 is the untrained network.
        last_epoch: the last epoch with a record.
        formalism: the version of the theory of ``phi``; empty where nothing was computed.
        phi: the latest Φ (of IIT 4.0 φ_s) that was computed: that of the layer, the mean over its groups of units; of a run
            without a survey that of its only state. None if there is none.
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
    formalism: str
    phi: float | None
    phi_epoch: int | None
    kind: str
    outcomes: dict[str, int]
    within_epochs: dict[str, int]


def run_list(target: str, as_json: bool, console: Console) -> int:
    """Prints a row for each layer of each run and each formalism that it has, as a table or as JSON; returns the exit status 0.

    Raises:
        IITError: there is no run.
    """
    source, runs = open_runs(target)
    listed: list[ListedLayer] = []
    for run in sorted(runs, key=lambda info: info.name):
        rows = all_rows(source.index(run.id))
        for layer in sorted({row.layer for row in rows}):
            listed += _layer(run, [row for row in rows if row.layer == layer])
    if as_json:
        print_json(listed)
        return 0
    console.print(_table(listed))
    return 0


def _layer(run: RunInfo, rows: Sequence[IndexRow]) -> Iterator[ListedLayer]:
    """Describes a layer by the index rows of its records, in order of capture; the last Φ is that of a whole epoch.

    There is one description for each formalism of the record of that Φ.
    """
    epochs = [row for row in rows if row.step is None]
    last = next((row for row in reversed(epochs) if row.phi is not None), None)
    for one in (None,) if last is None else (last, *last.others):
        yield ListedLayer(
            run=run.name,
            path=run.path,
            layer=rows[0].layer,
            first_epoch=rows[0].epoch,
            last_epoch=rows[-1].epoch,
            formalism="" if one is None else one.formalism,
            phi=None if one is None else one.phi if one.phi_layer is None else one.phi_layer,
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
        theory = FORMALISM_WORDS.get(found.formalism, "")
        where = "" if found.run == named else found.run, found.layer or "(the whole model)"
        rows.append((*where, f"{found.first_epoch} to {found.last_epoch}", theory, phi, found.kind, outcomes))
        named = found.run
    last = "last Φ" if all(found.formalism in {"", FORMALISM} for found in listed) else "last Φ or φ_s"
    columns = ("run", "layer", "epochs", "theory", last, "kind", "analyses")
    return FittedTable(columns, rows, names=("run", "layer"), right=(last,))
