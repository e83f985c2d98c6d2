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

if TYPE_CHECKING:
    import pandas as pd


class Provenance(Record, frozen=True, kw_only=True):
    """Where a number comes from: options, seeds and package versions."""

    engine: str
    options: PhiOptions
    seed: int
    window: int
    world_size: int = 1
    packages: dict[str, str] = {}


class GroupResult(Record, frozen=True, kw_only=True):
    """Φ of one of several random groups of a layer's units, in a state that was observed ``visits`` times.

    ``counts`` are those that its TPM comes from, by ``perturbation`` or, without one, watched. No null is computed for a group.
    """

    units: Units
    result: PhiResult
    state: State | None = None
    visits: int = 0
    thresholds: Thresholds | None = None
    counts: Counts | None = None
    perturbation: Perturbation | None = None


class EpochRecord(Record, frozen=True, kw_only=True):
    """Everything known of one layer at one epoch. One JSON file each, under ``<log_dir>/iit/<layer>/epoch=0003.json``.

    ``counts`` are those that the TPM comes from: of watched transitions, or of perturbations (``perturbation`` says how; what was
    watched is then in ``observed``, coded by ``observed_thresholds``). Epoch -1 is the untrained network. ``result`` is that of
    the first state of ``states``; ``scalars`` is exactly what is logged under ``iit/<layer>/``. ``groups`` are random groups of
    units, the first of which is the one that everything else here is about. ``left_out`` counts rows with an activation that was
    not finite, ``backlog`` the analyses that were open when this one was handed over.
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
    formalism: str = FORMALISM
    state_order: str = STATE_ORDER
    schema_version: int = SCHEMA_VERSION

    @property
    def key(self) -> tuple[str, int]:
        """Layer and epoch: what names a record within a run."""
        return self.layer, self.epoch

    @property
    def phi(self) -> float | None:
        """Φ of the first analysed state, or None where it was not computed."""
        return self.result.phi if isinstance(self.result, Computed) else None

    @property
    def null_words(self) -> str:
        """The null of this number in words, or that there is none."""
        return NULL_NOT_COMPUTED if self.null is None else self.null.words


class Records(tuple[EpochRecord, ...]):
    """The records of a run in order of epoch and layer."""

    __slots__ = ()

    @classmethod
    def ordered(cls, records: Iterable[EpochRecord]) -> Records:
        """Sorts by epoch, then by layer."""
        return cls(sorted(records, key=lambda record: (record.epoch, record.layer)))

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each record: its key, kind, status, Φ, null and scalars (needs pandas)."""
        try:
            import pandas as pd
        except ImportError as error:
            msg = "to_dataframe() needs pandas: pip install pandas."
            raise MissingDependencyError(msg) from error
        return pd.DataFrame([_row(record) for record in self])


def _row(record: EpochRecord) -> dict[str, Any]:
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
