"""The callback is one of ``lightning.pytorch`` and of ``pytorch_lightning``, which is imported by its user only."""

from __future__ import annotations

import subprocess
import sys

import pytest

FIRST_OURS = """
import sys
from lightning_iit import IITCallback
IITCallback("net")
assert "pytorch_lightning" not in sys.modules
import pytorch_lightning
"""
FIRST_THEIRS = """
import pytorch_lightning
from lightning_iit import IITCallback
assert issubclass(IITCallback, pytorch_lightning.Callback), "the command line of pytorch_lightning asks the class"
"""
IS_BOTH = """
import copy, pickle
import lightning.pytorch
from pytorch_lightning.utilities.model_helpers import is_overridden
callback = IITCallback("net", units=3)
for one in (callback, copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
    assert isinstance(one, lightning.pytorch.Callback)
    assert isinstance(one, pytorch_lightning.Callback)
    is_overridden("state_dict", instance=one)  # "Expected a parent" for an object of another class; trainers before 2.5.3 ask this
    assert (one.layers, one.units) == ("net", 3)
assert IITCallback.__mro__.index(lightning.pytorch.Callback) < IITCallback.__mro__.index(pytorch_lightning.Callback)
assert not callable(callback.on_predict_epoch_end), "pytorch_lightning 1.* calls it with another number of arguments"
"""


@pytest.mark.parametrize("start", [FIRST_OURS, FIRST_THEIRS], ids=["ours first", "theirs first"])
def test_is_a_callback_of_both_packages_whichever_is_imported_first(start):
    done = subprocess.run([sys.executable, "-c", start + IS_BOTH], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
