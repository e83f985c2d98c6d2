"""The command line ``lightning-iit``: phi, verify, cost, compare, view, studio, export, list, control, sweep, worker-check.

Each module of this room has the options of some subcommands, and hands what was given to a function of another room. What a
subcommand needs is imported when it runs, so that the help comes at once.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from lightning_iit import __version__
from lightning_iit.cli import numbers, pages, trainings
from lightning_iit.errors import IITError

if TYPE_CHECKING:
    from collections.abc import Sequence

USER_ERROR = 2
"""The exit status for a mistake of the user."""
INTERRUPTED = 130
"""The exit status after Ctrl-C."""


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
    for group in (numbers, pages, trainings):
        group.add(commands)
    return parser
