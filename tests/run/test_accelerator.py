"""A run on whatever accelerator there is: states are read where the model is, and the counts are those of a plain loop."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from training import trainer

from lightning_iit import IITCallback, estimate_tpm, load_run
from lightning_iit.records import Computed

pytestmark = pytest.mark.skipif(
    not (torch.cuda.is_available() or torch.backends.mps.is_available()), reason="there is no accelerator on this machine"
)


class Watch(Callback):
    """A hook of our own: the outputs of a layer in training steps, as they are, brought to the CPU."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.outputs: list[torch.Tensor] = []

    def on_train_start(self, trainer, pl_module):
        pl_module.get_submodule(self.layer).register_forward_hook(self.keep)

    def keep(self, module, inputs, output):
        output = output[0] if isinstance(output, tuple) else output
        assert output.device.type != "cpu"
        self.outputs.append(output.detach().cpu().float())


CASES = {
    "mlp": (Mlp, flat_data, "net.1", {}),
    "gru": (Gru, sequence_data, "net.gru", {"tpm": "observe"}),
    "gru perturbed": (Gru, sequence_data, "net.gru", {"tpm": "perturb"}),
}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("case", CASES)
def test_counts_of_a_plain_loop(tmp_path, case, precision):
    model_class, data, layer, options = CASES[case]
    callback, watch = IITCallback(layer, units=[0, 1, 2], threshold="zero", initial=False, **options), Watch(layer)
    seed_everything(5, verbose=False)
    runner = trainer(tmp_path, callback, watch, epochs=1, accelerator="auto", devices=1, precision=precision)
    runner.fit(model_class(), data())
    (record,) = callback.records
    assert isinstance(record.result, Computed)
    states = (torch.cat(watch.outputs)[..., :3] > 0).int().numpy()
    watched = record.observed or record.counts
    assert watched == estimate_tpm(list(states) if states.ndim == 3 else states).counts
    assert load_run(tmp_path) == callback.records
