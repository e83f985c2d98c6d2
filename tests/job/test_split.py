"""A task that several workers compute in parts: the same numbers, and what is said where a part is lost."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
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
from lightning_iit.records.whole.tasks import WholeSeries, WholeTask
from lightning_iit.whole import nulls
from lightning_iit.whole.cost import LayerSeconds

DIVIDED = LayerSeconds(0.25, surrogates=(19, 0.25), resamples=(9, 0.2), pairs=(19, 0.1))
"""So long that the nulls, the intervals and the null of the pairs are divided."""
SMALL: dict = {"resamples": (9, 0.001), "pairs": (19, 0.001)}
"""So little that they stay with the measures."""


def in_parts(task: PhiTask):
    """Computes a task part by part in this process, as a pool does."""
    pieces = pieces_of(OpenTask(task), 2)
    while pieces[0].part is not None:
        piece = pieces.pop(0)
        pieces += followed_by(piece, run(piece.task))
    (last,) = pieces
    return run(last.task)


def whole_task(units: int = 6, searched: bool = True, rows: int = 600, **options) -> PhiTask:
    """A task with the measures of a whole layer, of which six of seven units were recorded; the nulls reject for some measures."""
    rng = np.random.default_rng(1)
    series = np.zeros((rows, units))
    for now in range(1, rows):
        series[now] = 0.5 * series[now - 1, np.roll(np.arange(units), 1)] + rng.standard_normal(units)
    recorded = WholeSeries(
        units=tuple(range(1, units + 1)), width=units + 1, lengths=(rows // 2, rows // 2), rows=series.astype(np.float32).tobytes()
    )
    names = ("total_correlation", "stochastic_interaction", "phi_star", "phi_g", "phiid")
    asked = WholeTask(series=recorded, names=names, surrogates=19, searched=searched, resamples=9, seed=5)
    return task_of(groups=1, resamples=0, whole=asked, judge=None, survey=(), **options)


@pytest.mark.parametrize("formalism", ["iit3", "iit4-2023"])
def test_into_however_many_parts_it_is_the_same_to_the_bit(formalism):
    task = task_of()
    task = msgspec.structs.replace(task, options=msgspec.structs.replace(task.options, formalism=formalism))
    task = msgspec.structs.replace(task, further=("iit4-2023", "iit4-2026") if formalism == "iit3" else ("iit4-2026", "iit3"))
    wanted = plain(run(task))
    assert wanted["survey"]["se"] is not None
    assert {"null", "interval", "curve", "whole"} <= set(wanted)
    for seconds in (0.0035, 0.05, 0.3, 1.5):
        split = with_parts(task, seconds, LayerSeconds(1.0))
        assert plain(in_parts(split)) == wanted, f"{len(split.split)} parts"
        assert len(split.split) < 1.2 * sum(part.seconds for part in split.split) / LEAST_SECONDS + 6
        each = {stretch.work for part in split.split for stretch in part.stretches}
        assert all(len({stretch.work for stretch in part.stretches}) == 1 for part in split.split)
        assert each == {"survey", "resamples", "null", "interval", "curve", "whole"}
    assert len(split.split) > 100


@pytest.mark.parametrize("searched", [False, True])
def test_the_nulls_of_a_whole_layer_are_divided_by_surrogates(searched):
    task = whole_task(searched=searched)
    wanted = plain(run(task))
    found = [part["null"] for one in wanted["whole"]["measures"] for part in (one["minimum"], one["atomic"])]
    assert [null["searched"] for null in found] == [
        one and searched for one in (True, False, True, False, False, False, False, False)
    ]
    assert len({null["p"] for null in found}) > 1
    for surrogate, number in ((0.06, 3), (0.25, 10), (5.0, 19)):
        split = with_parts(task, 1e-5, LayerSeconds(1.0, (19, surrogate), **SMALL))
        values, *parts = split.split
        assert [one.work for one in values.stretches] == ["whole_values", "whole_interval", "whole_pairs"]
        assert len(parts) == number
        assert [number for part in parts for one in part.stretches for number in range(one.first, one.stop)] == list(range(19))
        assert plain(in_parts(split)) == wanted


@pytest.mark.parametrize("redundancy", ["phiid", "phiid_ccs"])
def test_the_intervals_and_the_null_of_the_pairs_are_divided_too(redundancy):
    task = whole_task()
    names = tuple(redundancy if name == "phiid" else name for name in task.whole.names)
    task = msgspec.structs.replace(task, whole=msgspec.structs.replace(task.whole, names=names))
    wanted = plain(run(task))
    measures, pairs = wanted["whole"]["measures"], wanted["whole"]["pairs"]
    assert [one["minimum"]["interval"]["resamples"] for one in measures] == [9] * 4
    assert [one["minimum"]["interval"]["same_partition"] is None for one in measures] == [False, False, True, True]
    assert (pairs["surrogates"], len(pairs["numbers"][0]["p"])) == (19, 15)
    for seconds, works in (
        (DIVIDED, {"whole_null": 10, "whole_interval": 3, "whole_pairs": 4}),
        (LayerSeconds(0.1, (19, 0.001), (9, 5.0), (19, 5.0)), {"whole_interval": 9, "whole_pairs": 19}),
    ):
        split = with_parts(task, 1e-5, seconds)
        values, *parts = split.split
        assert len(values.stretches) == 4 - len(works)
        assert all(len(part.stretches) == 1 for part in parts)
        assert Counter(part.stretches[0].work for part in parts) == works
        for work in works:
            stretches = [one for part in parts for one in part.stretches if one.work == work]
            assert [number for one in stretches for number in range(one.first, one.stop)] == list(
                range(9 if work == "whole_interval" else 19)
            )
        assert plain(in_parts(split)) == wanted


def test_pictures_of_pairs_show_the_null_that_parts_have_found():
    task = msgspec.structs.replace(whole_task(), pictures=True)
    assert in_parts(with_parts(task, 1e-5, DIVIDED)).images["pairs"] == run(task).images["pairs"]


def test_a_surrogate_that_is_drawn_again_is_so_in_each_part(monkeypatch):
    """What is drawn of one surrogate leaves the others as they are, however often it is drawn."""
    task, drawn, refused = whole_task(), nulls._drawn, []

    def often_singular(*about):
        found = drawn(*about)
        if int(1e6 * found.past.sum()) % 3 == 0:
            refused.append(found)
            return found.of([0] * 6)
        return found

    monkeypatch.setattr(nulls, "_drawn", often_singular)
    wanted = plain(run(task))
    assert refused
    assert wanted["whole"]["measures"][0]["minimum"]["null"]["surrogates"] == 19
    assert plain(in_parts(with_parts(task, 1e-5, DIVIDED))) == wanted


def test_nulls_that_cannot_be_computed_are_said_in_each_case(monkeypatch):
    task = whole_task()
    monkeypatch.setattr(nulls, "_drawn", lambda series, *_: series.covariances().of([0] * 6))
    wanted = plain(run(task))
    assert [note for note in wanted["whole"]["notes"] if note.startswith("No null: ")]
    assert wanted["whole"]["pairs"]["surrogates"] == 19, "the pairs have surrogates of their own"
    assert wanted["whole"]["measures"][0]["minimum"]["null"] is None
    assert plain(in_parts(with_parts(task, 1e-5, DIVIDED))) == wanted


def test_small_nulls_of_a_whole_layer_stay_in_one_piece_and_so_do_those_that_take_long_to_send():
    task = whole_task()
    assert with_parts(task, 1e-5, LayerSeconds(0.02, (19, 0.02))) == task
    split = with_parts(task, 1e-5, LayerSeconds(0.95, (19, 0.05), **SMALL))
    assert [one.work for part in split.split for one in part.stretches] == ["whole"]
    rows = bytes(2**24)  # 2 s to send
    heavy = msgspec.structs.replace(task.whole, series=msgspec.structs.replace(task.whole.series, rows=rows))
    heavy = msgspec.structs.replace(task, whole=heavy)
    assert len(with_parts(heavy, 1e-5, LayerSeconds(0.3, (19, 0.3))).split) == 1 + 3
    assert len(with_parts(heavy, 1e-5, LayerSeconds(0.1, (19, 0.2))).split) == 1


def test_of_a_layer_that_cannot_be_measured_no_surrogate_is_sent_to_a_worker():
    task = whole_task(rows=10)
    split = with_parts(task, 1e-5, DIVIDED)
    (first,) = pieces_of(OpenTask(split), 2)
    (last,) = followed_by(first, run(first.task))
    assert last.part is None
    wanted = plain(run(task))
    assert wanted["whole"]["refused"]
    assert plain(run(last.task)) == wanted


def test_the_surrogates_have_only_what_they_need():
    task = whole_task()
    (first,) = pieces_of(OpenTask(with_parts(task, 1e-5, DIVIDED)), 2)
    surrogates = followed_by(first, run(first.task))
    rows = len(task.whole.series.rows)
    assert max(len(msgspec.msgpack.encode(one.task)) for one in surrogates) < rows + 8_000
    for one in surrogates:
        (last,) = followed_by(one, run(one.task)) or [None]
    assert last.task.whole.series.rows == b""
    numbers = sum(len(row.phi) for one in last.task.found for row in one.numbers)
    assert len(msgspec.msgpack.encode(last.task)) < numbers + 8_000


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
    assert with_parts(task, 1e-5, LayerSeconds(0.01)) == task
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


@pytest.mark.parametrize("work", ["whole_values", "whole_null", "whole_interval", "whole_pairs"])
def test_surrogates_of_a_whole_layer_that_are_lost_are_said(pool, tmp_path, work):
    lost = whole_task(layer=f"exit:{work}:{tmp_path / 'file'}")
    result = pool.submit(with_parts(lost, 1e-5, DIVIDED)).result(90)
    assert isinstance(result.states[0].result, Computed)
    assert not result.complete
    assert "The worker process ended" in result.notes[-1]
    if work == "whole_values":
        assert "there is no measure of the whole layer" in result.notes[-1]
        assert "The worker process ended" in result.whole.refused
        return
    words = {
        "whole_null": "null of the measures",
        "whole_interval": "interval of the measures",
        "whole_pairs": "null of the pairs",
    }
    assert f"so there is no {words[work]} of" in result.notes[-1]
    assert "The worker process ended" in result.whole.notes[-1]
    whole = run(msgspec.structs.replace(lost, split=())).whole
    assert (result.whole.pairs == whole.pairs) == (work != "whole_pairs")
    assert result.whole.pairs.surrogates == (0 if work == "whole_pairs" else 19)
    for one, other in zip(result.whole.measures, whole.measures, strict=True):
        assert one.minimum.value == other.minimum.value
        assert one.atomic.interval == (None if work == "whole_interval" else other.atomic.interval)
        assert one.minimum.null == (None if work == "whole_null" else other.minimum.null)


def test_two_workers_give_the_nulls_that_one_gives(pool):
    task = whole_task()
    result = pool.submit(with_parts(task, 1e-5, DIVIDED)).result(90)
    assert plain(result) == plain(run(task))
    assert result.whole.measures[0].minimum.null.searched
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
    assert plain(in_parts(with_parts(task, 0.05, LayerSeconds(1.0)))) == plain(wanted)
