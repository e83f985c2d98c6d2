"""Lesions: what a network loses when units of a layer are set to values that say nothing of the sample."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.utilities.signature_utils import is_param_in_hook_signature
from torch import Tensor, nn

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.choose.units import checked_indices
from lightning_iit.capture.lesion.attached import attached
from lightning_iit.capture.lesion.places import Places
from lightning_iit.capture.preserved import preserved, silence, unwrapped
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.lesions.record import LesionMeasure, LesionRecord, SetTo
from lightning_iit.watch.batches import batch_size
from lightning_iit.watch.probe import call_with, fixed_inputs, seed_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lightning_iit.capture.perturb.steps import StepFunction

Metric: TypeAlias = "Callable[[Any, Any], Any]"
"""``(outputs, batch) -> number``."""

CONTROLS = 20
"""How many random sets of other units a lesion is compared with."""


class Lesion(LesionRecord, frozen=True, kw_only=True):
    """Holds what a lesion did: ``before``, ``after``, ``controls``, ``p``, ``smallest_p``, ``words``, and a picture.

    ``print(lesion)`` says it in words, ``rich.print(lesion)`` as a table.
    """

    def picture(self, form: Literal["png", "svg"] = "png") -> bytes:
        """Draws each measure before and after, and with the control sets.

        Args:
            form: "png" or "svg".

        Returns:
            The bytes of the picture.
        """
        from lightning_iit.figures.lesion import lesion_figure  # a training process loads no drawing

        return lesion_figure(self, form)


def lesion(
    model: nn.Module,
    batches: Iterable[Any],
    layer: str | nn.Module,
    units: Sequence[int],
    *,
    metric: Metric | None = None,
    to: SetTo = "mean",
    seed: int = 0,
    step: StepFunction | None = None,
    layout: str | None = None,
) -> Lesion:
    """Measures what a network loses when units of a layer are set to values that say nothing of the sample.

    The units are set at every step of every call of the layer: the states of recurrent layers between two steps, whole channels of
    a convolution, and of any other layer what it puts out. The same is done with 20 random sets of as many other units of the
    layer. The network runs in eval mode and without gradients, and is left as it was: parameters, buffers, modes, hooks and random
    states.

    Args:
        model: any module, on any device.
        batches: a DataLoader that does not shuffle, or a list of batches.
        layer: its name in ``named_modules()``, or the module itself.
        units: the indices of the units, such as one side of a partition. Of stacked recurrent layers they are those of the last.
        metric: ``(outputs, batch) -> number``, as a mean over the batch; the outputs are those of the model, called with a batch
            that is a tensor, with the first element of a tuple or list, or with a mapping as keywords. None takes what the model's
            own ``validation_step`` (without one, ``training_step``) returns as its loss, and each number that it logs.
        to: "mean" (of each unit, over all samples and steps of these data), "zero", or "resample": the values that another sample
            of the batch has at the same place when nothing is set. Where no other sample is so long, the mean.
        seed: of the random sets, of the other samples, and of whatever is random in the model.
        step: ``(module, state, input) -> state``, one step of a recurrent layer that is not PyTorch's own.
        layout: the axes of the layer's output, as in "BTU"; None tells them from the module.

    Returns:
        Loss and metrics before and after, with each control set, and p = (1 + k) / (20 + 1): k of the control sets change the
        number, up or down, by as much or more. Where the layer has too few other units for 20 different sets, all there are.

    Raises:
        InvalidArgumentError: a layer or unit that is not there, too few other units for a control, a layer whose step is not known,
            batches that shuffle or are none, or a model that measures nothing.
        UnsupportedOutputError: the axes of the layer's output are not known.

    Example::

        found = lesion(model, loader, "net.gru", units=(3, 8))
        print(found.p, found.words)
        Path("lesion.png").write_bytes(found.picture())
    """
    if not isinstance(model, nn.Module):
        msg = f"model: got a {type(model).__name__}; give the network, a torch.nn.Module."
        raise InvalidArgumentError(msg)
    network = unwrapped(model)
    device = next(network.parameters(), next(network.buffers(), torch.empty(0))).device
    return measured_lesion(
        *(network, fixed_inputs(batches, "batches"), layer, units),
        measure=own_measure(network) if metric is None else _measured_by(network, metric),
        to=to,
        seed=seed,
        step=step,
        layout=layout,
        move=lambda batch: move_data_to_device(batch, device),
    )


def measured_lesion(
    network: nn.Module,
    batches: Iterable[Any],
    layer: str | nn.Module,
    units: Sequence[int],
    *,
    measure: Callable[[Any, int], dict[str, float]],
    to: SetTo = "mean",
    seed: int = 0,
    step: StepFunction | None = None,
    layout: str | None = None,
    move: Callable[[Any], Any] = lambda batch: batch,
    context: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Lesion:
    """Measures a lesion as :func:`lesion` does, by any function of a batch and its index.

    Args:
        network: the module.
        batches: gives the same batches each time it is read.
        layer: its name, or the module.
        units: the indices of the units.
        measure: runs the network on a batch, and returns numbers by their names; each is a mean over the batch.
        to: what units are set to.
        seed: of all that is random.
        step: a step of a recurrent layer that is not PyTorch's own.
        layout: the axes of the layer's output.
        move: takes a batch and returns it on the network's device.
        context: makes the context in which the network is run (precision).

    Raises:
        InvalidArgumentError: see :func:`lesion`.
    """
    chosen = _checked(units, to)
    found = find_layers(network, layer)
    if len(found) != 1:
        msg = f"layer={layer!r}: this is {len(found)} layers; name one of {', '.join(repr(one.name) for one in found[:5])}."
        raise InvalidArgumentError(msg)
    places = Places(to, seed)

    def run(setting: Sequence[int] | None) -> tuple[dict[str, float], int]:
        places.begin(setting)
        with preserved(network, batches), context():
            seed_all(seed)
            for part in network.modules():
                silence(part)
            return _mean(measure, map(move, batches))

    with attached(found[0], places, step=step, layout=layout):
        before, samples = run(None)
        if not places.width:
            msg = f"layer={found[0].name!r}: it was not called when the network was run on these batches."
            raise InvalidArgumentError(msg)
        checked_indices(chosen, places.width, found[0].name)
        controls = control_sets(chosen, places.width, seed)
        after, *others = [run(setting)[0] for setting in (chosen, *controls)]
    measures = [
        LesionMeasure(name=name, before=value, after=after[name], controls=tuple(one[name] for one in others))
        for name, value in before.items()
    ]
    return Lesion(
        layer=found[0].name,
        units=chosen,
        width=places.width,
        to=to,
        samples=samples,
        control_units=controls,
        seed=seed,
        measures=tuple(measures),
    )


def control_sets(units: Sequence[int], width: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Draws different sets of as many other units; all that there are, where these are fewer than 20.

    Raises:
        InvalidArgumentError: the layer has not so many other units.

    Example:
        >>> control_sets([0, 1], 4, seed=0), len(control_sets([0, 1], 40, seed=0))
        (((2, 3),), 20)
    """
    others = [unit for unit in range(width) if unit not in units]
    possible = math.comb(len(others), len(units))
    if not possible:
        msg = (
            f"units={list(units)}: the layer has {width} units, so {len(others)} others, too few for a control of {len(units)} "
            "units. Give at most half of the layer's units."
        )
        raise InvalidArgumentError(msg)
    random, found = np.random.default_rng(seed), dict[tuple[int, ...], None]()
    while len(found) < min(CONTROLS, possible):
        found[tuple(sorted(random.choice(others, len(units), replace=False).tolist()))] = None
    return tuple(found)


def _checked(units: Sequence[int], to: str) -> tuple[int, ...]:
    """Returns the units as a tuple, after a check of units and ``to``."""
    if to not in get_args(SetTo):
        msg = f"to={to!r}: units are set to {', '.join(map(repr, get_args(SetTo)))}."
        raise InvalidArgumentError(msg)
    chosen = tuple(units) if not isinstance(units, (str, int)) else ()
    if not chosen or len(set(chosen)) < len(chosen) or not all(isinstance(unit, (int, np.integer)) for unit in chosen):
        msg = f"units={units!r}: give the indices of one unit or more, each once, as in (3, 8)."
        raise InvalidArgumentError(msg)
    return tuple(map(int, chosen))


def _mean(measure: Callable[[Any, int], dict[str, float]], batches: Iterable[Any]) -> tuple[dict[str, float], int]:
    """Returns the means over the samples of all batches, and how many samples these are."""
    sums: dict[str, float] = {}
    sizes: dict[str, int] = {}
    samples = 0
    for index, batch in enumerate(batches):
        size = batch_size(batch)
        samples += size
        for name, value in measure(batch, index).items():
            sums[name] = sums.get(name, 0.0) + value * size
            sizes[name] = sizes.get(name, 0) + size
    if not samples:
        msg = "batches: there is none; give a DataLoader, or a list of batches."
        raise InvalidArgumentError(msg)
    means = {name: total / sizes[name] for name, total in sums.items()}
    if bad := [name for name, value in means.items() if not math.isfinite(value)]:
        msg = f"metric: {', '.join(bad)} is not finite on these batches, so that nothing can be compared."
        raise InvalidArgumentError(msg)
    return means, samples


def _measured_by(network: nn.Module, metric: Metric) -> Callable[[Any, int], dict[str, float]]:
    """Returns the measure that is a user's function of outputs and batch."""

    def measure(batch: Any, _index: int) -> dict[str, float]:
        value = metric(call_with(network, batch), batch)
        number = _number(value)
        if number is None:
            msg = f"metric: it returned a {type(value).__name__}; return one number for a batch, such as a mean loss."
            raise InvalidArgumentError(msg)
        return {getattr(metric, "__name__", type(metric).__name__): number}

    return measure


def own_measure(module: Any) -> Callable[[Any, int], dict[str, float]]:
    """Returns the measure that is a LightningModule's own loss, and each number that it logs by ``log`` or ``log_dict``.

    Raises:
        InvalidArgumentError: the module has no step of its own.
    """
    step = next((step for name in ("validation_step", "training_step") if (step := _overridden(module, name)) is not None), None)
    if step is None:
        msg = (
            f"metric=None: this {type(module).__name__} is no LightningModule with a validation_step or training_step of its own; "
            "give metric=(outputs, batch) -> number."
        )
        raise InvalidArgumentError(msg)
    with_index = is_param_in_hook_signature(step, "batch_idx", min_args=2)

    def measure(batch: Any, index: int) -> dict[str, float]:
        logged: dict[str, Any] = {}
        vars(module)["log"] = lambda name, value, *_, **__: logged.update({name: value})
        vars(module)["log_dict"] = lambda values, *_, **__: logged.update(values)
        output = step(batch, index) if with_index else step(batch)
        loss = output.get("loss") if isinstance(output, dict) else output
        told = {"loss": loss, **{name: value for name, value in logged.items() if value is not loss}}
        found = {name: number for name, value in told.items() if (number := _number(value)) is not None}
        if not found:
            msg = f"metric=None: {step.__name__} of {type(module).__name__} returns no loss and logs no number; give metric=."
            raise InvalidArgumentError(msg)
        return found

    return measure


def _overridden(module: Any, name: str) -> Any:
    """Returns a step that the user has written; None where it is that of Lightning, which does nothing."""
    step = getattr(module, name, None)
    base = getattr(step, "__qualname__", "").startswith("LightningModule.")
    return step if callable(step) and not base else None


def _number(value: Any) -> float | None:
    """Returns a number, or a tensor or array of one, as a float; None for anything else."""
    if isinstance(value, (Tensor, np.ndarray)):
        return float(value.item()) if math.prod(value.shape) == 1 else None
    return float(value) if isinstance(value, (int, float, np.number)) else None
