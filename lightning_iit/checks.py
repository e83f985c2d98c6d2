"""Checks of the values of options: each says what was given and what to give instead, and returns the value in Python's own types.

The rooms that use the options have a table of checks each, by the name of the option.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, TypeAlias, TypeVar

import numpy as np

from lightning_iit.errors import InvalidArgumentError, UnknownOptionError

Check: TypeAlias = Callable[[str, Any], Any]
"""``(name of the option, value) -> value``, which raises InvalidArgumentError for a value that cannot be."""

_Callable = TypeVar("_Callable", bound=Callable[..., Any])
_LONGEST = 80
LONGEST_WAIT = 1e9
"""The most seconds of a time limit: about 30 years, and less than what a lock can wait."""


def check_options(options: Any, checks: Mapping[str, Check]) -> None:
    """Checks the options in ``checks`` and sets each to the value that its check returns.

    Raises:
        InvalidArgumentError: a value that cannot be.
    """
    for name, check in checks.items():
        setattr(options, name, check(name, getattr(options, name)))


def refused(name: str, value: Any, instead: str, *, why: str = "") -> InvalidArgumentError:
    """Returns the error for the value of an option.

    Args:
        name: the option.
        value: what was given.
        instead: what to give instead.
        why: why the value cannot be, where ``instead`` does not say it.
    """
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."
    return InvalidArgumentError(f"{name}={shown}: {f'{why}; ' if why else ''}{instead}.")


def _is_no(value: Any, what: str) -> str:
    """Returns that a value is of another type."""
    return f"a value of type {type(value).__name__} is no {what}"


def as_whole(value: Any) -> int | None:
    """Returns a whole number of Python's, NumPy's or torch's as an int; None for anything else, True and False included.

    Example:
        >>> as_whole(np.int64(3)), as_whole(3.0), as_whole(True)
        (3, None, None)
    """
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def whole(instead: str, *, least: int | None = None, none: bool = False) -> Check:
    """Returns the check of a whole number, of at least ``least``."""

    def check(name: str, value: Any) -> int | None:
        if none and value is None:
            return None
        number = as_whole(value)
        if number is None:
            raise refused(name, value, instead, why=_is_no(value, "whole number"))
        if least is not None and number < least:
            raise refused(name, value, instead)
        return number

    return check


def number(instead: str, *, least: float = 0.0, most: float = LONGEST_WAIT, none: bool = False, above: bool = False) -> Check:
    """Returns the check of a number from ``least`` (or above ``least``) to ``most``; with ``none``, None is allowed too."""

    def check(name: str, value: Any) -> float | None:
        if none and value is None:
            return None
        if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
            raise refused(name, value, instead, why=_is_no(value, "number"))
        if not least <= float(value) <= most or (above and float(value) == least):
            raise refused(name, value, instead)
        return float(value)

    return check


def flag(instead: str = "give True or False") -> Check:
    """Returns the check of a value that is True or False."""

    def check(name: str, value: Any) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise refused(name, value, instead, why=_is_no(value, "yes or no"))
        return bool(value)

    return check


def text(instead: str) -> Check:
    """Returns the check of a text that is not empty."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise refused(name, value, instead)
        return value

    return check


def choice(*choices: str | None) -> Check:
    """Returns the check of one of several names."""

    def check(name: str, value: Any) -> str | None:
        if not (value is None or isinstance(value, str)) or value not in choices:
            *first, last = map(repr, choices)
            raise refused(name, value, f"choose {', '.join(first)} or {last}", why="there is no such choice")
        return value

    return check


def function_or_none(instead: str) -> Check:
    """Returns the check of something that can be called, or None."""

    def check(name: str, value: Any) -> Any:
        if value is not None and not callable(value):
            raise refused(name, value, instead, why="it cannot be called")
        return value

    return check


def told_of_unknown(function: _Callable, *, known: Iterable[str] | None = None, called: str = "") -> _Callable:
    """Makes a function refuse keywords that it does not have, with the close matches.

    Args:
        function: the function.
        known: the keywords that it has; None for those of its signature.
        called: the name by which the user calls it; the function's own by default.

    Returns:
        The function that raises UnknownOptionError before anything else is done. It has the signature of ``function``.
    """
    names = list(inspect.signature(function).parameters if known is None else known)
    title = called or function.__name__

    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        for name in options:
            if name not in names:
                raise _unknown(title, name, [known for known in names if known != "self"])
        return function(*args, **options)

    return checked  # type: ignore[return-value]


def _unknown(title: str, name: str, known: list[str]) -> UnknownOptionError:
    """Returns the error for a keyword that a function does not have."""
    close = difflib.get_close_matches(name, known, n=1) or [one for one in known if one in name or name in one][:1]
    hint = f"Did you mean {close[0]!r}?" if close else f"Its options are {', '.join(known)}."
    return UnknownOptionError(f"{title}({name}=...): there is no such option. {hint}")


SEED = whole("give a whole number from 0, so that a run can be repeated", least=0)
"""The check of a seed."""
WINDOW = whole("give the number of epochs whose transitions make one TPM, 1 or more", least=1)
"""The check of a window of epochs."""
LAG = whole("give how many steps a transition spans, 1 or more", least=1)
"""The check of a lag."""
SECONDS = number("give seconds above 0, or None for no limit", above=True, none=True)
"""The check of a time limit."""
