"""The torch side: from the activations of a network in training to transition counts of binary states.

``choose/`` finds layers and units, ``hooks/`` copies activations, ``count/`` makes states and counts of them, ``perturb/`` sets
units into states, ``depth/`` does both along a stack of blocks. ``layer_kinds`` is the table of the kinds of layer, which all of
these ask. ``options`` says what is wanted, ``sensitivity`` counts once more with other thresholds, ``preserved`` keeps a passage of
the model from leaving a trace. In use::

    capture = Capture(model, CaptureOptions(layers=["net.3", "rnn"], units=4))   # wrong names and options fail here
    capture.layers                              # their names, in order
    capture.attach()                            # hooks; attach(copy) watches a copy of the model instead; detach() ends it
    capture.begin_epoch(expected_batches)       # initial=True for a pass of the untrained network
    capture.begin_step(); ...; capture.end_step()   # only what the layers do in between is recorded
    for layer in capture.end_epoch(): ...       # a LayerEpoch for each layer: counts, units, thresholds, notes, problem
    capture.state_dict(); capture.load_state_dict(state)

Under ``torch.distributed`` every rank makes the same calls, and every rank gets the same units, thresholds and counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.count.session import Capture
    from lightning_iit.capture.layer_kind_row import LayerKindRow, Picture
    from lightning_iit.capture.layer_kinds import kind_of, register_layer_kind
    from lightning_iit.capture.options import CaptureOptions

__all__ = ["Capture", "CaptureOptions", "LayerEpoch", "LayerKindRow", "Picture", "kind_of", "register_layer_kind"]

_HOMES = {
    "Capture": "lightning_iit.capture.count.session",
    "CaptureOptions": "lightning_iit.capture.options",
    "LayerEpoch": "lightning_iit.capture.count.epoch",
    "LayerKindRow": "lightning_iit.capture.layer_kind_row",
    "Picture": "lightning_iit.capture.layer_kind_row",
    "kind_of": "lightning_iit.capture.layer_kinds",
    "register_layer_kind": "lightning_iit.capture.layer_kinds",
}


def __getattr__(name: str) -> Any:
    """Loads a public name from its home (PEP 562)."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
