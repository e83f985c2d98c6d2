"""What is logged of a record: every number with its key, the same in TensorBoard, MLflow, CSV files and any other logger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records.names import detail_key, phi_key

if TYPE_CHECKING:
    from lightning_iit.records.epochs import EpochRecord

CHANGE = ("phi_change", "phi_change_p")
"""The scalars of a record that are about the layer; all others are about the group of units that is shown in detail."""


def layer_phi(record: EpochRecord) -> float | None:
    """Returns Φ of the layer: the survey's mean, or without one the Φ that is shown in detail; None where there is neither."""
    surveyed = None if record.survey is None else record.survey.phi
    return record.phi if surveyed is None else surveyed


def logged(record: EpochRecord, scope: str = "") -> dict[str, float]:
    """Returns every number that is logged of a record, by key.

    Under ``iit/phi/<layer>``, ``iit/phi_low/<layer>`` and so on is the answer for the layer: ``phi``, ``phi_se``, ``phi_low`` and
    ``phi_high`` of the survey, ``phi_change`` and ``phi_change_p``. A record without a survey (of version 0.1.0) has there the Φ
    that it shows in detail, with its interval. Under ``iit_details/<layer>/`` are the scalars of the group that is shown in detail.
    A number that was not computed has no key.

    Args:
        record: the record of a layer at an epoch, or within one.
        scope: the name of the callback, empty for one without a name.
    """
    of_layer = _of_layer(record) | {name: record.scalars[name] for name in CHANGE if name in record.scalars}
    answer = {phi_key(record.layer, name, scope, step=record.step): value for name, value in of_layer.items()}
    details = {name: value for name, value in record.scalars.items() if name not in CHANGE}
    return answer | {detail_key(record.layer, name, scope, step=record.step): value for name, value in details.items()}


def _of_layer(record: EpochRecord) -> dict[str, float]:
    """Returns Φ of the layer with its standard error and interval, by name; empty where there is no Φ."""
    if record.survey is not None and record.survey.phi is not None:
        return record.survey.scalars
    if record.phi is None:
        return {}
    interval = {} if record.interval is None else {"phi_low": record.interval.low, "phi_high": record.interval.high}
    return {"phi": record.phi} | interval
