"""The options that a training run and the analysis of a finished model have in common, and what is made of them."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Literal

from torch import nn

from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb.perturber import PerturbOptions, TpmSource
from lightning_iit.capture.perturb.steps import StepFunction
from lightning_iit.capture.perturb.tpm import Background
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import FORMALISM, PhiOptions
from lightning_iit.run.request import RunOptions
from lightning_iit.snapshot.writer import SnapshotWriter
from lightning_iit.tpm.nulls import NullName
from lightning_iit.tpm.states import StatesPolicy
from lightning_iit.watch.watch import Watch


@dataclass(eq=False, repr=False)
class Settings:
    """What is asked of an analysis. Each option is documented at :class:`~lightning_iit.IITCallback`.

    The fields are the keywords of whatever derives from this class, so that no option is listed twice.
    """

    layers: str | Sequence[str] | None = None
    _: KW_ONLY
    units: int | Literal["auto"] | Sequence[int] = "auto"
    selection: str = "variance"
    threshold: str | float = "median"
    bits: int = 1
    groups: int = 1
    transitions: str = "auto"
    states: StatesPolicy = "mode"
    engine: str = "auto"
    workers: int = 1
    timeout: float | None = 600.0
    seed: int = 0
    tpm: TpmSource = "auto"
    background: Background = "sampled"
    draws: int = 128
    step: StepFunction | None = None
    level: int = -1
    direction: Literal["forward", "backward"] = "forward"
    hidden_only: bool = False
    cm: Literal["full", "weights"] = "full"
    pool_depth: bool = False
    null_model: NullName | None = "cut"
    surrogates: int = 19
    prior: float = 0.5
    layout: str | None = None
    unit_fn: Callable[[Any], Any] | None = None
    lag: int = 1
    calibration_batches: int = 10
    freeze_threshold: bool = False
    cuts: Literal["all", "one"] = "all"
    new_concepts: bool = True
    complexes: bool = False
    repertoires: bool = False
    pyphi_options: dict[str, Any] | None = None
    drain_timeout: float = 600.0
    pictures: bool = True
    network: bool = True
    network_budget: int = 200_000

    def run_options(self, *, window: int = 1, extra_budget: float = 0.0, world_size: int = 1) -> RunOptions:
        """What is asked of every analysis, checked.

        Raises:
            InvalidArgumentError: a value that cannot be.
        """
        options = RunOptions(
            states=self.states,
            window=positive("window", window),
            prior=self.prior,
            engine=self.engine,
            options=PhiOptions(
                cuts=self.cuts,
                new_concepts=self.new_concepts,
                complexes=self.complexes,
                repertoires=self.repertoires,
                pyphi=self.pyphi_options or {},
            ),
            timeout=self.timeout,
            seed=self.seed,
            pictures=self.pictures,
            world_size=world_size,
            null=self.null_model,
            surrogates=positive("surrogates", self.surrogates),
            extra_budget=extra_budget,
        )
        options.check()
        return options

    def watch(self, model: nn.Module, options: RunOptions, *, pictures: bool) -> Watch:
        """Finds the layers of a model and what is to be watched of them.

        Args:
            model: where the layers are.
            options: what is asked of every analysis.
            pictures: keep snapshots of the network, if they are wanted at all.

        Raises:
            InvalidArgumentError: an option that cannot be, or does not fit the model.
        """
        capture = CaptureOptions(
            layers=self.layers,
            units=self.units,
            selection=self.selection,
            threshold=self.threshold,
            bits=self.bits,
            groups=self.groups,
            transitions=self.transitions,
            layout=self.layout,
            unit_fn=self.unit_fn,
            seed=self.seed,
            lag=self.lag,
            calibration_batches=self.calibration_batches,
            freeze_threshold=self.freeze_threshold,
            window=options.window,
            max_units=choose_engine(options.engine, options.options).max_units,
        )
        causal = PerturbOptions(
            tpm=self.tpm,
            background=self.background,
            draws=self.draws,
            step=self.step,
            level=self.level,
            direction=self.direction,
            hidden_only=self.hidden_only,
            cm=self.cm,
            seed=self.seed,
        )
        shown = pictures and self.network and self.network_budget > 0
        drawn = SnapshotWriter(budget=self.network_budget, seed=self.seed) if shown else None
        return Watch(model, capture, causal, drawn, pool_depth=self.pool_depth)

    def described(self, layers: Sequence[str], **told: str) -> dict[str, str]:
        """Every option as it was given, or as it is ``told`` where that says more, with the layers that were found."""
        told["layers"] = ",".join(layers)
        given = {field.name: told[field.name] if field.name in told else str(getattr(self, field.name)) for field in fields(self)}
        return {**given, "formalism": FORMALISM}


def positive(name: str, value: int) -> int:
    """The value of an option that counts something.

    Raises:
        InvalidArgumentError: it is no whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"{name}={value!r}: it is a whole number of at least 1."
        raise InvalidArgumentError(msg)
    return value
