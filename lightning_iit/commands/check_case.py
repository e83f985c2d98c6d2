"""Computes one analysis of a record again from its counts, and compares the results."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.commands.check_plan import SIGNED, Case
from lightning_iit.commands.complexes import complex_differences, found_complex
from lightning_iit.commands.differences import differences, number, structure_differences
from lightning_iit.errors import IITError, InvalidArgumentError, InvalidSystemError, TooManyUnitsError
from lightning_iit.phi.compute import compute_phi, compute_structure
from lightning_iit.phi.connections import ConnectivityWarning
from lightning_iit.phi.ranking import best_partitions
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import FORMALISM, Computed, EpochRecord, Failed, Open, PhiResult, Skipped, System, SystemPhi, TimedOut
from lightning_iit.records.schema import symbol
from lightning_iit.records.systems import braces
from lightning_iit.tpm.estimate import tpm_for_phi

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.records import Cut

_OF_ROUNDING = 5e-6
"""How far Φ of rounded φ may be from that of exact ones."""
_ROUNDED = "six decimals, since PyPhi's rounding decides between equal purviews; it was asked with ten"
"""What stands beside a Φ of PyPhi that agrees with ten decimals only."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Compares the stored and the newly computed Φ of one analysed state of one record.

    Attributes:
        run: the name of the run.
        formalism: the version of the theory.
        units: the labels of the analysed units; empty where the record names none.
        method: which engine computed what.
        stored: the stored Φ (of IIT 4.0 φ_s).
        again: the newly computed Φ; None if it was not computed.
        step: of a record within an epoch the global step; None for that of a whole epoch.
        differences: one phrase for each difference; empty if all agrees.
        skipped: why the state could not be compared; empty if it was compared.
        unchecked: what of the state could not be compared, and why; empty if all was compared.
        is_again: whether the engine is that of the stored Φ.
    """

    run: str = ""
    layer: str
    epoch: int
    formalism: str
    units: tuple[str, ...] = ()
    state: tuple[int, ...]
    method: str
    stored: float
    again: float | None
    step: int | None = None
    differences: tuple[str, ...] = ()
    skipped: str = ""
    unchecked: str = ""
    is_again: bool = False


def compare(case: Case, tolerance: float, timeout: float | None) -> Comparison:
    """Computes one stored Φ again from the record's counts, and compares the results.

    Compared are Φ, the cut, the concepts with their small φ, and the stored TPM with that estimated from the counts; of IIT 4.0
    φ_s with its signed and normalised values, ii, cause and effect with their states and φ, partition and margin, and the
    structure; of either the major complex. So are the numbers that a record has twice, and the means of its survey with those of
    its groups. A record that does not fit itself counts as different, so that it does not hide the others.

    Args:
        case: the analysis, and what computes it again.
        tolerance: the largest difference of Φ, small φ and TPM entries that counts as equal.
        timeout: the time limit of one analysis in seconds; None for no limit.
    """
    try:
        return _compared(case, tolerance, timeout)
    except Exception as error:  # noqa: BLE001  whatever is wrong with one record
        return _comparison(case, again=None, differences=(f"the record does not fit itself: {type(error).__name__}: {error}",))


def _compared(case: Case, tolerance: float, timeout: float | None) -> Comparison:
    """Computes one stored Φ again and returns the comparison; may raise anything where the record does not fit itself."""
    again = _again(case, case.engine, timeout)
    words: list[str] = []
    skipped = unchecked = ""
    if isinstance(again, str):
        skipped = again
    elif isinstance(again, (Computed, SystemPhi)):
        words = _result_differences(case, again, tolerance)
        finer = _with_more_decimals(case, again, timeout) if words else None
        if finer is not None and not _result_differences(case, finer, max(tolerance, _OF_ROUNDING)):
            again, unchecked, words = finer, _ROUNDED, []
        words += _tpm_differences(case.record, tolerance)
        words += _within_record(case, tolerance)
        words += _of_part(case, tolerance, timeout)
        for found, not_found in (_of_structure(case, tolerance), _of_complex(case, tolerance, timeout)):
            words += found
            unchecked = unchecked or not_found
    elif isinstance(again, Skipped):
        words = [f"stored as computed, but now: {again.reason}"]
    else:
        skipped = again.reason
    return _comparison(
        case,
        again=again.phi if isinstance(again, (Computed, SystemPhi)) else None,
        differences=tuple(words),
        skipped=skipped,
        unchecked=unchecked,
        is_again=case.is_again,
    )


def _comparison(case: Case, *, again: float | None, **found: Any) -> Comparison:
    """Returns the comparison of a case, of whose fields ``found`` has those that the comparison itself gave."""
    record = case.record
    return Comparison(
        run=case.run,
        layer=record.layer,
        epoch=record.epoch,
        step=record.step,
        formalism=record.formalism,
        units=() if record.units is None else record.units.labels,
        state=case.stored.state,
        method=case.method,
        stored=case.stored.result.phi or 0.0,
        again=again,
        **found,
    )


def _with_more_decimals(case: Case, again: Computed | SystemPhi, timeout: float | None) -> Computed | None:
    """Returns what PyPhi 1.2 gives with ten decimals; None where it was not asked with six, its default.

    It takes φ that are equal in six decimals as equal. Where the exact φ of two purviews is one and ends in a 5, rounding errors
    decide whether they are; TPMs of a few hundred backgrounds often have such φ.
    """
    given = {**case.options.pyphi}
    if not isinstance(again, Computed) or again.engine.name != "pyphi" or not again.engine.version.startswith("1."):
        return None
    found = None if "PRECISION" in given else _again(case, case.engine, timeout, pyphi={**given, "PRECISION": 10})
    return found if isinstance(found, Computed) else None


def _result_differences(case: Case, again: Computed | SystemPhi, tolerance: float) -> list[str]:
    """Returns a phrase for each difference; of an analysis of a survey Φ alone is stored, and signed φ_s."""
    stored = case.stored.result
    assert isinstance(stored, (Computed, SystemPhi))
    if not isinstance(case.record.result, Open):
        return differences(stored, again, tolerance, tied=_tied(case, again, case.nodes, tolerance))
    words = number(symbol(case.record.formalism), stored.phi, again.phi, tolerance)
    if isinstance(again, SystemPhi) and (again.phi > tolerance or again.engine.name == stored.engine.name):
        words += number("signed_phi", case.record.scalars.get(SIGNED), again.signed_phi, tolerance)
    return words


def _tied(case: Case, again: Computed | SystemPhi, nodes: tuple[int, ...], tolerance: float) -> Callable[[Cut, Cut], bool] | None:
    """Returns what says of two cuts whether both have the smallest Φ of all cuts; None where one rule chose both.

    PyPhi 2 takes another one of several minima than PyPhi 1.2, whose rule is this package's.
    """

    def tie(*cuts: Cut) -> bool:
        asked = {name: value for name, value in _asked(case).items() if name != "pyphi_options"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConnectivityWarning)
            ranked = best_partitions(_system(case), 4 ** len(nodes), nodes=nodes, **asked)
        phi = {} if isinstance(ranked, Skipped) else {one.cut: one.phi for one in ranked.partitions}
        return all(cut in phi and phi[cut] - min(phi.values()) <= tolerance for cut in cuts)

    return tie if again.engine.name == "pyphi" and again.engine.version.startswith("2.") else None


def _within_record(case: Case, tolerance: float) -> list[str]:
    """Returns a phrase for each number that a record has twice and that differs: its result, and the means of its survey."""
    record, result = case.record, case.stored.result
    assert isinstance(result, (Computed, SystemPhi))
    if case.stored is not record.states[0] or not isinstance(record.result, (Computed, SystemPhi)):
        return []
    words = [f"the record's result: {words}" for words in differences(record.result, result, tolerance)]
    survey = record.survey
    if survey is None:
        return words
    what = symbol(record.formalism)
    for name, mean, parts in (
        (f"mean {what}", survey.phi, [group.phi for group in survey.groups]),
        (f"share of {what} > 0", survey.share, [group.share for group in survey.groups]),
        (f"mean signed {what}", survey.signed, [group.signed_phi for group in survey.groups]),
    ):
        known = [part for part in parts if part is not None]
        words += number(f"{name} of the layer", mean, sum(known) / len(known) if known else None, tolerance)
    return words


def _of_part(case: Case, tolerance: float, timeout: float | None) -> list[str]:
    """Returns a phrase for each difference between two engines in a part of the units, where the whole is too large for one."""
    if case.part_engine is None:
        return []
    nodes = case.nodes[: case.part]
    first, second = (_again(case, name, timeout, nodes) for name in (case.engine, case.part_engine))
    if isinstance(first, (Computed, SystemPhi)) and isinstance(second, (Computed, SystemPhi)):
        tied = _tied(case, second, nodes, tolerance)
        return [f"units {braces(nodes)}: {words}" for words in differences(first, second, tolerance, tied=tied)]
    if isinstance(first, str) or isinstance(second, str) or type(first) is not type(second):
        said = " and ".join(answer if isinstance(answer, str) else type(answer).__name__ for answer in (first, second))
        return [f"units {braces(nodes)}: {said}"]
    return []  # neither engine has a Φ, for the same reason


def _of_structure(case: Case, tolerance: float) -> tuple[list[str], str]:
    """Returns a phrase for each difference of the cause-effect structure (IIT 4.0), and why it could not be compared."""
    stored = case.record.structure
    if stored is None or not case.has_structure:
        return [], ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConnectivityWarning)
            again = compute_structure(
                *(_system(case), case.engine),
                formalism=case.record.formalism,  # type: ignore[arg-type]  # a version of IIT 4.0, or there is no structure
                nodes=case.nodes,
                pyphi_options=dict(case.options.pyphi),
            )
    except (InvalidArgumentError, TooManyUnitsError) as error:
        return [], f"structure: {error}"
    if isinstance(again, Skipped):
        return [f"structure, but now: {again.reason}"], ""
    states = [(one.system.cause.state, one.system.effect.state) for one in (stored, again)]
    if states[0] != states[1] and max(stored.system.phi, again.system.phi) <= tolerance and not case.is_again:
        return [], "structure: it is of other states of the system, which tie at φ_s = 0"
    return structure_differences(stored, again, tolerance), ""


def _of_complex(case: Case, tolerance: float, timeout: float | None) -> tuple[list[str], str]:
    """Returns a phrase for each difference of the major complex, and why it could not be compared."""
    stored = case.record.major_complex
    if stored is None or not case.has_complex:
        return [], ""
    asked = _asked(case)
    try:
        most = choose_engine(case.engine, case.options).max_units
        if len(case.stored.state) > most:
            return [], f"major complex: {len(case.stored.state)} units; {case.engine} takes {most} at most"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConnectivityWarning)
            again = found_complex(_system(case), case.engine, timeout, asked)
    except (InvalidArgumentError, TooManyUnitsError) as error:
        return [], f"major complex: {error}"
    if isinstance(again.result, (TimedOut, Failed)):
        return [], f"major complex: {again.result.reason}"
    return complex_differences(stored, again, case.record.formalism, tolerance, same=case.is_again), ""


def _asked(case: Case) -> dict[str, Any]:
    """Returns the options of an analysis of a case, as keywords of the functions that compute."""
    options = case.options
    asked: dict[str, Any] = {"formalism": options.formalism, "pyphi_options": dict(options.pyphi)}
    return asked | ({"cuts": options.cuts, "new_concepts": options.new_concepts} if options.formalism == FORMALISM else {})


def _system(case: Case) -> System:
    """Builds the system of all units of a case, from the record's counts."""
    record = case.record
    assert record.counts is not None
    assert record.tpm is not None
    rows = tpm_for_phi(record.counts, record.tpm.prior).state_by_node
    return System(tpm=rows, state=case.stored.state, cm=None if record.perturbation is None else record.perturbation.cm)


def _again(
    case: Case,
    engine: str,
    timeout: float | None,
    nodes: tuple[int, ...] | None = None,
    pyphi: dict[str, bool | int | float | str] | None = None,
) -> PhiResult | str:
    """Returns the result of the engine ``engine`` for a stored state, or a text that says why it cannot be computed."""
    record, options = case.record, case.options
    if record.counts is None or record.tpm is None:
        return "the record holds no counts"
    nodes = case.nodes if nodes is None else nodes
    asked = _asked(case) | {"nodes": nodes} | ({} if pyphi is None else {"pyphi_options": pyphi})
    try:
        most = choose_engine(engine, options).max_units
        if len(nodes) > most:
            return f"{len(nodes)} units; {engine} takes {most} at most"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConnectivityWarning)  # the stored Φ was computed with the same matrix
            result: PhiResult = compute_phi(_system(case), engine, timeout, **asked)
            return result
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
