"""The one schema: what the files, TensorBoard, MLflow and the viewer all speak.

Every struct is frozen, holds only data (numbers, strings, tuples) and travels as JSON; arrays are nested lists. States are
tuples of 0 and 1, unit 0 first; the **index** of a state is little-endian (unit 0 is the least significant bit), as in PyPhi.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec

from lightning_iit.errors import InvalidSystemError, MissingDependencyError, RecordError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
FORMALISM = "IIT 3.0"
STATE_ORDER = "little-endian"
NULL_NOT_COMPUTED = "null not computed"

Kind: TypeAlias = Literal["causal", "observational", "statistical"]
"""What a Φ is a statement about: ``causal`` (units were set into each state), ``observational`` (units that have
connections among them were watched), ``statistical`` (the units have no connections among them: their structural Φ is 0)."""

Axis: TypeAlias = Literal["time", "stream", "token", "patch", "depth"]
"""Along what a transition goes. Only ``time`` is time; ``stream`` is the order in which the data loader gave the samples."""

State: TypeAlias = tuple[int, ...]


class _Record(msgspec.Struct, frozen=True):
    """Base of the frozen structs; unknown fields of newer writers are ignored by readers."""


# --- a system and its analysis -------------------------------------------------------------------------------------


class System(_Record, frozen=True, kw_only=True):
    """A candidate system in a state.

    Args:
        tpm: state-by-node, ``[2**n, n]``: the probability that each node is ON next, rows little-endian. Anything that
            numpy can read as such an array is accepted and kept as nested tuples.
        state: the current state of the n nodes, each 0 or 1, node 0 first.
        cm: connectivity matrix ``[n, n]``; ``cm[i][j] = 1`` if node i has a connection to node j. None connects all to all.
        labels: a name for each node.

    Raises:
        InvalidSystemError: wrong shape, entries that are not probabilities (NaN among them), or a state that is not binary.
    """

    tpm: tuple[tuple[float, ...], ...]
    state: State
    cm: tuple[tuple[int, ...], ...] | None = None
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Checks the parts and turns them into tuples."""
        set_ = msgspec.structs.force_setattr
        set_(self, "tpm", _checked_tpm(self.tpm))
        n = len(self.tpm[0])
        set_(self, "state", _checked_state(self.state, n))
        if self.cm is not None:
            set_(self, "cm", _checked_cm(self.cm, n))
        if self.labels is not None:
            set_(self, "labels", tuple(str(label) for label in self.labels))
            if len(self.labels) != n:
                msg = f"labels: got {len(self.labels)} for {n} nodes; give one for each node, or None."
                raise InvalidSystemError(msg)

    @property
    def n(self) -> int:
        """The number of nodes."""
        return len(self.state)


class Cut(_Record, frozen=True, kw_only=True):
    """A directed bipartition of a system: the connections from ``from_nodes`` to ``to_nodes`` are severed (noised)."""

    from_nodes: tuple[int, ...]
    to_nodes: tuple[int, ...]


class Concept(_Record, frozen=True, kw_only=True):
    """A mechanism with its maximally irreducible cause and effect (node indices of the system).

    ``cause_phi`` and ``effect_phi`` are small φ in Hamming earth mover's distance; the repertoires are there on request
    only and run over the states of their purview, little-endian, first purview node fastest.
    """

    mechanism: tuple[int, ...]
    cause_purview: tuple[int, ...]
    effect_purview: tuple[int, ...]
    cause_phi: float
    effect_phi: float
    cause_repertoire: tuple[float, ...] | None = None
    effect_repertoire: tuple[float, ...] | None = None

    @property
    def phi(self) -> float:
        """Small φ of the concept: the smaller of cause and effect."""
        return min(self.cause_phi, self.effect_phi)


class PhiOptions(_Record, frozen=True, kw_only=True):
    """How Φ is computed.

    Args:
        cuts: "all" directed bipartitions, or "one": only those that cut one node off (PyPhi's CUT_ONE_APPROXIMATION).
        new_concepts: False assumes that cuts cannot create concepts (PyPhi's ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS).
        repertoires: keep both repertoires of each concept in the result.
        complexes: also search all subsets for the major complex.
        threads: threads inside one analysis; more than one pays from 6 units on. A worker pool adds cores that are idle.
        pyphi: further options of PyPhi by PyPhi's names, e.g. ``{"MEASURE": "KLD"}``; they ask for the PyPhi engine.
    """

    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    repertoires: bool = False
    complexes: bool = False
    threads: int = 1
    pyphi: dict[str, bool | int | float | str] = {}


class EngineInfo(_Record, frozen=True, kw_only=True):
    """Which engine computed a result, in which version."""

    name: str
    version: str


class Computed(_Record, frozen=True, kw_only=True, tag="computed", tag_field="status"):
    """Φ of one system in one state, in the units of the Hamming earth mover's distance.

    ``cut`` is the minimum-information partition, or None where Φ is 0 without a search (fewer than two nodes, not strongly
    connected, no concept), as ``reason`` then says. ``cuts_evaluated`` counts the partitions looked at before it was certain.
    """

    phi: float
    cut: Cut | None = None
    concepts: tuple[Concept, ...] = ()
    partitioned_concepts: tuple[Concept, ...] = ()
    cuts_evaluated: int = 0
    seconds: float = 0.0
    engine: EngineInfo
    reason: str = ""

    @property
    def sum_small_phi(self) -> float:
        """The sum of φ over the concepts of the unpartitioned cause-effect structure."""
        return math.fsum(concept.phi for concept in self.concepts)


class TimedOut(_Record, frozen=True, kw_only=True, tag="timed_out", tag_field="status"):
    """The analysis did not end within its time limit (seconds)."""

    reason: str
    timeout: float


class Failed(_Record, frozen=True, kw_only=True, tag="failed", tag_field="status"):
    """The analysis broke. ``code`` is one of worker_died, engine_error, capture_error, interrupted."""

    code: str
    reason: str
    details: str = ""


class Skipped(_Record, frozen=True, kw_only=True, tag="skipped", tag_field="status"):
    """The analysis was not made. ``code`` says why in a word (state_unreachable, queue_full, no_transitions, ...)."""

    code: str
    reason: str


PhiResult: TypeAlias = Computed | TimedOut | Failed | Skipped


class MajorComplex(_Record, frozen=True, kw_only=True):
    """The subset of units with the largest Φ, the rest being held as fixed background; its nodes are indices of the system."""

    nodes: tuple[int, ...]
    result: PhiResult


# --- what is captured and estimated ---------------------------------------------------------------------------------


class Units(_Record, frozen=True, kw_only=True):
    """Which units of a layer are analysed, how they were chosen, and how the elements of a state are made of them.

    ``indices`` are positions in the layer's unit axis of ``width`` units; element i of every state is ``indices[i]``. With
    ``bits=2`` each unit is there twice in a row, for the two elements of the Gray code of its quartiles. Element i of macro
    units is that of the mean of the units in ``clusters[i]``, and ``indices[i]`` is the first of them.
    """

    indices: tuple[int, ...]
    width: int
    selection: str
    seed: int | None = None
    bits: int = 1
    clusters: tuple[tuple[int, ...], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each element: ``12``; ``12a`` and ``12b`` of one unit; ``12+3`` for the mean of unit 12 and 3 others."""
        more = [f"+{len(cluster) - 1}" if len(cluster) > 1 else "" for cluster in self.clusters] or [""] * len(self.indices)
        ends = [""] if self.bits == 1 else ["a", "b"]
        return tuple(f"{index}{more[i]}{ends[i % self.bits]}" for i, index in enumerate(self.indices))


class Thresholds(_Record, frozen=True, kw_only=True):
    """An element is ON where its unit's activation is greater than its value here and, where it has an upper one, not above that.

    Those that code the states of the record's ``counts``. An upper one is there with ``bits=2``: the first element of a unit is
    ON above the median, the second between the first and the third quartile.
    """

    values: tuple[float, ...]
    strategy: str
    frozen: bool
    samples: int = 0
    upper: tuple[float | None, ...] = ()


class Counts(_Record, frozen=True, kw_only=True):
    """Transition counts: the unit of truth, from which another TPM can be estimated later.

    Args:
        visits: ``[2**n]``, how often each state was the first of a transition.
        on: ``[2**n, n]``, how often each unit was ON after each state.
        joint: the non-zero entries of the ``[2**n, 2**n]`` transition counts as (from, to, count), sorted.
    """

    visits: tuple[int, ...]
    on: tuple[tuple[int, ...], ...]
    joint: tuple[tuple[int, int, int], ...]

    @property
    def transitions(self) -> int:
        """The number of transitions counted."""
        return sum(self.visits)


class Dynamics(_Record, frozen=True, kw_only=True):
    """What the tests of Markov order and stationarity need beside the counts.

    Args:
        triples: (previous, present and next state, how often they followed each other); None where they were not counted.
        halves: the counts of the first and of the second half of the transitions; empty where they were not counted apart.
    """

    triples: tuple[tuple[int, int, int, int], ...] | None = None
    halves: tuple[Counts, ...] = ()


class TpmRecord(_Record, frozen=True, kw_only=True):
    """The state-by-node TPM, ``[2**n, n]``, little-endian; rows where ``visited`` is False hold the prior only."""

    state_by_node: tuple[tuple[float, ...], ...]
    visited: tuple[bool, ...]
    prior: float


class Perturbation(_Record, frozen=True, kw_only=True):
    """How a causal TPM was made: units were set into each of their states, and the layer made one step.

    ``off`` and ``on`` are the values that each unit was set to, for each part of the state that was set (a hidden state, and the
    cell state of an LSTM). The rest of the state and the input came from ``draws`` observed backgrounds, the same for each state
    ("sampled"), or from the one that was observed at the analysed state ("fixed"). ``observed`` counts how often each state was
    seen, not set, where the backgrounds come from. ``cm`` is the connectivity that weights of zero leave, or None for all to all.

    Where elements are not units, ``off`` and ``on`` run over the units that were set: all those of the clusters, in their order;
    with ``bits=2`` they are the values in a unit's lowest and highest quartile, and ``between`` has those in the second and third.
    """

    background: str
    draws: int
    observed: tuple[int, ...]
    off: tuple[tuple[float, ...], ...]
    on: tuple[tuple[float, ...], ...]
    seed: int
    cm: tuple[tuple[int, ...], ...] | None = None
    between: tuple[tuple[tuple[float, ...], ...], ...] = ()


class StateResult(_Record, frozen=True, kw_only=True):
    """The result for one analysed state, with how often the state was visited."""

    state: State
    visits: int
    result: PhiResult


class NullResult(_Record, frozen=True, kw_only=True):
    """Φ of surrogate data under a null hypothesis (``name`` says which) beside the Φ that it judges."""

    name: str
    surrogates: int
    mean: float
    upper: float
    excess: float
    p: float
    seed: int
    values: tuple[float, ...] = ()

    @property
    def words(self) -> str:
        """The null in one phrase."""
        return f"{self.name} null: mean {self.mean:.4f}, upper {self.upper:.4f}, p = {self.p:.3f}"


class Interval(_Record, frozen=True, kw_only=True):
    """A posterior interval of Φ.

    It is the middle ``level`` of Φ over ``draws`` TPMs drawn from the posterior of the counts, with its reflection in the
    estimate, since estimated Φ is biased. ``low`` is 0 where the null was not rejected, or not computed, as ``words`` then says.
    """

    low: float
    high: float
    level: float
    draws: int
    seed: int
    words: str = ""


class CurvePoint(_Record, frozen=True, kw_only=True):
    """Φ of ``subsamples`` random parts of the transitions, of ``transitions`` each: mean, smallest and largest."""

    transitions: int
    subsamples: int
    mean: float
    low: float
    high: float


class ThresholdPoint(_Record, frozen=True, kw_only=True):
    """Φ of the same state with other thresholds: of each unit the ``quantile`` of its activations.

    Of as many ``transitions`` as there are activations kept for it (or draws, for perturbed TPMs), from ``visited`` states.
    ``phi`` is None where there is none, as ``reason`` then says.
    """

    quantile: float
    thresholds: tuple[float, ...]
    transitions: int
    visited: int
    phi: float | None
    reason: str = ""


class Diagnostic(_Record, frozen=True, kw_only=True):
    """One checked assumption of the estimate: its value and unit, a p-value where there is a test, and plain words."""

    name: str
    value: float | None
    unit: str = ""
    p: float | None = None
    verdict: str = ""
    words: str = ""


# --- a task and its outcome ------------------------------------------------------------------------------------------


class ThresholdCounts(_Record, frozen=True, kw_only=True):
    """The transitions with other thresholds: of each unit the quantile of its activations."""

    quantile: float
    thresholds: tuple[float, ...]
    counts: Counts


class Judge(_Record, frozen=True, kw_only=True):
    """What a Φ is to be judged by, behind the analysis itself.

    Args:
        null: "cut" or "shuffle".
        surrogates: how many are drawn under the null.
        interval_draws: how many TPMs are drawn from the posterior; 0 for no interval.
        curve: also compute Φ against the number of transitions.
        thresholds: the transitions with other thresholds, of each of which Φ is computed too.
    """

    null: str = "cut"
    surrogates: int = 19
    interval_draws: int = 0
    curve: bool = False
    thresholds: tuple[ThresholdCounts, ...] = ()


class GroupTask(_Record, frozen=True, kw_only=True):
    """A further group of the layer's units: its counts and the state in which its Φ is computed."""

    counts: Counts
    state: State
    cm: tuple[tuple[int, ...], ...] | None = None


class PhiTask(_Record, frozen=True, kw_only=True):
    """What a worker is asked: a layer's counts of one epoch and the states to analyse.

    Plain data, so that any pool can carry it. ``visits`` says how often each of ``states`` was observed, where that is not what
    ``counts`` says (perturbed TPMs); ``blocks`` are the counts of each of several sources that were pooled; ``dynamics`` is
    what was counted to test Markov order and stationarity; ``groups`` are further subsets of units, with one state each; ``labels``
    name the elements in pictures.
    """

    layer: str
    epoch: int
    global_step: int
    counts: Counts
    prior: float
    states: tuple[State, ...]
    kind: Kind
    axis: Axis
    labels: tuple[str, ...] = ()
    visits: tuple[int, ...] = ()
    cm: tuple[tuple[int, ...], ...] | None = None
    engine: str = "auto"
    options: PhiOptions = PhiOptions()
    timeout: float | None = None
    judge: Judge | None = None
    blocks: tuple[Counts, ...] = ()
    dynamics: Dynamics | None = None
    groups: tuple[GroupTask, ...] = ()
    pictures: bool = True
    seed: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """Layer and epoch: what names a task and its record within a run."""
        return self.layer, self.epoch

    def visits_of(self, state: State) -> int:
        """How often a state was observed."""
        if self.visits:
            return self.visits[self.states.index(state)]
        index = sum(bit << unit for unit, bit in enumerate(state))
        return self.counts.visits[index] if index < len(self.counts.visits) else 0


class TaskResult(_Record, frozen=True, kw_only=True):
    """What a worker answers; ``states`` and ``groups`` have one result for every state and group, whatever happened."""

    states: tuple[StateResult, ...]
    tpm: TpmRecord | None = None
    scalars: dict[str, float] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    null: NullResult | None = None
    interval: Interval | None = None
    curve: tuple[CurvePoint, ...] = ()
    sensitivity: tuple[ThresholdPoint, ...] = ()
    major_complex: MajorComplex | None = None
    groups: tuple[PhiResult, ...] = ()
    images: dict[str, bytes] = {}
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


# --- the record of a layer at an epoch -------------------------------------------------------------------------------


class Provenance(_Record, frozen=True, kw_only=True):
    """Where a number comes from: options, seeds and package versions."""

    engine: str
    options: PhiOptions
    seed: int
    window: int
    world_size: int = 1
    packages: dict[str, str] = {}


class GroupResult(_Record, frozen=True, kw_only=True):
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


class EpochRecord(_Record, frozen=True, kw_only=True):
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


# --- the network's picture at an epoch ---------------------------------------------------------------------------------


LayerKind: TypeAlias = Literal["input", "linear", "conv", "rnn", "lstm", "gru", "embedding", "attention", "other"]
"""What a layer is: the viewer gives each kind a shape of its own."""


class NetworkLayer(_Record, frozen=True, kw_only=True):
    """A layer in forward order: a sample of its units, and what they did.

    Args:
        name: the module's name in the model; ``aliases`` are modules whose output is this layer's (an activation after it).
        kind: what the layer is; ``detail`` says it in words ("3x3 conv, 16 channels").
        width: how many units the layer truly has; ``indices`` are the sampled ones, ascending, of which ``analysed`` are the
            units of the analysed system.
        mean_activity: of each sampled unit over the batch that was watched.
        activity: ``[step, sampled unit]``: the units' activations along :attr:`NetworkSnapshot.steps`.
        heads: of an attention block.
    """

    name: str
    kind: LayerKind
    width: int
    indices: tuple[int, ...]
    aliases: tuple[str, ...] = ()
    detail: str = ""
    analysed: tuple[int, ...] = ()
    mean_activity: tuple[float, ...] = ()
    activity: tuple[tuple[float, ...], ...] = ()
    heads: int = 0


class Connections(_Record, frozen=True, kw_only=True):
    """The strongest weights between two layers (positions in ``NetworkSnapshot.layers``; equal for recurrent ones).

    Args:
        weights: ``(from unit, to unit, weight)``, strongest first; units are indices of the whole layer.
        of: which of the module's weights ("weight", "candidate gate", "value projection").
        total: how many weights the module has between the two layers, sampled or not.
        largest: the largest magnitude among the sampled units' weights: what the thickness is measured by.
    """

    from_layer: int
    to_layer: int
    weights: tuple[tuple[int, int, float], ...]
    of: str = "weight"
    total: int = 0
    largest: float = 0.0


class NetworkSnapshot(_Record, frozen=True, kw_only=True):
    """The network at an epoch, small enough to be drawn. One JSON file each, under ``<log_dir>/iit/network/snapshot=0003.json``.

    ``steps`` names each row of the layers' ``activity`` as (sample, position in its sequence).
    """

    epoch: int
    global_step: int
    wall_time: float
    layers: tuple[NetworkLayer, ...]
    connections: tuple[Connections, ...] = ()
    steps: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION


# --- JSON -------------------------------------------------------------------------------------------------------------

_Stored = TypeVar("_Stored", EpochRecord, NetworkSnapshot)

_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(EpochRecord)
_network_decoder = msgspec.json.Decoder(NetworkSnapshot)


def encode(record: msgspec.Struct) -> bytes:
    """A record as JSON bytes (floats keep every digit; NaN and infinity do not occur in records)."""
    return _encoder.encode(record)


def decode(data: bytes | str) -> EpochRecord:
    """The record that :func:`encode` wrote.

    Raises:
        RecordError: not JSON, not a record, or of a schema newer than this package reads.
    """
    return _decoded(_record_decoder, data, "record")


def decode_network(data: bytes | str) -> NetworkSnapshot:
    """The network snapshot that :func:`encode` wrote.

    Raises:
        RecordError: not JSON, not a snapshot, or of a schema newer than this package reads.
    """
    return _decoded(_network_decoder, data, "network snapshot")


def _decoded(decoder: msgspec.json.Decoder[_Stored], data: bytes | str, what: str) -> _Stored:
    try:
        stored = decoder.decode(data)
    except msgspec.MsgspecError as error:
        msg = f"This is not a {what} of lightning-iit: {error}."
        raise RecordError(msg) from error
    if stored.schema_version > SCHEMA_VERSION:
        name = what.rsplit(maxsplit=1)[-1]
        msg = f"The {name} has schema {stored.schema_version}; this version reads up to {SCHEMA_VERSION}. Update lightning-iit."
        raise RecordError(msg)
    return stored


# --- checks of a system -----------------------------------------------------------------------------------------------


def _rows(value: Any, what: str) -> list[list[Any]]:
    value = value.tolist() if hasattr(value, "tolist") else value
    try:
        return [list(row.tolist() if hasattr(row, "tolist") else row) for row in value]
    except TypeError as error:
        msg = f"{what}: expected a two-dimensional array, got {type(value).__name__}."
        raise InvalidSystemError(msg) from error


def _checked_tpm(value: Any) -> tuple[tuple[float, ...], ...]:
    rows = _rows(value, "tpm")
    n = len(rows[0]) if rows else 0
    if n == 0 or len(rows) != 2**n or any(len(row) != n for row in rows):
        msg = (
            f"tpm: got {len(rows)} rows of {n} entries. A state-by-node TPM of n nodes has 2**n rows of n entries"
            f"{f', here {2**n}' if 0 < n < 20 else ''}; turn a state-by-state matrix into one with `lightning_iit.state_by_node`."
        )
        raise InvalidSystemError(msg)
    for index, row in enumerate(rows):
        for node, entry in enumerate(row):
            if not isinstance(entry, Real) or not 0.0 <= float(entry) <= 1.0:
                msg = f"tpm: entry [{index}, {node}] is {entry!r}; each entry is a probability of being ON, from 0 to 1."
                raise InvalidSystemError(msg)
    return tuple(tuple(float(entry) for entry in row) for row in rows)


def _checked_state(value: Any, n: int) -> State:
    state: Sequence[Any] = value.tolist() if hasattr(value, "tolist") else value
    try:
        bits = tuple(int(bit) for bit in state)
        binary = all(bit in (0, 1) and bit == given for bit, given in zip(bits, state, strict=True))
    except (TypeError, ValueError):
        binary, bits = False, ()
    if not binary or len(bits) != n:
        msg = f"state: got {value!r}; the TPM has {n} nodes, so the state is {n} values of 0 or 1, node 0 first."
        raise InvalidSystemError(msg)
    return bits


def _checked_cm(value: Any, n: int) -> tuple[tuple[int, ...], ...]:
    rows = _rows(value, "cm")
    if len(rows) != n or any(len(row) != n for row in rows) or any(entry not in (0, 1) for row in rows for entry in row):
        msg = f"cm: expected an {n} x {n} matrix of 0 and 1 (cm[i][j] = 1 if node i has a connection to node j), got {rows!r}."
        raise InvalidSystemError(msg)
    return tuple(tuple(int(entry) for entry in row) for row in rows)
