"""Sentences that say what may, and what may not, be concluded from a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import NULL_NOT_COMPUTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records import Axis, EpochRecord, Kind, NullResult

SIGNIFICANCE = 0.05
"""A Φ is called above its null where the p-value is at most this."""
ENOUGH_PER_STATE = 100
"""With fewer transitions for each possible state, the Φ of coin flips is not negligible, and the report warns."""
ENOUGH_COVERAGE = 0.75
"""Below this share of visited states a Φ is marked: too many rows of its TPM hold the prior."""

KIND_WORDS: dict[Kind, str] = {
    "causal": "the units were set into each of their states and the next step was read, so Φ is a statement about causes.",
    "observational": "units that have connections among them were watched, not set. Inputs that drive several units look the same"
    " as units that drive each other, so Φ describes the watched dynamics, not causes.",
    "statistical": "what is counted does not go along connections among the units. The number describes dependence in the data"
    " that passed through, and is no property of the layer: units without connections among them have a structural Φ of 0.",
}
"""What each kind of number is a statement about."""

AXIS_WORDS: dict[Axis, str] = {
    "time": "from one time step to the next, within a sequence.",
    "stream": "from one sample to the next, as the data loader gave them. That is an order of the data, not time.",
    "token": "from one token to the next, at one depth. That is a position, not time.",
    "patch": "from one patch of an image to the next. That is a position, not time.",
    "depth": "from one block to the next for the same token. That is depth, not time.",
}
"""What a transition goes along, for each axis; continues "A transition goes ..."."""

INTRODUCTION = (
    "Φ says how much more some units, taken together, tell of their own past and next states than is left when they are cut in"
    " two at the weakest place; 0 says that there is a cut that changes nothing. From a finite number of transitions Φ comes out"
    " too large: even independent coin flips have Φ > 0. So the size of a Φ alone says nothing; it is to be read with its kind, its"
    " null and its number of transitions. Each Φ here is that of a few units in one state. It is not the Φ of a whole layer or"
    " network, and says nothing about consciousness."
)
"""The paragraph with which every report begins."""

DIAGNOSTIC_WORDS = (
    "Whether what Φ assumes of the data holds: ok or violated; with not enough data or not applicable it was not tested. Lines"
    " without such a word describe."
)
"""The paragraph that explains the verdicts of the diagnostics."""

_NULL_WORDS = {
    "cut": "a system integrated no further than its best cut",
    "shuffle": "a system whose next state does not depend on its present one",
}

_INTERVAL_TERM = (
    "where Φ may lie, as far as the number of transitions tells. Its lower end is 0 unless the null is rejected. It often misses"
    " the true Φ of networks in which few units act on each other, or act nearly without noise."
)

_BACKGROUND_WORDS = {
    "sampled": "the other units and the input were drawn from what was observed, so Φ is that of an average over such backgrounds",
    "fixed": "the other units and the input were held as they were observed at the analysed state",
}


def structural_words(record: EpochRecord) -> str:
    """Returns "structural Φ is 0" where that is known, and an empty text otherwise."""
    return "structural Φ is 0" if record.structural_phi == 0.0 else ""


def terms(records: Sequence[EpochRecord]) -> Iterator[tuple[str, str]]:
    """Yields the words that stand beside the numbers of these records, each with its explanation.

    Yields:
        A word (a kind, the name of a null, "interval", "coverage") and its explanation.
    """
    for kind in sorted({record.kind for record in records}):
        yield kind, KIND_WORDS[kind]
    for null in {record.null.name: record.null for record in records if record.null is not None}.values():
        yield f"{null.name} null", _null_term(null)
    if any(record.phi is not None and record.null is None for record in records):
        yield NULL_NOT_COMPUTED, "that Φ was compared with nothing, so nothing follows from its size."
    if any(record.interval is not None for record in records):
        yield "interval", _INTERVAL_TERM
    low = (
        f" Below {ENOUGH_COVERAGE:.0%} it is marked as low: such a Φ comes from the prior too." if any(map(is_low, records)) else ""
    )
    yield "coverage", f"how many of all states were visited (or set); the TPM's rows of the others hold a prior, not data.{low}"


def is_low(record: EpochRecord) -> bool:
    """Says whether so few states were visited that Φ comes from the prior too (coverage below 75 %)."""
    return record.tpm is not None and sum(record.tpm.visited) < ENOUGH_COVERAGE * len(record.tpm.visited)


def _null_term(null: NullResult) -> str:
    """Explains the numbers of a null."""
    compared = _NULL_WORDS.get(null.name, f"the null {null.name!r}")
    return (
        f"Φ of {null.surrogates} data sets drawn from {compared}, with as many transitions from each state: mean and upper end"
        f" (95 % quantile). With p up to {SIGNIFICANCE} Φ is above them; a larger p does not show that Φ is 0."
    )


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
        number = made.sequences
        source = "" if number is None else f", in backgrounds from {number:,} sequence{'' if number == 1 else 's'}"
        yield f"The units were set into each state {made.draws:,} times{source}, each time counted as a transition; {words}."
    yield f"A transition goes {AXIS_WORDS[record.axis]}"


def conclusion(record: EpochRecord) -> str:
    """Returns what may, and what may not, be concluded from the Φ of a record; or why there is no Φ."""
    if record.phi is None:
        return f"Φ was not computed, which is not Φ = 0: {record.result.reason}"
    if record.kind == "statistical" or structural_words(record):
        return (
            "Nothing may be concluded about the layer's own integration, whatever number the data give. The numbers of two"
            " epochs may be compared only as descriptions of the data that passed through."
        )
    return _of_connected_units(record, record.phi) + _coded(record) + _provided(record)


def _coded(record: EpochRecord) -> str:
    """Returns the caution that two elements of one unit are not separate causal elements; empty where units have one element."""
    if record.units is None or record.units.bits == 1:
        return ""
    return (
        " Each unit is there as two elements, which are not separate causal elements: a part of this Φ may only say that the two"
        " belong together."
    )


def _of_connected_units(record: EpochRecord, phi: float) -> str:
    """Returns the conclusion for units that have connections among them."""
    if phi == 0.0:
        return "The estimated system is reducible: there is a cut that makes no difference to it."
    if record.null is None:
        return (
            "This Φ was not compared with a null, so it is no evidence of integration: with few transitions even independent"
            " coin flips give Φ > 0."
        )
    return _against(record, record.null)


def _against(record: EpochRecord, null: NullResult) -> str:
    """Returns the conclusion from comparing Φ with its null."""
    compared = _NULL_WORDS.get(null.name, f"the null {null.name!r}")
    if null.p > SIGNIFICANCE:
        equal = f"This Φ (p = {null.p:.3f}) cannot be told from that of {compared}."
        return f"{equal} It is no evidence of integration, and none against it."
    above = f"This Φ is above that of {compared} (p = {null.p:.3f})"
    if null.name == "shuffle":
        return (
            f"{above}. That shows temporal dependence only: independent units with memory pass this test too, so it is no evidence"
            " of integration."
        )
    if record.kind == "causal":
        return f"{above}, so these units are integrated in the sense of IIT 3.0, in the analysed state and for these inputs."
    return (
        f"{above}, so the watched dynamics do not fall apart at any one cut. Inputs that the units share can cause that as well;"
        " a causal (perturbed) TPM can tell."
    )


def _provided(record: EpochRecord) -> str:
    """Returns the caution that names the diagnostics found violated; empty where there are none."""
    violated = [diagnostic.name.replace("_", " ") for diagnostic in record.diagnostics if diagnostic.verdict == "violated"]
    return f" All of this is weakened by what the diagnostics found violated: {', '.join(violated)}." if violated else ""


def warnings_of(records: Sequence[EpochRecord]) -> Iterator[str]:
    """Yields cautions about the numbers of one layer over all its epochs.

    Yields:
        The notes of the records; then sentences on epochs without Φ, values that were not finite, states never visited, and too few
        transitions, each naming its epochs.
    """
    yield from dict.fromkeys(note for record in records for note in record.notes)
    failed = [record for record in records if record.phi is None]
    if failed:
        yield f"Φ was not computed at {_epochs(failed)}; the reasons are in the table below."
    lossy = [record for record in records if record.left_out]
    if lossy:
        total = sum(record.left_out for record in lossy)
        yield f"{total:,} values that are not finite were left out at {_epochs(lossy)}."
    unvisited = [record for record in records if record.tpm is not None and not all(record.tpm.visited)]
    if unvisited:
        yield f"Some states were never visited at {_epochs(unvisited)}; their rows hold the prior."
    scarce = [record for record in records if _is_scarce(record)]
    if scarce:
        yield f"At {_epochs(scarce)} there were fewer than {ENOUGH_PER_STATE} transitions for each state: Φ is biased upward there."


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
