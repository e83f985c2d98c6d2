"""A task that several workers compute in parts: the same numbers, and what is said where a part is lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from divided_tasks import divided, plain, task_of

from lightning_iit.job.job import run
from lightning_iit.job.split import LEAST_SECONDS, with_parts
from lightning_iit.phi.executors.plain import PlainExecutor
from lightning_iit.phi.pool.executor_pool import ExecutorPool
from lightning_iit.phi.pool.open_task import OpenTask
from lightning_iit.phi.pool.pieces import followed_by, pieces_of
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.records import Computed, PhiTask


def in_parts(task: PhiTask):
    """Computes a task part by part in this process, as a pool does."""
    entry = OpenTask(task)
    pieces = pieces_of(entry, 2)
    last = None
    for piece in pieces:
        last = followed_by(piece, run(piece.task))
    assert last is not None
    return run(last.task)


@pytest.mark.parametrize("formalism", ["iit3", "iit4-2023"])
def test_into_however_many_parts_it_is_the_same_to_the_bit(formalism):
    task = task_of()
    task = msgspec.structs.replace(task, options=msgspec.structs.replace(task.options, formalism=formalism))
    task = msgspec.structs.replace(task, further=("iit4-2023", "iit4-2026") if formalism == "iit3" else ("iit4-2026", "iit3"))
    wanted = plain(run(task))
    assert wanted["survey"]["se"] is not None
    assert {"null", "interval", "curve", "whole"} <= set(wanted)
    for seconds in (0.0035, 0.05, 0.3, 1.5):
        split = with_parts(task, seconds, whole=1.0)
        assert plain(in_parts(split)) == wanted, f"{len(split.split)} parts"
        assert len(split.split) < 1.2 * sum(part.seconds for part in split.split) / LEAST_SECONDS + 6
        each = {stretch.work for part in split.split for stretch in part.stretches}
        assert all(len({stretch.work for stretch in part.stretches}) == 1 for part in split.split)
        assert each == {"survey", "resamples", "null", "interval", "curve", "whole"}
    assert len(split.split) > 100


def test_a_part_has_its_own_data_only():
    split = with_parts(task_of(groups=4, resamples=60), 0.05)
    whole = len(msgspec.msgpack.encode(msgspec.structs.replace(split, split=())))
    pieces = pieces_of(OpenTask(split), 2)
    of_resamples = [piece for piece in pieces if {one.work for one in piece.part.stretches} == {"resamples"}]
    assert len(of_resamples) > 5
    assert max(len(msgspec.msgpack.encode(piece.task)) for piece in of_resamples) < 0.25 * whole
    assert split.stored.split == () == split.stored.found


def test_a_small_task_stays_in_one_piece():
    task = task_of()
    assert with_parts(task, 1e-5, whole=0.01) == task
    (piece,) = pieces_of(OpenTask(with_parts(task, 0.05)), 1)
    assert piece.part is None
    assert piece.task == task, "one worker computes all of it"


LOST = {"survey": "mean over the groups of the survey", "resamples": "interval of the survey", "null": "null"}


@pytest.fixture(scope="module")
def local():
    pool = WorkerPool("split_functions:run", workers=2, timeout=60.0)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def remote():
    with ThreadPoolExecutor(2) as threads:
        yield ExecutorPool(PlainExecutor(threads), "split_functions:run", workers=2, timeout=60.0)


@pytest.fixture(params=["local", "remote"])
def pool(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("what", ["", "exit_once:resamples"])
def test_two_workers_give_what_one_gives(pool, tmp_path, what):
    """Also where each worker dies once with a part of the resamples."""
    task = divided(f"{what}:{tmp_path / 'file'}" if what else "layer")
    result = pool.submit(task).result(90)
    assert plain(result) == plain(run(msgspec.structs.replace(task, split=())))
    assert result.complete
    assert pool.pending == 0


@pytest.mark.parametrize("work", LOST)
def test_a_part_that_is_lost_is_said_and_costs_the_others_nothing(pool, tmp_path, work):
    task = divided(f"exit:{work}:{tmp_path / 'file'}")
    whole, result = run(msgspec.structs.replace(task, split=())), pool.submit(task).result(90)
    assert [type(one.result) for one in result.states] == [Computed] * 2
    assert not result.complete
    assert f"there is no {LOST[work]}" in result.notes[-1]
    assert "exit status 7" in result.notes[-1]
    assert result.whole == whole.whole
    assert (result.null is None) == (work == "null")
    survey = result.survey
    if work == "survey":
        assert survey.phi is None
        assert "so there is no mean over all" in survey.interval_words
        assert "exit status 7" in next(one.reason for one in survey.groups if not one.phis)
    elif work == "resamples":
        assert survey.phi == whole.survey.phi
        assert survey.se is None
        assert survey.positive is None
        assert "exit status 7" in survey.interval_words
    else:
        assert survey == whole.survey
    begun = len((tmp_path / "file").read_text().split())
    parts = sum(any(one.work == work for one in part.stretches) for part in task.split)
    assert begun == 2 * parts, "each part was tried twice"


def test_a_part_has_the_time_limit(pool, tmp_path):
    task = divided(f"hold:null:{tmp_path / 'file'}", timeout=3.0)
    result = pool.submit(task).result(90)
    assert "time limit of 3 s" in result.notes[-1]
    assert result.null is None
    assert result.survey.se is not None


def test_an_end_while_parts_are_computed_leaves_nothing_open(tmp_path):
    with ThreadPoolExecutor(2) as threads:
        for pool in (
            WorkerPool("split_functions:run", workers=2),
            ExecutorPool(PlainExecutor(threads), "split_functions:run", workers=2, timeout=5.0),
        ):
            file = tmp_path / type(pool).__name__
            futures = [pool.submit(divided(f"hold:resamples:{file}")), pool.submit(divided(f"hold:resamples:{file}", epoch=1))]
            until = time.monotonic() + 60
            while not file.exists():
                assert time.monotonic() < until
                time.sleep(0.05)
            assert not pool.drain(0.5)
            reasons = [future.result(0).states[0].result.reason for future in futures]
            assert all("drain_timeout of 0.5 s" in reason for reason in reasons), reasons
            assert pool.pending == 0
            pool.close()


def test_the_open_tasks_are_counted_and_not_their_parts():
    with ThreadPoolExecutor(2) as threads:
        for pool in (
            WorkerPool(workers=2, when_busy="skip"),
            ExecutorPool(PlainExecutor(threads), workers=2, when_busy="skip"),
        ):
            futures = [pool.submit(divided(epoch=epoch)) for epoch in range(3)]
            assert futures[2].result(0).states[0].result.code == "workers_busy"
            assert pool.drain(90)
            assert [type(future.result(0).states[0].result) for future in futures[:2]] == [Computed] * 2
            pool.close()


def test_analyses_that_break_in_a_part_are_those_that_break_in_one_piece():
    """An engine that raises has its reason in the group, whoever computes it."""
    task = task_of(groups=3)
    broken = msgspec.structs.replace(task.survey[1], cm=((1, 1, 1),) * 3)
    task = msgspec.structs.replace(task, survey=(task.survey[0], broken, task.survey[2]))
    wanted = run(task)
    assert wanted.survey.groups[1].reason
    assert wanted.survey.phi is not None
    assert plain(in_parts(with_parts(task, 0.05, whole=1.0))) == plain(wanted)
