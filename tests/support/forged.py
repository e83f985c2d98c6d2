"""Requests that are not of the page's own: what of their headers is another one, and what the refusal says."""

from __future__ import annotations

FORGED: tuple[tuple[dict[str, str | None], str], ...] = (
    ({"X_IIT_Token": None}, "token is missing"),
    ({"X_IIT_Token": "another"}, "token is missing, or that of another server"),
    ({"X_IIT_Token": ""}, "token is missing"),
    ({"X_IIT_Token": "töken"}, "token is missing"),
    ({"Origin": "http://evil.example"}, "the viewer's own page"),
    ({"Origin": "null"}, "the viewer's own page"),
    ({"Origin": None, "Sec_Fetch_Site": "cross-site"}, "the viewer's own page"),
    ({"Sec_Fetch_Site": "same-site"}, "the viewer's own page"),
    ({"Content_Type": "text/plain"}, "a POST of JSON"),
    ({"Content_Type": "application/x-www-form-urlencoded"}, "a POST of JSON"),
    ({"Host": "evil.example", "Origin": "http://evil.example"}, "answers to 127.0.0.1"),
    ({"Host": "127.0.0.1.evil.example"}, "answers to 127.0.0.1"),
)
"""By their names with underscores; None leaves a header out."""
