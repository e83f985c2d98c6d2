"""What is logged of a record: every number with its key, the same in TensorBoard, MLflow, CSV files and any other logger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.records.names import detail_key, phi_key
from lightning_iit.records.schema import metric_names

if TYPE_CHECKING:
    from lightning_iit.records.epochs import EpochRecord
    from lightning_iit.records.surveys import Survey

CHANGE = ("phi_change", "phi_change_p")
"""The scalars of a record that are about the layer; all others are about the group of units that is shown in detail."""


def layer_phi(record: EpochRecord) -> float | None:
    """Returns Φ of the layer: the survey's mean, or without a survey the Φ that is shown in detail; None where there is none."""
    surveyed = _surveyed(record)
    return record.phi if surveyed is None else surveyed.phi


def logged(record: EpochRecord, scope: str = "") -> dict[str, float]:
    """Returns every number that is logged of a record, by key.

    Under ``iit/phi/<layer>``, ``iit/phi_low/<layer>`` and so on is the answer for the layer: ``phi``, ``phi_se``, ``phi_low`` and
    ``phi_high`` of the survey, ``phi_change`` and ``phi_change_p``. A record without a survey (of version 0.1.0) has there the Φ
    that it shows in detail, with its interval. Under ``iit_details/<layer>/`` are the scalars of the group that is shown in detail.
    A number that was not computed has no key. Of IIT 4.0 the names begin with ``phi_s`` in the place of ``phi``, those of a second
    version of it with ``phi_s_2026``. Measures of the whole layer are under ``iit_details/<layer>/whole/``.

    Args:
        record: the record of a layer at an epoch, or within one.
        scope: the name of the callback, empty for one without a name.
    """
    found: dict[str, float] = {}
    for one, called in zip(record.by_formalism, metric_names(record.formalisms).values(), strict=True):
        of_layer = _of_layer(one) | {name: one.scalars[name] for name in CHANGE if name in one.scalars}
        details = {name: value for name, value in one.scalars.items() if name not in CHANGE}
        found |= {phi_key(record.layer, _named(name, called), scope, step=record.step): value for name, value in of_layer.items()}
        found |= {detail_key(record.layer, _named(name, called), scope, step=record.step): value for name, value in details.items()}
    whole = {} if record.whole is None else record.whole.scalars
    return found | {detail_key(record.layer, f"whole/{name}", scope, step=record.step): value for name, value in whole.items()}


def _named(name: str, called: str) -> str:
    """Returns the name of a number in keys, where Φ of its formalism is ``called`` so.

    Example:
        >>> _named("phi_low", "phi_s"), _named("coverage", "phi_s"), _named("ii", "phi_s_2026")
        ('phi_s_low', 'coverage', 'ii_2026')
    """
    if name.startswith("phi"):
        return called + name.removeprefix("phi")
    return name + called.removeprefix("phi").removeprefix("_s")


def _of_layer(record: EpochRecord) -> dict[str, float]:
    """Returns Φ of the layer with its standard error and interval, by name; empty where there is no Φ."""
    if (surveyed := _surveyed(record)) is not None:
        return surveyed.scalars
    if record.phi is None:
        return {}
    interval = {} if record.interval is None else {"phi_low": record.interval.low, "phi_high": record.interval.high}
    return {"phi": record.phi} | interval


def _surveyed(record: EpochRecord) -> Survey | None:
    """Returns the survey that Φ of the layer comes from; None where that is the Φ of the only group.

    A survey of several groups that has no mean, since its time was over, is not replaced by the Φ of one group.
    """
    survey = record.survey
    return survey if survey is not None and (survey.phi is not None or len(survey.groups) > 1) else None
