"""What is inside an object: which objects are followed, and by which ways their attributes can change."""

from __future__ import annotations

import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLOSED = frozenset({"torch", "lightning", "pytorch_lightning", "lightning_fabric", "lightning_iit", *sys.stdlib_module_names})
"""Packages whose objects are not followed: trainers, loaders, threads, files. What such an object holds is no state of a model."""

_OPEN = (
    *("builtins", "abc", "argparse", "collections", "dataclasses", "enum", "queue", "types", "typing"),
    *(
        "torch.distributions",
        "torch.amp",
        "torch.cuda.amp",
        "torch.optim",
        "torch.utils.data.sampler",
        "torch.utils.data.distributed",
    ),
    *("lightning.pytorch.core", "pytorch_lightning.core"),
)
"""Modules of closed packages whose objects are followed, and whose classes have children that are followed."""

_NO_STATE = (types.FunctionType, property, classmethod, staticmethod, types.MemberDescriptorType, types.GetSetDescriptorType)


def is_followed(value: Any) -> bool:
    """Returns whether a value is an object, of a class of the user or of a user's library, whose attributes are followed."""
    return not isinstance(value, (Dataset, type)) and all(map(_is_open, type(value).__mro__)) and _has_attributes(value)


def _is_open(kind: type) -> bool:
    name = kind.__module__
    return name.partition(".")[0] not in _CLOSED or any(name == one or name.startswith(f"{one}.") for one in _OPEN)


def _has_attributes(value: Any) -> bool:
    return hasattr(value, "__dict__") or any(True for _ in _slots(value))


def put_slots_back(value: Any) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Yields of each attribute that is in a slot its value, and a function that restores that it is the value."""
    for slot in _slots(value):
        try:
            now = slot.__get__(value)
        except AttributeError:  # no value yet
            yield None, partial(_empty, slot, value)
        else:
            yield now, partial(slot.__set__, value, now)


def _slots(value: Any) -> Iterator[types.MemberDescriptorType]:
    """Yields the slots of a value's class and of its base classes."""
    for kind in type(value).__mro__:
        if kind.__module__.partition(".")[0] not in _CLOSED:
            yield from (part for part in vars(kind).values() if isinstance(part, types.MemberDescriptorType))


def _empty(slot: types.MemberDescriptorType, value: Any) -> None:
    try:
        slot.__delete__(value)
    except AttributeError:  # is empty
        return


def bound_in(function: Any) -> Iterator[Any]:
    """Yields what a callable holds: the object of a method, the arguments of a partial, what a user's function closes over."""
    if isinstance(function, types.MethodType):
        yield function.__self__
    elif isinstance(function, partial):
        yield from (function.func, function.args, function.keywords)
    elif isinstance(function, types.FunctionType) and (function.__module__ or "").partition(".")[0] not in _CLOSED:
        yield from function.__closure__ or ()


def put_class_back(kind: type) -> tuple[list[Any], Callable[[], None]] | None:
    """Returns the values of a class's own attributes, without its methods, and a function that restores them.

    None where the class is of a package whose objects are not followed.
    """
    if kind.__module__.partition(".")[0] in _CLOSED:
        return None
    attributes = _of_class(kind)
    return list(attributes.values()), partial(_put_class_back, kind, attributes)


def _of_class(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if not (isinstance(value, _NO_STATE) or (name.startswith("__") and name.endswith("__")) or name == "_abc_impl")
    }


def _put_class_back(kind: type, then: dict[str, Any]) -> None:
    now = _of_class(kind)
    for name in now.keys() - then.keys():
        delattr(kind, name)
    for name, value in then.items():
        if now.get(name, kind) is not value:
            setattr(kind, name, value)
