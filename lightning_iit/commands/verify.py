"""``lightning-iit verify``: computes a run's records again with another engine and prints the differences."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from lightning_iit.commands.check_case import Comparison, compare
from lightning_iit.commands.check_plan import SECONDS, Case, surveyed, with_engine, within_time
from lightning_iit.commands.settle import unsettled_words
from lightning_iit.commands.tables import bits, print_json
from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.records import (
    FORMALISM,
    FORMALISM_WORDS,
    Computed,
    EpochRecord,
    StateResult,
    SystemPhi,
    decode,
)
from lightning_iit.report.terminal import FittedTable
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.viewer.sources import open_runs
from lightning_iit.viewer.summary import all_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def run_verify(
    target: str, engine: str | None, sample: int | None, tolerance: float, timeout: float | None, as_json: bool, console: Console
) -> int:
    """Compares the records of one or several runs with new analyses and prints the comparisons, as a table or as JSON.

    Args:
        target: a path or URI, as for ``lightning-iit view``.
        engine: the name of the engine that computes again; None for another one than that of the stored Φ, on as many analyses as
            fit into 60 seconds.
        sample: the number of analyses to compare; None for all (without an engine: for as many as fit).
        tolerance: the largest difference of Φ, small φ and TPM entries that counts as equal.
        timeout: the time limit of one analysis in seconds; None for no limit.
        as_json: prints JSON.
        console: where to print.

    Returns:
        The exit status: 0 if at least one analysis was compared, none differs, and every record could be read; else 1.

    Raises:
        IITError: there is no run, or an argument is invalid.
    """
    if sample is not None and sample < 1:
        msg = f"--sample {sample}: give how many analyses to compare, 1 or more."
        raise InvalidArgumentError(msg)
    read, faults = read_records(target)
    cases = [(run, part, state) for run, record in read for part, state in analyses_of(record)]
    plan = within_time(cases, sample) if engine is None else with_engine(cases, engine, sample)
    with Console(stderr=True).status(f"Computing {len(plan)} of {len(cases)} analyses again ..."):
        found = [compare(case, tolerance, timeout) for case in _in_time(plan, limited=engine is None and sample is None)]
    compared = [comparison for comparison in found if not comparison.skipped]
    different = [comparison for comparison in compared if comparison.differences]
    ok = bool(compared) and not different and not faults
    if as_json:
        document = {"run": target, "engine": engine, "tolerance": tolerance, "compared": len(compared), "different": len(different)}
        document["open"] = sum(record.task is not None for _, record in read)
        print_json({**document, "ok": ok, "unreadable": faults, "analyses": len(cases), "comparisons": found})
        return 0 if ok else 1
    if found:
        console.print(_table(found))
    for line in _summary(found, cases=len(cases), tolerance=tolerance, engine=engine):
        console.print(line, highlight=False, markup=False)
    for fault in faults:
        console.print(f"Cannot be read: {fault['file']}: {fault['reason']}", highlight=False, markup=False, soft_wrap=True)
    if faults:
        console.print(f"{len(faults)} records cannot be read, so they are not verified.", highlight=False)
    if not compared:
        console.print(
            f"Nothing was compared, so nothing is verified. {_why_nothing(read, cases)}".strip(), highlight=False, markup=False
        )
    if words := unsettled_words([record for _, record in read], target):
        console.print(words, highlight=False, markup=False)
    return 0 if ok else 1


def read_records(target: str) -> tuple[list[tuple[str, EpochRecord]], list[dict[str, str]]]:
    """Reads every record of the runs at a path or URI.

    Returns:
        The name of the run and the record, in order of run, epoch, step and layer; and ``file`` and ``reason`` of
        each record that cannot be read.

    Raises:
        IITError: there is no run.
    """
    source, runs = open_runs(target)
    read, faults = [], []
    for run in sorted(runs, key=lambda info: info.name):
        for row in all_rows(source.index(run.id)):
            try:
                read.append((run.name, decode(source.record(run.id, row.layer, row.epoch, row.step))))
            except (RecordError, LookupError) as error:
                file = f"{run.path or run.name}/{row.file}" if row.file else f"{run.name}, {row.layer!r}, epoch {row.epoch}"
                faults.append({"file": file, "reason": str(error)})
    return read, faults


def analyses_of(record: EpochRecord) -> Iterator[tuple[EpochRecord, StateResult]]:
    """Yields each state whose Φ was computed in detail, with its record, and then some of the analyses of its survey.

    Each formalism of a record is one after the other, in a record of its own.
    """
    for one in record.by_formalism:
        for part in (one, *_further_groups(one), *surveyed(one)):
            yield from ((part, state) for state in part.states if isinstance(state.result, (Computed, SystemPhi)))


def _in_time(plan: Sequence[Case], *, limited: bool) -> Iterator[Case]:
    """Yields the cases; with a limit only as long as the next one is expected to end within the time."""
    began = time.monotonic()
    for number, case in enumerate(plan):
        if not limited or number == 0 or time.monotonic() - began + case.seconds <= SECONDS:
            yield case


def _further_groups(record: EpochRecord) -> Iterator[EpochRecord]:
    """Yields the groups of a record of version 0.1.0 from the second on, each as a record of its own."""
    for group in record.groups[1:]:
        if group.state is None or group.counts is None or record.tpm is None:
            continue
        yield msgspec.structs.replace(
            record,
            units=group.units,
            counts=group.counts,
            perturbation=group.perturbation,
            tpm=tpm_for_phi(group.counts, record.tpm.prior).record,
            states=(StateResult(state=group.state, visits=group.visits, result=group.result),),
            result=group.result,
            major_complex=None,
        )


def _table(found: Sequence[Comparison]) -> FittedTable:
    """Returns the table of the comparisons; it names the run where there are several."""
    stored = "stored Φ" if all(comparison.formalism == FORMALISM for comparison in found) else "stored Φ or φ_s"
    columns = ("run", "layer", "epoch", "units", "state", "theory", stored, "again", "by", "verdict")
    rows = []
    for comparison in found:
        verdict = comparison.skipped and f"not checked: {comparison.skipped}"
        verdict = verdict or "; ".join(comparison.differences) or "equal"
        if comparison.unchecked:
            verdict += f"; not checked: {comparison.unchecked}"
        again = "" if comparison.again is None else f"{comparison.again:.6f}"
        epoch = f"{comparison.epoch}" if comparison.step is None else f"{comparison.epoch}, step {comparison.step}"
        units, state = ", ".join(comparison.units), bits(comparison.state)
        where = comparison.run, comparison.layer, epoch, units, state, FORMALISM_WORDS[comparison.formalism]
        rows.append((*where, f"{comparison.stored:.6f}", again, comparison.method, verdict))
    first = 0 if len({comparison.run for comparison in found}) > 1 else 1
    numbers = ("epoch", "state", stored, "again")
    cells, hidden = [row[first:] for row in rows], ("by", "units")
    return FittedTable(columns[first:], cells, names=("run", "layer"), right=numbers, droppable=hidden)


def _summary(found: Sequence[Comparison], *, cases: int, tolerance: float, engine: str | None) -> Iterator[str]:
    """Yields sentences on how many analyses were compared with what, and what could not be."""
    compared = [comparison for comparison in found if not comparison.skipped]
    differ = sum(bool(comparison.differences) for comparison in compared)
    methods = Counter(comparison.method for comparison in compared)
    counted = (f"{method} ({count})" if len(methods) > 1 else method for method, count in methods.items())
    by = engine or "; ".join(counted) or "another engine"
    yield (
        f"{len(compared)} analyses compared with {by}, {differ} differ (tolerance {tolerance:g}), "
        f"{len(found) - len(compared)} could not be compared."
    )
    if len(found) < cases:
        fit = f" to fit into {SECONDS:g} s" if engine is None else ""
        yield f"They were drawn at random from {cases} analyses{fit}; --sample {cases} compares all."
    if any(", and " in method for method in methods):
        yield (
            "No other engine takes so many units in that time. So Φ was computed again by the engine of the record, and a part of"
            " the units, with the others as background, by both engines."
        )
    for theory in dict.fromkeys(FORMALISM_WORDS[one.formalism] for one in compared if one.is_again and engine is None):
        yield (
            f"No other engine here computes {theory}: its numbers were computed again from the counts by the engine of the record,"
            " which finds what does not fit the counts, and no fault of the engine."
        )
    missed = Counter((FORMALISM_WORDS[comparison.formalism], comparison.skipped) for comparison in found if comparison.skipped)
    for (theory, why), count in missed.items():
        yield f"Not checked: {count} analyses by {theory}. {why}"


def _why_nothing(read: Sequence[tuple[str, EpochRecord]], cases: Sequence[object]) -> str:
    """Says what is missing where nothing could be compared."""
    if cases:
        return "--engine names another engine; --timeout gives it longer."
    statuses = Counter(str(type(record.result).__struct_config__.tag).replace("_", " ") for _, record in read)
    told = ", ".join(f"{count} {status}" for status, count in statuses.items()) or "none that can be read"
    return f"No record has a Φ: {told}."
