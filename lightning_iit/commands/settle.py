"""``lightning-iit verify --settle``: computes the records of a run that ended before their analyses did."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.commands.tables import print_json
from lightning_iit.errors import IITError, InvalidArgumentError, RecordError
from lightning_iit.job.split import with_parts
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import FORMALISM, FORMALISM_WORDS
from lightning_iit.records.disk.owner import HEARTBEAT_LIMIT, is_alive
from lightning_iit.records.names import FOLDER, OPTIONS
from lightning_iit.records.schema import symbol
from lightning_iit.records.steering.folder import answers_in
from lightning_iit.records.store import (
    load_run,
    numbered_runs,
    read_run,
    rebuild_index,
    records_folder,
    write_atomically,
    write_record,
)
from lightning_iit.report.report import markdown
from lightning_iit.run.request import reopened, settled_record, with_change
from lightning_iit.viewer.sources import URIS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from lightning_iit.records import EpochRecord, PhiTask

_SHOWN = 3
"""How many runs an error names."""


def run_settle(run: str, timeout: float | None, as_json: bool, console: Console, workers: int = 1) -> int:
    """Computes what a run has left open, writes the records, the index and the report anew, and prints a line for each record.

    Args:
        run: the run's directory, or its folder ``iit``.
        timeout: the time limit of one record in seconds; None takes that of the training.
        as_json: prints one JSON document instead of lines.
        console: where to print.
        workers: how many worker processes compute each record.

    Returns:
        The exit status: 0 if each of these records has a Φ by each of its formalisms now (or there were none), else 1.

    Raises:
        IITError: the path is no run's directory, or the run still goes on.
        OSError: a record cannot be written.
    """
    folder = _folder_of(run)
    if is_alive(folder):
        msg = (
            f"{run}: its training still goes on, and computes its open records itself. If it was killed just now, on another "
            f"machine, try again in {HEARTBEAT_LIMIT:g} s."
        )
        raise InvalidArgumentError(msg)
    done, missing = [], 0
    for record in settle(folder.parent, timeout=timeout, workers=workers):
        each = [{"formalism": one.formalism, "phi": one.phi, "result": one.result} for one in record.by_formalism]
        done.append({"layer": record.layer, "epoch": record.epoch, "step": record.step, **each[0], "others": each[1:]})
        missing += any(one["phi"] is None for one in each)
        if not as_json:
            found = "; ".join(map(_words, record.by_formalism))
            console.print(f"layer {record.layer!r}, {record.when}: {found}", highlight=False, markup=False)
    if as_json:
        document = {"run": run, "ok": not missing, "settled": done}
        print_json(document)
    else:
        console.print(f"{len(done)} records settled, {missing} of them without a Φ.", highlight=False)
    return 1 if missing else 0


def _words(record: EpochRecord) -> str:
    """Returns Φ (or φ_s) of a record of one formalism, or why there is none; names the formalism where it is not IIT 3.0."""
    what = symbol(record.formalism)
    by = "" if record.formalism == FORMALISM else f" ({FORMALISM_WORDS[record.formalism]})"
    return f"{what} = {record.phi:.6f}{by}" if record.phi is not None else f"no {what}{by}: {record.result.reason}"


def _folder_of(run: str) -> Path:
    """Returns the folder ``iit`` of the one run at a path; raises InvalidArgumentError for anything else, with what is there."""
    path = Path(run)
    below = numbered_runs(path / FOLDER) or numbered_runs(path)
    what = ""
    if run.startswith(URIS):
        what = "this is an MLflow URI"
    elif len(below) > 1:
        shown = [repr(str(one)) for one in below[-_SHOWN:]]
        what = f"this folder holds {len(below)} runs, {'...' * (len(below) > _SHOWN)}{', '.join(shown)}"
    else:
        try:
            return records_folder(path)
        except RecordError as error:
            what = str(error).removeprefix(f"load_run({str(path)!r}): ").rstrip(".")
    msg = f"{run}: {what}. --settle writes into one run: give its directory, the one that holds the folder 'iit'."
    raise InvalidArgumentError(msg)


def settle(run_dir: Path, *, timeout: float | None = None, workers: int = 1) -> Iterator[EpochRecord]:
    """Computes each record that a run has left open, as its training would have done, and writes the record with its result.

    The index and the report are written anew after the last one.

    Args:
        run_dir: the directory of a run that has ended, which holds the folder ``iit``.
        timeout: the time limit of one record in seconds, of several workers that of each part; None takes that of the training.
        workers: how many worker processes divide what is computed of a record, where that takes a second or longer.

    Yields:
        Each record once it is on disk.

    Raises:
        RecordError: the directory holds no run.
        InvalidArgumentError: fewer than one worker.
        OSError: a record cannot be written.
    """
    pool = WorkerPool(workers=workers, timeout=timeout)
    changed = False
    untrained: dict[str, EpochRecord] = {}
    try:
        for record in read_run(run_dir).records:
            if record.epoch < 0:
                untrained[record.layer] = record
            if record.task is None:
                continue
            task = record.task if timeout is None else msgspec.structs.replace(record.task, timeout=timeout)
            future = pool.submit(_divided(task))
            pool.drain(math.inf)
            answer = future.result(0)
            settled = settled_record(reopened(record), answer.states[0].result, answer, record.task)
            settled = with_change(settled, untrained.get(record.layer))
            if record.epoch < 0:
                untrained[record.layer] = settled
            write_record(run_dir, settled, answer.images)
            changed = True
            yield settled
    finally:
        pool.close()
        if changed:
            rebuild_index(run_dir)
            folder = records_folder(run_dir)
            write_atomically(folder / "report.md", markdown(load_run(run_dir), _options(folder), answers_in(run_dir)).encode())


def _divided(task: PhiTask) -> PhiTask:
    """Returns a task with the parts into which several workers may divide it."""
    try:
        return with_parts(task, choose_engine(task.engine, task.options).seconds(len(task.states[0])))
    except IITError:  # an engine that is not installed here: the analysis says so
        return task


def unsettled_words(records: Sequence[EpochRecord], run: str) -> str:
    """Returns the sentence on records that have no result yet, and what computes them; empty where there are none."""
    left = sum(record.task is not None for record in records)
    if not left:
        return ""
    how = (
        "its training still goes on"
        if is_alive(records_folder(Path(run)))
        else f"`lightning-iit verify {run} --settle` computes them"
    )
    return f"{left} analyses have no result yet: {how}."


def _options(folder: Path) -> dict[str, Any]:
    """Returns the options of the run as its folder has them; none where there is no such file."""
    file = folder / OPTIONS
    options: dict[str, Any] = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
    return options
