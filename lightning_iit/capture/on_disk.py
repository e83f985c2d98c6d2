"""Values of tensors in a temporary file, for those that are too large to be held in main memory twice."""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class ValueOnDisk:
    """Holds where the values of a tensor lie in a file.

    Args:
        file: the file.
        offset: the first byte.
        size: how many bytes there are.
        shape: the shape of the tensor.
        dtype: the type of its values.
    """

    file: IO[bytes]
    offset: int
    size: int
    shape: torch.Size
    dtype: torch.dtype

    def read(self) -> Tensor:
        """Returns the tensor, mapped into memory: only what is being read of it is there, until the tensor is let go."""
        mapped = np.memmap(self.file, dtype=np.uint8, mode="c", offset=self.offset, shape=(self.size,))
        return torch.from_numpy(mapped).view(self.dtype).reshape(self.shape)


class TemporaryTensors:
    """Writes tensors to a temporary file, which has no name and is gone with this object, also where the process is killed.

    The file is in the folder for temporary files (``TMPDIR``), and is made with the first tensor.

    Example:
        >>> kept = TemporaryTensors()
        >>> kept.put(torch.arange(3.0)).read()
        tensor([0., 1., 2.])
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, tensor: Tensor) -> ValueOnDisk:
        """Writes the values of a tensor.

        Raises:
            OSError: the folder for temporary files is full or cannot be written to.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="lightning-iit-")  # noqa: SIM115  open as long as this object
            weakref.finalize(self, self._file.close)
        flat: Any = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        self._file.write(flat)
        self._file.flush()
        place = ValueOnDisk(self._file, self._end, flat.nbytes, tensor.shape, tensor.dtype)
        self._end += -(-flat.nbytes // 16) * 16  # where any type of values may begin
        self._file.seek(self._end)
        return place


def can_be_written(tensor: Tensor) -> bool:
    """Returns whether the values of a tensor are plain bytes: neither sparse nor quantized, nor of a subclass, nor none at all."""
    return type(tensor.data) is Tensor and tensor.layout is torch.strided and not tensor.is_quantized and tensor.numel() > 0
