"""``lightning-iit phi``: computes Φ of a TPM in a file, or of a record with another state, prior, engine or formalism."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lightning_iit.commands.complexes import found_complex
from lightning_iit.commands.inputs import TpmInput, read_cm, read_tpm
from lightning_iit.commands.tables import print_complex, print_json, print_partitions, print_result, print_structure
from lightning_iit.errors import InvalidArgumentError, InvalidSystemError
from lightning_iit.phi.compute import compute_phi, compute_structure
from lightning_iit.phi.connections import ConnectivityWarning
from lightning_iit.phi.ranking import best_partitions
from lightning_iit.phi.subsystems import indices_of
from lightning_iit.records import FORMALISM, Structure, System, symbol
from lightning_iit.records.systems import braces

if TYPE_CHECKING:
    from rich.console import Console

    from lightning_iit.commands.past.question import Question
    from lightning_iit.records import EpochRecord, Formalism, MajorComplex, PhiResult, Skipped
    from lightning_iit.records.results import Partitions


@dataclass(frozen=True)
class PhiArguments:
    """Holds the arguments of ``lightning-iit phi``; :mod:`lightning_iit.cli` explains each of them in its help.

    The question is what a run or a record is asked; of a TPM in a file it names the file alone.
    """

    question: Question
    state: tuple[int, ...] | None = None
    cm: str | None = None
    formalisms: tuple[Formalism, ...] = ()
    nodes: tuple[int | str, ...] | None = None
    prior: float | None = None
    engine: str = "auto"
    complexes: bool = False
    structure: bool = False
    partitions: int = 0
    json: bool = False
    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    repertoires: bool = False
    ties: bool = False
    allow_dependence: bool = False
    timeout: float | None = None
    threads: int = 1
    pyphi_options: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> tuple[str, ...]:
        """Returns the options that change what Φ is, where they are not at their defaults, as a command line has them."""
        named = {
            "cm": self.cm,
            "nodes": None if self.nodes is None else ",".join(map(str, self.nodes)),
            "prior": self.prior,
            "engine": None if self.engine == "auto" else self.engine,
            "cuts": None if self.cuts == "all" else self.cuts,
        }
        told = [part for name, value in named.items() if value is not None for part in (f"--{name}", str(value))]
        told += [] if self.new_concepts else ["--no-new-concepts"]
        return (*told, *(part for name, value in self.pyphi_options.items() for part in ("--option", f"{name}={value}")))


def run_phi(arguments: PhiArguments, console: Console) -> int:
    """Computes Φ and prints the result, as text or as JSON.

    Returns:
        The exit status: 0 if Φ was computed by each formalism, 1 if not (the printed reason says why).

    Raises:
        IITError: the input or an argument is invalid.
        OSError: the file cannot be read.
    """
    question = arguments.question
    given = question.tpm(arguments.prior) if question.is_asked else read_tpm(question.target, prior=arguments.prior)
    _check_dependence(given, allow=arguments.allow_dependence)
    state = arguments.state if arguments.state is not None else given.state
    if state is None:
        msg = f"--state is missing: {given.source} does not say which state to analyse. Give one, as in --state 100."
        raise InvalidArgumentError(msg)
    cm = read_cm(arguments.cm) if arguments.cm is not None else given.cm
    system = System(tpm=given.state_by_node, state=state, cm=cm, labels=given.labels)
    nodes = given.nodes if arguments.nodes is None else indices_of(system, arguments.nodes)
    formalisms = arguments.formalisms or given.formalisms
    if arguments.structure and formalisms == (FORMALISM,):
        msg = "--structure: the cause-effect structure is one of IIT 4.0; give --formalism iit4-2023. IIT 3.0 has concepts instead."
        raise InvalidArgumentError(msg)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConnectivityWarning)
        found = [_computed(arguments, system, nodes, one, first=one == formalisms[0]) for one in formalisms]
    for words in dict.fromkeys(str(warning.message) for warning in caught):
        sys.stderr.write(f"{words}\n")
    _print(arguments, given, system, nodes, found, console)
    done = all(one.result.phi is not None for one in found)
    if question.is_asked:
        _keep(arguments, given, state, found, done=done)
    return 0 if done else 1


def _print(
    arguments: PhiArguments,
    given: TpmInput,
    system: System,
    nodes: tuple[int, ...] | None,
    found: list[_Found],
    console: Console,
) -> None:
    """Prints what was computed, as text or as JSON."""
    if arguments.json:
        first, *others = [one.document for one in found]
        document = {"source": given.source, "system": system, "form": given.form, "dependence": given.dependence, **first}
        if nodes is not None:
            document["nodes"] = nodes
        if given.asked is not None:
            document |= {"units": given.asked, "from": given.words}
        if others:
            document["others"] = others
        print_json(document)
    else:
        _print_source(console, given)
        for number, one in enumerate(found):
            if number:
                console.print()
            _print_found(console, one, given, system.state, nodes)


def _keep(arguments: PhiArguments, given: TpmInput, state: tuple[int, ...], found: list[_Found], *, done: bool) -> None:
    """Keeps the answer with the run, and says how it can be had again; a folder that takes no file is said."""
    numbers = [
        f"{symbol(one.formalism)} = {one.result.phi:.6g}" if one.result.phi is not None else one.result.reason for one in found
    ]
    formalisms = tuple(one.formalism for one in found)
    try:
        answer = f"{'; '.join(numbers)}. {given.words}".strip()
        kept = arguments.question.keep(given, state, formalisms, answer, done=done, options=arguments.changed)
    except OSError as error:
        sys.stderr.write(f"The answer is not kept with the run: {error}\n")
        return
    if kept is not None and kept.command is not None:
        sys.stderr.write(f"Kept with the run; to ask again: lightning-iit {kept.command.words}\n")


class _Found(NamedTuple):
    """Holds what was computed by one formalism; the last three where they were asked for."""

    formalism: Formalism
    result: PhiResult
    complexes: MajorComplex | None = None
    structure: Structure | Skipped | None = None
    partitions: Partitions | Skipped | None = None

    @property
    def document(self) -> dict[str, Any]:
        """Returns this as it is printed in JSON."""
        document: dict[str, Any] = {"formalism": self.formalism, "result": self.result}
        if self.complexes is not None:
            document["major_complex"] = self.complexes
        if self.structure is not None:
            document["structure"] = self.structure
        if isinstance(self.structure, Structure):
            document["big_phi"] = self.structure.big_phi
        if self.partitions is not None:
            document["partitions"] = self.partitions
        return document


def _computed(arguments: PhiArguments, system: System, nodes: tuple[int, ...] | None, formalism: Any, *, first: bool) -> _Found:
    """Computes what is asked for by one formalism; the options are those of the first one, as in a training."""
    engine, timeout = arguments.engine, arguments.timeout
    options: dict[str, Any] = {"formalism": formalism}
    if first:
        options |= {name: getattr(arguments, name) for name in ("cuts", "new_concepts", "repertoires", "pyphi_options", "threads")}
    ties = arguments.ties and first
    result = compute_phi(system, engine, timeout, nodes=nodes, ties=ties, **options)
    found = found_complex(system, engine, timeout, options) if arguments.complexes else None
    structure = None
    if arguments.structure and formalism != FORMALISM:
        pyphi = options.get("pyphi_options")
        structure = compute_structure(system, engine, formalism=formalism, nodes=nodes, pyphi_options=pyphi)
    return _Found(formalism, result, found, structure, _partitions(arguments, system, nodes, options))


def _partitions(
    arguments: PhiArguments, system: System, nodes: tuple[int, ...] | None, options: dict[str, Any]
) -> Partitions | Skipped | None:
    """Finds the best partitions; None where they were not asked for."""
    if not arguments.partitions:
        return None
    given = {name: options[name] for name in ("formalism", "cuts", "new_concepts", "threads") if name in options}
    return best_partitions(system, arguments.partitions, arguments.engine, nodes=nodes, **given)


def _print_found(console: Console, found: _Found, given: TpmInput, state: tuple[int, ...], nodes: tuple[int, ...] | None) -> None:
    """Prints what was computed by one formalism."""
    print_result(console, found.result, state, found.formalism)
    if nodes is not None:
        how = "held at their states" if found.formalism == FORMALISM else "the background"
        console.print(f"Nodes {braces(nodes)}; the others are {how}.", highlight=False)
    if given.record is not None and found.result.phi is not None:
        own = nodes == given.nodes and given.asked is None
        null = _null_words(given.record, found, state) if own else given.record.without_null
        console.print(f"{null} ({given.record.kind})", highlight=False)
    if found.complexes is not None:
        print_complex(console, found.complexes)
    if found.structure is not None:
        print_structure(console, found.structure)
    if found.partitions is not None:
        print_partitions(console, found.partitions)


def _check_dependence(given: TpmInput, *, allow: bool) -> None:
    """Raises ``InvalidSystemError`` for a state-by-state TPM with dependent units, unless ``allow`` is True."""
    if given.dependence is not None and given.dependence > given.accepted and not allow:
        msg = (
            f"{given.source}: a state-by-state TPM whose units are not independent given the present state: an entry is "
            f"{given.dependence:.3g} away from the product of the units' probabilities ({given.accepted:g} is accepted). IIT is "
            "defined for conditionally independent units. --allow-dependence goes on with the product, which is another system."
        )
        raise InvalidSystemError(msg)


def _null_words(record: EpochRecord, found: _Found, state: tuple[int, ...]) -> str:
    """Returns the record's null in words, if the computed Φ equals the record's Φ in the same state; else why there is none."""
    if found.formalism not in record.formalisms:
        return record.without_null
    stored, phi = record.of(found.formalism), found.result.phi
    same = stored.phi is not None and phi is not None and state == stored.states[0].state and abs(stored.phi - phi) < 1e-6
    return stored.null_words if same else record.without_null


def _print_source(console: Console, given: TpmInput) -> None:
    """Prints the record's layer, epoch and transitions, and how far a state-by-state TPM is from conditional independence."""
    if given.record is not None:
        record = given.record
        transitions = record.counts.transitions if record.counts is not None else 0
        console.print(
            f"{record.layer}, epoch {record.epoch}: {record.kind}, {transitions:,} transitions ({record.axis})", highlight=False
        )
    if given.asked is not None:
        console.print(f"Units {', '.join(map(str, given.asked))}. {given.words}", highlight=False, markup=False)
    if given.labels is not None:
        console.print(
            "Nodes: " + ", ".join(f"{index} is {name}" for index, name in enumerate(given.labels)), highlight=False, markup=False
        )
    if given.dependence is not None:
        verdict = (
            "conditionally independent"
            if given.dependence <= given.accepted
            else "NOT conditionally independent; its product is analysed"
        )
        console.print(f"State-by-state TPM, {verdict} (largest deviation {given.dependence:.3g})", highlight=False)
