"""The options of a perturbation, checked when they are created."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from lightning_iit.capture.options import refuse_given
from lightning_iit.capture.perturb.backgrounds import Background
from lightning_iit.capture.perturb.stepper import Direction
from lightning_iit.capture.perturb.steps import StepFunction
from lightning_iit.checks import Check, check_options, choice, flag, function_or_none, whole
from lightning_iit.errors import InvalidArgumentError

TpmSource: TypeAlias = Literal["auto", "perturb", "observe"]
"""How a TPM is made: units are set ("perturb"), watched ("observe"), or set where possible ("auto")."""
Connectivity: TypeAlias = Literal["full", "weights"]
"""The connections among the units: all to all, or only where a recurrent weight is not zero."""


@dataclass(eq=False, repr=False, kw_only=True)
class PerturbSettings:
    """Whether and how layers are perturbed. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    tpm: TpmSource = "auto"
    background: Background = "sampled"
    draws: int | None = None
    step: StepFunction | None = None
    level: int = -1
    direction: Direction = "forward"
    hidden_only: bool = False
    cm: Connectivity = "full"
    seed: int = 0


@dataclass(eq=False, repr=False, kw_only=True)
class PerturbOptions(PerturbSettings):
    """Holds the settings of a perturbation, and checks them.

    Raises:
        InvalidArgumentError: a value that cannot be.
    """

    def __post_init__(self) -> None:
        """Checks the value of each option."""
        check_options(self, CHECKS)
        if self.cm == "weights" and self.tpm == "observe":
            msg = (
                "cm='weights' with tpm='observe': units that are watched share causes that no weight between them shows, so "
                "weights cannot say which connections they have. Use tpm='perturb' or 'auto', or leave cm out."
            )
            raise InvalidArgumentError(msg)

    def check_for_depth(self) -> None:
        """Checks that no option is given that only recurrent layers have, for transitions along depth.

        Raises:
            InvalidArgumentError: an option says how a recurrent layer is stepped or wired.
        """
        refuse_given(
            *(self, ("step", "level", "direction", "hidden_only", "cm")),
            why="it is about recurrent layers; with transitions='depth' whole blocks are perturbed",
        )

    def over(self, lag: int) -> "PerturbOptions":
        """Returns a copy for this ``lag``: a perturbation covers one step, so ``lag > 1`` switches to ``tpm="observe"``.

        Raises:
            InvalidArgumentError: ``lag > 1`` with ``tpm="perturb"`` or ``cm="weights"``, which need a perturbation.
        """
        if lag == 1:
            return self
        if self.tpm == "perturb" or self.cm == "weights":
            what = "tpm='perturb'" if self.tpm == "perturb" else "cm='weights'"
            msg = (
                f"lag={lag} with {what}: a layer that is perturbed makes one step, so its TPM would be that of lag=1 whatever the "
                "lag. Use lag=1, or tpm='observe' without cm."
            )
            raise InvalidArgumentError(msg)
        return replace(self, tpm="observe")


CHECKS: dict[str, Check] = {
    "tpm": choice(*get_args(TpmSource)),
    "background": choice(*get_args(Background)),
    "draws": whole("give the most observed backgrounds to average over, 1 or more, or None for all", least=1, none=True),
    "step": function_or_none("give a function (module, state, input) -> state, or None"),
    "level": whole("give the index of the stacked layer: 0 is the first one, -1 the last one"),
    "direction": choice(*get_args(Direction)),
    "hidden_only": flag(),
    "cm": choice(*get_args(Connectivity)),
}
"""The check of each option; that of ``seed`` is the capture's."""
