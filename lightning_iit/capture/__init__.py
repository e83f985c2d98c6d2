"""The torch side of the package: turns the activations of a network in training into transition counts of binary states.

``choose/`` finds layers and units, ``hooks/`` copies activations, ``count/`` turns activations into states and counts transitions,
``perturb/`` sets units into states, ``depth/`` captures and perturbs a stack of blocks, ``lesion/`` sets units at every step of a
pass. ``layer_kinds`` is the table of what is known of each kind of layer. ``whole`` and ``epoch_sums`` are for measures of whole
layers: activations of a pass, and sums over an epoch. ``options`` holds the options of a capture, ``sensitivity`` counts the same
activations again with other thresholds, ``preserved`` runs a model so that the run leaves no trace in the model: what it can change
is ``held``, in memory or ``on_disk``. ``sharded`` knows parameters that are spread over ranks. In use::

    capture = Capture(model, CaptureOptions(layers=["net.3", "rnn"], units=4))   # raises an error for wrong names and options
    capture.layers                              # the names of the layers, in order
    capture.attach()                            # sets hooks (attach(copy): on a copy of the model instead); detach() removes them
    capture.begin_epoch(expected_batches)       # initial=True for a pass of the untrained network
    capture.begin_step(); ...; capture.end_step()   # records only the calls of the layers between these two
    for layer in capture.end_epoch(): ...       # one LayerEpoch for each layer: counts, units, thresholds, notes, problem
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
    """Imports a public name from its module when the name is first used (PEP 562), so that importing the package stays cheap."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
