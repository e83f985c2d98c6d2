"""The fast engine as an engine: options, outcomes, progress, cancelling, threads, shared work, the cache of machine code."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fast_systems import analyse, dense, differences, majority_ring, phi

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi import compiling
from lightning_iit.phi.fast.cuts import system_cuts
from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.phi.fast.search import CutSearch
from lightning_iit.phi.fast.tables import candidate
from lightning_iit.phi.registry import choose_engine, get_engine
from lightning_iit.records import Computed, PhiOptions, Skipped, System


def test_it_is_the_engine_of_its_name_and_what_auto_takes():
    assert isinstance(get_engine("fast"), FastEngine)
    assert isinstance(choose_engine("auto", PhiOptions(cuts="one")), FastEngine)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"pyphi": {"MEASURE": "KLD"}}, "MEASURE"), ({"cuts": "some"}, "cuts"), ({"threads": 0}, "threads")],
)
def test_options_it_does_not_have_are_refused(options, word):
    with pytest.raises(InvalidArgumentError, match=word):
        FastEngine().check_options(PhiOptions(**options))


def test_too_many_units_are_refused():
    system = System(tpm=np.full((512, 9), 0.5), state=[0] * 9)
    with pytest.raises(TooManyUnitsError, match="9"):
        analyse(system)
    with pytest.raises(TooManyUnitsError, match="9"):
        FastEngine().major_complex(system, PhiOptions())


def test_estimated_seconds_grow_by_unit():
    seconds = [FastEngine().seconds(n) for n in range(1, 11)]
    assert all(late > 1.5 * early for early, late in itertools.pairwise(seconds[1:]))
    assert seconds[3] < 0.05 < seconds[5] < 0.5 < seconds[6] < 10 < seconds[7]


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (System(tpm=[[0.2], [0.9]], state=[1]), "two units"),
        (System(tpm=dense(3, 1).tpm, state=[0, 0, 0], cm=[[1, 1, 1], [0, 1, 1], [0, 1, 1]]), "connections"),
        (System(tpm=np.full((4, 2), 0.3), state=[0, 1]), "concept"),
    ],
)
def test_zero_without_a_search_says_why(system, words):
    result = analyse(system)
    assert isinstance(result, Computed)
    assert (result.phi, result.cut, result.concepts) == (0.0, None, ())
    assert words in result.reason


def test_unreachable_states_are_skipped():
    result = analyse(System(tpm=[[0, 1], [0, 1], [0, 0.5], [0, 1]], state=[1, 0]))
    assert isinstance(result, Skipped)
    assert result.code == "state_unreachable"
    assert "(1, 0)" in result.reason
    found = FastEngine().major_complex(System(tpm=[[0, 1], [0, 1], [0, 0.5], [0, 1]], state=[1, 0]), PhiOptions())
    assert (found.nodes, found.result.phi) == ((), 0.0)
    assert found.result.reason == f"No subset of the units has Φ > 0. {result.reason}"


def test_a_result_says_how_it_came_about():
    result = analyse(dense(4, 3))
    assert isinstance(result, Computed)
    assert result.engine.name == "fast"
    assert result.engine.version
    assert 0 < result.cuts_evaluated <= 14
    assert 0 < result.seconds < 60
    assert result.reason == ""
    assert result.concepts[0].cause_repertoire is None


def test_repertoires_are_distributions_over_the_purviews():
    result = analyse(dense(4, 3), repertoires=True)
    for concept in result.concepts + result.partitioned_concepts:
        for repertoire, purview in (
            (concept.cause_repertoire, concept.cause_purview),
            (concept.effect_repertoire, concept.effect_purview),
        ):
            assert len(repertoire) == 2 ** len(purview)
            assert sum(repertoire) == pytest.approx(1)


def test_states_of_one_tpm_share_work_and_keep_their_results():
    """A mechanism in one state is evaluated once for all states of the system in which it is in that state."""
    n = 5
    tpm = dense(n, 2).tpm
    systems = [System(tpm=tpm, state=[s >> k & 1 for k in range(n)]) for s in range(2**n)]
    engine, options = FastEngine(), PhiOptions()
    separate = [result for system in systems for result in engine.analyse([system], options)]
    together = list(engine.analyse(systems, options))
    assert [differences(a, b) for a, b in zip(together, separate, strict=True)] == [[]] * 2**n
    search = CutSearch(candidate(systems[0], tuple(range(n))), options, several=True)
    rows = [set(search.rows(np.array(system.state)).tolist()) for system in systems]
    assert sum(len(each) for each in rows) == 4**n
    assert len(set.union(*rows)) == 3**n
    cut = next(iter(system_cuts(n, options.cuts)))
    assert search.mice(cut) is search.mice(cut)


def test_systems_of_different_tpms_do_not_mix():
    systems = [dense(3, 1), dense(3, 2), dense(3, 1), dense(2, 1)]
    results = list(FastEngine().analyse(systems, PhiOptions()))
    assert [result.phi for result in results] == [phi(system) for system in systems]
    assert results[0].phi != results[1].phi


@pytest.mark.parametrize("system", [dense(6, 1), majority_ring(6)])
def test_two_threads_find_what_one_finds(system):
    one, two = analyse(system, threads=1, repertoires=True), analyse(system, threads=2, repertoires=True)
    assert differences(two, one) == []


def test_progress_rises_to_one():
    told: list[float] = []
    list(FastEngine().analyse([dense(6, 1), dense(6, 2)], PhiOptions(), told.append))
    assert len(told) > 5
    assert told == sorted(told)
    assert all(0 <= fraction <= 1 for fraction in told)
    assert told[-1] == 1.0


class Cancelled(Exception):  # noqa: N818
    """What a caller raises to end an analysis."""


@pytest.mark.parametrize("threads", [1, 2])
def test_an_analysis_can_be_cancelled_at_any_time(threads):
    """Of a system that takes half a minute: the exception that progress raises comes out within a second, and no thread stays."""
    running = threading.active_count()
    raised: list[float] = []

    def progress(_: float) -> None:
        if time.monotonic() - start > 1.0:
            raised.append(time.monotonic())
            raise Cancelled

    FastEngine().load()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        list(FastEngine().analyse([dense(8, 1)], PhiOptions(threads=threads), progress))
    assert raised[0] - start < 3.0
    assert time.monotonic() - raised[0] < 3.0
    assert threading.active_count() == running


def test_an_error_in_a_thread_comes_out(monkeypatch):
    monkeypatch.setattr("lightning_iit.phi.fast.search.machine_code", lambda _: lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        analyse(dense(6, 1), threads=2)


def test_every_directed_bipartition_is_a_cut_once():
    for n in (2, 3, 5):
        cuts = system_cuts(n, "all")
        assert len({(cut.source, cut.target) for cut in cuts}) == len(cuts) == 2**n - 2
        assert all(cut.source | cut.target == 2**n - 1 and cut.source & cut.target == 0 for cut in cuts)
        assert sorted(cut.position for cut in cuts) == list(range(len(cuts)))


def test_the_major_complex_of_an_odd_one_out():
    """Two units that hear each other beside one that only listens: the two are the major complex, in the system's indices."""
    tpm = [[0.5 * (s & 1), 0.1 + 0.8 * (s >> 2 & 1), 0.1 + 0.8 * (s >> 1 & 1)] for s in range(8)]
    found = FastEngine().major_complex(System(tpm=tpm, state=[1, 1, 0]), PhiOptions())
    assert found.nodes == (1, 2)
    assert found.result.phi > 0
    assert set(found.result.cut.from_nodes + found.result.cut.to_nodes) == {1, 2}


def test_no_complex_where_nothing_is_integrated():
    found = FastEngine().major_complex(System(tpm=np.full((8, 3), 0.25), state=[0, 0, 1]), PhiOptions())
    assert found.nodes == ()
    assert found.result.phi == 0.0
    assert "No subset" in found.result.reason


def test_machine_code_is_kept_by_what_it_depends_on():
    folder = compiling.cache_folder()
    assert folder is not None
    assert folder.name == f"kernels-{compiling.digest()}"
    FastEngine().load()
    assert any(folder.rglob("*evaluate_cut*.nbi"))


def _run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_digest_follows_the_machine_and_the_code(tmp_path):
    code = "from lightning_iit.phi import compiling; print(compiling.digest())"
    usual, generic = _run(code), _run(code, NUMBA_CPU_NAME="generic")
    assert usual == _run(code) == [compiling.digest()]
    assert usual != generic


def test_the_digest_follows_every_source_and_the_compiler(tmp_path, monkeypatch):
    """Of a copy of the package: a change in any file, or another numba, llvmlite or Python, names another folder."""
    room = tmp_path / "phi"
    shutil.copytree(Path(compiling.__file__).parent, room, ignore=shutil.ignore_patterns("__pycache__"))

    def digest():
        spec = importlib.util.spec_from_file_location("copied_compiling", room / "compiling.py")
        copied = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(copied)
        return copied.digest()

    seen = [digest()]
    assert seen == [compiling.digest()]
    sources = [room / "compiling.py", *sorted((room / "fast").rglob("*.py"))]
    assert len(sources) > 15
    for source in sources:
        source.write_text(source.read_text() + "# changed\n")
        seen.append(digest())
    for module, name in ((compiling.numba, "__version__"), (compiling.llvmlite, "__version__"), (sys, "version")):
        monkeypatch.setattr(module, name, "0.0")
        seen.append(digest())
    assert len(set(seen)) == len(seen)


def test_machine_code_of_another_digest_is_not_used(tmp_path):
    """Each digest has its folder, so code that another version left behind is never read."""
    code = "from lightning_iit.phi import compiling; print(compiling.cache_folder())"
    (usual,), (generic,) = (
        _run(code, NUMBA_CACHE_DIR=str(tmp_path)),
        _run(code, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_CPU_NAME="generic"),
    )
    assert usual != generic
    assert sorted(path.name for path in (tmp_path / "lightning-iit").iterdir()) == sorted({Path(usual).name, Path(generic).name})


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("not a folder")
    code = """
from lightning_iit.phi import compiling
from lightning_iit.phi.fast import repertoires
compiled = compiling.entry(lambda x: x + 1)
print(compiling.cache_folder(), compiled(1))
"""
    assert _run(code, XDG_CACHE_HOME=str(taken), NUMBA_CACHE_DIR="") == ["None", "2"]


def test_a_warm_start_takes_no_time():
    """From an empty process to the first Φ of six units, with the machine code on disk; nothing of the compiler is loaded.

    In processor time, as other work may go on. On an idle machine it is 0.9 s, of which half is the analysis.
    """
    FastEngine().load()
    code = """
import sys, time
import numpy as np
from lightning_iit.phi.fast.fast_engine import FastEngine
from lightning_iit.phi.fast.search import CutSearch
from lightning_iit.phi.fast.tables import candidate
from lightning_iit.records import PhiOptions, System
list(FastEngine().analyse([System(tpm=np.random.default_rng(0).random((64, 6)), state=[0] * 6)], PhiOptions()))
print(time.process_time(), "numba.np.linalg" in sys.modules)
"""
    runs = [_run(code) for _ in range(3)]
    assert {compiler for _, compiler in runs} == {"False"}
    assert min(float(seconds) for seconds, _ in runs) < 1.5
