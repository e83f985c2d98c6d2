"""What a page had computed of a record, kept with the run: the answer, and the command line that gives it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records import FORMALISM, Computed, Structure, SystemPhi, symbol
from lightning_iit.records.names import record_name
from lightning_iit.records.results import Partitions
from lightning_iit.records.steering.questions import keep

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records import EpochRecord, PhiResult
    from lightning_iit.viewer.protocol import ComputeRequest


def keep_computed(
    run_dir: Path, record: EpochRecord, asked: ComputeRequest, found: PhiResult | Structure | Partitions, *, sender: str
) -> None:
    """Keeps what was computed of a record with its run; does nothing where nothing was computed.

    Args:
        run_dir: the run's directory.
        record: the record.
        asked: what was asked.
        found: what came of it.
        sender: who asked, in words.

    Raises:
        OSError: it cannot be written.
    """
    formalism = asked.formalism or record.formalism
    words = _words(found, formalism)
    if words is None:
        return
    keep(
        run_dir,
        record,
        words,
        done=True,
        sender=sender,
        units=asked.units,
        state="".join(map(str, asked.state)),
        formalism=formalism,
        options=tuple(_options(record, asked, formalism, found)),
        # A run's directory stands for the records of whole epochs; one within an epoch is named by its file.
        target=str(run_dir if asked.step is None else run_dir / record_name(record.layer, record.epoch, record.step)),
    )


def _words(found: PhiResult | Structure | Partitions, formalism: str) -> str | None:
    """Returns an answer in a sentence; None where nothing was computed."""
    if isinstance(found, Computed | SystemPhi):
        return f"{symbol(formalism)} = {found.phi:.6g}."
    if isinstance(found, Structure):
        return f"The structure has {symbol(formalism)} = {found.system.phi:.6g} and Φ = {found.big_phi:.6g}."
    if isinstance(found, Partitions):
        phis = ", ".join(f"{one.phi:.6g}" for one in found.partitions)
        return f"The best partitions have {symbol(formalism)} = {phis}." if phis else f"There are no partitions: {found.reason}"
    return None


def _options(record: EpochRecord, asked: ComputeRequest, formalism: str, found: PhiResult | Structure | Partitions) -> list[str]:
    """Returns the options of the command line by which it computes the same."""
    own = record.provenance.options
    options = ["--engine", asked.engine]
    if formalism == FORMALISM:
        options += ["--cuts", own.cuts]
        options += [] if own.new_concepts else ["--no-new-concepts"]
    if formalism == record.formalism and asked.wanted != "partitions":
        options += [part for name, value in own.pyphi.items() for part in ("--option", f"{name}={value}")]
    if isinstance(found, Partitions):
        options += ["--partitions", str(max(1, len(found.partitions)))]
    return [*options, "--structure"] if isinstance(found, Structure) else options
