"""What PyPhi 2 computes of IIT 3.0, as records; and its options and systems, for IIT 4.0 too."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.phi.engine import unreachable
from lightning_iit.phi.pyphi._import import import_pyphi
from lightning_iit.phi.pyphi.translation import CutCounter, concepts, counting, members, number_of_cuts
from lightning_iit.records import Computed, Cut, EngineInfo, MajorComplex, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from lightning_iit.phi.engine import Progress
    from lightning_iit.records import PhiOptions, System

PRESETS = {"iit3": "iit3", "iit4-2023": "iit4_2023", "iit4-2026": "iit4_2026"}
"""PyPhi's own set of options for each formalism."""


@contextmanager
def configured(formalism: str, values: dict[str, Any]) -> Iterator[ModuleType]:
    """Provides PyPhi 2 with its defaults, the options of a formalism and the given ones, for as long as the block runs.

    PyPhi's configuration is global, and the host's own code may have changed it; afterwards it is as it was found.

    Args:
        formalism: a key of :data:`PRESETS`.
        values: values of PyPhi's options by PyPhi's names, on top of those of the formalism.

    Yields:
        The module ``pyphi``.
    """
    pyphi = import_pyphi()
    conf, found = pyphi.conf, pyphi.config.snapshot()
    # A connectivity matrix that lacks a connection of the TPM is warned of by this package, and wins.
    quiet = conf.InfrastructureConfig(progress_bars=False, validate_connectivity=False)
    try:
        pyphi.config.install_snapshot(conf.ConfigSnapshot(conf.FormalismConfig(), quiet, conf.NumericsConfig()))
        with pyphi.config.override(
            {**getattr(pyphi, PRESETS[formalism]), **{_path(name): value for name, value in values.items()}}
        ):
            yield pyphi
    finally:
        pyphi.config.install_snapshot(found)


def _path(name: str) -> str:
    """Returns the full name of an option."""
    return name if name == "precision" else f"iit.{name}"


def substrate(pyphi: ModuleType, system: System) -> Any:
    """Builds PyPhi's ``Substrate`` of a system."""
    cm = None if system.cm is None else np.array(system.cm)
    return pyphi.Substrate(np.array(system.tpm, dtype=float), cm=cm, node_labels=system.labels)


def analyse(system: System, options: PhiOptions, progress: Progress | None, engine: EngineInfo) -> Computed | Skipped:
    """Analyses one system; the result is ``Skipped`` where no state of the system leads to the state to analyse."""
    with configured("iit3", _options_of_iit3(options)) as pyphi:
        start = time.perf_counter()
        cuts = CutCounter(number_of_cuts(system.n, options), progress)
        try:
            whole = counting(pyphi.System, "apply_partition", cuts)(substrate(pyphi, system), system.state)
        except pyphi.exceptions.StateUnreachableError:
            return unreachable(system.state)
        return _computed(whole.sia(), options, cuts.count, time.perf_counter() - start, engine)


def major_complex(system: System, options: PhiOptions, engine: EngineInfo) -> MajorComplex:
    """Returns the subset of nodes with the largest Φ."""
    with configured("iit3", _options_of_iit3(options)) as pyphi:
        start = time.perf_counter()
        found = substrate(pyphi, system).complexes(system.state)
        seconds = time.perf_counter() - start
        if not found:
            why = "No subset of the nodes has Φ > 0, or several that overlap tie, or no state leads to that of all nodes."
            return MajorComplex(nodes=(), result=Computed(phi=0.0, engine=engine, seconds=seconds, reason=why))
        nodes = members(found[0].node_indices)
        return MajorComplex(
            nodes=nodes, result=_computed(found[0].sia, options, number_of_cuts(len(nodes), options), seconds, engine)
        )


def _options_of_iit3(options: PhiOptions) -> dict[str, Any]:
    """Returns the options of an analysis as PyPhi's options, by PyPhi's names."""
    return {
        "system_partition_scheme": "DIRECTED_BIPARTITION_CUT_ONE" if options.cuts == "one" else "DIRECTED_BIPARTITION",
        "assume_partitions_cannot_create_new_concepts": not options.new_concepts,
        **options.pyphi,
    }


def _computed(sia: Any, options: PhiOptions, cuts: int, seconds: float, engine: EngineInfo) -> Computed:
    """Translates PyPhi's result into a record."""
    cut = sia.partition
    return Computed(
        phi=float(sia.phi),
        cut=Cut(from_nodes=members(cut.from_nodes), to_nodes=members(cut.to_nodes)) if cut.removed_edges() else None,
        concepts=concepts(sia.distinctions or (), repertoires=options.repertoires),
        partitioned_concepts=concepts(sia.partitioned_distinctions or (), repertoires=options.repertoires),
        cuts_evaluated=cuts,
        seconds=seconds,
        engine=engine,
        reason=reason_of(sia),
    )


def reason_of(sia: Any) -> str:
    """Says in words why Φ or φ_s is 0 without a search, or in spite of it; empty where PyPhi gives no reason."""
    said = ", ".join(reason.description for reason in sia.reasons or ())
    return f"It is 0, and PyPhi's reason is: {said}." if said else ""
