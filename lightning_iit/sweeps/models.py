"""A model for each checkpoint: by a class that loads it, or by a function that builds a model for its weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import nn

from lightning_iit.checks import refused
from lightning_iit.sweeps.checkpoints import UnreadableCheckpointError, state_dict_of

if TYPE_CHECKING:
    from pathlib import Path

ModelSource: TypeAlias = type[nn.Module] | Callable[[], nn.Module]
"""A LightningModule class, or what is called to build a model."""

_OPTION = "model"


def checked_model(model: Any) -> ModelSource:
    """Returns what models are made of.

    Raises:
        InvalidArgumentError: it is neither a class nor a function without arguments.
    """
    instead = "give a LightningModule class, or a function without arguments that builds the model"
    if isinstance(model, nn.Module):
        raise refused(_OPTION, model, instead, why="each checkpoint needs a model of its own")
    if not callable(model):
        raise refused(_OPTION, model, instead)
    if _loads(model):
        return model  # type: ignore[no-any-return]
    try:
        inspect.signature(model).bind()
    except TypeError as error:
        raise refused(_OPTION, model, instead, why=f"it cannot be called without arguments ({error})") from error
    except ValueError:  # its signature is not known
        pass
    return model  # type: ignore[no-any-return]


def model_of(source: ModelSource, file: Path, checkpoint: Mapping[str, Any], *, device: str, weights_only: bool) -> nn.Module:
    """Makes the model of a checkpoint.

    Args:
        source: a class with ``load_from_checkpoint``, which is given the hyperparameters in the checkpoint; or what builds a model,
            whose weights are then those of the checkpoint.
        file: the checkpoint's file.
        checkpoint: what is in the file.
        device: where the model goes.
        weights_only: whether the file may hold weights and plain values only.

    Raises:
        UnreadableCheckpointError: the model cannot be made, or the weights do not fit it.
    """
    try:
        if _loads(source):
            model: Any = source.load_from_checkpoint(file, map_location=device, weights_only=weights_only)  # type: ignore[union-attr]
        else:
            model = source()
            if isinstance(model, nn.Module):
                model.load_state_dict(state_dict_of(checkpoint))
                model = model.to(torch.device(device))
    except UnreadableCheckpointError:
        raise
    except Exception as error:
        message = " ".join(str(error).split())
        msg = f"no model can be made of it ({type(error).__name__}: {message})"
        raise UnreadableCheckpointError(msg) from error
    if not isinstance(model, nn.Module):
        msg = f"{_name(source)} returned a {type(model).__name__}, and a model is a torch.nn.Module"
        raise UnreadableCheckpointError(msg)
    return model


def _loads(source: Any) -> bool:
    """Returns whether a class loads checkpoints itself, as a LightningModule of either Lightning package does."""
    return isinstance(source, type) and callable(getattr(source, "load_from_checkpoint", None))


def _name(source: Any) -> str:
    """Returns the name of a class or function."""
    return getattr(source, "__qualname__", type(source).__qualname__)
