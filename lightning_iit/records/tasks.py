"""The input of a worker (a task) and its output (a task's result)."""

from __future__ import annotations

import msgspec

from lightning_iit.records.captured import Counts, Dynamics, TpmRecord
from lightning_iit.records.iit4 import Structure
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
from lightning_iit.records.schema import Axis, Bit, Count, Epoch, Formalism, Key, Kind, Record, Seconds, Share, State, Step
from lightning_iit.records.split.parts import WHOLE_WORKS, Found, TaskPart
from lightning_iit.records.surveys import Moment, Moments, OfFormalism, Survey, SurveyGroup
from lightning_iit.records.systems import PhiOptions
from lightning_iit.records.whole.measures import WholeLayer
from lightning_iit.records.whole.tasks import WholeSeries, WholeTask


class ThresholdCounts(Record, frozen=True, kw_only=True):
    """Holds the transitions counted at other thresholds.

    Args:
        quantile: the quantile of each unit's activations that served as its threshold.
        thresholds: the threshold of each unit.
        counts: the transitions.
    """

    quantile: Share
    thresholds: tuple[float, ...]
    counts: Counts


class Judge(Record, frozen=True, kw_only=True):
    """Holds which judgements of a Φ are wanted besides the analysis itself.

    Args:
        null: "cut" or "shuffle".
        surrogates: how many surrogates are drawn under the null; 0 for no null.
        interval_draws: how many resamples, or TPMs from the posterior, are drawn for the interval; 0 for no interval.
        curve: whether Φ is also computed against the number of transitions.
        thresholds: the transitions at other thresholds, for each of which Φ is computed too.
        ties: whether it is found out how far Φ depends on ties.
    """

    null: str = "cut"
    surrogates: Count = 19
    interval_draws: Count = 0
    curve: bool = False
    thresholds: tuple[ThresholdCounts, ...] = ()
    ties: bool = False


class GroupTask(Record, frozen=True, kw_only=True):
    """Holds a further group of the layer's units, whose Φ is computed in one state.

    Args:
        counts: the group's transitions.
        state: the state in which Φ is computed.
        cm: connectivity matrix of the group's elements; None connects all to all.
    """

    counts: Counts
    state: State
    cm: tuple[tuple[Bit, ...], ...] | None = None


class PhiTask(Record, frozen=True, kw_only=True):
    """Holds the input of a worker: a layer's counts of one epoch, the states to analyse, and how.

    The task is plain data, so any pool can carry it.

    Args:
        layer: the layer's name.
        epoch: the epoch; -1 is the untrained network.
        global_step: the trainer's global step at capture.
        step: of a record within an epoch the global step; None for that of a whole epoch.
        counts: the transitions from which the TPM is estimated.
        prior: the probability of ON in rows that were never visited.
        states: the states to analyse, the most important first.
        kind: the kind of the numbers: "causal", "observational" or "statistical".
        axis: the axis along which the transitions go.
        labels: names of the elements, for the pictures.
        visits: how often each of ``states`` was observed, where ``counts`` does not say so (perturbed TPMs); empty reads
            ``counts``.
        cm: connectivity matrix of the elements; None connects all to all.
        engine: the name of the engine, or "auto".
        options: the options of the analysis.
        timeout: the time limit of the whole task in seconds; None takes the pool's limit.
        judge: which judgements of the first state's Φ are wanted; None for none.
        blocks: the counts of each source that was pooled in ``counts`` (blocks of a deep network), to test whether they have one
            TPM.
        dynamics: data for the tests of Markov order and stationarity, and to be resampled; stored without its parts.
        groups: further groups of the layer's units, each in one state (version 0.1.0).
        survey: the groups of the layer's survey, the task's own group first.
        resampled: for each group of the survey the TPMs of resampled sequences, ``[resample, state, unit]`` as the bytes of float64
            in this order; empty for no interval. Never stored.
        moments: single moments of the task's own group, in each of which Φ is computed too.
        further: the formalisms by which Φ is computed too, beside that of ``options``.
        resample_further: whether the resamples are analysed by further formalisms too that need a search of their own.
        pictures: whether the pictures are drawn.
        seed: the seed of everything that is drawn at random.
        whole: what is computed of the whole layer; None for nothing. Never stored.
        split: the parts that a pool of several workers has computed first, each by any of them; none for a task that is computed
            in one piece. Never stored.
        part: the part that is computed; None for the task itself. Of the other parts a task of one part has no data.
        found: what the parts of ``split`` found, which is not computed again; of a part that waits for another, what that found.
    """

    layer: str
    epoch: Epoch
    global_step: Step
    counts: Counts
    prior: Share
    states: tuple[State, ...]
    kind: Kind
    axis: Axis
    step: Step | None = None
    labels: tuple[str, ...] = ()
    visits: tuple[Count, ...] = ()
    cm: tuple[tuple[Bit, ...], ...] | None = None
    engine: str = "auto"
    options: PhiOptions = PhiOptions()
    timeout: Seconds | None = None
    judge: Judge | None = None
    blocks: tuple[Counts, ...] = ()
    dynamics: Dynamics | None = None
    groups: tuple[GroupTask, ...] = ()
    survey: tuple[SurveyGroup, ...] = ()
    resampled: tuple[bytes, ...] = ()
    moments: tuple[Moment, ...] = ()
    further: tuple[Formalism, ...] = ()
    resample_further: bool = True
    pictures: bool = True
    seed: int = 0
    whole: WholeTask | None = None
    split: tuple[TaskPart, ...] = ()
    part: TaskPart | None = None
    found: tuple[Found, ...] = ()

    @property
    def key(self) -> Key:
        """Returns what identifies a task and its record within a run: layer and epoch, and within an epoch the step too."""
        return (self.layer, self.epoch) if self.step is None else (self.layer, self.epoch, self.step)

    @property
    def stored(self) -> PhiTask:
        """Returns the task as it is stored: in one piece, and without its large data (resamples, parts, activations)."""
        dynamics = self.dynamics and msgspec.structs.replace(self.dynamics, parts=())
        return msgspec.structs.replace(self, resampled=(), dynamics=dynamics, whole=None, split=(), part=None, found=())

    def of_part(self, part: TaskPart) -> PhiTask:
        """Returns what a worker is given of the task to compute one part of it, without the data that the part does not need."""
        works = {stretch.work for stretch in part.stretches}
        groups = {stretch.group for stretch in part.stretches if stretch.work in {"survey", "resamples"}}
        resampled = []
        for group, (of, drawn) in enumerate(zip(self.survey, self.resampled, strict=False)):
            own = part.resamples_of(group)
            resampled.append(drawn[own.start * of.tpm_bytes : own.stop * of.tpm_bytes])
        survey = (of if group in groups else SurveyGroup(units=of.units) for group, of in enumerate(self.survey))
        judges = bool(works & {"null", "interval", "curve"})
        return msgspec.structs.replace(
            self,
            split=(),
            part=part,
            survey=tuple(survey) if groups else (),
            resampled=tuple(resampled) if any(resampled) else (),
            judge=msgspec.structs.replace(self.judge, thresholds=()) if judges and self.judge is not None else None,
            dynamics=self.dynamics if judges else None,
            whole=self.whole if works & {"whole", "whole_values", *WHOLE_WORKS} else None,
            blocks=(),
            groups=(),
            moments=(),
        )

    def with_found(self, found: tuple[Found, ...]) -> PhiTask:
        """Returns the task as it is computed once its parts are, without the data that only the parts needed."""
        apart = any(one.stretch.work in {"whole", "whole_values"} for one in found)
        whole = self.whole and msgspec.structs.replace(self.whole, series=WholeSeries(), sums=None) if apart else self.whole
        return msgspec.structs.replace(self, split=(), found=found, resampled=(b"",) * len(self.resampled), whole=whole)

    def visits_of(self, state: State) -> int:
        """Returns how often a state was observed.

        Raises:
            ValueError: the task has ``visits`` and does not analyse the state.
        """
        if self.visits:
            return self.visits[self.states.index(state)]
        index = sum(bit << unit for unit, bit in enumerate(state))
        return self.counts.visits[index] if index < len(self.counts.visits) else 0


class TaskResult(Record, frozen=True, kw_only=True):
    """Holds the output of a worker; every state and group of the task has one result, whatever happened.

    Args:
        states: the result of each state, in the order of the task.
        tpm: the estimated TPM.
        scalars: the scalars to be logged, by name.
        diagnostics: the checks of what Φ assumes of the data.
        null: the null of the first state's Φ.
        interval: the interval of the first state's Φ.
        curve: Φ against the number of transitions.
        sensitivity: Φ at other thresholds.
        major_complex: the subset of units with the largest Φ, where the options request it.
        groups: the result of each further group, in the order of the task.
        survey: Φ of the layer; None where the task asked for none.
        moments: Φ at single moments; None where the task asked for none.
        structure: of IIT 4.0 the cause-effect structure in the first state.
        others: what each further formalism gives, in the order of the task.
        whole: the measures of the whole layer; None where the task asked for none.
        images: the pictures by name, such as "mip" (PNG), "mip.svg", and "mip_small" (PNG) for the cards of trackers;
            "pairs" of ΦID.
        notes: parts that could not be made, and why.
        seconds: how long the whole task took, its parts one after the other.
        complete: whether the task ended by itself, and all of its parts.
        found: of a task of one part, what the part found.
    """

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
    survey: Survey | None = None
    moments: Moments | None = None
    structure: Structure | None = None
    others: tuple[OfFormalism, ...] = ()
    whole: WholeLayer | None = None
    images: dict[str, bytes] = {}
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    complete: bool = True
    found: tuple[Found, ...] = ()
