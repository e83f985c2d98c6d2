"""Tasks whose data are stored: scikit-learn's digits, MNIST in a folder, a text in a file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import TensorDataset

from lightning_iit.errors import InvalidArgumentError, MissingDependencyError
from lightning_iit.studio.training.tasks import Task, check_whole, parted, shape_of

if TYPE_CHECKING:
    from lightning_iit.studio.training.tasks import Samples

_MOST_BYTES = 200_000_000
_LONGEST_TEXT = 2_000_000
"""So many characters of a text are read."""
_IDX = (b"\x00\x00\x08\x01", b"\x00\x00\x08\x03")
"""How IDX files of bytes begin: with one axis (labels), with three (images)."""


class Digits(Task):
    """Shows handwritten digits of 8 x 8 pixels, row by row, and asks which one it is: 1,797 images that scikit-learn ships.

    Args:
        batch_size: how many images a batch has.
    """

    def __init__(self, batch_size: int = 32) -> None:
        super().__init__(shape_of(8, 8, outputs=10, image=True), batch_size)

    def samples(self) -> Samples:
        """Returns images [image, row, column] from 0 to 1 and their digits."""
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            msg = "The digits come with scikit-learn, which is not installed: pip install 'lightning-iit[studio]'."
            raise MissingDependencyError(msg) from error
        found = load_digits()
        return parted(torch.tensor(found.images / 16, dtype=torch.float32), torch.tensor(found.target).unsqueeze(1))


class Mnist(Task):
    """Shows handwritten digits of 28 x 28 pixels, row by row, and asks which one it is. Nothing is downloaded.

    Args:
        folder: where MNIST's four IDX files are, packed (.gz) or not; where the training images are missing, the test images
            are parted.
        samples: how many images are trained on at most.
        batch_size: how many images a batch has.
    """

    def __init__(self, folder: str, samples: int = 10_000, batch_size: int = 64) -> None:
        check_whole("samples", samples, 10)
        super().__init__(shape_of(28, 28, outputs=10, image=True), batch_size)
        self._folder, self._many = Path(folder), samples

    def samples(self) -> Samples:
        """Returns images [image, row, column] from 0 to 1 and their digits.

        Raises:
            InvalidArgumentError: the files are not there, or are no IDX files.
        """
        held_out = self._part("t10k")
        train = self._part("train")
        if held_out is None:
            msg = f"folder={str(self._folder)!r}: there is no t10k-images-idx3-ubyte(.gz) with its labels; give MNIST's folder."
            raise InvalidArgumentError(msg)
        if train is None:
            train, held_out = parted(*held_out.tensors)
        return TensorDataset(*(part[: self._many] for part in train.tensors)), held_out

    def _part(self, name: str) -> TensorDataset | None:
        """Returns images and labels of one part; None where they are not there."""
        images, labels = self._idx(f"{name}-images-idx3-ubyte", 1), self._idx(f"{name}-labels-idx1-ubyte", 0)
        if images is None or labels is None:
            return None
        pixels = images.reshape(-1, 28, 28)
        return TensorDataset(torch.tensor(pixels / 255, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64).unsqueeze(1))

    def _idx(self, name: str, kind: int) -> np.ndarray | None:
        """Reads an IDX file of bytes, as a flat array; None where there is none."""
        for path in (self._folder / name, self._folder / f"{name}.gz"):
            if path.is_file():
                with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                    data = file.read(_MOST_BYTES)
                if data[:4] != _IDX[kind]:
                    msg = f"folder={str(self._folder)!r}: {path.name} is no IDX file of {('labels', 'images')[kind]}."
                    raise InvalidArgumentError(msg)
                return np.frombuffer(data, np.uint8, offset=(8, 16)[kind])
        return None


class Text(Task):
    """Shows some characters of a text, and asks for the next one.

    Args:
        file: the text (UTF-8).
        steps: how many characters are shown.
        samples: how many places of the text are trained on; held out are places of its last tenth.
        batch_size: how many places a batch has.
    """

    def __init__(self, file: str, steps: int = 16, samples: int = 5_000, batch_size: int = 64) -> None:
        check_whole("steps", steps, 1)
        check_whole("samples", samples, 10)
        try:
            with Path(file).open(encoding="utf-8", errors="replace") as opened:
                text = opened.read(_LONGEST_TEXT)
        except OSError as error:
            msg = f"file={file!r}: it cannot be read ({error.strerror}). Give a file of text."
            raise InvalidArgumentError(msg) from error
        if len(text) < 20 * (steps + 1):
            msg = f"file={file!r}: it has {len(text):,} characters, too few to show {steps} of them. Give a longer text."
            raise InvalidArgumentError(msg)
        known = {character: place for place, character in enumerate(sorted(set(text)))}
        super().__init__(shape_of(len(known), steps, outputs=len(known), tokens=True), batch_size)
        self._text, self._many = torch.tensor([known[character] for character in text]), samples

    def samples(self) -> Samples:
        """Returns characters [place, step] as numbers, and the one that follows."""
        pieces = self._text.unfold(0, self.shape["steps"] + 1, 1)
        border = round(0.9 * len(pieces))
        drawn = torch.Generator().manual_seed(0)
        train = pieces[torch.randperm(border - self.shape["steps"], generator=drawn)[: self._many]]
        rest = pieces[border:][torch.randperm(len(pieces) - border, generator=drawn)[: max(1, self._many // 4)]]
        return tuple(TensorDataset(found[:, :-1], found[:, -1:]) for found in (train, rest))  # type: ignore[return-value]
