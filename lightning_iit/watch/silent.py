"""A pass of a module in its trainer that logs nothing, writes nothing and trains nothing."""

from __future__ import annotations

import io
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightning_iit.capture.held import Held
from lightning_iit.capture.preserved import preserved_randomness, put_all_back, silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lightning.pytorch import LightningModule, Trainer
    from typing_extensions import Self

_METRICS = ("_callback_metrics", "_logged_metrics", "_progress_bar_metrics")


@contextmanager
def without_a_trace(trainer: Trainer, module: LightningModule, before: Held) -> Iterator[None]:
    """Puts the module into an earlier state, in which its steps have no effect, and restores everything afterwards.

    Restored are the parameters with their gradients and all that :class:`~lightning_iit.capture.held.Held` tells, optimizers (also
    those that the module itself holds), schedulers, the scaler, the trainer's attributes and metrics (not its loops and callbacks),
    and every random state. Meanwhile ``log``, ``print``, ``manual_backward``, the steps of optimizers and schedulers, the trainer's
    loggers, and writers and open files among the attributes of the module and its objects do nothing.

    Args:
        trainer: the trainer, between two steps.
        module: the module of the trainer.
        before: the earlier state, with the parameters.
    """
    optimizers = _listed(module.optimizers(use_pl_optimizer=False))
    wrapped = [each for each in _listed(module.optimizers()) if not any(each is plain for plain in optimizers)]
    schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
    scaler: Any = getattr(trainer.precision_plugin, "scaler", None)
    others = [*optimizers, *schedulers, *([] if scaler is None else [scaler])]
    held = Held(module, *others, parameters=True, device="cpu")
    for one in (trainer, *wrapped):
        held.add(vars(one))
    for name in _METRICS:
        if isinstance(metrics := getattr(trainer._logger_connector, name, None), dict):
            held.add(metrics)
    with preserved_randomness():
        try:
            before.put_back()
            held.without_gradients()
            for part in module.modules():
                silence(part)
            for container in before.containers:
                _silence_writers(container)
            vars(module)["manual_backward"] = vars(module)["print"] = _nothing
            for optimizer in held.optimizers:
                vars(optimizer)["state"] = defaultdict(dict)  # the state is put aside and not copied
            for one in (*held.optimizers, *wrapped):
                vars(one)["step"] = _closure_alone
            for scheduler in schedulers:
                vars(scheduler)["step"] = _nothing
            vars(trainer)["_loggers"] = [Silent(logger) for logger in trainer.loggers]
            yield
        finally:
            put_all_back(held)


def _listed(optimizers: Any) -> list[Any]:
    """Returns what ``LightningModule.optimizers()`` returned, as a list."""
    return list(optimizers) if isinstance(optimizers, (list, tuple)) else [optimizers]


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


def _closure_alone(closure: Callable[[], Any] | None = None, **_kwargs: Any) -> Any:
    """Stands for ``Optimizer.step``: evaluates the closure, and changes no parameter."""
    return None if closure is None else closure()


class Silent:
    """Stands for a logger, a writer or an open file: passes for the same class and has its plain attributes, but does nothing.

    Args:
        thing: the logger, writer or file.
    """

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(vars(self)["_thing"])

    def __getattr__(self, name: str) -> Any:
        if name == "experiment":
            return Nowhere()
        value = getattr(self._thing, name)
        return _nothing if callable(value) else value


class Nowhere:
    """Stands for the client of a logger: has every attribute, and each can be called, entered and read, and does nothing."""

    def __getattr__(self, name: str) -> Nowhere:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: Any, **_kwargs: Any) -> Nowhere:
        """Does nothing."""
        return self

    def __getitem__(self, _key: Any) -> Nowhere:
        return self

    def __setitem__(self, _key: Any, _value: Any) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...


def _silence_writers(container: Any) -> None:
    """Puts silent ones in the place of the writers, loggers and open files in a dict or list."""
    if not isinstance(container, (dict, list)):
        return
    places = list(container.items() if isinstance(container, dict) else enumerate(container))
    for place, value in places:
        writes = type(value).__name__.lower().endswith("writer") or hasattr(type(value), "log_metrics")
        if writes or isinstance(value, io.IOBase):
            container[place] = Silent(value)
