"""What a worker does for a task."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
from PIL import Image
from places import PROJECT
from tasks import task

from lightning_iit import System, compute_phi
from lightning_iit.job import job
from lightning_iit.job.job import prepare_run, run, warm_up
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.phi.scalars import phi_scalars
from lightning_iit.records import Computed, Failed, PhiOptions, PhiTask, Skipped, StateResult, TaskResult
from lightning_iit.tpm.estimate import counts_from_codes

pytestmark = pytest.mark.usefixtures("own_servers")
OF_THE_COUNTS = {
    "coverage", "transitions", "effective_information", "determinism", "degeneracy", "entropy", "conditional_dependence",
    "conditional_dependence_p", "self_transitions", "multi_information",
}  # fmt: skip
PICTURES = {"tpm", "tpm.svg", "tpm_small", "mip", "mip.svg", "mip_small"}
SCALARS = {"phi", "phi_mean", "phi_max", "states", "concepts", "sum_small_phi", "seconds", *OF_THE_COUNTS}


def frequencies(counts):
    """The TPM by plain loops."""
    n = len(counts.on[0])
    rows = zip(counts.on, counts.visits, strict=True)
    return [[on / visits for on in row] if visits else [0.5] * n for row, visits in rows]


@pytest.fixture(scope="module")
def answer():
    given = task()
    return given, run(given)


def test_phi_is_that_of_the_tpm_of_the_counts(answer):
    given, result = answer
    rows = frequencies(given.counts)
    assert np.array_equal(result.tpm.state_by_node, rows)
    assert result.tpm.prior == 0.5
    assert [state.state for state in result.states] == list(given.states)
    for state in result.states:
        index = sum(bit << unit for unit, bit in enumerate(state.state))
        assert state.visits == given.counts.visits[index]
        expected = compute_phi(System(tpm=rows, state=state.state), engine="fast")
        assert msgspec.structs.replace(state.result, seconds=0.0) == msgspec.structs.replace(expected, seconds=0.0)


def test_the_scalars(answer):
    given, result = answer
    assert set(result.scalars) == SCALARS
    first, second = (state.result.phi for state in result.states)
    weights = [state.visits for state in result.states]
    assert result.scalars["phi"] == first
    assert result.scalars["phi_max"] == max(first, second)
    assert result.scalars["phi_mean"] == pytest.approx((first * weights[0] + second * weights[1]) / sum(weights))
    assert result.scalars["states"] == 2
    assert result.scalars["concepts"] == len(result.states[0].result.concepts)
    assert result.scalars["sum_small_phi"] == pytest.approx(sum(concept.phi for concept in result.states[0].result.concepts))
    assert result.scalars["transitions"] == 299
    assert result.scalars["coverage"] == np.mean(np.array(given.counts.visits) > 0)
    assert result.scalars["seconds"] == sum(state.result.seconds for state in result.states)
    assert result.seconds >= result.scalars["seconds"] > 0


def test_the_pictures(answer):
    _, result = answer
    assert set(result.images) == PICTURES
    for name, data in result.images.items():
        if name.endswith(".svg"):
            assert ET.fromstring(data).tag.endswith("}svg")
            continue
        picture = Image.open(io.BytesIO(data)).convert("L")
        assert picture.size == ((700, 560) if name.endswith("_small") else (920, 520))
        assert np.asarray(picture).std() > 5
    assert run(task(pictures=False)).images == {}


def test_the_answer_is_plain_data(answer):
    _, result = answer
    assert msgspec.json.decode(msgspec.json.encode(result), type=TaskResult) == result
    assert all(math.isfinite(value) for value in result.scalars.values())


def test_a_worker_gives_the_same_answer(answer):
    given, here = answer
    pool = WorkerPool()
    try:
        pool.warm_up()
        there = pool.submit(given).result(120)
    finally:
        pool.close()
    timeless = [
        msgspec.structs.replace(
            result,
            seconds=0.0,
            scalars={name: value for name, value in result.scalars.items() if name != "seconds"},
            states=tuple(
                msgspec.structs.replace(state, result=msgspec.structs.replace(state.result, seconds=0.0)) for state in result.states
            ),
        )
        for result in (here, there)
    ]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize("long", [True, False])
def test_what_is_known_is_told_early(monkeypatch, long):
    # Pictures are drawn beforehand where the analyses that follow may not come to their end.
    monkeypatch.setattr(job, "_LONG", 0.0 if long else 60.0)
    reports = []

    def report(fraction, *, state=None, partial=None):
        reports.append((fraction, state, partial))

    result = run(task(), report)
    assert reports[0][2].tpm == result.tpm
    assert set(reports[0][2].scalars) == OF_THE_COUNTS
    assert set(reports[0][2].images) == ({"tpm", "tpm.svg", "tpm_small"} if long else set())
    assert set(result.images) == PICTURES
    assert tuple(state for _, state, _ in reports if state is not None) == result.states
    fractions = [fraction for fraction, _, _ in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_state_that_has_no_phi_costs_no_other():
    # Unit 1 copies unit 0 and unit 0 is inverted: from (0, 0) only (1, 0) follows.
    codes = np.array([0b00, 0b01, 0b10] * 40)
    given = PhiTask(
        layer="l", epoch=0, global_step=0, counts=counts_from_codes(codes[:-1], codes[1:], units=2), prior=1.0,
        states=((1, 0), (0, 0), (1, 1)), kind="causal", axis="time", labels=("0", "1"),
    )  # fmt: skip
    result = run(given)
    assert all(isinstance(state.result, (Computed, Skipped)) for state in result.states)
    direct = [compute_phi(System(tpm=[*frequencies(given.counts)[:3], [1, 1]], state=state)) for state in given.states]
    assert [type(state.result) for state in result.states] == [type(other) for other in direct]


def test_an_engine_that_refuses_leaves_the_rest():
    result = run(task(6, engine="pyphi"))
    assert [type(state.result) for state in result.states] == [Failed, Failed]
    assert result.states[0].result.code == "engine_error"
    assert "6 units are too many for PyPhi" in result.states[0].result.reason
    assert "Traceback" in result.states[0].result.details
    assert {"phi", "phi_mean", "seconds", "concepts"}.isdisjoint(result.scalars)
    assert result.scalars["transitions"] == 299
    assert set(result.images) == PICTURES


def test_pictures_that_cannot_be_drawn_cost_no_phi():
    result = run(task(kind="of a kind that no picture knows"))
    assert isinstance(result.states[0].result, Computed)
    assert result.images == {}
    assert [note.split(":")[0] for note in result.notes] == [
        "Could not make the picture of the TPM",
        "Could not make the picture of the partition",
    ]


def test_the_connections_count():
    cut_off = ((1, 1, 0), (1, 1, 0), (0, 0, 1))
    result = run(task(cm=cut_off, pictures=False)).states[0].result
    assert result.phi == 0.0
    assert "connect" in result.reason


@pytest.mark.parametrize("engine", ["fast", "pyphi"])
def test_the_major_complex(engine):
    cut_off = ((1, 1, 0), (1, 1, 0), (0, 0, 1))
    result = run(task(cm=cut_off, pictures=False, engine=engine, options=PhiOptions(complexes=True)))
    assert result.major_complex.nodes == (0, 1)
    assert result.major_complex.result.phi > 0
    assert result.scalars["major_complex_size"] == 2.0


def test_scalars_of_what_was_not_computed():
    computed = Computed(phi=2.0, engine={"name": "e", "version": "0"}, seconds=3.0)
    failed = Failed(code="worker_died", reason="gone")
    states = [StateResult(state=(0,), visits=5, result=failed), StateResult(state=(1,), visits=0, result=computed)]
    assert phi_scalars(states) == {"phi_mean": 2.0, "phi_max": 2.0, "states": 1.0, "seconds": 3.0}
    assert phi_scalars(states[:1]) == {}
    assert phi_scalars([]) == {}


def test_neither_torch_nor_pyphi_is_loaded():
    script = """
import sys
sys.path.insert(0, "tests/support")
from tasks import task
before = {name for name in ("torch", "pyphi") if name in sys.modules}
from lightning_iit.job.job import run
result = run(task())
assert result.states[0].result.engine.name == "fast"
print(sorted(before), sorted(name for name in ("torch", "pyphi", "lightning", "mlflow") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_warm_up_and_prepare():
    seen = []
    for engine in ("auto", "pyphi"):
        warm_up(engine, report=seen.append)
    assert seen
    prepare_run(task())


def test_an_unknown_engine_makes_the_states_failed_and_keeps_the_tpm(answer):
    given = task(engine="fats")
    prepare_run(given)
    result = run(given)
    assert result.tpm == answer[1].tpm
    assert result.scalars.keys() == OF_THE_COUNTS
    assert len(result.states) == len(given.states)
    for state in result.states:
        assert isinstance(state.result, Failed)
        assert "Did you mean 'fast'?" in state.result.reason
