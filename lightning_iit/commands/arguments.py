"""Options of the command line and of the documentation, read off the functions and classes that take them."""

from __future__ import annotations

import argparse
import inspect
import re
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = "a run's directory (or its folder iit), a folder of runs, a record's file (.json), or an MLflow tracking URI"
"""The words for what :func:`lightning_iit.viewer.sources.open_source` takes."""


def documented_arguments(function: Callable[..., Any]) -> dict[str, str]:
    """Returns the words for each argument in the ``Args:`` section of a docstring, each as one line.

    Example:
        >>> def area(width):
        ...     '''Computes an area.
        ...
        ...     Args:
        ...         width: in metres,
        ...             not negative.
        ...     '''
        >>> documented_arguments(area)
        {'width': 'in metres, not negative.'}
    """
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", inspect.getdoc(function) or "", re.MULTILINE)
    found = re.findall(r"^    (\w+): ((?:.*\n?)(?:^     .*\n?)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def add_option(parser: argparse.ArgumentParser, function: Callable[..., Any], name: str, **further: Any) -> None:
    """Adds an option to a command that stands for one argument of a Python function.

    Default, type and choices are taken from the function's signature, the help text from the ``Args:`` of its docstring.

    Args:
        parser: the parser of the command.
        function: the function that has the argument.
        name: the name of the argument, e.g. ``new_concepts``: the option is ``--new-concepts``, and for a bool also
            ``--no-new-concepts``.
        further: keywords for argparse, which take the place of those that were found.
    """
    parameter = inspect.signature(function).parameters[name]
    told: dict[str, Any] = {"default": parameter.default, "help": documented_arguments(function)[name].replace("%", "%%")}
    hint = get_type_hints(function)[name]
    if get_origin(hint) is Literal:
        told["choices"] = get_args(hint)
    elif hint is bool:
        told["action"] = argparse.BooleanOptionalAction
    else:
        told["type"] = next((kind for kind in get_args(hint) if kind is not NoneType), hint)
    parser.add_argument(f"--{name.replace('_', '-')}", **(told | further))
