"""The command line ``lightning-iit``: phi, verify, cost, compare, view, studio, export, list, control, sweep, worker-check."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from rich.console import Console

from lightning_iit import __version__
from lightning_iit.commands.arguments import add_option
from lightning_iit.errors import IITError, InvalidArgumentError
from lightning_iit.phi.compute import compute_phi
from lightning_iit.phi.registry import engine_names
from lightning_iit.records import FORMALISM, FORMALISM_WORDS
from lightning_iit.records.lesions.record import SET_TO_WORDS
from lightning_iit.records.steering.commands import Verb
from lightning_iit.records.steering.selection import NullChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

USER_ERROR = 2
"""The exit status for a mistake of the user."""
INTERRUPTED = 130
"""The exit status after Ctrl-C."""
_TARGET = "a run's directory (or its folder iit), a folder of runs, a record's file (.json), or an MLflow tracking URI"
"""The words for what :func:`lightning_iit.viewer.sources.open_source` takes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: the arguments, beginning with the subcommand; None for the arguments of the process.

    Returns:
        The exit status: 0 for success; 1 if a Φ was not computed or a difference was found; 2 for a mistake of the user, which is
        explained on standard error; 130 after Ctrl-C.
    """
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show Φ gets a question mark, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    given = _parser().parse_args(arguments)
    console = Console(soft_wrap=not sys.stdout.isatty())  # in a file or a pipe a sentence is one line
    try:
        status: int = given.run(given, console)
    except (IITError, OSError) as error:
        sys.stderr.write(f"lightning-iit {given.command}: {error}\n")
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line with its subcommands."""
    parser = argparse.ArgumentParser(
        prog="lightning-iit",
        description="Computes, checks and shows integrated information (Φ of IIT 3.0, φ_s of IIT 4.0) of networks.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_phi(commands)
    _add_verify(commands)
    _add_cost(commands)
    _add_compare(commands)
    _add_view(commands)
    _add_studio(commands)
    _add_export(commands)
    _add_list(commands)
    _add_control(commands)
    _add_sweep(commands)
    _add_worker_check(commands)
    return parser


def _add_phi(commands: Any) -> None:
    parser = commands.add_parser("phi", help="compute Φ of a TPM in a file, or of a record")
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
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_phi)


def _add_verify(commands: Any) -> None:
    parser = commands.add_parser("verify", help="compute the records of a run again with another engine and print the differences")
    parser.add_argument("target", metavar="run", help=_TARGET)
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


def _add_view(commands: Any) -> None:
    parser = commands.add_parser("view", help="show runs in the browser")
    parser.add_argument("target", help=_TARGET)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=6007, help="port to listen on; 0 for any free port (default: %(default)s)")
    parser.add_argument(
        "--compute", action="store_true", help="let the page compute Φ of a record in other states and with other engines"
    )
    parser.add_argument(
        "--control",
        action="store_true",
        help="show how far trainings are while they run, and let the page pause and end them, set their epochs, have them analyse "
        "now or measure a lesion; the printed address has a token, without which nothing can be commanded",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.set_defaults(run=_view)


def _add_studio(commands: Any) -> None:
    parser = commands.add_parser("studio", help="start trainings from a page in the browser, steer and compare them")
    parser.add_argument(
        "--root", default="runs/studio", help="folder of the runs; made where it is not there (default: %(default)s)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=6008, help="port to listen on; 0 for any free port (default: %(default)s)")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module of your own, with all modules in it, whose LightningModules and LightningDataModules can be trained as "
        "module:Class (may be repeated)",
    )
    parser.add_argument(
        "--at-once", type=int, default=1, metavar="N", help="how many trainings run at once; others wait (default: %(default)s)"
    )
    parser.add_argument(
        "--mlflow",
        action="append",
        default=[],
        metavar="URL",
        help="the address of an MLflow server that trainings may log to, as in http://127.0.0.1:5000 (may be repeated); stores in "
        "files below the root need none",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.set_defaults(run=_studio)


def _add_export(commands: Any) -> None:
    parser = commands.add_parser("export", help="write a run as one HTML file")
    parser.add_argument("target", metavar="run", help=f"{_TARGET}; it must hold one run")
    parser.add_argument("-o", "--output", type=Path, default=Path("iit.html"), help="file to write (default: %(default)s)")
    parser.set_defaults(run=_export)


def _add_list(commands: Any) -> None:
    parser = commands.add_parser(
        "list", help="list the runs below a directory: layers, epochs, last Φ, and how their analyses ended"
    )
    parser.add_argument("target", nargs="?", default=".", help=f"{_TARGET} (default: this directory)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_list)


def _add_control(commands: Any) -> None:
    parser = commands.add_parser(
        "control",
        help="tell a running training to pause, go on, end, have other epochs, analyse the network as it is, measure a lesion, or "
        "watch something else from the next epoch on",
    )
    parser.add_argument("target", metavar="run", help="the directory of a run in training, or a folder that holds one")
    parser.add_argument(
        "verb",
        metavar="command",
        choices=(*get_args(Verb), "log"),
        help=f"{', '.join(get_args(Verb))}: 'stop' ends the training after this epoch, 'stop-now' at this step; 'lesion' measures "
        "what the network loses, on validation batches, when some units say nothing of the sample; 'watch' changes what is watched "
        "from the next epoch on; 'log' prints what it was told so far",
    )
    parser.add_argument("epochs", nargs="?", type=int, metavar="N", help="of the command 'epochs': how many there are to be")
    parser.add_argument("--layer", help="of 'analyse' and 'lesion': the layer (default: all that are watched)")
    parser.add_argument(
        "--units",
        help="of 'analyse' and 'lesion': the indices of the layer's units, as in 3,8,21 (default of 'analyse': those that the run "
        "watches); of 'watch': how many units of each layer, their indices, or auto",
    )
    parser.add_argument(
        "--state", help="of 'analyse': the state, a 0 or 1 for each unit, unit 0 first, as in 100 (default: the states visited)"
    )
    parser.add_argument(
        "--formalism",
        help=f"of 'analyse' and 'watch': version of the theory, {', '.join(FORMALISM_WORDS)} (default: the run's); of 'watch' also "
        "several, as in iit3,iit4-2023",
    )
    parser.add_argument("--layers", help="of 'watch': names or globs of the layers, separated by commas")
    parser.add_argument("--groups", metavar="N", help="of 'watch': how many groups of units are surveyed, or auto")
    parser.add_argument(
        "--null-model", choices=get_args(NullChoice), help="of 'watch': what Φ of a layer whose units are not set is compared with"
    )
    parser.add_argument("--surrogates", type=int, metavar="N", help="of 'watch': how many surrogate data sets a null has")
    parser.add_argument(
        "--to",
        choices=tuple(SET_TO_WORDS),
        help="of 'lesion': what the units are set to: their mean, 0, or the values of other samples (default: mean)",
    )
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for the answer (default: %(default)g)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_control)


def _add_sweep(commands: Any) -> None:
    parser = commands.add_parser("sweep", help="compute Φ of the layers of every checkpoint of a training, as one run")
    parser.add_argument("checkpoints", nargs="+", help="files, or patterns in quotation marks as in 'checkpoints/*.ckpt'")
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODULE:NAME",
        help="LightningModule class, which loads the checkpoint with the hyperparameters in it, or a function without arguments "
        "that builds the model for its weights; the module is looked for in this directory too",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="MODULE:NAME",
        help="LightningDataModule class (its validation data, else those of test or prediction), or a function that returns a "
        "loader that does not shuffle, or a list of batches",
    )
    parser.add_argument(
        "--layers", help="names or globs of layers, as in gru or encoder.*,decoder (default: one hidden layer that is picked)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("runs/sweep"),
        metavar="FOLDER",
        help="the run's folder; what has a Φ in it is not computed again (default: %(default)s)",
    )
    parser.add_argument("--executor", default="processes", help="where Φ is computed, as in a training (default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, default=1, help="number of workers; 0 computes in this process (default: %(default)s)"
    )
    parser.add_argument("--device", default="cpu", help="where the model is run, as in cuda (default: %(default)s)")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a further option of analyse(), in YAML, as in units=4 or formalism=[iit3,iit4-2023] (may be repeated)",
    )
    parser.add_argument(
        "--weights-only",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="refuse checkpoints that hold objects of Python, since reading these runs code that is in the file",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_sweep)


def _add_worker_check(commands: Any) -> None:
    parser = commands.add_parser(
        "worker-check", help="say whether the workers of a cluster can compute Φ, which they are, and what a task costs"
    )
    parser.add_argument(
        "--executor",
        required=True,
        help="as the option of a training: dask, dask://host:8786, slurm, ray or ray://host:10001",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="of dask and slurm: how many workers are started (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        help="seconds to wait for an answer; jobs may have to wait in a queue (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_worker_check)


def _phi(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit phi``."""
    from lightning_iit.commands.inputs import parse_formalisms, parse_nodes, parse_state, parse_units
    from lightning_iit.commands.phi import PhiArguments, run_phi

    return run_phi(
        PhiArguments(
            tpm=given.tpm,
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
            epoch=given.epoch,
            layer=given.layer,
            units=None if given.units is None else parse_units(given.units),
            model=given.model,
            data=given.data,
        ),
        console,
    )


def _verify(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit verify``."""
    if given.settle:
        from lightning_iit.commands.settle import run_settle

        return run_settle(given.target, given.timeout, given.json, console, given.workers)
    from lightning_iit.commands.verify import run_verify

    return run_verify(given.target, given.engine, given.sample, given.tolerance, given.timeout, given.json, console)


def _cost(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit cost``."""
    from lightning_iit.commands.cost import run_cost
    from lightning_iit.commands.inputs import parse_formalisms

    return run_cost(given.units, given.transitions, given.engine, parse_formalisms(given.formalism), given.json, console)


def _compare(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit compare``."""
    from lightning_iit.commands.compare import run_compare

    return run_compare(given.targets, given.by, given.output, console)


def _view(given: argparse.Namespace, _: Console) -> int:
    """Runs ``lightning-iit view``."""
    from lightning_iit.commands.view import run_view

    wanted = {"compute": given.compute, "control": given.control, "open_browser": not given.no_browser}
    run_view(given.target, host=given.host, port=given.port, **wanted)
    return 0


def _studio(given: argparse.Namespace, _: Console) -> int:
    """Runs ``lightning-iit studio``."""
    from lightning_iit.studio.serve import run_studio

    wanted = {"allow": given.allow, "at_once": given.at_once, "mlflow": given.mlflow, "open_browser": not given.no_browser}
    run_studio(given.root, host=given.host, port=given.port, **wanted)
    return 0


def _export(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit export``."""
    from lightning_iit.viewer.export import export

    export(given.target, given.output)
    console.print(f"Wrote {given.output}.", highlight=False)
    return 0


def _list(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit list``."""
    from lightning_iit.commands.list import run_list

    return run_list(given.target, given.json, console)


def _control(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit control``."""
    from lightning_iit.commands.control import run_control

    names = ("epochs", "layer", "units", "state", "formalism", "to", "layers", "groups", "null_model", "surrogates")
    told = {name: getattr(given, name) for name in names}
    return run_control(given.target, given.verb, given.timeout, given.json, console, **told)


def _sweep(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit sweep``."""
    from lightning_iit.commands.sweep import parse_options, run_sweep

    options = {"executor": given.executor, "workers": given.workers, **parse_options(given.option)}
    where = {"log_dir": given.output, "device": given.device, "weights_only": given.weights_only}
    layers = None if given.layers is None else given.layers.split(",")
    return run_sweep(given.checkpoints, given.model, given.data, layers, given.json, console, **where, **options)


def _worker_check(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit worker-check``."""
    from lightning_iit.commands.worker_check import run_worker_check

    return run_worker_check(given.executor, given.workers, given.timeout, given.json, console)


def _option(text: str) -> tuple[str, bool | int | str]:
    """Reads NAME=VALUE; the value becomes a bool for "True" or "False", an int for digits, else text."""
    name, sign, value = text.partition("=")
    if not sign:
        msg = f"--option {text}: give NAME=VALUE, as in MEASURE=L1."
        raise InvalidArgumentError(msg)
    if value in {"True", "true", "False", "false"}:
        return name, value in {"True", "true"}
    return name, int(value) if value.isdigit() else value


if __name__ == "__main__":
    sys.exit(main())
