"""Uploads the records that a run's MLflow run lacks: ``python -m lightning_iit.trackers.deliver RUN_DIR``.

Use this command if the MLflow server was unreachable until training ended, or if the training process was killed. Records
that the MLflow run already has are left unchanged.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import IITError, InvalidArgumentError, RecordError
from lightning_iit.records import Open
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.names import FOLDER, OPTIONS, record_name
from lightning_iit.records.steering.folder import answers_in
from lightning_iit.records.store import read_images, read_run, records_folder
from lightning_iit.report.report import REPORT, markdown
from lightning_iit.trackers.destinations import Destination, destinations
from lightning_iit.trackers.mlflow import MLflowRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records import EpochRecord


def deliver(run_dir: Path, *, tracking_uri: str | None = None, run_id: str | None = None) -> int:
    """Uploads to MLflow the records (with pictures) and network snapshots of a run directory that the MLflow run lacks.

    The report ``iit/report.md`` and the viewer's page ``iit/viewer.html`` are made anew from all records of the directory. Records
    that are open are left out; ``lightning-iit verify RUN --settle`` computes those of a run that has ended.

    Args:
        run_dir: the run's directory, which holds the folder ``iit``.
        tracking_uri: the address of the MLflow server; None for the server that training used.
        run_id: the id of the MLflow run; None for every MLflow run that training used.

    Returns:
        The number of records uploaded, summed over the MLflow runs; network snapshots are not counted.

    Raises:
        RecordError: ``run_dir`` holds no run, or its note ``iit/mlflow.json`` cannot be read.
        InvalidArgumentError: the note names no MLflow run, or not the one with ``run_id``; give both other arguments then.
        OSError: the server cannot be reached, or a file cannot be read.
    """
    root = records_folder(run_dir).parent
    targets = _targets(root, tracking_uri, run_id)
    records = [record for record in read_run(root / FOLDER).records if not isinstance(record.result, Open)]
    return sum(_deliver_to(target, root, records) for target in targets)


def _targets(root: Path, tracking_uri: str | None, run_id: str | None) -> tuple[Destination, ...]:
    """Returns the MLflow runs to deliver to: the runs named in the note, or the one run that both arguments name."""
    known = destinations(root)
    if run_id is not None and tracking_uri is not None:
        return (Destination(tracking_uri=tracking_uri, run_id=run_id, scope=known[0].scope if known else ""),)
    chosen = tuple(target for target in known if run_id in (None, target.run_id))
    if not chosen:
        which = f"a run {run_id}" if run_id else "an MLflow run"
        msg = f"{root} does not say that {which} tracks it; give both tracking_uri and run_id."
        raise InvalidArgumentError(msg)
    return tuple(msgspec.structs.replace(target, tracking_uri=tracking_uri or target.tracking_uri) for target in chosen)


def _deliver_to(target: Destination, root: Path, records: Sequence[EpochRecord]) -> int:
    """Uploads the missing records and network snapshots to one MLflow run; returns the number of records."""
    from mlflow import MlflowClient

    run = MLflowRun(MlflowClient(target.tracking_uri), target.run_id, scope=target.scope)
    there = run.records_there()
    missing = [record for record in records if record_name(*record.key) not in there]
    for record in missing:
        run.log(record, read_images(root, record), again=True)
    for file in sorted((root / FOLDER / "network").glob("snapshot=*.json")):
        if file.relative_to(root).as_posix() not in there:
            run.attach(file.relative_to(root / FOLDER).as_posix(), read_regular(file))
    if records:
        run.attach(REPORT, markdown(records, _options(root), answers_in(root)).encode())
        run.attach_page(root)
    return len(missing)


def _options(root: Path) -> dict[str, str]:
    """Reads the callback's options, as text by name; empty where the run's directory does not hold them."""
    try:
        return {name: str(value) for name, value in msgspec.json.decode(read_regular(root / FOLDER / OPTIONS), type=dict).items()}
    except (OSError, RecordError, msgspec.MsgspecError):
        return {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: the command's arguments; None for the arguments of the process.

    Returns:
        The exit status: 0 if the delivery succeeded, 1 if it failed (the error is printed to standard error).
    """
    parser = argparse.ArgumentParser(prog="python -m lightning_iit.trackers.deliver", description=__doc__)
    parser.add_argument("run_dir", type=Path, help="the run's directory, which holds the folder 'iit'")
    parser.add_argument("--tracking-uri", help="the MLflow server, if it is not the one that training used")
    parser.add_argument("--run-id", help="the MLflow run, if it is not the one that training used")
    given = parser.parse_args(arguments)
    try:
        count = deliver(given.run_dir, tracking_uri=given.tracking_uri, run_id=given.run_id)
    except (IITError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} records delivered.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
