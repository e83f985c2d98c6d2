"""The lengths of padded sequences, where a layer is given them as an argument of its call."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FindLengths: TypeAlias = "Callable[[Sequence[Any], Mapping[str, Any]], Tensor | None]"
"""Takes the positional and the keyword arguments of a call; returns the lengths ``[sequence]``, or None where there are none."""

_LENGTHS = re.compile(r"(^|_)len(gth)?s?$")


def lengths_argument(module: nn.Module) -> FindLengths | None:
    """Finds the argument by which a module's ``forward`` takes the lengths of padded sequences: ``lengths``, ``seq_lens``, ...

    Returns:
        The function that takes the lengths out of the arguments of a call; None where ``forward`` has no argument of such a name.

    Example:
        >>> class Padding(nn.GRU):
        ...     def forward(self, x, hx=None, lengths=None): ...
        >>> lengths_argument(Padding(2, 3))([], {"lengths": [4, 2]})
        tensor([4, 2])
        >>> lengths_argument(nn.GRU(2, 3))
    """
    try:
        names = list(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):  # a forward that is not written in Python
        return None
    name = next((name for name in names if _LENGTHS.search(name)), None)
    if name is None:
        return None
    position = names.index(name)

    def find(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
        said = args[position] if position < len(args) else kwargs.get(name)
        if isinstance(said, (list, tuple)) and all(isinstance(length, int) for length in said):
            said = torch.tensor(said, dtype=torch.int64)
        if isinstance(said, Tensor) and said.ndim == 1 and said.dtype in {torch.int64, torch.int32}:
            return said.detach().clone()
        return None

    return find
