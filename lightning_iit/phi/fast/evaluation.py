"""The kernel that Python calls for one cut: from the repertoires under the cut to its Φ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightning_iit.phi.compiling import entry
from lightning_iit.phi.fast.causes import UNKNOWN
from lightning_iit.phi.fast.mice import CAUSE, Known, Mice, find_cause, find_effects
from lightning_iit.phi.fast.partitions import Search, new_search
from lightning_iit.phi.fast.repertoires import Repertoires, fill_repertoires, new_repertoires
from lightning_iit.phi.fast.structures.cut_phi import structure_distance
from lightning_iit.phi.fast.structures.floor import Floor, begin_floor, new_floor, next_mechanism, raise_floor
from lightning_iit.phi.fast.structures.space import Space, Structure, new_space, null_distances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.subsets import Subsets
    from lightning_iit.phi.fast.tables import NodeDynamics


class Workspace(NamedTuple):
    """Holds the arrays that one thread needs for itself.

    Args:
        cut: the repertoires under the cut that the thread evaluates.
        search: scratch and memory of the search for causes.
        space: scratch of the distance between structures.
        floor: the lower bound of Φ of the cut.
    """

    cut: Repertoires
    search: Search
    space: Space
    floor: Floor


def new_worker(n: int) -> Workspace:
    """Allocates the arrays of one thread for systems of ``n`` nodes."""
    return Workspace(new_repertoires(n), new_search(n), new_space(n), new_floor(n))


@entry
def evaluate_cut(
    first: int,
    stop: int,
    state: int,
    source: int,
    target: int,
    wanted: NDArray[np.bool_],
    rows: NDArray[np.int64],
    dynamics: NodeDynamics,
    sets: Subsets,
    whole: Repertoires,
    known: Known,
    mice: Mice,
    worker: Workspace,
    bound: float,
) -> float:
    """Finds effects and some of the causes under a cut and, after the last cause, computes Φ of the cut.

    All effects are found first. The causes follow in the order in which they may raise the lower bound of Φ (see
    :mod:`~lightning_iit.phi.fast.structures.floor`). Once this exceeds ``bound``, the evaluation ends, and rows of ``mice`` stay
    unknown; most cuts end so.

    A caller may split the causes of one cut over several calls, in ascending order; the repertoires under the cut and the lower
    bound stay in ``worker`` between these calls. This is the only function that Python calls, so that each kernel is compiled once.

    Args:
        first: the turn of the first cause, at least 1; if 1, repertoires and effects are computed.
        stop: the turn after the last one; if ``2**n``, Φ is computed.
        state: the current state, as a mask of the nodes that are ON.
        source: the mask of the nodes whose connections to ``target`` are cut; 0 for the uncut system.
        target: the mask of the nodes at the other end of the cut connections.
        wanted: ``[2**n]``, which mechanisms may have concepts.
        rows: ``[2**n]``, the row of each mechanism in ``mice`` and ``known``.
        dynamics: inputs and next-state probabilities of each node.
        sets: index tables.
        whole: the repertoires of the uncut system.
        known: causes and effects of the uncut system and bounds of φ; new knowledge is added.
        mice: causes and effects under this cut; filled in where unknown.
        worker: the thread's own arrays; mutated.
        bound: a Φ above this value need not be exact.

    Returns:
        Φ, rounded, or a lower bound of Φ that exceeds ``bound``; UNKNOWN before the last cause and for the uncut system.
    """
    count = len(rows)
    uncut, partitioned = Structure(known.mice, whole), Structure(mice, worker.cut)
    if first == 1:
        fill_repertoires(dynamics, state, source, target, sets, worker.cut)
        find_effects(wanted, rows, worker.cut, sets, worker.search, mice)
        if target:
            begin_floor(wanted, rows, known.far, uncut, partitioned, sets, worker.floor, worker.space)
    for turn in range(first, stop):
        if target and worker.floor.value[0] > bound:
            return float(worker.floor.value[0])
        mechanism = next_mechanism(source, target, worker.floor) if target else turn
        if mechanism == 0:
            break
        row = rows[mechanism]
        if wanted[mechanism] and mice.phi[CAUSE, row] == UNKNOWN:
            find_cause(mechanism, row, source, target, whole, worker.cut, sets, worker.search, known, mice)
            if target:
                raise_floor(mechanism, rows, uncut, partitioned, sets, worker.floor, worker.space)
    if stop < count:
        return UNKNOWN
    if target == 0:
        null_distances(rows, uncut, sets, worker.space, known.far)
        return UNKNOWN
    return structure_distance(rows, uncut, partitioned, sets, worker.space, bound)
