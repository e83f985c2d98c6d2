"""The options that a training run and the analysis of a finished model have in common, and what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from torch import nn

from lightning_iit.capture.options import CaptureOptions, CaptureSettings
from lightning_iit.capture.perturb.options import PerturbOptions, PerturbSettings
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import FORMALISM
from lightning_iit.run.options import AnalysisSettings, RunOptions
from lightning_iit.snapshot.writer import SnapshotWriter
from lightning_iit.trackers.registry import check_trackers
from lightning_iit.trackers.tracker import Tracker
from lightning_iit.watch.watch import Watch

_Part = TypeVar("_Part")


@dataclass(eq=False, repr=False, kw_only=True)
class Settings(AnalysisSettings, PerturbSettings, CaptureSettings):
    """All options that do not concern a training run. Each field is an option: :class:`~lightning_iit.IITCallback` has the words.

    An option is a field of the part that uses it; the fields are the keywords of whatever derives from this class, so that no
    option is written twice.
    """

    workers: int = 1
    drain_timeout: float = 600.0
    trackers: Sequence[Tracker | str] = ()
    network: bool = True
    network_budget: int = 200_000
    pool_depth: bool = False

    def part(self, kind: type[_Part], **further: Any) -> _Part:
        """Returns the options of one part of the package: those of these that it has by name, and ``further`` ones."""
        named = {field.name: getattr(self, field.name) for field in fields(kind) if hasattr(self, field.name)}  # type: ignore[arg-type]
        return kind(**(named | further))

    def run_options(self, *, world_size: int = 1) -> RunOptions:
        """Returns what is asked of every analysis, checked.

        Raises:
            InvalidArgumentError: a value that cannot be.
        """
        options = self.part(RunOptions, world_size=world_size, auto_units=self.units == "auto")
        options.check()
        check_trackers(self.trackers)
        return options

    def watch(self, model: nn.Module, options: RunOptions, *, snapshots: bool) -> Watch:
        """Finds the layers of a model and what is to be watched of them.

        Args:
            model: where the layers are.
            options: what is asked of every analysis.
            snapshots: keep snapshots of the network, if they are wanted at all.

        Raises:
            InvalidArgumentError: an option that cannot be, or does not fit the model.
        """
        capture = self.part(CaptureOptions, max_units=choose_engine(options.engine, options.phi_options).max_units)
        shown = snapshots and self.network and self.network_budget > 0
        writer = SnapshotWriter(budget=self.network_budget, seed=self.seed) if shown else None
        return Watch(model, capture, self.part(PerturbOptions), writer, pool_depth=self.pool_depth)

    def described(self, layers: Sequence[str], **told: str) -> dict[str, str]:
        """Returns every option as it was given, or as it is ``told`` where that says more, with the layers that were found."""
        told["layers"] = ",".join(layers)
        told["trackers"] = str(tuple(one if isinstance(one, str) else type(one).__name__ for one in self.trackers))
        given = {field.name: told[field.name] if field.name in told else str(getattr(self, field.name)) for field in fields(self)}
        return {**given, "formalism": FORMALISM}
