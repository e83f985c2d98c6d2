"""Measures what grows with a run, at 100, 1,000 and 3,000 records: python tests/benchmarks/growth.py > tests/benchmarks/growth.txt.

The records are one record of six units with other epochs. "New" is one more record, "poll" a question without news.
"""

from __future__ import annotations

import datetime as dt
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from tensorboard import context as tb_context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from torch.utils.tensorboard import SummaryWriter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from viewer_runs import make_record

from lightning_iit.records.store import load_run, write_record
from lightning_iit.records.tidied_index import tidy_index
from lightning_iit.report.report import markdown
from lightning_iit.run.resume import EarlierPart
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.export import page_of
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.tensorboard_source import BoundSource, TensorBoardSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.records import EpochRecord

SIZES = (100, 1_000, 3_000)
BASE = make_record("memory", 0, n=6)


def record(epoch: int) -> EpochRecord:
    return msgspec.structs.replace(BASE, epoch=epoch, global_step=(epoch + 1) * 23, wall_time=1.76e9 + epoch)


def milliseconds(call: Callable[[], object], prepare: Callable[[int], object] = id, *, times: int = 5) -> float:
    """The shortest of a few calls, each after a preparation that is not counted."""
    took = []
    for number in range(times):
        prepare(number)
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return 1000 * min(took)


def files(folder: Path, size: int) -> dict[str, float]:
    """The page's server on a folder, and what the end of a run does with its files."""
    for epoch in range(size):
        write_record(folder, record(epoch))
    source = LogDirSource(folder)
    source.index(".")
    found = {
        "files, poll": milliseconds(lambda: source.index(".")),
        "files, new": milliseconds(lambda: source.index("."), lambda number: write_record(folder, record(size + number))),
        "write a record": milliseconds(lambda: write_record(folder, record(size))),
        "end: index.jsonl": milliseconds(lambda: tidy_index(folder)),
    }
    records = load_run(folder)
    found["end: report"] = milliseconds(lambda: markdown(records, {}), times=1)
    found["viewer.html"] = milliseconds(lambda: page_of(folder), times=1)
    return found


def tab(folder: Path, size: int) -> dict[str, float]:
    """TensorBoard's tab; apart, a reading of the whole tag by TensorBoard, which event files elsewhere need for each new record."""
    writer = SummaryWriter(str(folder / "run"))
    tracker, events = TensorBoardTracker(writer), EventMultiplexer(size_guidance={"tensors": 0})
    shared = TensorBoardSource(MultiplexerDataProvider(events, str(folder)))
    source = BoundSource(shared, tb_context.RequestContext(), "")

    def log(*epochs: int) -> None:
        for epoch in epochs:
            tracker.log(record(epoch), {})
        writer.flush()
        events.AddRunsFromDirectory(str(folder)).Reload()

    log(*range(size))
    source.index("run")
    tag = "iit/memory/record"
    found = {
        "tab, poll": milliseconds(lambda: source.index("run")),
        "tab, new": milliseconds(lambda: source.index("run"), lambda number: log(size + number)),
        "tab, whole tag": milliseconds(lambda: shared._read(tb_context.RequestContext(), "", "run", tag)),
    }
    writer.close()
    return found


def checkpoint(size: int) -> dict[str, float]:
    """The callback's state of a run with so many settled records."""
    part = EarlierPart(records=tuple(map(record, range(size))))
    return {"state_dict": milliseconds(part.state_dict)}


def measured(size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        return {**files(Path(first), size), **tab(Path(second), size), **checkpoint(size)}


if __name__ == "__main__":
    columns = [measured(size) for size in SIZES]
    print(f"{dt.datetime.now(tz=dt.timezone.utc):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}; ms")
    print(f"{'records':20}" + "".join(f"{size:>10,}" for size in SIZES))
    for name in columns[0]:
        print(f"{name:20}" + "".join(f"{column[name]:10.2f}" for column in columns))
