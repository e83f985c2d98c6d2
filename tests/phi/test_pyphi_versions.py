"""Which PyPhi is installed decides what ``engine="pyphi"`` computes; all else is refused before any work.

PyPhi 2 itself is asked by ``tests/pyphi2/run.py``. Here the metadata of an installed package are put on the path.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import msgspec
import numpy as np
import pytest
from packaging.requirements import Requirement
from places import PROJECT

from lightning_iit import System, compute_phi, compute_structure, major_complex
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.pyphi.engine import PyPhiEngine
from lightning_iit.phi.pyphi.versions import generation, installed_version
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import PhiOptions

SWAP = System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1))
FORMALISMS = ("iit4-2023", "iit4-2026")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Returns a function after which a version of PyPhi is the installed one."""

    def install(version):
        folder = tmp_path / f"pyphi-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pyphi\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path)
        assert installed_version() == version

    return install


@pytest.mark.parametrize(("version", "expected"), [("1.2.0", 1), ("1.2.7", 1), ("2.0.0rc4", 2), ("2.0.0", 2), ("2.11.3.dev1", 2)])
def test_the_version_decides(installed, version, expected):
    installed(version)
    assert generation() == expected
    assert PyPhiEngine().version() == version


@pytest.mark.parametrize("version", ["3.0", "10.2", "1.1.0", "1.20.0", "0.8.1", "unknown"])
def test_an_unknown_version_is_not_asked(installed, version):
    installed(version)
    words = f"engine='pyphi': PyPhi {version} is installed, and this package knows how to ask 1.2 and 2."
    for call in (
        lambda: compute_phi(SWAP, engine="pyphi"),
        lambda: compute_phi(SWAP, engine="pyphi", formalism="iit4-2023"),
        lambda: major_complex(SWAP, engine="pyphi"),
        lambda: PyPhiEngine().check_options(PhiOptions()),
    ):
        with pytest.raises(InvalidArgumentError, match=re.escape(words)):
            call()


def test_without_pyphi_all_else_works(tmp_path):
    """With every package of this environment but PyPhi."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for path in Path(np.__file__).parents[1].iterdir():
        if not path.name.startswith(("pyphi", "__editable__")) and path.suffix != ".pth":
            (packages / path.name).symlink_to(path)
    code = f"""
from lightning_iit import IITError, System, compute_phi
system = System(tpm={SWAP.tpm}, state=(0, 1))
print(compute_phi(system).phi, compute_phi(system, formalism="iit4-2023").phi)
for formalism in ("iit3", "iit4-2026"):
    try:
        print(compute_phi(system, engine="pyphi", formalism=formalism))
    except IITError as error:
        print(error)
"""
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{packages}"}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    numbers, *refused = done.stdout.splitlines()
    assert numbers == "1.0 2.0"
    assert len(refused) == 2
    assert all(line.startswith("engine='pyphi': PyPhi is not installed. Install it") for line in refused)


@pytest.mark.parametrize("formalism", FORMALISMS)
@pytest.mark.parametrize("call", [compute_phi, compute_structure, major_complex])
def test_iit4_needs_pyphi_2(call, formalism):
    """What is said first is which version is needed, though this system is too large and its options are wrong."""
    large = System(tpm=np.full((2**11, 11), 0.5), state=[0] * 11)
    with pytest.raises(InvalidArgumentError) as refused:
        call(large, engine="pyphi", formalism=formalism, pyphi_options={"MEASURE": "L1"})
    said = str(refused.value)
    assert said.startswith(f"engine='pyphi': formalism='{formalism}' needs PyPhi 2, and PyPhi {installed_version()} is installed")
    assert 'pip install "pyphi[emd]>=2.0.0rc4,<3"' in said
    assert ("Python 3.13 or later" in said) == (sys.version_info < (3, 13))


def test_a_refusal_imports_no_pyphi():
    code = f"""
import sys
from importlib.metadata import requires
from lightning_iit import IITError, System, compute_structure
try:
    compute_structure(System(tpm={SWAP.tpm}, state=(0, 1)), "pyphi", formalism="iit4-2023")
except IITError:
    print([name for name in ("pyphi", "numba", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("formalism", "options", "words"),
    [
        (
            "iit3",
            {"MEASURE": "L1"},
            "MEASURE is an option of PyPhi 1.2; PyPhi 2 has 'mechanism_phi_measure' instead. Of iit3 there",
        ),
        ("iit3", {"SYSTEM_CUTS": "CONCEPT_STYLE"}, "SYSTEM_CUTS is an option of PyPhi 1.2; PyPhi 2 has no such option."),
        ("iit3", {"mechanism_phi_measur": "L1"}, "Did you mean 'mechanism_phi_measure'?"),
        ("iit3", {"ces_measure": "L1"}, "ces_measure='L1' cannot be; it is one of 'EMD', 'SUM_SMALL_PHI'."),
        ("iit3", {"mechanism_phi_measure": "KLD"}, "mechanism_phi_measure='KLD' is asymmetric"),
        ("iit3", {"shortcircuit_sia": True}, "'shortcircuit_sia' is no option of PyPhi that changes a result"),
        ("iit3", {"assume_partitions_cannot_create_new_concepts": True}, "give new_concepts=False instead"),
        ("iit4-2023", {"PRECISION": 6}, "PyPhi 2 has 'precision' instead. Of iit4-2023 there are 'shortcircuit_sia'"),
        ("iit4-2023", {"shortcircuit_sia": 0}, "shortcircuit_sia=0 cannot be; it is one of True, False."),
        ("iit4-2026", {"version": "IIT_4_0_2023"}, "version is an option of this package; give formalism instead."),
    ],
)
def test_pyphi_2_has_other_options(installed, formalism, options, words):
    installed("2.0.0rc4")
    for engine in ("pyphi", "auto"):
        with pytest.raises(InvalidArgumentError, match=re.escape(words)):
            compute_phi(SWAP, engine, formalism=formalism, pyphi_options=options)


@pytest.mark.parametrize(
    ("formalism", "options"),
    [
        ("iit3", {"mechanism_phi_measure": "KLD", "ces_measure": "SUM_SMALL_PHI", "precision": 8}),
        ("iit4-2023", {"shortcircuit_sia": False}),
        ("iit4-2026", {"precision": 10, "single_micro_nodes_with_selfloops_have_phi": False}),
    ],
)
def test_the_options_of_pyphi_2_are_known_by_it_alone(installed, formalism, options):
    with pytest.raises(InvalidArgumentError):
        compute_phi(SWAP, "pyphi", formalism=formalism, pyphi_options=options)
    installed("2.0.0rc4")
    get_engine("pyphi", formalism).check_options(PhiOptions(pyphi=options, formalism=formalism))


@pytest.mark.parametrize("formalism", FORMALISMS)
def test_the_engine_is_named_in_the_result(formalism):
    """This package's engine has one name in all formalisms; it is also what "auto" takes."""
    auto, fast = (compute_phi(SWAP, engine, formalism=formalism) for engine in ("auto", "fast"))
    assert auto.engine == compute_phi(SWAP, "fast").engine
    assert msgspec.structs.replace(auto, seconds=fast.seconds) == fast
    structures = [compute_structure(SWAP, engine, formalism=formalism).big_phi for engine in ("auto", "fast")]
    assert structures[0] == structures[1] == 4.0
    assert major_complex(SWAP, "fast", formalism=formalism).nodes == major_complex(SWAP, formalism=formalism).nodes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"engine": "pyphy"}, "engine='pyphy': there is no such engine; choose 'auto', 'fast' or 'pyphi'. Did you mean 'pyphi'?"),
        ({"engine": "fast", "pyphi_options": {"precision": 6}}, "engine='fast' does not implement precision for iit4-2023"),
        ({"engine": 2}, "engine=2"),
        ({"pyphi_options": "precision"}, "pyphi_options='precision'"),
        ({"pyphi_options": {"precision": 6}}, "needs PyPhi 2"),
    ],
)
def test_wrong_engines_of_iit4_are_refused(arguments, words):
    for call in (compute_phi, compute_structure, major_complex):
        with pytest.raises(InvalidArgumentError, match=re.escape(words)):
            call(SWAP, formalism="iit4-2023", **arguments)


def test_an_installation_takes_either_version_of_pyphi_and_no_third():
    (pin,) = [one for one in map(Requirement, requires("lightning-iit")) if one.name == "pyphi" and one.marker is None]
    allowed = {
        version: pin.specifier.contains(version, prereleases=True) for version in ("1.1.0", "1.2.0", "2.0.0rc4", "2.1", "3.0")
    }
    assert allowed == {"1.1.0": False, "1.2.0": True, "2.0.0rc4": True, "2.1": True, "3.0": False}
