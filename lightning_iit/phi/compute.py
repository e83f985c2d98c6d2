"""Φ of one system: the function that people call by hand."""

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
    """Φ of a system in its state, with its minimum-information partition and its cause-effect structure (IIT 3.0).

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        engine: "fast", "pyphi", or "auto": fast where it implements the options, else PyPhi.
        timeout: seconds. None computes in this process; with a limit a worker process computes, and is killed at the limit.
        cuts: "all" directed bipartitions, or "one": only those that cut one node off (PyPhi's approximation).
        new_concepts: False assumes that a cut cannot create concepts (PyPhi's approximation).
        repertoires: keep both repertoires of each concept.
        pyphi_options: further options of PyPhi by PyPhi's names, e.g. ``{"MEASURE": "L1"}``.
        threads: threads inside the analysis (fast engine).

    Returns:
        Computed; Skipped where no state leads to this one; TimedOut at the limit; Failed where the worker died.

    Raises:
        InvalidSystemError: ``system`` is not a System (its parts are checked when it is made).
        InvalidArgumentError: no such engine, or options that it does not implement.
        TooManyUnitsError: more units than the engine can serve.

    Example:
        >>> from lightning_iit import System, compute_phi
        >>> tpm = [[0, 1], [1, 0], [0, 1], [1, 0]]  # unit 0 copies the inverse of unit 1's input, and so on
        >>> compute_phi(System(tpm=tpm, state=(0, 1)), engine="pyphi").phi
        0.0
    """
    options = _options(cuts, new_concepts, repertoires, pyphi_options, threads)
    chosen = _checked(system, engine, options)
    if timeout is None:
        return next(iter(chosen.analyse([system], options)))
    if not timeout > 0:
        msg = f"timeout={timeout!r}: give seconds above 0, or None for no limit."
        raise InvalidArgumentError(msg)
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
    """The subset of the system's nodes with the largest Φ, each subset with the other nodes as fixed background.

    Args:
        system: TPM (state-by-node, rows little-endian), state and connectivity.
        engine: as in :func:`compute_phi`.
        cuts: as in :func:`compute_phi`.
        new_concepts: as in :func:`compute_phi`.
        repertoires: as in :func:`compute_phi`.
        pyphi_options: as in :func:`compute_phi`.
        threads: as in :func:`compute_phi`.

    Returns:
        The nodes and their result; no nodes and Φ = 0 where no subset has Φ > 0.

    Raises:
        InvalidArgumentError: as in :func:`compute_phi`.
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
    if not isinstance(system, System):
        msg = f"system: got a {type(system).__name__}; give a lightning_iit.System(tpm=..., state=..., cm=...)."
        raise InvalidSystemError(msg)
    return choose_engine(engine, options)
