"""What the tab reads, from event files and through TensorBoard's own data provider: each entry is read and decoded once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tensorboard import context as tb_context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from torch.utils.tensorboard import SummaryWriter
from viewer_runs import make_record, make_snapshots

from lightning_iit.records import NullResult, decode, decode_network
from lightning_iit.trackers.tensorboard import TensorBoardTracker
from lightning_iit.viewer.event_files import EventFiles
from lightning_iit.viewer.tensorboard_source import BoundSource, TensorBoardSource

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records import EpochRecord
    from lightning_iit.viewer.protocol import IndexRow


class Provider(MultiplexerDataProvider):
    """TensorBoard's data provider; counts how often whole tags are asked of it."""

    asked = 0

    def read_tensors(self, *args: Any, **options: Any) -> Any:
        self.asked += 1
        return super().read_tensors(*args, **options)


class Logged:
    """A run that is written to an event file, and the tab's source that reads it as TensorBoard does."""

    def __init__(self, folder: Path, *, here: bool = True) -> None:
        self.writer = SummaryWriter(str(folder / "run"), purge_step=0)
        self.tracker = TensorBoardTracker(self.writer)
        self.events = EventMultiplexer(size_guidance={"tensors": 0})
        self.folder = folder
        self.provider = Provider(self.events, str(folder) if here else "gs://elsewhere")
        source = TensorBoardSource(self.provider)
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


@pytest.fixture(params=["here", "elsewhere"])
def logged(request: pytest.FixtureRequest, tmp_path: Path):
    """A run whose event files are on this machine, and one where only TensorBoard can read them."""
    run = Logged(tmp_path, here=request.param == "here")
    yield run
    run.writer.close()


@pytest.fixture
def logged_here(tmp_path: Path):
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


# --- event files on this machine


def the_file(logged: Logged) -> Path:
    (path,) = (logged.folder / "run").glob("*tfevents*")
    return path


def test_one_more_record_does_not_have_the_whole_tag_read_again(logged_here: Logged) -> None:
    for epoch in range(4):
        logged_here.log(make_record("hidden", epoch))
        assert sorted(logged_here.rows()) == list(range(epoch + 1))
    assert logged_here.provider.asked == 0
    assert logged_here.source.index("run") is logged_here.source.index("run")


def test_an_event_that_is_half_written_is_read_once_it_is_whole(logged_here: Logged) -> None:
    logged_here.log(make_record("hidden", 0))
    size = the_file(logged_here).stat().st_size
    logged_here.log(make_record("hidden", 1))
    whole = the_file(logged_here).read_bytes()
    files = EventFiles(logged_here.folder / "half")
    files.folder.mkdir()
    half = files.folder / "events.out.tfevents.1"
    found = []
    for end in (size, size + 5, len(whole) - 1, len(whole)):
        half.write_bytes(whole[:end])
        found.append(len(list(files.new())))
    assert found == [1, 0, 0, 1]


def test_files_that_were_replaced_are_read_anew(logged_here: Logged) -> None:
    logged_here.log(make_record("hidden", 0), make_record("hidden", 1))
    assert sorted(logged_here.rows()) == [0, 1]
    path = the_file(logged_here)
    path.unlink()
    logged_here.writer.close()
    logged_here.writer = SummaryWriter(str(path.parent))
    logged_here.tracker = TensorBoardTracker(logged_here.writer)
    logged_here.log(make_record("hidden", 2))
    assert logged_here.rows()[2].status == "computed"


@pytest.mark.parametrize("damage", [b"\xff" * 40, b"\x04" + b"\0" * 11 + b"iit/" + b"\0" * 4])
def test_what_a_damaged_file_does_not_give_is_asked_of_tensorboard(logged_here: Logged, damage: bytes) -> None:
    logged_here.log(make_record("hidden", 0), make_record("hidden", 1))
    path = the_file(logged_here)
    path.write_bytes(damage + path.read_bytes())
    assert sorted(logged_here.rows()) == [0, 1]


def test_the_numbers_of_records_are_no_metrics_of_the_run(tmp_path: Path) -> None:
    """Neither those of now nor those that version 0.1.0 wrote, whose records have the same tag as now."""
    logged = Logged(tmp_path)
    logged.writer.add_scalar("loss", 0.25, 7)
    logged.writer.add_scalar("iit/hidden/phi", 0.5, 7)
    logged.log(make_record("hidden", 0))
    assert [(line.tag, line.points) for line in logged.source.scalars("run").series] == [("loss", ((7, 0.25),))]
    assert [(row.layer, row.epoch) for row in logged.source.index("run").rows] == [("hidden", 0)]


@pytest.mark.parametrize("here", [True, False])
def test_records_within_an_epoch_are_listed_and_read(tmp_path: Path, here: bool) -> None:
    run = Logged(tmp_path, here=here)
    epochs = [make_record("hidden", epoch, n=2) for epoch in range(2)]
    steps = [
        msgspec.structs.replace(make_record("hidden", record.epoch, n=2, seed=7), step=step, global_step=step)
        for record in epochs
        for step in (record.global_step - 1, record.global_step)  # the epoch ends at the step of the second one
    ]
    in_order = sorted((*epochs, *steps), key=lambda record: (record.global_step, record.step is None))
    run.log(*in_order)
    index = run.source.index("run")
    assert [(row.epoch, row.step) for row in index.rows] == [(0, None), (1, None)]
    assert [(row.epoch, row.step, row.phi) for row in index.steps] == [(one.epoch, one.step, one.phi) for one in steps]
    for record in in_order:
        assert decode(run.source.record("run", *record.key)) == record
    with pytest.raises(LookupError):
        run.source.record("run", "hidden", 0, 999)
    judged = msgspec.structs.replace(steps[-1], notes=("judged",))
    run.log(judged)
    assert len(run.source.index("run").steps) == 4
    if here:
        assert decode(run.source.record("run", *judged.key)) == judged
