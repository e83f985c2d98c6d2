"""How an analysis can end, and what a Φ is judged by."""

from __future__ import annotations

import math
from typing import TypeAlias

from lightning_iit.records.schema import Record, State
from lightning_iit.records.systems import Concept, Cut


class EngineInfo(Record, frozen=True, kw_only=True):
    """Which engine computed a result, in which version."""

    name: str
    version: str


class Computed(Record, frozen=True, kw_only=True, tag="computed", tag_field="status"):
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


class TimedOut(Record, frozen=True, kw_only=True, tag="timed_out", tag_field="status"):
    """The analysis did not end within its time limit (seconds)."""

    reason: str
    timeout: float


class Failed(Record, frozen=True, kw_only=True, tag="failed", tag_field="status"):
    """The analysis broke. ``code`` is one of worker_died, engine_error, capture_error, interrupted."""

    code: str
    reason: str
    details: str = ""


class Skipped(Record, frozen=True, kw_only=True, tag="skipped", tag_field="status"):
    """The analysis was not made. ``code`` says why in a word (state_unreachable, queue_full, no_transitions, ...)."""

    code: str
    reason: str


PhiResult: TypeAlias = Computed | TimedOut | Failed | Skipped


class MajorComplex(Record, frozen=True, kw_only=True):
    """The subset of units with the largest Φ, the rest being held as fixed background; its nodes are indices of the system."""

    nodes: tuple[int, ...]
    result: PhiResult


class StateResult(Record, frozen=True, kw_only=True):
    """The result for one analysed state, with how often the state was visited."""

    state: State
    visits: int
    result: PhiResult


class NullResult(Record, frozen=True, kw_only=True):
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


class Interval(Record, frozen=True, kw_only=True):
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


class CurvePoint(Record, frozen=True, kw_only=True):
    """Φ of ``subsamples`` random parts of the transitions, of ``transitions`` each: mean, smallest and largest."""

    transitions: int
    subsamples: int
    mean: float
    low: float
    high: float


class ThresholdPoint(Record, frozen=True, kw_only=True):
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


class Diagnostic(Record, frozen=True, kw_only=True):
    """One checked assumption of the estimate: its value and unit, a p-value where there is a test, and plain words."""

    name: str
    value: float | None
    unit: str = ""
    p: float | None = None
    verdict: str = ""
    words: str = ""
