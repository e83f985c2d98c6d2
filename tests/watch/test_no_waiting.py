"""A training step with the callback asks no tensor for its value, but for the step of an epoch that calibrates thresholds.

Each such operation has the training wait for an accelerator until all that was submitted to it is done.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from torch.nn.functional import cross_entropy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset
from training import trainer

from lightning_iit import IITCallback

WAITING = {"_local_scalar_dense", "item", "is_nonzero", "nonzero", "equal"}
TO_MEMORY = {"cpu", "numpy", "__array__", "tolist", "item", "__bool__", "__int__", "__float__", "__index__"}
STEPS = 24


class Waits(TorchDispatchMode):
    """Counts the operations that wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._overloadpacket.__name__
        found = func(*args, **(kwargs or {}))
        if name in WAITING:
            self.seen[name] += 1
        return found


class ToMemory(TorchFunctionMode):
    """Counts the calls that take values to main memory, which on an accelerator are copies; on a CPU no operation is made."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        to_cpu = name == "to" and any(str(one) == "cpu" for one in (*args[1:], *(kwargs or {}).values()))
        if name in TO_MEMORY or to_cpu:
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


class Begins(Callback):
    """Starts the count of a step, before any other callback."""

    def __init__(self) -> None:
        self.steps = []
        self.modes = None

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        self.modes = Waits(), ToMemory()
        for mode in self.modes:
            mode.__enter__()


class Ends(Callback):
    """Ends the count of a step, after all other callbacks."""

    def __init__(self, begins) -> None:
        self.begins = begins

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        for mode in reversed(self.begins.modes):
            mode.__exit__(None, None, None)
        self.begins.steps.append(tuple(mode.seen for mode in self.begins.modes))


class Classifier(LightningModule):
    """Trains a network of others on random classes."""

    def __init__(self, net) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch, _):
        out = self.net(batch[0])
        logits = getattr(out, "logits", out)
        return cross_entropy(logits.reshape(-1, logits.shape[-1]), batch[1].reshape(-1))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


class Asks(Mlp):
    """Asks for a value in each step by itself."""

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        assert (loss if isinstance(loss, torch.Tensor) else loss["loss"]).item() >= 0
        return loss


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    net = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2))
    tokens = torch.randint(50, (4 * STEPS, 12))
    return Classifier(net), DataLoader(TensorDataset(tokens, tokens.roll(-1, 1)), 4)


def resnet():
    from torchvision.models.resnet import BasicBlock, ResNet

    rows = TensorDataset(torch.randn(4 * STEPS, 3, 16, 16), torch.randint(5, (4 * STEPS,)))
    return Classifier(ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5)), DataLoader(rows, 4)


CASES = {
    "GPT-2": (gpt2, {"layers": "net.transformer.h.*.mlp"}),
    "ResNet": (resnet, {"layers": ["net.layer1.0", "net.layer2.0", "net.layer3.0", "net.layer4.0"]}),
    "GRU perturbed": (lambda: (Gru(), sequence_data(16 * STEPS, batch=16)), {"layers": "net.gru", "tpm": "perturb"}),
    "MLP watched": (lambda: (Mlp(), flat_data(32 * STEPS)), {"layers": "net.1"}),
}


def counted(folder, make, *callbacks):
    """What waited in each step."""
    seed_everything(3, verbose=False)
    model, data = make()
    begins = Begins()
    options = {"logger": False, "epochs": 2}
    trainer(folder, begins, *callbacks, Ends(begins), **options).fit(model, data)
    return begins.steps


@pytest.mark.parametrize("case", CASES)
def test_no_step_waits_for_a_device(tmp_path, case):
    make, options = CASES[case]
    fixed = {"units": 2, "groups": 2, "initial": False, "null_model": None, "table": False, "pictures": False, "network": False}
    plain = counted(tmp_path / "plain", make)
    callback = IITCallback(**fixed | options)
    watched = counted(tmp_path / "watched", make, callback)
    assert len(plain) == len(watched) == 2 * STEPS
    assert len(callback.records)
    assert all(record.phi is not None for record in callback.records)
    assert [waits for waits, _ in watched] == [waits for waits, _ in plain]
    # Units are chosen in the first steps of a training. In one step of each epoch thresholds are calibrated.
    copies = [after != before for (_, before), (_, after) in zip(plain, watched, strict=True)]
    assert not any(copies[STEPS // 2 : STEPS])
    assert sum(copies[STEPS:]) == 1


def test_the_count_sees_a_step_that_waits(tmp_path):
    steps = counted(tmp_path, lambda: (Asks(), flat_data(32 * STEPS)))
    assert [waits["_local_scalar_dense"] for waits, _ in steps] == [1] * 2 * STEPS
    assert all(copies["item"] == 1 for _, copies in steps)
