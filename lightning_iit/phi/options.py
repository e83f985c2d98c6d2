"""The checks of the options of the engines: how Φ is computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

from lightning_iit.checks import Check, as_whole, choice, flag, refused, text
from lightning_iit.records import FORMALISM_WORDS, Formalism


def _check_pyphi_options(name: str, value: Any) -> dict[str, Any] | None:
    """Checks that PyPhi's options are given by their names; what each may be, the engine says."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refused(
            name, value, "give a dict from the names of PyPhi's options to their values, such as {'MEASURE': 'L1'}, or None"
        )
    return dict(value)


def formalisms_of(value: Any, name: str = "formalism") -> tuple[Formalism, ...]:
    """Returns one formalism or several, in the order of their years.

    Raises:
        InvalidArgumentError: the option ``name`` is no formalism, or holds one that is none or that is given twice.
    """
    given = [value] if isinstance(value, str) else list(value) if isinstance(value, Collection) else []
    if not given or len(set(map(str, given))) < len(given) or any(one not in FORMALISM_WORDS for one in given):
        *first, last = map(repr, FORMALISM_WORDS)
        raise refused(
            name, value, f"choose {', '.join(first)} or {last}, or several of them, as in formalism=('iit3', 'iit4-2023')"
        )
    return tuple(one for one in get_args(Formalism) if one in given)


def check_formalisms(name: str, value: Any) -> str | tuple[Formalism, ...]:
    """Checks one formalism, or several."""
    found = formalisms_of(value, name)
    return value if isinstance(value, str) else found


def check_nodes(name: str, value: Any) -> tuple[int, ...] | None:
    """Checks the units of a candidate system."""
    if value is None:
        return None
    given = None if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) else [as_whole(one) for one in value]
    if not given or len(set(given)) < len(given) or any(one is None or one < 0 for one in given):
        raise refused(name, value, "give some of the units, each once, as in units=[0, 1, 2], nodes=[0, 1]; or None for all units")
    return tuple(sorted(one for one in given if one is not None))


ENGINE_CHECKS: dict[str, Check] = {
    "engine": text("give the name of an engine, such as 'fast' or 'pyphi', or 'auto'"),
    "cuts": choice("all", "one"),
    "new_concepts": flag(),
    "repertoires": flag(),
    "pyphi_options": _check_pyphi_options,
}
"""The check of each option, by its name in the public functions."""
