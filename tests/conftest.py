"""Fixtures that every test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-snapshots", action="store_true", help="write the snapshots in tests/report/snapshots anew")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser."""
    from viewer_pages import browser

    with browser() as started:
        yield started
