"""The report of a run: whether training changed Φ, the numbers measured, and what may and may not be concluded from them.

The text is made from records alone, so the report of a stored run reads the same as the report of a run that has just ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import FORMALISM, FORMALISM_WORDS, Computed, Open, SystemPhi, symbol
from lightning_iit.records.lesions.record import SET_TO_WORDS
from lightning_iit.records.runs import formalisms_in
from lightning_iit.report import cells, iit4
from lightning_iit.report.answers import answers, by_layer, numbers_words
from lightning_iit.report.cells import number
from lightning_iit.report.course import averaged_words, by_group, course_words
from lightning_iit.report.dependence import curve, sensitivity
from lightning_iit.report.markup import bullets, code, table, text
from lightning_iit.report.methods import methods
from lightning_iit.report.steered import steered
from lightning_iit.report.terms import DIAGNOSTIC_WORDS, RESAMPLED, in_symbol, introduction, is_resampled, terms
from lightning_iit.report.verdicts import conclusion, structural_words, system_words, warnings_of
from lightning_iit.report.whole import whole_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lightning_iit.records import Diagnostic, EpochRecord
    from lightning_iit.records.steering.commands import Answer

REPORT = "report.md"
"""The name of the report's file, inside the folder ``iit``."""
_COLUMNS = ("layer", "epoch", "formalism", "{} of the layer", "interval", "groups", "kind", "from", "coverage of the first group")
_EPOCHS = ("epoch", "Φ of the layer", "interval", "groups", "kind", "units", "state", "Φ of these units")
_ANOTHER = " (another)"
"""The mark of a state that is not that of the row before."""
_OTHER_UNITS = " (other units)"
"""The mark of an epoch whose units are not those of the row before, since a command has changed them."""


def markdown(records: Iterable[EpochRecord], settings: Mapping[str, object] | None = None, told: Sequence[Answer] = ()) -> str:
    """Writes the report as Markdown.

    Args:
        records: the records of one run, in any order.
        settings: the options of the callback by name.
        told: the answers to what the training was told while it ran.

    Returns:
        Whether training changed Φ of each layer, a table of each layer's last epoch, a section for each layer, the methods in a
        paragraph, and the settings.
    """
    layers = by_layer(records)
    kept = [record for of_layer in layers.values() for record in of_layer]
    said = answers(kept)
    what = numbers_words(formalisms_in(kept)) or numbers_words([FORMALISM])
    several = _by_formalism(kept)
    parts = [f"# Integrated information ({what}) of this run", *_overview(layers, _answers(layers, several, said))]
    for name, of_layer in layers.items():
        parts += _section(name, of_layer, said[name])
        for formalism in formalisms_in(of_layer):
            if formalism != of_layer[-1].formalism:
                alone = [record.of(formalism) for record in of_layer if formalism in record.formalisms]
                parts += iit4.parts(alone, several[formalism][name], heading="###")
    parts += whole_parts(layers)
    parts += steered(told)
    if layers:
        parts += ["## Methods, to be pasted", text(methods(kept))]
    parts += _settings(settings or {}, [of_layer[-1] for of_layer in layers.values()])
    return "\n\n".join(parts) + "\n"


def verdict(record: EpochRecord) -> str:
    """Returns the sentences on the last Φ of a layer as the report has them: what may, and what may not, be concluded.

    Of IIT 4.0 they say how often φ_s is above 0 in the layer or, without a survey, φ_s of the one group. An open record has none.
    """
    if isinstance(record.result, Open):
        return ""
    if not iit4.is_iit4(record):
        return conclusion(record)
    layer = iit4.layer_words(record)
    return f"{layer}." if layer else iit4.group_words(record)


def _by_formalism(kept: Sequence[EpochRecord]) -> dict[str, dict[str, str]]:
    """Returns by formalism the answer for each layer that it was computed for; nothing where there is one formalism only."""
    formalisms = formalisms_in(kept)
    several = formalisms if len(formalisms) > 1 else ()
    return {one: answers([record for record in kept if one in record.formalisms], one) for one in several}


def _answers(
    layers: Mapping[str, Sequence[EpochRecord]], each: Mapping[str, Mapping[str, str]], said: Mapping[str, str]
) -> list[str]:
    """Returns the answer for each layer, of several formalisms one for each of them, which it names."""
    if not each:
        further = {name: (course_words(of_layer), averaged_words(of_layer[-1])) for name, of_layer in layers.items()}
        return [f"Layer {code(name)}: {' '.join(filter(None, (text(words), *further[name])))}" for name, words in said.items()]
    return [
        f"Layer {code(name)}, {FORMALISM_WORDS[one]}: {text(each[one][name])}"
        for name in layers
        for one in each
        if name in each[one]
    ]


def _overview(layers: Mapping[str, Sequence[EpochRecord]], said: Sequence[str]) -> list[str]:
    """Writes the answers, the introduction, the table of each layer's last epoch and the explanation of its words."""
    if not layers:
        return ["No layer was analysed."]
    last = [of_layer[-1] for of_layer in layers.values()]
    rows = [
        (
            *(code(r.layer), str(r.epoch), FORMALISM_WORDS[r.formalism], *_at_last(r), cells.groups(r), cells.kind(r)),
            *(r.data_words, cells.coverage(r)),
        )
        for record in last
        for r in record.by_formalism
    ]
    shown = [record for of_layer in layers.values() for record in of_layer]
    symbols = dict.fromkeys(symbol(one.formalism) for record in last for one in record.by_formalism)
    columns = tuple(column.format(" or ".join(symbols)) for column in _COLUMNS)
    above = [
        f"{code(one.layer)}, {FORMALISM_WORDS[one.formalism]}: {iit4.layer_words(one)}."
        for record in last
        for one in record.by_formalism
        if iit4.layer_words(one)
    ]
    return [
        f"**Did training change {' or '.join(symbols)}?**",
        bullets(said),
        introduction(shown),
        "The last epoch of each layer:",
        table(columns, rows),
        *([f"φ_s at the last epoch:\n\n{bullets(map(text, above))}"] if above else []),
        *([text(iit4.FIRST_ALONE.format(FORMALISM_WORDS[last[0].formalism]))] if any(record.others for record in last) else []),
        "The words in the tables:",
        bullets(f"**{term}**: {words}" for term, words in terms(shown)),
    ]


def _section(name: str, records: Sequence[EpochRecord], answer: str) -> list[str]:
    """Writes the section of one layer: the answer, its last Φ, the conclusion, diagnostics, warnings and all epochs."""
    last = records[-1]
    parts = [f"## Layer {code(name)}", f"**Did training change {symbol(last.formalism)}?** {text(answer)}"]
    if last.structural_phi == 0.0 or last.structural_reason:
        claim = f"**The {structural_words(last)}.** " if structural_words(last) else ""
        parts.append(text(claim + last.structural_reason))
    if iit4.is_iit4(last):
        parts += iit4.parts(records, "", heading="###")
        return [*parts, *_checks(records), *_lesions(last), *_moments(last), *sensitivity(last), *curve(last)]
    parts += [*_survey(last), *_groups_of_0_1_0(last), *by_group(records), "### One group in detail"]
    judged = "; ".join(filter(None, (last.reducible_words, last.null_words)))
    phi = f"Φ {cells.phi(last)}; {cells.interval(last)}; {judged}"
    parts.append(text(f"At epoch {last.epoch}, {cells.kind(last)}: units {cells.units(last)} in state {cells.state(last)}: {phi}."))
    if last.interval is not None and last.interval.words and not is_resampled(last.interval):
        parts.append(text(f"Of the interval: {last.interval.words}."))
    if isinstance(last.result, Computed) and last.result.ties_words:
        parts.append(text(last.result.ties_words))
    parts += [f"**What may be concluded.** {text(verdict(last) or conclusion(last))}", text(" ".join(system_words(last)))]
    parts += _checks(records)
    rows = _epochs(records)
    notes = ["Epoch -1 is the untrained network, epoch 0 the end of the first epoch of training."] if records[0].epoch < 0 else []
    if any(_OTHER_UNITS in row[0] for row in rows):
        notes.append(
            f"At an epoch with the mark{_OTHER_UNITS} a command took effect that changed which units are watched: Φ before and"
            " after is of other units, and the two are not to be compared."
        )
    if any(_ANOTHER in cell for row in rows for cell in row):
        notes.append(
            f"A state with the mark{_ANOTHER} is not that of the row before: it is the state that was observed most in its epoch,"
            " so Φ of these units is that of another state."
        )
    columns = (*_EPOCHS, "reducible" if last.kind == "causal" else "null", "from", "coverage")
    parts += [f"### Epochs ({cells.kind(last)})", *([" ".join(notes)] if notes else []), table(columns, rows)]
    return [*parts, *_lesions(last), *_moments(last), *sensitivity(last), *curve(last)]


def _lesions(record: EpochRecord) -> list[str]:
    """Writes what the network loses without the units, and without each side of their partition; nothing where unknown."""
    if not record.lesions:
        return []
    first = record.lesions[0]
    sets = len(first.control_units)
    words = (
        f"What the network is measured by on {first.samples:,} samples when units are {SET_TO_WORDS[first.to]}: as it is,"
        f" with these units set, and with each of up to {sets} random sets of as many other units of the layer; p is how often"
        " those change it as much."
    )
    rows = [
        (
            *(one.part, ", ".join(map(str, one.units)), text(each.name), number(each.before), number(each.after)),
            *(f"{number(min(each.controls))} to {number(max(each.controls))}", f"{each.p:.3f} (smallest {one.smallest_p:.3f})"),
        )
        for one in record.lesions
        for each in one.measures
    ]
    columns = ("what is set", "units", "measure", "as it is", "with them set", "with random sets set", "p")
    return ["### Lesions", text(words), table(columns, rows)]


def _checks(records: Sequence[EpochRecord]) -> list[str]:
    """Writes the diagnostics of the last epoch and the warnings of all."""
    diagnostics = bullets(map(_diagnosis, records[-1].diagnostics)) or "Not computed."
    warnings = bullets(map(text, warnings_of(records))) or "None."
    return ["### Diagnostics", in_symbol(DIAGNOSTIC_WORDS, records), diagnostics, "### Warnings", warnings]


def _moments(record: EpochRecord) -> list[str]:
    """Writes what single moments show; nothing where there are none."""
    return [] if record.moments is None else ["### Single moments", text(record.moments.words)]


def _survey(record: EpochRecord) -> list[str]:
    """Writes Φ of the layer, with its interval and its spread over groups; nothing where there is no survey."""
    survey = record.survey
    if survey is None:
        return []
    if survey.phi is None:
        return [f"Φ of the layer at epoch {record.epoch} was not computed. {text(survey.interval_words) or 'No group has a Φ.'}"]
    of, between = cells.groups(record), cells.layer_interval(record)
    groups = "that of one group of units in the states that were analysed"
    if of != "1":
        part = cells.analysed_states(record)
        visited = "the states that it visited" if record.kind != "causal" else "the states in which it was observed"
        states = f"those of its states that were analysed ({part} of the first group)" if part else visited
        groups = f"the mean of {of} groups of units, each over {states}"
    said = f"At epoch {record.epoch}, {cells.kind(record)}: Φ of the layer is {number(survey.phi)}, {groups}; "
    said += f"interval {between} ({RESAMPLED})" if between else "interval not computed"
    if "groups" in survey.spread and len(survey.groups) > 1:
        spread = survey.spread
        said += f". Over the groups Φ has a standard deviation of {number(spread['phi_groups_std'])}; the largest is "
        said += f"{number(spread['phi_groups_max'])} (among many groups one is always large)"
    return [text(f"{said}.")]


def _groups_of_0_1_0(record: EpochRecord) -> list[str]:
    """Describes the random groups of a record of version 0.1.0, which had no survey."""
    if not record.groups or "groups" not in record.scalars:
        return []
    total, units = len(record.groups), len(record.groups[0].units.indices) // record.groups[0].units.bits
    mean, spread, most = (number(record.scalars[f"phi_groups_{name}"]) for name in ("mean", "std", "max"))
    missing = total - int(record.scalars["groups"])
    lost = f" ({missing} could not be computed)" if missing else ""
    figures = f"mean {mean}, spread (standard deviation) {spread}, largest {most}{lost}; null not computed for these"
    large = "Among several groups one is always large. Everything else here is of the first group."
    return [f"Φ of {total} random groups of {units} units: {figures}. {large}"]


def _epochs(records: Sequence[EpochRecord]) -> list[tuple[str, ...]]:
    """Returns the rows of a layer's epochs; a state that is not that of the row before is marked, since it is another Φ."""
    rows: list[tuple[str, ...]] = []
    before = ""
    selection = records[0].provenance.selection
    for record in records:
        others = _OTHER_UNITS if record.provenance.selection != selection else ""
        selection = record.provenance.selection
        state = cells.state(record)
        moved = _ANOTHER if before and state not in {before, "-"} else ""
        before = before if state == "-" else state
        row = (f"{record.epoch}{others}", *_of_layer(record), cells.groups(record), record.kind, cells.units(record), state + moved)
        judged = record.null_words if record.kind != "causal" or record.null else record.reducible_words or "not computed"
        rows.append((*row, cells.phi(record), judged, record.data_words, cells.coverage(record)))
    return rows


def _at_last(record: EpochRecord) -> tuple[str, str]:
    """Returns the cells of the layer's Φ and interval at its last epoch; a structural Φ of 0 comes first."""
    phi, between = cells.layer_phi(record), cells.layer_interval(record)
    if not between and record.interval is not None:
        between = "of the first group alone"
    return f"0 by structure (data: {phi})" if structural_words(record) else phi, between or "not computed"


def _of_layer(record: EpochRecord) -> tuple[str, str]:
    """Returns the cells of the layer's Φ and its interval."""
    return cells.layer_phi(record), cells.layer_interval(record) or "not computed"


def _settings(settings: Mapping[str, object], records: Sequence[EpochRecord]) -> list[str]:
    """Writes the table of options, engine, seed, window and package versions."""
    values: dict[str, str] = {}
    options = ", ".join(code(f"{name}={value}") for name, value in settings.items())
    if records:
        provenance = records[0].provenance
        results = [one.result for record in records for one in record.by_formalism]
        engines = [one.engine for one in results if isinstance(one, (Computed, SystemPhi)) and one.engine is not None]
        used = dict.fromkeys(f"{engine.name} {engine.version}" for engine in engines)
        values |= {"engine used": ", ".join(used) or f"{provenance.engine} (nothing was computed)"}
        values |= {"seed": str(provenance.seed), "window": str(provenance.window)}
        values |= {"versions": ", ".join(f"{name} {version}" for name, version in sorted(provenance.packages.items()))}
    if not values and not options:
        return []
    said = [f"All options of the callback: {options}."] if options else []
    return ["## Settings", *([table(("setting", "value"), values.items())] if values else []), *said]


def _diagnosis(diagnostic: Diagnostic) -> str:
    """Returns the line of one diagnostic: name, verdict, and words or value."""
    verdict = f" [{diagnostic.verdict}]" if diagnostic.verdict else ""
    if diagnostic.words:
        said = diagnostic.words
    else:
        said = "no value" if diagnostic.value is None else f"{number(diagnostic.value)} {diagnostic.unit}".strip()
        said += "" if diagnostic.p is None else f", p = {diagnostic.p:.3f}"
    return text(f"{diagnostic.name.replace('_', ' ')}{verdict}: {said}")
