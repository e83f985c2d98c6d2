"""The sample of a layer's calls: what it cannot keep never stops a training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.errors import StepError


class Stubborn:
    """An argument that cannot be looked at."""

    @property
    def get_seq_length(self):
        msg = "not now"
        raise RuntimeError(msg)


def test_an_error_in_the_hook_is_kept_for_later_and_never_raised_in_the_call():
    layer, reservoir = nn.Identity(), Reservoir()
    with reservoir.attach(layer):
        layer(torch.zeros(2))
        assert isinstance(layer(Stubborn()), Stubborn)
        layer(torch.zeros(2))
        with pytest.raises(StepError, match=r"could not be kept \(RuntimeError: not now\)"):
            _ = reservoir.calls
        reservoir.clear()
        layer(torch.zeros(2))
        assert len(reservoir.calls) == 1
