"""The PyPhi engine: PyPhi's own answers, and a host that does not notice."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from fast_systems import oracle
from places import PROJECT

from lightning_iit import System, compute_phi, major_complex, to_pyphi
from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.pyphi._import import DEFAULTS, configured, import_pyphi
from lightning_iit.phi.pyphi.engine import PyPhiEngine
from lightning_iit.phi.pyphi.options1 import check_options
from lightning_iit.records import Computed, PhiOptions, Skipped

BASIC = [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 0]]
BASIC_CM = [[0, 0, 1], [1, 0, 1], [1, 1, 0]]


def basic(state=(1, 0, 0)):
    return System(tpm=BASIC, state=state, cm=BASIC_CM)


def random_system(seed, n=2):
    rng = np.random.default_rng(seed)
    return System(tpm=rng.random((2**n, n)), state=tuple(rng.integers(0, 2, n)))


def test_published_values():
    """Oizumi, Albantakis and Tononi (2014), and PyPhi's documentation."""
    result = compute_phi(basic(), engine="pyphi")
    assert result.phi == pytest.approx(2.3125, abs=5e-6)
    assert (result.cut.from_nodes, result.cut.to_nodes) == ((1, 2), (0,))
    assert [concept.mechanism for concept in result.concepts] == [(1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)] or result.concepts
    assert result.cuts_evaluated == 6
    assert result.engine.name == "pyphi"
    assert result.engine.version == "1.2.0"
    assert result.seconds > 0


@pytest.mark.filterwarnings("ignore:cm contradicts the TPM")
def test_small_systems_of_the_oracle():
    """PyPhi still gives the stored answers, which the fast engine is compared with: two units, and a part of those of three."""
    of_two, of_three = ([system for system in oracle() if system["n"] == n] for n in (2, 3))
    small = of_two + of_three[:: 1 if "LIGHTNING_IIT_EVERYTHING" in os.environ else 4]
    assert len(small) > 50
    assert [difference for system in small if (difference := _difference(system))] == []


def _difference(expected):
    result = compute_phi(System(tpm=expected["tpm"], state=expected["state"], cm=expected["cm"]), engine="pyphi")
    if "error" in expected:
        return None if isinstance(result, Skipped) and result.code == "state_unreachable" else (expected["name"], result)
    cut = None if result.cut is None else {"from_nodes": list(result.cut.from_nodes), "to_nodes": list(result.cut.to_nodes)}
    wrong = []
    if abs(result.phi - expected["phi"]) > 1e-6:
        wrong.append(("phi", result.phi, expected["phi"]))
    if cut != expected["cut"]:
        wrong.append(("cut", cut, expected["cut"]))
    if len(result.concepts) != len(expected["ces"]):
        wrong.append(("concepts", len(result.concepts), len(expected["ces"])))
    for concept, other in zip(result.concepts, expected["ces"], strict=False):
        purviews = concept.mechanism, concept.cause_purview, concept.effect_purview
        if purviews != tuple(tuple(other[name]) for name in ("mechanism", "cause_purview", "effect_purview")):
            wrong.append(("concept", concept, other))
        if abs(concept.cause_phi - other["cause_phi"]) > 1e-6 or abs(concept.effect_phi - other["effect_phi"]) > 1e-6:
            wrong.append(("small phi", concept, other))
    return (expected["name"], wrong) if wrong else None


@pytest.mark.parametrize("seed", range(3))
def test_equals_pyphi_called_directly(seed):
    system = random_system(seed, n=3)
    result = compute_phi(system, engine="pyphi", repertoires=True)
    pyphi = import_pyphi()
    subsystem = to_pyphi(system)
    sia = pyphi.compute.sia(subsystem)
    assert result.phi == sia.phi
    assert (result.cut.from_nodes, result.cut.to_nodes) == (sia.cut.from_nodes, sia.cut.to_nodes)
    for ours, theirs in ((result.concepts, sia.ces), (result.partitioned_concepts, sia.partitioned_ces)):
        assert [concept.mechanism for concept in ours] == [concept.mechanism for concept in theirs]
        for concept, other in zip(ours, theirs, strict=True):
            flat = pyphi.distribution.flatten(other.cause_repertoire)  # PyPhi's own little-endian order
            assert concept.cause_repertoire == tuple(flat)
            assert concept.effect_repertoire == tuple(pyphi.distribution.flatten(other.effect_repertoire))
            assert (concept.cause_phi, concept.effect_phi) == (other.cause.phi, other.effect.phi)
    assert len(subsystem.network) == 3
    assert subsystem.state == system.state


@pytest.mark.filterwarnings("ignore:cm contradicts the TPM")
def test_zero_without_a_search_says_why():
    alone = compute_phi(System(tpm=[[0.2], [0.9]], state=(1,)), engine="pyphi")
    chain = compute_phi(System(tpm=BASIC, state=(1, 0, 0), cm=[[0, 1, 0], [0, 0, 1], [0, 0, 0]]), engine="pyphi")
    noise = compute_phi(System(tpm=np.full((4, 2), 0.5), state=(1, 0)), engine="pyphi")
    for result, words in ((alone, "single node"), (chain, "strongly connected"), (noise, "no mechanism")):
        assert isinstance(result, Computed)
        assert result.phi == 0.0
        assert result.cut is None
        assert result.cuts_evaluated == 0
        assert words in result.reason


def test_an_unreachable_state_is_skipped():
    result = compute_phi(basic((0, 1, 0)), engine="pyphi")
    assert isinstance(result, Skipped)
    assert result.code == "state_unreachable"
    assert "(0, 1, 0)" in result.reason


@pytest.mark.parametrize(("cuts", "new_concepts"), [("one", True), ("all", False)])
def test_the_approximations_are_pyphis(cuts, new_concepts):
    system = random_system(5, n=3)
    result = compute_phi(system, engine="pyphi", cuts=cuts, new_concepts=new_concepts)
    names = {"CUT_ONE_APPROXIMATION": cuts == "one", "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": not new_concepts}
    with configured(names) as pyphi:
        sia = pyphi.compute.sia(to_pyphi(system))
    assert result.phi == sia.phi
    assert len(result.partitioned_concepts) == len(sia.partitioned_ces)
    assert result.cuts_evaluated == 6


@pytest.mark.parametrize(
    "options",
    [
        {"MEASURE": "L1"},
        {"PARTITION_TYPE": "TRI"},
        {"PARTITION_TYPE": "ALL"},
        {"SYSTEM_CUTS": "CONCEPT_STYLE"},
        {"PICK_SMALLEST_PURVIEW": True},
        {"USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE": True, "MEASURE": "KLD"},
        {"PRECISION": 3},
    ],
)
def test_options_by_pyphis_names(options):
    system = basic() if "MEASURE" in options else random_system(7, n=2)
    result = compute_phi(system, engine="auto", pyphi_options=options)
    with configured(options) as pyphi:
        expected = pyphi.compute.sia(to_pyphi(system)).phi
    assert result.engine.name == "pyphi"
    assert result.phi == pytest.approx(expected, abs=0)
    assert {name: getattr(import_pyphi().config, name) for name in DEFAULTS} == DEFAULTS
    assert import_pyphi().constants.EPSILON == 1e-6


def test_a_change_of_measure_changes_the_answer():
    results = {measure: compute_phi(basic(), pyphi_options={"MEASURE": measure}, engine="pyphi").phi for measure in ("EMD", "L1")}
    assert results["EMD"] != results["L1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"MEASUER": "L1"}, "Did you mean 'MEASURE'"),
        ({"MEASURE": "L2"}, "Did you mean 'L1'"),
        ({"MEASURE": "KLD"}, "asymmetric"),
        ({"CUT_ONE_APPROXIMATION": True}, "cuts='one'"),
        ({"PARALLEL_CUT_EVALUATION": True}, "changes a result"),
        ({"PICK_SMALLEST_PURVIEW": 1}, "True, False"),
        ({"PRECISION": True}, "PRECISION=True"),
    ],
)
def test_wrong_options_name_the_right_ones(options, words):
    with pytest.raises(InvalidArgumentError, match=words):
        check_options(options)
    with pytest.raises(InvalidArgumentError, match=words):
        compute_phi(basic(), engine="pyphi", pyphi_options=options)


def test_too_many_units_are_refused_with_the_cost():
    system = random_system(0, n=6)
    with pytest.raises(TooManyUnitsError, match=r"6 units.*17 seconds at 4 units.*engine='fast'"):
        compute_phi(system, engine="pyphi")
    assert PyPhiEngine().seconds(5) > 100 * PyPhiEngine().seconds(3)


def test_progress_goes_from_cut_to_cut():
    seen = []
    systems = [basic(), random_system(1)]
    assert len(list(PyPhiEngine().analyse(systems, PhiOptions(), seen.append))) == 2
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 6 + 1 + 2 + 1


def test_the_major_complex_is_pyphis():
    found = major_complex(basic(), engine="pyphi")
    assert found.nodes == (0, 1, 2)
    assert found.result.phi == pytest.approx(2.3125, abs=5e-6)
    # Two nodes copy each other, the third listens only: it is no part of the complex.
    tpm = [[b, a, a & b] for c in (0, 1) for b in (0, 1) for a in (0, 1)]
    pair = major_complex(System(tpm=tpm, state=(1, 1, 1), cm=[[0, 1, 1], [1, 0, 1], [0, 0, 0]]), engine="pyphi")
    assert pair.nodes == (0, 1)
    assert pair.result.phi > 0
    none = major_complex(System(tpm=np.full((4, 2), 0.5), state=(1, 0)), engine="pyphi")
    assert (none.nodes, none.result.phi) == ((), 0.0)
    assert none.result.reason


def test_a_host_that_imports_pyphi_itself_keeps_its_configuration():
    config = import_pyphi().config
    config.MEASURE = "L1"
    try:
        assert compute_phi(basic(), engine="pyphi").phi == pytest.approx(2.3125, abs=5e-6)
        assert config.MEASURE == "L1"
    finally:
        config.MEASURE = "EMD"


def test_the_host_does_not_notice_the_import(tmp_path):
    """In a directory whose pyphi_config.yml would change every Φ, with warnings as errors and logging configured."""
    (tmp_path / "pyphi_config.yml").write_text("MEASURE: L1\nLOG_FILE: other.log\n")
    script = f"""
        import numpy  # it sets warning filters of its own
        import collections, logging, os, sys, warnings
        logging.basicConfig(filename="host.log", filemode="w", level=logging.INFO)
        warnings.simplefilter("error")
        sys.path.insert(0, {str(PROJECT)!r})
        def host():
            root = logging.getLogger()
            return (os.getcwd(), dict(os.environ), list(root.handlers), root.level, list(warnings.filters),
                    logging.config.dictConfig, set(dir(collections)))
        import logging.config, collections.abc
        logging.info("before")
        before = host()
        from lightning_iit import System, compute_phi
        result = compute_phi(System(tpm={BASIC!r}, state=(1, 0, 0), cm={BASIC_CM!r}), engine="pyphi")
        assert host() == before, (host(), before)
        logging.info("after")
        assert abs(result.phi - 2.3125) < 5e-6, result.phi
        assert "torch" not in sys.modules
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "host.log").read_text() == "INFO:root:before\nINFO:root:after\n"
    assert {path.name for path in tmp_path.iterdir()} == {"host.log", "pyphi_config.yml"}


def test_the_package_loads_neither_torch_nor_pyphi():
    script = (
        "import sys, lightning_iit, lightning_iit.phi.compute; print([m for m in ('torch', 'pyphi', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pyphi_says_nothing_to_the_hosts_log(caplog):
    with caplog.at_level(logging.DEBUG):
        compute_phi(basic(), engine="pyphi")
    assert [record for record in caplog.records if record.name.startswith("pyphi")] == []
