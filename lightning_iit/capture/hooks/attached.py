"""Forward hooks that belong to one module object.

Python copies and pickles the hooks of a module together with the module, and TorchScript compiles them. A hook on the user's model
must not get there: it acts for its own module alone, copies and pickles are made without it, TorchScript does not see it, and it
does nothing while a module is traced or exported.
"""

from __future__ import annotations

import copyreg
from collections import Counter, OrderedDict
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.utils.hooks import RemovableHandle
    from typing_extensions import Self

_HOOKS = ("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called")
"""The attributes in which a module keeps its forward hooks, by the number of each hook's handle."""

_compiling = torch.compiler.is_compiling
_exporting: Callable[[], bool] = getattr(torch.compiler, "is_exporting", lambda: False)  # torch < 2.7 does not tell
_tracing: Callable[[], bool] = torch.jit.is_tracing  # type: ignore[attr-defined]

_hooked: Counter[type[nn.Module]] = Counter()
"""How many modules of each class have a hook of ours; copies of modules of these classes are made by ``_reduced``."""
_script: list[Any] = []
"""TorchScript's own function, while ``_script_without_hooks`` is in its place; else empty."""


class ModuleHook:
    """Calls a function after each call of one module object, and of no other.

    Args:
        module: the module object.
        act: called with the arguments that torch gives to a forward hook.
    """

    __slots__ = ("act", "module")

    replaces_output: ClassVar[bool] = False
    """Whether the hook may put something else into the place of what the module returns."""

    def __init__(self, module: nn.Module, act: Callable[..., None]) -> None:
        self.module: nn.Module = module
        self.act: Callable[..., None] = act

    def __call__(self, module: nn.Module, *call: Any) -> None:
        """Calls the function if ``module`` is the hook's own, and is not being traced or exported."""
        if _compiling():
            if _exporting():
                return
        elif _tracing():
            return
        if module is self.module:
            self.act(module, *call)

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what takes the hook's place where a class copies itself in its own way: a function that does nothing.

        It comes from Python's library, so that whoever loads a pickle does not need this package.
        """
        return getattr, (nullcontext(), "__exit__")


class AttachedHook:
    """Holds a hook that is on a module, until :meth:`remove`.

    Args:
        module: the module.
        handle: torch's handle of the hook.
    """

    def __init__(self, module: nn.Module, handle: RemovableHandle) -> None:
        self._kind: type[nn.Module] | None = type(module)
        self._handle = handle
        _attached(type(module))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Removes the hook; a second call does nothing."""
        self._handle.remove()
        if self._kind is not None:
            _removed(self._kind)
            self._kind = None


def attach(module: nn.Module, act: Callable[..., None], *, with_kwargs: bool = False) -> AttachedHook:
    """Hooks a module object: ``act`` is called after each of its calls, and takes no part in copies, pickles, scripts or exports.

    Args:
        module: the module.
        act: takes the module, its positional arguments and its output; with ``with_kwargs`` also the keyword arguments, before the
            output.
        with_kwargs: whether ``act`` takes the keyword arguments.
    """
    # A module of TorchScript refuses the method, but calls the hooks that are there when Python calls it.
    handle = nn.Module.register_forward_hook(module, ModuleHook(module, act), with_kwargs=with_kwargs)
    return AttachedHook(module, handle)


# --- copies and pickles ---


def _attached(kind: type[nn.Module]) -> None:
    """Has copies of modules of this class made without our hooks, unless the class is already copied by a function of its own."""
    _hooked[kind] += 1
    copyreg.dispatch_table.setdefault(kind, _reduced)
    if not _script:
        _script.append(torch.jit._recursive.create_script_module)
        torch.jit._recursive.create_script_module = _script_without_hooks


def _removed(kind: type[nn.Module]) -> None:
    """Has modules of this class copied as before, once none of them has a hook of ours."""
    _hooked[kind] -= 1
    if _hooked[kind]:
        return
    del _hooked[kind]
    if copyreg.dispatch_table.get(kind) is _reduced:
        del copyreg.dispatch_table[kind]
    if not _hooked and torch.jit._recursive.create_script_module is _script_without_hooks:
        torch.jit._recursive.create_script_module = _script.pop()


def _reduced(module: nn.Module) -> Any:
    """Returns what ``module.__reduce_ex__`` returns, without our hooks in the state of the module."""
    reduced = module.__reduce_ex__(2)
    if isinstance(reduced, str) or len(reduced) < 3 or not isinstance(reduced[2], dict):
        return reduced
    state, ours = dict(reduced[2]), _numbers(module)
    for name in _HOOKS:
        if ours and name in state:
            state[name] = OrderedDict((number, value) for number, value in state[name].items() if number not in ours)
    return (*reduced[:2], state, *reduced[3:])


def _numbers(module: nn.Module) -> set[int]:
    """Returns the numbers of our hooks on a module."""
    return {number for number, hook in module._forward_hooks.items() if isinstance(hook, ModuleHook)}


# --- TorchScript ---


def _script_without_hooks(nn_module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Scripts a module as TorchScript does, which would compile every forward hook, but with our hooks out of its sight."""
    with ExitStack() as stack:
        for module in nn_module.modules():
            stack.enter_context(_hidden(module))
        return _script[0](nn_module, *args, **kwargs)


@contextmanager
def _hidden(module: nn.Module) -> Iterator[None]:
    """Takes our hooks off a module, and puts them back in their places."""
    ours = _numbers(module)
    hooks = list(module._forward_hooks.items())
    for number in ours:
        del module._forward_hooks[number]
    try:
        yield
    finally:
        if ours:
            module._forward_hooks.clear()
            module._forward_hooks.update(hooks)
