"""All that a run of a module can change, held at one moment and put back later."""

from __future__ import annotations

import random
import sys
import types
from collections import UserDict, UserList, deque
from functools import partial
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LARGEST_VALUE = 64 * 2**20
"""Bytes of the largest plain tensor or array whose values are held; larger ones are data, which a run of a module only reads."""

_CONTENTS = frozenset({"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"})
_HOOKS = frozenset(vars(nn.Module())) - _CONTENTS
"""Names of the attributes that every module has for its hooks. Whoever adds a hook also removes the hook."""

_CLOSED = frozenset({"torch", "lightning", "pytorch_lightning", "lightning_fabric", "lightning_iit", *sys.stdlib_module_names})
"""Packages whose objects are not followed: trainers, loaders, threads, files. What such an object holds is no state of a model."""

_OPEN = (UserDict, UserList, types.SimpleNamespace)
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


class Held:
    """Holds the state of some modules and objects at one moment.

    Held are, for each module with its submodules: the plain attributes (also the training mode) and which parameters, buffers and
    submodules there are; the values of the buffers and of the states of torchmetrics. Attributes are followed, through lists,
    tuples, dicts, sets, deques, modules and objects of the user's own classes; of these are held the contents, the values of
    tensors and NumPy arrays of at most 64 MiB, and the states of random generators.

    Args:
        roots: the modules and objects. Of an object of any class the attributes are held.
        parameters: whether the values, gradients and ``requires_grad`` of parameters are held too.
        device: where values of tensors are kept; None for the device of each tensor.
    """

    def __init__(self, *roots: Any, parameters: bool = False, device: str | None = None) -> None:
        self._with_parameters = parameters
        self._device = device
        self._seen: set[int] = set()
        self._contents: list[tuple[Any, list[Any]]] = []
        self._values: list[tuple[Tensor, Tensor]] = []
        self._parameters: list[tuple[nn.Parameter, Tensor]] = []
        self._gradients: list[tuple[nn.Parameter, Tensor | None, bool]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self._generators: list[Callable[[], object]] = []
        waiting = [part for root in roots for part in self._inside_root(root)]
        while waiting:
            waiting.extend(self._inside(waiting.pop()))
        del self._seen

    def add(self, container: Any) -> None:
        """Holds the items of one more list, dict, set or deque; the items themselves are not followed."""
        self._contents.append((container, list(_items(container))))

    # --- holding ---

    def _inside_root(self, root: Any) -> Iterable[Any]:
        """Holds a root, and returns what is inside it."""
        return (root,) if isinstance(root, nn.Module) else self._inside_container(vars(root))

    def _inside(self, value: Any) -> Iterable[Any]:
        """Holds a value, and returns what is inside it."""
        if isinstance(value, _PLAIN) or id(value) in self._seen:
            return ()
        self._seen.add(id(value))
        if isinstance(value, Tensor):
            self._hold_tensor(value, most=_LARGEST_VALUE)
        elif isinstance(value, np.ndarray):
            self._hold_array(value)
        elif isinstance(value, nn.Module):
            return self._inside_module(value)
        elif isinstance(value, (list, dict, set, deque)):
            return self._inside_container(value)
        elif isinstance(value, tuple):
            return value
        elif (put_back := _generator_state(value)) is not None:
            self._generators.append(put_back)
        elif _is_followed(value):
            return self._inside_container(vars(value))
        return ()

    def _inside_container(self, container: Any) -> Iterable[Any]:
        self.add(container)
        return list(container.values()) if isinstance(container, dict) else list(container)

    def _inside_module(self, module: Any) -> Iterable[Any]:
        attributes = vars(module)
        self.add(attributes)
        for name in _CONTENTS & attributes.keys():
            if isinstance(attributes[name], (dict, set)):
                self.add(attributes[name])
        if self._with_parameters:
            for parameter in module.parameters(recurse=False):
                self._hold_parameter(parameter)
        for tensor in (*module.buffers(recurse=False), *_metric_states(module)):
            if id(tensor) not in self._seen:
                self._seen.add(id(tensor))
                self._hold_tensor(tensor)
        parts = [value for name, value in attributes.items() if name not in _HOOKS | _CONTENTS]
        return [*module.children(), *parts]

    def _hold_parameter(self, parameter: nn.Parameter) -> None:
        if id(parameter) in self._seen:
            return
        self._seen.add(id(parameter))
        self._gradients.append((parameter, parameter.grad, parameter.requires_grad))
        self._parameters.append((parameter, self._copied(parameter)))

    def _hold_tensor(self, tensor: Tensor, most: float = float("inf")) -> None:
        if not isinstance(tensor, nn.Parameter) and tensor.numel() * tensor.element_size() <= most:
            self._values.append((tensor, self._copied(tensor)))

    def _hold_array(self, array: np.ndarray) -> None:
        if array.flags.writeable and array.nbytes <= _LARGEST_VALUE:
            self._arrays.append((array, array.copy()))

    def _copied(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self._device or tensor.device, copy=True)

    # --- putting back ---

    def put_back(self) -> None:
        """Restores all that is held."""
        for container, items in self._contents:
            _refill(container, items)
        self.put_parameters_back()
        for parameter, gradient, trainable in self._gradients:
            parameter.grad = gradient
            if parameter.requires_grad is not trainable:
                parameter.requires_grad_(trainable)
        for tensor, value in self._values:
            _write(tensor, value)
        for array, copy in self._arrays:
            array[...] = copy
        for generator_put_back in self._generators:
            generator_put_back()

    def put_parameters_back(self) -> None:
        """Restores the values of the parameters, and nothing else."""
        for parameter, value in self._parameters:
            _write(parameter, value)

    def without_gradients(self) -> None:
        """Takes the gradients away from the parameters; :meth:`put_back` restores the gradients."""
        for parameter, _, _ in self._gradients:
            parameter.grad = None


def _generator_state(value: Any) -> Callable[[], object] | None:
    """Returns a function that restores the present state of a random generator; None where the value is none."""
    if isinstance(value, torch.Generator):
        return partial(value.set_state, value.get_state())
    if isinstance(value, random.Random):
        return partial(value.setstate, value.getstate())
    if isinstance(value, np.random.RandomState):
        return partial(value.set_state, value.get_state())
    bits = value.bit_generator if isinstance(value, np.random.Generator) else value
    return partial(setattr, bits, "state", bits.state) if isinstance(bits, np.random.BitGenerator) else None


def _is_followed(value: Any) -> bool:
    """Returns whether a value is an object, of a class of the user or of a user's library, whose attributes are followed."""
    if not hasattr(value, "__dict__") or isinstance(value, Dataset):
        return False
    return isinstance(value, _OPEN) or type(value).__module__.partition(".")[0] not in _CLOSED


def _metric_states(module: object) -> Iterator[Tensor]:
    """Yields the tensor states of a ``torchmetrics.Metric``, which torch does not list as buffers."""
    for name in getattr(module, "_defaults", ()):
        state = getattr(module, name, None)
        if isinstance(state, Tensor):
            yield state


def _items(container: Any) -> Iterable[Any]:
    """Returns the items of a container: key and value pairs of a dict, else the elements."""
    return container.items() if isinstance(container, dict) else container


def _refill(container: Any, items: list[Any]) -> None:
    """Restores the items of a container if they have changed (compared by identity: ``==`` of tensors is no truth value)."""
    now = list(_items(container))
    if isinstance(container, dict):
        flat_now, flat_then = ([part for pair in pairs for part in pair] for pairs in (now, items))
    else:
        flat_now, flat_then = now, items
    if len(flat_now) == len(flat_then) and all(map(is_, flat_now, flat_then)):
        return
    if isinstance(container, dict):
        _refill_dict(container, dict(items))
        return
    container.clear()
    (container.extend if isinstance(container, (list, deque)) else container.update)(items)


def _refill_dict(container: dict[Any, Any], items: dict[Any, Any]) -> None:
    """Restores a dict. Keys that stay are never absent meanwhile, since another thread may be reading an object's attributes."""
    for key in list(container):
        if key not in items:
            del container[key]
    container.update(items)
    if list(map(id, container)) != list(map(id, items)):  # a key was removed, so that the order is another one
        container.clear()
        container.update(items)


def _write(tensor: Tensor, value: Tensor) -> None:
    """Writes a value into a tensor, to the bit, without a trace for autograd."""
    value = value.to(tensor.device)
    if tensor.is_inference():  # made by a validation, and cannot be written to outside of inference mode
        with torch.inference_mode():
            tensor.copy_(value)
        return
    target = tensor.data
    for axis, (size, stride) in enumerate(zip(target.shape, _strides(target), strict=True)):
        if size > 1 and stride == 0:  # an expanded axis: all elements along it are one
            target, value = target.narrow(axis, 0, 1), value.narrow(axis, 0, 1)
    target.copy_(value)


def _strides(tensor: Tensor) -> tuple[int, ...]:
    """Returns the strides of a tensor; ones for a layout that has no strides (sparse)."""
    return tensor.stride() if tensor.layout is torch.strided else (1,) * tensor.dim()
