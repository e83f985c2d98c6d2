"""An open record in the run's folder: it never replaces a result of the same capture."""

from __future__ import annotations

from msgspec.structs import replace
from sample_records import a_record

from lightning_iit.records import GroupResult, Open, Skipped
from lightning_iit.records.store import read_run
from lightning_iit.run.request import reopened
from lightning_iit.trackers.files import FilesTracker


def test_one_that_comes_late_never_replaces_its_result(tmp_path):
    tracker, settled = FilesTracker(tmp_path), a_record()
    late = replace(settled, result=Open(), states=())
    tracker.log(late, {})
    assert read_run(tmp_path).records == (late,)
    tracker.log(settled, {})
    tracker.log(late, {})
    assert read_run(tmp_path).records == (settled,)
    again = replace(late, wall_time=late.wall_time + 1.0)
    tracker.log(again, {})
    assert read_run(tmp_path).records == (again,), "the same epoch, trained again"
    tracker.finish(failed=False)


def test_what_0_1_0_called_pending_is_open(tmp_path):
    pending, record = Skipped(code="pending", reason="the analysis is still open"), a_record()
    seen = GroupResult(units=record.units, result=pending, state=(0, 0, 0), counts=record.counts)
    unseen = GroupResult(units=record.units, result=Skipped(code="no_transitions", reason="none"))
    again = reopened(replace(record, result=pending, groups=(seen, unseen)))
    assert again.result == again.groups[0].result == Open()
    assert again.groups[1] == unseen
