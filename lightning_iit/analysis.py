"""Φ of a model that is not in training: one pass over a loader, without a trainer."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import nn

from lightning_iit.checks import refused, told_of_unknown, whole
from lightning_iit.phi.pool.choosing import opened_executor, pool_on
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.records.disk.files import locked, read_regular
from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import load_run, write_atomically
from lightning_iit.report.report import REPORT
from lightning_iit.run.computation import Computation
from lightning_iit.run.folder import mark_folder
from lightning_iit.settings import Options, Settings
from lightning_iit.trackers.registry import trackers_for
from lightning_iit.watch.probe import fixed_inputs, watch_pass

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Unpack

    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import Records
    from lightning_iit.watch.watch import Watch

UNITS_FILE = "units.json"
"""In the ``iit`` folder: the units and thresholds of each layer, which the next analysis into the same folder takes up."""

_MAX_QUEUED = 64
_FLUSH = 60.0
"""The most seconds of waiting until the trackers have written what they were given."""


def analyse(
    model: nn.Module,
    loader: Iterable[Any],
    layers: str | nn.Module | Sequence[str | nn.Module] | None = None,
    *,
    epoch: int = 0,
    global_step: int | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    **options: Unpack[Options],
) -> Records:
    """Computes integrated information (Φ of IIT 3.0, φ_s of 4.0) of a model's layers, without a trainer: of a checkpoint, for one.

    The model is run over the loader once, in eval mode and without gradients, and is left as it was: modes, buffers and random
    states are put back. Φ is judged by its null and gets its interval, as at the last epoch of a training run.

    Args:
        model: any module, on any device. It is called with a batch that is a tensor, with the first element of a tuple or list, or
            with a mapping as keywords.
        loader: a DataLoader that does not shuffle, or a list of batches.
        layers: names or globs over ``named_modules()``, or the modules themselves; None picks one hidden layer.
        epoch: under which the records are filed; -1 is the untrained network.
        global_step: of the records; None takes the epoch.
        log_dir: where to write what a training run writes (``iit/`` with a record for each layer and epoch, and a report), for
            ``lightning-iit view``. Several calls with other epochs and the same folder make one curve: the units that the first
            one chose for a layer, and its thresholds if they are frozen, are those of all, also where calls (of threads, or of
            processes) run at the same time.
        **options: those of :class:`~lightning_iit.IITCallback` that do not concern a training run; see the signature.
            ``workers=0`` computes Φ in this process, without a time limit.

    Returns:
        The records of this epoch, one for each layer.

    Raises:
        InvalidArgumentError: an option that cannot be or is not known, a layer that is not there, or a loader that shuffles.

    Example::

        for file in Path("checkpoints").glob("epoch=*.ckpt"):  # named "{epoch}"
            model = Model.load_from_checkpoint(file)
            records = analyse(model, loader, "gru", epoch=int(file.stem.removeprefix("epoch=")), log_dir="runs/sweep")
    """
    _check_model("model", model)
    settings = Settings(layers, **options)
    settings.check()
    epoch = whole("give the epoch under which the records are filed, -1 for the untrained network", least=-1)("epoch", epoch)
    inputs = fixed_inputs(loader, "loader")
    folder = None if log_dir is None else Path(log_dir)
    if folder is None:
        settings.pictures = False
    asked = settings.run_options()
    watch = settings.watch(model, asked, snapshots=folder is not None, fixed=True)
    watch.perturber.limited = False  # no training waits
    trackers = trackers_for((), folder, settings.trackers)
    described = settings.described(watch.layers)
    work = Computation(asked, _pool(settings, len(watch.layers)), trackers, described)
    sign = None if folder is None else mark_folder(folder)
    try:
        with _shared_units(folder, watch):
            watch.attach(model)
            captured = watch_pass(
                model, inputs, watch, name="the given data", seed=settings.seed, move=_mover(model), initial=epoch < 0
            )
        work.submit(watch, captured, epoch=epoch, global_step=epoch if global_step is None else global_step, last=True)
        work.finish(settings.drain_timeout, "the pass over the data")
    finally:
        watch.detach()
        try:
            _close(work, folder)
        finally:
            if sign is not None:
                sign.end()
    return work.records


def _check_model(name: str, model: object) -> None:
    """Raises InvalidArgumentError for what is no module; says how a checkpoint becomes one."""
    if isinstance(model, nn.Module):
        return
    instead = "give the network, a torch.nn.Module"
    if isinstance(model, (str, Path)):
        instead = f"a path is no network; load the checkpoint first: analyse(MyModel.load_from_checkpoint({str(model)!r}), ...)"
    elif isinstance(model, Mapping):
        instead = "a state dict is no network; load it first: model.load_state_dict(...), then analyse(model, ...)"
    elif isinstance(model, type) and issubclass(model, nn.Module):
        instead = "a class is no network; make one of it, or load one from a checkpoint"
    raise refused(name, model, instead)


def _pool(settings: Settings, layers: int) -> PhiPool:
    """Returns the pool that computes Φ; all layers may wait in its queue, since no training goes on meanwhile."""
    if settings.workers == 0:
        return InlinePool()
    executor = opened_executor(settings.executor, settings.workers)
    return pool_on(executor, workers=settings.workers, timeout=settings.timeout, max_queued=max(_MAX_QUEUED, layers))


def _known(file: Path) -> dict[str, Any]:
    """Returns, by layer, the units and thresholds that earlier analyses into the same folder have left in its file."""
    return msgspec.json.decode(read_regular(file))["layers"] if file.exists() else {}


@contextlib.contextmanager
def _shared_units(folder: Path | None, watch: Watch) -> Iterator[None]:
    """Takes up the units of earlier analyses into a folder, and keeps those that are chosen inside for later ones.

    Where units are still to be chosen, the file with the units is locked meanwhile, so that analyses at one time agree on them.
    """
    if folder is None:
        yield
        return
    file = folder / FOLDER / UNITS_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as lock:
        lock.enter_context(locked(file, wait=True))
        known = _known(file)
        watch.load_state_dict({"layers": {name: known[name] for name in watch.layers if name in known}})
        to_choose = not all(known.get(name, {}).get("units") for name in watch.layers)
        if not to_choose:
            lock.close()
        yield
        if to_choose:
            write_atomically(file, msgspec.json.encode({"layers": known | watch.state_dict()["layers"]}))


def _mover(model: nn.Module) -> Callable[[Any], Any]:
    """Returns a function that moves a batch to the device of the model."""
    tensor = next(model.parameters(), next(model.buffers(), torch.empty(0)))
    return lambda batch: move_data_to_device(batch, tensor.device)


def _close(work: Computation, folder: Path | None) -> None:
    """Writes the report, which belongs to all epochs of the folder, and ends the workers and trackers."""
    try:
        if folder is not None and work.records:
            work.journal.flush(_FLUSH)
            with locked(folder / FOLDER / REPORT):  # the last one reads the records of all
                work.report(load_run(folder / FOLDER), table=False)
                work.journal.flush(_FLUSH)
    finally:
        work.close()


def _signature() -> inspect.Signature:
    """Returns the signature of :func:`analyse` with the options by name, for editors and ``help()``."""
    own = [parameter for parameter in inspect.signature(analyse).parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    shared = [parameter for parameter in inspect.signature(Settings).parameters.values() if parameter.name != "layers"]
    return inspect.Signature([*own, *shared], return_annotation="Records")


analyse = told_of_unknown(analyse, known=_signature().parameters)
analyse.__signature__ = _signature()  # type: ignore[attr-defined]
