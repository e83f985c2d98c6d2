"""The subcommands that compute, check or compare numbers: phi, verify, cost, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_iit.commands.arguments import TARGET, add_option
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.compute import compute_phi
from lightning_iit.phi.registry import engine_names
from lightning_iit.records import FORMALISM, FORMALISM_WORDS

if TYPE_CHECKING:
    import argparse

    from rich.console import Console


def add(commands: Any) -> None:
    """Adds these subcommands to the parser of the command line."""
    _add_phi(commands)
    _add_verify(commands)
    _add_cost(commands)
    _add_compare(commands)


def _add_phi(commands: Any) -> None:
    parser = commands.add_parser("phi", help="compute Φ of a TPM in a file, or of a record")
    _add_what_is_analysed(parser)
    _add_how(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_phi)


def _add_what_is_analysed(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``lightning-iit phi`` that say which units of what, in which state."""
    parser.add_argument(
        "tpm",
        help="file with a state-by-node or state-by-state TPM (.npy, .csv, or .npz with tpm, cm, state, labels), a record (.json), "
        "or what holds one record (a run's directory, an MLflow tracking URI)",
    )
    parser.add_argument(
        "--state", help="state to analyse: a 0 or 1 for each unit, unit 0 first, as in 100 (default: the state in the file)"
    )
    parser.add_argument(
        "--epoch", type=int, metavar="N", help="of a run: the epoch, -1 for the untrained network (default: the last)"
    )
    parser.add_argument("--layer", help="of a run: the layer (default: the only one)")
    parser.add_argument(
        "--units",
        help="of a run or record: the indices of the layer's units, as in 3,8. Units of one recorded group are answered from the "
        "record, others from a checkpoint of this epoch in the run, with --data and --model; the answer is kept with the run",
    )
    parser.add_argument(
        "--model", metavar="MODULE:CLASS", help="for a checkpoint: the LightningModule (default: the class that LightningCLI saved)"
    )
    parser.add_argument(
        "--data", metavar="MODULE:NAME", help="for a checkpoint: a function that returns a loader, or a LightningDataModule"
    )
    parser.add_argument(
        "--cm", help="connectivity matrix: a .npy or .csv file, or rows as in 011;101;110 (default: the file's, else all to all)"
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``lightning-iit phi`` that say how Φ is computed, and what else."""
    parser.add_argument(
        "--formalism",
        metavar="NAMES",
        help=f"version of the theory, or several, as in iit3,iit4-2023: {', '.join(FORMALISM_WORDS)} (default: those that a record "
        f"has, else {FORMALISM})",
    )
    parser.add_argument(
        "--nodes",
        help="candidate system: the nodes to analyse, as in 0,2,3 or by the labels in the file as in A,B (results name nodes by "
        "index), with the others as background: held at their states, but for the causes of IIT 4.0 (default: those of a record's "
        "candidate system, else all)",
    )
    parser.add_argument(
        "--prior", type=float, help="for a record: estimate its TPM again, with this P(ON) in rows that were never visited"
    )
    add_option(parser, compute_phi, "engine", choices=engine_names())
    parser.add_argument(
        "--complexes",
        action="store_true",
        help="also find the major complex of all nodes: the subset with the largest Φ, or φ_s (--nodes does not restrict it)",
    )
    parser.add_argument(
        "--structure", action="store_true", help="also compute distinctions, relations and Φ of the structure (IIT 4.0)"
    )
    parser.add_argument(
        "--partitions",
        type=int,
        default=0,
        metavar="K",
        help="also print the K partitions with the smallest Φ (IIT 3.0) or normalised φ_s (IIT 4.0)",
    )
    add_option(parser, compute_phi, "cuts")
    add_option(parser, compute_phi, "new_concepts")
    add_option(parser, compute_phi, "repertoires")
    add_option(parser, compute_phi, "ties")
    parser.add_argument(
        "--allow-dependence",
        action="store_true",
        help="for a state-by-state TPM with dependent units: analyse the product of the units' probabilities",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set an option of PyPhi, as in MEASURE=L1 (may be repeated)",
    )
    add_option(parser, compute_phi, "timeout")
    add_option(parser, compute_phi, "threads")


def _phi(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit phi``."""
    from lightning_iit.commands.inputs import parse_formalisms, parse_nodes, parse_state, parse_units
    from lightning_iit.commands.past.question import Question
    from lightning_iit.commands.phi import PhiArguments, run_phi

    return run_phi(
        PhiArguments(
            state=None if given.state is None else parse_state(given.state),
            cm=given.cm,
            formalisms=() if given.formalism is None else parse_formalisms(given.formalism),
            nodes=None if given.nodes is None else parse_nodes(given.nodes),
            prior=given.prior,
            engine=given.engine,
            complexes=given.complexes,
            structure=given.structure,
            partitions=given.partitions,
            json=given.json,
            cuts=given.cuts,
            new_concepts=given.new_concepts,
            repertoires=given.repertoires,
            ties=given.ties,
            allow_dependence=given.allow_dependence,
            timeout=given.timeout,
            threads=given.threads,
            pyphi_options=dict(_option(text) for text in given.option),
            question=Question(
                target=given.tpm,
                epoch=given.epoch,
                layer=given.layer,
                units=None if given.units is None else parse_units(given.units),
                model=given.model,
                data=given.data,
            ),
        ),
        console,
    )


def _option(text: str) -> tuple[str, bool | int | str]:
    """Reads NAME=VALUE; the value becomes a bool for "True" or "False", an int for digits, else text."""
    name, sign, value = text.partition("=")
    if not sign:
        msg = f"--option {text}: give NAME=VALUE, as in MEASURE=L1."
        raise InvalidArgumentError(msg)
    if value in {"True", "true", "False", "false"}:
        return name, value in {"True", "true"}
    return name, int(value) if value.isdigit() else value


def _add_verify(commands: Any) -> None:
    parser = commands.add_parser("verify", help="compute the records of a run again with another engine and print the differences")
    parser.add_argument("target", metavar="run", help=TARGET)
    parser.add_argument(
        "--engine",
        choices=engine_names(),
        help="engine that computes again (default: another one than that of the record, on as many analyses as fit into 60 s)",
    )
    parser.add_argument(
        "--sample", type=int, metavar="K", help="compare only K analyses, drawn at random (default: all, if an engine is named)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-6,
        help="largest difference of Φ, φ and TPM entries that counts as equal (default: %(default)g)",
    )
    add_option(parser, compute_phi, "timeout")
    parser.add_argument(
        "--settle",
        action="store_true",
        help="compare nothing; compute the records that the run left open when it was killed or interrupted, and write them; "
        "takes one run's directory (or its folder iit) only",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="with --settle: number of processes that compute a record (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_verify)


def _verify(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit verify``."""
    if given.settle:
        from lightning_iit.commands.settle import run_settle

        return run_settle(given.target, given.timeout, given.json, console, given.workers)
    from lightning_iit.commands.verify import run_verify

    return run_verify(given.target, given.engine, given.sample, given.tolerance, given.timeout, given.json, console)


def _add_cost(commands: Any) -> None:
    parser = commands.add_parser("cost", help="estimate the time of one Φ, and whether the transitions are enough")
    parser.add_argument("--units", type=int, required=True, help="number of units, 2 or more")
    parser.add_argument(
        "--transitions", type=int, help="number of transitions in one epoch; also prints the Φ that coin flips would give"
    )
    add_option(parser, compute_phi, "engine", choices=engine_names())
    parser.add_argument(
        "--formalism",
        metavar="NAMES",
        default=FORMALISM,
        help=f"version of the theory, or several, as in iit3,iit4-2023: {', '.join(FORMALISM_WORDS)} (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_cost)


def _cost(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit cost``."""
    from lightning_iit.commands.cost import run_cost
    from lightning_iit.commands.inputs import parse_formalisms

    return run_cost(given.units, given.transitions, given.engine, parse_formalisms(given.formalism), given.json, console)


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser("compare", help="compare Φ of the layers of several runs, or of one run before and after training")
    parser.add_argument(
        "targets",
        metavar="run",
        nargs="+",
        help="a run's directory, a folder of runs, or an MLflow tracking URI with #<run id> or #<name of an experiment>",
    )
    parser.add_argument(
        "--by",
        help="what tells the sides apart: an option, param or hyperparameter; 'seed' compares trained with untrained networks over "
        "all runs (default: seed)",
    )
    parser.add_argument("-o", "--output", type=Path, help="folder to write table, words and pictures into")
    parser.set_defaults(run=_compare)


def _compare(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit compare``."""
    from lightning_iit.commands.compare import run_compare

    return run_compare(given.targets, given.by, given.output, console)
