"""What the workers of the tests run: the layer's name says what to do."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

from lightning_iit.records import Computed, EngineInfo, StateResult, TaskResult

ENGINE = EngineInfo(name="test", version="0")


def run(task, report):
    """Does what the layer's name says, one state after the other."""
    states = []
    report(0.0, partial=TaskResult(states=(), scalars={"coverage": 0.5}, images={"tpm": b"\x89PNG \xff"}))
    for index, state in enumerate(task.states):
        if index == len(task.states) - 1:
            _act(*task.layer.split(":"))
        result = Computed(phi=1.0 + index, engine=ENGINE, seconds=0.25)
        states.append(StateResult(state=state, visits=1, result=result))
        report((index + 1) / len(task.states), state=states[-1])
    return TaskResult(states=tuple(states), scalars={"pid": float(os.getpid())})


def _act(what, value="0"):
    if what == "sleep":
        time.sleep(float(value))
    elif what == "hold":  # C code that does not give the GIL back
        ctypes.PyDLL(None).sleep(int(value))
    elif what == "raise":
        raise ValueError("cannot " + value)
    elif what == "exit":
        os._exit(int(value))
    elif what == "exit_once":  # the value is a file that says whether it was there before
        if not Path(value).exists():
            Path(value).touch()
            os._exit(9)
    elif what == "begun":  # says in a file which process computes, and waits
        with Path(value).open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(600 if len(Path(value).read_text().split()) == 1 else 0)


def warm_up(engine):
    """Stands still where the engine's name says so."""
    if engine == "stuck":
        time.sleep(600)


def prepare_stuck(task):
    time.sleep(600)


def stuck(task, report):
    raise AssertionError


def prepare_slow(task):
    """Is at work for longer than the tests' time limits."""
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        pass


def slow(task, report):
    return run(task, report)


def unpicklable(task, report):
    return lambda: None


def prepare_stillborn(task):
    os._exit(3)


def stillborn(task, report):
    raise AssertionError


def describe(task, report):
    """Tells about the process."""
    notes = [f"torch={'torch' in sys.modules}", f"main={getattr(sys.modules['__main__'], '__file__', None)}", f"cwd={Path.cwd()}"]
    notes += [f"{name}={os.environ.get(name)}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")]
    return TaskResult(states=(), scalars={"nice": float(os.nice(0))}, notes=tuple(notes))
