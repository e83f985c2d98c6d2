"""Runs of many kinds, each made in seconds: ``python tests/support/viewer_zoo.py OUT`` writes them all and opens them in pairs.

In a browser each run is shown after each other one, and what the page then shows is compared with a page opened on that run.
"""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from models import Gru, Mlp, example, flat_data, sequence_data
from places import PROJECT
from torch import nn
from training import trainer
from viewer_pages import Watched, browser, viewer, watched
from viewer_runs import make_record, make_snapshots, write_file, write_record, write_run
from viewer_surveys import surveyed

from lightning_iit import IITCallback
from lightning_iit.records import Failed, Skipped
from lightning_iit.viewer.compute import compute_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Browser, Page


class Deep(Mlp):
    """Fifty-nine hidden layers of 8 units in a module with a long name, and a head."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [64, *[8] * 59]
        hidden = [nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(sizes)]
        self.net = nn.Sequential()
        self.net.add_module("backbone_of_many_hidden_layers", nn.ModuleList(hidden))
        self.net.add_module("head", nn.Linear(8, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.net.backbone_of_many_hidden_layers:
            x = layer(x)
        return self.net.head(x)


def gru(run: Path) -> None:
    """A recurrent layer with a survey, as the demo has it."""
    _fit(run, Gru(), sequence_data(200), IITCallback("net.gru", table=False))


def mlp(run: Path) -> None:
    """A watched layer without a survey: three units in their states, with a null and an interval."""
    callback = IITCallback("net.1", units=3, groups=1, states="all", table=False)
    _fit(run, Mlp(), flat_data(800), callback, epochs=3)


def without_snapshots(run: Path) -> None:
    """Records only."""
    write_run(run, epochs=4, seed=2, layers={"encoder": 3}, snapshots=False)


def untrained(run: Path) -> None:
    """Nothing but epoch -1."""
    write_record(run, surveyed(-1, seed=3))
    write_file(run / "iit" / "network" / "snapshot=-001.json", make_snapshots(0, seed=3)[0][1])


def faults(run: Path) -> None:
    """No Φ in the newest epochs: failed with its counts, then skipped before there were any units."""
    write_run(run, epochs=3, seed=4, layers={"hidden": 3}, snapshots=False)
    failed = Failed(code="worker_died", reason="The worker process ended with signal 9 (out of memory?).")
    write_record(run, msgspec.structs.replace(make_record("hidden", 3, n=3, seed=4), result=failed, states=(), null=None))
    skipped = Skipped(code="no_unit_varies", reason="No unit of this layer varies.")
    bare = {"units": None, "thresholds": None, "counts": None, "tpm": None, "states": (), "null": None, "diagnostics": ()}
    write_record(run, msgspec.structs.replace(make_record("hidden", 4, n=3, seed=4), result=skipped, scalars={}, **bare))


def deep(run: Path) -> None:
    """Fifty-nine layers watched."""
    layers = [f"net.backbone_of_many_hidden_layers.{at}.1" for at in range(59)]
    _fit(
        run,
        Deep(),
        flat_data(300),
        IITCallback(layers, units=2, groups=1, states="mode", null_model=None, when_busy="wait", table=False),
        epochs=2,
    )


def long(run: Path) -> None:
    """A thousand epochs, with the snapshots of the first ones."""
    for epoch in range(1000):
        write_record(run, make_record("state", epoch, n=2, seed=5))
    for name, data in make_snapshots(2, seed=5):
        write_file(run / "iit" / "network" / name, data)


def pruned(run: Path) -> None:
    """A recurrent layer whose weights are removed, one after another."""
    pruning = example("pruning")
    callback = IITCallback("memory", units=4, groups=1, tpm="perturb", cm="weights", table=False)
    bits = torch.randint(2, (256, 10, 1), generator=torch.Generator().manual_seed(6)).float()
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(bits, (bits != bits.roll(1, 1)).float()), 64)
    _fit(run, pruning.Memory(), data, callback, pruning.Prune(), epochs=4)


def three(run: Path) -> None:
    """A recurrent layer with a survey, by all three formalisms."""
    callback = IITCallback("net.gru", units=4, groups=6, formalism=("iit3", "iit4-2023", "iit4-2026"), complexes=True, table=False)
    _fit(run, Gru(), sequence_data(), callback)


def iit4(run: Path) -> None:
    """By IIT 4.0 alone, and two of the three units as the system: the third one is background."""
    callback = IITCallback("net.gru", units=[2, 5, 9], nodes=[2, 9], groups=1, formalism="iit4-2023", table=False)
    _fit(run, Gru(), sequence_data(), callback)


def old(run: Path) -> None:
    """Written by version 0.1.0."""
    shutil.copytree(PROJECT / "tests" / "data" / "run-0.1.0", run)


ZOO: dict[str, Callable[[Path], None]] = {
    made.__name__: made for made in (gru, mlp, without_snapshots, untrained, faults, deep, long, pruned, three, iit4, old)
}


def _fit(run: Path, model: Mlp, data: Any, callback: IITCallback, *more: Any, epochs: int = 2) -> None:
    """Trains, and puts the files of the run where they are wanted."""
    root = run.parent / f"{run.name} training"
    trainer(root, callback, *more, epochs=epochs).fit(model, data)
    shutil.copytree(next(root.rglob("index.jsonl")).parent, run / "iit")
    shutil.rmtree(root)


def make_zoo(folder: Path, kinds: Sequence[str] = tuple(ZOO)) -> Path:
    """Writes a run of each kind, those that are there already left as they are."""
    for kind in kinds:
        if not (folder / kind).exists():
            torch.manual_seed(0)
            ZOO[kind](folder / kind)
    return folder


SHOWN = """() => {
  const whole = document.querySelector('.iit').cloneNode(true);
  const gone = '.top .pick:not(.layer), .filter, .of-runs, [hidden], .u-cursor-x, .u-cursor-pt';
  for (const part of whole.querySelectorAll(gone)) part.remove();
  const scene = window.lightningIIT.measure();
  const canvas = (selector) => document.querySelector(selector)?.toDataURL() ?? '';
  const charts = [...document.querySelectorAll('.chart canvas')].map((found) => found.toDataURL());
  const colors = (window.lightningIIT.state().a.network?.layers ?? []).map((layer) =>
    window.lightningIIT.colorOf({ layer: layer.name, index: layer.indices[0] }));
  const values = [...document.querySelectorAll('.iit select, .iit input')]
    .filter((element) => !element.closest('.top .pick:not(.layer)'))
    .map((element) => `${element.ariaLabel}: ${element.value}, ${element.checked}, ${element.disabled}`);
  const parts = { values: values.join('\\n'), chart: charts.join('\\n'), tpm: canvas('.tpm-holder:not([hidden]) canvas'),
    scene: JSON.stringify(scene?.neurons ? [scene.neurons, scene.calls, colors, window.lightningIIT.pose()] : []) };
  for (const selector of ['.top', '.banner', '.reading', '.network', '.curve', '.steps', '.units-panel', '.system-phi', '.concepts',
    '.distinctions', '.relations', '.command', '.tpm', '.record-curve', '.groups', '.nothing', '.tip'])
    parts[selector] = [...whole.querySelectorAll(selector)].map((element) => element.outerHTML).join('');
  return parts;
}"""
"""All that the page shows, by its parts: their elements, what is chosen in them, and what is drawn."""

LOADED = """() => {
  const { a, answers } = window.lightningIIT?.state() ?? {};
  return a?.index && (a.record || a.recordProblem) && (a.network || a.networkProblem)
    && (a.answers.length > 0 || !a.index.rows.some((row) => row.phi_layer !== null) || a.index.rows.length < 2);
}"""


def shown(page: Page) -> dict[str, str]:
    """What the page shows once everything is there and nothing moves."""
    page.wait_for_function(LOADED)
    before: dict[str, str] = {}
    for _ in range(40):
        page.wait_for_timeout(120)
        now = page.evaluate(SHOWN)
        if now == before:
            break
        before = now
    return before


def soil(page: Page) -> None:
    """Does to the run that is shown whatever leaves a trace: chooses, hovers, computes."""
    for selector in (".states button >> nth=1", ".unit >> nth=0", ".bit >> nth=0", ".dot >> nth=2"):
        page.evaluate("(id) => document.getElementById(id).click()", "tab-groups" if "dot" in selector else "tab-causal")
        if page.locator(selector).count() and page.locator(selector).is_visible():
            page.locator(selector).click()
    if page.locator(".command .primary").is_enabled():
        page.locator(".command .primary").click()
        page.wait_for_function("() => !document.querySelector('.command .primary').disabled", timeout=60_000)
    page.evaluate("() => document.getElementById('tab-tpm').click()")
    if page.locator(".tpm canvas").is_visible():
        page.locator(".tpm canvas").focus()
        page.keyboard.press("ArrowDown")
    page.evaluate("() => window.lightningIIT.setStep(2)")
    page.evaluate("() => document.getElementById('tab-causal').click()")
    page.mouse.move(3, 3)
    if page.locator(".concepts tbody tr[tabindex]").count():
        page.locator(".concepts tbody tr").first.focus()
    page.locator(".reading .chip").first.focus() if page.locator(".reading .chip").count() else None
    page.wait_for_timeout(100)


def differences(got: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """The parts of the page that differ, each with the place where it does."""
    found = []
    for part, text in wanted.items():
        if got[part] != text:
            at = next((i for i, (a, b) in enumerate(zip(got[part], text, strict=False)) if a != b), min(len(got[part]), len(text)))
            found.append(f"{part}: …{got[part][max(0, at - 60) : at + 80]}… is not …{text[max(0, at - 60) : at + 80]}…")
    return found


def opened_alone(chromium: Browser, run: Path, *, compute: Any, **window: Any) -> dict[str, str]:
    """What a page shows that was opened on this run."""
    with viewer(run, compute=compute) as address, watched(chromium, **window) as page:
        page.page.goto(address)
        found = shown(page.page)
        page.check()
        return found


def after_another(page: Watched, address: str, one: str, two: str) -> dict[str, str]:
    """What a page shows of the second run after it showed the first."""
    page.page.goto(address)
    runs = page.page.get_by_label("Run", exact=True)
    page.page.wait_for_function(LOADED)
    runs.select_option(one)
    page.page.wait_for_function("(id) => window.lightningIIT.state().a.run.id === id", arg=one)
    shown(page.page)
    soil(page.page)
    runs.select_option(two)
    page.page.wait_for_function("(id) => window.lightningIIT.state().a.run.id === id", arg=two)
    found = shown(page.page)
    page.check()
    return found


def pairs_that_differ(
    chromium: Browser, folder: Path, kinds: Sequence[str], *, compute: Any, **window: Any
) -> dict[str, list[str]]:
    """For each ordered pair of runs what stays of the first one when the second is chosen."""
    alone = {kind: opened_alone(chromium, folder / kind, compute=compute, **window) for kind in kinds}
    found = {}
    with viewer(folder, compute=compute) as address:
        for one, two in permutations(kinds, 2):
            with watched(chromium, **window) as page:
                left = differences(after_another(page, address, one, two), alone[two])
            if left:
                found[f"{two} after {one}"] = left
    return found


def main(out: Path, kinds: Sequence[str]) -> int:
    """Makes the runs, and says what differs; answers how many pairs do."""
    make_zoo(out, kinds)
    with browser() as chromium:
        found = pairs_that_differ(chromium, out, kinds, compute=compute_again, width=1650, height=640)
    for pair, left in found.items():
        print(pair, *left, sep="\n    ")
    print(f"{len(kinds) * (len(kinds) - 1)} pairs, {len(found)} of them differ")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:] or tuple(ZOO)))
