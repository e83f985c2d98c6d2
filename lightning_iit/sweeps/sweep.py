"""Φ of every checkpoint of a training, in one call that can be ended and made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_iit.checks import flag, text, told_of_unknown
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.run.folder import mark_folder
from lightning_iit.settings import Options, Settings, with_options
from lightning_iit.sweeps.batches import open_batches
from lightning_iit.sweeps.checkpoints import Checkpoint, find_checkpoints, read_checkpoint
from lightning_iit.sweeps.ledger import read_ledger
from lightning_iit.sweeps.models import checked_model
from lightning_iit.sweeps.sweeping import Sweeping

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from lightning_iit.sweeps.models import ModelSource
    from lightning_iit.sweeps.outcome import Sweep


def sweep(
    checkpoints: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    model: ModelSource,
    data: Any,
    layers: str | Sequence[str] | None = None,
    *,
    log_dir: str | os.PathLike[str] = "runs/sweep",
    device: str = "cpu",
    weights_only: bool = True,
    progress: bool = True,
    **options: Unpack[Options],
) -> Sweep:
    """Computes integrated information of the layers of every checkpoint, as :func:`~lightning_iit.analyse` does of one.

    All records go into one folder, which ``lightning-iit view`` shows as one curve over epochs. Every checkpoint is run on the same
    batches, with the same random states; has the units that were chosen at the first checkpoint; and has, unless
    ``freeze_threshold=False`` is given, the thresholds of the first trained one. ``notes`` of the outcome, and each record, say
    which these are. The epoch is that of the checkpoint; one that was written before training is epoch -1, and one within an epoch
    is filed under its step too.

    A sweep can be ended at any time and called again: what has a Φ in the folder is not computed again, all else is, and new
    checkpoints are added. A checkpoint that cannot be read or run costs nothing but itself.

    Args:
        checkpoints: files, or patterns such as ``"checkpoints/*.ckpt"``.
        model: a LightningModule class, whose ``load_from_checkpoint`` is called (with the hyperparameters in the checkpoint); or a
            function without arguments that builds the model, which then gets the weights of the checkpoint.
        data: a LightningDataModule class or object (its validation data, else those of test or prediction), a function that returns
            a loader, a DataLoader that does not shuffle, or a list of batches.
        layers: names or globs over ``named_modules()``; None picks one hidden layer.
        log_dir: the folder of the records.
        device: where the model is run, as in ``"cuda"``.
        weights_only: False also reads checkpoints that hold objects of Python. Reading these runs code that is in the file.
        progress: whether standard error shows how many analyses have ended, and about how long the others take.
        **options: those of :func:`~lightning_iit.analyse`. ``executor`` and ``workers`` say where Φ is computed; the next
            checkpoint is run meanwhile.

    Returns:
        The records, and the analyses that have no Φ with their reasons.

    Raises:
        InvalidArgumentError: no such file, an option that cannot be, data that cannot be read, or a folder with another run or
            with a sweep of other data or options.

    Example::

        found = sweep("checkpoints/*.ckpt", Model, val_loader, "gru", log_dir="runs/sweep")
        print(found.words)
        for failure in found.failures_in_words:
            print(failure)
    """
    if "freeze_threshold" not in options:
        # Along depth, and of a lower one of stacked layers, thresholds are those of each pass.
        options["freeze_threshold"] = options.get("transitions") != "depth" and options.get("level", -1) == -1
    settings = Settings(layers, **options)
    settings.check()
    settings.run_options()
    source = checked_model(model)
    weights_only, progress = flag()("weights_only", weights_only), flag()("progress", progress)
    device = text("give the name of a device, such as 'cpu' or 'cuda'")("device", device)
    folder = Path(log_dir)
    ledger = read_ledger(folder)
    found = [Checkpoint.of(file, weights_only=weights_only) for file in find_checkpoints(checkpoints)]
    readable = next((one.file for one in found if one.moment is not None), None)
    batches = None
    if readable is not None:
        batches = open_batches(data, settings.seed, read_checkpoint(readable, weights_only=weights_only))
        described = dict(settings.described(()))
        ledger.check_options(folder, described, batches.digest)
        ledger.options, ledger.batches = described, batches.digest
    sign = mark_folder(folder)
    if sign is None:
        msg = f"log_dir={str(folder)!r}: another process computes in this folder now. Wait for its end, or give another folder."
        raise InvalidArgumentError(msg)
    try:
        ledger.write(folder)
        going = Sweeping(settings, folder, ledger, source, device=device, weights_only=weights_only, shown=progress)
        return going.run(found, batches)
    finally:
        sign.end()


sweep = told_of_unknown(sweep, known=with_options(sweep).parameters)
sweep.__signature__ = with_options(sweep)  # type: ignore[attr-defined]
