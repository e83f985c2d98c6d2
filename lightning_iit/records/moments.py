"""Φ at single moments: what is left of a perturbed Φ where its background is not averaged over."""

from __future__ import annotations

from lightning_iit.records.schema import Count, PhiValue, Record, Share


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
