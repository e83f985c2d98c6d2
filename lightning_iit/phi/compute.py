"""Functions that compute Φ, the major complex and the structure of one system, to be called by hand."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003  the command line reads the annotations at run time
from typing import TYPE_CHECKING, Literal, overload

from lightning_iit.checks import choice, told_of_unknown
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.arguments import (
    among,
    check_system,
    engine_of,
    options_of,
    warn_of_contradiction,
)
from lightning_iit.phi.engine import ComputesStructures
from lightning_iit.phi.large_systems import analyse_whole, search_complex
from lightning_iit.phi.many import checked_systems, phis
from lightning_iit.phi.subsystems import in_system, subsystem
from lightning_iit.records import (
    FORMALISM,
    Computed,
    Failed,
    MajorComplex,
    Open,
    PhiResult,
    Skipped,
    System,
    TimedOut,
)
from lightning_iit.records.iit4 import Complexes, Structure, SystemPhi

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float
    from numpy.typing import ArrayLike

    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.records import PhiOptions

_FORMALISM_4 = choice("iit4-2023", "iit4-2026")
_FORMALISM = choice("iit3", "iit4-2023", "iit4-2026")


@overload
def compute_phi(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    formalism: Literal["iit3"] = "iit3",
    nodes: Sequence[int | str] | None = None,
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    repertoires: bool = False,
    ties: bool = False,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> Computed | TimedOut | Failed | Skipped | Open: ...
@overload
def compute_phi(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    formalism: Literal["iit4-2023", "iit4-2026"],
    nodes: Sequence[int | str] | None = None,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> SystemPhi | Skipped | TimedOut | Failed: ...
@told_of_unknown
def compute_phi(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    formalism: Literal["iit3", "iit4-2023", "iit4-2026"] = "iit3",
    nodes: Sequence[int | str] | None = None,
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    repertoires: bool = False,
    ties: bool = False,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> PhiResult | SystemPhi:
    """Computes Φ of a system in its state (IIT 3.0), or its system integrated information φ_s (IIT 4.0).

    Φ of IIT 3.0 comes with the minimum-information partition and the cause-effect structure. It is measured in units of the
    Hamming earth mover's distance. A system with more units than the engine accepts has Φ = 0 where it is not strongly connected,
    which needs no search. φ_s of IIT 4.0 is measured in ibits; :func:`compute_structure` computes its structure.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        engine: the name of an engine ("fast", "pyphi" or that of an installed package), or "auto": the fast engine where the fast
            engine implements the options, else PyPhi. IIT 3.0 takes PyPhi 1.2 or 2, IIT 4.0 takes PyPhi 2 (Python 3.13 or later).
        timeout: time limit in seconds. None computes in this process; with a limit, a worker process computes and is killed at
            the limit. Loading the engine does not count.
        formalism: "iit3" (Oizumi et al. 2014); "iit4-2023" (Albantakis et al. 2023); or "iit4-2026" (Mayner et al. 2026), whose
            φ_s is at most the intrinsic information of the system, and so 0 for every deterministic system. IIT 4.0 takes up to 10
            units (7 with PyPhi), and of the options ``engine``, ``timeout``, ``nodes``, ``pyphi_options`` and ``threads``.
        nodes: the candidate system: the indices or labels of the nodes that are analysed, with the other nodes as background.
            IIT 3.0 holds the background at its state, as PyPhi's ``Subsystem`` does. IIT 4.0 holds it for effects; for causes it
            averages over the earlier states of the background, by the probability that each led to the current state. None analyses
            all nodes. The result has the indices of ``system``.
        cuts: IIT 3.0 only: "all" tries every directed bipartition; "one" tries only the cuts that separate a single node (PyPhi's
            approximation).
        new_concepts: IIT 3.0 only: False assumes that a cut cannot create concepts (PyPhi's approximation).
        repertoires: IIT 3.0 only: True keeps the cause and effect repertoires of each concept in the result.
        ties: IIT 3.0 only: True also finds out whether Φ depends on ties between purviews with equal φ, and how far Φ moves with
            the TPM (``phi_margin``, ``tied_purviews`` and ``phi_jitter`` of the result). Takes about ten times as long; the PyPhi
            engine leaves these None.
        pyphi_options: further options of PyPhi by the names of the installed version, e.g. ``{"MEASURE": "L1"}`` in PyPhi 1.2, or
            ``{"shortcircuit_sia": False}`` for IIT 4.0 (all partitions, also after one with φ = 0).
        threads: threads that one analysis may use. Only the fast engine uses more than one, and only from 6 units on (8 by
            IIT 4.0).

    Returns:
        ``Computed``, or ``SystemPhi`` for IIT 4.0; ``Skipped`` where no state of the system leads to the given state. With a
        ``timeout`` also ``TimedOut`` at the limit, and ``Failed`` where the engine raised an exception or the worker process died.

    Raises:
        InvalidSystemError: ``system`` is not a System (the parts of a System are checked when the System is made).
        InvalidArgumentError: there is no such engine or formalism, engine or formalism do not have an option, or an option has an
            impossible value (``nodes`` that the system does not have among them).
        TooManyUnitsError: the system (or the candidate system) is strongly connected and has more units than the engine accepts.

    Warns:
        ConnectivityWarning: ``system.cm`` lacks a connection that the TPM shows; the matrix wins.

    Example:
        >>> from lightning_iit import System, compute_phi
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> compute_phi(System(tpm=swap, state=(0, 1))).phi
        1.0
        >>> one_way = [[0, 1], [1, 0], [0, 1], [1, 0]]  # unit 0 keeps its state, unit 1 becomes the inverse of unit 0
        >>> compute_phi(System(tpm=one_way, state=(0, 1)), engine="pyphi").phi
        0.0
        >>> compute_phi(System(tpm=swap, state=(0, 1)), formalism="iit4-2023").phi
        2.0
    """
    _FORMALISM("formalism", formalism)
    check_system(system)
    inside = among(system, nodes)
    options = options_of(
        formalism,
        None if formalism == FORMALISM else inside,
        cuts=cuts,
        new_concepts=new_concepts,
        repertoires=repertoires,
        pyphi_options=pyphi_options,
        threads=threads,
        ties=ties,
    )
    chosen = engine_of(engine, options, timeout)
    candidate = subsystem(system, inside) if formalism == FORMALISM else system  # IIT 4.0 has rules for the background of its own
    warn_of_contradiction(candidate)
    return in_system(_analysed(candidate, chosen, options, timeout), inside)


@told_of_unknown
def compute_structure(
    system: System,
    engine: str = "auto",
    *,
    formalism: Literal["iit4-2023", "iit4-2026"],
    nodes: Sequence[int | str] | None = None,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
) -> Structure | Skipped:
    """Computes the cause-effect structure of a system in its state (IIT 4.0): distinctions, their relations, and Φ.

    The structure is computed whether or not φ_s is above 0. In both versions of IIT 4.0 it is the same, unless states tie.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity; up to 6 nodes, or that many in ``nodes``.
        engine: as in :func:`compute_phi`.
        formalism: "iit4-2023" or "iit4-2026", as in :func:`compute_phi`.
        nodes: as in :func:`compute_phi`.
        pyphi_options: as in :func:`compute_phi`.

    Returns:
        ``Structure``; ``Skipped`` where no state of the system leads to the given state.

    Raises:
        InvalidSystemError: ``system`` is not a System.
        InvalidArgumentError: there is no such engine or formalism, the engine does not compute it or does not have an option, or
            ``nodes`` that the system does not have.
        TooManyUnitsError: the candidate system has more than 6 units (5 for PyPhi).

    Warns:
        ConnectivityWarning: ``system.cm`` lacks a connection that the TPM shows; the matrix wins.

    Example:
        >>> from lightning_iit import Structure, System, compute_structure
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> found = compute_structure(System(tpm=swap, state=(0, 1)), formalism="iit4-2023")
        >>> if isinstance(found, Structure):
        ...     print(found.big_phi, found.relations, [distinction.mechanism for distinction in found.distinctions])
        4.0 2 [(0,), (1,)]
    """
    _FORMALISM_4("formalism", formalism)
    check_system(system)
    options = options_of(formalism, among(system, nodes), pyphi_options=pyphi_options, threads=1)
    chosen = engine_of(engine, options)
    if not isinstance(chosen, ComputesStructures):
        msg = f"engine={engine!r}: this engine computes no structures; choose 'auto', 'fast' or 'pyphi'."
        raise InvalidArgumentError(msg)
    warn_of_contradiction(system)
    return chosen.structure(system, options)


@told_of_unknown
def compute_phis(
    tpms: ArrayLike,
    states: ArrayLike,
    engine: str = "auto",
    *,
    cm: ArrayLike | None = None,
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> Float[np.ndarray, " system"]:
    """Computes Φ of many systems of the same size and connectivity, as numbers only: no concepts, no partition, no seconds.

    For surveys and resampling: with the fast engine, small systems take less time than by ``compute_phi``, and least where the
    states of one TPM follow one another.

    Args:
        tpms: state-by-node TPMs ``[k, 2**n, n]``: the probability that each node is ON next, rows little-endian.
        states: the state of each system, ``[k, n]``, or one state of all systems, ``[n]``; node 0 first.
        engine: as in :func:`compute_phi`.
        cm: connectivity matrix ``[n, n]`` of all systems; None connects all to all.
        cuts: as in :func:`compute_phi`.
        new_concepts: as in :func:`compute_phi`.
        pyphi_options: as in :func:`compute_phi`.
        threads: as in :func:`compute_phi`.

    Returns:
        Φ of each system, ``[k]``; NaN where no state of the system leads to the given state, for which ``compute_phi`` returns
        ``Skipped``.

    Raises:
        InvalidSystemError: another shape, an entry that is no probability, or a state or connectivity that is not binary.
        InvalidArgumentError: as in :func:`compute_phi`.
        TooManyUnitsError: the systems have more units than the engine accepts.

    Example:
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> noisy = [[0.1, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.9]]
        >>> compute_phis([swap, noisy], (0, 1)).tolist()
        [1.0, 0.64]
    """
    checked_tpms, checked_states, checked_cm = checked_systems(tpms, states, cm)
    options = options_of(FORMALISM, cuts=cuts, new_concepts=new_concepts, pyphi_options=pyphi_options, threads=threads)
    return phis(engine_of(engine, options), checked_tpms, checked_states, checked_cm, options)


@overload
def major_complex(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    formalism: Literal["iit3"] = "iit3",
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    repertoires: bool = False,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> MajorComplex: ...
@overload
def major_complex(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    formalism: Literal["iit4-2023", "iit4-2026"],
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> Complexes | Skipped | TimedOut | Failed: ...
@told_of_unknown
def major_complex(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    formalism: Literal["iit3", "iit4-2023", "iit4-2026"] = "iit3",
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    repertoires: bool = False,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> MajorComplex | Complexes | Skipped | TimedOut | Failed:
    """Finds the subset of the system's nodes with the largest Φ; each subset is analysed with the other nodes as background.

    A system with more units than the engine accepts is searched where its strongly connected parts are small enough: a complex is
    strongly connected, so it lies in one of them. The connections are those that the TPM shows, and ``cm`` where it is given.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        engine: as in :func:`compute_phi`.
        timeout: time limit of the whole search in seconds. None searches in this process; with a limit, a worker process searches
            and is killed at the limit. Loading the engine does not count.
        formalism: as in :func:`compute_phi`. IIT 4.0 takes up to 10 units (7 with PyPhi), of all of which every subset is
            analysed, and of the options ``engine``, ``timeout``, ``pyphi_options`` and ``threads``.
        cuts: as in :func:`compute_phi`.
        new_concepts: as in :func:`compute_phi`.
        repertoires: as in :func:`compute_phi`.
        pyphi_options: as in :func:`compute_phi`.
        threads: as in :func:`compute_phi`.

    Returns:
        The subset of nodes and the result of that subset; no nodes and Φ = 0 where no subset has Φ > 0. With a ``timeout`` also no
        nodes and ``TimedOut`` at the limit, or ``Failed`` where the engine raised an exception or the worker process died.
        For IIT 4.0 ``Complexes``, with the complexes that do not overlap that subset too; ``Skipped`` where no state of the system
        leads to the given state; with a ``timeout`` also ``TimedOut`` or ``Failed`` itself.

    Raises:
        InvalidSystemError: ``system`` is not a System.
        InvalidArgumentError: there is no such engine, the engine does not implement an option, or an option has an impossible
            value.
        TooManyUnitsError: a strongly connected part of the system has more units than the engine accepts (with a ``timeout``, the
            result is ``Failed`` instead).

    Warns:
        ConnectivityWarning: ``system.cm`` lacks a connection that the TPM shows; the matrix wins.

    Example:
        >>> from lightning_iit import System, major_complex
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> major_complex(System(tpm=swap, state=(0, 1))).nodes
        (0, 1)
    """
    _FORMALISM("formalism", formalism)
    check_system(system)
    options = options_of(
        formalism,
        cuts=cuts,
        new_concepts=new_concepts,
        repertoires=repertoires,
        pyphi_options=pyphi_options,
        threads=threads,
    )
    chosen = engine_of(engine, options, timeout)
    warn_of_contradiction(system)
    found = _searched(system, chosen, options, timeout)
    if formalism == FORMALISM:
        return found
    if not isinstance(found.result, SystemPhi):
        return found.result  # type: ignore[return-value]  # Skipped, TimedOut or Failed
    return Complexes(nodes=found.nodes, result=found.result, others=found.others)


def _analysed(system: System, engine: PhiEngine, options: PhiOptions, timeout: float | None) -> PhiResult:
    """Analyses a system in this process, or within a time limit in a worker process."""
    n = system.n if options.nodes is None else len(options.nodes)
    if timeout is None or n > engine.max_units:  # too many units are refused, or need no search: no worker is started
        return analyse_whole(system, engine, options)
    from lightning_iit.phi.pool.limited import compute_within

    return compute_within(system, engine.name, options, timeout)


def _searched(system: System, engine: PhiEngine, options: PhiOptions, timeout: float | None) -> MajorComplex:
    """Searches for the major complex in this process, or within a time limit in a worker process."""
    if timeout is None:
        return search_complex(system, engine, options)
    from lightning_iit.phi.pool.limited import complex_within

    return complex_within(system, engine.name, options, timeout)
