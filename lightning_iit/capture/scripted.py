"""What is known of modules of TorchScript: which of them call hooks."""

from __future__ import annotations

import torch
from torch import nn

SCRIPTED = (
    "this is inside of a module of TorchScript (torch.jit.script, torch.jit.trace or torch.jit.load), and PyTorch calls no hook "
    "there, so its units cannot be watched. Name the scripted or traced module itself, whose calls from Python are seen, or a "
    "module outside of it; or train the plain nn.Module and script it afterwards."
)
"""Why a layer inside of TorchScript is refused, and what to do instead."""


def is_scripted(module: nn.Module) -> bool:
    """Returns whether a module is TorchScript, scripted or traced."""
    return isinstance(module, torch.jit.ScriptModule)
