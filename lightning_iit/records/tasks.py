"""What a worker is asked, and what it answers."""

from __future__ import annotations

from lightning_iit.records.captured import Counts, Dynamics, TpmRecord
from lightning_iit.records.results import (
    CurvePoint,
    Diagnostic,
    Interval,
    MajorComplex,
    NullResult,
    PhiResult,
    StateResult,
    ThresholdPoint,
)
from lightning_iit.records.schema import Axis, Kind, Record, State
from lightning_iit.records.systems import PhiOptions


class ThresholdCounts(Record, frozen=True, kw_only=True):
    """The transitions with other thresholds: of each unit the quantile of its activations."""

    quantile: float
    thresholds: tuple[float, ...]
    counts: Counts


class Judge(Record, frozen=True, kw_only=True):
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


class GroupTask(Record, frozen=True, kw_only=True):
    """A further group of the layer's units: its counts and the state in which its Φ is computed."""

    counts: Counts
    state: State
    cm: tuple[tuple[int, ...], ...] | None = None


class PhiTask(Record, frozen=True, kw_only=True):
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


class TaskResult(Record, frozen=True, kw_only=True):
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
