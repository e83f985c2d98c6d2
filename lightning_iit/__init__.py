"""Watch integrated information (Φ of IIT 3.0, φ_s of IIT 4.0) while a network trains in PyTorch Lightning.

Use: ``IITCallback``, ``analyse``, ``sweep``, ``analyse_states``, ``compute_phi``, ``compute_phis``, ``compute_structure``,
``major_complex``, ``best_partitions``, ``estimate_tpm``, ``whole_layer``, ``phiid``, ``load_run``, ``change``, ``compare_runs``,
``lesion``. What they return: ``Records`` of ``EpochRecord``, whose result is ``Computed``, ``TimedOut``, ``Failed``, ``Skipped``
or, until it is there, ``Open``; ``Change``; ``Sweep``; ``Lesion``; ``Partitions``; ``WholeLayer``; of IIT 4.0 ``SystemPhi``,
``Structure`` and ``Complexes``. What they raise: ``IITError`` and its kinds. What can be added: a ``PhiEngine``, a ``Tracker``, a
``PhiPool``.

Names are loaded on first use: importing the package loads neither torch nor PyPhi.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_iit.analysis import analyse
    from lightning_iit.callback import IITCallback
    from lightning_iit.compare import compare_runs
    from lightning_iit.comparison.change import Change, change
    from lightning_iit.errors import (
        IITError,
        InvalidArgumentError,
        InvalidStatesError,
        InvalidSystemError,
        MissingDependencyError,
        RecordError,
        StepError,
        TooManyUnitsError,
        UnknownLayerError,
        UnknownOptionError,
        UnsupportedOutputError,
        UnusableSeriesError,
    )
    from lightning_iit.phi.compute import compute_phi, compute_phis, compute_structure, major_complex
    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.phi.pyphi.engine import to_pyphi
    from lightning_iit.phi.ranking import best_partitions
    from lightning_iit.records import Computed, EpochRecord, Failed, Open, PhiResult, Records, Skipped, System, TimedOut
    from lightning_iit.records.iit4 import Complexes, Structure, SystemPhi
    from lightning_iit.records.results import Partitions
    from lightning_iit.records.store import load_run
    from lightning_iit.records.whole.measures import WholeLayer
    from lightning_iit.states import analyse_states
    from lightning_iit.sweeps.outcome import Sweep, SweepFailure
    from lightning_iit.sweeps.sweep import sweep
    from lightning_iit.tpm.estimate import Tpm, estimate_tpm, state_by_node
    from lightning_iit.trackers.tracker import Tracker
    from lightning_iit.watch.lesions import Lesion, lesion
    from lightning_iit.whole.decomposition import phiid
    from lightning_iit.whole.layer import whole_layer

    __version__: str

__all__ = [
    "Change",
    "Complexes",
    "Computed",
    "EpochRecord",
    "Failed",
    "IITCallback",
    "IITError",
    "InvalidArgumentError",
    "InvalidStatesError",
    "InvalidSystemError",
    "Lesion",
    "MissingDependencyError",
    "Open",
    "Partitions",
    "PhiEngine",
    "PhiPool",
    "PhiResult",
    "RecordError",
    "Records",
    "Skipped",
    "StepError",
    "Structure",
    "Sweep",
    "SweepFailure",
    "System",
    "SystemPhi",
    "TimedOut",
    "TooManyUnitsError",
    "Tpm",
    "Tracker",
    "UnknownLayerError",
    "UnknownOptionError",
    "UnsupportedOutputError",
    "UnusableSeriesError",
    "WholeLayer",
    "analyse",
    "analyse_states",
    "best_partitions",
    "change",
    "compare_runs",
    "compute_phi",
    "compute_phis",
    "compute_structure",
    "estimate_tpm",
    "lesion",
    "load_run",
    "major_complex",
    "phiid",
    "state_by_node",
    "sweep",
    "to_pyphi",
    "whole_layer",
]

_HOMES = {
    "Change": "lightning_iit.comparison.change",
    "Complexes": "lightning_iit.records.iit4",
    "Computed": "lightning_iit.records",
    "EpochRecord": "lightning_iit.records",
    "Failed": "lightning_iit.records",
    "IITCallback": "lightning_iit.callback",
    "IITError": "lightning_iit.errors",
    "InvalidArgumentError": "lightning_iit.errors",
    "InvalidStatesError": "lightning_iit.errors",
    "InvalidSystemError": "lightning_iit.errors",
    "Lesion": "lightning_iit.watch.lesions",
    "MissingDependencyError": "lightning_iit.errors",
    "Open": "lightning_iit.records",
    "Partitions": "lightning_iit.records.results",
    "PhiEngine": "lightning_iit.phi.engine",
    "PhiPool": "lightning_iit.phi.pool.pool",
    "PhiResult": "lightning_iit.records",
    "RecordError": "lightning_iit.errors",
    "Records": "lightning_iit.records",
    "Skipped": "lightning_iit.records",
    "StepError": "lightning_iit.errors",
    "Structure": "lightning_iit.records.iit4",
    "Sweep": "lightning_iit.sweeps.outcome",
    "SweepFailure": "lightning_iit.sweeps.outcome",
    "System": "lightning_iit.records",
    "SystemPhi": "lightning_iit.records.iit4",
    "TimedOut": "lightning_iit.records",
    "TooManyUnitsError": "lightning_iit.errors",
    "Tpm": "lightning_iit.tpm.estimate",
    "Tracker": "lightning_iit.trackers.tracker",
    "UnknownLayerError": "lightning_iit.errors",
    "UnknownOptionError": "lightning_iit.errors",
    "UnsupportedOutputError": "lightning_iit.errors",
    "UnusableSeriesError": "lightning_iit.errors",
    "WholeLayer": "lightning_iit.records.whole.measures",
    "analyse": "lightning_iit.analysis",
    "analyse_states": "lightning_iit.states",
    "best_partitions": "lightning_iit.phi.ranking",
    "change": "lightning_iit.comparison.change",
    "compare_runs": "lightning_iit.compare",
    "compute_phi": "lightning_iit.phi.compute",
    "compute_phis": "lightning_iit.phi.compute",
    "compute_structure": "lightning_iit.phi.compute",
    "estimate_tpm": "lightning_iit.tpm.estimate",
    "lesion": "lightning_iit.watch.lesions",
    "load_run": "lightning_iit.records.store",
    "major_complex": "lightning_iit.phi.compute",
    "phiid": "lightning_iit.whole.decomposition",
    "state_by_node": "lightning_iit.tpm.estimate",
    "sweep": "lightning_iit.sweeps.sweep",
    "to_pyphi": "lightning_iit.phi.pyphi.engine",
    "whole_layer": "lightning_iit.whole.layer",
}


def __getattr__(name: str) -> Any:
    """Loads a public name from its home (PEP 562); ``__version__`` is that of the installed package."""
    if name == "__version__":
        return version("lightning-iit")
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Returns the public names."""
    return sorted(__all__)
