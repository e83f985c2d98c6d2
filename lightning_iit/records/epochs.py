"""The record of a layer at an epoch, and the records of a run."""

from __future__ import annotations

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
from lightning_iit.records.schema import FORMALISM, NULL_NOT_COMPUTED, SCHEMA_VERSION, STATE_ORDER, Axis, Kind, Record, State
from lightning_iit.records.systems import PhiOptions
from lightning_iit.records.tasks import PhiTask

if TYPE_CHECKING:
    import pandas as pd


class Provenance(Record, frozen=True, kw_only=True):
    """Holds the origin of a number: engine, options, seeds and package versions.

    Args:
        engine: the engine that was requested, such as "auto"; ``Computed.engine`` says which one computed.
        options: the options of the analysis.
        seed: the seed of everything that is drawn at random.
        window: how many epochs the counts are added up over.
        world_size: the number of ranks of the training.
        packages: versions of the installed packages that a number may depend on, by name.
    """

    engine: str
    options: PhiOptions
    seed: int
    window: int
    world_size: int = 1
    packages: dict[str, str] = {}


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
    visits: int = 0
    thresholds: Thresholds | None = None
    counts: Counts | None = None
    perturbation: Perturbation | None = None


class EpochRecord(Record, frozen=True, kw_only=True):
    """Holds everything known of one layer at one epoch.

    Each record is one JSON file, ``<log_dir>/iit/<layer>/epoch=0003.json``, written at capture with the result ``Open`` and again
    when the analysis has ended.

    Args:
        layer: the layer's name in the model.
        epoch: the epoch; -1 is the untrained network.
        global_step: the trainer's global step at capture.
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
        scalars: exactly what is logged under ``iit/<layer>/``, by name.
        diagnostics: the checks of what Φ assumes of the data.
        null: the null of ``result``; None where it was not computed.
        interval: the posterior interval of ``result``.
        curve: Φ against the number of transitions.
        sensitivity: Φ at other thresholds.
        major_complex: the subset of the units with the largest Φ, where the options request it.
        groups: random groups of the layer's units; the first one is the group that all other fields describe.
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
    epoch: int
    global_step: int
    wall_time: float
    kind: Kind
    axis: Axis
    result: PhiResult
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
    structural_phi: float | None = None
    structural_reason: str = ""
    notes: tuple[str, ...] = ()
    left_out: int = 0
    backlog: int = 0
    provenance: Provenance
    task: PhiTask | None = None
    formalism: str = FORMALISM
    state_order: str = STATE_ORDER
    schema_version: int = SCHEMA_VERSION

    @property
    def key(self) -> tuple[str, int]:
        """Returns layer and epoch, which identify a record within a run."""
        return self.layer, self.epoch

    @property
    def phi(self) -> float | None:
        """Returns Φ of the first analysed state, or None where it was not computed."""
        return self.result.phi if isinstance(self.result, Computed) else None

    @property
    def null_words(self) -> str:
        """Returns the null of this Φ in words, or that no null was computed."""
        return NULL_NOT_COMPUTED if self.null is None else self.null.words


class Records(tuple[EpochRecord, ...]):
    """Holds the records of a run, in order of epoch and layer."""

    __slots__ = ()

    @classmethod
    def ordered(cls, records: Iterable[EpochRecord]) -> Records:
        """Sorts records by epoch, then by layer."""
        return cls(sorted(records, key=lambda record: (record.epoch, record.layer)))

    def to_dataframe(self) -> pd.DataFrame:
        """Builds a pandas DataFrame with one row for each record: epoch, layer, kind, status, null, Φ and all scalars.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            msg = "to_dataframe() needs pandas: pip install pandas."
            raise MissingDependencyError(msg) from error
        return pd.DataFrame([_row(record) for record in self])


def _row(record: EpochRecord) -> dict[str, Any]:
    """Returns the row of one record: its key, kind, status, null and scalars by column."""
    return {
        "epoch": record.epoch,
        "layer": record.layer,
        "global_step": record.global_step,
        "wall_time": record.wall_time,
        "kind": record.kind,
        "axis": record.axis,
        "status": type(record.result).__struct_config__.tag,
        "reason": record.result.reason,
        "null": record.null_words,
        **record.scalars,
        "phi": record.phi,
    }
