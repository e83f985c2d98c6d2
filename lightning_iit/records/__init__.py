"""The one schema of all stored and exchanged data, which files, TensorBoard, MLflow and the viewer share.

Every struct is frozen, holds only data (numbers, strings, tuples) and travels as JSON; arrays are nested lists. States are tuples
of 0 and 1, unit 0 first; the **index** of a state is little-endian (unit 0 is the least significant bit), as in PyPhi.

In the order of the data: ``captured`` (units, counts, TPM), ``systems`` (the input of an engine), ``tasks`` (the input and output
of a worker), ``results`` (the outcome of an analysis), ``epochs`` (the record of a layer at an epoch) and ``networks`` (the network
as the viewer draws it). ``encoding`` turns structs into JSON, ``disk/payload`` into the data of a TensorBoard summary, and
``store`` into files, which have their ``names``; ``logged`` says which numbers of a record loggers get, and under which keys. All
names of the schema can be imported from here.
"""

from __future__ import annotations

from lightning_iit.records.captured import Counts, Dynamics, Perturbation, Thresholds, TpmRecord, Units
from lightning_iit.records.encoding import decode, decode_network, encode
from lightning_iit.records.epochs import EpochRecord, GroupResult, Provenance
from lightning_iit.records.iit4 import Complexes, Structure, SystemPhi
from lightning_iit.records.networks import Connections, LayerKind, NetworkBlock, NetworkLayer, NetworkSnapshot
from lightning_iit.records.results import (
    Computed,
    CurvePoint,
    Diagnostic,
    Failed,
    Interval,
    MajorComplex,
    NullResult,
    Open,
    PhiResult,
    Skipped,
    StateResult,
    ThresholdPoint,
    TimedOut,
)
from lightning_iit.records.runs import Records
from lightning_iit.records.schema import (
    FORMALISM,
    FORMALISM_WORDS,
    NO_NULL,
    NULL_NOT_COMPUTED,
    SCHEMA_VERSION,
    STATE_ORDER,
    Axis,
    EngineInfo,
    Formalism,
    Kind,
    State,
    metric_names,
    symbol,
)
from lightning_iit.records.surveys import Moment, Moments, OfFormalism, Survey, SurveyGroup
from lightning_iit.records.systems import Concept, Cut, PhiOptions, System
from lightning_iit.records.tasks import GroupTask, Judge, PhiTask, TaskResult, ThresholdCounts

__all__ = [
    "FORMALISM",
    "FORMALISM_WORDS",
    "NO_NULL",
    "NULL_NOT_COMPUTED",
    "SCHEMA_VERSION",
    "STATE_ORDER",
    "Axis",
    "Complexes",
    "Computed",
    "Concept",
    "Connections",
    "Counts",
    "CurvePoint",
    "Cut",
    "Diagnostic",
    "Dynamics",
    "EngineInfo",
    "EpochRecord",
    "Failed",
    "Formalism",
    "GroupResult",
    "GroupTask",
    "Interval",
    "Judge",
    "Kind",
    "LayerKind",
    "MajorComplex",
    "Moment",
    "Moments",
    "NetworkBlock",
    "NetworkLayer",
    "NetworkSnapshot",
    "NullResult",
    "OfFormalism",
    "Open",
    "Perturbation",
    "PhiOptions",
    "PhiResult",
    "PhiTask",
    "Provenance",
    "Records",
    "Skipped",
    "State",
    "StateResult",
    "Structure",
    "Survey",
    "SurveyGroup",
    "System",
    "SystemPhi",
    "TaskResult",
    "ThresholdCounts",
    "ThresholdPoint",
    "Thresholds",
    "TimedOut",
    "TpmRecord",
    "Units",
    "decode",
    "decode_network",
    "encode",
    "metric_names",
    "symbol",
]
