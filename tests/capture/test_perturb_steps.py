"""The steps of recurrent layers against torch's own forward pass, and the states that are found in kept calls."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.perturb.recurrent import MOST_TIMES, LayerStepper
from lightning_iit.capture.perturb.reservoir import LEAST_CALLS, Call, Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import observe
from lightning_iit.errors import InvalidArgumentError, StepError

KINDS: dict[str, Any] = {
    "tanh": nn.RNN,
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
    "lstm-proj": lambda *a, **k: nn.LSTM(*a, proj_size=3, **k),
    "no-bias": lambda *a, **k: nn.GRU(*a, bias=False, **k),
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(5)


def seen(layer: nn.Module, *args: Any, **options: Any) -> tuple[Any, Any]:
    """The observations of one call, and its output in eval mode."""
    reservoir = Reservoir()
    layer.eval()
    with reservoir.attach(layer), torch.no_grad():
        output = layer(*args)
    stepper = step_for(layer, **options)
    assert stepper is not None
    return (stepper, observe(layer, stepper, reservoir.calls)), output


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", KINDS)
def test_stepping_every_observed_state_gives_the_states_that_torch_computed(kind: str) -> None:
    layer = KINDS[kind](4, 5, batch_first=True)
    (stepper, observations), (output, _) = seen(layer, torch.randn(6, 7, 4))
    # The zero state at the start of a sequence is left out, so 6 of 7 steps are seen.
    torch.testing.assert_close(observations.state[0], output[:, :-1].transpose(0, 1).flatten(0, 1))
    following = stepper.step(layer, observations.state, observations.inputs)
    torch.testing.assert_close(following[0], output[:, 1:].transpose(0, 1).flatten(0, 1))


def test_the_cell_state_of_an_lstm_is_found_over_time() -> None:
    layer = nn.LSTM(4, 5, batch_first=True)
    inputs = torch.randn(3, 4, 4)
    (_, observations), _ = seen(layer, inputs)
    cells = [layer(inputs[:, :stop])[1][1][0] for stop in (1, 2, 3)]
    torch.testing.assert_close(observations.state[1], torch.cat(cells))


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
@pytest.mark.parametrize("level", [0, 1, -1])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_levels_and_directions(kind: str, level: int, direction: str) -> None:
    layer = KINDS[kind](4, 5, num_layers=3, bidirectional=True, batch_first=True, dropout=0.5)
    inputs = torch.randn(6, 7, 4)
    (stepper, observations), _ = seen(layer, inputs, level=level, direction=direction)
    states = _outputs_of_level(layer, kind, inputs, level % 3)
    half = states[..., :5] if direction == "forward" else states[..., 5:].flip(1)
    torch.testing.assert_close(observations.state[0], half[:, :-1].transpose(0, 1).flatten(0, 1))
    following = stepper.step(layer, observations.state, observations.inputs)
    torch.testing.assert_close(following[0], half[:, 1:].transpose(0, 1).flatten(0, 1))
    assert stepper.offset == (5 if direction == "backward" else 0)


def _outputs_of_level(layer: nn.Module, kind: str, inputs: Tensor, level: int) -> Tensor:
    """Computed by torch, on a layer of fewer levels with the same weights."""
    shallow = KINDS[kind](4, 5, num_layers=level + 1, bidirectional=True, batch_first=True)
    shallow.load_state_dict({name: value for name, value in layer.state_dict().items() if name in shallow.state_dict()})
    with torch.no_grad():
        return shallow(inputs)[0]


def test_sequences_of_several_lengths_are_seen_to_their_ends() -> None:
    layer = nn.GRU(4, 5, bidirectional=True)
    inputs, lengths = torch.randn(6, 3, 4), torch.tensor([6, 2, 4])
    packed = pack_padded_sequence(inputs, lengths, enforce_sorted=False)
    for direction in ("forward", "backward"):
        (stepper, observations), _ = seen(layer, packed, direction=direction)
        following = stepper.step(layer, observations.state, observations.inputs)[0]
        wanted = []
        for sequence, length in enumerate(lengths.tolist()):
            with torch.no_grad():
                output = layer(inputs[:length, sequence])[0]
            wanted.append(output[1:, :5] if direction == "forward" else output[:-1, 5:])
        assert len(following) == 5 + 1 + 3
        _assert_same_rows(following, torch.cat(wanted))


def _assert_same_rows(given: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(given[given[:, 0].argsort()], wanted[wanted[:, 0].argsort()])


def test_a_given_first_state_is_an_observed_one() -> None:
    layer = nn.GRU(4, 5, batch_first=True)
    first = torch.randn(1, 2, 5)
    (_, observations), _ = seen(layer, torch.randn(2, 1, 4), first)
    torch.testing.assert_close(observations.state[0], first[0])


def test_sequences_of_one_time_show_no_step() -> None:
    (_, observations), _ = seen(nn.GRU(4, 5, batch_first=True), torch.randn(2, 1, 4))
    assert observations is None


def test_unbatched_time_first_and_half_precision_inputs() -> None:
    layer = nn.GRU(4, 5)
    inputs = torch.randn(7, 4)
    (_, alone), (output, _) = seen(layer, inputs)
    torch.testing.assert_close(alone.state[0], output[:-1])
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.autocast("cpu", dtype=torch.bfloat16):
        layer(inputs.unsqueeze(1).bfloat16())
    half = observe(layer, step_for(layer), reservoir.calls)
    assert half is not None
    torch.testing.assert_close(half.state[0], output[:-1], atol=0.05, rtol=0.05)


CELLS = {"tanh": nn.RNNCell, "relu": partial(nn.RNNCell, nonlinearity="relu"), "gru": nn.GRUCell, "lstm": nn.LSTMCell}


@pytest.mark.parametrize("kind", CELLS)
def test_cells_are_seen_in_the_states_they_are_called_with(kind: str) -> None:
    cell = CELLS[kind](4, 5)
    reservoir = Reservoir()
    states: list[Any] = []
    with reservoir.attach(cell), torch.no_grad():
        state = cell(torch.randn(3, 4))
        for _ in range(4):
            states.append(state)
            state = cell(torch.randn(3, 4), state)
    stepper = step_for(cell)
    assert stepper is not None
    observations = observe(cell, stepper, reservoir.calls)
    assert observations is not None
    hidden = [part[0] if isinstance(part, tuple) else part for part in [*states, state]]
    torch.testing.assert_close(observations.state[0], torch.cat(hidden[:-1]))
    torch.testing.assert_close(stepper.step(cell, observations.state, observations.inputs)[0], torch.cat(hidden[1:]))


def test_many_calls_of_several_shapes_are_joined() -> None:
    layer = nn.GRU(4, 5, batch_first=True)
    reservoir = Reservoir()
    with reservoir.attach(layer):
        for times in (3, 7, 3, 2):
            layer(torch.randn(6, times, 4))
    observations = observe(layer, step_for(layer), reservoir.calls)
    assert observations is not None
    assert len(observations.inputs) == 6 * (2 + 6 + 2 + 1)


class Leaky(nn.Module):
    """A layer of no known kind, called with a whole sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(5, 5)
        self.read = nn.Linear(4, 5)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        return torch.tanh(0.5 * state + self.mix(state) + self.read(inputs))

    def forward(self, inputs: Tensor) -> Tensor:
        states, state = [], inputs.new_zeros(len(inputs), 5)
        for now in inputs.unbind(1):
            state = self.step(state, now)
            states.append(state)
        return torch.stack(states, 1)


def test_a_custom_step_of_a_module_that_is_called_with_sequences() -> None:
    module = Leaky()
    reservoir = Reservoir(with_output=True)
    with reservoir.attach(module):
        output = module(torch.randn(6, 7, 4)).detach()
    stepper = step_for(module, step=lambda layer, state, inputs: layer.step(state, inputs))
    assert stepper is not None
    observations = observe(module, stepper, reservoir.calls)
    assert observations is not None
    with torch.no_grad():
        following = stepper.step(module, observations.state, observations.inputs)[0]
    torch.testing.assert_close(following, output[:, 1:].flatten(0, 1))


def test_a_custom_step_of_a_module_that_is_called_step_by_step() -> None:
    cell = nn.LSTMCell(4, 5)
    reservoir = Reservoir()
    with reservoir.attach(cell):
        cell(torch.randn(3, 4), (torch.randn(3, 5), torch.randn(3, 5)))
    known, custom = step_for(cell), step_for(cell, step=lambda module, state, inputs: module(inputs, state))
    assert known is not None
    assert custom is not None
    observations = observe(cell, custom, reservoir.calls)
    assert observations is not None
    with torch.no_grad():
        for given, wanted in zip(
            custom.step(cell, observations.state, observations.inputs),
            known.step(cell, observations.state, observations.inputs),
            strict=True,
        ):
            torch.testing.assert_close(given, wanted)


def test_a_custom_step_that_fails_says_with_what_it_was_called() -> None:
    module = nn.Linear(3, 3)
    state = torch.zeros(2, 3)
    failing = step_for(module, step=lambda *_: 1 / 0)
    assert failing is not None
    with pytest.raises(StepError, match=r"shape \[2, 3\].*division by zero.*step\(module, state, input\)"):
        failing.step(module, (state,), state)
    narrow = step_for(module, step=lambda module, state, inputs: state[:, :1])
    assert narrow is not None
    with pytest.raises(StepError, match=r"returned \[\[2, 1\]\]"):
        narrow.step(module, (state,), state)


def test_a_custom_step_without_states_to_be_seen_says_so() -> None:
    module = nn.Linear(3, 3)
    reservoir = Reservoir(with_output=True)
    with reservoir.attach(module):
        module(torch.zeros(2, 3))
    stepper = step_for(module, step=lambda module, state, inputs: state)
    assert stepper is not None
    with pytest.raises(StepError, match="Linear is called neither"):
        observe(module, stepper, reservoir.calls)


def test_no_step_is_known_of_other_modules_and_of_changed_ones() -> None:
    class Changed(nn.GRU):
        def forward(self, inputs: Any, *more: Any) -> Any:
            return super().forward(-inputs, *more)

    assert step_for(nn.Linear(2, 2)) is None
    assert step_for(Changed(2, 2)) is None


def test_a_level_or_direction_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"level=2: this GRU has 2 layers, 0 to 1\."):
        step_for(nn.GRU(3, 3, num_layers=2), level=2)
    with pytest.raises(InvalidArgumentError, match="only the direction 'forward'"):
        step_for(nn.GRU(3, 3), direction="backward")
    with pytest.raises(InvalidArgumentError, match="GRUCell is a single layer"):
        step_for(nn.GRUCell(3, 3), direction="backward")


def test_a_compiled_layer_is_stepped_as_what_it_wraps() -> None:
    layer = nn.GRU(3, 3)
    assert step_for(torch.compile(layer)) is not None


# --- what is kept -----------------------------------------------------------------------------------------------------


def kept(seed: int, sizes: list[int], **options: Any) -> list[int]:
    """The numbers of the calls that are kept of calls with so many sequences of two steps."""
    reservoir = Reservoir(seed=seed, **options)
    module = nn.Identity()
    with reservoir.attach(module):
        for number, rows in enumerate(sizes):
            module(torch.full((rows, 2, 1), float(number)))
    assert reservoir.seen == len(sizes)
    return [int(call.args[0][0, 0, 0]) for call in reservoir.calls]


def test_the_sample_of_calls_is_uniform_and_seeded() -> None:
    numbers = kept(0, [3] * 40, rows=28)
    assert len(numbers) == 10, "the fewest calls with 28 rows"
    assert numbers == sorted(numbers), "in the order of the data"
    assert kept(0, [3] * 40, rows=28) == numbers
    often = torch.bincount(torch.tensor([number for seed in range(200) for number in kept(seed, [3] * 40, rows=28)]), minlength=40)
    # Each of 40 calls is expected 50 times in 200 samples of 10, with a standard deviation of 6.1.
    assert (often - 50).abs().max() < 25


@pytest.mark.parametrize("seed", range(5))
def test_calls_of_any_size_are_kept_until_they_hold_enough(seed: int) -> None:
    sizes = torch.randint(1, 30, (60,), generator=torch.Generator().manual_seed(seed)).tolist()
    numbers = kept(seed, sizes, rows=300)
    rows = sorted(sizes[number] for number in numbers)
    assert 300 <= sum(rows) < 300 + 30
    assert kept(seed, sizes, rows=10_000) == list(range(60)), "all, where there are not enough"
    assert len(kept(seed, sizes, rows=1)) == LEAST_CALLS


def test_the_memory_of_the_kept_calls_is_bounded() -> None:
    # A call of 10 sequences takes 20 float32.
    assert len(kept(0, [10] * 50, most_bytes=1000)) == 1000 // 80
    assert len(kept(0, [10] * 50, most_bytes=1)) == 1, "one call, whatever it takes"
    often = torch.bincount(
        torch.tensor([number for seed in range(200) for number in kept(seed, [10] * 40, most_bytes=800)]), minlength=40
    )
    assert (often - 50).abs().max() < 25, "uniform too"


@pytest.mark.parametrize(
    ("layer", "calls", "expected"),
    [
        (nn.GRU(3, 4, batch_first=True), [(torch.randn(5, 9, 3),)], 5 * 8),
        (nn.GRU(3, 4), [(torch.randn(9, 5, 3),)], 5 * 8),
        (nn.GRU(3, 4), [(torch.randn(9, 3),)], 8),
        (nn.GRU(3, 4, batch_first=True), [(torch.randn(5, 9, 3), torch.ones(1, 5, 4))], 5 * 9),
        (nn.GRU(3, 4), [(pack_padded_sequence(torch.randn(6, 3, 3), [6, 4, 1]),)], 5 + 3),
        (nn.GRUCell(3, 4), [(torch.randn(5, 3),), (torch.randn(5, 3), torch.ones(5, 4))], 5),
        (nn.LSTMCell(3, 4), [(torch.randn(5, 3), (torch.ones(5, 4), torch.ones(5, 4)))], 5),
    ],
)
def test_the_rows_that_are_counted_are_the_observations(layer: nn.Module, calls: Any, expected: int) -> None:
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        for call in calls:
            layer(*call)
    assert sum(kept.rows for kept in reservoir._kept) == expected
    observations = observe(layer, step_for(layer), reservoir.calls)
    assert len(observations.inputs) == expected


def test_what_is_kept_is_a_copy_without_a_graph() -> None:
    reservoir = Reservoir(with_output=True)
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    given = torch.ones(1, 2, requires_grad=True)
    with reservoir.attach(module[0]):
        module(given * 2)
    (call,) = reservoir.calls
    assert not call.args[0].requires_grad
    assert not call.output.requires_grad
    torch.testing.assert_close(call.output, nn.functional.linear(given.detach() * 2, module[0].weight, module[0].bias).detach())


def test_nothing_is_kept_while_it_is_not_enabled_or_after_it_was_cleared() -> None:
    reservoir = Reservoir()
    module = nn.Identity()
    reservoir.attach(module)
    module(torch.zeros(1))
    reservoir.clear()
    reservoir.gate = Switch()
    module(torch.zeros(1))
    assert reservoir.calls == ()


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_both_directions_of_a_long_sequence_are_run_from_their_true_beginnings(direction):
    torch.manual_seed(0)
    module = torch.nn.GRU(3, 4, batch_first=True, bidirectional=True)
    inputs = torch.randn(2, MOST_TIMES + 90, 3)
    outputs, _ = module(inputs)
    (seen,) = LayerStepper(module, direction=direction).observations(module, [Call((inputs,), {})])
    of_direction = outputs[..., :4] if direction == "forward" else outputs.flip(1)[..., 4:]
    before = of_direction[:, :-1].transpose(0, 1).reshape(-1, 4)  # the state before each step but the first one
    torch.testing.assert_close(seen.state[0], before, atol=1e-5, rtol=1e-4)
