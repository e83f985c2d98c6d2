"""Reads the files of the built front end; no other file can be served."""

from __future__ import annotations

from importlib import resources

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "studio.html": "text/html; charset=utf-8",
    "studio.js": "text/javascript; charset=utf-8",
    "viewer.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
NOT_BUILT = (
    "The viewer's front end is not built. In a source tree run `make viewer` (or `npm ci --ignore-scripts && npm run build` in "
    "viewer/) and reload; installed packages carry it."
)
"""The message for a source tree whose front end is not built."""


def static_file(name: str) -> tuple[bytes, str]:
    """Returns the bytes and the media type of a front-end file, such as "index.html" or "viewer.js".

    Raises:
        LookupError: there is no such file, or the front end is not built.
    """
    if name not in _TYPES:
        raise LookupError(name)
    file = resources.files("lightning_iit.viewer") / "static" / name
    if not file.is_file():
        raise LookupError(NOT_BUILT)
    return file.read_bytes(), _TYPES[name]
