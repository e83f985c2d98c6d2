"""Several random groups of a layer's units: each counted, set, analysed and kept by itself."""

from __future__ import annotations

import re
from itertools import pairwise
from math import comb

import numpy as np
import pytest
import torch
from event_files import read_events
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, Mlp, flat_data, sequence_data
from plain_loops import RawActivations
from sample_records import a_record
from torch import nn
from torch.nn.utils.rnn import pack_sequence
from training import assert_same, train, trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.choose.units import Moments, choose, random_groups
from lightning_iit.capture.count.epoch import LayerEpoch
from lightning_iit.commands.check_plan import with_engine
from lightning_iit.commands.verify import TOLERANCE, analyses_of, compare
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.job.judgement import group_scalars
from lightning_iit.phi.compute import compute_phi
from lightning_iit.phi.pool.endings import unfinished
from lightning_iit.records import (
    Computed,
    EngineInfo,
    EpochRecord,
    GroupResult,
    PhiTask,
    Skipped,
    StateResult,
    System,
    TaskResult,
    TimedOut,
    Units,
)
from lightning_iit.report.report import markdown
from lightning_iit.run.groups import Group, group_tasks, open_group, settled
from lightning_iit.tpm.counts import counts_from_codes

UNITS = Units(indices=(0, 1), width=9, selection="random")
DEAD = Skipped(code="unit_never_on", reason="dead")


def by_hand(sequences: list[np.ndarray], group: GroupResult) -> np.ndarray:
    """Transitions ``[state, next state]`` of a group's units, by a plain loop."""
    n = len(group.units.indices)
    table = np.zeros((2**n, 2**n), dtype=int)
    for sequence in sequences:
        rows = sequence[:, list(group.units.indices)] > np.array(group.thresholds.values)
        codes = [sum(int(bit) << place for place, bit in enumerate(row)) for row in rows]
        for first, then in pairwise(codes):
            table[first, then] += 1
    return table


def phi_of(group: GroupResult) -> float:
    """Φ of a group from its counts, in its state."""
    visits = np.array(group.counts.visits)[:, None]
    tpm = np.where(visits > 0, np.array(group.counts.on) / np.maximum(visits, 1), 0.5)
    result = compute_phi(System(tpm=tpm, state=group.state))
    assert isinstance(result, Computed)
    return result.phi


def check(record: EpochRecord, groups: int) -> None:
    """What every record of several groups must have."""
    assert len(record.groups) == groups
    assert len({group.units.indices for group in record.groups}) == groups
    assert all(group.units.selection == "random" for group in record.groups)
    first = record.groups[0]
    assert (first.units, first.thresholds, first.counts) == (record.units, record.thresholds, record.counts)
    assert (first.result, first.state, first.visits) == (record.result, record.states[0].state, record.states[0].visits)
    phis = [phi_of(group) for group in record.groups]
    assert [group.result.phi for group in record.groups] == pytest.approx(phis, abs=1e-9)
    logged = {name: record.scalars[name] for name in ("phi_groups_mean", "phi_groups_std", "phi_groups_max", "groups")}
    assert logged == pytest.approx(
        {"phi_groups_mean": np.mean(phis), "phi_groups_std": np.std(phis), "phi_groups_max": max(phis), "groups": groups}
    )


# --- the draw ---------------------------------------------------------------------------------------------------------


def test_groups_are_different_and_the_first_is_that_of_the_random_selection() -> None:
    moments = Moments.of(torch.randn(5, 20))
    groups = random_groups(4, 6, width=20, among=range(20), seed=3)
    assert len({group.indices for group in groups}) == 6
    assert groups[0] == choose(4, selection="random", seed=3, moments=moments)
    for group in groups:
        assert group == choose(4, selection="random", seed=group.seed, moments=moments)
    assert groups == random_groups(4, 6, width=20, among=range(20), seed=3)


def test_there_are_no_more_groups_than_subsets() -> None:
    groups = random_groups(2, 99, width=9, among=range(4, 8), seed=0)
    assert len(groups) == comb(4, 2)
    assert {unit for group in groups for unit in group.indices} == {4, 5, 6, 7}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"groups": 0}, "groups=0: give the number of random groups of units, 1 or more"),
        ({"groups": 2.5}, "groups=2.5"),
        ({"groups": True}, "groups=True"),
        ({"groups": 2, "units": [1, 2]}, r"say in units how many each has, not \[1, 2\]"),
        ({"groups": 2, "selection": "entropy"}, "leave selection='entropy' out"),
        ({"groups": 2, "selection": "clusters"}, "leave selection='clusters' out"),
        ({"groups": 2, "transitions": "depth"}, "groups=2: not with transitions='depth'"),
    ],
)
def test_options_that_cannot_be(options: dict, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        CaptureOptions(**options)


# --- groups without thresholds ----------------------------------------------------------------------------------------


def capture_of_groups(**options: object) -> tuple[nn.Module, Capture]:
    """A layer that shows its inputs, of which three groups of two units are captured."""
    layer = nn.Sequential(nn.Identity())
    capture = Capture(layer, CaptureOptions(layers="0", units=2, groups=3, calibration_batches=3, transitions="stream", **options))
    capture.attach()
    return layer, capture


def groups_of(layer: nn.Module, capture: Capture, batches: list[torch.Tensor]) -> list[LayerEpoch]:
    capture.begin_epoch(len(batches))
    for batch in batches:
        capture.begin_step()
        layer(batch)
        capture.end_step()
    (first,) = capture.end_epoch()
    return [first, *first.groups]


def spoilt(batches: list[torch.Tensor], unit: int) -> list[torch.Tensor]:
    """The batches with NaN in a unit."""
    return [batch.index_fill(-1, torch.tensor([unit]), torch.nan) for batch in batches]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_group_of_a_unit_that_is_never_finite_costs_no_other_its_counts(bad: int) -> None:
    torch.manual_seed(0)
    batches = [torch.randn(16, 20) for _ in range(30)]
    expected = groups_of(*capture_of_groups(), batches)
    unit = expected[bad].units.indices[0]
    layer, capture = capture_of_groups()
    found = groups_of(layer, capture, spoilt(batches, unit))
    for group, clean in zip(found, expected, strict=True):
        assert group.units == clean.units
        if unit in group.units.indices:
            assert (group.thresholds, group.left_out, group.counts.transitions) == (None, 30 * 16, 0)
            assert group.problem[0] == "no_transitions"
        else:
            assert (group.thresholds, group.counts, group.left_out) == (clean.thresholds, clean.counts, 0)
    capture.begin_epoch(30)
    for batch in spoilt(batches, unit)[:4]:
        capture.begin_step()
        layer(batch)
        capture.end_step()
    assert sum(len(stream) for stream in capture._captures[0].reading.recorder.streams) <= 1, "raw activations are not kept"


def test_rows_without_thresholds_are_counted_without_padding() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Identity())
    capture = Capture(layer, CaptureOptions(layers="0", units=1, groups=6, calibration_batches=1))
    capture.attach()
    batches = [pack_sequence(spoilt([torch.randn(length, 6) for length in (5, 3, 2)], 4)) for _ in range(3)]
    found = groups_of(layer, capture, batches)
    assert {group.units.indices: group.left_out for group in found} == {(unit,): 30 * (unit == 4) for unit in range(6)}
    assert {group.counts.transitions for group in found} == {0, 3 * (4 + 2 + 1)}


def test_frozen_thresholds_stay_when_those_of_a_later_epoch_join_them() -> None:
    torch.manual_seed(0)
    batches = [torch.randn(16, 20) for _ in range(8)]
    layer, capture = capture_of_groups(freeze_threshold=True)
    unit = groups_of(*capture_of_groups(), batches)[2].units.indices[0]
    first = groups_of(layer, capture, spoilt(batches, unit))
    second = groups_of(layer, capture, [batch + 1 for batch in batches])
    assert first[2].thresholds is None
    assert all(group.thresholds.frozen and group.counts.transitions == 8 * 16 - 1 for group in second)
    for before, after in zip(first, second, strict=True):
        assert before.thresholds in (None, after.thresholds)


def test_scalars_are_of_the_groups_that_were_computed() -> None:
    engine = EngineInfo(name="fast", version="1")
    computed = [Computed(phi=phi, engine=engine) for phi in (0.5, 0.1)]
    found = group_scalars([computed[0], Skipped(code="unit_never_on", reason="dead"), computed[1]])
    assert found == pytest.approx({"phi_groups_mean": 0.3, "phi_groups_std": 0.2, "phi_groups_max": 0.5, "groups": 2})
    assert group_scalars([Skipped(code="no_transitions", reason="none")]) == {}


def test_every_group_has_a_result_whatever_happened() -> None:
    """A worker that was ended in the middle of the groups, and a layer whose first group could not be set."""
    counts = counts_from_codes([0, 1, 2, 3], [1, 2, 3, 0], units=2)
    groups = [open_group(Group(LayerEpoch("x", "time", "observational", units=UNITS), counts, None, ((0, 0),))) for _ in range(3)]
    missing = open_group(Group(LayerEpoch("x", "time", "observational", units=UNITS), counts, DEAD, ((0, 0),)))
    assert missing.result == DEAD
    task = PhiTask(
        layer="x", epoch=0, global_step=0, counts=counts, prior=0.5, states=((0, 0),), kind="observational", axis="time",
        groups=group_tasks([*groups, missing]),
    )  # fmt: skip
    assert len(task.groups) == 3
    done, late = Computed(phi=0.1, engine=EngineInfo(name="fast", version="1")), TimedOut(reason="late", timeout=1.0)
    finished = {(0, 0): StateResult(state=(0, 0), visits=1, result=done)}
    answer = unfinished(task, late, finished, TaskResult(states=(), groups=(done,)))
    assert answer.groups == (done, late, late)
    record = a_record("x", result=done, groups=(groups[0], missing, *groups[1:]))
    assert [group.result for group in settled(record, answer.groups)] == [record.result, done, DEAD, late, late]
    broken = a_record("x", result=DEAD, groups=(groups[0], missing))
    first, second, third = [group.result for group in settled(broken, ())]
    assert (first, third) == (DEAD, DEAD)
    assert second == Skipped(code=DEAD.code, reason="Groups are analysed with the first one, which could not be: dead")


# --- runs -------------------------------------------------------------------------------------------------------------


def test_watched_groups_of_a_run(tmp_path) -> None:
    seed_everything(1)
    raw = RawActivations("net.gru")
    callback = IITCallback("net.gru", units=3, groups=4, window=2, tpm="observe", initial=False, table=False, pictures=False)
    logger = TensorBoardLogger(tmp_path)
    Trainer(max_epochs=3, callbacks=[raw, callback], logger=logger, enable_checkpointing=False).fit(Gru(), sequence_data(100))
    assert len(callback.records) == 3
    raws = [[sequence.double().numpy() for batch in epoch for sequence in batch] for epoch in raw.epochs]
    for number, record in enumerate(callback.records):
        check(record, 4)
        for group in record.groups:
            assert group.counts.transitions == 100 * 8 * (1 if number == 0 else 2), "a window for each group"
            if number == 0:
                table = by_hand(raws[0], group)
                assert {(a, b): times for a, b, times in group.counts.joint} == {
                    (a, b): times for (a, b), times in np.ndenumerate(table) if times
                }
                assert group.visits == table.sum(1).max() == table[sum(bit << i for i, bit in enumerate(group.state))].sum()
    assert len({tuple(group.units.indices for group in record.groups) for record in callback.records}) == 1
    stored = load_run(logger.log_dir)
    assert stored == callback.records
    events = read_events(logger.log_dir)
    for name in ("phi_groups_mean", "phi_groups_std", "phi_groups_max", "groups"):
        points = events.scalars[f"iit/net.gru/{name}"]
        assert [point.value for point in points] == pytest.approx([record.scalars[name] for record in stored], rel=1e-6)
    assert [point.value.groups for point in events.records["iit/net.gru/record"]] == [record.groups for record in stored]
    cases = [("", part, state) for record in stored for part, state in analyses_of(record)]
    verified = [compare(case, TOLERANCE, None) for case in with_engine(cases, "pyphi", None)]
    assert [comparison.again for comparison in verified] == pytest.approx(
        [group.result.phi for record in stored for group in record.groups], abs=1e-6
    )
    assert all(not comparison.differences and not comparison.skipped for comparison in verified)


def test_perturbed_groups_of_a_run(tmp_path) -> None:
    callback = train(
        tmp_path, model=Gru(), data=sequence_data(200), layers="net.gru", units=3, groups=3, null_model="cut", epochs=2
    )
    assert len(callback.records) == 3
    for record in callback.records:
        check(record, 3)
        assert record.kind == "causal"
        for group in record.groups:
            assert group.counts.visits == (200 * 8,) * 8, "each step of each sequence but the first"
            assert group.perturbation.observed[sum(bit << i for i, bit in enumerate(group.state))] == group.visits > 0
            assert len(group.perturbation.off[0]) == 3
        assert len({group.counts for group in record.groups}) == 3
    last = callback.records[-1]
    assert last.null is not None, "of the first group"
    text = markdown(callback.records)
    assert re.search(r"Φ of 3 random groups of 3 units: mean \d.*spread .*largest .*null not computed", text)


def test_groups_of_a_resumed_run_are_those_that_it_began_with(tmp_path) -> None:
    options = {"units": 2, "groups": 3, "window": 2, "seed": 4}
    whole = train(tmp_path / "whole", epochs=4, **options).records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path / "half", saved, epochs=2, enable_checkpointing=True, **options)
    callback = IITCallback("net.1", null_model=None, table=False, **options)
    with pytest.warns(UserWarning, match="ckpt_path"):
        trainer(tmp_path / "rest", callback, epochs=4).fit(Mlp(), flat_data(), ckpt_path=saved.last_model_path)
    assert_same(callback.records, whole)
    check(callback.records[-1], 3)


def test_fewer_different_groups_than_were_asked_for(tmp_path) -> None:
    callback = train(tmp_path, layers="net.5", units=2, groups=60, initial=False, epochs=1)
    (record,) = callback.records
    check(record, 45)
    assert "60 groups of 2 units were asked for; there are only 45 different ones." in record.notes
