"""A paragraph on the methods of a run, ready to be pasted, with all that a reviewer needs to judge the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.comparison.change import changes
from lightning_iit.comparison.selections import changed_words, of_last_selection
from lightning_iit.records import FORMALISM, Computed, SystemPhi, symbol
from lightning_iit.records.runs import formalisms_in
from lightning_iit.records.shown.numbers import digits, percent
from lightning_iit.report.answers import by_layer
from lightning_iit.report.terms import NULL_WORDS, is_resampled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lightning_iit.comparison.change import Change
    from lightning_iit.records import EpochRecord, Units

_NUMBERS = {
    "iit3": "Integrated information Φ (IIT 3.0; Oizumi, Albantakis and Tononi 2014)",
    "iit4-2023": "system integrated information φ_s (IIT 4.0; Albantakis et al. 2023)",
    "iit4-2026": "system integrated information φ_s, at most the intrinsic information (IIT 4.0; Mayner, Marshall and Tononi 2026)",
}
"""The number of each formalism with its source."""
_TO_ADD = "The seed, the data and the recipe of the training itself are not part of this paragraph and are to be added."


def methods(records: Iterable[EpochRecord]) -> str:
    """Describes how the numbers of a run were made.

    Args:
        records: the records of one run, in any order.

    Returns:
        Engine, formalism, and of each layer units, groups, states and their weights, thresholds, perturbation or transitions, null
        and interval; then the test of the change, seeds and versions. One line; empty without records.
    """
    kept = list(records)
    layers = by_layer(kept)
    if not layers:
        return ""
    last = {
        name: max(of_last_selection(of_layer), key=lambda one: (one.phi is not None, one.epoch))
        for name, of_layer in layers.items()
    }
    sentences = [_engine(list(last.values()))]
    for name, record in last.items():
        sentences += [f"Layer {name!r}:", *filter(None, [changed_words(layers[name])]), *_of_layer(record)]
    for formalism in formalisms_in(kept):
        sentences += _tests(changes(kept, epoch=None, formalism=formalism), symbol(formalism))
    sentences += [*_software(next(iter(last.values()))), _TO_ADD]
    return " ".join(sentences)


def _engine(records: Sequence[EpochRecord]) -> str:
    """Names the formalism, the engines with their versions, and the options of the search."""
    first = records[0]
    results = [one.result for record in records for one in record.by_formalism]
    engines = [one.engine for one in results if isinstance(one, (Computed, SystemPhi)) and one.engine is not None]
    used = " and ".join(dict.fromkeys(f"{one.name} {one.version}" for one in engines)) or first.provenance.engine
    options = first.provenance.options
    cuts = "all system cuts" if options.cuts == "all" else "only cuts that part one unit from the others (an approximation)"
    created = "could" if options.new_concepts else "were assumed not to"
    further = f"; options of PyPhi: {options.pyphi}" if options.pyphi else ""
    ours = first.provenance.packages.get("lightning-iit", "")
    asked = formalisms_in(records)
    what = " and ".join(_NUMBERS[one] for one in asked)
    what = what[0].upper() + what[1:]
    iit3 = f"; {cuts} were searched, and cuts {created} create concepts{further}" if FORMALISM in asked else ""
    iit4 = "; for φ_s all partitions were searched" if set(asked) - {FORMALISM} else ""
    nodes = "" if options.nodes is None else f"; candidate system: positions {', '.join(map(str, options.nodes))} among the units"
    return f"{what} {'were' if len(asked) > 1 else 'was'} computed with lightning-iit {ours} (engine {used}{iit3}{iit4}{nodes})."


def _of_layer(record: EpochRecord) -> Iterator[str]:
    """Yields the sentences on one layer: units and groups, states, thresholds, data, null and intervals."""
    if record.units is None:
        yield f"no units were analysed ({record.result.reason})."
        return
    yield _groups(record, record.units)
    yield from _states(record)
    if record.thresholds is not None:
        made = record.thresholds
        frozen = "kept from the first epoch on" if made.frozen else "found anew in each epoch"
        data = f" from {made.samples:,} rows of activations" if made.samples else ""
        coded = "units were coded by the Gray code of their quartiles, two elements each" if made.upper else "units were binarized"
        yield f"Activations of {coded} (threshold: {made.strategy}, {frozen}{data})."
    yield from _data(record)
    if record.null is not None:
        null = record.null
        yield (
            f"Φ of the first group in its first state was compared with {null.surrogates} surrogates drawn from"
            f" {NULL_WORDS.get(null.name, null.name)} (p = (1 + number of surrogates with at least this Φ) / {null.surrogates + 1},"
            f" one-sided; seed {null.seed})."
        )
    if record.interval is not None:
        made_of = f"the posterior of the counts ({record.interval.draws} draws, transitions taken as independent)"
        if record.interval.parts:
            made_of = f"{record.interval.draws} resamples of the {record.interval.parts} consecutive parts of the data"
        if is_resampled(record.interval):
            made_of = f"{record.interval.draws} resamples of whole sequences, the same ones for all groups"
            made_of += ", in the two most visited states of each"
        yield f"Intervals ({percent(record.interval.level)}) come from {made_of}; seed {record.interval.seed}."


def _groups(record: EpochRecord, units: Units) -> str:
    """Says which units and groups were analysed."""
    many = 1 if record.survey is None else len(record.survey.groups)
    chosen = "given" if units.selection == "given" else f"chosen by {units.selection}"
    first = f"units {', '.join(units.labels)} of {units.width} ({chosen})"
    if many == 1:
        return f"{symbol(record.formalism)} of one group was computed, {first}."
    size, what = len(units.indices) // units.bits, symbol(record.formalism)
    since = "epochs since then" if record.provenance.selection else "epochs"
    return (
        f"{what} of the layer is the mean over {many} groups of {size} units, the same ones in all {since}: {first}, and {many - 1}"
        " groups drawn at random among the units that vary."
    )


def _states(record: EpochRecord) -> Iterator[str]:
    """Yields which states were analysed, and with which weights."""
    what = symbol(record.formalism)
    if record.survey is not None and record.survey.groups:
        numbers = [sum(visits > 0 for visits in group.visits) for group in record.survey.groups if group.visits]
        low, high = min(numbers, default=0), max(numbers, default=0)
        yield f"Each group has {what} in {low if low == high else f'{low} to {high}'} visited states, weighted by visits."
        if record.formalism != FORMALISM:
            yield "Given are the share of visits with φ_s above 0, the mean of φ_s, and the mean of signed φ_s."
    elif record.states:
        yield f"{what} was computed in {len(record.states)} visited state{'' if len(record.states) == 1 else 's'}."


def _data(record: EpochRecord) -> Iterator[str]:
    """Yields how the transition probabilities were made."""
    made, provenance = record.perturbation, record.provenance
    if made is not None:
        held = "observed inputs and states of all other units" if made.background == "sampled" else "held as observed in the state"
        links = "all units were taken as connected" if made.cm is None else "connections whose weights are 0 were left out"
        yield (
            f"Units were set into each of their states in {made.words} ({held}), the layer made one step along {record.axis}, and"
            f" the next states were averaged over the backgrounds (seed {made.seed}); {links}. The noise of the units was taken as"
            " independent, given the state."
        )
    elif record.counts is not None:
        yield (
            f"Units were watched, not set ({record.kind}): {record.counts.transitions:,} transitions along {record.axis} at epoch"
            f" {record.epoch}, over {provenance.window} epoch{'' if provenance.window == 1 else 's'}; states that were not visited"
            f" have a probability of ON of {0.5 if record.tpm is None else record.tpm.prior:g}."
        )


def _tests(found: dict[str, Change], what: str) -> Iterator[str]:
    """Yields how the change of Φ, or whatever the number is, was tested; nothing where no change was."""
    tested = [(one, one.p_smallest) for one in found.values() if one.p_smallest is not None]
    if not tested:
        return
    first = "the untrained network" if tested[0][0].epoch < 0 else f"epoch {tested[0][0].epoch}"
    layers = f", corrected for {tested[0][0].layers} layers (Holm)" if tested[0][0].layers > 1 else ""
    times = " or ".join(dict.fromkeys(f"{one.error_times:g}" for one, _ in tested))
    numbers = ", ".join(dict.fromkeys(f"{one.groups} (smallest possible p {digits(smallest)})" for one, smallest in tested))
    yield (
        f"{what} at epoch {tested[0][0].to} was compared with that of {first} by Wilcoxon's signed-rank test over groups,"
        f" two-sided{layers}; groups: {numbers}. Groups may share units, so p is approximate; they also share their data,"
        f" so where the mean difference, divided by {times} times its standard error from resampled sequences, gives a larger p,"
        " that one is taken. It is about this network, not about other seeds."
    )


def _software(record: EpochRecord) -> Iterator[str]:
    """Yields the seed of the plugin and the versions of the packages."""
    packages = record.provenance.packages
    versions = ", ".join(f"{name} {version}" for name, version in sorted(packages.items()) if name != "lightning-iit")
    ranks = record.provenance.world_size
    yield f"Random choices of the analysis have the seed {record.provenance.seed}." + (f" Ranks: {ranks}." if ranks > 1 else "")
    if versions:
        yield f"Versions: {versions}."
