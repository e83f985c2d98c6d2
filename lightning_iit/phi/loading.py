"""Loads an engine, and compiles what it has to compile, so that no time limit runs meanwhile."""

from __future__ import annotations

from functools import cache
from importlib import import_module


@cache
def load_engine(name: str) -> None:
    """Makes the first analysis of the engine "fast" or "pyphi" in this process as quick as the next ones."""
    if name == "pyphi":
        import_module("lightning_iit.phi._pyphi_import").import_pyphi()
    if name == "fast":
        import_module("lightning_iit.phi.fast").warm_up()
