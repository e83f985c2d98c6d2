"""What a run asks of every analysis, checked before training starts."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lightning_iit.checks import SECONDS, SEED, WINDOW, Check, check_options, choice, flag, number, whole
from lightning_iit.phi.options import ENGINE_CHECKS
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import PhiOptions
from lightning_iit.tpm.nulls import NullName
from lightning_iit.tpm.states import StatesPolicy, check_policy


@dataclass(eq=False, repr=False, kw_only=True)
class AnalysisSettings:
    """What is asked of every analysis. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    states: StatesPolicy = "auto"
    prior: float = 0.5
    engine: str = "auto"
    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    complexes: bool = False
    repertoires: bool = False
    pyphi_options: dict[str, Any] | None = None
    null_model: NullName | Literal["auto"] | None = "auto"
    surrogates: int = 19
    moments: int = 0
    timeout: float | None = 600.0
    pictures: bool = True
    seed: int = 0


@dataclass(eq=False, repr=False, kw_only=True)
class RunOptions(AnalysisSettings):
    """The settings of a run's analyses.

    Args:
        window: how many epochs' transitions make one TPM.
        extra_budget: the share of the training time that nulls may take.
        world_size: on how many ranks the counts were made.
        auto_units: whether the number of units was chosen here (``units="auto"``).
        preset: the name of the preset that was given. With "paper" Φ at other thresholds is wanted in each epoch.
        initial_weights: the fingerprint of the watched layers before training; empty where it is not known.
    """

    window: int = 1
    extra_budget: float = 0.0
    world_size: int = 1
    auto_units: bool = False
    preset: str | None = None
    initial_weights: str = ""

    @property
    def phi_options(self) -> PhiOptions:
        """How Φ is computed, as engines are told."""
        named = {name: getattr(self, name) for name in PhiOptions.__struct_fields__ if hasattr(self, name)}
        return PhiOptions(**named, pyphi=self.pyphi_options or {})

    def check(self) -> None:
        """Checks each value.

        Raises:
            InvalidArgumentError: a value that cannot be.
        """
        check_options(self, CHECKS | RUN_CHECKS)
        choose_engine(self.engine, self.phi_options)


def _check_states(name: str, value: Any) -> Any:
    """Checks which states are analysed."""
    check_policy(value, f"IITCallback({name}=...)")
    return value if isinstance(value, str) else int(value)


CHECKS: dict[str, Check] = {
    "states": _check_states,
    "prior": number("give the probability of ON in unvisited rows, from 0 to 1", most=1.0),
    **ENGINE_CHECKS,
    "complexes": flag(),
    "null_model": choice("auto", *get_args(NullName), None),
    "surrogates": whole("give the number of surrogate data sets of a null, 1 or more", least=1),
    "moments": whole("give at how many single moments Φ is computed too, 0 for none", least=0),
    "timeout": SECONDS,
    "pictures": flag(),
    "seed": SEED,
}
"""The check of each option."""
RUN_CHECKS: dict[str, Check] = {
    "window": WINDOW,
    "extra_budget": number("give the share of the training time that nulls may take, 0 or more", most=math.inf),
}
"""The checks of what only a run has."""
