"""The arguments of the functions that compute Φ by hand: checked, and as engine and options."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from lightning_iit.checks import SECONDS, flag, whole
from lightning_iit.errors import InvalidSystemError
from lightning_iit.phi.connections import ConnectivityWarning, contradiction
from lightning_iit.phi.options import ENGINE_CHECKS
from lightning_iit.phi.registry import choose_engine
from lightning_iit.phi.subsystems import indices_of
from lightning_iit.records import PhiOptions, System

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.records import Formalism

_FLAG = flag()
_THREADS = whole("give the number of threads, 1 or more", least=1)


def options_of(
    formalism: Formalism,
    nodes: tuple[int, ...] | None = None,
    *,
    pyphi_options: dict[str, Any] | None,
    threads: int,
    ties: bool = False,
    **given: Any,
) -> PhiOptions:
    """Collects the options of an analysis; raises InvalidArgumentError for a value that cannot be.

    Whether the formalism has the options, the engine checks.

    Args:
        formalism: the version of the theory.
        nodes: the nodes of the candidate system, for IIT 4.0; IIT 3.0 is given the candidate system alone.
        pyphi_options: further options of PyPhi.
        threads: threads that one analysis may use.
        ties: whether ties are looked for.
        given: ``cuts``, ``new_concepts`` and ``repertoires``.
    """
    checked = {name: ENGINE_CHECKS[name](name, value) for name, value in {**given, "pyphi_options": pyphi_options}.items()}
    pyphi = checked.pop("pyphi_options") or {}
    return PhiOptions(
        **checked, pyphi=pyphi, ties=_FLAG("ties", ties), threads=_THREADS("threads", threads), formalism=formalism, nodes=nodes
    )


def among(system: System, nodes: Sequence[int | str] | None) -> tuple[int, ...]:
    """Returns the indices of the nodes of the candidate system, ascending."""
    return tuple(range(system.n)) if nodes is None else indices_of(system, nodes)


def engine_of(engine: str, options: PhiOptions, timeout: float | None = None) -> PhiEngine:
    """Returns the engine for these options; raises InvalidArgumentError where there is none, and for a wrong timeout."""
    SECONDS("timeout", timeout)
    return choose_engine(ENGINE_CHECKS["engine"]("engine", engine), options)


def check_system(system: System) -> None:
    """Raises InvalidSystemError where ``system`` is not a System."""
    if not isinstance(system, System):
        msg = f"system: got a {type(system).__name__}; give a lightning_iit.System(tpm=..., state=..., cm=...)."
        raise InvalidSystemError(msg)


def warn_of_contradiction(system: System) -> None:
    """Warns the caller of the public function that calls this where ``cm`` contradicts the TPM."""
    if words := contradiction(system):
        warnings.warn(words, ConnectivityWarning, stacklevel=4)  # above the function and what checks its keywords
