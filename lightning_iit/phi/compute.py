"""Functions that compute Φ and the major complex of one system, to be called by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lightning_iit.errors import InvalidArgumentError, InvalidSystemError
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import MajorComplex, PhiOptions, PhiResult, System

if TYPE_CHECKING:
    from lightning_iit.phi.engine import PhiEngine


def compute_phi(
    system: System,
    engine: str = "auto",
    timeout: float | None = None,
    *,
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    repertoires: bool = False,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> PhiResult:
    """Computes Φ of a system in its state, with the minimum-information partition and the cause-effect structure (IIT 3.0).

    Φ is measured in units of the Hamming earth mover's distance.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        engine: the name of an engine ("fast", "pyphi" or that of an installed package), or "auto": the fast engine where the fast
            engine implements the options, else PyPhi.
        timeout: time limit in seconds. None computes in this process; with a limit, a worker process computes and is killed at
            the limit. Loading the engine does not count.
        cuts: "all" tries every directed bipartition; "one" tries only the cuts that separate a single node (PyPhi's approximation).
        new_concepts: False assumes that a cut cannot create concepts (PyPhi's approximation).
        repertoires: True keeps the cause and effect repertoires of each concept in the result.
        pyphi_options: further options of PyPhi by PyPhi's names, e.g. ``{"MEASURE": "L1"}``.
        threads: threads that one analysis may use. Only the fast engine uses more than one, and only from 6 units on.

    Returns:
        ``Computed``; ``Skipped`` where no state of the system leads to the given state; with a ``timeout`` also ``TimedOut`` at the
        limit, and ``Failed`` where the engine raised an exception or the worker process died.

    Raises:
        InvalidSystemError: ``system`` is not a System (the parts of a System are checked when the System is made).
        InvalidArgumentError: there is no such engine, the engine does not implement an option, or an option has an impossible
            value.
        TooManyUnitsError: the system has more units than the engine accepts.

    Example:
        >>> from lightning_iit import System, compute_phi
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> compute_phi(System(tpm=swap, state=(0, 1))).phi
        1.0
        >>> one_way = [[0, 1], [1, 0], [0, 1], [1, 0]]  # unit 0 keeps its state, unit 1 becomes the inverse of unit 0
        >>> compute_phi(System(tpm=one_way, state=(0, 1)), engine="pyphi").phi
        0.0
    """
    options = _options(cuts, new_concepts, repertoires, pyphi_options, threads)
    chosen = _checked(system, engine, options)
    if timeout is not None and not timeout > 0:
        msg = f"timeout={timeout!r}: give seconds above 0, or None for no limit."
        raise InvalidArgumentError(msg)
    if timeout is None or system.n > chosen.max_units:  # too many units: the engine raises at once, with its own words
        return next(iter(chosen.analyse([system], options)))
    from lightning_iit.phi.pool.limited import compute_within

    return compute_within(system, chosen.name, options, timeout)


def major_complex(
    system: System,
    engine: str = "auto",
    *,
    cuts: Literal["all", "one"] = "all",
    new_concepts: bool = True,
    repertoires: bool = False,
    pyphi_options: dict[str, bool | int | float | str] | None = None,
    threads: int = 1,
) -> MajorComplex:
    """Finds the subset of the system's nodes with the largest Φ; each subset is analysed with the other nodes held at their states.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        engine: as in :func:`compute_phi`.
        cuts: as in :func:`compute_phi`.
        new_concepts: as in :func:`compute_phi`.
        repertoires: as in :func:`compute_phi`.
        pyphi_options: as in :func:`compute_phi`.
        threads: as in :func:`compute_phi`.

    Returns:
        The subset of nodes and the result of that subset; no nodes and Φ = 0 where no subset has Φ > 0.

    Raises:
        InvalidSystemError: ``system`` is not a System.
        InvalidArgumentError: there is no such engine, the engine does not implement an option, or an option has an impossible
            value.
        TooManyUnitsError: the system has more units than the engine accepts.

    Example:
        >>> from lightning_iit import System, major_complex
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> major_complex(System(tpm=swap, state=(0, 1))).nodes
        (0, 1)
    """
    options = _options(cuts, new_concepts, repertoires, pyphi_options, threads)
    return _checked(system, engine, options).major_complex(system, options)


def _options(
    cuts: Literal["all", "one"],
    new_concepts: bool,
    repertoires: bool,
    pyphi_options: dict[str, Any] | None,
    threads: int,
) -> PhiOptions:
    """Collects the options of an analysis; raises InvalidArgumentError for an impossible ``cuts`` or ``threads``."""
    if cuts not in {"all", "one"}:
        msg = f"cuts={cuts!r}: choose 'all' (every directed bipartition) or 'one' (those that cut one node off)."
        raise InvalidArgumentError(msg)
    if type(threads) is not int or threads < 1:
        msg = f"threads={threads!r}: give the number of threads, 1 or more."
        raise InvalidArgumentError(msg)
    return PhiOptions(
        cuts=cuts, new_concepts=new_concepts, repertoires=repertoires, threads=threads, pyphi=dict(pyphi_options or {})
    )


def _checked(system: System, engine: str, options: PhiOptions) -> PhiEngine:
    """Returns the engine for these options; raises InvalidSystemError where ``system`` is not a System."""
    if not isinstance(system, System):
        msg = f"system: got a {type(system).__name__}; give a lightning_iit.System(tpm=..., state=..., cm=...)."
        raise InvalidSystemError(msg)
    return choose_engine(engine, options)
