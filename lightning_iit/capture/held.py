"""All that a run of a module can change, held at one moment and put back later."""

from __future__ import annotations

import array
import io
import operator
import random
import types
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_iit.capture.inside import bound_in, is_followed, put_class_back, put_slots_back
from lightning_iit.capture.on_disk import TemporaryTensors, ValueOnDisk, can_be_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LARGEST_VALUE = 64 * 2**20
"""Bytes of the largest plain tensor or array whose values are held; larger ones are data, which a run of a module only reads."""

PARAMETERS_IN_MEMORY: int = 128 * 2**20
"""Bytes of parameters whose values are held in main memory; the values of all further ones are held in a temporary file."""

_CONTENTS = frozenset({"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"})
_HOOKS = frozenset(vars(nn.Module())) - _CONTENTS
"""Names of the attributes that every module has for its hooks. Whoever adds a hook also removes the hook."""

_WITH_STATE = (
    *(torch.Generator, random.Random, np.random.RandomState, np.random.Generator, np.random.BitGenerator),
    *(bytearray, array.array, io.StringIO, io.BytesIO),
)
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type, types.BuiltinFunctionType, types.ModuleType)


class Held:
    """Holds the state of some modules and objects at one moment.

    Held are, for each module with its submodules: the plain attributes (also the training mode) and which parameters, buffers and
    submodules there are; the values of the buffers and of the states of torchmetrics; gradients and ``requires_grad``. Attributes
    are followed, through lists, tuples, dicts, sets, deques, queues, modules, bound methods, what functions close over, and objects
    of the user's own classes with the attributes of these classes. Of what is found there are held: the contents of containers,
    the values and gradients of tensors, NumPy arrays, streams in memory, random generators, and the settings of optimizers.

    Not held are: global variables; the position of an iterator or a Python generator (see ``iterators``); the values of plain
    tensors and arrays larger than 64 MiB; files, connections and other processes; data sets, data loaders, and what is reached
    through the trainer only; and what objects of compiled classes hold inside.

    Args:
        roots: the modules and objects. Of an object of any class the attributes are held.
        parameters: whether the values of parameters are held too; those beyond 128 MiB in a temporary file, where ``device`` is
            "cpu". They are read from there when they are put back, and the file is gone with this object.
        device: where values of tensors are kept; None for the device of each tensor.

    Attributes:
        optimizers: the optimizers among the roots and what they hold. Their states are not copied, since they are larger than the
            model.
        iterators: the iterators and generators that were found, whose positions cannot be restored.
    """

    def __init__(self, *roots: Any, parameters: bool = False, device: str | None = None) -> None:
        self._with_parameters = parameters
        self._device = device
        self._seen: set[int] = set()
        self._contents: list[tuple[Any, list[Any]]] = []
        self._values: list[tuple[Tensor, Tensor, Tensor]] = []
        self._parameters: list[tuple[Tensor, Tensor, Tensor | ValueOnDisk]] = []
        self._parameter_bytes = 0
        self._disk = TemporaryTensors()
        self._gradients: list[tuple[Tensor, Tensor | None, bool]] = []
        self._large: list[tuple[Tensor, int]] = []
        self._others: list[Callable[[], object]] = []
        self.optimizers: list[Optimizer] = []
        self.iterators: list[Any] = []
        self._ways: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
            (Tensor, self._inside_tensor),
            (np.ndarray, self._inside_array),
            (nn.Module, self._inside_module),
            (Optimizer, self._inside_optimizer),
            ((tuple, frozenset), tuple),
            (types.CellType, self._inside_cell),
            ((types.MethodType, types.FunctionType, partial), bound_in),
            (_WITH_STATE, self._inside_state),
        )
        waiting = [part for root in roots for part in self._inside_root(root)]
        while waiting:
            waiting.extend(self._inside(waiting.pop()))
        del self._seen, self._ways

    @property
    def containers(self) -> Sequence[Any]:
        """Returns the containers whose items are held; the attributes of an object are a dict."""
        return [container for container, _ in self._contents]

    @property
    def lost(self) -> int:
        """Returns how many tensors have changed that are too large to be held."""
        return sum(tensor._version != version for tensor, version in self._large)

    def add(self, container: Any) -> None:
        """Holds the items of one more list, dict, set or deque; the items themselves are not followed."""
        self._contents.append((container, list(_items(container))))

    # --- holding ---

    def _inside_root(self, root: Any) -> Iterable[Any]:
        """Holds a root, and returns what is inside it."""
        return (root,) if isinstance(root, (nn.Module, Optimizer)) else self._inside_container(vars(root))

    def _inside(self, value: Any) -> Iterable[Any]:
        """Holds a value, and returns what is inside it."""
        if isinstance(value, _PLAIN) or id(value) in self._seen:
            return ()
        self._seen.add(id(value))
        for kinds, way in self._ways:
            if isinstance(value, kinds):
                return way(value)
        return self._inside_object(value)

    def _inside_tensor(self, tensor: Tensor) -> Iterable[Any]:
        self._hold_tensor(tensor, most=_LARGEST_VALUE)
        return ()

    def _inside_state(self, value: Any) -> Iterable[Any]:
        self._others.append(_put_state_back(value))
        return ()

    def _inside_object(self, value: Any) -> Iterable[Any]:
        """Holds a container, or an object of a class that is followed, and returns what is inside it."""
        parts: list[Any] = []
        is_container = isinstance(value, (list, dict, set, deque))
        if is_container:
            parts.extend(self._inside_container(value))
        if is_followed(value):
            if hasattr(value, "__dict__"):
                parts.extend(self._inside_container(vars(value)))
            for part, put_back in put_slots_back(value):
                parts.append(part)
                self._others.append(put_back)
            parts.extend(self._inside_classes(value))
        elif isinstance(value, Iterator) and not isinstance(value, io.IOBase) and not _is_exhausted(value):
            self.iterators.append(value)
        return parts

    def _inside_container(self, container: Any) -> Iterable[Any]:
        self.add(container)
        return [*container.keys(), *container.values()] if isinstance(container, dict) else list(container)

    def _inside_array(self, array: np.ndarray) -> Iterable[Any]:
        if array.flags.writeable and array.nbytes <= _LARGEST_VALUE:
            self._others.append(partial(operator.setitem, array, ..., array.copy()))
        return array.ravel().tolist() if array.dtype == object else ()

    def _inside_cell(self, cell: Any) -> Iterable[Any]:
        """Holds a variable of a function that another function closes over."""
        try:
            value = cell.cell_contents
        except ValueError:  # no value yet
            return ()
        self._others.append(partial(setattr, cell, "cell_contents", value))
        return (value,)

    def _inside_classes(self, value: Any) -> Iterator[Any]:
        """Holds the attributes of the classes of an object."""
        for kind in type(value).__mro__:
            if id(kind) not in self._seen and (held := put_class_back(kind)) is not None:
                self._seen.add(id(kind))
                parts, put_back = held
                self._others.append(put_back)
                yield from parts

    def _inside_optimizer(self, optimizer: Optimizer) -> Iterable[Any]:
        self.optimizers.append(optimizer)
        attributes = vars(optimizer)
        self.add(attributes)
        return [value for name, value in attributes.items() if name != "state"]

    def _inside_module(self, module: Any) -> Iterable[Any]:
        attributes = vars(module)
        self.add(attributes)
        for name in _CONTENTS & attributes.keys():
            if isinstance(attributes[name], (dict, set)):
                self.add(attributes[name])
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False), *_metric_states(module)):
            if id(tensor) not in self._seen:
                self._seen.add(id(tensor))
                self._hold_tensor(tensor)
        parts = [value for name, value in attributes.items() if name not in _HOOKS | _CONTENTS]
        return [*module.children(), *parts, *self._inside_classes(module)]

    def _hold_tensor(self, tensor: Tensor, most: float = float("inf")) -> None:
        is_parameter = isinstance(tensor, nn.Parameter)
        if tensor.is_leaf and not tensor.is_inference():
            self._gradients.append((tensor, tensor.grad, tensor.requires_grad))
        if is_parameter and not self._with_parameters:
            return
        if not is_parameter and tensor.numel() * tensor.element_size() > most:
            if not tensor.is_inference():
                self._large.append((tensor, tensor._version))
            return
        if is_parameter:
            self._parameters.append((tensor, tensor.data, self._parameter_value(tensor)))
        else:
            self._values.append((tensor, tensor.data, self._copied(tensor)))

    def _copied(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self._device or tensor.device, copy=True)

    def _parameter_value(self, tensor: Tensor) -> Tensor | ValueOnDisk:
        """Copies the values of a parameter, to a file once many bytes are in main memory."""
        size = tensor.numel() * tensor.element_size()
        on_disk = self._device == "cpu" and self._parameter_bytes + size > PARAMETERS_IN_MEMORY
        if on_disk and can_be_written(tensor):
            return self._disk.put(tensor)
        self._parameter_bytes += size
        return self._copied(tensor)

    # --- putting back ---

    def put_back(self) -> None:
        """Restores all that is held. Where something cannot be restored, all else is, and then the exception is raised."""
        with ExitStack() as stack:
            for put_back in self._others:
                stack.callback(put_back)
            for value in self._values:
                stack.callback(_write, *value)
            for gradient in self._gradients:
                stack.callback(_put_gradient_back, *gradient)
            stack.callback(self.put_parameters_back)
            for container, items in self._contents:
                stack.callback(_refill, container, items)

    def put_parameters_back(self) -> None:
        """Restores the values of the parameters, and nothing else."""
        for tensor, memory, value in self._parameters:
            _write(tensor, memory, value.read() if isinstance(value, ValueOnDisk) else value)

    def without_gradients(self) -> None:
        """Takes the gradients away from the parameters; :meth:`put_back` restores the gradients."""
        for tensor, _, _ in self._gradients:
            tensor.grad = None


def _put_state_back(value: Any) -> Callable[[], object]:
    """Returns a function that restores the present state of a random generator, or of data in memory."""
    if isinstance(value, random.Random):
        return partial(value.setstate, value.getstate())
    if isinstance(value, (bytearray, array.array)):
        return partial(operator.setitem, value, slice(None), value[:])
    if isinstance(value, io.IOBase):
        stream: Any = value
        return tuple if value.closed else partial(stream.__setstate__, stream.__getstate__())
    if hasattr(value, "get_state"):  # of torch, or an older one of NumPy
        return partial(value.set_state, value.get_state())
    bits = value.bit_generator if isinstance(value, np.random.Generator) else value
    return partial(setattr, bits, "state", bits.state)


def _is_exhausted(iterator: Any) -> bool:
    """Returns whether an iterator is a Python generator that has ended."""
    return isinstance(iterator, types.GeneratorType) and iterator.gi_frame is None


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


def _put_gradient_back(tensor: Tensor, gradient: Tensor | None, trainable: bool) -> None:
    """Restores the gradient of a leaf of autograd, and whether it has one."""
    if not tensor.is_leaf:  # became the result of an operation in place
        tensor.detach_()
    if tensor.requires_grad is not trainable:
        tensor.requires_grad_(trainable)
    if tensor.grad is not gradient:
        tensor.grad = gradient


def _write(tensor: Tensor, memory: Tensor, value: Tensor) -> None:
    """Writes a value into a tensor, to the bit, without a trace for autograd; first gives the tensor its memory back.

    Args:
        tensor: the tensor.
        memory: what ``tensor.data`` was.
        value: the value.
    """
    if memory.is_inference():  # made by a validation, and cannot be written to outside of inference mode
        with torch.inference_mode():
            tensor.copy_(value.to(tensor.device))
        return
    if not _is_same_memory(tensor, memory):
        tensor.data = memory
    target, value = tensor.data, value.to(tensor.device)
    for axis, (size, stride) in enumerate(zip(target.shape, _strides(target), strict=True)):
        if size > 1 and stride == 0:  # an expanded axis: all elements along it are one
            target, value = target.narrow(axis, 0, 1), value.narrow(axis, 0, 1)
    target.copy_(value)


def _is_same_memory(tensor: Tensor, memory: Tensor) -> bool:
    """Returns whether a tensor has the shape, the type and the memory that it had."""
    known = tensor.layout is torch.strided and memory.layout is torch.strided
    return (tensor.shape, tensor.dtype, tensor.device, tensor.layout, _strides(tensor)) == (
        *(memory.shape, memory.dtype, memory.device, memory.layout, _strides(memory)),
    ) and (not known or tensor.data_ptr() == memory.data_ptr())


def _strides(tensor: Tensor) -> tuple[int, ...]:
    """Returns the strides of a tensor; ones for a layout that has no strides (sparse)."""
    return tensor.stride() if tensor.layout is torch.strided else (1,) * tensor.dim()
