"""Chooses what ``lightning-iit verify`` compares: which analyses, and with which engine, so that they fit into a time."""

from __future__ import annotations

import random
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lightning_iit.commands.complexes import seconds_of_search
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.job.formalisms import options_for
from lightning_iit.phi.registry import engine_names, get_engine
from lightning_iit.records import FORMALISM_WORDS, Computed, Open, StateResult, SystemPhi
from lightning_iit.tpm.estimate import tpm_for_phi

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.records import EpochRecord, PhiOptions

SECONDS = 60.0
"""How long the comparison of a run may take where nothing else is asked for."""
_PARTS = 3
"""A part of the units is chosen so that as many comparisons as this fit into the time."""


_STRUCTURE = 10
"""A cause-effect structure (IIT 4.0) takes about so many times as long as φ_s."""
_FORMALISMS = tuple(FORMALISM_WORDS)
"""The formalisms in the order of their years."""
_SURVEYED = 5
"""So many analyses of the survey of each record are compared."""


class Case(NamedTuple):
    """Holds one analysis to compare.

    Attributes:
        run: the name of the run.
        record: the record of one formalism, or one of its further groups as a record of its own.
        stored: the stored result of the state.
        engine: the name of the engine that computes the whole system again.
        part_engine: the name of a further engine, for which the whole system is too large: it and ``engine`` compute a part of the
            units, with the others held at their states; None where ``engine`` is another one than the stored result's.
        part: how many units that part has.
    """

    run: str
    record: EpochRecord
    stored: StateResult
    engine: str
    part_engine: str | None = None
    part: int = 0

    @property
    def options(self) -> PhiOptions:
        """Returns the options of the analysis."""
        return options_of(self.record)

    @property
    def nodes(self) -> tuple[int, ...]:
        """Returns the nodes of the candidate system."""
        return _nodes(self.record, self.stored)

    @property
    def has_structure(self) -> bool:
        """Says whether the record holds a cause-effect structure of this state."""
        return self.record.structure is not None and self.stored is self.record.states[0]

    @property
    def has_complex(self) -> bool:
        """Says whether the record holds a major complex in this state, with its Φ."""
        found = self.record.major_complex
        return found is not None and self.stored is self.record.states[0] and isinstance(found.result, (Computed, SystemPhi))

    @property
    def seconds(self) -> float:
        """Returns about how long the comparison takes on one core."""
        engine = get_engine(self.engine, self.record.formalism)
        whole = engine.seconds(len(self.nodes)) * (1 + _STRUCTURE * self.has_structure)
        if self.has_complex:
            whole += seconds_of_search(engine, len(self.stored.state))
        if self.part_engine is None:
            return whole
        return whole + get_engine(self.part_engine, self.record.formalism).seconds(self.part)

    @property
    def is_again(self) -> bool:
        """Says whether no other engine takes part than that of the stored result."""
        result = self.stored.result
        assert isinstance(result, (Computed, SystemPhi))
        return self.part_engine is None and self.engine == result.engine.name

    @property
    def method(self) -> str:
        """Returns which engine computes what, in words."""
        if self.part_engine is None:
            return self.engine
        return f"{self.engine}, and {self.part_engine} on {self.part} of {len(self.nodes)} units"


def options_of(record: EpochRecord) -> PhiOptions:
    """Returns the options by which the result of a record of one formalism was computed."""
    options = record.provenance.options
    if options.formalism == record.formalism:
        return options
    return options_for(options, record.formalism)  # type: ignore[arg-type]  # one of those that there are


def _nodes(record: EpochRecord, stored: StateResult) -> tuple[int, ...]:
    """Returns the nodes of the candidate system of a record."""
    nodes = record.provenance.options.nodes
    return tuple(range(len(stored.state))) if nodes is None else nodes


SIGNED = "phi_signed"
"""The scalar of a record that :func:`surveyed` made: signed φ_s of its state."""


def surveyed(record: EpochRecord) -> Iterator[EpochRecord]:
    """Yields some groups of a record's survey in one state each, drawn at random, as records of their own.

    Of these analyses Φ alone is stored (and of IIT 4.0 signed φ_s), so the result of such a record is Open.
    """
    engine = next((one.result.engine for one in record.states if isinstance(one.result, (Computed, SystemPhi))), None)
    if record.survey is None or record.tpm is None or engine is None:
        return
    known = [
        (group, group.counts, signed, StateResult(state=state, visits=visits, result=Computed(phi=phi, engine=engine)))
        for group in record.survey.groups
        for state, visits, phi, signed in zip_longest(group.states, group.visits, group.phis, group.signed)
        if group.counts is not None and phi is not None
    ]
    for group, counts, signed, stored in random.Random(0).sample(known, min(_SURVEYED, len(known))):  # noqa: S311
        yield msgspec.structs.replace(
            record,
            result=Open(),
            units=group.units,
            counts=counts,
            perturbation=record.perturbation and msgspec.structs.replace(record.perturbation, cm=group.cm),
            tpm=tpm_for_phi(counts, record.tpm.prior).record,
            states=(stored,),
            scalars={} if signed is None else {SIGNED: signed},
            structure=None,
            major_complex=None,
        )


def with_engine(cases: Sequence[tuple[str, EpochRecord, StateResult]], engine: str, sample: int | None) -> list[Case]:
    """Returns the cases for an engine that was asked for: all, or a number of them drawn at random with a fixed seed."""
    return [Case(*case, engine) for case in (cases if sample is None else _drawn(cases, sample))]


def within_time(cases: Sequence[tuple[str, EpochRecord, StateResult]], sample: int | None, seconds: float = SECONDS) -> list[Case]:
    """Returns cases for another engine than the one whose Φ is stored, as many as fit into a time.

    Where the whole system is too large for every other engine, the stored engine computes the system again, and both engines
    compute a part of the units. Where there is no other engine for the formalism, the stored engine computes it again.

    Args:
        cases: name of the run, record and stored result of each analysis.
        sample: the number of cases, which then are not limited by the time; None for as many as fit.
        seconds: the time.
    """
    chosen: list[Case] = []
    left = seconds
    for case in _drawn(cases, len(cases) if sample is None else sample, shuffled=sample is None):
        planned = _plan(*case, seconds)
        if sample is None and planned.seconds > left:
            continue
        left -= planned.seconds
        chosen.append(planned)
    return sorted(chosen, key=lambda case: (case.run, case.record.key, _FORMALISMS.index(case.record.formalism)))


def _plan(run: str, record: EpochRecord, stored: StateResult, seconds: float) -> Case:
    """Returns the case with the other engine that can do most of it within a time."""
    assert isinstance(stored.result, (Computed, SystemPhi))
    ours, n = stored.result.engine.name, len(_nodes(record, stored))
    others = list(_others(record, ours))
    for engine in others:
        case = Case(run, record, stored, engine.name)
        if n <= engine.max_units and case.seconds <= seconds:
            return case
    again = ours if ours in engine_names() else "auto"
    for engine in others:
        for part in range(min(n - 1, engine.max_units), 1, -1):
            if _PARTS * engine.seconds(part) <= seconds:
                return Case(run, record, stored, again, engine.name, part)
    return Case(run, record, stored, again)


def _others(record: EpochRecord, ours: str) -> Iterator[PhiEngine]:
    """Yields the engines with another name that implement the record's options."""
    for name in engine_names()[1:]:
        if name == ours:
            continue
        try:
            engine = get_engine(name, record.formalism)
            engine.check_options(options_of(record))
        except InvalidArgumentError:
            continue
        yield engine


def _drawn(
    cases: Sequence[tuple[str, EpochRecord, StateResult]], count: int, *, shuffled: bool = False
) -> list[tuple[str, EpochRecord, StateResult]]:
    """Draws some of the cases at random with a fixed seed; in their order, or shuffled."""
    indices = random.Random(0).sample(range(len(cases)), min(count, len(cases)))  # noqa: S311
    return [cases[index] for index in (indices if shuffled else sorted(indices))]
