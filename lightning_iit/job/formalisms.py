"""Which options each formalism of a task has, and which of its formalisms are computed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import FORMALISM, PhiOptions

if TYPE_CHECKING:
    from lightning_iit.records import Formalism, PhiTask


def options_for(options: PhiOptions, formalism: Formalism) -> PhiOptions:
    """Returns the options of a further formalism: those that every formalism has."""
    return PhiOptions(formalism=formalism, complexes=options.complexes, threads=options.threads, nodes=options.nodes)


def together(task: PhiTask) -> tuple[Formalism, ...]:
    """Returns the formalism of a task's options, and those further ones for which the search for the minimum partition is the same.

    Both versions of IIT 4.0 look at the same partitions; with options that only the first formalism has they may not.
    """
    own = task.options.formalism
    if own == FORMALISM:
        return (own,)
    same = (one for one in task.further if one != FORMALISM)
    return (own, *(one for one in same if options_for(task.options, one) == msgspec.structs.replace(task.options, formalism=one)))


def by_formalism(task: PhiTask, formalism: Formalism) -> PhiTask:
    """Returns the task as one of its further formalisms computes it: no judgements, which are those of the first formalism only."""
    if formalism == task.options.formalism:
        return task
    rest = task.further[task.further.index(formalism) + 1 :]
    return msgspec.structs.replace(task, options=options_for(task.options, formalism), judge=None, further=rest)


def searches(task: PhiTask) -> tuple[Formalism, ...]:
    """Returns the formalisms of a task that have a search of their own, each with those that come with it (:func:`together`)."""
    apart: list[Formalism] = [task.options.formalism]
    known = set(together(task))
    for formalism in task.further:
        if formalism not in known:
            apart.append(formalism)
            known |= set(together(by_formalism(task, formalism)))
    return tuple(apart)
