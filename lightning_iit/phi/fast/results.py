"""Translation of a search's result into records: concepts with the node indices of the whole system and with repertoires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.fast.subsets import subsets_of
from lightning_iit.records import Concept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.mice import Mice
    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.tables import Candidate


def _cause_repertoire(mechanism: int, purview: int, candidate: Candidate, repertoires: Repertoires) -> tuple[float, ...]:
    """Returns a cause repertoire by state of its purview, little-endian."""
    start, stop = candidate.subsets.offset[purview : purview + 2]
    return tuple(repertoires.cause[mechanism, start:stop].tolist())


def _effect_repertoire(mechanism: int, purview: int, repertoires: Repertoires) -> tuple[float, ...]:
    """Returns an effect repertoire by state of its purview, little-endian: the product of its nodes' distributions."""
    joint = np.ones(1)
    for node, on in enumerate(repertoires.effect[mechanism]):
        if purview >> node & 1:
            joint = np.concatenate([joint * (1 - on), joint * on])
    return tuple(joint.tolist())


def concepts(
    candidate: Candidate, rows: NDArray[np.int64], mice: Mice, repertoires: Repertoires, *, with_repertoires: bool
) -> tuple[Concept, ...]:
    """Returns a cause-effect structure: the concepts in PyPhi's order, by size of the mechanism, then lexicographic.

    Args:
        candidate: the system's tables.
        rows: ``[2**n]``, the row of each mechanism in ``mice``.
        mice: causes and effects, of the uncut system or under a cut.
        repertoires: the repertoires that belong to ``mice``; read only if ``with_repertoires``.
        with_repertoires: whether each concept carries its cause and effect repertoires.
    """
    order = candidate.subsets.order[1:]
    members = subsets_of(candidate.nodes)
    found = zip(order.tolist(), *mice.phi[:, rows[order]].tolist(), *mice.purview[:, rows[order]].tolist(), strict=True)
    return tuple(
        Concept(
            mechanism=members[mechanism],
            cause_purview=members[cause],
            effect_purview=members[effect],
            cause_phi=cause_phi,
            effect_phi=effect_phi,
            cause_repertoire=_cause_repertoire(mechanism, cause, candidate, repertoires) if with_repertoires else None,
            effect_repertoire=_effect_repertoire(mechanism, effect, repertoires) if with_repertoires else None,
        )
        for mechanism, cause_phi, effect_phi, cause, effect in found
        if cause_phi > 0 and effect_phi > 0
    )
