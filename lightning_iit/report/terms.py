"""The words of a report and their explanations, for readers who meet them for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import FORMALISM, NO_NULL, NULL_NOT_COMPUTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records import Axis, EpochRecord, Interval, Kind, NullResult

ENOUGH_COVERAGE = 0.75
"""Below this share of visited states a Φ is marked: too many rows of its TPM hold the prior."""

KIND_WORDS: dict[Kind, str] = {
    "causal": "the units were set into each of their states and the next step was read, so Φ is a statement about causes: in the"
    " system that is averaged over what the other units and the inputs were observed to be.",
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
    "Φ, integrated information (of Integrated Information Theory, IIT), says how much more some units, taken together, tell of"
    " their own past and next states than is left when they are cut in two at the weakest place; 0 says that there is a cut that"
    " changes nothing. Φ of a layer is here the mean over groups of a few of its units, each in the states in which it was"
    " observed, weighted by how often it was. It is not the Φ of the whole layer or network as one system, and says nothing about"
    " consciousness. For scale: two units that copy each other's state have Φ = 1, and three with the rules OR, AND and XOR, the"
    " standard example, 2.31."
)
"""The paragraph that says what Φ is."""
INTRODUCTION_4 = (
    "φ_s (system integrated information of IIT 4.0, in ibits) says how much less the system makes of its own cause and effect"
    " states when it is divided by its weakest partition. In most states of most small systems it is exactly 0; so the share of the"
    " states in which it is above 0 comes first, and signed φ_s, which is below 0 where the division makes these states more"
    " probable, says how far from it the others are. φ_s is not on one scale with the Φ of IIT 3.0."
)
"""The paragraph that says what φ_s is."""
TERMS_4 = {
    "φ_s": "system integrated information (IIT 4.0) of a group of units in one state: what is lost of cause and effect at the"
    " partition where least is lost, for each connection that it severs. Not negative; 0 means reducible.",
    "signed φ_s": "the same without the rule that it is at least 0: negative where the partition makes the states more probable.",
    "φ_s > 0": "the share of the visits that are of a state whose φ_s is above 0, as a mean over groups.",
    "partition": "the units are divided into parts. Of each part the connections that come in, those that go out, or both are"
    " replaced by noise.",
    "cause and effect state": "the past and the next state of the units that the present one says most about.",
    "distinction": "a set of units (mechanism) whose state says something irreducible of a cause and an effect; how much is φ_d.",
    "relation": "distinctions whose causes or effects have units in common, in the same state.",
    "Φ of the structure": "the sum of φ over all distinctions and all relations (big Φ of IIT 4.0), in ibits.",
}
"""The words of IIT 4.0 with their explanations."""
OF_WATCHED = (
    "Of units that were watched, not set, Φ comes out too large where transitions are few: even independent coin flips have Φ > 0."
    " So the size of such a Φ alone says nothing; it is to be read with its kind, its null and its number of transitions."
)
"""The caution about watched units."""
OF_SET = (
    "Of units that were set, Φ is that of an averaged system: the inputs and the units outside of the group are put to what was"
    " observed at many moments (backgrounds), and the probabilities of the next states are averaged over these."
)
"""What averaging is, for units that were set."""
_TRIED = (
    " In networks that were tried nearly all of {} comes from this averaging: with the background held at single moments about half"
    " of the states could not be reached, and Φ was above 0 in 1 of 100 of the others (`moments=50` measures this for a network of"
    " yours)."
)
"""What averaging does; tried with IIT 3.0."""

DIAGNOSTIC_WORDS = (
    "Whether what Φ assumes of the data holds: ok, or violated where a test finds a departure (p up to 0.05); with not enough data"
    " or not applicable it was not tested. Lines without such a word describe. A violation leaves the number as it is and says that"
    " it is Φ of a simpler system than the observed one; how far from it is given in bits, of which each unit has at most 1. With"
    " much data a test finds departures that are too small to matter: a few hundredths of a bit are."
)
"""The paragraph that explains the verdicts of the diagnostics."""

NULL_WORDS = {
    "cut": "a system that loses nothing at its weakest cut",
    "shuffle": "a system whose next state does not depend on its present one",
}
"""What data sets a null stands for."""

FOR_NEWCOMERS = {
    "ON": "a unit counts as ON while its activation is above its threshold (by default its median), else as OFF; a state says for"
    " each unit of a group which of the two it is, with 1 for ON.",
    "cut": "the units are parted in two, and what one part does to the other is replaced by noise (ON and OFF equally likely). Φ is"
    " what the weakest such cut destroys.",
    "TPM": "the transition probabilities of a group: for each of its states, how likely each of its units is to be ON one step"
    " later. Φ is computed from these and from the state that the units are in.",
    "concept": "a set of units whose state says something of past and next states that its parts do not; how much is its small φ."
    " The units whose past or next state it tells most of are its purviews. Φ compares the concepts before and after the cut.",
    "transition": "a state of a group and the state that came next.",
    "prior": "the probability of ON, 0.5 by default, that a state has of which no transition is known.",
    "group": "a few units of the layer, since Φ of a whole layer would take too long. The groups stay the same over all epochs.",
}
"""The words that reports explain."""
_OF_IIT3 = ("cut", "concept")
"""Those that stand beside numbers of IIT 3.0 alone."""
_OF_SET_UNITS = {
    "set": "each unit of the group is put to ON or OFF, in every combination, and the layer makes one step: that gives the TPM. How"
    " often the group was observed in a state without being set (its visits) gives only the weight of that state in the mean.",
    "background": "the inputs and the units outside of the group as they were observed at one moment; the group is set in each.",
}
"""Those that stand beside numbers of units that were set."""
COVERAGE_TERM = "how many of all states were visited (or set); the TPM's rows of the others hold a prior, not data."
"""What coverage is."""
_OF_THE_ANSWER = {
    "paired Wilcoxon": "a test of whether Φ of the groups went one way by more than chance: p is how often so uneven a rise or fall"
    " would come up if each group were as likely to rise as to fall. The smallest possible p is that of groups that all go one way."
    " Groups share units, so p is approximate. It asks whether the groups differ from one another in the way they went, the"
    " interval what other data would give for the same groups; so a narrow interval can stand beside a p that is not small.",
    "seeds not compared": "the answer is about this one network. How much Φ differs between trainings that begin with other weights"
    " is not known from one run; `lightning-iit compare` takes several.",
}
_MISSES = (
    " Its lower end is 0 unless the null is rejected. It often misses the true Φ of networks in which few units act on each other,"
    " or act nearly without noise."
)
_PARTS_TERM = (
    "where a watched Φ may lie with other data of the same kind: parts of the data (whole sequences, or stretches of a stream) are"
    " drawn again." + _MISSES
)
_POSTERIOR_TERM = (
    "where a watched Φ may lie, as far as the number of transitions tells. They are taken as independent of each other, since the"
    " data have fewer than 20 parts (whole sequences, or stretches of a stream) that could be drawn again; where transitions depend"
    " on each other the interval is too narrow." + _MISSES
)
_RESAMPLED_TERM = (
    "the middle 90 % of what other sequences of the same kind would give: whole sequences are drawn again from"
    " those that were observed, the same ones for all groups. Of each group the two most visited states are computed again; how"
    " they move is taken for how the mean over all its states moves. The first and the last epoch have 200 resamples; those between"
    " have as many, up to 50, as the budget allows (`extra_budget`), and none where that is fewer than 20."
)
RESAMPLED = "90 %, resampled sequences"
"""What an interval of a perturbed Φ is."""
PARTS = "resampled parts of the data"
"""What an interval of a watched Φ is: how often it covers is in the documentation, and it is not always 90 %."""
POSTERIOR = "posterior"
"""What it is where the data have too few parts to be resampled."""
_INTERVAL_TERMS = {RESAMPLED: _RESAMPLED_TERM, PARTS: _PARTS_TERM, POSTERIOR: _POSTERIOR_TERM}


def introduction(records: Sequence[EpochRecord]) -> str:
    """Returns the paragraphs with which a report begins: what Φ is, and the cautions that apply to these records."""
    kinds = {record.kind for record in records}
    watched, was_set = kinds - {"causal"}, "causal" in kinds
    theories = [words for words, has in ((INTRODUCTION, _has_iit3(records)), (INTRODUCTION_4, _has_iit4(records))) if has]
    tried = _TRIED.format("such a Φ" if _has_iit3(records) else "Φ of IIT 3.0")
    of_set = f"{in_symbol(OF_SET, records)}{tried}"
    return "\n\n".join([*theories, *([of_set] if was_set else []), *([in_symbol(OF_WATCHED, records)] if watched else [])])


def in_symbol(words: str, records: Sequence[EpochRecord]) -> str:
    """Returns words about Φ with φ_s in its place where all records are of IIT 4.0: there Φ is the number of a structure."""
    return words if _has_iit3(records) else words.replace("Φ", "φ_s")


def _has_iit3(records: Sequence[EpochRecord]) -> bool:
    """Says whether a record has a number of IIT 3.0; also where there is no record."""
    return not records or any(FORMALISM in record.formalisms for record in records)


def _has_iit4(records: Sequence[EpochRecord]) -> bool:
    """Says whether a record has a number of IIT 4.0."""
    return any(set(record.formalisms) - {FORMALISM} for record in records)


def terms(records: Sequence[EpochRecord]) -> Iterator[tuple[str, str]]:
    """Yields the words that stand beside the numbers of these records, each with its explanation.

    Yields:
        A word ("ON", a kind, the name of a null, "interval", "coverage") and its explanation.
    """
    of_iit3 = _has_iit3(records)
    for word, said in FOR_NEWCOMERS.items():
        if of_iit3 or word not in _OF_IIT3:
            yield word, in_symbol(said, records)
    if _has_iit4(records):
        yield from TERMS_4.items()
    yield from ((word, in_symbol(said, records)) for word, said in _terms(records))


def _terms(records: Sequence[EpochRecord]) -> Iterator[tuple[str, str]]:
    """Yields the words that stand beside numbers of either theory, as they are said of Φ."""
    kinds = {record.kind for record in records}
    if "causal" in kinds:
        yield from _OF_SET_UNITS.items()
    if kinds - {"statistical"}:
        yield from _OF_THE_ANSWER.items()
    for kind in sorted(kinds):
        yield kind, KIND_WORDS[kind]
    for null in {record.null.name: record.null for record in records if record.null is not None}.values():
        yield f"{null.name} null", _null_term(null)
    if any(record.phi is not None and record.null_words == NULL_NOT_COMPUTED for record in records):
        yield NULL_NOT_COMPUTED, "that Φ was compared with nothing, so nothing follows from its size."
    if any(record.phi is not None and record.null_words == NO_NULL for record in records):
        yield (
            NO_NULL,
            (
                "all states are set in the same backgrounds, so they share their errors, and no null of single transitions fits."
                " Whether the units are reducible (the column 'reducible') is said in its place."
            ),
        )
    if any(record.reducible_words for record in records):
        yield "reducible", "some cut changes nothing, so Φ is 0. The share of resamples says how sure that is; it is no p-value."
    intervals = [record.interval for record in records if record.interval is not None]
    for label in sorted(set(map(made_of, intervals))):
        yield f"interval ({label})", _INTERVAL_TERMS[label]
    low = " Below 75 % it is marked as low: such a Φ comes from the prior too." if any(map(is_low, records)) else ""
    yield "coverage", COVERAGE_TERM + low


def is_low(record: EpochRecord) -> bool:
    """Says whether so few states were visited that Φ comes from the prior too (coverage below 75 %)."""
    return record.tpm is not None and sum(record.tpm.visited) < ENOUGH_COVERAGE * len(record.tpm.visited)


def is_resampled(one: Interval) -> bool:
    """Says whether an interval comes from the resampled sequences of a perturbed layer, and not from a watched one."""
    return "resamples" in one.words


def made_of(one: Interval) -> str:
    """Returns what an interval is made of: ``RESAMPLED``, ``PARTS`` or ``POSTERIOR``."""
    return RESAMPLED if is_resampled(one) else PARTS if one.parts else POSTERIOR


def _null_term(null: NullResult) -> str:
    """Explains the numbers of a null."""
    compared = NULL_WORDS.get(null.name, f"the null {null.name!r}")
    return (
        f"Φ of {null.surrogates} surrogates, which are data sets drawn from {compared}, with as many transitions from each state:"
        " mean and upper end (95 % quantile). With p up to 0.05 Φ is above them; a larger p does not show that Φ is 0. The smallest"
        f" p that so many can give is 1/{null.surrogates + 1}."
    )
