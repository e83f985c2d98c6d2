"""What a run asks of every analysis, checked before training starts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from lightning_iit.checks import SECONDS, SEED, WINDOW, Check, check_options, choice, flag, number, refused, whole
from lightning_iit.job.formalisms import options_for
from lightning_iit.phi.engine import PhiEngine
from lightning_iit.phi.options import ENGINE_CHECKS, check_formalisms, check_nodes, formalisms_of
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import FORMALISM, Formalism, PhiOptions
from lightning_iit.records.whole.tasks import WHOLE_NAMES, WholeName
from lightning_iit.tpm.nulls import NullName
from lightning_iit.tpm.states import StatesPolicy, check_policy


@dataclass(eq=False, repr=False, kw_only=True)
class AnalysisSettings:
    """What is asked of every analysis. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    states: StatesPolicy = "auto"
    prior: float = 0.5
    formalism: Formalism | Sequence[Formalism] = FORMALISM
    nodes: Sequence[int] | None = None
    engine: str = "auto"
    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    complexes: bool = False
    repertoires: bool = False
    pyphi_options: dict[str, Any] | None = None
    null_model: NullName | Literal["auto"] | None = "auto"
    surrogates: int = 19
    moments: int = 0
    measures: Sequence[WholeName] = ()
    search_null: bool = False
    timeout: float | None = 600.0
    pictures: bool = True
    seed: int = 0


@dataclass(eq=False, repr=False, kw_only=True)
class RunOptions(AnalysisSettings):
    """The settings of a run's analyses.

    Args:
        nodes: the positions, among the units, of a candidate system; None for all.
        window: how many epochs' transitions make one TPM.
        budget: the share of the training time that all analyses together may take; None makes each.
        extra_budget: the share of the training time that nulls may take, where ``budget`` is None.
        world_size: on how many ranks the counts were made.
        auto_units: whether the number of units was chosen here (``units="auto"``).
        preset: the name of the preset that was given. With "paper" Φ at other thresholds is wanted in each epoch.
        initial_weights: the fingerprint of the watched layers before training; empty where it is not known.
        timed: whether what is judged goes by how long the latest analyses took. Without it, it goes by the engine's estimate: then
            the same is judged in each call, on any machine.
        selections: by layer the number of the change with which its units were chosen; see ``Provenance.selection``.
    """

    window: int = 1
    budget: float | None = None
    extra_budget: float = 0.0
    world_size: int = 1
    auto_units: bool = False
    preset: str | None = None
    initial_weights: str = ""
    timed: bool = True
    selections: Mapping[str, int] = field(default_factory=dict)

    @property
    def formalisms(self) -> tuple[Formalism, ...]:
        """The versions of the theory by which Φ is computed, in the order of their years; the first one is that of the record."""
        return formalisms_of(self.formalism)

    @property
    def phi_options(self) -> PhiOptions:
        """How Φ is computed by the first formalism, as engines are told."""
        named = {name: getattr(self, name) for name in PhiOptions.__struct_fields__ if hasattr(self, name)}
        named["nodes"] = None if self.nodes is None else tuple(self.nodes)
        return PhiOptions(**named | {"formalism": self.formalisms[0]}, pyphi=self.pyphi_options or {})

    @property
    def engines(self) -> tuple[PhiEngine, ...]:
        """The engine of each formalism.

        Raises:
            InvalidArgumentError: there is no such engine, or it does not compute a formalism or implement an option.
        """
        further = (choose_engine(self.engine, options_for(self.phi_options, one)) for one in self.formalisms[1:])
        return (choose_engine(self.engine, self.phi_options), *further)

    def check(self) -> None:
        """Checks each value.

        Raises:
            InvalidArgumentError: a value that cannot be.
        """
        check_options(self, CHECKS | RUN_CHECKS)
        _ = self.engines


def _check_states(name: str, value: Any) -> Any:
    """Checks which states are analysed."""
    check_policy(value, f"IITCallback({name}=...)")
    return value if isinstance(value, str) else int(value)


def _check_measures(name: str, value: Any) -> tuple[WholeName, ...]:
    """Checks which measures of the whole layer are computed."""
    given = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else (value,)
    unknown = [one for one in given if one not in WHOLE_NAMES]
    if unknown:
        why = f"there is no measure {unknown[0]!r}"
        raise refused(name, value, f"give some of {', '.join(map(repr, WHOLE_NAMES))}, or () for none", why=why)
    return tuple(one for one in WHOLE_NAMES if one in given)


CHECKS: dict[str, Check] = {
    "states": _check_states,
    "prior": number("give the probability of ON in unvisited rows, from 0 to 1", most=1.0),
    "formalism": check_formalisms,
    "nodes": check_nodes,
    **ENGINE_CHECKS,
    "complexes": flag(),
    "null_model": choice("auto", *get_args(NullName), None),
    "surrogates": whole("give the number of surrogate data sets of a null, 1 or more", least=1),
    "moments": whole("give at how many single moments Φ is computed too, 0 for none", least=0),
    "measures": _check_measures,
    "search_null": flag(),
    "timeout": SECONDS,
    "pictures": flag(),
    "seed": SEED,
}
"""The check of each option."""
RUN_CHECKS: dict[str, Check] = {
    "window": WINDOW,
    "budget": number(
        "give the share of the training time that all analyses may take, 0 or more, or None", most=math.inf, none=True
    ),
    "extra_budget": number("give the share of the training time that nulls may take, 0 or more", most=math.inf),
}
"""The checks of what only a run has."""
