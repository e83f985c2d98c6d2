"""The checks of the options of the engines: how Φ is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_iit.checks import Check, choice, flag, refused, text


def _check_pyphi_options(name: str, value: Any) -> dict[str, Any] | None:
    """Checks that PyPhi's options are given by their names; what each may be, the engine says."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refused(
            name, value, "give a dict from the names of PyPhi's options to their values, such as {'MEASURE': 'L1'}, or None"
        )
    return dict(value)


ENGINE_CHECKS: dict[str, Check] = {
    "engine": text("give the name of an engine, such as 'fast' or 'pyphi', or 'auto'"),
    "cuts": choice("all", "one"),
    "new_concepts": flag(),
    "repertoires": flag(),
    "pyphi_options": _check_pyphi_options,
}
"""The check of each option, by its name in the public functions."""
