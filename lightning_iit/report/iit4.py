"""What a report says of IIT 4.0: how often φ_s is above 0 in a layer, and one group with its cause-effect structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import FORMALISM, FORMALISM_WORDS, Structure, SystemPhi
from lightning_iit.report import cells
from lightning_iit.report.cells import number
from lightning_iit.report.markup import table, text
from lightning_iit.report.terms import RESAMPLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.records import EpochRecord
    from lightning_iit.records.iit4 import Distinction, Purview

_SHOWN = 20
"""The number of distinctions that the table has, the strongest first."""
_DISTINCTIONS = ("mechanism", "cause purview", "effect purview", "φ_d", "φ of the cause", "φ of the effect")
_EPOCHS = ("epoch", "φ_s > 0", "mean φ_s", "interval", "mean signed φ_s", "φ_s of these units", "Φ of their structure", "relations")

FIRST_ALONE = (
    "Nulls, the interval of one Φ of a watched layer, and Φ against the number of transitions are computed for {} alone, the first "
    "formalism of the run; the others have their numbers, their surveys, and the intervals of these."
)
"""Which formalism some numbers are of, in a run of several."""


def layer_words(record: EpochRecord) -> str:
    """Returns the share of the visits with φ_s > 0 and the means of φ_s and signed φ_s, in a sentence; empty without them."""
    survey = record.survey
    if survey is None or survey.phi is None or survey.share is None or survey.signed is None:
        return ""
    between = cells.layer_interval(record)
    of = cells.groups(record)
    part = cells.analysed_states(record)
    if of == "1":
        over = f"of the visits of {f'{part} of ' if part else ''}one group of units"
    else:
        over = f"of the visits{' of the analysed states' if part else ''}, as a mean over {of} groups of units"
    interval = f" ({between}, {RESAMPLED})" if between else ""
    return (
        f"φ_s is above 0 in {share(survey.share)} {over}; its mean is {number(survey.phi)}{interval}, and that of signed φ_s is"
        f" {number(survey.signed)} ibits"
    )


def share(value: float) -> str:
    """Formats a share in percent; one that would read 0 but is not becomes "below 0.1 %".

    Example:
        >>> share(0.0154), share(0.0001), share(0.0)
        ('1.5 %', 'below 0.1 %', '0 %')
    """
    return "0 %" if value == 0 else "below 0.1 %" if value < 0.001 else f"{100 * value:.1f} %"


def group_words(record: EpochRecord) -> str:
    """Returns φ_s of the group that is described in detail, with its states, its partition and its structure, in sentences."""
    which = f"units {cells.units(record)} in state {cells.state(record)}"
    if not isinstance(record.result, SystemPhi):
        return f"{which}: φ_s {cells.phi(record)}."
    return f"{which}: {', '.join(_numbers(record.result, _names(record)))}. {_structure(record.structure, record)}"


def _names(record: EpochRecord) -> tuple[str, ...]:
    """Returns the names of the units of the group, in its order."""
    return record.units.labels if record.units is not None else ()


def _of(nodes: tuple[int, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names of nodes; their positions where units have no names."""
    return tuple(names[node] if node < len(names) else str(node) for node in nodes)


def _numbers(result: SystemPhi, names: tuple[str, ...]) -> Iterator[str]:
    """Yields the numbers of one φ_s as phrases."""
    yield f"φ_s {number(result.phi)}"
    yield f"signed {number(result.signed_phi)}"
    yield f"intrinsic information {number(result.ii)} ibits"
    for name, one in (("cause", result.cause), ("effect", result.effect)):
        tied = f", {len(one.ties)} states tie" if len(one.ties) > 1 else ""
        yield f"{name} state {''.join(map(str, one.state))} (φ {number(one.phi)}{tied})"
    if result.partition:
        severed = ", ".join(" to ".join(_of(pair, names)) for pair in result.partition)
        margin = "" if result.margin is None else f" (the second-best of {result.partitions} is larger by {number(result.margin)})"
        yield f"the minimum partition severs {severed}{margin}"
    if result.reason:
        yield result.reason.rstrip(".")


def _structure(structure: Structure | None, record: EpochRecord) -> str:
    """Returns the sentence on the cause-effect structure."""
    if structure is None:
        many = record.units is not None and len(record.units.indices) > 6
        return f"Their cause-effect structure was not computed{' (up to 6 units)' if many else ''}."
    return (
        f"Their cause-effect structure has {len(structure.distinctions)} distinctions (sum of φ_d"
        f" {number(structure.sum_phi_distinctions)}) and {structure.relations:,} relations (sum of φ_r"
        f" {number(structure.sum_phi_relations)}): Φ {number(structure.big_phi)} ibits."
    )


def parts(records: Sequence[EpochRecord], answer: str, *, heading: str) -> list[str]:
    """Writes what the section of a layer has of one version of IIT 4.0.

    Args:
        records: of the layer, of this formalism alone, in order of epoch.
        answer: whether training changed φ_s; empty where that was said already.
        heading: the marks of the heading.
    """
    last = records[-1]
    said = [
        f"{heading} {FORMALISM_WORDS[last.formalism]}: φ_s of the layer ({cells.kind(last)})",
        *([text(answer)] if answer else []),
    ]
    layer = layer_words(last)
    if layer:
        said.append(text(f"At epoch {last.epoch}, {cells.kind(last)}: {layer}."))
    said.append(text(f"One group in detail: {group_words(last)}"))
    if last.structure is not None and last.structure.distinctions:
        strongest = sorted(last.structure.distinctions, key=lambda one: -one.phi)
        if len(strongest) > _SHOWN:
            said.append(f"The {_SHOWN} strongest of {len(strongest)} distinctions:")
        else:
            said.append("The distinctions, the strongest first:")
        said.append(table(_DISTINCTIONS, [_distinction(one, _names(last)) for one in strongest[:_SHOWN]]))
    return [*said, table(_EPOCHS, map(_epoch, records))]


def _distinction(one: Distinction, names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the row of a distinction."""
    return (
        *(" ".join(_of(one.mechanism, names)), _purview(one.cause, names), _purview(one.effect, names)),
        *(number(phi) for phi in (one.phi, one.cause.phi, one.effect.phi)),
    )


def _purview(one: Purview, names: tuple[str, ...]) -> str:
    """Returns a purview with its state."""
    return f"{' '.join(_of(one.nodes, names))} as {''.join(map(str, one.state))}"


def _epoch(record: EpochRecord) -> tuple[str, ...]:
    """Returns the row of an epoch."""
    survey, structure = record.survey, record.structure
    above = None if survey is None else survey.share
    signed = None if survey is None else survey.signed
    return (
        str(record.epoch),
        "-" if above is None else share(above),
        cells.layer_phi(record),
        cells.layer_interval(record) or "not computed",
        "-" if signed is None else number(signed),
        cells.phi(record),
        "-" if structure is None else number(structure.big_phi),
        "-" if structure is None else f"{structure.relations:,}",
    )


def is_iit4(record: EpochRecord) -> bool:
    """Says whether the result of a record is one of IIT 4.0."""
    return record.formalism != FORMALISM
