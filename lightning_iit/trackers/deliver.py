"""Brings to MLflow the records of a run that it has not got: ``python -m lightning_iit.trackers.deliver RUN_DIR``.

For runs whose server was away until the end, or whose process was killed. What is there already is left alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_iit.errors import IITError, InvalidArgumentError
from lightning_iit.records.store import FOLDER, epoch_name, read_run, record_name, records_folder
from lightning_iit.trackers.destinations import Destination, destinations
from lightning_iit.trackers.mlflow import MLflowRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records import EpochRecord


def deliver(run_dir: Path, *, tracking_uri: str | None = None, run_id: str | None = None) -> int:
    """Logs the records, with pictures, and the network snapshots of a run directory that its MLflow run has not got.

    Args:
        run_dir: the run's directory.
        tracking_uri: of the server, where it is not the one that training used.
        run_id: of the MLflow run, where it is not the one that training used.

    Returns:
        How many records were delivered.

    Raises:
        RecordError: no run is there.
        InvalidArgumentError: the run was not tracked by MLflow, and no ``run_id`` was given.
        OSError: the server is away.
    """
    root = records_folder(run_dir).parent
    targets = _targets(root, tracking_uri, run_id)
    records = read_run(root).records
    return sum(_deliver_to(target, root, records) for target in targets)


def _targets(root: Path, tracking_uri: str | None, run_id: str | None) -> tuple[Destination, ...]:
    known = destinations(root)
    if run_id is not None and tracking_uri is not None:
        return (Destination(tracking_uri=tracking_uri, run_id=run_id),)
    chosen = tuple(target for target in known if run_id in (None, target.run_id))
    if not chosen:
        which = f"a run {run_id}" if run_id else "an MLflow run"
        msg = f"{root} does not say that {which} tracks it; give both tracking_uri and run_id."
        raise InvalidArgumentError(msg)
    return tuple(Destination(tracking_uri=tracking_uri or target.tracking_uri, run_id=target.run_id) for target in chosen)


def _deliver_to(target: Destination, root: Path, records: Sequence[EpochRecord]) -> int:
    from mlflow import MlflowClient

    run = MLflowRun(MlflowClient(target.tracking_uri), target.run_id)
    there = run.records_there()
    missing = [record for record in records if record_name(record.layer, record.epoch) not in there]
    for record in missing:
        run.log(record, _images(root, record), again=True)
    for file in sorted((root / FOLDER / "network").glob("snapshot=*.json")):
        if file.relative_to(root).as_posix() not in there:
            run.attach(file.relative_to(root / FOLDER).as_posix(), file.read_bytes())
    return len(missing)


def _images(root: Path, record: EpochRecord) -> dict[str, bytes]:
    path = root / record_name(record.layer, record.epoch)
    stem = epoch_name(record.epoch)
    return {file.name[len(stem) + 1 : -len(".png")]: file.read_bytes() for file in path.parent.glob(f"{stem}.*.png")}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
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
