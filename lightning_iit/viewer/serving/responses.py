"""Responses of the viewer's servers, and which hosts they answer to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from werkzeug.wrappers import Request, Response

from lightning_iit.viewer.protocol import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy header of the viewer's own page: scripts, styles and data come from this server only."""
_LOOPBACK: Sequence[str] = ("127.0.0.1", "localhost", "[::1]")


class SmallRequest(Request):
    """Limits the body of a request to 10,000 bytes, since the page sends little."""

    max_content_length: int | None = 10_000


def foreign_host(request: Request) -> Response | None:
    """Returns a response with status 403 if the Host header is no loopback name, else None.

    So no foreign web page can read records through a host name that it points at this machine (DNS rebinding).
    """
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if host.lower() not in _LOOPBACK:
        return problem(f"This server answers to {', '.join(_LOOPBACK)} only, not to {host}.", 403)
    return None


def fresh(data: bytes, media_type: str, request: Request) -> Response:
    """Returns the data with an entity tag, or status 304 without data if the browser has the same data already."""
    tag = hashlib.blake2s(data, digest_size=12).hexdigest()
    known = tag in request.if_none_match
    response = Response(status=304) if known else Response(data, content_type=media_type)
    response.set_etag(tag)
    return guarded(response)


def as_json(data: bytes, status: int = 200) -> Response:
    """Returns a response of JSON."""
    return guarded(Response(data, status=status, content_type="application/json"))


def problem(words: str, status: int) -> Response:
    """Returns a response that says what is wrong."""
    return as_json(msgspec.json.encode(Problem(error=words)), status)


def guarded(response: Response) -> Response:
    """Adds headers: ask again before using a cached copy, do not guess the media type, send no referrer."""
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
