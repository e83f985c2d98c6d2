"""The kinds of layer: one table, one row for each.

To add a kind to this package, add a row to :data:`BUILT_IN`. A program adds one with :func:`register_layer_kind`; another package
by an entry point, which is a row or a list of rows::

    [project.entry-points."lightning_iit.layer_kinds"]
    mine = "my_package.layers:ROWS"
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules import batchnorm, conv, pooling

from lightning_iit.capture import torch_layers as of_torch
from lightning_iit.capture.layer_kind_row import LayerKindRow
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "lightning_iit.layer_kinds"

OTHER = LayerKindRow(kind="other", classes=())
"""The row of every module that is of no known kind."""

_CONVOLUTION = LayerKindRow(
    kind="conv",
    classes=(conv._ConvNd,),
    weighted=True,
    axes=of_torch.channels_first_axes,
    picture=of_torch.conv_picture,
    weights_in=of_torch.conv_weights,
)
_RECURRENT = LayerKindRow(
    kind="recurrent",
    classes=(nn.RNNBase,),
    recurrent=True,
    axes=of_torch.sequence_axes,
    incoming=of_torch.last_level_weights,
)
_CELL = LayerKindRow(
    kind="recurrent",
    classes=(nn.RNNCellBase,),
    recurrent=True,
    axes=lambda _cell: {1: "U", 2: "BU"},
    cell=True,
)


def _of_gates(row: LayerKindRow, module: type[nn.Module], kind: str, gate: int, of: str) -> LayerKindRow:
    """Returns the row of a recurrent layer or cell whose picture shows the weights of the gate that carries the new content."""
    return replace(
        row,
        kind=kind,
        classes=(module,),
        stepper=f"lightning_iit.capture.perturb.recurrent:{'cell_stepper' if row.cell else 'LayerStepper'}",
        picture=partial(of_torch.recurrent_picture, name=kind.upper()),
        weights_in=of_torch.gate_weights("weight_ih", gate=gate, of=of),
        weights_among=of_torch.gate_weights("weight_hh", gate=gate, of=of),
    )


BUILT_IN = (
    LayerKindRow(
        kind="linear",
        classes=(nn.Linear,),
        weighted=True,
        picture=of_torch.linear_picture,
        weights_in=of_torch.linear_weights,
    ),
    LayerKindRow(kind="bilinear", classes=(nn.Bilinear,), weighted=True),
    _CONVOLUTION,
    replace(_CONVOLUTION, classes=(conv._ConvTransposeNd,), weights_in=of_torch.transposed_conv_weights),
    LayerKindRow(kind="norm", classes=(batchnorm._BatchNorm,), axes=of_torch.batch_norm_axes),
    LayerKindRow(kind="norm", classes=(batchnorm._NormBase,), axes=of_torch.channels_first_axes),
    LayerKindRow(
        kind="pool",
        classes=(
            pooling._MaxPoolNd,
            pooling._AvgPoolNd,
            pooling._AdaptiveMaxPoolNd,
            pooling._AdaptiveAvgPoolNd,
        ),
        axes=of_torch.channels_first_axes,
    ),
    LayerKindRow(kind="embedding", classes=(nn.Embedding,), picture=of_torch.embedding_picture),
    LayerKindRow(
        kind="attention",
        classes=(nn.MultiheadAttention,),
        picture=of_torch.attention_picture,
        whole=True,  # its output projection is never called as a module
        weights_in=of_torch.attention_weights,
    ),
    _RECURRENT,
    _CELL,
    _of_gates(_RECURRENT, nn.RNN, "rnn", gate=0, of="weight"),
    _of_gates(_CELL, nn.RNNCell, "rnn", gate=0, of="weight"),
    _of_gates(_RECURRENT, nn.GRU, "gru", gate=2, of="candidate gate"),
    _of_gates(_CELL, nn.GRUCell, "gru", gate=2, of="candidate gate"),
    _of_gates(_RECURRENT, nn.LSTM, "lstm", gate=2, of="cell gate"),
    _of_gates(_CELL, nn.LSTMCell, "lstm", gate=2, of="cell gate"),
)
"""PyTorch's own kinds of layer."""


def kind_of(module: nn.Module) -> LayerKindRow:
    """Returns the row of a module: that of its class, else that of the nearest base class that has one, else :data:`OTHER`.

    Raises:
        InvalidArgumentError: the rows of an installed package cannot be loaded.
    """
    rows = _rows()
    return next((rows[kind] for kind in type(module).__mro__ if kind in rows), OTHER)


def register_layer_kind(row: LayerKindRow) -> None:
    """Adds a kind of layer for the rest of this process; it takes the place of earlier rows of the same classes.

    Call it before a callback or an analysis is set up: layers that are watched already are read as they were.

    Args:
        row: the kind.

    Raises:
        InvalidArgumentError: it is no :class:`~lightning_iit.capture.layer_kind_row.LayerKindRow`.

    Example:
        >>> class Threshold(nn.Module):
        ...     def forward(self, inputs):
        ...         return (inputs > 0).float()
        >>> register_layer_kind(LayerKindRow(kind="threshold", classes=(Threshold,), recurrent=False))
        >>> kind_of(Threshold()).kind
        'threshold'
    """
    if not isinstance(row, LayerKindRow):
        msg = f"register_layer_kind({row!r}): a {type(row).__name__} is no row of the table; give a LayerKindRow."
        raise InvalidArgumentError(msg)
    _rows().update(dict.fromkeys(row.classes, row))


@cache
def _rows() -> dict[type[nn.Module], LayerKindRow]:
    """Returns the row of each class: this package's, those of installed packages and, later, those that are registered."""
    installed = [row for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name) for row in _loaded(entry)]
    return {kind: row for row in (*BUILT_IN, *installed) for kind in row.classes}


def _loaded(entry: EntryPoint) -> tuple[LayerKindRow, ...]:
    where = f"entry point {entry.name!r} of the group {GROUP!r}: {entry.value}"
    try:
        found = entry.load()
    except Exception as error:
        msg = f"{where} cannot be loaded ({type(error).__name__}: {error}). Repair the package that names it, or take it out."
        raise InvalidArgumentError(msg) from error
    rows = (found,) if isinstance(found, LayerKindRow) else found
    if not isinstance(rows, (tuple, list)) or not all(isinstance(row, LayerKindRow) for row in rows):
        msg = f"{where} is a {type(found).__name__}; it has to be a LayerKindRow or a list of them."
        raise InvalidArgumentError(msg)
    return tuple(rows)
