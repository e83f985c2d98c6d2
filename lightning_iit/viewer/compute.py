"""Computes Φ of a stored record in another state or with another engine, when the viewer's page asks for it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from lightning_iit.errors import IITError, RecordError
from lightning_iit.records import Failed, Skipped, System, decode

if TYPE_CHECKING:
    from lightning_iit.records import PhiResult
    from lightning_iit.viewer.protocol import ComputeRequest
    from lightning_iit.viewer.sources import RecordSource

TIMEOUT_SECONDS = 300.0
"""The time limit of one analysis, in seconds."""
_one_at_a_time = Lock()


def compute_again(source: RecordSource, asked: ComputeRequest) -> PhiResult:
    """Computes Φ of a stored record's TPM in the requested state, with the record's connectivity and options.

    Only one analysis runs at a time. The engine is that of the request.

    Args:
        source: the source that holds the record.
        asked: the record (run, layer, epoch), the state and the engine.

    Returns:
        The result: Computed; TimedOut after 300 seconds; Skipped if another analysis is running or the state cannot be reached;
        Failed if the state or the engine does not fit the record.

    Raises:
        RecordError: the record cannot be read, or holds no TPM.
        LookupError: there is no such run, layer or epoch.
    """
    from lightning_iit.phi.compute import compute_phi

    record = decode(source.record(asked.run, asked.layer, asked.epoch))
    if record.tpm is None:
        msg = "The record holds no TPM, so nothing can be computed from it."
        raise RecordError(msg)
    if not _one_at_a_time.acquire(blocking=False):
        return Skipped(code="busy", reason="Another analysis is running; wait for it, or use the command line.")
    try:
        cm = record.perturbation.cm if record.perturbation else None
        system = System(tpm=record.tpm.state_by_node, state=asked.state, cm=cm)
        options = record.provenance.options
        return compute_phi(
            system,
            engine=asked.engine,
            timeout=TIMEOUT_SECONDS,
            cuts=options.cuts,
            new_concepts=options.new_concepts,
            pyphi_options=options.pyphi,
        )
    except IITError as error:
        return Failed(code="engine_error", reason=str(error))
    finally:
        _one_at_a_time.release()
