"""Outputs of every usual shape: where the units are, and along what transitions go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from plain_loops import as_counter, loop_counts
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence
from torch.utils._python_dispatch import TorchDispatchMode

from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.hooks.recorder import reader
from lightning_iit.capture.layout import parse_layout


class Model(nn.Module):
    """A layer by itself, called as the test says."""

    def __init__(self, layer, call=None):
        super().__init__()
        self.layer = layer
        self.call = call

    def forward(self, *inputs):
        return self.call(self.layer, *inputs) if self.call else self.layer(*inputs)


class Returns(nn.Module):
    """A layer that returns what it was made to."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


def capture_epoch(model, inputs, **options):
    """One epoch of forward passes, one a step."""
    options = {"layers": "layer", "units": 3, "selection": "first", "threshold": 0.0, **options}
    with Capture(model, CaptureOptions(**options)) as capture:
        capture.begin_epoch(len(inputs))
        for given in inputs:
            capture.begin_step()
            model(*given) if type(given) is tuple else model(given)  # a packed sequence is a tuple too
            capture.end_step()
        (layer,) = capture.end_epoch()
    return layer


def expect(layer, sequences, *, axis, kind=None):
    sequences = [
        np.asarray(sequence.detach().double() if isinstance(sequence, torch.Tensor) else sequence) for sequence in sequences
    ]
    assert layer.problem is None
    assert as_counter(layer.counts) == loop_counts(sequences, layer.units.indices, layer.thresholds.values)
    assert layer.counts.transitions == sum(len(sequence) - 1 for sequence in sequences)
    assert layer.axis == axis
    if kind:
        assert layer.kind == kind


def randn(*shape, seed=0, count=3):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for _ in range(count)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_samples_and_units(dtype):
    inputs = [x.to(dtype) for x in randn(7, 5)]
    expect(capture_epoch(Model(nn.Identity()), inputs), [torch.cat(inputs)], axis="stream", kind="statistical")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(4, 5, 3, 2), (4, 5, 2, 2, 2)])
def test_a_unit_of_an_image_is_a_channel_averaged_over_space(dtype, shape):
    inputs = [x.to(dtype) for x in randn(*shape)]
    space = tuple(range(2, len(shape)))
    expected = torch.cat([x.mean(space, dtype=torch.float32) for x in inputs])
    expect(capture_epoch(Model(nn.Identity()), inputs), [expected], axis="stream")


@pytest.mark.parametrize(
    ("conv", "shape"), [(nn.Conv1d(2, 5, 3), (4, 2, 9)), (nn.Conv2d(2, 5, 3), (4, 2, 9, 9)), (nn.Conv3d(2, 5, 1), (4, 2, 3, 3, 3))]
)
def test_convolutions_batched_or_not(conv, shape):
    inputs = randn(*shape)
    space = tuple(range(2, len(shape)))
    expected = torch.cat([conv(x).mean(space) for x in inputs])
    layer = capture_epoch(Model(conv), inputs)
    expect(layer, [expected], axis="stream", kind="statistical")
    assert layer.units.width == 5
    single = capture_epoch(Model(conv), [x for batch in inputs for x in batch])
    assert single.counts == layer.counts


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 9)])
def test_a_batch_normalization_always_has_a_batch(shape):
    norm, inputs = nn.BatchNorm1d(5).eval(), randn(*shape)
    expected = torch.cat([norm(x).flatten(2).mean(2) if x.ndim > 2 else norm(x) for x in inputs])
    layer = capture_epoch(Model(norm), inputs)
    expect(layer, [expected], axis="stream", kind="statistical")
    assert layer.units.width == 5


@pytest.mark.parametrize("make", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_layers(make, batch_first):
    torch.manual_seed(0)
    rnn = make(2, 4, batch_first=batch_first, bidirectional=True, num_layers=2)
    inputs = randn(6, 5, 2)
    outputs = [rnn(x)[0] for x in inputs]
    sequences = [one for out in outputs for one in (out if batch_first else out.transpose(0, 1))]
    layer = capture_epoch(Model(rnn), inputs)
    expect(layer, sequences, axis="time", kind="observational")
    assert layer.structural_phi is None
    unbatched = capture_epoch(Model(rnn), [x for batch in inputs for x in (batch if batch_first else batch.transpose(0, 1))])
    assert unbatched.counts == layer.counts


def test_sequences_of_different_length_are_packed():
    torch.manual_seed(0)
    rnn = nn.GRU(2, 4, batch_first=True)
    lengths = [[3, 5, 1, 2], [2, 2], [1, 6, 4]]
    batches = [[torch.randn(n, 2) for n in of] for of in lengths]
    expected = [rnn(one)[0] for batch in batches for one in batch]
    packed = [pack_sequence(batch, enforce_sorted=False) for batch in batches]
    layer = capture_epoch(Model(rnn), packed)
    # A packed GRU computes in another order than one sequence at a time, so the last digits may differ; the threshold is not near.
    expect(layer, expected, axis="time")
    stream = capture_epoch(Model(rnn), packed, transitions="stream")
    expect(stream, [torch.stack([one[-1] for one in expected])], axis="stream", kind="statistical")
    assert stream.left_out == layer.left_out == 0


class Padding(nn.LSTM):
    """Takes the lengths of padded sequences, as the layers of libraries for forecasting do, and pads what it returns."""

    def forward(self, x, hx=None, lengths=None, enforce_sorted=True):
        lengths = torch.as_tensor(lengths)
        here = lengths > 0
        packed = pack_padded_sequence(
            x[here] if self.batch_first else x[:, here],
            lengths[here],
            batch_first=self.batch_first,
            enforce_sorted=enforce_sorted,
        )
        out, last = super().forward(packed, hx)
        return self._padded(x, here, out), last

    def _padded(self, x, here, out):
        axis = 0 if self.batch_first else 1
        padded = torch.full((*x.shape[:2], self.hidden_size), 9.0)
        padded.index_copy_(axis, here.nonzero().flatten(), self._filled(out, x.shape[1 - axis]))
        return padded

    def _filled(self, out, steps):
        return pad_packed_sequence(out, batch_first=self.batch_first, total_length=steps, padding_value=9.0)[0]


class SeqLens(nn.Module):
    """A layer of someone's own, with another name for the lengths."""

    def __init__(self):
        super().__init__()
        self.inner = nn.GRU(2, 4, batch_first=True)

    def forward(self, seq_lens, x):
        padding = torch.arange(x.shape[1]) >= seq_lens[:, None]
        return self.inner(x)[0].masked_fill(padding[..., None], 9.0)


LENGTHS = ([3, 5, 1, 2], [2, 2, 0, 2], [1, 6, 4, 6])


def padded_batches():
    torch.manual_seed(0)
    return [(torch.randn(len(of), 6, 2), of) for of in LENGTHS]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("form", [torch.tensor, list, tuple])
@pytest.mark.parametrize("given", ["by name", "by place"])
@pytest.mark.parametrize("options", [{}, {"groups": 3, "selection": "random"}])
def test_the_padding_of_sequences_with_lengths_is_not_counted(batch_first, form, given, options):
    batches = padded_batches()
    layer = Padding(2, 4, batch_first=batch_first)

    def call(layer, x, of):
        x = x if batch_first else x.transpose(0, 1)
        if given == "by name":
            return layer(x, lengths=form(of), enforce_sorted=False)
        return layer(x, None, form(of), False)

    parent = nn.LSTM(2, 4, batch_first=True)
    parent.load_state_dict(layer.state_dict())
    expected = [parent(one[:length])[0] for x, of in batches for one, length in zip(x, of, strict=True) if length]
    captured = capture_epoch(Model(layer, call), batches, **options)
    expect(captured, expected, axis="time", kind="observational")
    for group in captured.groups:
        assert group.counts.transitions == captured.counts.transitions
    calibrated = capture_epoch(Model(layer, call), batches, threshold="median")
    rows = torch.cat(expected).detach()
    np.testing.assert_allclose(calibrated.thresholds.values, np.median(rows.double()[:, :3], 0), atol=1e-6)
    stream = capture_epoch(Model(layer, call), batches, transitions="stream")
    expect(stream, [torch.stack([one[-1] for one in expected])], axis="stream", kind="statistical")


@pytest.mark.parametrize("joined", [False, True])
def test_a_layer_of_ones_own_may_be_given_lengths(joined):
    layer = SeqLens()
    batches = padded_batches()
    expected = [layer.inner(one[:length])[0] for x, of in batches for one, length in zip(x, of, strict=True) if length]
    calls = [(torch.tensor(of), x) for x, of in batches]
    with Capture(
        Model(layer), CaptureOptions(layers="layer", units=3, selection="first", threshold=0.0, layout="BTU"), stepped=joined
    ) as capture:
        for given in calls:
            capture.begin_step()
            capture._model(*given)
            capture.end_step()
        (found,) = capture.end_epoch()
    expect(found, expected, axis="time")


@pytest.mark.filterwarnings("default")  # those of the compiler itself, which has many
@pytest.mark.parametrize("whole", [False, True])
def test_lengths_are_known_in_compiled_graphs(whole):
    class Masked(nn.Module):
        def forward(self, x, lengths):
            return torch.tanh(x) + (torch.arange(x.shape[1]) >= lengths[:, None])[..., None] * 9.0

    layer, batches = Masked(), [(x, torch.tensor(of)) for x, of in padded_batches()]
    expected = [torch.tanh(one[:length]) for x, of in batches for one, length in zip(x, of, strict=True) if length]
    model = Model(layer)
    with Capture(model, CaptureOptions(layers="layer", units=2, threshold=0.0, layout="BTU")) as capture:
        compiled = torch.compile(model, backend="eager", fullgraph=whole)
        for given in batches:
            capture.begin_step()
            compiled(*given)
            capture.end_step()
        (found,) = capture.end_epoch()
    expect(found, expected, axis="time")


@pytest.mark.parametrize("lengths", [[3, 5], "3", [None] * 4, [2.0] * 4, 3, None])
def test_what_is_no_lengths_of_the_sequences_counts_nothing_out(lengths):
    class Ignores(nn.GRU):
        def forward(self, x, lengths=None):
            return super().forward(x)

    layer, (x, _) = Ignores(2, 4, batch_first=True), padded_batches()[0]
    captured = capture_epoch(Model(layer, lambda layer, x: layer(x, lengths=lengths)), [(x,)])
    assert captured.counts.transitions == 4 * 5


def test_padding_is_not_left_out_and_nan_is():
    values = torch.randn(2, 4, 3)
    values[1, 1, 0] = float("nan")
    packed = pack_padded_sequence(values, torch.tensor([4, 3]), batch_first=True)
    layer = capture_epoch(Model(nn.Identity()), [packed])
    assert layer.left_out == 1
    assert layer.counts.transitions == 3
    expected = loop_counts([values[0].numpy(), values[1, :3].numpy()], (0, 1, 2), (0.0, 0.0, 0.0))
    assert as_counter(layer.counts) == expected


@pytest.mark.parametrize("transitions", ["auto", "time"])
def test_tokens_are_not_time(transitions):
    inputs = randn(2, 6, 4)
    layer = capture_epoch(Model(nn.Linear(4, 4)), inputs, transitions=transitions)
    assert layer.axis == "token"
    assert layer.kind == "statistical"
    assert any("not time" in note for note in layer.notes)


def test_a_stream_of_sequences_is_that_of_their_last_steps():
    inputs = randn(2, 6, 4)
    expect(
        capture_epoch(Model(nn.Identity()), inputs, transitions="stream"), [torch.cat([x[:, -1] for x in inputs])], axis="stream"
    )


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("name", ["layer", "layer.linear2"])
def test_transformer_layers_tell_which_axis_is_the_batch(batch_first, name):
    torch.manual_seed(0)
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first)
    inputs = randn(3, 5, 8)
    outputs = []
    module = encoder if name == "layer" else encoder.linear2
    handle = module.register_forward_hook(lambda m, i, o: outputs.append(o.detach()))
    layer = capture_epoch(Model(encoder), inputs, layers=name)
    handle.remove()
    expect(
        layer, [one for out in outputs for one in (out if batch_first else out.transpose(0, 1))], axis="token", kind="statistical"
    )


def test_patches_of_a_vision_transformer():
    class VisionTransformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Linear(4, 4)

        def forward(self, x):
            return self.block(x)

    layer = capture_epoch(Model(VisionTransformer()), randn(2, 6, 4), layers="layer.block")
    assert layer.axis == "patch"


def test_layout_is_what_the_user_says():
    time_first = randn(6, 2, 4)
    sequences = [x[:, b] for x in time_first for b in range(2)]
    expect(capture_epoch(Model(nn.Identity()), time_first, layout="TBU"), sequences, axis="time")
    expect(capture_epoch(Model(nn.Identity()), time_first, layout="NBU"), sequences, axis="token")
    expect(capture_epoch(Model(nn.Identity()), time_first, layout={"lay*": "TBU"}), sequences, axis="time")
    images = randn(2, 3, 3, 5)
    expect(capture_epoch(Model(nn.Identity()), images, layout="BHWC"), [torch.cat([x.mean((1, 2)) for x in images])], axis="stream")
    video = randn(2, 4, 5, 3, 3)
    frames = [one for x in video for one in x.mean((3, 4))]
    expect(capture_epoch(Model(nn.Identity()), video, layout="BTCHW"), frames, axis="time")


def test_sequences_of_changing_length():
    inputs = [torch.randn(2, t, 4) for t in (3, 5, 5, 1, 3)]
    layer = capture_epoch(Model(nn.Identity()), inputs, layout="BTU")
    expect(layer, [one for x in inputs for one in x], axis="time")


@dataclass
class Answer:
    last_hidden_state: torch.Tensor


@pytest.mark.parametrize(
    "make",
    [
        lambda x: (x, x + 1),
        lambda x: [x],
        lambda x: ((x, None), None),
        lambda x: {"logits": x + 1, "last_hidden_state": x},
        lambda x: {"logits": x + 1, "hidden_states": (x + 1, x)},
        lambda x: {"features": x, "name": "none"},
        Answer,
    ],
)
def test_tuples_dicts_and_model_outputs(make):
    inputs = randn(5, 4)
    layer = capture_epoch(Model(Returns(make)), inputs)
    expect(layer, [torch.cat(inputs)], axis="stream")


def test_hugging_face_outputs():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, hidden_dropout_prob=0.0
    )
    bert = transformers.BertModel(config).train()
    ids = [torch.randint(20, (3, 6)) for _ in range(3)]
    outputs = []
    handle = bert.register_forward_hook(lambda m, i, o: outputs.append(o.last_hidden_state.detach()))
    layer = capture_epoch(Model(bert), ids)
    handle.remove()
    expect(layer, [one for out in outputs for one in out], axis="token")
    assert capture_epoch(Model(bert), ids, layers="layer.encoder.layer.1").units.width == 8


def test_unit_fn_for_anything_else():
    inputs = randn(5, 4)
    strange = Model(Returns(lambda x: {"a": x, "b": x}))
    with pytest.warns(UserWarning, match="could not be recorded"):
        layer = capture_epoch(strange, inputs)
    assert layer.problem[0] == "capture_error"
    assert "unit_fn" in layer.problem[1]
    assert layer.counts is None
    expect(capture_epoch(strange, inputs, unit_fn=lambda output: output["b"]), [torch.cat(inputs)], axis="stream")


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda x: "text", {}, "str"),
        (lambda x: x > 0, {}, "torch.bool"),
        (lambda x: x.reshape(1, 1, 1, 1, 1, -1), {}, "layout="),
        (lambda x: x, {"layout": "BTU"}, "3 axes"),
        (lambda x: x, {"transitions": "time"}, "no time axis"),
        (lambda x: x, {"units": [0, 9]}, "no unit 9"),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_no_exception(make, options, words):
    with pytest.warns(UserWarning, match="could not be recorded"):
        layer = capture_epoch(Model(Returns(make)), randn(5, 4), **options)
    assert layer.problem[0] == "capture_error"
    assert words in layer.problem[1]


@pytest.mark.parametrize("make", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
@pytest.mark.parametrize("first", ["none", "zeros", "named"])
def test_calls_of_a_cell_are_the_time_of_its_sequences(make, first):
    torch.manual_seed(0)
    cell = make(2, 4)
    outputs = []

    def call(layer, x):
        zeros = torch.zeros(x.shape[1], 4)
        state = None if first == "none" else (zeros, zeros) if make is nn.LSTMCell else zeros
        for step in x:
            state = layer(step, hx=state) if first == "named" else layer(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)

    inputs = [torch.randn(t, 3, 2) for t in (5, 5, 2)]
    layer = capture_epoch(Model(cell, call), inputs)
    taken = iter(outputs)
    sequences = [one for x in inputs for one in torch.stack([next(taken) for _ in x], 1)]
    expect(layer, sequences, axis="time", kind="observational")


def test_of_two_unrolls_of_a_cell_in_a_step_the_first_is_counted():
    torch.manual_seed(0)
    cell = nn.GRUCell(2, 4)
    outputs = []

    def call(layer, x):
        for unroll in range(2):
            state = torch.zeros(x.shape[1], 4)
            run = []
            for step in x:
                state = layer(step, state * 0.9)
                run.append(state.detach())
            if unroll == 0:
                outputs.extend(torch.stack(run, 1))

    expect(capture_epoch(Model(cell, call), randn(4, 3, 2)), outputs, axis="time")


@pytest.mark.parametrize("grad", [True, False], ids=["training", "no_grad"])
@pytest.mark.parametrize("on_its_way", [nn.LayerNorm(4), lambda state: state * 0.9], ids=["normalised", "scaled"])
def test_a_state_that_is_changed_on_its_way_goes_on_with_the_sequence(grad, on_its_way):
    torch.manual_seed(0)
    cell = nn.GRUCell(2, 4)
    outputs = []

    def call(layer, x):
        for part in (x, x[:, :2]):  # the second begins with zeros: it is another source
            state = torch.zeros(part.shape[1], 4)
            run = []
            for number, step in enumerate(part):
                state = layer(step, on_its_way(state) if number else state)
                run.append(state.detach())
            if part is x:
                outputs.extend(torch.stack(run, 1))

    with torch.set_grad_enabled(grad):
        layer = capture_epoch(Model(cell, call), randn(5, 3, 2))
    expect(layer, outputs, axis="time")


class Operations(TorchDispatchMode):
    """Notes the names of torch's operations."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function.overloadpacket).removeprefix("aten."))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("index", [None, [3, 1]])
@pytest.mark.parametrize(("axes", "dtype"), [("BUHW", torch.float32), ("BUHW", torch.bfloat16), ("BU", torch.float32)])
def test_what_a_call_costs(index, axes, dtype):
    """A step pays for an index and a mean; an output is copied only where nothing else makes a new tensor of it."""
    output = torch.randn(2, 5, 4, 3)[(..., 0, 0)[: 1 + 2 * (axes == "BU")]].to(dtype).requires_grad_()
    layout = parse_layout(axes)
    read = reader(layout, None if index is None else torch.tensor(index), None)
    with Operations() as made:
        kept = read(output)
    wanted = ["detach", *(["index_select"] if index else []), *(["mean"] if layout.averaged else [])]
    assert made.names == (wanted if len(wanted) > 1 else [*wanted, "clone"])
    units = output.detach() if index is None else output.detach()[:, index]
    same = units.to(torch.float32).mean((2, 3)) if layout.averaged else units
    assert kept.dtype == torch.float32
    assert torch.equal(kept, same)
    assert kept.data_ptr() != output.data_ptr()
