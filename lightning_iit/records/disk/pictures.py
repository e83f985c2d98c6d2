"""The pictures of a record: which of them a tracker's card shows, and what their files are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records.names import SVG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD = "_small"
"""Ends the name of a picture that is drawn for a tracker's card, where the large one could not be read."""


def without_svg(images: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns the pictures that are PNG.

    Example:
        >>> without_svg({"mip": b"1", "mip.svg": b"2", "mip_small": b"3"})
        {'mip': b'1', 'mip_small': b'3'}
    """
    return {name: data for name, data in images.items() if not name.endswith(SVG)}


def cards(images: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns what a tracker's card shows of each picture: the small one, or the picture itself where there is no small one.

    Example:
        >>> cards({"mip": b"1", "mip.svg": b"2", "mip_small": b"3", "of an older version": b"4"})
        {'mip': b'3', 'of an older version': b'4'}
    """
    return {name: images.get(f"{name}{CARD}", png) for name, png in without_svg(images).items() if not name.endswith(CARD)}


def documents(images: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns the pictures to be kept as files where the cards show small ones.

    Example:
        >>> documents({"mip": b"1", "mip.svg": b"2", "mip_small": b"3", "of an older version": b"4"})
        {'mip': b'1', 'mip.svg': b'2'}
    """
    small = {name.removesuffix(CARD) for name in images if name.endswith(CARD)}
    return {name: data for name, data in images.items() if name.removesuffix(SVG) in small}


def images_beside(record_path: Path) -> dict[str, Path]:
    """Returns the files of a record's pictures, which lie beside the record, by picture name."""
    stem = f"{record_path.stem}."
    found = [*record_path.parent.glob(f"{stem}*.png"), *record_path.parent.glob(f"{stem}*{SVG}")]
    return {file.name.removeprefix(stem).removesuffix(".png"): file for file in found}
