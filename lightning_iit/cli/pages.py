"""The subcommands that show runs: view, studio, export, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_iit.commands.arguments import TARGET

if TYPE_CHECKING:
    import argparse

    from rich.console import Console


def add(commands: Any) -> None:
    """Adds these subcommands to the parser of the command line."""
    _add_view(commands)
    _add_studio(commands)
    _add_export(commands)
    _add_list(commands)


def _add_view(commands: Any) -> None:
    parser = commands.add_parser("view", help="show runs in the browser")
    parser.add_argument("target", help=TARGET)
    _add_address(parser, port=6007)
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


def _view(given: argparse.Namespace, _: Console) -> int:
    """Runs ``lightning-iit view``."""
    from lightning_iit.commands.view import run_view

    wanted = {"compute": given.compute, "control": given.control, "open_browser": not given.no_browser}
    run_view(given.target, host=given.host, port=given.port, **wanted)
    return 0


def _add_studio(commands: Any) -> None:
    parser = commands.add_parser("studio", help="start trainings from a page in the browser, steer and compare them")
    parser.add_argument(
        "--root", default="runs/studio", help="folder of the runs; made where it is not there (default: %(default)s)"
    )
    _add_address(parser, port=6008)
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


def _studio(given: argparse.Namespace, _: Console) -> int:
    """Runs ``lightning-iit studio``."""
    from lightning_iit.studio.serve import run_studio

    wanted = {"allow": given.allow, "at_once": given.at_once, "mlflow": given.mlflow, "open_browser": not given.no_browser}
    run_studio(given.root, host=given.host, port=given.port, **wanted)
    return 0


def _add_export(commands: Any) -> None:
    parser = commands.add_parser("export", help="write a run as one HTML file")
    parser.add_argument("target", metavar="run", help=f"{TARGET}; it must hold one run")
    parser.add_argument("-o", "--output", type=Path, default=Path("iit.html"), help="file to write (default: %(default)s)")
    parser.set_defaults(run=_export)


def _export(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit export``."""
    from lightning_iit.viewer.export import export

    export(given.target, given.output)
    console.print(f"Wrote {given.output}.", highlight=False)
    return 0


def _add_list(commands: Any) -> None:
    parser = commands.add_parser(
        "list", help="list the runs below a directory: layers, epochs, last Φ, and how their analyses ended"
    )
    parser.add_argument("target", nargs="?", default=".", help=f"{TARGET} (default: this directory)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_list)


def _list(given: argparse.Namespace, console: Console) -> int:
    """Runs ``lightning-iit list``."""
    from lightning_iit.commands.list import run_list

    return run_list(given.target, given.json, console)


def _add_address(parser: argparse.ArgumentParser, *, port: int) -> None:
    """Adds the options that say where a server listens."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=port, help="port to listen on; 0 for any free port (default: %(default)s)")
