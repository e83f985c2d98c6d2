"""A search's outcome in the terms of the records: concepts of the system's own node indices, with their repertoires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.fast.mice import CAUSE, EFFECT, Mice, concept_phis
from lightning_iit.phi.fast.subsets import nodes_of
from lightning_iit.records import Concept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.tables import Candidate


def _cause_repertoire(mechanism: int, purview: int, candidate: Candidate, repertoires: Repertoires) -> tuple[float, ...]:
    start, stop = candidate.subsets.offset[purview : purview + 2]
    return tuple(repertoires.cause[mechanism, start:stop].tolist())


def _effect_repertoire(mechanism: int, purview: int, repertoires: Repertoires) -> tuple[float, ...]:
    joint = np.ones(1)
    for node, on in enumerate(repertoires.effect[mechanism]):
        if purview >> node & 1:
            joint = np.concatenate([joint * (1 - on), joint * on])
    return tuple(joint.tolist())


def concepts(
    candidate: Candidate, rows: NDArray[np.int64], mice: Mice, repertoires: Repertoires, *, with_repertoires: bool
) -> tuple[Concept, ...]:
    """A cause-effect structure in PyPhi's order: by mechanism size, then lexicographic."""
    order = candidate.subsets.order[1:]
    mechanisms = order[concept_phis(mice, rows[order]) > 0].tolist()
    return tuple(
        _concept(mechanism, int(rows[mechanism]), candidate, mice, repertoires, with_repertoires=with_repertoires)
        for mechanism in mechanisms
    )


def _concept(
    mechanism: int, row: int, candidate: Candidate, mice: Mice, repertoires: Repertoires, *, with_repertoires: bool
) -> Concept:
    cause_purview, effect_purview = int(mice.purview[CAUSE, row]), int(mice.purview[EFFECT, row])
    return Concept(
        mechanism=nodes_of(mechanism, candidate.nodes),
        cause_purview=nodes_of(cause_purview, candidate.nodes),
        effect_purview=nodes_of(effect_purview, candidate.nodes),
        cause_phi=float(mice.phi[CAUSE, row]),
        effect_phi=float(mice.phi[EFFECT, row]),
        cause_repertoire=_cause_repertoire(mechanism, cause_purview, candidate, repertoires) if with_repertoires else None,
        effect_repertoire=_effect_repertoire(mechanism, effect_purview, repertoires) if with_repertoires else None,
    )
