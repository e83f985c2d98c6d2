"""The best partitions of one system: those with the smallest Φ, not the minimum alone."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003  the command line reads the annotations at run time
from typing import TYPE_CHECKING, Literal

import msgspec

from lightning_iit.checks import choice, told_of_unknown, whole
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.arguments import among, check_system, engine_of, options_of, warn_of_contradiction
from lightning_iit.phi.engine import RanksPartitions
from lightning_iit.phi.subsystems import cut_in_system, subsystem
from lightning_iit.records import FORMALISM, Skipped, System

if TYPE_CHECKING:
    from lightning_iit.records.results import Partitions

_FORMALISM = choice("iit3", "iit4-2023", "iit4-2026")
_K = whole("give how many partitions are wanted, 1 or more", least=1)


@told_of_unknown
def best_partitions(
    system: System,
    k: int = 5,
    engine: str = "auto",
    *,
    formalism: Literal["iit3", "iit4-2023", "iit4-2026"] = "iit3",
    nodes: Sequence[int | str] | None = None,
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    threads: int = 1,
) -> Partitions | Skipped:
    """Finds the k partitions of a system with the smallest Φ (IIT 3.0) or normalised φ_s (IIT 4.0), the minimum first.

    The first one is the partition of :func:`compute_phi`. By IIT 3.0, cuts with equal Φ are in PyPhi's order. By IIT 4.0 partitions
    are in order of normalised φ_s, of equal ones that with the larger φ_s is first, then that with the smaller matrix of severed
    connections; for "iit4-2026" before φ_s is capped by the intrinsic information. Where several pairs of cause and effect state
    tie, the partitions are those of the pair that counts in :func:`compute_phi`.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        k: how many partitions; all of them where there are fewer.
        engine: "auto" or "fast", or an installed engine that ranks partitions; PyPhi does not.
        formalism: as in :func:`compute_phi`.
        nodes: as in :func:`compute_phi`.
        cuts: as in :func:`compute_phi`; IIT 3.0 only.
        new_concepts: as in :func:`compute_phi`; IIT 3.0 only.
        threads: as in :func:`compute_phi`; IIT 3.0 only.

    Returns:
        The partitions; none where Φ is 0 without a search, with the reason. ``Skipped`` where no state of the system leads to the
        given state.

    Raises:
        InvalidSystemError: ``system`` is not a System.
        InvalidArgumentError: there is no such engine or formalism, the engine does not rank partitions, or an option has an
            impossible value.
        TooManyUnitsError: the (candidate) system has more units than the engine accepts.

    Warns:
        ConnectivityWarning: ``system.cm`` lacks a connection that the TPM shows; the matrix wins.

    Example:
        >>> from lightning_iit import Partitions, System, best_partitions
        >>> noisy = [[0.1, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.9]]  # each unit copies the other unit, mostly
        >>> found = best_partitions(System(tpm=noisy, state=(0, 1)), k=2)
        >>> assert isinstance(found, Partitions)
        >>> [(str(one.cut), one.phi) for one in found.partitions]
        [('{0} -/-> {1}', 0.64), ('{1} -/-> {0}', 0.64)]
    """
    _FORMALISM("formalism", formalism)
    check_system(system)
    number = _K("k", k)
    inside = among(system, nodes)
    is_iit3 = formalism == FORMALISM
    options = options_of(
        formalism, None if is_iit3 else inside, cuts=cuts, new_concepts=new_concepts, pyphi_options=None, threads=threads
    )
    chosen = engine_of(engine, options)
    if not isinstance(chosen, RanksPartitions):
        msg = f"engine={engine!r}: this engine does not rank partitions; choose 'auto' or 'fast'."
        raise InvalidArgumentError(msg)
    warn_of_contradiction(system)
    found = chosen.best_partitions(subsystem(system, inside) if is_iit3 else system, options, number)
    if isinstance(found, Skipped) or not is_iit3:
        return found
    ranked = (msgspec.structs.replace(one, cut=cut_in_system(one.cut, inside)) for one in found.partitions)
    return msgspec.structs.replace(found, partitions=tuple(ranked))
