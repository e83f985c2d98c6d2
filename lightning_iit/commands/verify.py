"""``lightning-iit verify``: computes a run's records again with another engine and prints the differences."""

from __future__ import annotations

import random
import sys
import warnings
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from lightning_iit.commands.settle import unsettled_words
from lightning_iit.commands.tables import bits, nodes
from lightning_iit.errors import IITError, InvalidArgumentError
from lightning_iit.phi.compute import compute_phi
from lightning_iit.phi.connections import ConnectivityWarning
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Computed, Concept, EpochRecord, PhiResult, StateResult, System
from lightning_iit.records.store import load_run
from lightning_iit.tpm.estimate import tpm_for_phi

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console


TOLERANCE = 1e-6
"""The default limit for a difference in Φ, small φ or an entry of the TPM."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Compares the stored and the newly computed Φ of one analysed state of one record.

    Attributes:
        stored: the stored Φ.
        again: the newly computed Φ; None if it was not computed.
        differences: one phrase for each difference; empty if all agrees.
        skipped: why the state could not be compared; empty if it was compared.
    """

    layer: str
    epoch: int
    state: tuple[int, ...]
    stored: float
    again: float | None
    differences: tuple[str, ...] = ()
    skipped: str = ""


def run_verify(
    run: str, engine: str, sample: int | None, tolerance: float, timeout: float | None, as_json: bool, console: Console
) -> int:
    """Compares a run's records with new analyses and prints the comparisons, as a table or as JSON.

    Returns:
        The exit status: 0 if at least one analysis was compared and none differs, else 1.

    Raises:
        IITError: there is no run, or an argument is invalid.
    """
    if sample is not None and sample < 1:
        msg = f"--sample {sample}: give how many analyses to compare, 1 or more."
        raise InvalidArgumentError(msg)
    records = load_run(run)
    found = verify(records, engine=engine, sample=sample, tolerance=tolerance, timeout=timeout)
    compared = [comparison for comparison in found if not comparison.skipped]
    different = [comparison for comparison in compared if comparison.differences]
    ok = bool(compared) and not different
    if as_json:
        document = {"run": run, "engine": engine, "tolerance": tolerance, "compared": len(compared), "different": len(different)}
        document["open"] = sum(record.task is not None for record in records)
        content = msgspec.json.encode({**document, "ok": ok, "comparisons": found})
        sys.stdout.buffer.write(msgspec.json.format(content) + b"\n")
        return 0 if ok else 1
    _print(console, found, engine)
    console.print(
        f"{len(compared)} analyses compared with {engine}, {len(different)} differ (tolerance {tolerance:g}), "
        f"{len(found) - len(compared)} could not be compared.",
        highlight=False,
    )
    if not compared:
        console.print("Nothing was compared, so nothing is verified.")
    if words := unsettled_words(records, run):
        console.print(words, highlight=False, markup=False)
    return 0 if ok else 1


def verify(
    records: Sequence[EpochRecord],
    *,
    engine: str = "pyphi",
    sample: int | None = None,
    tolerance: float = TOLERANCE,
    timeout: float | None = None,
) -> list[Comparison]:
    """Computes each Φ of the records again from the record's counts, and compares the results.

    Compared are Φ, the cut, the concepts with their small φ, and the stored TPM with the TPM estimated from the counts.

    Args:
        records: the records of a run.
        engine: the name of the engine that computes again.
        sample: the number of analyses to compare, drawn at random with a fixed seed; None for all.
        tolerance: the largest difference of Φ, small φ and TPM entries that counts as equal.
        timeout: the time limit of one analysis in seconds; None for no limit.

    Returns:
        One comparison for each analysed state whose stored Φ was computed, in each group of units of each record.
    """
    parts = [part for record in records for part in (record, *_further_groups(record))]
    cases = [(part, state) for part in parts for state in part.states if isinstance(state.result, Computed)]
    if sample is not None and sample < len(cases):
        chosen = sorted(random.Random(0).sample(range(len(cases)), sample))  # noqa: S311
        cases = [cases[index] for index in chosen]
    return [_compare(record, state, engine, tolerance, timeout) for record, state in cases]


def _further_groups(record: EpochRecord) -> Iterator[EpochRecord]:
    """Yields the record's groups of units from the second on, each as a record of its own."""
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


def _compare(record: EpochRecord, stored: StateResult, engine: str, tolerance: float, timeout: float | None) -> Comparison:
    """Computes one stored Φ again and returns the comparison."""
    result = stored.result
    assert isinstance(result, Computed)
    again = _again(record, stored, engine, timeout)
    words: tuple[str, ...] = ()
    skipped = ""
    if isinstance(again, str):
        skipped = again
    elif isinstance(again, Computed):
        words = (*_tpm_differences(record, tolerance), *_differences(result, again, tolerance))
    elif again.reason and type(again).__name__ == "Skipped":
        words = (f"stored as computed, but now: {again.reason}",)
    else:
        skipped = again.reason
    phi = again.phi if isinstance(again, Computed) else None
    return Comparison(
        layer=record.layer, epoch=record.epoch, state=stored.state, stored=result.phi, again=phi, differences=words, skipped=skipped
    )


def _again(record: EpochRecord, stored: StateResult, engine: str, timeout: float | None) -> PhiResult | str:
    """Returns the result of the engine ``engine`` for a stored state, or a text that says why it cannot be computed."""
    options = record.provenance.options
    if record.counts is None or record.tpm is None:
        return "the record holds no counts"
    rows = tpm_for_phi(record.counts, record.tpm.prior).state_by_node
    n = len(stored.state)
    try:
        most = choose_engine(engine, options).max_units
        if n > most:
            return f"{n} units; {engine} takes {most} at most"
        cm = None if record.perturbation is None else record.perturbation.cm
        system = System(tpm=rows, state=stored.state, cm=cm)  # type: ignore[arg-type]  # it takes anything numpy reads
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConnectivityWarning)  # the stored Φ was computed with the same matrix
            return compute_phi(
                system, engine, timeout, cuts=options.cuts, new_concepts=options.new_concepts, pyphi_options=dict(options.pyphi)
            )
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


def _differences(stored: Computed, again: Computed, tolerance: float) -> list[str]:
    """Returns a phrase for each difference in Φ, cut, concepts and small φ."""
    words = []
    if abs(stored.phi - again.phi) > tolerance:
        words.append(f"Φ {stored.phi:.8g}, again {again.phi:.8g}")
    if stored.cut != again.cut:
        words.append(f"cut {_cut(stored)}, again {_cut(again)}")
    mine, other = (_structure(result.concepts) for result in (stored, again))
    if mine.keys() != other.keys():
        words.append(f"concepts {len(mine)}, again {len(other)}; {len(mine.keys() ^ other.keys())} in one of them only")
    off = [
        key for key in mine.keys() & other.keys() if max(abs(a - b) for a, b in zip(mine[key], other[key], strict=True)) > tolerance
    ]
    if off:
        words.append(f"small φ of {len(off)} concepts, first of mechanism {nodes(min(off)[0])}")
    return words


def _structure(concepts: tuple[Concept, ...]) -> dict[tuple[tuple[int, ...], ...], tuple[float, float]]:
    """Returns (cause φ, effect φ) of each concept by (mechanism, cause purview, effect purview)."""
    return {
        (concept.mechanism, concept.cause_purview, concept.effect_purview): (concept.cause_phi, concept.effect_phi)
        for concept in concepts
    }


def _cut(result: Computed) -> str:
    """Returns a result's cut as text, such as "{0}-/->{1, 2}"."""
    return "none" if result.cut is None else f"{nodes(result.cut.from_nodes)}-/->{nodes(result.cut.to_nodes)}"


def _print(console: Console, found: Sequence[Comparison], engine: str) -> None:
    """Prints the comparisons as a table."""
    table = Table("layer", "epoch", "state", "stored Φ", f"Φ by {engine}", "verdict")
    for comparison in found:
        verdict = comparison.skipped and f"not compared: {comparison.skipped}"
        verdict = verdict or "; ".join(comparison.differences) or "equal"
        again = "" if comparison.again is None else f"{comparison.again:.6f}"
        table.add_row(comparison.layer, str(comparison.epoch), bits(comparison.state), f"{comparison.stored:.6f}", again, verdict)
    if found:
        console.print(table)
