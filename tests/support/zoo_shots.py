"""Screenshots of runs of every kind, at three widths, light and dark: ``python tests/support/zoo_shots.py OUT [KIND ...]``.

OUT/runs holds the runs of ``viewer_zoo``; those that are not there are made. OUT is filled with ``KIND-WIDTH-THEME.png``, the
whole page of each, and ``KIND.png``, all of them beside each other, to look at.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from viewer_fits import settled
from viewer_pages import browser, viewer, watched
from viewer_zoo import LOADED, ZOO, make_zoo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser

SIZES = ((390, 844), (1280, 720), (1920, 1080))
THEMES = ("light", "dark")
HIGH = 1080


def shoot(chromium: Browser, run: Path, out: Path) -> list[Path]:
    """The page of a run in every size and theme; a page that complains of something is an error."""
    files = []
    for theme in THEMES:
        with viewer(run) as address, watched(chromium, theme=theme) as page:
            page.page.goto(address)
            page.page.wait_for_function(LOADED)
            for width, height in SIZES:
                page.page.set_viewport_size({"width": width, "height": height})
                page.page.wait_for_timeout(600)
                settled(page.page)
                files.append(out / f"{run.name}-{width}-{theme}.png")
                page.page.screenshot(path=files[-1], full_page=True)
            page.check()
    return files


def sheet(files: Sequence[Path], to: Path) -> None:
    """The pictures beside each other in two rows, light and dark; of a long page the upper part."""
    shown = [Image.open(file).convert("RGB") for file in files]
    pictures = [picture.crop((0, 0, picture.width, min(2 * HIGH, picture.height))) for picture in shown]
    pictures = [picture.resize((round(picture.width * HIGH / picture.height), HIGH)) for picture in pictures]
    rows = [pictures[: len(SIZES)], pictures[len(SIZES) :]]
    whole = Image.new("RGB", (max(sum(picture.width + 8 for picture in row) for row in rows), 2 * HIGH + 8), "gray")
    for at, row in enumerate(rows):
        left = 0
        for picture in row:
            whole.paste(picture, (left, at * (HIGH + 8)))
            left += picture.width + 8
    whole.save(to)


def main(out: Path, kinds: Sequence[str]) -> None:
    """Writes the pictures, kind by kind, and says where."""
    out.mkdir(parents=True, exist_ok=True)
    with browser() as chromium:
        for kind in kinds:
            sheet(shoot(chromium, make_zoo(out / "runs", [kind]) / kind, out), to := out / f"{kind}.png")
            print(to, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or tuple(ZOO))
