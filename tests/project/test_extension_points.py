"""What another package adds by an entry point is found by its name, in the process and in its workers, and lists are derived."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sample_records import a_record
from training import train

from lightning_iit import IITCallback, Tracker
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.trackers.registry import checked_trackers, trackers_for

PACKAGE = '''
"""A package that adds an engine and a tracker."""
from lightning_iit import Tracker
from lightning_iit.records import Computed, EngineInfo, MajorComplex


class Constant:
    """Takes every system for one of Φ = 0.25."""

    name, max_units = "constant", 3

    def version(self):
        return "7.0"

    def load(self):
        pass

    def check_options(self, options):
        pass

    def seconds(self, n):
        return 0.001

    def analyse(self, systems, options, progress=None):
        for system in systems:
            if system.n > self.max_units:
                raise ValueError("too many")
            yield Computed(phi=0.25, engine=EngineInfo(name=self.name, version=self.version()), seconds=0.0)

    def major_complex(self, system, options, progress=None):
        return MajorComplex(nodes=(), result=next(self.analyse([system], options)))


class Short(Constant):
    """Forgets the last system."""

    name = "short"

    def analyse(self, systems, options, progress=None):
        yield from super().analyse(systems[:-1], options)


class Careless(Constant):
    """Never looks how large a system is."""

    name = "careless"

    def analyse(self, systems, options, progress=None):
        for system in systems:
            yield Computed(phi=0.25, engine=EngineInfo(name=self.name, version=self.version()), seconds=0.0)


class Lines(Tracker):
    """Appends a line for each record to a file of the run's folder."""

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def for_logger(cls, logger, run_dir):
        return cls(run_dir) if logger is None else None

    def log(self, record, images):
        with open(self.folder / "lines.csv", "a") as file:
            file.write(f"{record.layer},{record.epoch},{record.phi}\\n")
'''
ENTRY_POINTS = """[lightning_iit.engines]
constant = an_addition:Constant
broken = an_addition:Nothing
careless = an_addition:Careless
short = an_addition:Short
other = an_addition:Constant
[lightning_iit.trackers]
lines = an_addition:Lines
"""


@pytest.fixture
def installed(tmp_path):
    """The environment of a process in which that package is installed."""
    folder = tmp_path / "installed"
    metadata = folder / "an_addition-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "an_addition.py").write_text(PACKAGE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: an-addition\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def run(environment, folder, *command):
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_training_with_an_engine_and_a_tracker_of_another_package(tmp_path, installed):
    code = """
import pathlib, sys
sys.path[:0] = sys.argv[1:]
from training import train
callback = train(pathlib.Path("."), engine="constant", trackers=["lines"], epochs=2)
print([(record.phi, record.result.engine.name, record.result.engine.version) for record in callback.records])
"""
    support = [path for path in sys.path if Path(path, "training.py").exists()]
    status, said = run(installed, tmp_path, "-c", code, *support)
    assert status == 0, said
    assert f"{[(0.25, 'constant', '7.0')] * 3}" in said
    (lines,) = tmp_path.rglob("lines.csv")
    assert sorted(lines.read_text().split()) == ["net.1,-1,0.25", "net.1,0,0.25", "net.1,1,0.25"]


def test_the_command_line_knows_its_name(tmp_path, installed):
    status, said = run(installed, tmp_path, "-m", "lightning_iit.cli", "cost", "--units", "3", "--engine", "constant")
    assert (status, "constant engine" in said) == (0, True), said
    status, said = run(installed, tmp_path, "-m", "lightning_iit.cli", "cost", "--units", "3", "--engine", "constand")
    assert status == 2
    assert "constant" in said


def test_one_that_cannot_be_loaded_is_said_in_words(tmp_path, installed):
    status, said = run(installed, tmp_path, "-m", "lightning_iit.cli", "cost", "--units", "3", "--engine", "broken")
    assert status == 2
    assert "engine='broken': an_addition:Nothing cannot be loaded (AttributeError" in said
    status, said = run(installed, tmp_path, "-m", "lightning_iit.cli", "cost", "--units", "3", "--engine", "other")
    assert status == 2
    assert "engine='other': an_addition:Constant calls itself 'constant'" in said


def test_an_engine_that_owes_results_ends_in_words(tmp_path, installed):
    code = """
import pathlib, sys
sys.path[:0] = sys.argv[1:]
from training import train
callback = train(pathlib.Path("."), engine="short", states=2, epochs=1, initial=False)
print([(type(state.result).__name__, state.result.reason) for state in callback.records[0].states])
"""
    support = [path for path in sys.path if Path(path, "training.py").exists()]
    status, said = run(installed, tmp_path, "-c", code, *support)
    assert status == 0, said
    assert "('Computed', ''), ('Failed', \"ValueError: the engine 'short' ended after 1 of 2 systems; it owes one result" in said


def test_a_tracker_is_an_object_with_one_method(tmp_path):
    class Kept(Tracker):
        """Keeps what it is given."""

        def __init__(self):
            self.records = []

        def log(self, record, images):
            self.records.append((record.key, record.phi))

    kept = Kept()
    callback = train(tmp_path, trackers=[kept], epochs=2)
    assert sorted(kept.records) == sorted((record.key, record.phi) for record in callback.records)


def test_a_tracker_that_breaks_costs_only_what_it_was_given(tmp_path, caplog):
    class Breaks(Tracker):
        """Takes nothing."""

        def log(self, record, images):
            raise ValueError("no room for it")

    callback = train(tmp_path, trackers=[Breaks()], epochs=1)
    assert [record.phi is not None for record in callback.records] == [True, True]
    assert "Breaks did not take" in caplog.text
    assert "no room for it" in caplog.text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["csv"], "trackers='csv': no installed package has a tracker of this name"),
        ([Tracker], "is no tracker"),
        ([3], "trackers=: 3 is no tracker"),
        ("csv", "trackers='csv': give a list of trackers"),
    ],
)
def test_what_is_no_tracker_is_refused_before_training(tmp_path, given, words):
    with pytest.raises(InvalidArgumentError, match=words.replace("(", r"\(")):
        train(tmp_path, trackers=given)
    with pytest.raises(InvalidArgumentError):
        checked_trackers("trackers", given)


def test_further_trackers_come_after_those_of_the_loggers(tmp_path):
    class Own(Tracker):
        """Does nothing."""

    own = Own()
    assert trackers_for((), tmp_path, [own])[-1] is own
    own.log(a_record("fc1", 0), {})
    own.finish(failed=False)
    assert isinstance(IITCallback(trackers=[own]).trackers, list)


def test_no_engine_is_given_a_system_that_is_too_large_for_it(tmp_path, installed):
    """Not even one that does not look, and by no way: with options that skip the other checks, in workers, or by itself."""
    code = """
import numpy as np
from lightning_iit import System, analyse_states, compute_phi, major_complex
from lightning_iit.errors import TooManyUnitsError
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import PhiOptions
system = System(tpm=np.random.default_rng(0).random((16, 4)), state=(0, 0, 0, 0))
other = {"pyphi_options": {"SYSTEM_CUTS": "CONCEPT_STYLE"}}
engine = get_engine("careless")
for ask in (
    lambda: compute_phi(system, engine="careless"),
    lambda: compute_phi(system, engine="careless", **other),
    lambda: compute_phi(system, engine="careless", timeout=60, **other),
    lambda: major_complex(system, engine="careless"),
    lambda: major_complex(system, engine="careless", **other),
    lambda: analyse_states(np.random.default_rng(0).integers(0, 2, (99, 4)), engine="careless"),
    lambda: engine.analyse([system], PhiOptions()),
):
    try:
        print("given:", ask())
    except TooManyUnitsError as error:
        print("refused:", error)
print(major_complex(system, engine="careless", timeout=60, **other).result.reason)
"""
    status, said = run(installed, tmp_path, "-c", code)
    assert status == 0, said
    assert said.count("refused:") == 7, said
    assert "takes up to 3" in said.splitlines()[-1]


def test_an_engine_of_iit3_is_not_asked_for_iit4(tmp_path, installed):
    code = """
from lightning_iit import System, compute_phi
from lightning_iit.errors import InvalidArgumentError
try:
    compute_phi(System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1)), engine="careless", formalism="iit4-2023")
except InvalidArgumentError as error:
    print(error)
"""
    status, said = run(installed, tmp_path, "-c", code)
    assert status == 0, said
    assert "engine='careless' computes iit3, not formalism='iit4-2023'; use engine='auto'." in said
