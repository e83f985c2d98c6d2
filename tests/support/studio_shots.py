"""Screenshots of a studio and of a training that it starts, at three widths, light and dark.

``python tests/support/studio_shots.py OUT``: OUT is filled with ``MOMENT-WIDTH-THEME.png``, the whole page each: the form, the
run's page and the list during the training, and both after it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from studio_process import end_all, studio_process
from viewer_fits import settled
from viewer_pages import browser, watched
from zoo_shots import SIZES, THEMES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ASKED = {
    "network": {"name": "GRU", "values": {"width": 8}},
    "task": {"name": "Digits", "values": {"batch_size": 1}},  # so that an epoch lasts some seconds
    "epochs": 6,
    "seeds": [0],
    "iit": {"units": "3", "groups": "2"},
}
NAME = "gru-digits-1"
SHOWN = "() => window.lightningIIT?.state().a?.record"


def shoot(chromium: Browser, address: str, out: Path, moment: str, *, wait: str = "() => document.fonts.ready") -> None:
    """A page in every size and theme; a page that complains of something is an error."""
    for theme in THEMES:
        with watched(chromium, theme=theme) as page:
            page.page.goto(address)
            page.page.wait_for_function(wait, timeout=120_000)
            for width, height in SIZES:
                page.page.set_viewport_size({"width": width, "height": height})
                page.page.wait_for_timeout(600)
                settled(page.page)
                page.page.screenshot(path=out / f"{moment}-{width}-{theme}.png", full_page=True)
            page.check()


def main(out: Path) -> None:
    """Starts a studio and a training, and writes the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        try:
            with studio_process(root) as studio, browser() as chromium:
                page, run = (f"{studio.address}{path}?token={studio.token}" for path in ("", "view/"))
                shoot(chromium, page, out, "form")
                status, answer = studio.post("start", ASKED)
                assert status == 200, answer
                studio.wait(NAME, lambda job: job["viewable"])
                shoot(chromium, f"{run}#run={NAME}", out, "during", wait=SHOWN)
                shoot(chromium, page, out, "list-during")
                studio.wait(NAME, lambda job: job["phase"] == "done", seconds=600)
                shoot(chromium, f"{run}#run={NAME}", out, "after", wait=SHOWN)
                shoot(chromium, page, out, "list-after")
        finally:
            end_all(root)
    print(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
