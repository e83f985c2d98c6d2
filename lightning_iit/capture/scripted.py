"""What is known of modules of TorchScript: which of them call hooks."""

from __future__ import annotations

import torch
from torch import nn
from torch.jit._trace import TopLevelTracedModule

SCRIPTED = (
    "this is TorchScript (torch.jit.script, torch.jit.trace or torch.jit.load), and PyTorch calls no hook of a scripted module, "
    "nor of any module inside a scripted or traced one, so its units cannot be watched. Train the plain nn.Module and script it "
    "afterwards, or name a module outside of it."
)
"""Why a layer of TorchScript is refused, and what to do instead."""


def is_scripted(module: nn.Module) -> bool:
    """Returns whether a module is TorchScript, scripted or traced."""
    return isinstance(module, torch.jit.ScriptModule)


def is_hookable(module: nn.Module) -> bool:
    """Returns whether PyTorch calls hooks of a module that is called from Python; of TorchScript only those of a traced module."""
    return not is_scripted(module) or isinstance(module, TopLevelTracedModule)
