"""Files that the page saves, and what is in them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Page, frame: Any, figure: str, form: str, folder: Path) -> Path:
    with page.expect_download(timeout=90_000) as found:
        frame.locator(f"[data-figure={figure}] [data-form={form}]").click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def words_of(path: Path) -> list[str]:
    """The texts of a picture, which needs no style sheet and nothing from elsewhere."""
    root = ET.fromstring(path.read_text("utf-8"))
    assert root.tag == f"{SVG}svg"
    for element in root.iter():
        assert element.get("class") is None
        assert element.get("style") is None
        assert not {"color(", "var("} & set((element.get("fill") or "").partition("(")[:2])
    assert root.find(f"{SVG}title") is not None
    assert "Helvetica" in root.get("font-family", "")
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
