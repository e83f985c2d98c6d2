"""The runs that are compared: what is read of each, the layers that they share, and what cannot be compared is refused."""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lightning_iit.comparison.selections import of_last_selection
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import FORMALISM, FORMALISM_WORDS, Records, symbol
from lightning_iit.records.runs import formalisms_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lightning_iit.records import EpochRecord, Survey

_SHOWN = 4
"""How many runs a message names."""


@dataclass(frozen=True)
class RunData:
    """Holds what is compared of a run.

    Args:
        name: how the run is called in messages; no two runs of a comparison have the same.
        records: the run's records.
        options: the options of the callback and the parameters of the training that are known, as text.
    """

    name: str
    records: Records
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def initial_weights(self) -> str:
        """Returns the fingerprint of the watched layers before training; empty where it is not known."""
        return next((found for record in self.records if (found := record.provenance.initial_weights)), "")

    @property
    def formalisms(self) -> tuple[str, ...]:
        """Returns the formalisms of the run's records; the first one where it has no record."""
        return formalisms_in(self.records) or (FORMALISM,)

    def of(self, formalism: str) -> RunData:
        """Returns the run with the numbers of one formalism alone."""
        return replace(self, records=Records(record.of(formalism) for record in self.records if formalism in record.formalisms))

    def surveys(self) -> dict[str, dict[int, EpochRecord]]:
        """Returns the records of whole epochs that have a Φ of their layer, by layer and epoch.

        Of a layer whose units a command has changed these are those since the change.
        """
        found: dict[str, dict[int, EpochRecord]] = defaultdict(dict)
        for record in of_last_selection(one for one in self.records if one.step is None):
            if record.step is None and record.survey is not None and record.survey.phi is not None:
                found[record.layer][record.epoch] = record
        return dict(found)


@dataclass(frozen=True)
class Course:
    """Holds Φ of one layer of one run over epochs."""

    run: RunData
    layer: str
    epochs: dict[int, EpochRecord]

    @property
    def last(self) -> Survey:
        """Returns the survey of the last epoch."""
        return survey_of(self.epochs[max(self.epochs)])


def layers_of(runs: Sequence[RunData]) -> dict[str, list[Course]]:
    """Returns the courses of each layer that all runs have; where each run has one layer, these are compared whatever their names.

    Raises:
        InvalidArgumentError: a run has no survey, or the runs have no layer in common.
    """
    found = {run.name: run.surveys() for run in runs}
    if without := [name for name, surveys in found.items() if not surveys]:
        msg = (
            f"compare_runs(): {listed(without)} has no Φ of a layer (no survey over groups of units): it is a run of version "
            "0.1.0, or none of its analyses ended with a Φ. Leave it out, or train again."
        )
        raise InvalidArgumentError(msg)
    if all(len(surveys) == 1 for surveys in found.values()):
        names = {run.name: next(iter(found[run.name])) for run in runs}
        label = " / ".join(dict.fromkeys(names.values()))
        return {label: [Course(run, names[run.name], found[run.name][names[run.name]]) for run in runs]}
    common = [layer for layer in found[runs[0].name] if all(layer in surveys for surveys in found.values())]
    if not common:
        each = "; ".join(f"{name}: {', '.join(map(repr, surveys))}" for name, surveys in list(found.items())[:_SHOWN])
        msg = (
            f"compare_runs(): the runs have no layer in common ({each}). Compare runs that watch the same layer, or one layer each."
        )
        raise InvalidArgumentError(msg)
    return {layer: [Course(run, layer, found[run.name][layer]) for run in runs] for layer in common}


_SCALE: dict[str, Callable[[EpochRecord], str]] = {
    "kind of number": lambda record: record.kind,
    "formalism": lambda record: record.formalism,
    "axis of transitions": lambda record: record.axis,
    "number of elements in a group of units": lambda record: str(_elements(record)),
}
"""What Φ must have in common to be on one scale."""


def by_scale(runs: Sequence[RunData]) -> dict[str, list[RunData]]:
    """Returns the runs by the scales of the layers that they share, in words; those whose numbers can be compared are together.

    Raises:
        InvalidArgumentError: a run has no survey, or the runs have no layer in common.
    """
    found: dict[str, list[RunData]] = defaultdict(list)
    layers = layers_of(runs)
    for place, run in enumerate(runs):
        each = [
            f"{f'{label}: ' if len(layers) > 1 else ''}{_scale_of(record)}"
            for label, courses in layers.items()
            for record in courses[place].epochs.values()
        ]
        found["; ".join(dict.fromkeys(each))].append(run)
    return dict(found)


def check_comparable(label: str, courses: Sequence[Course]) -> None:
    """Raises InvalidArgumentError where the numbers of a layer are not on one scale."""
    for what, of in _SCALE.items():
        having: dict[str, list[str]] = defaultdict(list)
        for course in courses:
            for value in dict.fromkeys(of(record) for record in course.epochs.values()):
                having[value].append(course.run.name)
        if len(having) > 1:
            each = "; ".join(f"{value}: {listed(names)}" for value, names in having.items())
            msg = f"compare_runs(): layer {label!r} has more than one {what}, and such Φ are not on one scale ({each})."
            raise InvalidArgumentError(msg)


def _scale_of(record: EpochRecord) -> str:
    """Returns what Φ of a record has in common with every Φ on its scale, in words."""
    what = f"{symbol(record.formalism)} ({FORMALISM_WORDS[record.formalism]})"
    return f"{record.kind} {what} along {record.axis}, groups of {_elements(record)} elements"


def _elements(record: EpochRecord) -> int:
    """Returns how many binary elements a group of the record's survey has."""
    return len(survey_of(record).groups[0].units.indices)


def sides_of(runs: Sequence[RunData], by: str) -> dict[str, list[RunData]]:
    """Returns the runs by their value of an option, the values in order.

    Raises:
        InvalidArgumentError: a run does not have the option, or all have one value.
    """
    if without := [run.name for run in runs if by not in run.options]:
        known = sorted(set.intersection(*(set(run.options) for run in runs)))
        close = difflib.get_close_matches(by, known, n=3) or known
        msg = f"compare_runs(by={by!r}): no such option is known of {listed(without)}. All runs have: {', '.join(close) or 'none'}."
        raise InvalidArgumentError(msg)
    sides: dict[str, list[RunData]] = defaultdict(list)
    for run in runs:
        sides[run.options[by]].append(run)
    if len(sides) < 2:
        msg = (
            f"compare_runs(by={by!r}): all {len(runs)} runs have {by}={next(iter(sides))}, so there are no two sides. Give "
            'runs with other values too, or by="seed" to compare trained with untrained networks.'
        )
        raise InvalidArgumentError(msg)
    return dict(sorted(sides.items(), key=lambda side: _in_order(side[0])))


def _in_order(value: str) -> tuple[bool, float, str]:
    """Returns a key that puts numbers in their order, before other texts."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


def survey_of(record: EpochRecord) -> Survey:
    """Returns the survey of a record that has one."""
    assert record.survey is not None
    return record.survey


def phi_of(survey: Survey) -> float:
    """Returns Φ of a survey that has one."""
    assert survey.phi is not None
    return survey.phi


def listed(names: Sequence[str]) -> str:
    """Returns the names of some runs, at most four of them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
