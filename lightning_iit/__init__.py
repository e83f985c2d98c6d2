"""Watch integrated information (Φ, of IIT 3.0) while a network trains in PyTorch Lightning.

Names are loaded on first use: importing the package loads neither torch nor PyPhi.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_iit.analysis import analyse
    from lightning_iit.callback import IITCallback
    from lightning_iit.phi.compute import compute_phi, major_complex
    from lightning_iit.phi.pyphi.engine import to_pyphi
    from lightning_iit.records import System
    from lightning_iit.records.store import load_run
    from lightning_iit.tpm.estimate import Tpm, estimate_tpm, state_by_node

__all__ = [
    "IITCallback",
    "System",
    "Tpm",
    "analyse",
    "compute_phi",
    "estimate_tpm",
    "load_run",
    "major_complex",
    "state_by_node",
    "to_pyphi",
]

_HOMES = {
    "IITCallback": "lightning_iit.callback",
    "System": "lightning_iit.records",
    "Tpm": "lightning_iit.tpm.estimate",
    "analyse": "lightning_iit.analysis",
    "compute_phi": "lightning_iit.phi.compute",
    "estimate_tpm": "lightning_iit.tpm.estimate",
    "load_run": "lightning_iit.records.store",
    "major_complex": "lightning_iit.phi.compute",
    "state_by_node": "lightning_iit.tpm.estimate",
    "to_pyphi": "lightning_iit.phi.pyphi.engine",
}


def __getattr__(name: str) -> Any:
    """Loads a public name from its home (PEP 562)."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
