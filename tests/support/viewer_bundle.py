"""How much the front end is that a browser loads, and may be."""

from __future__ import annotations

import gzip

from lightning_iit.viewer.static_files import static_file

MOST = 300_000
"""Bytes as they are sent, of all of the page: the tour and its engine are in the same file."""


def bundle_size() -> int:
    """The size of the built page as it is sent, compressed with gzip."""
    return len(gzip.compress(static_file("viewer.js")[0], 9))
