"""Depth as the axis, on hand-made stacks with a known answer and on Hugging Face and torchvision models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gates
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.vision_transformer import VisionTransformer
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, LlamaConfig, LlamaModel

from lightning_iit import System, compute_phi
from lightning_iit.capture.choose.stacks import common_name, find_stack
from lightning_iit.capture.depth.capture import DepthCapture, DepthEpoch
from lightning_iit.capture.depth.perturb import DepthPerturber
from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.errors import InvalidArgumentError, UnknownLayerError
from lightning_iit.records import Computed, Skipped
from lightning_iit.settings import Settings
from lightning_iit.tpm.diagnostics import Evidence, diagnose

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(11)


def captured(
    model: nn.Module, batches: list[Any], options: CaptureOptions, *, pooled: bool = False
) -> tuple[DepthCapture, tuple[DepthEpoch, ...]]:
    capture = DepthCapture(model, options, pooled=pooled)
    capture.attach()
    capture.begin_epoch(len(batches))
    for batch in batches:
        capture.begin_step()
        model(batch)
        capture.end_step()
    epochs = capture.end_epoch()
    capture.detach()
    return capture, epochs


def perturbed(capture: DepthCapture, epoch: DepthEpoch, state: Any, **options: Any) -> Any:
    return DepthPerturber(capture, PerturbOptions(**options)).perturb(epoch, state)


# --- known answers ------------------------------------------------------------------------------------------------------


class GateBlock(nn.Module):
    """One step of a gate network on each token of a stream; the coordinates beyond the gates pass."""

    def __init__(self, network: tuple[gates.Gate, ...]) -> None:
        super().__init__()
        self.layer = gates.recurrent_layer(network, nn.GRU)

    def forward(self, stream: Tensor, mask: Tensor | None = None) -> Tensor:
        n = self.layer.hidden_size
        hidden = stream[..., :n].reshape(1, -1, n)
        after = self.layer(torch.zeros(hidden.shape[1], 1, n), hidden)[1].reshape(*stream.shape[:-1], n)
        return torch.cat([after, stream[..., n:]], dim=-1)


class Signs(nn.Module):
    """Gives a stack tokens of random signs, through which all states are seen at the first depth."""

    def __init__(self, *networks: tuple[gates.Gate, ...]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(GateBlock(network) for network in networks)

    def forward(self, tokens: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


def signs(*shape: int) -> Tensor:
    return torch.randint(2, shape) * 2.0 - 1.0


ZERO = CaptureOptions(layers="blocks.*", units=(0, 1, 2), threshold="zero")


def test_a_stack_of_gate_networks_has_their_truth_tables_set_and_watched() -> None:
    model = Signs(gates.FIGURE_4, gates.BASIC)
    capture, (first, _second) = captured(model, [signs(16, 5, 4) for _ in range(4)], ZERO)
    truth = np.array(gates.truth_table(gates.FIGURE_4))
    assert first.counts is not None
    assert first.counts.transitions == 4 * 16 * 5
    on, visits = np.array(first.counts.on), np.array(first.counts.visits)
    assert (on == truth * visits[:, None]).all()
    counts, how = perturbed(capture, first, None)
    assert counts.visits == (128,) * 8
    assert (np.array(counts.on) == truth * 128).all()
    assert how.observed == first.counts.visits
    assert how.off == ((-1.0, -1.0, -1.0),)
    result = compute_phi(System(tpm=np.array(counts.on) / 128, state=(1, 0, 0)))
    assert isinstance(result, Computed)
    assert result.phi == pytest.approx(1.916666, abs=1e-5)


def test_states_that_do_not_come_out_of_a_block_are_set_before_the_next() -> None:
    capture, (_, second) = captured(Signs(gates.BASIC, gates.BASIC), [signs(64, 5, 3)], ZERO)
    truth = np.array(gates.truth_table(gates.BASIC))
    assert 0 in second.counts.visits, "watched, not every state is seen"
    counts, _ = perturbed(capture, second, None)
    assert (np.array(counts.on) == truth * 128).all(), "set, every one is"


def test_blocks_are_pooled_with_their_counts_apart() -> None:
    batches = [signs(64, 5, 3) for _ in range(8)]
    same, (epoch,) = captured(Signs(gates.RULE_110, gates.RULE_110), batches, ZERO, pooled=True)
    assert same.layers == ("blocks",)
    assert epoch.layer == "blocks"
    assert epoch.counts.transitions == sum(counts.transitions for counts in epoch.blocks) == 2 * 8 * 64 * 5
    assert _homogeneity(epoch).verdict == "ok"
    counts, how = perturbed(same, epoch, None)
    assert counts.visits == (256,) * 8
    assert (np.array(counts.on) == np.array(gates.truth_table(gates.RULE_110)) * 256).all()
    assert len(how.off) == 2
    _, (epoch,) = captured(Signs(gates.RULE_110, gates.FIGURE_4), batches, ZERO, pooled=True)
    different = _homogeneity(epoch)
    assert different.verdict == "violated"
    assert different.p is not None
    assert different.p < 0.01


def _homogeneity(epoch: DepthEpoch) -> Any:
    found = diagnose(Evidence(counts=epoch.counts, kind=epoch.kind, blocks=epoch.blocks, resamples=199))
    return next(diagnostic for diagnostic in found if diagnostic.name == "homogeneity")


def test_a_fixed_background_is_one_token() -> None:
    model = Signs(gates.BASIC)
    capture, (epoch,) = captured(model, [signs(8, 5, 3)], ZERO)
    counts, how = perturbed(capture, epoch, (1, 0, 0), background="fixed")
    assert counts.visits == (1,) * 8
    assert np.array(counts.on).tolist() == gates.truth_table(gates.BASIC)
    assert how.background == "fixed"
    only_on = [torch.ones(2, 2, 3), -torch.ones(2, 2, 3)]
    capture, (epoch,) = captured(model, only_on, ZERO)
    skipped = perturbed(capture, epoch, (1, 0, 0), background="fixed")
    assert isinstance(skipped, Skipped)
    assert skipped.code == "state_not_observed"


def test_a_unit_that_is_never_on_is_named_with_its_block() -> None:
    capture, (epoch,) = captured(Signs(gates.BASIC), [-torch.ones(2, 2, 3)], ZERO)
    skipped = perturbed(capture, epoch, None)
    assert isinstance(skipped, Skipped)
    assert skipped.code == "unit_never_on"
    assert skipped.reason.startswith("Block 'blocks.0': Units 0, 1, 2 were never ON")


def test_records_say_that_depth_is_not_time() -> None:
    _, (epoch,) = captured(Signs(gates.BASIC), [signs(8, 5, 3)], ZERO)
    assert epoch.axis == "depth"
    assert any("depth is not time" in note for note in epoch.notes)
    assert epoch.structural_phi == 0.0
    assert "feed-forward" in epoch.structural_reason


# --- real models --------------------------------------------------------------------------------------------------------

SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}


def gpt2() -> nn.Module:
    return GPT2Model(GPT2Config(n_embd=16, n_layer=3, n_head=2, vocab_size=50, n_positions=16, bos_token_id=0, eos_token_id=0))


def llama() -> nn.Module:
    return LlamaModel(LlamaConfig(**SIZES, num_key_value_heads=2, vocab_size=50, max_position_embeddings=16))


def bert() -> nn.Module:
    return BertModel(BertConfig(**SIZES, vocab_size=50, max_position_embeddings=16))


def vit() -> nn.Module:
    return VisionTransformer(image_size=16, patch_size=8, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=3)


def tokens() -> Tensor:
    return torch.randint(50, (6, 12))


def images() -> Tensor:
    return torch.randn(6, 3, 16, 16)


MODELS: list[Any] = [
    pytest.param(gpt2, tokens, "h.*", id="gpt2"),
    pytest.param(llama, tokens, "layers.*", id="llama"),
    pytest.param(bert, tokens, "encoder.layer.*", id="bert"),
    pytest.param(vit, images, "encoder.layers.*", id="vit"),
    pytest.param(resnet18, images, "layer1.*", id="resnet"),
]


@pytest.mark.parametrize(("make", "draw", "layers"), MODELS)
def test_what_a_real_block_makes_of_set_coordinates(make: Callable[[], nn.Module], draw: Any, layers: str) -> None:
    """Against the whole model run again, with the input of one block changed by a hook of its own."""
    model = make()
    options = CaptureOptions(layers=layers, units=2, selection="variance")
    model.train()
    batches = [draw() for _ in range(3)]
    capture, epochs = captured(model, batches, options)
    assert [epoch.problem for epoch in epochs] == [None] * len(epochs)
    block = capture._blocks[1]
    units = epochs[1].units.indices
    call, places, _ = next(block.passes(18, 0))
    values = torch.tensor([0.7, -0.4])
    model.eval()
    with torch.no_grad():
        read = block.set_and_read(call, places, values)
        wanted = _by_hand(model, block.layer.module, call.stream, places, units, values)(draw())
    torch.testing.assert_close(read, wanted)
    counts, how = perturbed(capture, epochs[1], None, draws=18)
    assert counts.visits == (18,) * 4
    assert how.draws == 18
    assert [epoch.layer for epoch in epochs] == list(capture.blocks)


def _by_hand(model: nn.Module, module: nn.Module, stream: Tensor, places: Tensor, units: tuple[int, ...], values: Tensor) -> Any:
    """A run of the model in which one block gets the stream that was kept, with the units of one token changed."""
    changed, found = stream.clone(), []
    for sequence, place in enumerate(places.tolist()):
        for unit, value in zip(units, values.tolist(), strict=True):
            if stream.dim() == 3:
                changed[sequence, place, unit] = value
            else:
                changed[sequence, unit] += value - stream[sequence, unit].mean()

    def read(_module: nn.Module, _args: Any, output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output
        for sequence, place in enumerate(places.tolist()):
            row = output[sequence, place] if stream.dim() == 3 else output[sequence].mean((-1, -2))
            found.append(row[list(units)])

    def run(batch: Tensor) -> Tensor:
        handles = [
            module.register_forward_pre_hook(lambda _module, args: (changed, *args[1:])),
            module.register_forward_hook(read),
        ]
        model(batch)
        for handle in handles:
            handle.remove()
        return torch.stack(found)

    return run


@pytest.mark.parametrize(("make", "draw", "layers"), MODELS)
def test_what_is_watched_goes_from_one_blocks_output_to_the_next(make: Callable[[], nn.Module], draw: Any, layers: str) -> None:
    model = make().eval()
    streams: dict[str, list[Tensor]] = {}
    options = CaptureOptions(layers=layers, units=2, threshold=0.1)
    probe = DepthCapture(model, options)
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda _module, _args, output, name=name: streams.setdefault(name, []).append(
                output[0] if isinstance(output, tuple) else output
            )
        )
        for name in probe.blocks
    ]
    _, epochs = captured(model, [draw() for _ in range(4)], options)
    for handle in handles:
        handle.remove()
    units = list(epochs[0].units.indices)
    before, after = (_rows(streams[name], units) > 0.1 for name in probe.blocks[:2])
    table = np.zeros((4, 2), dtype=int)
    for state, following in zip(before.tolist(), after.tolist(), strict=True):
        table[state[0] + 2 * state[1]] += np.array(following, dtype=int)
    assert table.tolist() == [list(row) for row in epochs[1].counts.on]
    assert epochs[1].counts.transitions == len(before)


def _rows(outputs: list[Tensor], units: list[int]) -> Tensor:
    stream = torch.cat(outputs)
    rows = stream.flatten(0, 1) if stream.dim() == 3 else stream.mean((-1, -2))
    return rows[:, units]


def test_blocks_of_several_widths_are_no_stack() -> None:
    _, epochs = captured(resnet18(), [images()], CaptureOptions(layers="layer2.*", units=2))
    code, reason = epochs[0].problem
    assert code == "capture_error"
    assert "name blocks of one width" in reason
    assert epochs[1].problem is None


def test_without_names_the_longest_stack_is_found() -> None:
    assert find_stack(gpt2()) == ("h.0", "h.1", "h.2")
    assert DepthCapture(vit(), CaptureOptions()).blocks == tuple(f"encoder.layers.encoder_layer_{depth}" for depth in range(3))
    with pytest.raises(UnknownLayerError, match=r"no stack of blocks was found.*layers="):
        find_stack(nn.Sequential(nn.Linear(2, 2), nn.Tanh()))
    assert common_name(("h.0", "h.1")) == "h"
    assert common_name(("a", "b")) == "depth"


# --- the life of a capture ------------------------------------------------------------------------------------------------


def test_training_is_bit_identical_with_and_without_it() -> None:
    def trained(*, watched: bool) -> tuple[list[float], list[Tensor]]:
        torch.manual_seed(2)
        model = gpt2()
        capture = DepthCapture(model, CaptureOptions(units=2))
        if watched:
            capture.attach()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        losses = []
        model.train()
        for _ in range(3):
            capture.begin_epoch(4)
            for _ in range(4):
                batch = tokens()
                capture.begin_step()
                loss = model(batch).last_hidden_state[:, 1:].pow(3).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                capture.end_step()
            if watched:
                for epoch in capture.end_epoch():
                    assert isinstance(perturbed(capture, epoch, None), tuple)
        return losses, [parameter.detach().clone() for parameter in model.parameters()]

    losses, weights = trained(watched=False)
    watched_losses, watched_weights = trained(watched=True)
    assert losses == watched_losses
    assert len(set(losses)) == len(losses)
    assert all(torch.equal(mine, other) for mine, other in zip(weights, watched_weights, strict=True))


def test_a_resumed_run_has_the_same_units() -> None:
    model = gpt2()
    capture, epochs = captured(model, [tokens()], CaptureOptions(units=2))
    resumed = DepthCapture(model, CaptureOptions(units=2, selection="first"))
    resumed.load_state_dict(capture.state_dict())
    resumed.attach()
    resumed.begin_epoch(1)
    resumed.begin_step()
    model(tokens())
    resumed.end_step()
    assert resumed.end_epoch()[0].units == epochs[0].units
    resumed.detach()


def test_what_is_kept_is_bounded_and_the_same_for_each_block() -> None:
    capture, (first, second) = captured(Signs(gates.BASIC, gates.BASIC), [signs(2, 3, 3) for _ in range(200)], ZERO)
    assert first.counts.transitions == 64 * 6
    after, before = capture._blocks[0].step.after, capture._blocks[1].step.before
    assert torch.equal(after, before)
    assert second.counts.transitions == 64 * 6
    assert len(capture._blocks[0].calls) == 8


def test_calls_outside_of_a_training_step_and_broken_values_do_not_count() -> None:
    model = Signs(gates.BASIC)
    capture = DepthCapture(model, ZERO)
    capture.attach()
    capture.begin_epoch(1)
    model(signs(2, 3, 3))
    capture.begin_step()
    batch = signs(2, 3, 3)
    batch[0, 0, 0] = torch.nan
    model(batch)
    capture.end_step()
    (epoch,) = capture.end_epoch()
    assert epoch.counts.transitions == 5
    assert epoch.left_out == 1
    capture.begin_epoch(1)
    (epoch,) = capture.end_epoch()
    assert epoch.problem is not None
    assert epoch.problem[0] == "layer_not_called"
    assert perturbed(capture, epoch, None) is None


def test_watched_only_where_that_is_asked_for() -> None:
    capture, (epoch,) = captured(Signs(gates.BASIC), [signs(8, 5, 3)], ZERO)
    assert perturbed(capture, epoch, None, tpm="observe") is None


def test_coordinates_are_chosen_by_the_entropy_of_their_states() -> None:
    class Spread(nn.Module):
        """Coordinate 1 varies most and is nearly always OFF; 2 and 3 are ON half of the time, 0 in a quarter."""

        def forward(self, stream: Tensor) -> Tensor:
            rows = torch.arange(len(stream) * stream.shape[1]).reshape(*stream.shape[:2])
            on = torch.stack([rows % 4 == 0, rows % 32 == 0, rows % 2 == 0, rows % 2 == 1], -1)
            return (on * 2.0 - 1.0) * torch.tensor([1.0, 50.0, 1.0, 1.0])

    model = nn.Sequential(Spread(), Spread())
    for selection, expected in (("entropy", (2, 3)), ("variance", (1, 2)), ("first", (0, 1))):
        options = CaptureOptions(layers=["0", "1"], units=2, selection=selection, threshold="zero", layout="BTU")
        _, (epoch, _) = captured(model, [torch.zeros(8, 16, 4)], options)
        assert (epoch.units.indices, epoch.units.selection) == (expected, selection)


@pytest.mark.parametrize("selection", ["weight_norm", "clusters"])
def test_a_selection_that_knows_no_coordinates_is_refused(selection: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"selection='{selection}': not with transitions='depth'.*'entropy'"):
        CaptureOptions(layers="h.*", transitions="depth", selection=selection)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"freeze_threshold": True}, "freeze_threshold=True: not with transitions='depth'"),
        ({"lag": 3}, "lag=3: not with transitions='depth'"),
        ({"unit_fn": lambda output: output}, "unit_fn=.*: not with transitions='depth'"),
        ({"step": lambda module, state, now: state}, "step=.*: it is about recurrent layers"),
        ({"level": 0}, "level=0: it is about recurrent layers"),
        ({"direction": "backward"}, "direction='backward': it is about recurrent layers"),
        ({"hidden_only": True}, "hidden_only=True: it is about recurrent layers"),
        ({"cm": "weights"}, "cm='weights': it is about recurrent layers"),
        ({"transitions": "auto", "pool_depth": True}, "pool_depth=True: one TPM for all blocks is for transitions='depth'"),
    ],
)
def test_an_option_without_effect_is_refused(options: dict[str, Any], words: str) -> None:
    asked = Settings("blocks.*", **{"units": 2, "transitions": "depth", **options})
    with pytest.raises(InvalidArgumentError, match=words):
        asked.watch(Signs(gates.BASIC, gates.BASIC), asked.run_options(), snapshots=False)
