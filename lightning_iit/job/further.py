"""What a further formalism gives of the task of a worker: the same states, groups and TPM, by another version of the theory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.job.analyses import analyse_states, ignore, of_first_state
from lightning_iit.job.formalisms import by_formalism
from lightning_iit.job.guard import Part
from lightning_iit.job.survey import survey
from lightning_iit.phi.scalars import phi_scalars
from lightning_iit.records import FORMALISM_WORDS, OfFormalism

if TYPE_CHECKING:
    from lightning_iit.job.survey import Surveyed
    from lightning_iit.records import Formalism, PhiTask
    from lightning_iit.tpm.estimate import Tpm

_OF_THE_TASK = ("states", "seconds", "groups")
"""Scalars that have one value for all formalisms, that of the first one."""
_NO_INTERVAL = "There is no interval by {words}: the analyses of the resamples by it did not fit into the time for checks."
"""The note on a further formalism whose numbers have no interval, while those of the first one have."""


def further(task: PhiTask, tpm: Tpm, formalism: Formalism, surveys: dict[Formalism, Surveyed]) -> OfFormalism:
    """Computes what a further formalism gives; nulls, curves and other thresholds are those of the first formalism only.

    Args:
        task: the task, with at least one state.
        tpm: its TPM.
        formalism: the further formalism.
        surveys: the surveys that were made already; those that are made here are added.

    Returns:
        The results; a part that cannot be made becomes a note, and a state whose analysis breaks a Failed.
    """
    asked = by_formalism(task, formalism)
    notes: list[str] = []
    states = analyse_states(asked, tpm, ignore)
    scalars = {name: value for name, value in phi_scalars(states).items() if name not in _OF_THE_TASK}
    surveyed = None
    more, parts = of_first_state(asked, tpm, notes)
    scalars |= more
    if task.survey:
        with Part("the survey of the layer", notes):
            if formalism not in surveys:
                if task.resampled and not task.resample_further:
                    asked = msgspec.structs.replace(asked, resampled=())
                    notes.append(_NO_INTERVAL.format(words=FORMALISM_WORDS[formalism]))
                *_, made = survey(asked, {one.state: one.result for one in states})
                surveys |= made
            found = surveys[formalism]
            scalars |= {name: value for name, value in found.scalars.items() if name not in _OF_THE_TASK}
            # The counts of the groups are in the record already.
            groups = tuple(msgspec.structs.replace(group, counts=None) for group in found.survey.groups)
            surveyed = msgspec.structs.replace(found.survey, groups=groups)
    return OfFormalism(
        formalism=formalism,
        result=states[0].result,
        states=states,
        scalars=scalars,
        survey=surveyed,
        notes=tuple(notes),
        **parts,
    )
