"""The checkpoint files of a sweep: which there are, of which epoch each is, and which weights it holds."""

from __future__ import annotations

import glob
import hashlib
import os
import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.records.schema import Key

_SHARDED = (
    "it is a folder, as sharded training writes it. Make one file of it: "
    "`python -m lightning.pytorch.utilities.consolidate_checkpoint FOLDER`"
)


class UnreadableCheckpointError(Exception):
    """Signals a checkpoint that cannot be swept; the message says why, and what to do."""


class Moment(NamedTuple):
    """Holds when in a training a checkpoint was written.

    Args:
        epoch: the epoch whose end the checkpoint is, or within which it was written; -1 is the untrained network.
        step: of a checkpoint within an epoch the global step; None for the end of the epoch.
        global_step: how many steps were made by then.
    """

    epoch: int
    step: int | None
    global_step: int

    @property
    def order(self) -> tuple[int, float]:
        """Returns the place in the training; the end of an epoch comes after the checkpoints within."""
        return self.epoch, float("inf") if self.step is None else self.step

    @property
    def words(self) -> str:
        """Returns the moment in words."""
        return f"epoch {self.epoch}" if self.step is None else f"epoch {self.epoch}, step {self.step}"

    @property
    def name(self) -> str:
        """Returns a name that no other moment of the training has."""
        return f"{self.epoch}" if self.step is None else f"{self.epoch}-{self.step}"

    def key(self, layer: str) -> Key:
        """Returns the key of a layer's record of this moment."""
        return (layer, self.epoch) if self.step is None else (layer, self.epoch, self.step)


class Checkpoint(NamedTuple):
    """Holds a checkpoint's file and its moment, or why there is none.

    Args:
        file: the file.
        moment: when in its training it was written; None where it cannot be read.
        problem: why it cannot be read, in words.
    """

    file: Path
    moment: Moment | None
    problem: str = ""

    @classmethod
    def of(cls, file: Path, *, weights_only: bool) -> Checkpoint:
        """Reads the moment of a checkpoint."""
        try:
            return cls(file, moment_of(read_checkpoint(file, weights_only=weights_only), file))
        except UnreadableCheckpointError as error:
            return cls(file, None, f"{error}.")


def find_checkpoints(wanted: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """Returns the files that paths and patterns name, each once, sorted by name.

    Args:
        wanted: a path, a pattern such as ``"checkpoints/*.ckpt"`` (``**`` is any number of folders), or several of them.

    Raises:
        InvalidArgumentError: no file fits a pattern.
    """
    given = [wanted] if isinstance(wanted, (str, os.PathLike)) else list(wanted)
    found: dict[Path, None] = {}
    for each in given:
        text = os.fspath(each)
        # A file whose name has brackets, as some metrics put them there, is no pattern.
        matches = [text] if Path(text).exists() else sorted(glob.glob(text, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
        if not matches:
            msg = f"checkpoints={text!r}: no file fits. Give a path or a pattern, such as 'checkpoints/*.ckpt'."
            raise InvalidArgumentError(msg)
        found |= dict.fromkeys(map(Path, matches))
    if not found:
        msg = "checkpoints=[]: there is nothing to sweep. Give paths or a pattern, such as 'checkpoints/*.ckpt'."
        raise InvalidArgumentError(msg)
    return tuple(found)


def read_checkpoint(file: Path, *, weights_only: bool) -> Mapping[str, Any]:
    """Reads a checkpoint on the CPU; its tensors are mapped from the file and read when they are looked at.

    Raises:
        UnreadableCheckpointError: the file is damaged, no checkpoint, or holds objects that are not read with ``weights_only``.
    """
    if file.is_dir():
        raise UnreadableCheckpointError(_SHARDED)
    try:
        try:
            found = torch.load(file, map_location="cpu", weights_only=weights_only, mmap=True)
        except (RuntimeError, ValueError) as error:
            if "mmap" not in str(error):
                raise
            found = torch.load(file, map_location="cpu", weights_only=weights_only)  # written by a torch before 1.6
    except pickle.UnpicklingError as error:
        if not weights_only:
            msg = f"it cannot be read ({_first_line(error)})"
            raise UnreadableCheckpointError(msg) from error
        msg = (
            f"it cannot be read as weights and plain values ({_first_line(error)}). If it holds objects of Python and you trust "
            "who wrote it, give weights_only=False (--no-weights-only), with which reading it runs its code"
        )
        raise UnreadableCheckpointError(msg) from error
    except Exception as error:
        msg = f"it cannot be read ({type(error).__name__}: {_first_line(error)})"
        raise UnreadableCheckpointError(msg) from error
    if not isinstance(found, Mapping):
        msg = f"it holds a {type(found).__name__} and no state dict"
        raise UnreadableCheckpointError(msg)
    return found


def moment_of(checkpoint: Mapping[str, Any], file: Path) -> Moment:
    """Says when in its training a checkpoint was written.

    Lightning's own count of epochs decides, since the number in ``epoch`` is one higher after the end of a training. Without it
    (checkpoints of other programs) it is the number ``epoch`` in the checkpoint, or in the file's name as in ``epoch=3``.

    Raises:
        UnreadableCheckpointError: no epoch is said anywhere.
    """
    named = {name: int(number) for name, number in re.findall(r"(epoch|step)[=_-]?(\d+)", file.stem)}
    step = checkpoint.get("global_step", named.get("step"))
    loops = checkpoint.get("loops", {}).get("fit_loop", {})
    try:
        epochs = loops["epoch_progress"]["current"]
        batches = loops["epoch_loop.batch_progress"]
        begun, ended = int(epochs["ready"]), int(epochs["processed"])
        if begun == ended:
            return Moment(ended - 1, None, int(step or 0))
        within = None if batches.get("is_last_batch") else int(step or 0)
        return Moment(ended, within, int(step or 0))
    except (KeyError, TypeError):
        pass
    epoch = checkpoint.get("epoch", named.get("epoch"))
    if not isinstance(epoch, int):
        msg = "neither the checkpoint nor the name of the file says of which epoch it is. Name it as in 'epoch=3.ckpt'"
        raise UnreadableCheckpointError(msg)
    return Moment(epoch, None, epoch if step is None else int(step))


def state_dict_of(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the weights in a checkpoint: its ``state_dict``, or itself where it holds nothing but tensors.

    Raises:
        UnreadableCheckpointError: there are no weights in it.
    """
    found = checkpoint.get("state_dict", checkpoint)
    if isinstance(found, Mapping) and found and all(isinstance(value, torch.Tensor) for value in found.values()):
        return found
    if "state_dict" in checkpoint and isinstance(found, Mapping):
        return found  # a module may keep more than tensors
    msg = f"it has no 'state_dict'; it has {', '.join(map(repr, list(checkpoint)[:8])) or 'nothing'}"
    raise UnreadableCheckpointError(msg)


def weights_digest(checkpoint: Mapping[str, Any]) -> str:
    """Computes a hash of the weights in a checkpoint: names, types, shapes and values.

    Returns:
        32 hexadecimal digits. Two files of the same weights have the same ones, whatever else is in them.

    Raises:
        UnreadableCheckpointError: there are no weights in it, or the file ends too soon.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        for name, value in sorted(state_dict_of(checkpoint).items()):
            digest.update(name.encode())
            if isinstance(value, torch.Tensor):
                digest.update(f"{value.dtype} {tuple(value.shape)}".encode())
                digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
            else:
                digest.update(repr(value).encode())
    except (RuntimeError, OSError) as error:
        msg = f"its weights cannot be read ({_first_line(error)})"
        raise UnreadableCheckpointError(msg) from error
    return digest.hexdigest()


def _first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
