"""The record of a layer at an epoch, and the records of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import MissingDependencyError
from lightning_iit.records.captured import Counts, Perturbation, Thresholds, TpmRecord, Units
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
)
from lightning_iit.records.shown import html
from lightning_iit.records.shown.printed import brief_value
from lightning_iit.records.surveys import Moments, Survey
from lightning_iit.records.systems import PhiOptions
from lightning_iit.records.tasks import PhiTask

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3
"""How many records a ``repr`` shows of the beginning and of the end of a run."""


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
    """

    engine: str
    options: PhiOptions
    seed: int
    window: FromOne
    world_size: FromOne = 1
    packages: dict[str, str] = {}
    initial_weights: str = ""


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
        interval: the posterior interval of ``result``.
        curve: Φ against the number of transitions.
        sensitivity: Φ at other thresholds.
        major_complex: the subset of the units with the largest Φ, where the options request it.
        groups: random groups of the layer's units (version 0.1.0); the first one is the group that all other fields describe.
        survey: Φ of the layer: the mean over groups of its units, of which the first is the group that all other fields describe;
            None where it was not computed, and in records of version 0.1.0.
        moments: Φ of the shown group at single moments; None where it was not asked for (``moments=``).
        structural_phi: 0.0 for units without connections among them; None where it is not known.
        structural_reason: why the structural Φ is 0, or is not known.
        notes: what a reader should know, in sentences.
        left_out: how many rows were not counted because an activation was NaN or infinite.
        backlog: how many analyses were open when this one was handed over.
        provenance: engine, options, seeds and package versions.
        task: what a worker needs to compute the result, while there is none: of an analysis that is open, was interrupted, or was
            still waiting for a worker when the run ended; None otherwise.
        formalism: the version of the theory.
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
    structural_phi: PhiValue | None = None
    structural_reason: str = ""
    notes: tuple[str, ...] = ()
    left_out: Count = 0
    backlog: Count = 0
    provenance: Provenance
    task: PhiTask | None = None
    formalism: str = FORMALISM
    state_order: str = STATE_ORDER
    schema_version: Count = SCHEMA_VERSION

    @property
    def key(self) -> Key:
        """Returns what identifies a record within a run: layer and epoch, and of a record within an epoch the step too."""
        return (self.layer, self.epoch) if self.step is None else (self.layer, self.epoch, self.step)

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
        return self._without_null if self.null is None else self.null.words

    @property
    def _without_null(self) -> str:
        """Returns why there is no null."""
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
        if self.phi is None or self.positive is None or self.interval is None:
            return ""
        resamples = f"{self.interval.draws} resamples"
        if self.positive in {0.0, 1.0}:
            return f"{'not reducible' if self.positive else 'reducible'} in all {resamples}"
        return f"not reducible in {self.positive:.0%} of {resamples}".replace("%", " %")

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
        if not isinstance(self.result, Computed):
            return f"{brief_value(self.layer)}: no Φ ({type(self.result).__name__}: {brief_value(self.result.reason)[1:-1]})"
        null = self._without_null if self.null is None else f"{self.null.name} null, {self.null.p_words}"
        return f"{brief_value(self.layer)}: Φ = {self.result.phi:.4g} ({self.kind}; {null})"

    def _repr_html_(self) -> str:
        """Returns the record for a notebook: Φ with what it rests on; the concepts and the TPM open by a click."""
        computed = self.result if isinstance(self.result, Computed) else None
        structural = "; structural Φ is 0" if self.structural_phi == 0.0 else ""
        state = self.states[0] if self.states else None
        shown = [
            ("Φ", f"{computed.phi:.6g}" if computed else f"none: {self.result.reason}"),
            ("kind", f"{self.kind}{structural}"),
            ("null", self.null_words if computed else ""),
            ("interval", "" if self.interval is None else f"{self.interval.low:.4f} to {self.interval.high:.4f}"),
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
        concepts = html.folded(f"concepts: {len(computed.concepts)}", computed.concepts_table()) if computed else ""
        tpm = html.folded("TPM", html.tpm_table(self.tpm.state_by_node, self.tpm.visited, self._labels)) if self.tpm else ""
        return html.block(f"{self.layer}, {self.when}", html.facts(shown), concepts, tpm)

    @property
    def _labels(self) -> tuple[str, ...]:
        """Returns a name for each element of a state."""
        n = len(self.tpm.state_by_node[0]) if self.tpm is not None else len(self.states[0].state) if self.states else 0
        labels = self.units.labels if self.units is not None else ()
        return labels if len(labels) == n else tuple(map(str, range(n)))


class Records(tuple[EpochRecord, ...]):
    """Holds the records of a run, in order of epoch, step and layer."""

    __slots__ = ()

    @classmethod
    def ordered(cls, records: Iterable[EpochRecord]) -> Records:
        """Sorts records by epoch, then by step (the record of the whole epoch comes last), then by layer."""
        return cls(sorted(records, key=lambda record: (*record.order, record.layer)))

    def to_dataframe(self) -> pd.DataFrame:
        """Builds a pandas DataFrame with one row for each record.

        The columns are: epoch, step, layer, kind, status, null; Φ of the layer (``layer_phi``) with its 90 % interval
        (``layer_phi_low``, ``layer_phi_high``) and the number of ``groups`` that it is the mean of; ``units`` (their indices) and
        ``state`` ("0110", in the order of the units) of the Φ that is described in detail (``phi``); and all scalars.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            msg = "to_dataframe() needs pandas: pip install pandas."
            raise MissingDependencyError(msg) from error
        return pd.DataFrame([_row(record) for record in self])

    def __repr__(self) -> str:
        """Returns how many records of which layers and epochs there are, and the first and the last ones, in a few lines."""
        shown = self if len(self) <= 2 * _SHOWN else (*self[:_SHOWN], None, *self[-_SHOWN:])
        lines = ("  ..." if record is None else f"  {record.when}, {record.short_words}" for record in shown)
        return "\n".join([f"<Records: {self._summary}>", *lines])

    @property
    def _summary(self) -> str:
        """Returns the number of records, the layers and the epochs in one line."""
        if not self:
            return "none"
        layers, epochs = {record.layer for record in self}, [record.epoch for record in self]
        of = brief_value(next(iter(layers))) if len(layers) == 1 else f"{len(layers)} layers"
        return f"{len(self)} of {of}, epochs {min(epochs)} to {max(epochs)}"

    def _repr_html_(self) -> str:
        """Returns a table with one row for each record, for a notebook."""
        columns = ("epoch", "layer", "Φ", "kind", "null", "from", "states seen", "remark")
        rows = [_html_row(record) for record in self]
        return html.block(f"Records: {self._summary}", html.table(columns, rows, right=("epoch", "Φ", "states seen")))


def _html_row(record: EpochRecord) -> tuple[str, ...]:
    """Returns the cells of one record in a notebook's table."""
    when = record.when.removeprefix("epoch ")
    seen = "" if record.tpm is None else f"{sum(record.tpm.visited)} of {len(record.tpm.visited)}"
    data = "" if record.counts is None else record.data_words
    if record.phi is None:
        return when, record.layer, "none", record.kind, "", data, seen, record.result.reason
    remark = "structural Φ is 0" if record.structural_phi == 0.0 else record.result.reason
    return when, record.layer, f"{record.phi:.4f}", record.kind, record.null_words, data, seen, remark


def _row(record: EpochRecord) -> dict[str, Any]:
    """Returns the row of one record: its key, kind, status, null, Φ of the layer, units, state and scalars by column."""
    survey = record.survey or Survey()
    return {
        "epoch": record.epoch,
        "step": record.step,
        "layer": record.layer,
        "global_step": record.global_step,
        "wall_time": record.wall_time,
        "kind": record.kind,
        "axis": record.axis,
        "status": type(record.result).__struct_config__.tag,
        "reason": record.result.reason,
        "null": record.null_words,
        "layer_phi": survey.phi,
        "layer_phi_low": survey.low,
        "layer_phi_high": survey.high,
        "groups": sum(group.phi is not None for group in survey.groups) or None,
        "units": "" if record.units is None else ", ".join(record.units.labels),
        "state": "".join(map(str, record.states[0].state)) if record.states else "",
        **record.scalars,
        "phi": record.phi,
    }
