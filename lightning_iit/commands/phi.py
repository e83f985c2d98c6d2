"""``lightning-iit phi``: computes Φ of a TPM in a file, or of a record with another state, prior or engine."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from lightning_iit.commands.inputs import TpmInput, read_cm, read_tpm
from lightning_iit.commands.tables import print_complex, print_result
from lightning_iit.errors import InvalidArgumentError, InvalidSystemError
from lightning_iit.phi.compute import compute_phi, major_complex
from lightning_iit.phi.connections import ConnectivityWarning
from lightning_iit.records import NULL_NOT_COMPUTED, Computed, System
from lightning_iit.records.systems import braces

if TYPE_CHECKING:
    from rich.console import Console

    from lightning_iit.records import EpochRecord


@dataclass(frozen=True)
class PhiArguments:
    """Holds the arguments of ``lightning-iit phi``; :mod:`lightning_iit.cli` explains each of them in its help."""

    tpm: str
    state: tuple[int, ...] | None = None
    cm: str | None = None
    nodes: tuple[int, ...] | None = None
    prior: float | None = None
    engine: str = "auto"
    complexes: bool = False
    json: bool = False
    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    repertoires: bool = False
    ties: bool = False
    allow_dependence: bool = False
    timeout: float | None = None
    threads: int = 1
    pyphi_options: dict[str, Any] = field(default_factory=dict)


def run_phi(arguments: PhiArguments, console: Console) -> int:
    """Computes Φ and prints the result, as text or as JSON.

    Returns:
        The exit status: 0 if Φ was computed, 1 if not (the printed reason says why).

    Raises:
        IITError: the input or an argument is invalid.
        OSError: the file cannot be read.
    """
    given = read_tpm(arguments.tpm, prior=arguments.prior)
    _check_dependence(given, allow=arguments.allow_dependence)
    state = arguments.state if arguments.state is not None else given.state
    if state is None:
        msg = f"--state is missing: {given.source} does not say which state to analyse. Give one, as in --state 100."
        raise InvalidArgumentError(msg)
    cm = read_cm(arguments.cm) if arguments.cm is not None else given.cm
    system = System(tpm=given.state_by_node, state=state, cm=cm)
    options: dict[str, Any] = {
        "cuts": arguments.cuts,
        "new_concepts": arguments.new_concepts,
        "repertoires": arguments.repertoires,
        "pyphi_options": arguments.pyphi_options,
        "threads": arguments.threads,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConnectivityWarning)
        result = compute_phi(system, arguments.engine, arguments.timeout, nodes=arguments.nodes, ties=arguments.ties, **options)
        found = major_complex(system, arguments.engine, arguments.timeout, **options) if arguments.complexes else None
    for words in dict.fromkeys(str(warning.message) for warning in caught):
        sys.stderr.write(f"{words}\n")
    if arguments.json:
        document = {"source": given.source, "system": system, "form": given.form, "dependence": given.dependence, "result": result}
        if arguments.nodes is not None:
            document["nodes"] = arguments.nodes
        if found is not None:
            document["major_complex"] = found
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    else:
        _print_source(console, given)
        print_result(console, result, system.state)
        if arguments.nodes is not None:
            console.print(f"Nodes {braces(arguments.nodes)}; the others are held at their states.", highlight=False)
        if given.record is not None and isinstance(result, Computed):
            null = NULL_NOT_COMPUTED if arguments.nodes is not None else _null_words(given.record, state, result)
            console.print(f"{null} ({given.record.kind})", highlight=False)
        if found is not None:
            print_complex(console, found)
    return 0 if isinstance(result, Computed) else 1


def _check_dependence(given: TpmInput, *, allow: bool) -> None:
    """Raises ``InvalidSystemError`` for a state-by-state TPM with dependent units, unless ``allow`` is True."""
    if given.dependence is not None and given.dependence > given.accepted and not allow:
        msg = (
            f"{given.source}: a state-by-state TPM whose units are not independent given the present state: an entry is "
            f"{given.dependence:.3g} away from the product of the units' probabilities ({given.accepted:g} is accepted). IIT 3.0 "
            "is defined for conditionally independent units. --allow-dependence goes on with the product, which is another system."
        )
        raise InvalidSystemError(msg)


def _null_words(record: EpochRecord, state: tuple[int, ...], result: Computed) -> str:
    """Returns the record's null in words, if the computed Φ equals the record's Φ in the same state; else "not computed"."""
    same = record.phi is not None and state == record.states[0].state and abs(record.phi - result.phi) < 1e-6
    return record.null_words if same else NULL_NOT_COMPUTED


def _print_source(console: Console, given: TpmInput) -> None:
    """Prints the record's layer, epoch and transitions, and how far a state-by-state TPM is from conditional independence."""
    if given.record is not None:
        record = given.record
        transitions = record.counts.transitions if record.counts is not None else 0
        console.print(
            f"{record.layer}, epoch {record.epoch}: {record.kind}, {transitions:,} transitions ({record.axis})", highlight=False
        )
    if given.dependence is not None:
        verdict = (
            "conditionally independent"
            if given.dependence <= given.accepted
            else "NOT conditionally independent; its product is analysed"
        )
        console.print(f"State-by-state TPM, {verdict} (largest deviation {given.dependence:.3g})", highlight=False)
