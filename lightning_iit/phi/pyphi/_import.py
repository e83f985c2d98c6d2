"""The one place that imports PyPhi; the host process is left as it was.

PyPhi 1.2 (2019) was written for Python < 3.10 and treats the process as its own. On import, PyPhi replaces the handlers of the
root logger, writes ``pyphi.log`` and ``__pyphi_cache__`` into the working directory and reads ``pyphi_config.yml`` from there, so
that a file which happens to lie there changes every Φ. PyPhi's library for earth mover's distances (POT) loads each deep learning
framework that is installed. PyPhi 2 still reads ``pyphi_config.yml``, and prints a welcome.
"""

from __future__ import annotations

import collections
import collections.abc
import logging
import logging.config
import os
import sys
import tempfile
import threading
import warnings
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lightning_iit.phi.pyphi.versions import generation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_OLD_NAMES = ("Iterable", "Mapping", "Sequence")
"""Names that PyPhi takes from ``collections``; since Python 3.10 the names exist in ``collections.abc`` only."""
_ENVIRONMENT = {
    "PYPHI_WELCOME_OFF": "1",
    "PYPHI_AGENT_NOTE_OFF": "1",
    **{f"POT_BACKEND_DISABLE_{name}": "1" for name in ("PYTORCH", "JAX", "TENSORFLOW", "CUPY")},
}
"""Environment variables during the import: no messages, and no deep learning frameworks."""
DEFAULTS: dict[str, Any] = {
    "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": False,
    "CUT_ONE_APPROXIMATION": False,
    "MEASURE": "EMD",
    "PARTITION_TYPE": "BI",
    "SYSTEM_CUTS": "3.0_STYLE",
    "PICK_SMALLEST_PURVIEW": False,
    "USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE": False,
    "PRECISION": 6,
    "SINGLE_MICRO_NODES_WITH_SELFLOOPS_HAVE_PHI": False,
    "VALIDATE_SUBSYSTEM_STATES": True,
    "VALIDATE_CONDITIONAL_INDEPENDENCE": True,
    "PARALLEL_CONCEPT_EVALUATION": False,
    "PARALLEL_CUT_EVALUATION": False,
    "PARALLEL_COMPLEX_EVALUATION": False,
    "NUMBER_OF_CORES": 1,
    "MAXIMUM_CACHE_MEMORY_PERCENTAGE": 50,
    "CACHE_SIAS": False,
    "CACHE_REPERTOIRES": True,
    "CACHE_POTENTIAL_PURVIEWS": True,
    "CLEAR_SUBSYSTEM_CACHES_AFTER_COMPUTING_SIA": False,
    "CACHING_BACKEND": "fs",
    "REDIS_CACHE": False,
    "PROGRESS_BARS": False,
}
"""The own defaults of PyPhi 1.2 of every option that a result depends on; nothing in parallel, on disk or on the screen."""

_import_lock = threading.Lock()


@cache
def import_pyphi() -> ModuleType:
    """Imports PyPhi once and returns the module: PyPhi 1.2 with :data:`DEFAULTS` set, PyPhi 2 with its own and no progress bars.

    Root logger, environment, warning filters and the names of ``collections`` are as before once this function returns. While the
    import runs (3 seconds), the working directory of the process is a temporary one, which other threads can see.
    """
    with _import_lock:
        if "pyphi" not in sys.modules:
            # PyPhi's loggers would pass the whole configuration and each step of an analysis on to the host's root logger.
            logging.getLogger("pyphi").setLevel(logging.WARNING)
            with _isolated():
                import_module("pyphi")
        pyphi = sys.modules["pyphi"]
        _assign(pyphi.config, DEFAULTS if generation() == 1 else {"progress_bars": False})
        return pyphi


@contextmanager
def configured(values: dict[str, Any]) -> Iterator[ModuleType]:
    """Provides PyPhi 1.2 with :data:`DEFAULTS` and the given options set, for as long as the block runs.

    All options are set each time, because PyPhi's configuration is global and the host's own code may have changed the
    configuration; afterwards all options are set back to the values found. The options are plainly assigned: leaving PyPhi's own
    ``config.override`` would configure the host's logging anew.

    Args:
        values: values of PyPhi's options by PyPhi's names, on top of :data:`DEFAULTS`.

    Yields:
        The module ``pyphi``.
    """
    pyphi = import_pyphi()
    wanted = DEFAULTS | values
    found = {name: getattr(pyphi.config, name) for name in wanted}
    try:
        _assign(pyphi.config, wanted)
        yield pyphi
    finally:
        _assign(pyphi.config, found)


def _assign(config: Any, values: dict[str, Any]) -> None:
    """Sets options of PyPhi's configuration, except for options that already have the value."""
    for name, value in values.items():
        if getattr(config, name) != value:
            setattr(config, name, value)


@contextmanager
def _isolated() -> Iterator[None]:
    """Keeps PyPhi's import from changing the process, for as long as the block runs."""
    with ExitStack() as stack:
        stack.enter_context(_old_names())
        stack.enter_context(_environment())
        stack.enter_context(_private_directory())
        stack.enter_context(_logging_kept())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _old_names() -> Iterator[None]:
    """Puts the names that PyPhi needs into ``collections``, for as long as the block runs."""
    missing = [name for name in _OLD_NAMES if not hasattr(collections, name)]
    for name in missing:
        setattr(collections, name, getattr(collections.abc, name))
    try:
        yield
    finally:
        for name in missing:
            delattr(collections, name)


@contextmanager
def _environment() -> Iterator[None]:
    """Sets ``_ENVIRONMENT`` for as long as the block runs and undoes every change of the environment afterwards."""
    before = dict(os.environ)
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        # Libraries that PyPhi loads set variables too (scikit-learn: KMP_DUPLICATE_LIB_OK, ...).
        for name in set(os.environ) - set(before):
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


@contextmanager
def _private_directory() -> Iterator[None]:
    """Makes an empty temporary folder the working directory, for as long as the block runs."""
    before = os.open(".", os.O_RDONLY) if hasattr(os, "fchdir") else None
    path = "" if before is not None else str(os.getcwd())  # noqa: PTH109  a descriptor leads back even to a deleted folder
    with tempfile.TemporaryDirectory(prefix="lightning-iit-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            if before is None:
                os.chdir(path)
            else:
                os.fchdir(before)
                os.close(before)


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Ignores PyPhi's calls of ``logging.config.dictConfig``, which would drop every handler; other callers are served."""
    original = logging.config.dictConfig

    def guarded(config: dict[str, Any]) -> None:
        if sys._getframe(1).f_globals.get("__name__") != "pyphi.conf":
            original(config)

    logging.config.dictConfig = guarded  # type: ignore[assignment]
    try:
        yield
    finally:
        logging.config.dictConfig = original
