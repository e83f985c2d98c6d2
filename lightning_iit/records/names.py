"""Names of what a run writes: files below its directory, and keys of metrics; the same in every logger."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "iit"
"""The folder in a run's directory that holds the records, and the first part of the keys of a layer's Φ."""
OPTIONS = "options.json"
"""The name of the file with the callback's options, inside the folder ``iit``."""
SVG = ".svg"
"""Ends the name of a picture that is SVG; all others are PNG."""
STEPS = "steps"
"""The part of a key that says that a number is of a record within an epoch."""

_DETAILS = "iit_details"
"""The first part of all other keys: TensorBoard makes a group of charts of each first part."""

_SAFE_SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FILE_NAMES = re.compile(r".*\.(jsonl?|md|html)", re.IGNORECASE)
"""Names that files of the whole run have in the folder ``iit``."""
_HASH_MARK = "--"


def layer_slug(layer: str) -> str:
    """Converts a layer's name to ASCII letters, digits, ``_``, ``.`` and ``-``, safe as a folder and in metric keys.

    A name that is safe stays as it is. In any other name, unsafe characters are replaced and ``--`` with a hash of the whole name
    is added, so two layers never share a slug (safe names hold no ``--``). Names that differ only in the case of letters have slugs
    that do so too; layers of such names are not watched together.

    Example:
        >>> layer_slug("encoder.layers.0"), layer_slug("block 0/attn")
        ('encoder.layers.0', 'block_0_attn--8fe74a14')
    """
    safe = _SAFE_SLUG.fullmatch(layer) and _HASH_MARK not in layer and not layer.endswith(".")
    if safe and not _DEVICE_NAMES.fullmatch(layer) and not _FILE_NAMES.fullmatch(layer):
        return layer
    digest = hashlib.blake2s(layer.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9_]+", "_", layer).strip("_")[:60] or "model"
    return f"{readable}{_HASH_MARK}{digest}"


def phi_key(layer: str, name: str = "phi", scope: str = "", *, step: int | None = None) -> str:
    """Returns the key of a number of the layer as a whole: its Φ, and what belongs to it.

    Args:
        layer: the layer's name.
        name: the name of the number: ``phi``, ``phi_low``, ``phi_change`` and so on.
        scope: the name of the callback, empty for one without a name.
        step: the step of a record within an epoch, whose keys are apart from those of whole epochs; else None.

    Example:
        >>> phi_key("rnn"), phi_key("rnn", "phi_low", "fine"), phi_key("rnn", step=120)
        ('iit/phi/rnn', 'iit/fine/phi_low/rnn', 'iit/steps/phi/rnn')
    """
    return _joined(FOLDER, scope, "" if step is None else STEPS, name, layer_slug(layer))


def detail_key(layer: str, name: str, scope: str = "", *, step: int | None = None) -> str:
    """Returns the key of a number or picture of the group of units that is shown in detail; see :func:`phi_key`.

    Example:
        >>> detail_key("rnn", "coverage"), detail_key("rnn", "tpm", "fine"), detail_key("rnn", "phi", step=120)
        ('iit_details/rnn/coverage', 'iit_details/fine/rnn/tpm', 'iit_details/rnn/steps/phi')
    """
    return _joined(_DETAILS, scope, layer_slug(layer), "" if step is None else STEPS, name)


def earlier_phi_key(layer: str, scope: str = "") -> str:
    """Returns the key that Φ of a layer had in version 0.1.0, for monitors that were written for it.

    Example:
        >>> earlier_phi_key("rnn"), earlier_phi_key("rnn", "fine")
        ('iit/rnn/phi', 'iit/fine/rnn/phi')
    """
    return _joined(FOLDER, scope, layer_slug(layer), "phi")


def is_own_key(key: str) -> bool:
    """Says whether a metric is one of this package, of version 0.1.0 or of now.

    Example:
        >>> is_own_key("iit/phi/rnn"), is_own_key("iit_details/rnn/coverage"), is_own_key("iit/rnn/phi"), is_own_key("iit_loss")
        (True, True, True, False)
    """
    return key.startswith((f"{FOLDER}/", f"{_DETAILS}/"))


def _joined(*parts: str) -> str:
    return "/".join(filter(None, parts))


def epoch_name(epoch: int, step: int | None = None) -> str:
    """Returns the stem of the files of an epoch, or of a step within it; epoch -1 is the untrained network.

    Example:
        >>> epoch_name(3), epoch_name(-1), epoch_name(3, 120)
        ('epoch=0003', 'epoch=-001', 'epoch=0003-step=000120')
    """
    return f"epoch={epoch:04d}" if step is None else f"epoch={epoch:04d}-step={step:06d}"


def record_name(layer: str, epoch: int, step: int | None = None) -> str:
    """Returns a record's path below the run's directory, with forward slashes; MLflow's artifacts have the same names.

    Example:
        >>> record_name("rnn", 3)
        'iit/rnn/epoch=0003.json'
    """
    return f"{FOLDER}/{layer_slug(layer)}/{epoch_name(epoch, step)}.json"


def network_name(epoch: int) -> str:
    """Returns the path of a network snapshot below the run's directory; no record of any layer has the same path.

    Example:
        >>> network_name(3)
        'iit/network/snapshot=0003.json'
    """
    return f"{FOLDER}/network/snapshot={epoch:04d}.json"


def image_path(record_path: Path, image: str) -> Path:
    """Returns the path of a record's picture, such as ``epoch=0003.tpm.png`` beside ``epoch=0003.json``."""
    return record_path.with_name(f"{record_path.stem}.{image if image.endswith(SVG) else f'{image}.png'}")
