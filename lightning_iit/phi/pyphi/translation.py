"""What both versions of PyPhi have in common: cuts are counted, and concepts translated into records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.records import Concept

if TYPE_CHECKING:
    from lightning_iit.phi.engine import Progress
    from lightning_iit.records import PhiOptions


def number_of_cuts(n: int, options: PhiOptions) -> int:
    """Returns how many cuts a search of ``n`` nodes tries; used for progress."""
    if n < 2:
        return 0
    return 2 * n if options.cuts == "one" and n > 2 else 2**n - 2


class CutCounter:
    """Counts the cuts that PyPhi evaluates and reports the finished fraction."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.count: int = 0
        self._total = total
        self._progress = progress

    def add(self) -> None:
        """Counts one more cut, which PyPhi is about to evaluate."""
        self.count += 1
        if self._progress is not None and self._total:
            self._progress(min(1.0, (self.count - 1) / self._total))


def counting(base: Any, method: str, cuts: CutCounter) -> Any:
    """Returns a subclass of PyPhi's class of systems that counts each cut that its ``method`` applies."""

    def counted(self: Any, cut: Any) -> Any:
        if cut is not None:
            cuts.add()
        return getattr(base, method)(self, cut)

    return type("Counting", (base,), {method: counted})


def concepts(ces: Any, *, repertoires: bool) -> tuple[Concept, ...]:
    """Translates PyPhi's cause-effect structure into records."""
    return tuple(_concept(concept, repertoires=repertoires) for concept in ces)


def _concept(concept: Any, *, repertoires: bool) -> Concept:
    """Translates one of PyPhi's concepts into a record."""
    return Concept(
        mechanism=members(concept.mechanism),
        cause_purview=members(concept.cause_purview),
        effect_purview=members(concept.effect_purview),
        cause_phi=float(concept.cause.phi),
        effect_phi=float(concept.effect.phi),
        cause_repertoire=_little_endian(concept.cause_repertoire) if repertoires else None,
        effect_repertoire=_little_endian(concept.effect_repertoire) if repertoires else None,
    )


def members(nodes: Any) -> tuple[int, ...]:
    """Returns nodes, or the states of nodes, as plain numbers."""
    return tuple(int(node) for node in nodes)


def _little_endian(repertoire: Any) -> tuple[float, ...]:
    """Flattens a repertoire with one axis for each node of the network, so that the first purview node changes fastest."""
    return tuple(float(p) for p in np.asarray(repertoire).squeeze().ravel(order="F"))
