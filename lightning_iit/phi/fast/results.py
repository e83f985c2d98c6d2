"""A search's outcome in the terms of the records: concepts of the system's own node indices, with their repertoires."""

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
