"""Screenshots of every panel, light and dark: ``python tests/support/viewer_shots.py OUT [RUN]``.

RUN is a folder of runs with event files (the demo's); without one, runs are made up. OUT is filled with PNG files, whose
names say what they show. The README's pictures are made by ``readme_pictures``.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer_pages import Watched, browser, tensorboard, viewer, watched
from viewer_runs import write_run
from viewer_surveys import write_surveyed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

PANELS = {
    "network": ".network",
    "causal": "#panel-causal",
    "tpm": "#panel-tpm",
    "groups": "#panel-groups",
    "curve": ".curve",
    "reading": ".reading",
}
SETTLE = 1_800


def main(out: Path, runs: Path | None) -> None:
    """Writes the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        # A copy, whose paths without_home shortens: the paths on the page are those of no one's machine.
        shown = Path(shutil.copytree(runs, Path(folder) / "runs/demo")) if runs else _made_up(Path(folder) / "runs")
        with viewer(shown) as address:
            for theme in ("light", "dark"):
                _page(chromium, address, out, theme)
                _wide(chromium, address, out, theme)
                _telephone(chromium, address, out, theme)
                _other_pages(chromium, address, out, theme)
        with viewer(_nothing(Path(folder))) as address, watched(chromium) as page:
            page.page.goto(address)
            page.page.wait_for_selector(".nothing:not([hidden])")
            page.page.screenshot(path=out / "empty-dark.png")
        if any(shown.rglob("events.out.tfevents.*")):
            with tensorboard(shown) as address:
                _tab(chromium, address, out)


def _made_up(folder: Path) -> Path:
    write_run(folder / "digits" / "version_0", epochs=14)
    write_surveyed(folder / "digits" / "surveyed")
    write_run(folder / "digits" / "version_1", epochs=10, seed=1)
    return folder


def _nothing(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def without_home(page: Watched) -> None:
    """Takes the temporary folder off the paths of runs, as on a page that was opened for ``runs/demo``."""

    def shorten(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=re.sub(f'{re.escape(tempfile.gettempdir())}/[^/"]+/', "", response.text()))

    page.page.route(re.compile(r"/runs(\?.*)?$"), shorten)


def _open(page: Watched, address: str) -> Any:
    without_home(page)
    page.page.goto(address)
    page.ready()
    page.page.wait_for_timeout(SETTLE)
    return page.page


def _page(chromium: Browser, address: str, out: Path, theme: str) -> None:
    with watched(chromium, theme=theme) as watching:
        page = _open(watching, address)
        page.screenshot(path=out / f"page-{theme}.png")
        for name, selector in PANELS.items():
            if name in ("causal", "tpm", "groups"):
                page.locator(f"#tab-{name}").click()
                page.wait_for_timeout(SETTLE)
            page.locator(selector).screenshot(path=out / f"{name}-{theme}.png")
        page.locator("#tab-tpm").click()
        page.locator('[data-form="state"]').click()
        page.wait_for_timeout(SETTLE)
        page.locator("#panel-tpm").screenshot(path=out / f"tpm-by-state-{theme}.png")
        watching.check()


def _wide(chromium: Browser, address: str, out: Path, theme: str) -> None:
    with watched(chromium, width=1920, height=1080, theme=theme) as watching:
        page = _open(watching, address)
        page.screenshot(path=out / f"wide-{theme}.png")
        page.locator(".concepts tbody tr").first.hover()
        page.wait_for_timeout(SETTLE)
        page.screenshot(path=out / f"concept-{theme}.png")
        watching.check()


def _telephone(chromium: Browser, address: str, out: Path, theme: str) -> None:
    with watched(chromium, width=400, height=800, theme=theme) as watching:
        page = _open(watching, address)
        page.locator("#tab-groups").click()
        page.wait_for_timeout(SETTLE)
        page.screenshot(path=out / f"telephone-{theme}.png", full_page=True)
        watching.check()


def _other_pages(chromium: Browser, address: str, out: Path, theme: str) -> None:
    with watched(chromium, theme=theme) as watching:
        page = _open(watching, address)
        page.get_by_text("loss, accuracy").click()
        runs = page.get_by_label("Compare with").locator("option").all()
        if len(runs) > 2:
            page.get_by_label("Compare with").select_option(index=2)
        page.wait_for_timeout(2 * SETTLE)
        page.screenshot(path=out / f"compare-{theme}.png")
        watching.check()


def _tab(chromium: Browser, address: str, out: Path) -> None:
    for theme in ("light", "dark"):
        with watched(chromium, width=1440, height=860, theme=theme) as watching:
            without_home(watching)
            watching.page.goto(f"{address}#iit")
            frame = watching.page.wait_for_selector("iframe").content_frame()
            watching.ready(frame)
            watching.page.wait_for_timeout(2 * SETTLE)
            watching.page.screenshot(path=out / f"tensorboard-{theme}.png")
            watching.check()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
