"""How many units a layer has, told from the module before it was ever called."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn.modules import activation, dropout

from lightning_iit.capture.layer_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

_OTHER_WIDTH = (nn.GLU, nn.MultiheadAttention)
_SAME_WIDTH: tuple[type[nn.Module], ...] = (
    nn.Identity,
    *(
        kind
        for module in (activation, dropout)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, nn.Module) and kind not in {nn.Module, *_OTHER_WIDTH}
    ),
)
"""The modules whose output has as many units as their input."""

_SAME_WIDTH_FUNCTIONS = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "tanh", "sigmoid", "softplus", "hardtanh"),
        *("hardsigmoid", "hardswish", "logsigmoid", "softsign", "dropout", "layer_norm", "normalize", "clamp", "float"),
    )
)
"""The functions of torch, and methods of tensors, whose result has as many units as their first argument."""

_WIDTHS: dict[type[nn.Module], Callable[[Any], int | None]] = {
    nn.LayerNorm: lambda norm: norm.normalized_shape[0] if len(norm.normalized_shape) == 1 else None,
    nn.BatchNorm1d: lambda norm: norm.num_features,
    nn.BatchNorm2d: lambda norm: norm.num_features,
    nn.BatchNorm3d: lambda norm: norm.num_features,
    nn.Bilinear: lambda layer: layer.out_features,
    nn.Transformer: lambda model: model.d_model,
    nn.TransformerEncoderLayer: lambda block: block.linear2.out_features,
    nn.TransformerDecoderLayer: lambda block: block.linear2.out_features,
    nn.TransformerEncoder: lambda stack: width_of(stack.layers[-1]),
    nn.TransformerDecoder: lambda stack: width_of(stack.layers[-1]),
}
"""How modules of PyTorch that are not drawn as a layer with units tell their width."""


def width_of(module: nn.Module, parent: nn.Module | None = None) -> int | None:
    """Returns how many units a module has; None where the module does not tell.

    Args:
        module: a layer with features or channels, a sequence that ends in one, an activation function behind one, or a module of
            the user's own whose ``forward`` returns what one of its layers gives.
        parent: the module that holds it.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
        >>> width_of(net[0]), width_of(net[1], net), width_of(net), width_of(nn.Tanh())
        (8, 8, 8, None)
    """
    if any(getattr(hook, "replaces_output", True) for hook in module._forward_hooks.values()):
        return None
    if type(module) is nn.Sequential and len(module):
        return _passed_on(module[-1], module)
    if isinstance(module, _SAME_WIDTH) and type(parent) is nn.Sequential:
        before = next((one for one, two in pairwise(parent) if two is module), None)
        return None if before is None else _passed_on(before, parent)
    row = kind_of(module)
    if row.picture is not None and row.runs(module):
        picture = row.picture(module)
        return None if picture is None else picture.width
    tell = next((_WIDTHS[kind] for kind in type(module).__mro__ if kind in _WIDTHS and type(module).forward is kind.forward), None)
    if tell is not None:
        return tell(module)
    return _Forward(module).width() if row.axes is None else None


def _passed_on(module: nn.Module, parent: nn.Module | None = None) -> int | None:
    """Returns how many units a module has that gets this module's output, or holds it; None where that depends on the rank.

    Behind a convolution, what the units of another kind of module are depends on the rank of the output.
    """
    return None if kind_of(module).is_channels_first(module) else width_of(module, parent)


class _Forward:
    """Follows the ``forward`` of a user's own module by its code, without running it: assignments one after another, and a return.

    Args:
        module: the module.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._self = ""
        self._known: dict[str, int | None] = {}

    def width(self) -> int | None:
        """Returns the width of what is returned; None where the code branches, or is not known."""
        try:
            code: Any = ast.parse(textwrap.dedent(inspect.getsource(type(self._module).forward))).body[0]
        except (OSError, TypeError, SyntaxError):
            return None
        if not isinstance(code, ast.FunctionDef) or code.decorator_list or not code.args.args:
            return None
        self._self = code.args.args[0].arg
        for line in code.body:
            if isinstance(line, ast.Return):
                return None if line.value is None else self._of(line.value)
            if isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
                self._known[line.targets[0].id] = self._of(line.value)
            elif not isinstance(line, ast.Expr):
                return None
        return None

    def _of(self, value: ast.expr) -> int | None:
        """Returns the width of an expression."""
        if isinstance(value, ast.Name):
            return self._known.get(value.id)
        if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            widest = max(self._of(value.left) or 1, self._of(value.right) or 1)
            return widest if widest > 1 else None  # a width of 1 is stretched to that of the other side
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return None
        layer = self._layer(value.func)
        if layer is not None:
            same = isinstance(layer, _SAME_WIDTH) and bool(value.args)
            return self._of(value.args[0]) if same else _passed_on(layer)
        if value.func.attr not in _SAME_WIDTH_FUNCTIONS:
            return None
        return self._of(value.func.value) or (self._of(value.args[0]) if value.args else None)

    def _layer(self, path: ast.expr) -> nn.Module | None:
        """Returns the module that an expression such as ``self.head.out`` names; None for anything else."""
        if isinstance(path, ast.Name):
            return self._module if path.id == self._self else None
        holder = self._layer(path.value) if isinstance(path, ast.Attribute) else None
        return None if holder is None else holder._modules.get(path.attr)  # type: ignore[attr-defined]
