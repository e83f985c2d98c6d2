"""The first training batches, kept as they were before their steps."""

from __future__ import annotations

import io
import pickle
import types
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities.data import extract_batch_size
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

MOST_BYTES: int = 64 * 2**20
"""How much memory the kept batches take at most."""

_SHARED = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, nn.Module)
"""Things in a batch that are not copied, since they are no data."""


class _FullError(Exception):
    """Says that a batch does not fit into the memory that is left."""


@dataclass(frozen=True)
class _KeptTensor:
    """Holds a tensor in main memory, with the device that it is made on again."""

    value: Tensor
    device: torch.device
    requires_grad: bool

    def made(self) -> Tensor:
        """Makes a copy on the tensor's own device."""
        return self.value.to(self.device, copy=True).requires_grad_(self.requires_grad)


@dataclass(frozen=True)
class _KeptBatch:
    """Holds a batch as a pickle in which tensors, and things that are shared, are references by number."""

    index: int
    pickled: bytes
    parts: list[Any]

    def made(self) -> Any:
        """Makes the batch again, with new tensors."""
        return _Unpickler(io.BytesIO(self.pickled), self.parts).load()


class KeptBatches:
    """Keeps copies of batches in main memory, until there are enough samples or the memory is used up.

    Any batch can be kept that can be pickled. Tensors are not pickled: a view keeps only what it shows.

    Args:
        samples: no batch is kept any more once more samples than this are kept.
        most_bytes: how much memory the batches may take.

    Attributes:
        enough: whether no further batch will be kept.
        too_large: the number of bytes, at least, of the batch that no longer fitted; 0 while all have fitted.
    """

    def __init__(self, samples: int, most_bytes: int = MOST_BYTES) -> None:
        self._samples = samples
        self._left = most_bytes
        self._seen = 0
        self._kept: list[_KeptBatch] = []
        self.enough: bool = False
        self.too_large: int = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, batch: Any, index: int) -> None:
        """Keeps a copy of a batch; does nothing where there are enough.

        Args:
            batch: the batch, on the module's device.
            index: the index of the batch in its epoch.
        """
        if self.enough:
            return
        file = io.BytesIO()
        pickler = _Pickler(file, self._left)
        try:
            pickler.dump(batch)
            pickler.take(file.tell())
        except _FullError:
            self.enough, self.too_large = True, pickler.taken
            return
        self._left -= pickler.taken
        self._kept.append(_KeptBatch(index, file.getvalue(), pickler.parts))
        self._seen += batch_size(batch)
        self.enough = self._seen > self._samples

    def made(self) -> Iterator[tuple[int, Any]]:
        """Yields the index of each batch and the batch, made again on its own device."""
        for kept in self._kept:
            yield kept.index, kept.made()


class _Pickler(pickle.Pickler):
    """Pickles a batch, with its tensors in a list beside."""

    def __init__(self, file: io.BytesIO, left: int) -> None:
        super().__init__(file)
        self._left = left
        self._numbers: dict[int, int] = {}
        self.parts: list[Any] = []
        self.taken: int = 0

    def take(self, size: int) -> None:
        """Counts the bytes that something takes.

        Raises:
            _FullError: there is not so much memory left.
        """
        self.taken += size
        if self.taken > self._left:
            raise _FullError

    def persistent_id(self, value: Any) -> int | None:
        """Returns the number of the part that stands for a value; None for a value that is pickled."""
        if not isinstance(value, (Tensor, *_SHARED)):
            return None
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self.parts)
            self.parts.append(self._tensor(value) if isinstance(value, Tensor) else value)
        return self._numbers[id(value)]

    def _tensor(self, tensor: Tensor) -> _KeptTensor:
        self.take(tensor.numel() * tensor.element_size())
        return _KeptTensor(tensor.detach().to("cpu", copy=True), tensor.device, tensor.requires_grad)


class _Unpickler(pickle.Unpickler):
    """Makes a batch from its pickle and its parts; a tensor that occurs twice is made once."""

    def __init__(self, file: io.BytesIO, parts: list[Any]) -> None:
        super().__init__(file)
        self._parts = parts
        self._made: dict[int, Any] = {}

    def persistent_load(self, number: int) -> Any:
        """Returns the part with this number."""
        if number not in self._made:
            part = self._parts[number]
            self._made[number] = part.made() if isinstance(part, _KeptTensor) else part
        return self._made[number]


def batch_size(batch: Any) -> int:
    """Returns the number of samples in a batch; 1 where it cannot be told."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(extract_batch_size(batch))
    except Exception:  # noqa: BLE001  a batch of any class may raise anything
        return 1
