"""Groups of units inside those that a record holds, with their TPM."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.records import Counts
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.tpm.states import index_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float

    from lightning_iit.records import EpochRecord, State

    Cm = tuple[tuple[int, ...], ...] | None


class GroupTpm(NamedTuple):
    """Holds the TPM of a group of units, an analysed state, the connections, and where the TPM comes from, in a sentence."""

    state_by_node: Float[np.ndarray, "state unit"]
    state: State | None
    cm: Cm
    words: str


class _Recorded(NamedTuple):
    """Holds a group of units of which a record has transitions."""

    units: tuple[int, ...]
    counts: Counts
    cm: Cm
    state: State | None
    observed: tuple[int, ...]


def group_in(record: EpochRecord, units: Sequence[int], *, prior: float | None) -> GroupTpm | None:
    """Returns the TPM of some units, in the order given; None where no recorded group has all of them.

    Of units that were watched it is that of their own counts, whatever the other recorded units did. Of units that were set it is
    the mean over the states of the other recorded units, weighted by how often these were observed.

    Args:
        record: the record.
        units: the indices of the units in the layer.
        prior: the P(ON) in rows that were never visited; None for that of the record.
    """
    groups = sorted(_recorded(record), key=lambda group: len(group.units))
    found = next((group for group in groups if set(units) <= set(group.units)), None)
    if found is None:
        return None
    places = [found.units.index(unit) for unit in units]
    cm = None if found.cm is None else tuple(tuple(found.cm[i][j] for j in places) for i in places)
    state = None if found.state is None else tuple(found.state[place] for place in places)
    used = prior if prior is not None else 0.5 if record.tpm is None else record.tpm.prior
    inside = ", ".join(map(str, found.units))
    if record.kind == "causal":
        rows = _over_others(tpm_for_phi(found.counts, used).state_by_node, places, found.observed)
        words = f"Units {inside} were set together"
        rest = "the others of them weighted by how often their states were observed" if len(units) < len(found.units) else ""
        return GroupTpm(rows, state, cm, f"{words}; {rest}." if rest else f"{words}.")
    rows = tpm_for_phi(_summed(found.counts, places), used).state_by_node
    return GroupTpm(rows, state, cm, f"From the counts of units {inside}, which were watched together.")


def _recorded(record: EpochRecord) -> Iterator[_Recorded]:
    """Yields the groups of which a record has transitions; macro units, and units of two bits, are in none."""
    if record.units is not None and record.units.bits == 1 and not record.units.clusters and record.counts is not None:
        made = record.perturbation
        state = record.states[0].state if record.states else None
        observed = record.counts.visits if made is None else made.observed
        yield _Recorded(record.units.indices, record.counts, None if made is None else made.cm, state, observed)
    for group in () if record.survey is None else record.survey.groups[1:]:
        if group.counts is None or group.units.bits != 1 or group.units.clusters:
            continue
        seen = [0] * len(group.counts.visits)
        for one, visits in zip(group.states, group.visits, strict=True):
            seen[index_of(one)] = visits
        yield _Recorded(group.units.indices, group.counts, group.cm, group.states[0] if group.states else None, tuple(seen))


def _summed(counts: Counts, places: Sequence[int]) -> Counts:
    """Returns the counts of some units: summed over the states of the others."""
    n, total = len(places), len(counts.on[0]) if counts.on else 0
    visits, on = np.zeros(2**n, dtype=np.int64), np.zeros((2**n, n), dtype=np.int64)
    for index, (seen, following) in enumerate(zip(counts.visits, counts.on, strict=True)):
        bits = state_of(index, total)
        own = index_of(tuple(bits[place] for place in places))
        visits[own] += seen
        on[own] += [following[place] for place in places]
    return Counts(visits=tuple(visits.tolist()), on=tuple(map(tuple, on.tolist())), joint=())


def _over_others(
    rows: Float[np.ndarray, "state unit"], places: Sequence[int], observed: Sequence[int]
) -> Float[np.ndarray, "state unit"]:
    """Returns the mean of a TPM over the states of the other units, weighted by how often these states were observed."""
    n = rows.shape[1]
    others = [place for place in range(n) if place not in places]
    weights: dict[State, float] = {}
    for index, seen in enumerate(observed):
        bits = state_of(index, n)
        rest = tuple(bits[place] for place in others)
        weights[rest] = weights.get(rest, 0.0) + seen
    total = sum(weights.values())
    found = np.zeros((2 ** len(places), len(places)))
    for index in range(2**n):
        bits = state_of(index, n)
        share = weights[tuple(bits[place] for place in others)] / total if total else 1 / 2 ** len(others)
        found[index_of(tuple(bits[place] for place in places))] += share * rows[index, list(places)]
    return found
