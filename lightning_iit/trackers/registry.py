"""Which tracker serves which logger, and the trackers that are asked for by name.

To add one to this package, name its class in ``BUILT_IN``. Another package adds one by an entry point; it is asked, before those of
this package, whether it serves a logger, and ``IITCallback(trackers=["mine"])`` takes it without a logger::

    [project.entry-points."lightning_iit.trackers"]
    mine = "my_package.tracker:MyTracker"
"""

from __future__ import annotations

import difflib
import logging
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lightning_iit.checks import refused
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.trackers.files import FilesTracker

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from lightning_iit.trackers.tracker import Tracker

log: logging.Logger = logging.getLogger("lightning_iit")

GROUP = "lightning_iit.trackers"
BUILT_IN = {
    "mlflow": "lightning_iit.trackers.mlflow:MLflowTracker",
    "tensorboard": "lightning_iit.trackers.tensorboard:TensorBoardTracker",
    "wandb": "lightning_iit.trackers.wandb:WandbTracker",
    "scalars": "lightning_iit.trackers.scalars:ScalarsTracker",
}
"""Where the class of each tracker is. A logger is served by the first one that knows it; the last one takes any logger."""


def tracker_names() -> tuple[str, ...]:
    """Returns the names that ``trackers=`` takes: those of installed packages, since the ones of this package belong to loggers."""
    return tuple(sorted(entry.name for entry in entry_points(group=GROUP)))


def checked_trackers(name: str, given: Any) -> Any:
    """Returns what the option ``trackers`` was given, checked.

    Raises:
        InvalidArgumentError: a name that no installed package has, or an object that is no tracker.
    """
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise refused(name, given, "give a list of trackers, or of the names of installed ones")
    for tracker in given:
        if isinstance(tracker, str):
            _class_of(tracker)
        elif isinstance(tracker, type) or not callable(getattr(tracker, "log", None)) or not hasattr(tracker, "in_order"):
            msg = (
                f"trackers=: {tracker!r} is no tracker. Give an object of a class that derives from lightning_iit.Tracker, "
                "or the name of an installed one."
            )
            raise InvalidArgumentError(msg)
    return given


def trackers_for(
    loggers: Iterable[Any], run_dir: str | os.PathLike[str] | None, further: Sequence[Tracker | str] = (), *, scope: str = ""
) -> tuple[Tracker, ...]:
    """Returns the trackers of a run: that of its folder, one for each logger, and further ones.

    Called on the training thread, on rank 0, once the loggers are set up.

    Args:
        loggers: of the trainer; those that only pretend (``fast_dev_run``, ranks other than 0) get no tracker.
        run_dir: the folder of the run's files; None for no files.
        further: trackers that belong to no logger, or their names.
        scope: the name of the callback, empty for one without a name.
    """
    folder = None if run_dir is None else Path(run_dir)
    found: list[Tracker | None] = [None if folder is None else FilesTracker(folder)]
    found += [_serving(logger, folder) for logger in loggers]
    found += [_class_of(one).for_logger(None, folder) if isinstance(one, str) else one for one in further]
    trackers = tuple(tracker for tracker in found if tracker is not None)
    for tracker in trackers:
        tracker.scope = scope
    return trackers


def _serving(logger: Any, run_dir: Path | None) -> Tracker | None:
    if _pretends(logger) or _pretends(getattr(logger, "experiment", None)):
        return None
    return next((tracker for kind in _classes() if (tracker := kind.for_logger(logger, run_dir)) is not None), None)


def _classes() -> Iterator[type[Tracker]]:
    """Yields the class of each tracker, those of installed packages first; one that cannot be imported is left out, and said."""
    for name in tracker_names():
        try:
            yield _class_of(name)
        except InvalidArgumentError as error:
            log.warning("%s", error)
    for place in BUILT_IN.values():
        module, _, kind = place.partition(":")
        yield cast("type[Tracker]", getattr(import_module(module), kind))


def _class_of(name: str) -> type[Tracker]:
    for entry in entry_points(group=GROUP, name=name):
        try:
            return cast("type[Tracker]", entry.load())
        except Exception as error:
            msg = f"trackers={name!r}: {entry.value} cannot be loaded ({type(error).__name__}: {error}). Is its package whole?"
            raise InvalidArgumentError(msg) from error
    close = difflib.get_close_matches(name, tracker_names(), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = ", ".join(map(repr, tracker_names())) or "none"
    msg = (
        f"trackers={name!r}: no installed package has a tracker of this name (there are: {known}).{hint} The trainer's loggers "
        "are served without being named here."
    )
    raise InvalidArgumentError(msg)


def _pretends(thing: Any) -> bool:
    """Returns whether a logger is a dummy: dummies answer to every name."""
    return hasattr(thing, "a_name_that_no_logger_has")
