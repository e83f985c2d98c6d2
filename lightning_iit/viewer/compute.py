"""Computes Φ of a stored record in another state or with another engine, when the viewer's page asks for it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import IITError, RecordError
from lightning_iit.records import FORMALISM, Failed, PhiOptions, Skipped, System, decode

if TYPE_CHECKING:
    from lightning_iit.records import EpochRecord, PhiResult, Structure, TpmRecord
    from lightning_iit.records.results import Partitions
    from lightning_iit.viewer.protocol import ComputeRequest
    from lightning_iit.viewer.sources import RecordSource

TIMEOUT_SECONDS = 300.0
"""The time limit of one analysis, in seconds."""
_BEST = 5
"""So many of the best partitions are given."""
_FEWEST_UNITS = 2
_MINUTES_FROM = 120.0
_MOST_RANKED = 6
"""Of more units the best partitions by IIT 3.0 may take minutes, without a time limit."""
_one_at_a_time = Lock()


def compute_again(source: RecordSource, asked: ComputeRequest) -> PhiResult | Structure | Partitions:
    """Computes what is asked of a stored record's TPM in the requested state, with the record's connectivity, nodes and options.

    Only one analysis runs at a time. Engine and formalism are those of the request.

    Args:
        source: the source that holds the record.
        asked: the record (run, layer, epoch, step), the units, the state, the engine, the formalism, and what is wanted.

    Returns:
        Φ: Computed, or SystemPhi for IIT 4.0; TimedOut after 300 seconds. Or the structure, or the best partitions. Skipped if
        another analysis is running, the state cannot be reached, or it would take longer than asked for; Failed if the state, the
        units, the engine or the formalism does not fit the record, or if there are too many units.

    Raises:
        RecordError: the record cannot be read, or holds no TPM.
        LookupError: there is no such run, layer or epoch.
    """
    record = decode(source.record(asked.run, asked.layer, asked.epoch, asked.step))
    if record.tpm is None:
        msg = "The record holds no TPM, so nothing can be computed from it."
        raise RecordError(msg)
    try:
        found = _system(record, record.tpm, asked)
        if isinstance(found, System) and (costly := _costly(found, record, asked)) is not None:
            return costly
    except IITError as error:
        return Failed(code="engine_error", reason=str(error))
    if not isinstance(found, System):
        return found
    if not _one_at_a_time.acquire(blocking=False):
        return Skipped(code="busy", reason="Another analysis is running; wait for it, or use the command line.")
    try:
        return _computed(found, record, asked)
    except IITError as error:
        return Failed(code="engine_error", reason=str(error))
    finally:
        _one_at_a_time.release()


def _system(record: EpochRecord, tpm: TpmRecord, asked: ComputeRequest) -> System | Failed:
    """Returns the system that is asked about; Failed where no recorded group has all of the units."""
    if asked.units is None:
        cm = record.perturbation.cm if record.perturbation else None
        return System(tpm=tpm.state_by_node, state=asked.state, cm=cm)
    from lightning_iit.tpm.recorded_groups import group_in

    units = asked.units
    group = group_in(record, units, prior=None) if len(set(units)) == len(units) >= _FEWEST_UNITS else None
    if group is None:
        return Failed(code="no_such_units", reason="No recorded group has all of these units.")
    return System(tpm=group.state_by_node.tolist(), state=asked.state, cm=group.cm)


def _nodes(record: EpochRecord, asked: ComputeRequest) -> tuple[int, ...] | None:
    """Returns the candidate system among the nodes; None for all of them. That of a record is one of its own units."""
    return record.provenance.options.nodes if asked.units is None else None


def _costly(system: System, record: EpochRecord, asked: ComputeRequest) -> Skipped | None:
    """Returns what it would take, where that is more than asked for."""
    if asked.most_seconds is None:
        return None
    from lightning_iit.phi.registry import choose_engine

    formalism: Any = asked.formalism or record.formalism
    n = len(_nodes(record, asked) or range(system.n))
    own = record.provenance.options.pyphi if formalism == record.formalism and asked.wanted == "phi" else {}
    engine = choose_engine(asked.engine, PhiOptions(formalism=formalism, pyphi=own))
    seconds = engine.seconds(n)
    if seconds <= asked.most_seconds:
        return None
    long = f"{seconds:.0f} s" if seconds < _MINUTES_FROM else f"{seconds / 60:,.0f} min"
    reason = f"{engine.name} takes about {long} for {n} units."
    if seconds > TIMEOUT_SECONDS:
        reason += f" It is given {TIMEOUT_SECONDS:.0f} s here; the command line gives it as long as it takes."
    return Skipped(code="costly", reason=reason)


def _computed(system: System, record: EpochRecord, asked: ComputeRequest) -> PhiResult | Structure | Partitions:
    """Computes what is asked of a system, with the options of its record."""
    from lightning_iit.phi.compute import compute_phi, compute_structure
    from lightning_iit.phi.ranking import best_partitions

    options = record.provenance.options
    formalism = asked.formalism or record.formalism
    nodes = _nodes(record, asked)
    given: dict[str, Any] = {"formalism": formalism, "nodes": nodes}
    if formalism == FORMALISM:
        given |= {"cuts": options.cuts, "new_concepts": options.new_concepts}
    if asked.wanted == "partitions":
        n = system.n if nodes is None else len(nodes)
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
