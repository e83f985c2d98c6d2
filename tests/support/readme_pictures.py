"""The README's pictures of the page: ``python tests/support/readme_pictures.py [RUN]``, after ``make demo`` and ``make viewer``.

RUN is the folder of the demo's runs. Written into ``docs/images``: Φ of the demo over epochs, the page on a wide screen, the panels
of IIT 4.0 (of four gates), a step of the tour, and the training as an animated picture.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from places import PROJECT
from viewer_fits import settled
from viewer_pages import browser, viewer, watched
from viewer_shots import without_home
from viewer_zoo import LOADED

from lightning_iit import analyse_states, compare_runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = PROJECT / "docs" / "images"
ERROR = 0.05
FILM_WIDTH = 960
BEATS = 8
"""Pictures of each step of activity in the film."""
STEPS = 2
"""Steps of activity that are played in each epoch."""
FRAME_MS = 90
LAST_MS = 1500


def main(demo: Path) -> None:
    """Writes the pictures and says how large they are."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        # A copy, whose paths are shortened on the page: they are those of no one's machine.
        shown = Path(shutil.copytree(demo, Path(folder) / "runs/demo"))
        with viewer(shown) as address:
            page_picture(chromium, address, IMAGES / "viewer-page.png")
            film(chromium, address, IMAGES / "training.webp")
            tour_picture(chromium, address, IMAGES / "tour.png")
        with viewer(four_gates(Path(folder) / "gates")) as address:
            iit4_picture(chromium, address, IMAGES / "iit4.png")
    (IMAGES / "answer.png").write_bytes(compare_runs([next(demo.glob("version_*"))]).picture("rows"))
    for name in ("answer.png", "viewer-page.png", "iit4.png", "tour.png", "training.webp"):
        print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size:,} bytes")


def four_gates(run: Path) -> Path:
    """A record of four gates (majority, OR, AND and XOR), each of which errs in a twentieth of all cases, by IIT 4.0."""
    generator = np.random.default_rng(0)
    states = [(1, 0, 0, 0)]
    for wrong in generator.random((20_000, 4)) < ERROR:
        a, b, c, d = states[-1]
        states.append(tuple(np.array([int(b + c + d >= 2), a | c, a & d, a ^ b]) ^ wrong))
    analyse_states(np.array(states), formalism="iit4-2023", state=(1, 0, 0, 1), null_model=None, layer="four gates", log_dir=run)
    return run


def page_picture(chromium: Browser, address: str, to: Path) -> None:
    """The whole page in dark, a concept lit up."""
    with watched(chromium, width=1920, height=1080, theme="dark") as watching:
        page = opened(watching, address)
        page.locator(".concepts tbody tr").first.hover()
        settled(page)
        page.screenshot(path=to)
        watching.check()
    shrink(to)


def tour_picture(chromium: Browser, address: str, to: Path) -> None:
    """The step of the tour in which connections are cut."""
    with watched(chromium, width=1180, height=700, theme="light") as watching:
        page = opened(watching, f"{address}#tour")
        page.wait_for_selector(".tour[open]")
        while not page.locator(".tour-count").inner_text().startswith("5 of"):
            page.locator("#tour-title").press("ArrowRight")
        page.evaluate("() => document.activeElement.blur()")
        page.locator(".tour").screenshot(path=to)
        watching.check()
    shrink(to)


def iit4_picture(chromium: Browser, address: str, to: Path) -> None:
    """What the page shows of a system by IIT 4.0: partition, specified states, distinctions and relations."""
    with watched(chromium, width=1920, height=1700, theme="light") as watching:
        page = opened(watching, address, network=False)
        columns = [part(page, ".units-panel", ".system-phi"), part(page, ".distinctions", ".relations")]
        watching.check()
    gap = 28
    whole = Image.new("RGB", (sum(one.width for one in columns) + 3 * gap, max(one.height for one in columns) + 2 * gap), "white")
    whole.paste(columns[0], (gap, gap))
    whole.paste(columns[1], (2 * gap + columns[0].width, gap))
    whole.save(to)
    shrink(to)


def part(page: Page, first: str, last: str) -> Image.Image:
    """A panel and those below it, down to another one."""
    top, bottom = page.locator(first).bounding_box(), page.locator(last).bounding_box()
    clip = {**top, "height": bottom["y"] + bottom["height"] - top["y"]}
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as image:
        return image.convert("RGB")


def film(chromium: Browser, address: str, to: Path) -> None:
    """Network and curve from the untrained network to the last epoch, in each of which activity runs through the layers."""
    frames: list[Image.Image] = []
    with watched(chromium, width=1280, height=800, theme="dark") as watching:
        page = opened(watching, address)
        epochs = page.evaluate("() => [...new Set(window.lightningIIT.state().a.index.rows.map((row) => row.epoch))]")
        for place, epoch in enumerate(epochs):
            go_to(page, place, epoch)
            for step in range(STEPS):
                for beat in range(BEATS):
                    page.evaluate(
                        "([step, beat]) => { window.lightningIIT.setStep(step); window.lightningIIT.setBeat(beat); }",
                        [step + beat / BEATS, beat / BEATS],
                    )
                    frames.append(drawn(page))
        watching.check()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(to, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=60, method=6)


def go_to(page: Page, place: int, epoch: int) -> None:
    """Shows an epoch by its place among all."""
    page.get_by_label("Epoch", exact=True).fill(str(place))
    page.evaluate("() => document.activeElement.blur()")
    page.wait_for_function("(epoch) => window.lightningIIT.state().a.record?.epoch === epoch", arg=epoch)
    settled(page)


def drawn(page: Page) -> Image.Image:
    """The left half of the page, once what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    with Image.open(io.BytesIO(page.locator(".left").screenshot())) as image:
        size = FILM_WIDTH, round(image.height * FILM_WIDTH / image.width)
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def shrink(file: Path, *, width: int = 1440, colors: int = 256) -> None:
    """Gives a picture fewer pixels and colours, as the README carries it."""
    with Image.open(file) as image:
        whole = image.convert("RGB")
    if whole.width > width:
        whole = whole.resize((width, round(whole.height * width / whole.width)), Image.Resampling.LANCZOS)
    whole.quantize(colors, Image.Quantize.MAXCOVERAGE, kmeans=8).save(file, optimize=True)


def opened(watching: Any, address: str, *, network: bool = True) -> Page:
    """The page with its record and, where the run has one, its network."""
    without_home(watching)
    watching.page.goto(address)
    watching.page.wait_for_function(LOADED)
    if network:
        watching.ready()
    settled(watching.page)
    return watching.page


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
