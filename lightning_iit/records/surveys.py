"""The survey of a layer: Φ of several groups of its units, each in many states; and Φ of a group at single moments."""

from __future__ import annotations

from lightning_iit.records.captured import Counts, Units
from lightning_iit.records.schema import Bit, Count, PhiValue, Record, Share, Size, State


class SurveyGroup(Record, frozen=True, kw_only=True):
    """Holds a group of units of a layer, the states in which its Φ is computed, and Φ in each of them.

    Args:
        units: the units of the group.
        counts: the group's transitions, watched or of a perturbation, without their joint table; None where there are none.
        cm: connectivity matrix of the group's elements; None connects all to all.
        states: the states in which Φ is computed.
        visits: how often each of these states was observed: its weight in the mean. 0 for a state that was not observed.
        phis: Φ in each state; None where no state leads to it, or where its analysis failed. Empty before the analysis.
        positive: the share of resamples in which Φ of the most visited state is above 1e-6; None without resamples.
        reason: why there is no Φ in any state, else an empty text.
    """

    units: Units
    counts: Counts | None = None
    cm: tuple[tuple[Bit, ...], ...] | None = None
    states: tuple[State, ...] = ()
    visits: tuple[Count, ...] = ()
    phis: tuple[PhiValue | None, ...] = ()
    positive: Share | None = None
    reason: str = ""

    @property
    def phi(self) -> float | None:
        """Returns the mean Φ over the visited states that have one, weighted by visits; None where there is none."""
        return self.weighted(self)

    def weighted(self, other: SurveyGroup) -> float | None:
        """Returns the mean of this group's Φ, weighted by the visits of ``other``; None where no visited state has a Φ here.

        Args:
            other: the same units at another time, whose visits are the weights.
        """
        known = dict(zip(self.states, self.phis, strict=False))
        total = mean = 0.0
        for state, weight in zip(other.states, other.visits, strict=True):
            phi = known.get(state)
            if phi is not None:
                total, mean = total + weight, mean + phi * weight
        return mean / total if total else None


class Survey(Record, frozen=True, kw_only=True):
    """Holds Φ of a layer: the mean over groups of its units.

    The mean of a group is over the states that were visited, weighted by visits. The same groups are surveyed in every epoch, so
    the surveys of two epochs are compared group by group.

    Args:
        phi: the mean over the groups that have a Φ; None where no group has one.
        groups: every group; the first one is the group that the record describes in detail.
        resampled: what ``phi`` would be for resampled sequences of the data, one value for each resample; empty where none were
            made. It differs from ``phi`` by what the two most visited states of each group differ.
        se: the standard deviation of ``resampled``, the standard error of ``phi``; None without resamples.
        low: the lower end of a 90 % interval of ``phi``.
        high: the upper end.
        positive: the share of groups and resamples with Φ above 1e-6 in the group's most visited state; None without resamples.
        interval_words: how the interval was made, or why there is none.
    """

    phi: PhiValue | None = None
    groups: tuple[SurveyGroup, ...] = ()
    resampled: tuple[float, ...] = ()
    se: Size | None = None
    low: PhiValue | None = None
    high: PhiValue | None = None
    positive: Share | None = None
    interval_words: str = ""

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged of the survey: ``phi``, and with an interval ``phi_se``, ``phi_low`` and ``phi_high``."""
        named = {"phi": self.phi, "phi_se": self.se, "phi_low": self.low, "phi_high": self.high}
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
            f"With the background held at single moments ({self.moments}, each in its own state), {self.reachable:.0%} of the "
            f"states can be reached, {self.positive:.0%} have Φ > 0{mean}. What Φ of the averaged system has beyond that comes "
            "from averaging over backgrounds."
        )
