"""Computes Φ of a stored record in another state or with another engine, when the viewer's page asks for it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import IITError, RecordError
from lightning_iit.records import FORMALISM, Failed, Skipped, System, decode

if TYPE_CHECKING:
    from lightning_iit.records import EpochRecord, PhiResult, Structure
    from lightning_iit.records.results import Partitions
    from lightning_iit.viewer.protocol import ComputeRequest
    from lightning_iit.viewer.sources import RecordSource

TIMEOUT_SECONDS = 300.0
"""The time limit of one analysis, in seconds."""
_BEST = 5
"""So many of the best partitions are given."""
_MOST_RANKED = 6
"""Of more units the best partitions by IIT 3.0 may take minutes, without a time limit."""
_one_at_a_time = Lock()


def compute_again(source: RecordSource, asked: ComputeRequest) -> PhiResult | Structure | Partitions:
    """Computes what is asked of a stored record's TPM in the requested state, with the record's connectivity, nodes and options.

    Only one analysis runs at a time. Engine and formalism are those of the request.

    Args:
        source: the source that holds the record.
        asked: the record (run, layer, epoch), the state, the engine, the formalism, and what is wanted.

    Returns:
        Φ: Computed, or SystemPhi for IIT 4.0; TimedOut after 300 seconds. Or the structure, or the best partitions. Skipped if
        another analysis is running or the state cannot be reached; Failed if the state, the engine or the formalism does not fit
        the record, or if there are too many units.

    Raises:
        RecordError: the record cannot be read, or holds no TPM.
        LookupError: there is no such run, layer or epoch.
    """
    record = decode(source.record(asked.run, asked.layer, asked.epoch))
    if record.tpm is None:
        msg = "The record holds no TPM, so nothing can be computed from it."
        raise RecordError(msg)
    if not _one_at_a_time.acquire(blocking=False):
        return Skipped(code="busy", reason="Another analysis is running; wait for it, or use the command line.")
    try:
        cm = record.perturbation.cm if record.perturbation else None
        system = System(tpm=record.tpm.state_by_node, state=asked.state, cm=cm)
        return _computed(system, record, asked)
    except IITError as error:
        return Failed(code="engine_error", reason=str(error))
    finally:
        _one_at_a_time.release()


def _computed(system: System, record: EpochRecord, asked: ComputeRequest) -> PhiResult | Structure | Partitions:
    """Computes what is asked of a system, with the options of its record."""
    from lightning_iit.phi.compute import compute_phi, compute_structure
    from lightning_iit.phi.ranking import best_partitions

    options = record.provenance.options
    formalism = asked.formalism or record.formalism
    given: dict[str, Any] = {"formalism": formalism, "nodes": options.nodes}
    if formalism == FORMALISM:
        given |= {"cuts": options.cuts, "new_concepts": options.new_concepts}
    if asked.wanted == "partitions":
        n = system.n if options.nodes is None else len(options.nodes)
        if formalism == FORMALISM and n > _MOST_RANKED:
            reason = f"Partitions of {n} units may take minutes: use the command line, with --partitions {_BEST}."
            return Failed(code="too_many_units", reason=reason)
        return best_partitions(system, _BEST, asked.engine, **given)
    if formalism == record.formalism:  # options of PyPhi are of the formalism that they were given for
        given["pyphi_options"] = options.pyphi
    if asked.wanted == "structure":
        return compute_structure(system, asked.engine, **given)
    result: PhiResult = compute_phi(system, asked.engine, timeout=TIMEOUT_SECONDS, **given)
    return result
