"""The data of a sweep: the same batches for each checkpoint, which is checked and not only hoped for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lightning_iit.capture.preserved import preserved_randomness
from lightning_iit.checks import refused
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.watch.probe import fixed_inputs, seed_all

_LOADERS = {"val_dataloader": "fit", "test_dataloader": "test", "predict_dataloader": "predict"}
"""The methods of a LightningDataModule that give data that are not shuffled, in order of preference, each with its stage."""
_OPTION = "data"
_HYPER_PARAMETERS = "datamodule_hyper_parameters"
_LIGHTNING = ("lightning.", "pytorch_lightning.")


class SameBatches:
    """Gives the batches of a loader, and stops with an error where they are not those of the first pass.

    Args:
        loader: gives the batches; checked by :func:`~lightning_iit.watch.probe.fixed_inputs`.
        seed: the seed of the random states at the start of a pass, as of the pass of a model.

    Attributes:
        digest: a hash of all batches, 32 hexadecimal digits.
        number: how many batches there are.

    Raises:
        InvalidArgumentError: there is no batch, or the batches cannot be read.
    """

    def __init__(self, loader: Iterable[Any], seed: int) -> None:
        self._loader = loader
        # `preserved` looks for these, to put back the generators that the data hold.
        self.sampler: Any = getattr(loader, "sampler", None)
        self.batch_sampler: Any = getattr(loader, "batch_sampler", None)
        self.generator: Any = getattr(loader, "generator", None)
        found = hashlib.blake2b(digest_size=16)
        number = 0
        try:
            with preserved_randomness(self):
                seed_all(seed)
                for batch in loader:
                    _add(found, batch)
                    number += 1
        except Exception as error:
            msg = f"data: its batches cannot be read ({type(error).__name__}: {error})."
            raise InvalidArgumentError(msg) from error
        if not number:
            msg = "data: it gives no batch. Give a loader of at least one."
            raise InvalidArgumentError(msg)
        self.number: int = number
        self.digest: str = found.hexdigest()

    def __len__(self) -> int:
        """Returns the number of batches."""
        return self.number

    def __iter__(self) -> Iterator[Any]:
        """Yields the batches.

        Raises:
            InvalidArgumentError: at the end, they were others than those of the first pass.
        """
        found = hashlib.blake2b(digest_size=16)
        for batch in self._loader:
            _add(found, batch)
            yield batch
        if found.hexdigest() != self.digest:
            msg = (
                "the data gave other batches than before, so this checkpoint cannot be compared with others. Let the data draw "
                "from the global random states only, which are set before each pass, or give a list of batches"
            )
            raise InvalidArgumentError(msg)


def open_batches(data: Any, seed: int, checkpoint: Mapping[str, Any]) -> SameBatches:
    """Makes the batches of a sweep.

    Args:
        data: a LightningDataModule (its class, or an object), a function without arguments that returns a loader, or the loader
            itself: a DataLoader that does not shuffle, or a list of batches. A class is made with the hyperparameters that a
            checkpoint has of it. Of a data module the validation data are taken, else those of test or prediction.
        seed: the seed of all random states while the data are made and before each pass.
        checkpoint: one that can be read.

    Raises:
        InvalidArgumentError: the data cannot be made or read, or their loader shuffles.
    """
    with preserved_randomness():
        seed_all(seed)
        try:
            made = _made(data, checkpoint)
        except InvalidArgumentError:
            raise
        except Exception as error:
            msg = f"data: they cannot be made of {_name(data)} ({type(error).__name__}: {error})."
            raise InvalidArgumentError(msg) from error
    return SameBatches(fixed_inputs(made, "data"), seed)


def _made(data: Any, checkpoint: Mapping[str, Any]) -> Any:
    """Returns the loader of what was given as data."""
    if isinstance(data, type) and _is_data_module(data):
        module: Any = data
        kept = dict(checkpoint.get(_HYPER_PARAMETERS) or {})
        return _loader_of(module(**kept))
    if not isinstance(data, Iterable) and not _is_data_module(data) and callable(data):
        data = data()
    return _loader_of(data) if _is_data_module(data) else data


def _is_data_module(data: Any) -> bool:
    """Returns whether a class or object is a LightningDataModule; told by its methods, since each Lightning package has its own."""
    return all(callable(getattr(data, name, None)) for name in ("prepare_data", "setup", *_LOADERS))


def _loader_of(module: Any) -> Any:
    """Returns the loader of a data module that does not shuffle."""
    module.prepare_data()
    for name, stage in _LOADERS.items():
        home = next(kind for kind in type(module).__mro__ if name in vars(kind))
        if home.__module__.startswith(_LIGHTNING):  # not its own: the method that only says that it is missing
            continue
        module.setup(stage)
        loader = getattr(module, name)()
        if isinstance(loader, Sequence) and len(loader) == 1:
            loader = loader[0]
        if isinstance(loader, (Sequence, Mapping)):
            msg = f"data: {name} of {_name(module)} gives {len(loader)} loaders. Give a function that returns the one to use."
            raise InvalidArgumentError(msg)
        return loader
    instead = f"give one that has {', '.join(_LOADERS)}, or a function that returns a loader that does not shuffle"
    raise refused(_OPTION, _name(module), instead, why="it has none of these methods")


def _name(data: Any) -> str:
    """Returns the name of a class, a function, or of the class of an object."""
    return getattr(data, "__qualname__", type(data).__qualname__)


def _add(found: Any, batch: Any) -> None:
    """Adds the tensors, arrays and plain values in a batch to a hash."""
    if isinstance(batch, torch.Tensor):
        batch = batch.detach().cpu().resolve_conj().resolve_neg()
        batch = batch if batch.layout is torch.strided else batch.to_dense()
        found.update(f"{batch.dtype} {tuple(batch.shape)}".encode())
        found.update(batch.contiguous().reshape(-1).view(torch.uint8).numpy())
    elif isinstance(batch, np.ndarray):
        found.update(f"{batch.dtype} {batch.shape}".encode())
        found.update(np.ascontiguousarray(batch).tobytes())
    elif isinstance(batch, Mapping):
        for name, value in batch.items():
            found.update(str(name).encode())
            _add(found, value)
    elif isinstance(batch, (str, bytes, int, float, bool)):
        found.update(repr(batch).encode())
    elif isinstance(batch, Iterable):
        for value in batch:
            _add(found, value)
