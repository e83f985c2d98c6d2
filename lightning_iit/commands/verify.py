"""``lightning-iit verify``: computes a run's records again with another engine and prints the differences."""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from lightning_iit.commands.check_plan import SECONDS, Case, surveyed, with_engine, within_time
from lightning_iit.commands.settle import unsettled_words
from lightning_iit.commands.tables import bits
from lightning_iit.errors import IITError, InvalidArgumentError, InvalidSystemError, RecordError
from lightning_iit.phi.compute import compute_phi
from lightning_iit.phi.connections import ConnectivityWarning
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Computed, Concept, EpochRecord, Open, PhiResult, StateResult, System, decode
from lightning_iit.records.systems import braces
from lightning_iit.report.terminal import FittedTable
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.viewer.sources import open_runs
from lightning_iit.viewer.summary import all_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


TOLERANCE = 1e-6
"""The default limit for a difference in Φ, small φ or an entry of the TPM."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Compares the stored and the newly computed Φ of one analysed state of one record.

    Attributes:
        run: the name of the run.
        method: which engine computed what.
        stored: the stored Φ.
        again: the newly computed Φ; None if it was not computed.
        step: of a record within an epoch the global step; None for that of a whole epoch.
        differences: one phrase for each difference; empty if all agrees.
        skipped: why the state could not be compared; empty if it was compared.
    """

    run: str = ""
    layer: str
    epoch: int
    state: tuple[int, ...]
    method: str
    stored: float
    again: float | None
    step: int | None = None
    differences: tuple[str, ...] = ()
    skipped: str = ""


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
        content = msgspec.json.encode({**document, "ok": ok, "unreadable": faults, "analyses": len(cases), "comparisons": found})
        sys.stdout.buffer.write(msgspec.json.format(content) + b"\n")
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
    """Yields each state whose Φ was computed in detail, with its record, and then some of the analyses of its survey."""
    for part in (record, *_further_groups(record), *surveyed(record)):
        yield from ((part, state) for state in part.states if isinstance(state.result, Computed))


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
        )


def compare(case: Case, tolerance: float, timeout: float | None) -> Comparison:
    """Computes one stored Φ again from the record's counts, and compares the results.

    Compared are Φ, the cut, the concepts with their small φ, and the stored TPM with that estimated from the counts. A record that
    does not fit itself counts as different, so that it does not hide the others.

    Args:
        case: the analysis, and what computes it again.
        tolerance: the largest difference of Φ, small φ and TPM entries that counts as equal.
        timeout: the time limit of one analysis in seconds; None for no limit.
    """
    try:
        return _compared(case, tolerance, timeout)
    except Exception as error:  # noqa: BLE001  whatever is wrong with one record
        return Comparison(
            run=case.run,
            layer=case.record.layer,
            epoch=case.record.epoch,
            step=case.record.step,
            state=case.stored.state,
            method=case.method,
            stored=case.stored.result.phi or 0.0,
            again=None,
            differences=(f"the record does not fit itself: {type(error).__name__}: {error}",),
        )


def _compared(case: Case, tolerance: float, timeout: float | None) -> Comparison:
    """Computes one stored Φ again and returns the comparison; may raise anything where the record does not fit itself."""
    record, result = case.record, case.stored.result
    assert isinstance(result, Computed)
    again = _again(record, case.stored, case.engine, timeout)
    words: tuple[str, ...] = ()
    skipped = ""
    if isinstance(again, str):
        skipped = again
    elif isinstance(again, Computed):
        differences = _differences(result, again, tolerance, in_detail=not isinstance(record.result, Open))
        words = (*_tpm_differences(record, tolerance), *differences, *_of_part(case, tolerance, timeout))
    elif again.reason and type(again).__name__ == "Skipped":
        words = (f"stored as computed, but now: {again.reason}",)
    else:
        skipped = again.reason
    return Comparison(
        run=case.run,
        layer=record.layer,
        epoch=record.epoch,
        step=record.step,
        state=case.stored.state,
        method=case.method,
        stored=result.phi,
        again=again.phi if isinstance(again, Computed) else None,
        differences=words,
        skipped=skipped,
    )


def _of_part(case: Case, tolerance: float, timeout: float | None) -> list[str]:
    """Returns a phrase for each difference between two engines in a part of the units, where the whole is too large for one."""
    if case.part_engine is None:
        return []
    nodes = tuple(range(case.part))
    first, second = (_again(case.record, case.stored, name, timeout, nodes) for name in (case.engine, case.part_engine))
    if isinstance(first, Computed) and isinstance(second, Computed):
        return [f"units {braces(nodes)}: {words}" for words in _differences(first, second, tolerance)]
    if isinstance(first, str) or isinstance(second, str) or type(first) is not type(second):
        said = " and ".join(answer if isinstance(answer, str) else type(answer).__name__ for answer in (first, second))
        return [f"units {braces(nodes)}: {said}"]
    return []  # neither engine has a Φ, for the same reason


def _again(
    record: EpochRecord, stored: StateResult, engine: str, timeout: float | None, nodes: tuple[int, ...] | None = None
) -> PhiResult | str:
    """Returns the result of the engine ``engine`` for a stored state, or a text that says why it cannot be computed."""
    options = record.provenance.options
    if record.counts is None or record.tpm is None:
        return "the record holds no counts"
    rows = tpm_for_phi(record.counts, record.tpm.prior).state_by_node
    n = len(stored.state if nodes is None else nodes)
    try:
        most = choose_engine(engine, options).max_units
        if n > most:
            return f"{n} units; {engine} takes {most} at most"
        cm = None if record.perturbation is None else record.perturbation.cm
        system = System(tpm=rows, state=stored.state, cm=cm)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConnectivityWarning)  # the stored Φ was computed with the same matrix
            return compute_phi(
                *(system, engine, timeout),
                nodes=nodes,
                cuts=options.cuts,
                new_concepts=options.new_concepts,
                pyphi_options=dict(options.pyphi),
            )
    except InvalidSystemError:
        raise  # the stored state, counts and connections do not fit each other
    except IITError as error:
        return str(error)


def _tpm_differences(record: EpochRecord, tolerance: float) -> list[str]:
    """Returns a phrase if the stored TPM is not the TPM estimated from the record's counts."""
    assert record.counts is not None
    assert record.tpm is not None
    rows = tpm_for_phi(record.counts, record.tpm.prior).state_by_node.tolist()
    stored = record.tpm.state_by_node
    apart = max(abs(a - b) for ours, theirs in zip(stored, rows, strict=True) for a, b in zip(ours, theirs, strict=True))
    return [f"the stored TPM is {apart:.3g} off its counts"] if apart > tolerance else []


def _differences(stored: Computed, again: Computed, tolerance: float, *, in_detail: bool = True) -> list[str]:
    """Returns a phrase for each difference in Φ and, where these are stored (``in_detail``), in cut, concepts and small φ."""
    words = []
    if abs(stored.phi - again.phi) > tolerance:
        words.append(f"Φ {stored.phi:.8g}, again {again.phi:.8g}")
    if not in_detail:
        return words
    if stored.cut != again.cut:
        words.append(f"cut {stored.cut or 'none'}, again {again.cut or 'none'}")
    mine, other = (_structure(result.concepts) for result in (stored, again))
    if mine.keys() != other.keys():
        words.append(f"concepts {len(mine)}, again {len(other)}; {len(mine.keys() ^ other.keys())} in one of them only")
    off = [
        key for key in mine.keys() & other.keys() if max(abs(a - b) for a, b in zip(mine[key], other[key], strict=True)) > tolerance
    ]
    if off:
        words.append(f"small φ of {len(off)} concepts, first of mechanism {braces(min(off)[0])}")
    return words


def _structure(concepts: tuple[Concept, ...]) -> dict[tuple[tuple[int, ...], ...], tuple[float, float]]:
    """Returns (cause φ, effect φ) of each concept by (mechanism, cause purview, effect purview)."""
    return {
        (concept.mechanism, concept.cause_purview, concept.effect_purview): (concept.cause_phi, concept.effect_phi)
        for concept in concepts
    }


def _table(found: Sequence[Comparison]) -> FittedTable:
    """Returns the table of the comparisons; it names the run where there are several."""
    columns = ("run", "layer", "epoch", "state", "stored Φ", "again", "by", "verdict")
    rows = []
    for comparison in found:
        verdict = comparison.skipped and f"not compared: {comparison.skipped}"
        verdict = verdict or "; ".join(comparison.differences) or "equal"
        again = "" if comparison.again is None else f"{comparison.again:.6f}"
        epoch = f"{comparison.epoch}" if comparison.step is None else f"{comparison.epoch}, step {comparison.step}"
        where = comparison.run, comparison.layer, epoch, bits(comparison.state)
        rows.append((*where, f"{comparison.stored:.6f}", again, comparison.method, verdict))
    first = 0 if len({comparison.run for comparison in found}) > 1 else 1
    numbers = ("epoch", "state", "stored Φ", "again")
    return FittedTable(columns[first:], [row[first:] for row in rows], names=("run", "layer"), right=numbers, droppable=("by",))


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
            " the units, with the others held at their states, by both engines."
        )


def _why_nothing(read: Sequence[tuple[str, EpochRecord]], cases: Sequence[object]) -> str:
    """Says what is missing where nothing could be compared."""
    if cases:
        return "--engine names an engine that takes so many units; --timeout gives it longer."
    statuses = Counter(str(type(record.result).__struct_config__.tag).replace("_", " ") for _, record in read)
    told = ", ".join(f"{count} {status}" for status, count in statuses.items()) or "none that can be read"
    return f"No record has a Φ: {told}."
