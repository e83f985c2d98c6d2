"""The axes that the types of arrays state, checked with beartype in a fresh process; at run time nothing imports jaxtyping."""

from __future__ import annotations

import subprocess
import sys

CHECKED = """
import functools, importlib, inspect, pkgutil, sys
import numpy as np
import lightning_iit.tpm
loaded = [importlib.import_module(m.name) for m in pkgutil.iter_modules(lightning_iit.tpm.__path__, "lightning_iit.tpm.")]
assert "jaxtyping" not in sys.modules and "torch" not in sys.modules, "a worker would load what it does not need"

import collections.abc
from beartype import beartype
from jaxtyping import Bool, Float, Int, jaxtyped
from numpy.typing import ArrayLike
from lightning_iit import records
names = {**vars(records), **vars(collections.abc), "Bool": Bool, "Float": Float, "Int": Int, "ArrayLike": ArrayLike}
wrapped = {}
for module in loaded:
    for name, value in names.items():
        module.__dict__.setdefault(name, value)
for module in loaded:
    module.__dict__.setdefault("Tpm", sys.modules["lightning_iit.tpm.estimate"].Tpm)
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__.startswith("lightning_iit.tpm."):
            key = function.__module__, function.__qualname__
            wrapped.setdefault(key, jaxtyped(typechecker=beartype)(function))
            setattr(module, name, wrapped[key])

from lightning_iit.tpm import conversion, estimate, information
tpm = estimate.estimate_tpm(np.random.default_rng(0).integers(0, 2, (500, 3)))
information.scalars(tpm)
conversion.state_by_node(conversion.state_by_state(tpm.state_by_node))
estimate.merge([tpm.counts, tpm.counts])
try:
    information.effective_information(np.zeros(3))
except Exception as error:
    assert "state_by_node" in str(error), error
else:
    raise AssertionError("the axes are not checked")
"""


def test_axes_of_arrays():
    done = subprocess.run([sys.executable, "-c", CHECKED], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
