"""The record of a layer at an epoch, and the records of a run."""

from __future__ import annotations

import math

import msgspec

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.captured import Counts, Perturbation, Thresholds, TpmRecord, Units
from lightning_iit.records.iit4 import Structure, SystemPhi
from lightning_iit.records.lesions.record import LesionRecord
from lightning_iit.records.results import (
    Computed,
    CurvePoint,
    Diagnostic,
    Interval,
    MajorComplex,
    NullResult,
    PhiResult,
    StateResult,
    ThresholdPoint,
)
from lightning_iit.records.schema import (
    FORMALISM,
    FORMALISM_WORDS,
    NO_NULL,
    NULL_NOT_COMPUTED,
    SCHEMA_VERSION,
    STATE_ORDER,
    Axis,
    Count,
    Epoch,
    FromOne,
    Key,
    Kind,
    PhiValue,
    Record,
    State,
    Step,
    WallTime,
    symbol,
)
from lightning_iit.records.shown import html
from lightning_iit.records.shown.numbers import decimals, percent
from lightning_iit.records.shown.printed import brief_value
from lightning_iit.records.surveys import Moments, OfFormalism, Survey
from lightning_iit.records.systems import PhiOptions
from lightning_iit.records.tasks import PhiTask
from lightning_iit.records.whole.measures import WholeLayer


class Provenance(Record, frozen=True, kw_only=True):
    """Holds the origin of a number: engine, options, seeds and package versions.

    Args:
        engine: the engine that was requested, such as "auto"; ``Computed.engine`` says which one computed.
        options: the options of the analysis.
        seed: the seed of everything that is drawn at random.
        window: how many epochs the counts are added up over.
        world_size: the number of ranks of the training.
        packages: versions of the installed packages that a number may depend on, by name.
        initial_weights: a fingerprint of the watched layers' parameters before training: runs that have the same began with the
            same weights. Empty where that is not known (a resumed part of a run, an analysis without a training, version 0.1.0).
        selection: 0 where the layer is watched as it was when the run began. Else the number of the change, by a command, with
            which its units and groups were chosen: epochs of other selections are of other units.
    """

    engine: str
    options: PhiOptions
    seed: int
    window: FromOne
    world_size: FromOne = 1
    packages: dict[str, str] = {}
    initial_weights: str = ""
    selection: Count = 0


class GroupResult(Record, frozen=True, kw_only=True):
    """Holds Φ of one of several random groups of a layer's units; no null is computed for a group.

    Args:
        units: the units of the group.
        result: how the analysis ended.
        state: the analysed state; None where nothing could be analysed.
        visits: how often the state was observed.
        thresholds: the thresholds that code the group's states.
        counts: the transitions from which the group's TPM is estimated.
        perturbation: how the units were perturbed; None where they were watched.
    """

    units: Units
    result: PhiResult
    state: State | None = None
    visits: Count = 0
    thresholds: Thresholds | None = None
    counts: Counts | None = None
    perturbation: Perturbation | None = None


class EpochRecord(Record, frozen=True, kw_only=True):
    """Holds everything known of one layer at one epoch.

    Each record is one JSON file, ``<log_dir>/iit/<layer>/epoch=0003.json``, written at capture with the result ``Open`` and again
    when the analysis has ended. With ``every_n_steps`` there are records within an epoch too, ``epoch=0003-step=000120.json``.

    Args:
        layer: the layer's name in the model.
        epoch: the epoch; -1 is the untrained network.
        global_step: the trainer's global step at capture.
        step: of a record within an epoch the global step; its counts are those since the last such record. None for the record of
            a whole epoch.
        wall_time: the time of capture, in seconds since 1970.
        kind: the kind of the numbers: "causal", "observational" or "statistical".
        axis: the axis along which the transitions go.
        result: the result of the first state in ``states``, or why nothing was analysed.
        states: the result of each analysed state.
        units: the analysed units.
        thresholds: the thresholds that code the states of ``counts``.
        counts: the transitions from which the TPM is estimated: watched ones, or those of a perturbation.
        perturbation: how the units were perturbed; None where they were watched.
        observed: the watched transitions, where ``counts`` are those of a perturbation.
        observed_thresholds: the thresholds that code the states of ``observed``.
        tpm: the estimated TPM.
        scalars: the numbers that are logged of the units described here, by name, and the layer's ``phi_change`` and
            ``phi_change_p``; :func:`lightning_iit.records.logged.logged` has their keys, and those of the survey.
        diagnostics: the checks of what Φ assumes of the data.
        null: the null of ``result``; None where it was not computed.
        interval: the interval of ``result``.
        curve: Φ against the number of transitions.
        sensitivity: Φ at other thresholds.
        major_complex: the subset of the units with the largest Φ, where the options request it.
        groups: random groups of the layer's units (version 0.1.0); the first one is the group that all other fields describe.
        survey: Φ of the layer: the mean over groups of its units, of which the first is the group that all other fields describe;
            None where it was not computed, and in records of version 0.1.0.
        moments: Φ of the shown group at single moments; None where it was not asked for (``moments=``).
        whole: measures of all units of the layer, which are statistics of activity; None where none was asked for (``measures=``).
        lesions: what the network loses without these units, and without either side of their minimum partition; empty where it was
            not asked for (``lesions=`` of ``analyse``).
        structural_phi: 0.0 for units without connections among them; None where it is not known.
        structural_reason: why the structural Φ is 0, or is not known.
        notes: what a reader should know, in sentences.
        left_out: how many rows were not counted because an activation was NaN or infinite.
        backlog: how many analyses were open when this one was handed over.
        provenance: engine, options, seeds and package versions.
        task: what a worker needs to compute the result, while there is none: of an analysis that is open, was interrupted, or was
            still waiting for a worker when the run ended; None otherwise.
        formalism: the version of the theory of ``result``: "iit3", "iit4-2023" or "iit4-2026".
        structure: of IIT 4.0 the cause-effect structure of ``result``; None where it was not computed (more than 6 units).
        others: what the further formalisms give that were asked for; :meth:`of` has the whole record of one.
        state_order: the order of state indices.
        schema_version: the version of the schema that was written.
    """

    layer: str
    epoch: Epoch
    global_step: Step
    wall_time: WallTime
    kind: Kind
    axis: Axis
    result: PhiResult
    step: Step | None = None
    states: tuple[StateResult, ...] = ()
    units: Units | None = None
    thresholds: Thresholds | None = None
    counts: Counts | None = None
    perturbation: Perturbation | None = None
    observed: Counts | None = None
    observed_thresholds: Thresholds | None = None
    tpm: TpmRecord | None = None
    scalars: dict[str, float] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    null: NullResult | None = None
    interval: Interval | None = None
    curve: tuple[CurvePoint, ...] = ()
    sensitivity: tuple[ThresholdPoint, ...] = ()
    major_complex: MajorComplex | None = None
    groups: tuple[GroupResult, ...] = ()
    survey: Survey | None = None
    moments: Moments | None = None
    whole: WholeLayer | None = None
    lesions: tuple[LesionRecord, ...] = ()
    structural_phi: PhiValue | None = None
    structural_reason: str = ""
    notes: tuple[str, ...] = ()
    left_out: Count = 0
    backlog: Count = 0
    provenance: Provenance
    task: PhiTask | None = None
    formalism: str = FORMALISM
    structure: Structure | None = None
    others: tuple[OfFormalism, ...] = ()
    state_order: str = STATE_ORDER
    schema_version: Count = SCHEMA_VERSION

    @property
    def key(self) -> Key:
        """Returns what identifies a record within a run: layer and epoch, and of a record within an epoch the step too."""
        return (self.layer, self.epoch) if self.step is None else (self.layer, self.epoch, self.step)

    @property
    def formalisms(self) -> tuple[str, ...]:
        """Returns the formalisms that the record has numbers of; the first one is that of ``result``."""
        return (self.formalism, *(other.formalism for other in self.others))

    @property
    def by_formalism(self) -> tuple[EpochRecord, ...]:
        """Returns the record of each formalism alone, in the order of ``formalisms``."""
        return tuple(map(self.of, self.formalisms))

    def of(self, formalism: str) -> EpochRecord:
        """Returns the record of one formalism alone; null, interval, curve and other thresholds are of the first formalism only.

        Raises:
            InvalidArgumentError: the record has no number of this formalism.
        """
        if formalism == self.formalism:
            return msgspec.structs.replace(self, others=()) if self.others else self
        for other in self.others:
            if other.formalism == formalism:
                return _of_other(self, other)
        msg = f"formalism={formalism!r}: {self.layer!r}, {self.when} has {', '.join(map(repr, self.formalisms))}."
        raise InvalidArgumentError(msg)

    @property
    def order(self) -> tuple[int, float]:
        """Returns the place in the order of capture: the epoch, and within an epoch the step; the whole epoch comes last."""
        return self.epoch, math.inf if self.step is None else self.step

    @property
    def when(self) -> str:
        """Returns the epoch, and of a record within an epoch the step too, in words."""
        return f"epoch {self.epoch}" if self.step is None else f"epoch {self.epoch}, step {self.step}"

    @property
    def phi(self) -> float | None:
        """Returns Φ of the first analysed state, or None where it was not computed."""
        return self.result.phi

    @property
    def null_words(self) -> str:
        """Returns the null of this Φ in words; or that none was computed, or that none fits units that were set."""
        return self.without_null if self.null is None else self.null.words

    @property
    def without_null(self) -> str:
        """Returns in words why a Φ of this record has no null: none fits units that were set, or none was computed."""
        return NO_NULL if self.kind == "causal" else NULL_NOT_COMPUTED

    @property
    def data_words(self) -> str:
        """Returns what Φ was computed from: how many transitions, or how many backgrounds from how many sequences."""
        if self.perturbation is not None:
            return self.perturbation.words
        if self.counts is None:
            return "no data"
        return f"{self.counts.transitions:,} transition{'' if self.counts.transitions == 1 else 's'}"

    @property
    def reducible_words(self) -> str:
        """Returns whether the units are reducible in the analysed state, by resampled sequences; empty where none were resampled.

        A perturbed Φ has no test: with enough data almost no trained system is exactly reducible.
        """
        if self.phi is None or self.survey is None or self.positive is None:
            return ""
        drawn = len(self.survey.resampled) if self.interval is None else self.interval.draws
        if not drawn:
            return ""
        resamples = f"{drawn} resamples"
        if self.positive in {0.0, 1.0}:
            return f"{'irreducible' if self.positive else 'reducible'} in each of {resamples}"
        return f"irreducible in {percent(self.positive)} of {resamples}"

    @property
    def positive(self) -> float | None:
        """Returns the share of resampled sequences in which Φ of the units that are described in detail is above 0 (1e-6)."""
        return self.survey.groups[0].positive if self.survey is not None and self.survey.groups else None

    def __repr__(self) -> str:
        """Returns layer, epoch, Φ with its kind and null, and what Φ was computed from, in one or two lines."""
        units = "" if self.units is None else f", {len(self.units.indices)} units"
        data = "" if self.counts is None else f", {self.data_words}"
        return f"<EpochRecord of {self.when}, {self.short_words}{units}{data}>"

    @property
    def short_words(self) -> str:
        """Returns the layer and Φ with its kind and null, or why there is no Φ, in one line."""
        what = symbol(self.formalism)
        if self.phi is None:
            return f"{brief_value(self.layer)}: no {what} ({type(self.result).__name__}: {brief_value(self.result.reason)[1:-1]})"
        null = self.without_null if self.null is None else f"{self.null.name} null, {self.null.p_words}"
        others = "".join(
            f"; {symbol(one.formalism)} = {one.phi:.4g}, {FORMALISM_WORDS[one.formalism]}"
            for one in self.others
            if one.phi is not None
        )
        return f"{brief_value(self.layer)}: {what} = {self.phi:.4g} ({self.kind}; {null}{others})"

    def _repr_html_(self) -> str:
        """Returns the record for a notebook: Φ with what it rests on; the concepts and the TPM open by a click."""
        computed = self.result if isinstance(self.result, (Computed, SystemPhi)) else None
        structural = f"; structural {symbol(self.formalism)} is 0" if self.structural_phi == 0.0 else ""
        state = self.states[0] if self.states else None
        shown = [
            (symbol(self.formalism), f"{computed.phi:.6g}" if computed else f"none: {self.result.reason}"),
            ("formalism", FORMALISM_WORDS[self.formalism]),
            *((FORMALISM_WORDS[one.formalism], "none" if one.phi is None else f"{one.phi:.6g}") for one in self.others),
            ("kind", f"{self.kind}{structural}"),
            ("null", self.null_words if computed else ""),
            ("interval", "" if self.interval is None else f"{decimals(self.interval.low)} to {decimals(self.interval.high)}"),
            ("units", "" if self.units is None else f"{', '.join(self.units.labels)} of {self.units.width}"),
            (
                "state",
                ""
                if state is None
                else f"{''.join(map(str, state.state))} (unit {self._labels[0]} first), {state.visits:,} visits",
            ),
            ("from", "" if self.counts is None else f"{self.data_words} ({self.axis})"),
            ("states seen", "" if self.tpm is None else f"{sum(self.tpm.visited)} of {len(self.tpm.visited)}"),
            *(computed.facts() if computed else ()),
            ("notes", " ".join(self.notes)),
        ]
        concepts = ""
        if isinstance(computed, Computed):
            concepts = html.folded(f"concepts: {len(computed.concepts)}", computed.concepts_table())
        tpm = html.folded("TPM", html.tpm_table(self.tpm.state_by_node, self.tpm.visited, self._labels)) if self.tpm else ""
        return html.block(f"{self.layer}, {self.when}", html.facts(shown), concepts, tpm)

    @property
    def _labels(self) -> tuple[str, ...]:
        """Returns a name for each element of a state."""
        n = len(self.tpm.state_by_node[0]) if self.tpm is not None else len(self.states[0].state) if self.states else 0
        labels = self.units.labels if self.units is not None else ()
        return labels if len(labels) == n else tuple(map(str, range(n)))


def _of_other(record: EpochRecord, other: OfFormalism) -> EpochRecord:
    """Returns a record with the numbers of one of its further formalisms in the place of its own."""
    survey = other.survey
    if survey is not None and record.survey is not None and len(survey.groups) == len(record.survey.groups):
        pairs = zip(survey.groups, record.survey.groups, strict=True)
        groups = tuple(msgspec.structs.replace(group, counts=own.counts) for group, own in pairs)
        survey = msgspec.structs.replace(survey, groups=groups)
    nothing = {"null": None, "interval": None, "curve": (), "sensitivity": (), "groups": (), "moments": None, "others": ()}
    own = {name: getattr(other, name) for name in OfFormalism.__struct_fields__ if name not in {"notes", "survey"}}
    return msgspec.structs.replace(record, survey=survey, notes=(*record.notes, *other.notes), **own, **nothing)
