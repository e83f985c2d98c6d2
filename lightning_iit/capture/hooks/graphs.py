"""Graphs of ``torch.compile`` that call a layer: they keep the hooks that the layer had when they were compiled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable

    from torch import nn


def forget_graphs(modules: Iterable[nn.Module]) -> None:
    """Makes torch compile again what calls these modules, at its next call.

    Other compiled functions stay as they are, unless they call a module of one of the same classes. Where torch does not tell what
    a graph calls, all graphs are compiled again.

    Args:
        modules: the layers whose hooks have changed, and the modules around them: a graph may end where it comes to a hook.
    """
    if "torch._dynamo" not in sys.modules:
        return
    guards = {f"type={type(module)!r}" for module in modules}
    try:
        from torch._C._dynamo.eval_frame import reset_code
        from torch._dynamo.convert_frame import compile_lock, input_codes

        with compile_lock:
            for known in list(input_codes.seen):
                code = known()
                if code is not None and _calls(code, guards):
                    reset_code(code)
    except (ImportError, AttributeError, TypeError):  # another version of torch
        torch.compiler.reset()


def _calls(code: types.CodeType, guards: Iterable[str]) -> bool:
    """Returns whether a graph that was compiled of this code calls a module of one of these classes; True where there is no graph.

    Args:
        code: the code.
        guards: the guard of each class, as torch prints it: a graph has one for the class of each module that it calls.
    """
    from torch._dynamo.eval_frame import _debug_get_cache_entry_list

    entries: list[Any] = _debug_get_cache_entry_list(code)
    return not entries or any(guard in str(entry.guard_manager) for entry in entries for guard in guards)
