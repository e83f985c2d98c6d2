"""The possible outcomes of an analysis, and the numbers with which a Φ is judged."""

from __future__ import annotations

import math
from typing import TypeAlias

from lightning_iit.records.iit4 import SystemPhi
from lightning_iit.records.schema import Count, EngineInfo, Index, PhiValue, Record, Seconds, Share, State
from lightning_iit.records.shown.html import block, facts, table
from lightning_iit.records.shown.numbers import decimals
from lightning_iit.records.systems import Concept, Cut, braces

_SHOWN = 6
"""The number of mechanisms with tied purviews that are named in words."""


class Computed(Record, frozen=True, kw_only=True, tag="computed", tag_field="status"):
    """Holds Φ of one system in one state.

    Args:
        phi: Φ, by default in units of the Hamming earth mover's distance.
        cut: the minimum-information partition; None where Φ is 0 without a search (fewer than two nodes, not strongly connected, or
            no concept).
        concepts: the cause-effect structure of the whole system.
        partitioned_concepts: the cause-effect structure of the system cut at the minimum-information partition.
        cuts_evaluated: how many partitions were examined until the minimum was certain.
        seconds: how long the analysis took.
        engine: the engine that computed.
        reason: why Φ is 0 where no partition was searched; otherwise empty.
        phi_margin: how much larger Φ of the second-best partition is; None where that was not asked for.
        tied_purviews: the mechanisms of the concepts whose cause or effect purview another purview of equal φ ties with, in
            the whole or in the cut system, so that a rule takes one of them; None where they were not looked for.
        phi_jitter: the smallest and the largest Φ of 10 TPMs whose entries differ from this one's by at most 1e-4; None where that
            was not computed.
    """

    phi: PhiValue
    cut: Cut | None = None
    concepts: tuple[Concept, ...] = ()
    partitioned_concepts: tuple[Concept, ...] = ()
    cuts_evaluated: Count = 0
    seconds: Seconds = 0.0
    engine: EngineInfo
    reason: str = ""
    phi_margin: PhiValue | None = None
    tied_purviews: tuple[tuple[Index, ...], ...] | None = None
    phi_jitter: tuple[PhiValue, PhiValue] | None = None

    @property
    def ties_words(self) -> str:
        """Returns in a sentence whether Φ depends on ties; empty where that was not looked for."""
        if self.tied_purviews is None or self.phi_jitter is None:
            return ""
        low, high = self.phi_jitter
        around = f"Φ of 10 TPMs that differ by at most 0.0001 is {low:.6g} to {high:.6g}"
        if self.phi_margin is not None:
            around += f", and that of the second-best partition is larger by {self.phi_margin:.6g}"
        if not self.tied_purviews:
            return f"Φ depends on no tie between purviews; {around}."
        shown = ", ".join(map(braces, self.tied_purviews[:_SHOWN])) + ", ..." * (len(self.tied_purviews) > _SHOWN)
        number = f"{len(self.tied_purviews)} of {len(self.concepts)} concepts"
        return f"Φ depends on ties: in {number} ({shown}) a rule takes one of the purviews with equal φ; {around}."

    @property
    def sum_small_phi(self) -> float:
        """Returns the sum of small φ over the concepts of the unpartitioned cause-effect structure."""
        return math.fsum(concept.phi for concept in self.concepts)

    def _repr_html_(self) -> str:
        """Returns Φ, the partition and the concepts for a notebook."""
        return block(f"Φ = {self.phi:.6g}", facts(self.facts()), self.concepts_table())

    def facts(self) -> list[tuple[str, str]]:
        """Returns what a reader sees of this result beside Φ, as pairs of a name and a text."""
        return [
            ("partition", "" if self.cut is None else f"{self.cut}; partitions evaluated: {self.cuts_evaluated}"),
            ("remark", self.reason),
            ("ties", self.ties_words),
            ("engine", f"{self.engine.name} {self.engine.version}, {self.seconds:.3g} s"),
        ]

    def concepts_table(self) -> str:
        """Returns the table of the concepts as HTML; empty where there are none."""
        columns = ("mechanism", "cause purview", "effect purview", "φ", "cause φ", "effect φ")
        rows = [
            (
                *map(braces, (concept.mechanism, concept.cause_purview, concept.effect_purview)),
                *(f"{value:.6g}" for value in (concept.phi, concept.cause_phi, concept.effect_phi)),
            )
            for concept in self.concepts
        ]
        return table(columns, rows, right=columns[3:]) if rows else ""


class _NoPhi(Record, frozen=True):
    """Is the base of the outcomes that have no Φ."""

    @property
    def phi(self) -> None:
        """Returns None, since there is no Φ."""
        return None


class TimedOut(_NoPhi, frozen=True, kw_only=True, tag="timed_out", tag_field="status"):
    """Says that the analysis did not end within its time limit.

    Args:
        reason: a sentence for people.
        timeout: the time limit in seconds.
    """

    reason: str
    timeout: Seconds


class Failed(_NoPhi, frozen=True, kw_only=True, tag="failed", tag_field="status"):
    """Says that the analysis broke.

    Args:
        code: "worker_died", "executor_unfit", "engine_error", "capture_error" or "interrupted".
        reason: a sentence for people.
        details: the traceback, where there is one.
    """

    code: str
    reason: str
    details: str = ""


class Skipped(_NoPhi, frozen=True, kw_only=True, tag="skipped", tag_field="status"):
    """Says that the analysis was not made.

    Args:
        code: the reason in a word, such as "state_unreachable", "queue_full" or "no_transitions".
        reason: a sentence for people.
    """

    code: str
    reason: str


class Open(_NoPhi, frozen=True, kw_only=True, tag="open", tag_field="status"):
    """Says that the analysis has not ended yet.

    Args:
        reason: a sentence for people.
    """

    reason: str = "The analysis has not ended yet."


def can_be_settled(result: PhiResult) -> bool:
    """Says whether a result is only missing because the run ended, or has not ended, before its analysis."""
    return isinstance(result, Open) or (isinstance(result, (Failed, Skipped)) and result.code in {"interrupted", "drain_timeout"})


PhiResult: TypeAlias = Computed | SystemPhi | TimedOut | Failed | Skipped | Open
"""How an analysis ended, or that it has not; only a Computed (IIT 3.0) or a SystemPhi (IIT 4.0) has a Φ."""


class RankedPartition(Record, frozen=True, kw_only=True):
    """Holds one partition of a system with its Φ.

    Args:
        phi: Φ of the cut (IIT 3.0), or φ_s of the partition (IIT 4.0; of "iit4-2026" with the cap), at least 0.
        cut: of IIT 3.0 the cut.
        severed: of IIT 4.0 the connections (from, to) that the partition severs.
        signed_phi: of IIT 4.0 φ_s before it is set to at least 0.
        normalized_phi: of IIT 4.0 φ_s divided by the number of severed connections.
    """

    phi: PhiValue
    cut: Cut | None = None
    severed: tuple[tuple[Index, Index], ...] = ()
    signed_phi: float | None = None
    normalized_phi: PhiValue | None = None

    @property
    def words(self) -> str:
        """Returns the partition in words."""
        return ", ".join(f"{i} to {j}" for i, j in self.severed) if self.cut is None else str(self.cut)


class Partitions(Record, frozen=True, kw_only=True):
    """Holds the partitions of a system with the smallest Φ, the minimum first; all node indices are those of the whole system.

    Args:
        formalism: the version of the theory.
        partitions: the partitions.
        number: how many partitions the system has.
        reason: why there is none, where Φ is 0 without a search; else empty.
        engine: the engine that computed.
        seconds: how long the calculation took.
    """

    formalism: str
    partitions: tuple[RankedPartition, ...]
    number: Count = 0
    reason: str = ""
    engine: EngineInfo
    seconds: Seconds = 0.0


class MajorComplex(Record, frozen=True, kw_only=True):
    """Holds the major complex: the subset of units with the largest Φ, the other units being held fixed as background.

    Args:
        nodes: indices in the system; empty where no subset has Φ > 0, or where the search did not end.
        result: the result of the subset, or why the search did not end.
        others: of IIT 4.0 the complexes that overlap neither the major complex nor each other, the largest φ_s first.
    """

    nodes: tuple[Index, ...]
    result: PhiResult
    others: tuple[SystemPhi, ...] = ()


class StateResult(Record, frozen=True, kw_only=True):
    """Holds the result for one analysed state.

    Args:
        state: the state.
        visits: how often the state was observed.
        result: how the analysis ended.
    """

    state: State
    visits: Count
    result: PhiResult


class NullResult(Record, frozen=True, kw_only=True):
    """Holds the comparison of a Φ with the Φ of surrogate data, which were drawn under a null hypothesis.

    Args:
        name: the null, "cut" or "shuffle".
        surrogates: how many surrogates have a Φ.
        mean: the mean Φ of the surrogates.
        upper: the 95 % quantile of the surrogates' Φ.
        excess: Φ of the data minus ``mean``.
        p: the p-value, ``(1 + #{surrogates with at least this Φ}) / (surrogates + 1)``.
        seed: the seed of the surrogates.
        values: Φ of every surrogate, ascending.
    """

    name: str
    surrogates: Count
    mean: PhiValue
    upper: PhiValue
    excess: float
    p: Share
    seed: int
    values: tuple[PhiValue, ...] = ()

    @property
    def words(self) -> str:
        """Returns name, mean, upper end and p-value in one phrase."""
        return f"{self.name} null: mean {decimals(self.mean)}, upper {decimals(self.upper)}, {self.p_words}"

    @property
    def p_words(self) -> str:
        """Returns the p-value with the number of surrogates, which bounds it.

        Example:
            >>> NullResult(name="cut", surrogates=19, mean=0.0, upper=0.0, excess=0.1, p=0.05, seed=0).p_words
            'p <= 1/20, 19 surrogates'
        """
        smallest = 1 / (self.surrogates + 1)
        said = f"p <= 1/{self.surrogates + 1}" if self.p <= smallest + 1e-9 else f"p = {self.p:.3f}"
        return f"{said}, {self.surrogates} surrogate{'' if self.surrogates == 1 else 's'}"


class Interval(Record, frozen=True, kw_only=True):
    """Holds an interval of Φ.

    Of units that were set it is the middle ``level`` of Φ over resampled sequences, as ``words`` says. Of watched units it joins
    the middle ``level`` of Φ over resampled parts of the data with the reflection of this range in the estimate, since estimated Φ
    is biased. Where the data have too few parts, TPMs drawn from the posterior of the counts take the place of resamples, as if
    transitions were independent.

    Args:
        low: the lower end; 0 where the null was not rejected, or not computed.
        high: the upper end.
        level: the share of the posterior, or of the resamples, that lies inside.
        draws: how many TPMs drawn from the posterior, or resamples, have a Φ.
        seed: the seed of the draws.
        words: why the lower end was set to 0, or how sequences were resampled; otherwise empty.
        parts: how many consecutive parts of the data were resampled; 0 where none were.
    """

    low: PhiValue
    high: PhiValue
    level: Share
    draws: Count
    seed: int
    words: str = ""
    parts: Count = 0


class CurvePoint(Record, frozen=True, kw_only=True):
    """Holds a point of the curve of Φ against the number of transitions.

    Args:
        transitions: how many transitions each random subset has; where subsets are of whole parts of the data, their mean.
        subsamples: how many subsets have a Φ.
        mean: their mean Φ.
        low: their smallest Φ.
        high: their largest Φ.
    """

    transitions: Count
    subsamples: Count
    mean: PhiValue
    low: PhiValue
    high: PhiValue


class ThresholdPoint(Record, frozen=True, kw_only=True):
    """Holds Φ of the same state at other thresholds.

    Args:
        quantile: the quantile of each unit's activations that served as its threshold.
        thresholds: the threshold of each unit.
        transitions: how many transitions were counted: as many as the kept activations give, or as were made by perturbation.
        visited: how many states were visited.
        phi: Φ, None where it was not computed.
        reason: why there is no Φ, or why Φ is 0 without a search; otherwise empty.
    """

    quantile: Share
    thresholds: tuple[float, ...]
    transitions: Count
    visited: Count
    phi: PhiValue | None
    reason: str = ""


class Diagnostic(Record, frozen=True, kw_only=True):
    """Holds the check of one assumption of the estimate, or one number that describes the TPM.

    Args:
        name: the diagnostic, such as "coverage" or "markov_order".
        value: the number, None where it was not computed.
        unit: the number's unit, such as "bit"; empty for shares.
        p: the p-value, where there is a test.
        verdict: "ok", "violated", "not enough data" or "not applicable"; empty for a number that only describes.
        words: the outcome as a sentence.
    """

    name: str
    value: float | None
    unit: str = ""
    p: Share | None = None
    verdict: str = ""
    words: str = ""
