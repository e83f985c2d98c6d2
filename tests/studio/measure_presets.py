"""Trains each preset of the studio once, as the studio does, and says what came of it: seconds, Φ and accuracy.

The times are those of the clock and of the processor, of the training and its workers together. Where no unit of a layer acts on
another, Φ is counted from the data, and by structure it is 0. Prints a table of all presets, and of each a line for some of its
epochs; ``presets.txt`` is what it printed.

    nice python tests/studio/measure_presets.py > tests/studio/presets.txt
"""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_iit import load_run
from lightning_iit.studio.listing import courses
from lightning_iit.studio.presets import PRESETS, Preset
from lightning_iit.studio.queue import TrainingQueue
from lightning_iit.studio.records import last_output
from lightning_iit.viewer.logdir import LogDirSource

MOST_LINES = 30
"""The most epochs of a training that are printed."""


def seconds_of(root: Path, name: str) -> tuple[float, float]:
    """Trains what waits under a name; the seconds of the clock and of the processor."""
    command = [sys.executable, "-W", "ignore", "-m", "lightning_iit.studio.train", "--job", str(root / name), "fit"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    yaml = root / name / "studio" / "training.yaml"
    ended = subprocess.run([*command, "--config", str(yaml)], check=False, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        sys.exit(f"{name}: {ended.stderr[-2000:]}{last_output(root / name)}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def scalars_of(run: Path) -> dict[str, list[float]]:
    """What a training logged of its accuracy, in the order of epochs."""
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    return {name: [point.value for point in events.Scalars(name)] for name in ("train_accuracy", "accuracy")}


def measured(preset: Preset, root: Path) -> tuple[str, list[str]]:
    """The row of a preset in the table, and the lines of its epochs."""
    queue = TrainingQueue(root)
    (name,) = queue.ask(preset.asked)
    queue.close()
    wall, processor = seconds_of(root, name)
    found, logged = courses(LogDirSource(root).index(name).rows), scalars_of(root / name)
    assert load_run(root / name)
    (course,) = found or (None,)
    first, last = (f"{course.phis[0]:.4f}", f"{course.phis[-1]:.4f}") if course else ("-", "-")
    row = f"{preset.title:46} {wall:8.0f} {processor:8.0f} {first:>8} {last:>8} {logged['accuracy'][-1]:8.3f}"
    phis = dict(zip(course.epochs, course.phis, strict=True)) if course else {}
    epochs = len(logged["accuracy"])
    apart = max(1, -(-epochs // MOST_LINES))
    lines = [
        f"  epoch {epoch:4d}  training {logged['train_accuracy'][epoch]:.3f}  held out {logged['accuracy'][epoch]:.3f}  "
        f"Φ {f'{phis[epoch]:.4f}' if epoch in phis else '-'}"
        for epoch in sorted({*range(0, epochs, apart), epochs - 1} | {epoch for epoch in phis if epoch >= 0 and apart > 1})
    ]
    return row, lines


def main() -> None:
    """Prints the table, and the epochs of each preset."""
    today = datetime.now(timezone.utc).date().isoformat()
    print(f"{today}, {platform.machine()}, Python {platform.python_version()}; one training each, seed 0")
    print(f"{'preset':46} {'seconds':>8} {'CPU s':>8} {'Φ first':>8} {'Φ last':>8} {'accuracy':>8}")
    courses_of = {}
    with tempfile.TemporaryDirectory() as folder:
        for preset in PRESETS:
            row, courses_of[preset.title] = measured(preset, Path(folder))
            print(row, flush=True)
    for title, lines in courses_of.items():
        print(f"\n{title}")
        print("\n".join(lines))


if __name__ == "__main__":
    main()
