"""The axes that the types of arrays state, checked with beartype in a fresh process; at run time nothing imports jaxtyping."""

from __future__ import annotations

import subprocess
import sys

CHECKED = """
import importlib, inspect, pkgutil, sys, typing, collections.abc
import numpy as np
import lightning_iit.whole as whole
prefix = "lightning_iit.whole."
loaded = [importlib.import_module(module.name) for module in pkgutil.walk_packages(whole.__path__, prefix)]
assert "jaxtyping" not in sys.modules and "torch" not in sys.modules, "a worker would load what it does not need"

from beartype import beartype
from jaxtyping import Float, Int, jaxtyped
from numpy.typing import ArrayLike
names = {**vars(collections.abc), "Float": Float, "Int": Int, "ArrayLike": ArrayLike}
for module in loaded:
    names |= {name: value for name, value in vars(module).items() if not name.startswith("_")}
for module in ("lightning_iit.records.whole.measures", "lightning_iit.records.whole.pairs"):
    names |= {name: value for name, value in vars(importlib.import_module(module)).items() if name[0].isupper()}
wrapped = {}
for module in loaded:
    for name, value in names.items():
        module.__dict__.setdefault(name, value)
for module in loaded:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__.startswith(prefix):
            hints = str(inspect.get_annotations(function))
            if "Float[" in hints or "Int[" in hints:
                key = function.__module__, function.__qualname__
                wrapped.setdefault(key, jaxtyped(typechecker=beartype)(function))
                setattr(module, name, wrapped[key])
assert len(wrapped) > 25, len(wrapped)

from lightning_iit.whole import decomposition, layer
from lightning_iit.whole.values import covariances
series = np.random.default_rng(0).standard_normal((300, 4))
layer.whole_layer(series, surrogates=2, resamples=2, pairs="mmi")
layer.whole_layer(list(series.reshape(30, 10, 4)), partition=[[0, 1], [2, 3]], surrogates=2, resamples=2, pairs="ccs")
layer.whole_layer(series, ordered=False, surrogates=2)
decomposition.phiid_of_counts(np.ones(16), "ccs")
try:
    covariances.log_det(np.zeros((2, 3)))
except Exception as error:
    assert "matrix" in str(error), error
else:
    raise AssertionError("the axes are not checked")
"""


def test_axes_of_arrays():
    done = subprocess.run([sys.executable, "-c", CHECKED], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
