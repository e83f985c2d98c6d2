"""What a training says of itself while somebody looks; and that it says nothing, and stays the same, while nobody does."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, sequence_data
from torch.nn.functional import cross_entropy
from training import comparable, trainer

from lightning_iit import IITCallback
from lightning_iit.records import decode_network
from lightning_iit.records.steering.activity import PLACES, RING, ActivityRing, LayerUnits, read_rows
from lightning_iit.records.steering.folder import answers_in, control_folder, send
from lightning_iit.records.steering.status import LOOKED_AT, STATUS, read_status, say_looking
from lightning_iit.run.commands import audience, live, steering

GRU = {"layers": "net.gru", "units": 3, "groups": 2, "table": False, "extra_budget": 0.0, "initial": False}


@pytest.fixture(autouse=True)
def at_every_batch(monkeypatch):
    """What is looked for and written after a batch is so after each one."""
    monkeypatch.setattr(steering, "_EVERY", 0.0)
    monkeypatch.setattr(live, "_STATUS_EVERY", 0.0)
    monkeypatch.setattr(live, "_ACTIVITY_EVERY", 0.0)


class Looker(Callback):
    """Looks before some batches, and keeps what it finds after each; stands after the callback in the list."""

    def __init__(self, looks):
        self.looks, self.found, self.losses, self.rows, self.hooks, self.truth = looks, [], [], {}, [], {}
        self.batch = 0

    def folder(self, trainer):
        return control_folder(trainer.callbacks[0]._run.run_dir)

    def on_train_batch_start(self, trainer, module, batch, index):
        self.batch += 1
        if self.batch in self.looks:
            say_looking(self.folder(trainer))

        def keep(_, __, output):
            self.truth[trainer.global_step + 1] = output[0].detach()[0, -1].clone()

        self.handle = module.net["gru"].register_forward_hook(keep)

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.handle.remove()
        self.losses.append(float(module.last))
        self.found.append(read_status(self.folder(trainer)))
        for row in read_rows(self.folder(trainer) / RING):
            self.rows[row.number] = row
        if index > 1:  # the snapshot of an epoch has had its batch
            self.hooks.append(len(module.net["out"]._forward_hooks))


class Remembering(Gru):
    """Keeps the loss of its last step."""

    def training_step(self, batch, index):
        loss = super().training_step(batch, index)
        self.last = loss.detach()
        return loss


def trained(folder, looks=(), *, model=None, epochs=2, more=(), callback=None, **options):
    seed_everything(5, verbose=False)
    made = callback or IITCallback(**GRU)
    looker = Looker(set(looks))
    run = trainer(folder, made, looker, *more, epochs=epochs, **options)
    run.fit(model or Remembering(), sequence_data(64))
    return made, run, looker


def test_nothing_is_written_and_no_hook_is_made_while_nobody_looks(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(live.Live, "after_batch", lambda *_, **__: asked.append(1))
    made, _, looker = trained(tmp_path)
    assert list(control_folder(made._run.run_dir).iterdir()) == []
    assert looker.found == [None] * 8
    assert set(looker.hooks) == {0}
    assert asked == []


def test_an_old_sign_of_somebody_counts_for_nothing(tmp_path):
    first, *_ = trained(tmp_path / "first", looks={2})
    folder = control_folder(first._run.run_dir)
    assert (folder / LOOKED_AT).exists()
    looks = audience.Audience(folder)
    looks.look()
    assert looks.until == 0.0
    time.sleep(0.01)
    say_looking(folder)
    looks.look()
    assert looks.until > time.monotonic()


def test_while_somebody_looks_the_status_is_that_of_the_trainer(tmp_path):
    made, run, looker = trained(tmp_path, looks={3})
    assert looker.found[:3] == [None] * 3  # the command folder is looked at after the batch
    for batch, status in enumerate(looker.found[3:], start=3):
        assert (status.step, status.epoch, status.batch) == (batch + 1, batch // 4, batch % 4 + 1)
        assert status.loss == pytest.approx(looker.losses[batch])
        assert (status.epochs, status.batches, status.steps, status.pace) == (2, 4, None, "running")
        assert status.layers == ("net.gru",)
        assert status.run == made._run.run
        assert not status.ends
    assert [found.seconds_left > 0 for found in looker.found[3:7]] == [True] * 4
    assert looker.found[-1].seconds_left == 0.0
    assert run.global_step == 8
    end = read_status(control_folder(made._run.run_dir))
    assert (end.pace, end.ends, end.broken, end.step, end.epoch) == ("ending", True, False, 8, 2)


class Breaking(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 6:
            raise RuntimeError("on purpose")


@pytest.mark.parametrize("error", [False, True])
def test_a_training_says_how_it_ended_though_nobody_looks_any_more(tmp_path, monkeypatch, error):
    """Else a page that is opened later tells the step of the last look as if it were the last one."""

    class Gone(Callback):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == 4:
                monkeypatch.setattr(live.time, "monotonic", lambda now=time.monotonic: now() + 100)

    more = (Gone(), *([Breaking()] if error else []))
    with pytest.raises(RuntimeError, match="on purpose") if error else contextlib.nullcontext():
        trained(tmp_path, looks={1}, more=more)
    (folder,) = tmp_path.rglob("control")
    end = read_status(folder)
    assert (end.pace, end.broken, end.step, end.epoch) == ("ending", error, 6 if error else 8, 1 if error else 2)
    # Else a whole training is said to have ended within an epoch, and a batch of long ago to have been its last.
    assert (end.batch, end.batches, end.loss) == (2 if error else 4, 4, None)


@pytest.mark.parametrize("step", [4, 6])
def test_the_activity_is_that_of_the_layers_at_that_step(tmp_path, step):
    """The first sample, at the end of its sequence, as a hook of the test's own sees it; the units are those of the snapshot."""
    made, _, looker = trained(tmp_path, looks={2})
    (row,) = [row for row in looker.rows.values() if row.step == step]
    units = {one.layer: (one.indices, values) for one, values in zip(row.units, row.values, strict=True)}
    indices, values = units["net.gru"]
    assert values == pytest.approx(looker.truth[step][list(indices)].tolist(), abs=1e-6)
    epoch = step // 5
    drawn = decode_network((made._run.run_dir / f"iit/network/snapshot={epoch:04d}.json").read_bytes())
    assert {one.name: one.indices for one in drawn.layers if one.name in units} == {name: one[0] for name, one in units.items()}
    assert {"net.gru", "net.out"} <= units.keys()


def test_training_is_the_same_to_the_bit_while_somebody_looks(tmp_path):
    plain, first, _ = trained(tmp_path / "plain")
    seen, second, looker = trained(tmp_path / "seen", looks=range(9))
    assert looker.found[-1] is not None
    assert len(looker.rows) > 3
    states = [one.lightning_module.state_dict() for one in (first, second)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert [comparable(record) for record in seen.records] == [comparable(record) for record in plain.records]


def test_writing_ends_and_hooks_go_when_nobody_looks_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(audience, "FORGET_SECONDS", 1.0)

    class Slow(Callback):
        def on_train_batch_start(self, *_):
            time.sleep(0.35)

    *_, looker = trained(tmp_path, looks={2}, more=(Slow(),))
    assert looker.found[2] is not None
    assert len({None if one is None else one.step for one in looker.found[5:]}) == 1
    assert max(looker.hooks) == 1
    assert looker.hooks[-1] == 0


def test_a_pause_is_said_and_no_step_is_made_in_it(tmp_path):
    seen = []

    def watch(directory, steps):
        folder = control_folder(directory)
        while len(answers_in(directory)) < 1:
            time.sleep(0.02)
        deadline = time.monotonic() + 20
        while (status := read_status(folder)) is None or status.pace != "paused":
            say_looking(folder)
            time.sleep(0.05)
            assert time.monotonic() < deadline
        seen.append((status.pace, status.step, len(steps)))
        time.sleep(0.5)
        seen.append((read_status(folder).pace, read_status(folder).step, len(steps)))
        send(directory, "resume")

    class Pause(Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            if trainer.global_step == 2:
                directory = trainer.callbacks[0]._run.run_dir
                send(directory, "pause")
                threading.Thread(target=watch, args=(directory, trainer.callbacks[1].losses)).start()

    *_, looker = trained(tmp_path, looks={8}, more=(Pause(),))
    assert seen == [("paused", 3, 2)] * 2  # the third batch has ended for the callback, and not for those after it
    assert looker.found[-1].pace == "running"


def test_the_loss_is_that_of_the_module_where_gradients_are_accumulated(tmp_path):
    *_, looker = trained(tmp_path, looks={1}, accumulate_grad_batches=2)
    assert looker.found[2].loss == pytest.approx(looker.losses[2])


class ByHand(Remembering):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        self.last = cross_entropy(self(batch[0]), batch[1])
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.last)
        optimizer.step()
        self.last = self.last.detach()


def test_a_step_that_returns_nothing_has_no_loss(tmp_path):
    *_, looker = trained(tmp_path, looks={1}, model=ByHand())
    assert looker.found[-1].loss is None
    assert looker.found[-1].step == 8


@pytest.mark.parametrize("blocked", [STATUS, RING])
def test_what_cannot_be_written_stops_no_training(tmp_path, blocked):
    class Block(Callback):
        def on_train_start(self, trainer, module):
            (control_folder(trainer.callbacks[0]._run.run_dir) / blocked / "in").mkdir(parents=True)

    _, run, looker = trained(tmp_path, looks=range(9), more=(Block(),))
    assert (run.global_step, run.state.status) == (8, "finished")
    assert (looker.found[-1] is None) == (blocked == STATUS)


def test_a_fault_is_said_once_and_training_goes_on(tmp_path, monkeypatch, caplog):
    def fails(*_, **__):
        msg = "this cannot be"
        raise RuntimeError(msg)

    monkeypatch.setattr(live, "write_status", fails)
    with pytest.warns(UserWarning, match="writing how far training is failed") as caught:
        _, run, _ = trained(tmp_path, looks=range(9))
    assert len([one for one in caught if "how far" in str(one.message)]) == 1
    assert (run.global_step, run.state.status) == (8, "finished")


def test_the_end_is_said_where_it_was_asked_for(tmp_path):
    class Stop(Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            if trainer.global_step == 1:
                send(trainer.callbacks[0]._run.run_dir, "stop")

    *_, looker = trained(tmp_path, looks={1}, more=(Stop(),), epochs=5)
    assert [one.ends for one in looker.found[2:]] == [True, True]


def test_a_run_that_draws_no_network_tells_no_activity(tmp_path):
    callback = IITCallback(**GRU, network_budget=0)
    *_, looker = trained(tmp_path, looks={1}, callback=callback)
    assert looker.rows == {}
    assert looker.found[-1] is not None


def test_a_run_that_was_looked_at_is_set_aside_like_any_other(tmp_path):
    logger = TensorBoardLogger(tmp_path, name="", version="")
    first, *_ = trained(tmp_path, looks=range(9), logger=logger)
    folder = control_folder(first._run.run_dir)
    (folder / "1.lesion.json").write_bytes(b"{}")
    assert {path.name for path in folder.iterdir()} == {LOOKED_AT, STATUS, RING, "1.lesion.json"}
    second, *_ = trained(tmp_path, logger=TensorBoardLogger(tmp_path, name="", version=""))
    assert second._run.run_dir == first._run.run_dir
    assert (tmp_path / "iit-1" / "control" / STATUS).exists()
    assert list(control_folder(second._run.run_dir).iterdir()) == []


# --- the ring ---


def test_the_ring_keeps_the_last_rows_and_never_grows(tmp_path):
    ring, units = ActivityRing(tmp_path / RING), (LayerUnits("a", (0, 4)), LayerUnits("b", (1,)))
    sizes = set()
    for step in range(40):
        ring.write(step, units, ((step, -0.5), (0.25,)))
        sizes.add((tmp_path / RING).stat().st_size)
    rows = read_rows(tmp_path / RING)
    assert len(sizes) == 1
    assert [row.step for row in rows] == list(range(40 - PLACES, 40))
    assert rows[-1].values == ((39.0, -0.5), (0.25,))
    assert rows[-1].units == units
    ring.write(40, units[:1], ((1, 2),))
    (row,) = read_rows(tmp_path / RING)
    assert (row.number, row.step, row.units, row.values) == (41, 40, units[:1], ((1.0, 2.0),))


def test_a_row_that_is_being_written_and_a_file_that_is_none_are_left_out(tmp_path):
    path, units = tmp_path / RING, (LayerUnits("a", (0,)),)
    ring = ActivityRing(path)
    for step in (1, 2):
        ring.write(step, units, ((0.5,),))
    data = path.read_bytes()
    torn = bytearray(data)
    torn[ring._start + 2 * 28 + 20] ^= 1  # the number at the end of the second row
    path.write_bytes(bytes(torn))
    assert [row.step for row in read_rows(path)] == [1]
    for broken in (b"", data[:-1], data + b"x", b"x" + data, data[:12], b"\xff" * len(data)):
        path.write_bytes(broken)
        assert read_rows(path) == []
    path.unlink()
    path.mkdir()
    assert read_rows(path) == []
    assert read_rows(tmp_path / "nowhere") == []
