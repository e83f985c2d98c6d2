"""compute_phi: which engine, which errors, and its time limit."""

from __future__ import annotations

import time

import numpy as np
import psutil
import pytest

from lightning_iit import System, compute_phi, major_complex
from lightning_iit.errors import IITError, InvalidArgumentError, InvalidSystemError, TooManyUnitsError
from lightning_iit.records import Computed, Skipped, TimedOut

BASIC = [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 0]]
BASIC_CM = [[0, 0, 1], [1, 0, 1], [1, 1, 0]]


def basic(state=(1, 0, 0)):
    return System(tpm=BASIC, state=state, cm=BASIC_CM)


def dense(n):
    return System(tpm=np.random.default_rng(0).random((2**n, n)), state=(0,) * n)


def test_auto_takes_the_fast_engine_and_pyphi_for_its_options():
    assert compute_phi(basic()).engine.name == "fast"
    assert compute_phi(basic(), pyphi_options={"PRECISION": 6}).engine.name == "pyphi"
    assert compute_phi(basic(), cuts="one", new_concepts=False).engine.name == "fast"


def test_engines_agree_and_so_does_a_worker():
    results = [compute_phi(basic(), engine="pyphi"), compute_phi(basic(), engine="fast"), compute_phi(basic(), timeout=60.0)]
    assert [result.phi for result in results] == pytest.approx([2.3125] * 3, abs=5e-6)
    assert len({result.cut for result in results}) == 1


def test_a_worker_gives_the_same_answer_as_this_process():
    here, there = (compute_phi(dense(3), engine="pyphi", timeout=timeout, repertoires=True) for timeout in (None, 60.0))
    assert there.phi == here.phi
    assert there.concepts == here.concepts
    assert there.partitioned_concepts == here.partitioned_concepts
    assert compute_phi(basic((0, 1, 0)), engine="pyphi", timeout=60.0) == compute_phi(basic((0, 1, 0)), engine="pyphi")


@pytest.mark.parametrize(("engine", "n"), [("pyphi", 5), ("fast", 8)])
def test_the_limit_ends_an_analysis(engine, n):
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    start = time.monotonic()
    result = compute_phi(dense(n), engine=engine, timeout=1.0)
    assert time.monotonic() - start < 30
    assert isinstance(result, TimedOut)
    assert result.timeout == 1.0
    assert "time limit of 1 s" in result.reason
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert [child.cmdline() for child in left if "resource_tracker" not in " ".join(child.cmdline())] == []


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"tpm": [[0.1, 0.2], [0.3, 0.4]]}, "2 rows"),
        ({"tpm": [[0.5], [float("nan")]], "state": (0,)}, "probability"),
        ({"tpm": [[1.5], [0.5]], "state": (0,)}, "probability"),
        ({"state": (0, 2, 0)}, "0 or 1"),
        ({"state": (0, 1)}, "3 nodes"),
        ({"cm": [[1]]}, "3 x 3"),
    ],
)
def test_malformed_systems(parts, words):
    with pytest.raises(InvalidSystemError, match=words) as caught:
        compute_phi(System(**{"tpm": BASIC, "state": (1, 0, 0), "cm": BASIC_CM, **parts}))
    assert isinstance(caught.value, IITError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "fats"}, "Did you mean 'fast'"),
        ({"engine": "fast", "pyphi_options": {"MEASURE": "L1"}}, "MEASURE"),
        ({"cuts": "two"}, "cuts='two'"),
        ({"threads": 0}, "threads=0"),
        ({"threads": True}, "threads=True"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": float("nan")}, "timeout=nan"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(InvalidArgumentError, match=words):
        compute_phi(basic(), **options)


@pytest.mark.parametrize(("engine", "n"), [("fast", 9), ("pyphi", 6)])
def test_too_many_units_are_refused_with_and_without_a_limit(engine, n):
    tpm = np.random.default_rng(0).random((2**n, n))
    words = set()
    for timeout in (None, 60.0):
        with pytest.raises(TooManyUnitsError) as caught:
            compute_phi(System(tpm=tpm, state=(0,) * n), engine=engine, timeout=timeout)
        words.add(str(caught.value))
    assert len(words) == 1


def test_what_is_no_system():
    with pytest.raises(InvalidSystemError, match="got a list"):
        compute_phi(BASIC)


def test_unreachable_states_of_both_engines():
    for engine in ("pyphi", "fast"):
        result = compute_phi(basic((0, 1, 0)), engine=engine)
        assert isinstance(result, Skipped)
        assert result.code == "state_unreachable"


def test_major_complex_of_both_engines():
    assert major_complex(basic(), engine="pyphi").nodes == major_complex(basic(), engine="fast").nodes == (0, 1, 2)
    assert isinstance(major_complex(basic()).result, Computed)
