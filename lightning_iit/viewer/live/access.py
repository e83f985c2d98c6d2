"""Whose requests may change something: those of the viewer's own page, with the token of this server."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

TOKEN_HEADER = "X-IIT-Token"  # noqa: S105  the name of the header
"""The header in which the page sends the token."""


def new_token() -> str:
    """Returns a token that cannot be guessed."""
    return secrets.token_urlsafe(24)


def is_foreign(request: Request) -> bool:
    """Returns whether a request comes from a page of another server, as the browser says."""
    own = request.host_url.rstrip("/").lower()
    return request.headers.get("Origin", own).lower() != own or request.headers.get("Sec-Fetch-Site", "same-origin") not in {
        "same-origin",
        "none",
    }


def refusal(request: Request, token: str) -> str:
    """Returns why a request may change nothing, in a sentence; empty where it may.

    Args:
        request: the request.
        token: the token of this server.
    """
    if request.method != "POST" or request.mimetype != "application/json" or is_foreign(request):
        return "Ask by a POST of JSON from the viewer's own page."
    given = request.headers.get(TOKEN_HEADER, "")
    if not secrets.compare_digest(given.encode(), token.encode()):
        return "The token is missing, or that of another server: open the address that this server has printed, with its token."
    return ""
