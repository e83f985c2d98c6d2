"""Φ of a model that is not in training: one pass over a loader, without a trainer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import nn

from lightning_iit.capture.preserved import unwrapped
from lightning_iit.checks import choice, refused, told_of_unknown, whole
from lightning_iit.phi.pool.choosing import opened_executor, pool_on
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.records.disk.files import locked, read_regular
from lightning_iit.records.lesions.record import SetTo
from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import load_run, write_atomically
from lightning_iit.report.report import REPORT
from lightning_iit.run.computation import Computation
from lightning_iit.run.folder import mark_folder
from lightning_iit.settings import Options, Settings, with_options
from lightning_iit.trackers.registry import trackers_for
from lightning_iit.watch.lesions import own_measure
from lightning_iit.watch.probe import fixed_inputs, watch_pass
from lightning_iit.watch.record_lesions import with_lesions

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Unpack

    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import EpochRecord, Records
    from lightning_iit.watch.lesions import Metric
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
    lesions: SetTo | None = None,
    metric: Metric | None = None,
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
        lesions: "mean", "zero" or "resample": :func:`~lightning_iit.lesion` is measured on the same data, with what is set to that:
            the units of each record, and either side of the minimum partition in its first state. The record's ``lesions``, and a
            table in the report. None measures none.
        metric: of the lesions: ``(outputs, batch) -> number``; None takes the loss of a LightningModule's own step, and what that
            logs.
        **options: those of :class:`~lightning_iit.IITCallback` that do not concern a training run; see the signature.
            ``workers=0`` computes Φ in this process, without a time limit. There is no ``budget``, which is a share of the time of
            a training: each layer is analysed, and you wait for it.

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
    _check_lesions(model, lesions, metric)
    folder = None if log_dir is None else Path(log_dir)
    if folder is None:
        settings.pictures = False
    asked = settings.run_options()
    watch = settings.watch(model, asked, snapshots=folder is not None, fixed=True)
    watch.perturber.limited = False  # no training waits
    trackers = trackers_for((), folder, settings.trackers)
    described = settings.described(watch.layers)
    work = Computation(asked, pool_for(settings, max(_MAX_QUEUED, len(watch.layers))), trackers, described)
    sign = None if folder is None else mark_folder(folder)
    try:
        with shared_units(folder, watch, freezes=settings.freeze_threshold, initial=epoch < 0) as broken:
            watch.attach(model)
            captured = watch_pass(
                model, inputs, watch, name="the given data", seed=settings.seed, move=mover(model), initial=epoch < 0
            )
            broken.update(layer.layer for layer in captured if layer.problem is not None)
        work.submit(watch, captured, epoch=epoch, global_step=epoch if global_step is None else global_step, last=True)
        work.finish(settings.drain_timeout, "the pass over the data")
        if lesions is not None:
            watch.detach()
            _measure_lesions(work, settings, partial(with_lesions, model=model, batches=inputs, to=lesions, metric=metric))
    finally:
        watch.detach()
        try:
            close_computation(work, folder)
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


def _check_lesions(model: nn.Module, to: SetTo | None, metric: Metric | None) -> None:
    """Raises InvalidArgumentError where lesions are asked for that no network can have, or of a network that measures nothing."""
    choice(*get_args(SetTo), None)("lesions", to)
    if metric is not None and (to is None or not callable(metric)):
        function, alone = "give a function (outputs, batch) -> number", 'give lesions="mean" too, or leave it out'
        name = "metric"
        raise refused(name, metric, alone if to is None else function)
    if to is not None and metric is None:
        own_measure(unwrapped(model))


def _measure_lesions(work: Computation, settings: Settings, measured: Callable[..., EpochRecord]) -> None:
    """Measures the lesions of each record, and writes the records anew."""
    for record in work.records:
        layout = settings.layout.get(record.layer) if isinstance(settings.layout, Mapping) else settings.layout
        work.run.analyses.complete(measured(record, seed=settings.seed, step=settings.step, layout=layout))


def pool_for(settings: Settings, max_queued: int) -> PhiPool:
    """Returns the pool that computes Φ where no training goes on.

    Args:
        settings: say where Φ is computed.
        max_queued: how many analyses may wait.
    """
    if settings.workers == 0:
        return InlinePool()
    executor = opened_executor(settings.executor, settings.workers)
    return pool_on(executor, workers=settings.workers, timeout=settings.timeout, max_queued=max_queued)


def known_units(folder: Path) -> dict[str, Any]:
    """Returns, by layer, the units and thresholds that earlier analyses into the same folder have left in its file."""
    file = folder / FOLDER / UNITS_FILE
    return msgspec.json.decode(read_regular(file))["layers"] if file.exists() else {}


@contextlib.contextmanager
def shared_units(folder: Path | None, watch: Watch, *, freezes: bool, initial: bool) -> Iterator[set[str]]:
    """Takes up the units of earlier analyses into a folder, and keeps those that are chosen inside for later ones.

    Where units or thresholds are still to be chosen, the file with them is locked meanwhile, so that analyses at one time agree on
    them.

    Args:
        folder: holds the folder ``iit``; None where nothing is kept.
        watch: chooses units and thresholds; not yet attached to a model.
        freezes: whether the thresholds that are made inside are those of all later analyses.
        initial: whether the network is untrained: its thresholds are its own, and never those of others.

    Yields:
        A set for the names of layers that could not be captured, whose units are not kept.
    """
    broken: set[str] = set()
    if folder is None:
        yield broken
        return
    file = folder / FOLDER / UNITS_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as lock:
        lock.enter_context(locked(file, wait=True))
        known = known_units(folder)
        taken = {name: known[name] for name in watch.layers if name in known}
        watch.load_state_dict({"layers": _without_thresholds(taken) if initial else taken})
        wanted = ("units", "thresholds") if freezes and not initial else ("units",)
        to_choose = not all(known.get(name, {}).get(what) for name in watch.layers for what in wanted)
        if not to_choose:
            lock.close()
        yield broken
        if to_choose:
            kept = {name for name, state in known.items() if all(state.get(what) for what in wanted)} | broken
            chosen = {name: state for name, state in watch.state_dict()["layers"].items() if name not in kept}
            write_atomically(file, msgspec.json.encode({"layers": known | chosen}))


def _without_thresholds(layers: dict[str, Any]) -> dict[str, Any]:
    """Returns the units of layers, as they are kept, without their frozen thresholds."""
    return {
        name: {**state, "thresholds": None, "groups": [{**group, "thresholds": None} for group in state.get("groups", ())]}
        for name, state in layers.items()
    }


def mover(model: nn.Module) -> Callable[[Any], Any]:
    """Returns a function that moves a batch to the device of the model."""
    tensor = next(model.parameters(), next(model.buffers(), torch.empty(0)))
    return lambda batch: move_data_to_device(batch, tensor.device)


def close_computation(work: Computation, folder: Path | None) -> None:
    """Writes the report, which belongs to all epochs of the folder, and ends the workers and trackers."""
    try:
        if folder is not None and work.records:
            work.journal.flush(_FLUSH)
            with locked(folder / FOLDER / REPORT):  # the last one reads the records of all
                work.report(load_run(folder / FOLDER), table=False)
                work.journal.flush(_FLUSH)
    finally:
        work.close()


analyse = told_of_unknown(analyse, known=with_options(analyse).parameters)
analyse.__signature__ = with_options(analyse)  # type: ignore[attr-defined]
