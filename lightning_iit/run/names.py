"""The name of a callback, which keeps apart what several callbacks of one trainer write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from lightning.pytorch.utilities import rank_zero_info

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.names import STEPS, layer_slug

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_RESERVED = {"iit", "layer", "kind", STEPS}
"""Names that already mean something in the names of files or tags."""


class Named(Protocol):
    """Has a name, or None."""

    name: str | None


def check_name(option: str, name: object) -> str | None:
    """Checks the name of a callback; it becomes a folder and a part of metric keys.

    Args:
        option: the option that has the name, for the error.
        name: the name; None for none.

    Returns:
        The name.

    Raises:
        InvalidArgumentError: the name has other characters, is too long, or has a meaning already.
    """
    if name is None:
        return None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        msg = f"{option}={name!r}: give 1 to 40 ASCII letters, digits, '_' or '-': it becomes a folder and a part of metric keys."
        raise InvalidArgumentError(msg)
    if name.lower() in _RESERVED or layer_slug(name) != name:
        msg = f"{option}={name!r}: this name has a meaning of its own in files and tags, or holds '--'. Choose another one."
        raise InvalidArgumentError(msg)
    return name


def name_among(siblings: Sequence[Named], own: Named) -> str:
    """Checks the names of a trainer's callbacks, and returns the name under which one of them writes; see :func:`scope_of`.

    Args:
        siblings: the callbacks of the trainer.
        own: the one whose name is returned; it may be none of them.

    Raises:
        InvalidArgumentError: the name cannot be, or two callbacks have the same one, or ``own`` is in the trainer twice.
    """
    check_name("name", own.name)
    places = [place for place, one in enumerate(siblings) if one is own]
    if len(places) > 1:
        msg = "The same IITCallback is in this trainer twice. Make two, each with a name: IITCallback(name=...)."
        raise InvalidArgumentError(msg)
    scope = scope_of(places[0], [one.name for one in siblings]) if places else own.name or ""
    if scope and own.name is None:
        rank_zero_info(f"IITCallback: a second one without a name is called {scope!r}; name= chooses another name.")
    return scope


def scope_of(place: int, given: Sequence[str | None]) -> str:
    """Returns the name under which a callback writes: the given one, or one by its place where several have none.

    Args:
        place: which of a trainer's callbacks it is.
        given: the ``name=`` of each of these callbacks.

    Returns:
        The name; empty for the first callback without one, ``callback-2`` for the second, and so on.

    Raises:
        InvalidArgumentError: two callbacks have the same name.

    Example:
        >>> [scope_of(place, [None, "fine", None]) for place in range(3)]
        ['', 'fine', 'callback-2']
    """
    unnamed = 0
    names: list[str] = []
    for name in given:
        unnamed += name is None
        names.append(name or ("" if unnamed == 1 else f"callback-{unnamed}"))
    own = names[place]
    if sum(other.lower() == own.lower() for other in names) > 1:
        msg = (
            f"Two IITCallbacks of this trainer are called {own!r}, and would write into the same files. Give each a name of its "
            "own: IITCallback(name=...)."
        )
        raise InvalidArgumentError(msg)
    return own
