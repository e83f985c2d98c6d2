"""The subcommands for trainings: control steers one, sweep analyses its checkpoints, worker-check tries its cluster."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lightning_iit.records import FORMALISM_WORDS
from lightning_iit.records.lesions.record import SET_TO_WORDS
from lightning_iit.records.steering.commands import Verb
from lightning_iit.records.steering.selection import NullChoice

if TYPE_CHECKING:
    from rich.console import Console


def add(commands: Any) -> None:
    """Adds these subcommands to the parser of the command line."""
    _add_control(commands)
    _add_sweep(commands)
    _add_worker_check(commands)


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


def _control(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit control``."""
    from lightning_iit.commands.control import run_control

    names = ("epochs", "layer", "units", "state", "formalism", "to", "layers", "groups", "null_model", "surrogates")
    told = {name: getattr(given, name) for name in names}
    return run_control(given.target, given.verb, given.timeout, given.json, console, **told)


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


def _sweep(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit sweep``."""
    from lightning_iit.commands.sweep import parse_options, run_sweep

    options = {"executor": given.executor, "workers": given.workers, **parse_options(given.option)}
    where = {"log_dir": given.output, "device": given.device, "weights_only": given.weights_only}
    layers = None if given.layers is None else given.layers.split(",")
    return run_sweep(given.checkpoints, given.model, given.data, layers, given.json, console, **where, **options)


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


def _worker_check(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit worker-check``."""
    from lightning_iit.commands.worker_check import run_worker_check

    return run_worker_check(given.executor, given.workers, given.timeout, given.json, console)
