"""The survey of a layer: Φ of several groups of its units, each in many states; and what further formalisms and moments give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records.captured import Counts, Units
from lightning_iit.records.iit4 import Structure
from lightning_iit.records.results import MajorComplex, PhiResult, StateResult
from lightning_iit.records.schema import Bit, Count, Formalism, PhiValue, Record, Share, Size, State
from lightning_iit.records.shown.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

POSITIVE = 1e-6
"""A Φ above this is called positive: rounding leaves less."""


def _weighted_mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """Returns the weighted mean of the values that are known; None where none with a weight is."""
    known = [(value, weight) for value, weight in zip(values, weights, strict=False) if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


class SurveyGroup(Record, frozen=True, kw_only=True):
    """Holds a group of units of a layer, the states in which its Φ is computed, and Φ in each of them.

    Args:
        units: the units of the group.
        counts: the group's transitions, watched or of a perturbation, without their joint table; None where there are none.
        cm: connectivity matrix of the group's elements; None connects all to all.
        states: the states in which Φ is computed.
        visits: how often each of these states was observed: its weight in the mean. 0 for a state that was not observed.
        phis: Φ in each state; None where no state leads to it, or where its analysis failed. Empty before the analysis.
        signed: of IIT 4.0 the signed φ_s in each state, which is negative where a partition makes the states more probable.
        positive: the share of resamples in which Φ of the most visited state is above 1e-6; None without resamples.
        reason: why there is no Φ in any state, else an empty text.
    """

    units: Units
    counts: Counts | None = None
    cm: tuple[tuple[Bit, ...], ...] | None = None
    states: tuple[State, ...] = ()
    visits: tuple[Count, ...] = ()
    phis: tuple[PhiValue | None, ...] = ()
    signed: tuple[float | None, ...] = ()
    positive: Share | None = None
    reason: str = ""

    @property
    def tpm_bytes(self) -> int:
        """Returns how many bytes one resampled TPM of the group takes, as a task has it; 0 where there are no counts."""
        return 8 * sum(map(len, self.counts.on)) if self.counts is not None else 0

    @property
    def phi(self) -> float | None:
        """Returns the mean Φ over the visited states that have one, weighted by visits; None where there is none."""
        return self.weighted(self)

    @property
    def signed_phi(self) -> float | None:
        """Returns the mean signed φ_s over the visited states that have one, weighted by visits; None where there is none."""
        return _weighted_mean(self.signed, self.visits)

    @property
    def share(self) -> float | None:
        """Returns the share of the visits that are of a state with Φ above 1e-6, of the states that have a Φ; None without any."""
        return _weighted_mean([None if phi is None else float(phi > POSITIVE) for phi in self.phis], self.visits)

    def weighted(self, other: SurveyGroup) -> float | None:
        """Returns the mean of this group's Φ, weighted by the visits of ``other``; None where no visited state has a Φ here.

        Args:
            other: the same units at another time, whose visits are the weights.
        """
        known = dict(zip(self.states, self.phis, strict=False))
        return _weighted_mean([known.get(state) for state in other.states], other.visits)


class Survey(Record, frozen=True, kw_only=True):
    """Holds Φ of a layer: the mean over groups of its units.

    The mean of a group is over the states that were visited, weighted by visits. The same groups are surveyed in every epoch, so
    the surveys of two epochs are compared group by group.

    Args:
        phi: the mean over the groups that have a Φ; None where no group has one, or where the time was over before all groups were
            analysed: the groups that were keep their Φ.
        groups: every group; the first one is the group that the record describes in detail.
        resampled: what ``phi`` would be for resampled sequences of the data, one value for each resample; empty where none were
            made. It differs from ``phi`` by what the two most visited states of each group differ.
        se: the standard deviation of ``resampled``, the standard error of ``phi``; None without resamples.
        low: the lower end of a 90 % interval of ``phi``.
        high: the upper end.
        positive: the share of groups and resamples with Φ above 1e-6 in the group's most visited state; None without resamples.
        interval_words: how the interval was made, or why there is none, nor a mean.
        share: of IIT 4.0 the mean over groups of the share of the visits that are of a state with φ_s above 1e-6: in most states of
            most small systems φ_s is exactly 0.
        signed: of IIT 4.0 the mean over groups of signed φ_s; None where there is none.
    """

    phi: PhiValue | None = None
    groups: tuple[SurveyGroup, ...] = ()
    resampled: tuple[float, ...] = ()
    se: Size | None = None
    low: PhiValue | None = None
    high: PhiValue | None = None
    positive: Share | None = None
    interval_words: str = ""
    share: Share | None = None
    signed: float | None = None

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged of the survey.

        That is ``phi``; with an interval ``phi_se``, ``phi_low`` and ``phi_high``; of IIT 4.0 ``phi_share`` and ``phi_signed`` too.
        """
        named = {"phi": self.phi, "phi_se": self.se, "phi_low": self.low, "phi_high": self.high}
        named |= {"phi_share": self.share, "phi_signed": self.signed}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def spread(self) -> dict[str, float]:
        """Returns ``phi_groups_std`` (standard deviation over groups), ``phi_groups_max`` and ``groups`` (those with a Φ)."""
        phis = [group.phi for group in self.groups if group.phi is not None]
        if not phis:
            return {}
        mean = sum(phis) / len(phis)
        deviation = (sum((phi - mean) ** 2 for phi in phis) / len(phis)) ** 0.5
        return {"phi_groups_std": deviation, "phi_groups_max": max(phis), "groups": float(len(phis))}


class Moment(Record, frozen=True, kw_only=True):
    """Holds the transitions of a group of units in one observed background, in which nothing is random.

    Args:
        state: the index of the state in which the units were observed at this moment.
        following: the index of the next state after each state that the units were set into, ``[2**n]``.
    """

    state: Count
    following: tuple[Count, ...]


class Moments(Record, frozen=True, kw_only=True):
    """Holds Φ of the shown group at single moments: the background held as it was observed, the units in their own state.

    Args:
        moments: how many moments were drawn.
        reachable: the share of them whose state follows some state in their background; Φ is defined for no others.
        positive: the share of all of them with Φ above 1e-6.
        phi: the mean Φ of the reachable ones; None where there are none.
    """

    moments: Count
    reachable: Share
    positive: Share
    phi: PhiValue | None = None

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged: ``moments_reachable``, ``moments_positive``, and ``moments_phi`` where it is known."""
        found = {"moments_reachable": self.reachable, "moments_positive": self.positive}
        return found if self.phi is None else found | {"moments_phi": self.phi}

    @property
    def words(self) -> str:
        """Returns what the moments show in two sentences."""
        mean = "" if self.phi is None else f", and the mean Φ of the reachable ones is {self.phi:.4g}"
        return (
            f"With the background held at single moments ({self.moments}, each in its own state), {percent(self.reachable)} of the "
            f"states can be reached, {percent(self.positive)} have Φ > 0{mean}. What Φ of the averaged system has beyond that "
            "comes from averaging over backgrounds."
        )


class OfFormalism(Record, frozen=True, kw_only=True):
    """Holds what a record has of a further formalism, beside that of its ``result``; units, states and TPM are the same.

    Args:
        formalism: "iit3", "iit4-2023" or "iit4-2026".
        result: the result of the first state in ``states``.
        states: the result of each analysed state.
        scalars: the numbers that are logged of it, by name.
        survey: Φ of the layer by this formalism; its groups have no counts, which are those of the record's own survey.
        structure: the cause-effect structure in the first state (IIT 4.0).
        major_complex: the subset of the units with the largest Φ, where the options request it.
        notes: what a reader should know, in sentences.
    """

    formalism: Formalism
    result: PhiResult
    states: tuple[StateResult, ...] = ()
    scalars: dict[str, float] = {}
    survey: Survey | None = None
    structure: Structure | None = None
    major_complex: MajorComplex | None = None
    notes: tuple[str, ...] = ()

    @property
    def phi(self) -> float | None:
        """Returns Φ (IIT 3.0) or φ_s (IIT 4.0) of the first state; None where it was not computed."""
        return self.result.phi
