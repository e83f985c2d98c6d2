"""What a run asks of every analysis, checked before training starts."""

from dataclasses import dataclass
from typing import Any, Literal

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import PhiOptions
from lightning_iit.tpm.nulls import NullName
from lightning_iit.tpm.states import StatesPolicy, check_policy


@dataclass(eq=False, repr=False, kw_only=True)
class AnalysisSettings:
    """What is asked of every analysis. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    states: StatesPolicy = "mode"
    prior: float = 0.5
    engine: str = "auto"
    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    complexes: bool = False
    repertoires: bool = False
    pyphi_options: dict[str, Any] | None = None
    null_model: NullName | None = "cut"
    surrogates: int = 19
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
    """

    window: int = 1
    extra_budget: float = 0.0
    world_size: int = 1
    auto_units: bool = False

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
        check_policy(self.states)
        positive("window", self.window)
        positive("surrogates", self.surrogates)
        if not 0.0 <= self.prior <= 1.0:
            msg = f"prior={self.prior!r}: give the probability of ON in unvisited rows, from 0 to 1."
            raise InvalidArgumentError(msg)
        if self.null_model not in {"cut", "shuffle", None}:
            msg = f"null_model={self.null_model!r}: choose 'cut', 'shuffle' or None."
            raise InvalidArgumentError(msg)
        if not self.extra_budget >= 0.0:
            msg = f"extra_budget={self.extra_budget!r}: give the share of the training time that nulls may take, 0 or more."
            raise InvalidArgumentError(msg)
        choose_engine(self.engine, self.phi_options)


def positive(name: str, value: int) -> int:
    """Returns the value of an option that counts something.

    Raises:
        InvalidArgumentError: the value is no whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"{name}={value!r}: it is a whole number of at least 1."
        raise InvalidArgumentError(msg)
    return value
