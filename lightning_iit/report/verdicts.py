"""Sentences that say what may, and what may not, be concluded from a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import Skipped, symbol
from lightning_iit.records.shown.numbers import decimals
from lightning_iit.report.terms import AXIS_WORDS, NULL_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records import EpochRecord, NullResult

SIGNIFICANCE = 0.05
"""A Φ is called above its null where the p-value is at most this."""
ENOUGH_PER_STATE = 100
"""With fewer transitions for each possible state, the Φ of coin flips is not negligible, and the report warns."""
DEPENDS_ON_THRESHOLD = 1.5
"""A Φ that differs by more than this factor between thresholds is said to depend on them."""
_SURE = 0.95
"""From this share of resamples on units are called not reducible, and up to its rest reducible."""
_BACKGROUND_WORDS = {
    "sampled": "the other units and the input come from these, so Φ is that of the system averaged over them",
    "fixed": "the other units and the input were held as they were observed at the analysed state",
}


def structural_words(record: EpochRecord) -> str:
    """Returns "structural Φ is 0" where that is known (of IIT 4.0 φ_s), and an empty text otherwise."""
    return f"structural {symbol(record.formalism)} is 0" if record.structural_phi == 0.0 else ""


def system_words(record: EpochRecord) -> Iterator[str]:
    """Yields sentences naming the units and the state of this Φ, and what one transition was (time step, sample or block)."""
    if record.units is not None:
        labels, chosen = ", ".join(record.units.labels), record.units.selection
        yield f"The units are {labels} of {record.units.width} (selection: {chosen})."
    if record.thresholds is not None:
        how = "A unit is ON above its threshold" if not record.thresholds.upper else "A unit is coded as 00, 01, 11 or 10"
        yield f"{how} (strategy: {record.thresholds.strategy})."
    if record.states:
        first, more = record.states[0], len(record.states) - 1
        further = f"; {more} further states are in the record" if more else ""
        state = " ".join(map(str, first.state))
        yield f"The analysed state is {state} (1: ON, in this order), which was observed {first.visits:,} times{further}."
    if record.perturbation is not None:
        made = record.perturbation
        words = _BACKGROUND_WORDS.get(made.background, made.background)
        yield f"The units were set into each state in {made.words}; {words}."
    yield f"A transition goes {AXIS_WORDS[record.axis]}"


def conclusion(record: EpochRecord) -> str:
    """Returns what may, and what may not, be concluded from the Φ of a record; or why there is no Φ."""
    if record.phi is None:
        return f"Φ was not computed, which is not Φ = 0: {record.result.reason}"
    if record.kind == "statistical" or structural_words(record):
        return (
            "Nothing may be concluded about the layer's own integration, whatever number the data give. The numbers of two"
            " epochs may be compared only as descriptions of the data that passed through." + _within(record.null)
        )
    parts = _of_connected_units(record, record.phi), _at_thresholds(record), _coded(record), _provided(record)
    return " ".join(filter(None, parts))


def _within(null: NullResult | None) -> str:
    """Returns that Φ is not above its null; empty where it is, or where there is no null."""
    if null is None or null.p <= SIGNIFICANCE:
        return ""
    return f" This one is no more than such data give without integration ({null.p_words})."


def _coded(record: EpochRecord) -> str:
    """Returns the caution that two elements of one unit are not separate causal elements; empty where units have one element."""
    if record.units is None or record.units.bits == 1:
        return ""
    return (
        "Each unit is there as two elements, which are not separate causal elements: a part of this Φ may only say that the two"
        " belong together."
    )


def _of_connected_units(record: EpochRecord, phi: float) -> str:
    """Returns the conclusion for units that have connections among them."""
    if phi == 0.0:
        return "The estimated system is reducible: there is a cut that makes no difference to it."
    if record.kind == "causal":
        return _of_set_units(record)
    if record.null is None:
        return (
            "This Φ was not compared with a null, so it is no evidence of integration: with few transitions even independent"
            " coin flips give Φ > 0."
        )
    return _against(record.null)


def _of_set_units(record: EpochRecord) -> str:
    """Returns the conclusion for units that were set: reducible or not, which is no test and has no p-value."""
    share, said = record.positive, record.reducible_words
    averaged = (
        "It is the Φ of the system averaged over the observed backgrounds, each unit's noise taken as independent, not of the"
        " network at one moment."
    )
    if record.perturbation is not None and record.perturbation.background == "fixed":
        averaged = "It is the Φ of these units at one observed moment, with all others held."
    little = "Almost no system with trained weights is exactly reducible; more is told by how large Φ is beside other epochs."
    if record.epoch < 0:
        little = "Almost no system with random weights is exactly reducible; what training changes is told by later epochs."
    if not said or share is None:
        return f"{_not_resampled(record)} {little} {averaged}"
    if 1.0 - _SURE < share < _SURE:
        return f"Whether these units are reducible in the analysed state cannot be told ({said}). {averaged}"
    if share >= _SURE:
        return f"These units are not reducible in the analysed state ({said}). {little} {averaged}"
    return f"But for the noise of the data these units are reducible in the analysed state ({said}). {averaged}"


def _not_resampled(record: EpochRecord) -> str:
    """Returns whether set units are reducible without resampled sequences: by null and interval, as version 0.1.0 had them."""
    found, between = record.null, record.interval
    irreducible = "Every cut changes the averaged system, so these units are not reducible in the analysed state"
    if found is None and between is None:
        return f"{irreducible}. How sure this is was not computed: sequences were not resampled."
    judged = [_beside_null(found)] if found is not None else []
    if between is not None:
        holds = "holds 0" if between.low == 0.0 else "does not hold 0"
        judged.append(f"its interval ({decimals(between.low)} to {decimals(between.high)}) {holds}")
    doubts = (found is not None and found.p > SIGNIFICANCE) or (between is not None and between.low == 0.0)
    first = "Whether these units are reducible in the analysed state cannot be told" if doubts else irreducible
    caution = (
        "Such a judgement takes the errors of different states as independent of each other. Where units are set they are not, so"
        " it is a rough guide only."
    )
    return f"{first}: {', and '.join(judged)}. {caution}"


def _beside_null(found: NullResult) -> str:
    """Returns how a Φ stands beside its null."""
    compared = NULL_WORDS.get(found.name, f"the null {found.name!r}")
    if found.p > SIGNIFICANCE:
        return f"this Φ cannot be told from that of {compared} ({found.p_words})"
    return f"this Φ is above that of {compared} ({found.p_words})"


def _at_thresholds(record: EpochRecord) -> str:
    """Returns how much Φ depends on where a unit counts as ON; empty where it hardly does, or where that is not known."""
    phis = [point.phi for point in record.sensitivity if point.phi is not None]
    if not phis or max(phis) <= DEPENDS_ON_THRESHOLD * min(phis):
        return ""
    return (
        f"This Φ depends on where a unit counts as ON: at other thresholds it is {decimals(min(phis))} to {decimals(max(phis))}, so"
        " only Φ with the same thresholds may be compared."
    )


def _against(null: NullResult) -> str:
    """Returns the conclusion from comparing a watched Φ with its null."""
    compared = NULL_WORDS.get(null.name, f"the null {null.name!r}")
    if null.p > SIGNIFICANCE:
        equal = f"This Φ ({null.p_words}) cannot be told from that of {compared}."
        return f"{equal} It is no evidence of integration, and none against it."
    above = f"This Φ is above that of {compared} ({null.p_words})"
    if null.name == "shuffle":
        return (
            f"{above}. That shows temporal dependence only: independent units with memory pass this test too, so it is no evidence"
            " of integration."
        )
    return (
        f"{above}, so the watched dynamics do not fall apart at any one cut. Inputs that the units share can cause that as well;"
        " a causal (perturbed) TPM can tell."
    )


def _provided(record: EpochRecord) -> str:
    """Returns the caution that names the diagnostics found violated; empty where there are none.

    Of units that were set (before this version) the next states are dependent whatever the data; that weakens nothing.
    """
    violated = [
        diagnostic.name.replace("_", " ")
        for diagnostic in record.diagnostics
        if diagnostic.verdict == "violated" and (record.kind, diagnostic.name) != ("causal", "conditional_dependence")
    ]
    return f"All of this is weakened by what the diagnostics found violated: {', '.join(violated)}." if violated else ""


def warnings_of(records: Sequence[EpochRecord]) -> Iterator[str]:
    """Yields cautions about the numbers of one layer over all its epochs.

    Yields:
        The notes of the records; then sentences on epochs without Φ, values that were not finite, states never visited, and too few
        transitions, each naming its epochs.
    """
    yield from dict.fromkeys(note for record in records for one in record.by_formalism for note in one.notes)
    failed = [record for record in records if record.phi is None and not _is_left_out(record)]
    if failed:
        yield f"{symbol(failed[0].formalism)} was not computed at {_epochs(failed)}; the reasons are in the table below."
    yield from left_out_by_budget(records)
    lossy = [record for record in records if record.left_out]
    if lossy:
        total = sum(record.left_out for record in lossy)
        yield f"{total:,} values that are not finite were left out at {_epochs(lossy)}."
    unvisited = [record for record in records if record.tpm is not None and not all(record.tpm.visited)]
    if unvisited:
        yield f"Some states were never visited at {_epochs(unvisited)}; their rows hold the prior."
    scarce = [record for record in records if _is_scarce(record)]
    if scarce:
        few = f"fewer than {ENOUGH_PER_STATE} transitions for each state"
        yield f"At {_epochs(scarce)} there were {few}: {symbol(scarce[0].formalism)} is biased upward there."


def left_out_by_budget(records: Sequence[EpochRecord]) -> Iterator[str]:
    """Yields a sentence on the epochs of one layer that were left out to stay within the budget; nothing where none was."""
    if left_out := [record for record in records if _is_left_out(record)]:
        whole = sum(record.step is None for record in records)
        what = symbol(records[0].formalism)
        yield f"The budget left out {len(left_out)} of {whole} epochs: there is no {what} at {_epochs(left_out)}."


def _is_left_out(record: EpochRecord) -> bool:
    """Says whether a record of a whole epoch was left out to stay within the budget."""
    return record.step is None and isinstance(record.result, Skipped) and record.result.code == "budget"


def _is_scarce(record: EpochRecord) -> bool:
    """Says whether a watched record has fewer than 100 transitions for each possible state (but more than none)."""
    if record.counts is None or record.kind == "causal":
        return False
    return 0 < record.counts.transitions < ENOUGH_PER_STATE * len(record.counts.visits)


def _epochs(records: Sequence[EpochRecord]) -> str:
    """Names up to eight epochs one by one; more than eight by their number, first and last."""
    epochs = [str(record.epoch) for record in records]
    if len(epochs) <= 8:
        return f"epoch{'s' if len(epochs) > 1 else ''} {', '.join(epochs)}"
    return f"{len(epochs)} epochs from {epochs[0]} to {epochs[-1]}"
