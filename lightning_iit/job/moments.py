"""Φ at single moments in a worker: of the shown group, with the background held at each of several observed moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.many import phis
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Moments
from lightning_iit.records.surveys import POSITIVE

if TYPE_CHECKING:
    from lightning_iit.records import PhiTask


def at_moments(task: PhiTask) -> Moments:
    """Computes Φ of the task's group at each of its moments, in the state in which the units were observed then.

    Args:
        task: the task, with at least one moment.
    """
    elements = np.arange(len(task.states[0]))
    tpms = (np.array([moment.following for moment in task.moments])[..., None] >> elements & 1).astype(np.float64)
    states = np.array([moment.state for moment in task.moments])[:, None] >> elements & 1
    cm = None if task.cm is None else np.array(task.cm)
    found = phis(choose_engine(task.engine, task.options), tpms, states, cm, task.options)
    known = found[~np.isnan(found)]
    return Moments(
        moments=len(found),
        reachable=len(known) / len(found),
        positive=float((known > POSITIVE).sum()) / len(found),
        phi=float(known.mean()) if len(known) else None,
    )
