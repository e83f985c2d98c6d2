"""What hangs on the user's model is inert elsewhere: in copies, pickles, scripts and exports; and all is plain after training."""

from __future__ import annotations

import copy
import copyreg
import io
import pickle

import pytest
import torch
from lightning.pytorch import Callback, LightningModule
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from training import train, trainer

from lightning_iit import IITCallback
from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.hooks.attached import ModuleHook


class OwnCopy(nn.Linear):
    """Copies itself in a way of its own."""

    def __deepcopy__(self, memo):
        made = type(self).__new__(type(self))
        made.__dict__.update({name: copy.deepcopy(value, memo) for name, value in vars(self).items()})
        return made


def saved(module):
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda module: pickle.loads(pickle.dumps(module)),
    "save": saved,
}


@pytest.mark.parametrize("kind", [nn.Linear, OwnCopy])
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_that_is_made_within_a_step_is_not_watched(how, kind):
    calls = []
    model = nn.Sequential(kind(3, 2))
    model[0].register_forward_hook(print if how in {"pickle", "save"} else lambda *call: calls.append(call))
    with Capture(model, CaptureOptions(layers="0", units=2, threshold="zero")) as capture:
        capture.begin_epoch(2)
        for number in range(2):
            capture.begin_step()
            twin = COPIES[how](model[0])
            twin(torch.randn(5, 3) + number)
            model(torch.randn(4, 3))
            capture.end_step()
        (layer,) = capture.end_epoch()
        if how == "deepcopy" and kind is nn.Linear:
            assert len(twin._forward_hooks) == 1, "the user's own hook is copied"
    assert layer.counts.transitions == 7
    assert not any("times in a training step" in note for note in layer.notes)


def test_a_pickle_has_no_trace_of_the_package():
    for kind in (nn.Linear, OwnCopy):
        model = nn.Sequential(kind(3, 2))
        with Capture(model, CaptureOptions(layers="0", units=2, threshold="zero")):
            hook = next(iter(model[0]._forward_hooks.values()))
            assert b"lightning_iit" not in pickle.dumps(model) + pickle.dumps(hook)
            assert not pickle.loads(pickle.dumps(model))[0]._forward_hooks
        assert kind not in copyreg.dispatch_table
        assert not model[0]._forward_hooks


def test_an_inert_hook_can_be_called():
    hook = pickle.loads(pickle.dumps(ModuleHook(nn.Identity(), print)))
    assert hook(nn.Identity(), (1,), {}, 2) is None


@pytest.mark.filterwarnings("default")  # TorchScript is deprecated
def test_scripts_traces_and_exports_have_no_trace():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.randn(5, 3)
    script = torch.jit._recursive.create_script_module
    with Capture(model, CaptureOptions(layers=["0", "1"], units=2, threshold="zero")) as capture:
        before = [dict(layer._forward_hooks) for layer in model]
        capture.begin_epoch(1)
        capture.begin_step()
        scripted = torch.jit.script(model)
        traced = torch.jit.trace(model, x, check_trace=False)
        graphs = [torch.export.export(model, (x,), strict=strict) for strict in (True, False)]
        model(torch.randn(9, 3))
        capture.end_step()
        for layer in capture.end_epoch():
            assert layer.problem is None
            assert layer.counts.transitions == 8
        assert [dict(layer._forward_hooks) for layer in model] == before
        for one in (scripted, traced, *(graph.module() for graph in graphs)):
            assert torch.equal(one(x), model(x))
        assert not any("lightning_iit" in str(graph.graph) for graph in graphs)
    assert torch.jit._recursive.create_script_module is script


class Meddles(Callback):
    """Copies, saves and scripts the module in every epoch, and runs the copies."""

    def on_train_batch_end(self, trainer, module, *_):
        for copied in (copy.deepcopy(module.net), saved(module.net)):
            assert not any(part._forward_hooks for part in copied.modules())

    def on_train_epoch_end(self, trainer, module):
        torch.jit.script(module.net)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "options", [{}, {"transitions": "depth", "layers": ["net.1", "net.4"], "units": 2}], ids=["watch", "depth"]
)
def test_copies_can_be_made_while_training(tmp_path, options):
    alone, meddled = (train(tmp_path / name, *more, pictures=False, **options) for name, more in (("a", ()), ("b", (Meddles(),))))
    assert [record.counts for record in alone.records] == [record.counts for record in meddled.records]


def test_a_perturbed_layer_can_be_saved_while_training(tmp_path):
    class Saves(Callback):
        def on_train_batch_end(self, trainer, module, *_):
            assert not saved(module.net)["gru"]._forward_hooks

    train(tmp_path, Saves(), model=Gru(), data=sequence_data(), layers="net.gru", epochs=2, pictures=False)


class Keeps(Mlp):
    def __init__(self, callback=None):
        super().__init__()
        self.save_hyperparameters()


def test_model_and_callback_are_plain_after_training(tmp_path):
    model = Mlp()
    callback = train(tmp_path, model=model)
    assert not any(part._forward_hooks for part in model.modules())
    for made in (pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback), copy.deepcopy(copy.deepcopy(callback))):
        assert len(made.records) == 4
        assert list(made.records) == list(callback.records)
        assert (made.layers, made.units) == ("net.1", 2)
        assert made.progress == ()
    assert not any(part._forward_hooks for part in copy.deepcopy(model).modules())
    pickle.dumps(model)


def test_the_callback_can_be_copied_while_the_first_batches_are_kept(tmp_path):
    """Until the untrained network was analysed, the callback has hooks and kept batches of its own."""
    copies = []

    class Copies(Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            if trainer.global_step < 2:
                callback = trainer.callbacks[0]
                copies.extend((pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback)))

    callback = train(tmp_path / "run", Copies(), epochs=1)
    assert [record.epoch for record in callback.records] == [-1, 0]
    assert len(copies) == 4
    for twin in copies:
        assert not {"on_train_batch_start", "on_train_batch_end"} & set(vars(twin))
        assert vars(twin)["_first"] is None
    trainer(tmp_path / "again", copies[0], epochs=1).fit(Mlp(), flat_data())
    assert [record.epoch for record in copies[0].records] == [-1, 0]


def test_a_copy_can_train_again(tmp_path):
    callback = train(tmp_path / "first", epochs=1)
    twin = pickle.loads(pickle.dumps(callback))
    trainer(tmp_path / "second", twin, epochs=2).fit(Mlp(), flat_data())
    assert [record.epoch for record in twin.records] == [-1, 0, 1]
    assert [record.epoch for record in callback.records] == [-1, 0]


def test_the_callback_can_be_a_hyperparameter(tmp_path):
    callback = IITCallback("net.1", units=2, groups=1, states="mode", null_model=None, table=False, pictures=False)
    model = Keeps(callback)
    fitted = trainer(tmp_path, callback, epochs=1, enable_checkpointing=True)
    fitted.fit(model, flat_data())
    path = tmp_path / "kept.ckpt"
    fitted.save_checkpoint(path)
    loaded = Keeps.load_from_checkpoint(path, weights_only=False)
    assert isinstance(loaded, LightningModule)
    assert list(loaded.hparams.callback.records) == list(callback.records)
