"""The options of PyPhi 1.2 that change a result, by PyPhi's names, and the values that each option may have.

The options are checked without importing PyPhi, so that a wrong name or value fails before training starts.
"""

from __future__ import annotations

import difflib
from typing import Any

from lightning_iit.errors import InvalidArgumentError

SYMMETRIC_MEASURES = ("EMD", "L1", "ENTROPY_DIFFERENCE", "PSQ2")
"""Measures that may serve as the distance between cause-effect structures."""
ASYMMETRIC_MEASURES = ("KLD", "MP2Q", "KLM", "BLD")
"""Measures between repertoires only; the distance between cause-effect structures must then be the difference of small φ."""
FLAG = (True, False)
CHOICES: dict[str, tuple[Any, ...]] = {
    "MEASURE": SYMMETRIC_MEASURES + ASYMMETRIC_MEASURES,
    "PARTITION_TYPE": ("BI", "TRI", "ALL"),
    "SYSTEM_CUTS": ("3.0_STYLE", "CONCEPT_STYLE"),
    "PICK_SMALLEST_PURVIEW": FLAG,
    "USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE": FLAG,
    "SINGLE_MICRO_NODES_WITH_SELFLOOPS_HAVE_PHI": FLAG,
    "PRECISION": tuple(range(1, 14)),
}
"""The values that each option may have."""
_ELSEWHERE = {
    "CUT_ONE_APPROXIMATION": "cuts='one'",
    "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": "new_concepts=False",
}
"""Options of PyPhi that are options of this package too, with the argument to give instead."""


def check_options(options: dict[str, Any]) -> None:
    """Checks the names and values of ``pyphi_options``.

    Raises:
        InvalidArgumentError: PyPhi does not have the option, the option does not change a result, or this package has an argument
            of its own for the option; the option cannot have the value; or the measure is asymmetric although Φ needs a symmetric
            one.
    """
    for name, value in options.items():
        _check(name, value)
    measure = options.get("MEASURE", "EMD")
    if measure in ASYMMETRIC_MEASURES and not options.get("USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE", False):
        msg = (
            f"pyphi_options: MEASURE={measure!r} is asymmetric, and the distance between cause-effect structures needs a "
            f"symmetric measure. Add 'USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE': True, or choose "
            f"one of {listed(SYMMETRIC_MEASURES)}."
        )
        raise InvalidArgumentError(msg)


def _check(name: str, value: Any) -> None:
    """Checks one name and its value."""
    if name in _ELSEWHERE:
        msg = f"pyphi_options: {name} is an option of both engines; give {_ELSEWHERE[name]} instead."
        raise InvalidArgumentError(msg)
    check_choice(name, value, CHOICES)


def check_choice(name: str, value: Any, choices: dict[str, tuple[Any, ...]]) -> None:
    """Raises InvalidArgumentError where ``name`` is none of the options ``choices``, or cannot have the value."""
    if name not in choices:
        names = {option.upper(): option for option in choices}
        near = difflib.get_close_matches(str(name).upper(), names, n=1, cutoff=0.5)
        hint = f" Did you mean {names[near[0]]!r}?" if near else ""
        msg = f"pyphi_options: {name!r} is no option of PyPhi that changes a result; those are {listed(tuple(choices))}.{hint}"
        raise InvalidArgumentError(msg)
    allowed = choices[name]
    # True == 1, so the types are compared too.
    if not any(type(value) is type(choice) and value == choice for choice in allowed):
        close = difflib.get_close_matches(str(value).upper(), [str(choice) for choice in allowed], n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close and isinstance(value, str) else ""
        msg = f"pyphi_options: {name}={value!r} cannot be; it is one of {listed(allowed)}.{hint}"
        raise InvalidArgumentError(msg)


def listed(choices: tuple[Any, ...]) -> str:
    """Returns choices as they are written in Python, with commas."""
    return ", ".join(repr(choice) for choice in choices)
