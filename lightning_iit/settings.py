"""The options of a training run, those that the analysis of a finished model has too, and what is made of them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, TypedDict, TypeVar

from torch import nn

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.epoch_sums import EpochSums
from lightning_iit.capture.options import CHECKS as CAPTURE_CHECKS
from lightning_iit.capture.options import CaptureOptions, CaptureSettings, Selection, Sources, Strategy, Transitions
from lightning_iit.capture.perturb.backgrounds import Background
from lightning_iit.capture.perturb.options import CHECKS as PERTURB_CHECKS
from lightning_iit.capture.perturb.options import Connectivity, PerturbOptions, PerturbSettings, TpmSource
from lightning_iit.capture.perturb.stepper import Direction
from lightning_iit.capture.perturb.steps import StepFunction
from lightning_iit.capture.whole import WholeActivations
from lightning_iit.checks import Check, check_options, choice, flag, number, whole
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.executors.opening import PROCESSES, checked_executor, executor_words
from lightning_iit.phi.options import formalisms_of
from lightning_iit.presets import PRESETS, Preset
from lightning_iit.records import Formalism
from lightning_iit.records.shown.printed import brief_value
from lightning_iit.records.whole.tasks import WholeName
from lightning_iit.run.names import check_name
from lightning_iit.run.options import CHECKS as ANALYSIS_CHECKS
from lightning_iit.run.options import RUN_CHECKS, AnalysisSettings, RunOptions
from lightning_iit.snapshot.writer import SnapshotWriter
from lightning_iit.tpm.nulls import NullName
from lightning_iit.tpm.states import StatesPolicy
from lightning_iit.trackers.registry import checked_trackers
from lightning_iit.trackers.tracker import OptionTexts, Tracker
from lightning_iit.watch.probe import Loader, checked_probe
from lightning_iit.watch.watch import Watch

_Part = TypeVar("_Part")


class Options(TypedDict, total=False):
    """The options of :class:`Settings` but for ``layers``, as keywords that a type checker knows."""

    units: int | Literal["auto"] | Sequence[int]
    selection: Selection
    threshold: Strategy | float
    bits: int
    groups: int | Literal["auto"]
    transitions: Transitions
    layout: str | Mapping[str, str] | None
    unit_fn: Callable[[Any], Any] | None
    lag: int
    sources: Sources
    calibration_batches: int
    freeze_threshold: bool
    seed: int
    tpm: TpmSource
    background: Background
    draws: int | None
    step: StepFunction | None
    level: int
    direction: Direction
    hidden_only: bool
    cm: Connectivity
    states: StatesPolicy
    prior: float
    formalism: Formalism | Sequence[Formalism]
    nodes: Sequence[int] | None
    engine: str
    cuts: Literal["all", "one"]
    new_concepts: bool
    complexes: bool
    repertoires: bool
    pyphi_options: dict[str, Any] | None
    null_model: NullName | Literal["auto"] | None
    surrogates: int
    moments: int
    measures: Sequence[WholeName]
    search_null: bool
    timeout: float | None
    pictures: bool
    executor: Any
    workers: int
    drain_timeout: float
    trackers: Sequence[Tracker | str]
    network: bool
    network_budget: int
    pool_depth: bool


@dataclass(eq=False, repr=False, kw_only=True)
class Settings(AnalysisSettings, PerturbSettings, CaptureSettings):
    """All options that do not concern a training run. Each field is an option: :class:`~lightning_iit.IITCallback` has the words.

    An option is a field of the part that uses it; the fields are the keywords of whatever derives from this class, so that no
    option is written twice.
    """

    executor: Any = PROCESSES
    workers: int = 1
    drain_timeout: float = 600.0
    trackers: Sequence[Tracker | str] = ()
    network: bool = True
    network_budget: int = 200_000
    pool_depth: bool = False

    _checks: ClassVar[Mapping[str, Check]] = {
        **CAPTURE_CHECKS,
        **PERTURB_CHECKS,
        **ANALYSIS_CHECKS,
        "executor": checked_executor,
        "workers": whole("give the number of worker processes, 1 or more; or, in `analyse`, 0 for this process", least=0),
        "drain_timeout": number("give the seconds that open analyses are given at the end, 0 or more"),
        "trackers": checked_trackers,
        "network": flag(),
        "network_budget": whole("give the most bytes of a snapshot of the network, 0 or more", least=0),
        "pool_depth": flag(),
    }
    """The check of each option by itself; :meth:`check` makes them all."""

    def check(self) -> None:
        """Checks the value of each option, and sets it to the same value in Python's own types.

        Raises:
            InvalidArgumentError: a value that cannot be.
        """
        check_options(self, self._checks)
        if self.moments and (self.tpm == "observe" or self.background == "fixed"):
            which = f"tpm={self.tpm!r}" if self.tpm == "observe" else f"background={self.background!r}"
            msg = (
                f"moments={self.moments} with {which}: single moments are those of the backgrounds over which a perturbed TPM is "
                "averaged, and nothing is averaged here. Leave one of the two out."
            )
            raise InvalidArgumentError(msg)
        if self.workers == 0 and self.executor != PROCESSES:
            msg = (
                f"workers=0 with executor={executor_words(self.executor)!r}: 0 computes in this process, and an executor somewhere "
                "else. Leave one of the two out."
            )
            raise InvalidArgumentError(msg)

    def part(self, kind: type[_Part], **further: Any) -> _Part:
        """Returns the options of one part of the package: those of these that it has by name, and ``further`` ones."""
        named = {field.name: getattr(self, field.name) for field in fields(kind) if hasattr(self, field.name)}  # type: ignore[arg-type]
        return kind(**(named | further))

    def run_options(self, *, world_size: int = 1) -> RunOptions:
        """Returns what is asked of every analysis, checked.

        Raises:
            InvalidArgumentError: a value that cannot be.
        """
        self.check()
        options = self.part(RunOptions, world_size=world_size, auto_units=self.units == "auto", nodes=self._positions())
        options.check()
        return options

    def _positions(self) -> tuple[int, ...] | None:
        """Returns the positions of the candidate system's units among all units; None where there is no such system.

        Raises:
            InvalidArgumentError: the units are not given by their indices, or do not hold those of the candidate system.
        """
        if self.nodes is None:
            return None
        units = [] if isinstance(self.units, (str, int)) else list(self.units)
        why = ""
        if not set(self.nodes) <= set(units) or self.bits == 2:
            why = "they are not among the units" if self.bits == 1 else "with bits=2 a unit is two elements"
        elif self.complexes:
            why = "complexes=True looks for the candidate system among all units"
        if why:
            msg = (
                f"nodes={list(self.nodes)} with units={self.units!r}: {why}. Give the units by their indices, and as nodes those "
                "of the candidate system, as in units=[0, 1, 2], nodes=[0, 1]."
            )
            raise InvalidArgumentError(msg)
        return tuple(sorted(units.index(node) for node in self.nodes))

    def watch(
        self,
        model: nn.Module,
        options: RunOptions,
        *,
        snapshots: bool,
        only: tuple[str, Sequence[int]] | None = None,
        fixed: bool = False,
    ) -> Watch:
        """Finds the layers of a model and what is to be watched of them.

        Args:
            model: where the layers are.
            options: what is asked of every analysis.
            snapshots: keep snapshots of the network, if they are wanted at all.
            fixed: whether the passes are made with fixed weights, so that measures of whole layers are taken of them.
            only: the name of a layer and the indices of its units, where only these are watched; None for what the options say.

        Raises:
            InvalidArgumentError: an option that cannot be, or does not fit the model.
        """
        if self.layers is not None and not isinstance(self.layers, str):
            # A module among these would be copied and pickled with its options.
            vars(self).update(layers=[layer.name for layer in find_layers(model, self.layers)])
        capture = self.part(CaptureOptions, max_units=min(engine.max_units for engine in options.engines))
        if only is not None:
            capture = replace(capture, layers=[only[0]], units=list(only[1]), groups=1)
        shown = snapshots and self.network and self.network_budget > 0
        writer = SnapshotWriter(budget=self.network_budget, seed=self.seed) if shown else None
        whole = self.whole_activations(model) if fixed and only is None else None
        watch = Watch(model, capture, self.part(PerturbOptions), writer, pool_depth=self.pool_depth, whole=whole)
        self._check_null(watch.perturber.layers)
        return watch

    def whole_activations(self, model: nn.Module) -> WholeActivations | None:
        """Returns what records all units of the layers, for measures of whole layers; None where no measure is asked for.

        Raises:
            InvalidArgumentError: measures are asked for along depth.
        """
        if not self.measures:
            return None
        if self.transitions == "depth":
            msg = (
                f"measures={tuple(self.measures)} with transitions='depth': whole layers are measured along time, not along depth. "
                "Leave one of the two out."
            )
            raise InvalidArgumentError(msg)
        capture = self.part(CaptureOptions)
        return WholeActivations(model, [layer.name for layer in find_layers(model, capture.layers)], capture)

    def epoch_sums(self, model: nn.Module) -> EpochSums | None:
        """Returns what sums all units of the layers over an epoch; None where total correlation is not asked for."""
        if "total_correlation" not in self.measures:
            return None
        capture = self.part(CaptureOptions)
        return EpochSums(model, [layer.name for layer in find_layers(model, capture.layers)], capture)

    def _check_null(self, perturbed: Sequence[str]) -> None:
        """Checks that no null is asked for where a layer is perturbed.

        Raises:
            InvalidArgumentError: the null model is given by name.
        """
        if perturbed and self.tpm != "observe" and self.null_model not in {None, "auto"}:
            msg = (
                f"null_model={self.null_model!r}: the units of {', '.join(map(repr, perturbed))} are set into each state, in the "
                "same backgrounds, so the states share their errors, and a null of independent transitions does not fit. Leave it "
                "out: sequences are resampled instead, and layers that are watched have the 'cut' null. Or use tpm='observe', "
                "which watches all layers."
            )
            raise InvalidArgumentError(msg)

    def __repr__(self) -> str:
        """Returns the options that are not at their defaults, in a few lines."""
        given = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        # Arrays and tensors among the values have no truth value when compared with a default of another type.
        told = (
            f"{name}={brief_value(value)}" for name, value, default in given if type(value) is not type(default) or value != default
        )
        return f"{type(self).__name__}({', '.join(told)})"

    def described(self, layers: Sequence[str], **told: str) -> OptionTexts:
        """Returns every option as it was given, or as it is ``told`` where that says more, with the layers that were found."""
        told["layers"] = ",".join(layers)
        told["executor"] = executor_words(self.executor)
        told["formalism"] = ",".join(formalisms_of(self.formalism))
        told["trackers"] = str(tuple(one if isinstance(one, str) else type(one).__name__ for one in self.trackers))
        texts = {field.name: told[field.name] if field.name in told else _text(getattr(self, field.name)) for field in fields(self)}
        defaults = {field.name: _text(field.default) for field in fields(self)}
        return OptionTexts(texts, [name for name, text in texts.items() if name == "layers" or text != defaults[name]])


@dataclass(eq=False, repr=False, kw_only=True)
class TrainingSettings(Settings):
    """All options of a training run. Each field is an option: :class:`~lightning_iit.IITCallback` has the words."""

    every_n_epochs: int = 1
    every_n_steps: int | None = None
    window: int = 1
    when_busy: Literal["queue", "skip", "wait"] = "queue"
    budget: float | None = None
    extra_budget: float = 0.25
    initial: bool = True
    max_queued: int = 64
    prog_bar: bool = False
    table: bool = True
    probe: Loader | Sequence[Any] | None = None
    control: bool = True
    name: str | None = None
    preset: Preset | None = None

    _checks: ClassVar[Mapping[str, Check]] = {
        **Settings._checks,
        **RUN_CHECKS,
        "workers": whole("give the number of worker processes, 1 or more", least=1),
        "every_n_epochs": whole("give 1 to analyse each epoch, or n to analyse every n-th one", least=1),
        "every_n_steps": whole("give n, 1 or more, to analyse every n steps, or None for whole epochs only", least=1, none=True),
        "when_busy": choice("queue", "skip", "wait"),
        "initial": flag(),
        "max_queued": whole("give how many analyses may wait, 0 or more", least=0),
        "prog_bar": flag(),
        "table": flag(),
        "probe": checked_probe,
        "control": flag(),
        "name": check_name,
        "preset": choice(*PRESETS, None),
    }


def with_options(function: Callable[..., Any]) -> inspect.Signature:
    """Returns the signature of a function that takes the options of :class:`Settings`, each by name, for editors and ``help()``.

    Args:
        function: a function with ``layers`` among its own arguments and ``**options`` at their end.
    """
    signature = inspect.signature(function)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    shared = [parameter for parameter in inspect.signature(Settings).parameters.values() if parameter.name != "layers"]
    return signature.replace(parameters=[*own, *shared])


def _text(value: Any) -> str:
    """Returns the value of an option as text; a function is its name, which is the same in every process."""
    return getattr(value, "__qualname__", type(value).__qualname__) if callable(value) else str(value)
