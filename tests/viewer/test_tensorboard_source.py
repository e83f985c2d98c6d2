"""What the tab reads through TensorBoard's own data provider: each entry is decoded once, and the last reading is the truth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from tensorboard import context as tb_context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from viewer_runs import make_record, make_snapshots

from lightning_iit.records import NullResult, decode, decode_network
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.tensorboard_source import BoundSource, TensorBoardSource

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records import EpochRecord
    from lightning_iit.viewer.protocol import IndexRow


class Logged:
    """A run that is written to an event file, and the tab's source that reads it as TensorBoard does."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder / "run"), purge_step=0)
        self.tracker = TensorBoardTracker(self.writer)
        self.events = EventMultiplexer(size_guidance={"tensors": 0})
        self.folder = folder
        source = TensorBoardSource(MultiplexerDataProvider(self.events, str(folder)))
        self.source = BoundSource(source, tb_context.RequestContext(), "")

    def log(self, *records: EpochRecord) -> None:
        for record in records:
            self.tracker.log(record, {})
        self.reload()

    def reload(self) -> None:
        self.writer.flush()
        self.events.AddRunsFromDirectory(str(self.folder))
        self.events.Reload()

    def rows(self) -> dict[int, IndexRow]:
        return {row.epoch: row for row in self.source.index("run").rows}


@pytest.fixture
def logged(tmp_path: Path):
    run = Logged(tmp_path)
    yield run
    run.writer.close()


def judged(record: EpochRecord) -> EpochRecord:
    """The record with a judgement that came later: same layer, epoch, step and time."""
    null = NullResult(name="cut", surrogates=19, mean=0.01, upper=0.02, excess=0.3, p=0.05, seed=0)
    return msgspec.structs.replace(record, null=null)


def test_only_what_is_new_is_decoded(logged: Logged) -> None:
    logged.log(*(make_record("hidden", epoch) for epoch in range(6)))
    before = logged.rows()
    logged.log(make_record("hidden", 6))
    after = logged.rows()
    assert sorted(after) == list(range(7))
    assert all(after[epoch] is before[epoch] for epoch in before)


def test_a_judgement_that_comes_late_is_seen(logged: Logged) -> None:
    first = msgspec.structs.replace(make_record("hidden", 1), null=None)
    logged.log(make_record("hidden", 0), first)
    before = logged.rows()
    logged.log(judged(first))
    deadline = time.monotonic() + 20
    while (after := logged.rows())[1].null_upper is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert after[1].null_upper == 0.02
    assert after[1].version != before[1].version  # a page that is open asks for the record again
    assert after[0] is before[0]
    assert decode(logged.source.record("run", "hidden", 1)) == judged(first)


def test_what_tensorboard_dropped_is_gone(logged: Logged) -> None:
    """A writer that starts again at an earlier step makes TensorBoard forget what came after this step."""
    logged.log(*(make_record("hidden", epoch) for epoch in range(4)))
    assert sorted(logged.rows()) == [0, 1, 2, 3]
    again = make_record("hidden", 1, phi=0.5)
    start = Event(session_log=SessionLog(status=SessionLog.START), step=again.global_step, wall_time=again.wall_time)
    logged.writer._get_file_writer().event_writer.add_event(start)
    logged.log(again)
    assert {epoch: row.phi for epoch, row in logged.rows().items() if epoch > 0} == {1: 0.5}


def test_snapshots_are_read_once_and_listed(logged: Logged) -> None:
    for _, data in make_snapshots(2):
        logged.tracker.log_network(decode_network(data))
    logged.log(make_record("hidden", 0))
    networks = logged.source.index("run").networks
    assert [row.epoch for row in networks] == [-1, 0, 1]
    assert len({row.version for row in networks}) == 3
    assert decode_network(logged.source.network("run", 1)).epoch == 1
