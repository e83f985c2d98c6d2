"""What a person chose, checked and written as a YAML file of LightningCLI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from lightning_iit.callback import IITCallback
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.catalog import BASES, BY_SHAPE, NOT_IN_FORM, PATHS, chosen_class
from lightning_iit.studio.forms import filled_in
from lightning_iit.studio.mlflow_store import EXPERIMENT, store_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lightning_iit.studio.records import Asked, Chosen

MOST_SEEDS, MOST_EPOCHS = 20, 100_000
_HEAD = """# This training was started by the studio. To run it again in a folder of its own{how}:
# {command}
"""


def checked(asked: Asked, root: Path, allowed: Sequence[str], servers: Sequence[str] = ()) -> dict[str, Any]:
    """Returns what LightningCLI is to be given, but for seed and folder.

    Args:
        asked: what is to be trained.
        root: the folder of the runs.
        allowed: the modules of the user's own whose classes may be trained.
        servers: the addresses of the MLflow servers that may be used.

    Returns:
        ``model``, ``data`` and ``trainer`` as LightningCLI takes them, and ``mlflow``: the arguments of ``MLFlowLogger``, or None.

    Raises:
        InvalidArgumentError: a class that cannot be chosen, a value that cannot be, or a path or address that may not be used.
    """
    if not 1 <= asked.epochs <= MOST_EPOCHS:
        msg = f"epochs={asked.epochs}: give a number from 1 to {MOST_EPOCHS:,}."
        raise InvalidArgumentError(msg)
    seeds = asked.seeds
    if not 1 <= len(set(seeds)) == len(seeds) <= MOST_SEEDS or not all(0 <= seed < 2**32 for seed in seeds):
        msg = f"seeds={list(seeds)}: give 1 to {MOST_SEEDS} different whole numbers, 0 or more."
        raise InvalidArgumentError(msg)
    options = filled_in(IITCallback, asked.iit, NOT_IN_FORM)
    IITCallback(**options).run_options()  # it says what cannot be
    return {
        "model": _instance("network", asked.network, root, allowed),
        "data": _instance("task", asked.task, root, allowed),
        "trainer": {"max_epochs": asked.epochs, "callbacks": [_class("lightning_iit.IITCallback", {**options, "table": False})]},
        "mlflow": store_of(asked.mlflow, root, servers),
    }


def as_yaml(plan: dict[str, Any], *, seed: int, run: Path) -> str:
    """Returns the YAML file of one training.

    Args:
        plan: what :func:`checked` returned.
        seed: the seed of everything.
        run: the run's folder.
    """
    logger: Any = _class("lightning.pytorch.loggers.TensorBoardLogger", {"save_dir": str(run), "name": "", "version": ""})
    again, how = " --trainer.logger.init_args.save_dir FOLDER", ""
    if (store := plan["mlflow"]) is not None:
        named = {"experiment_name": EXPERIMENT, "run_name": run.name}
        logger = [logger, _class("lightning.pytorch.loggers.MLFlowLogger", named | store)]  # the first one has the run's folder
        again, how = "", ", write that folder behind save_dir"
    trainer = {"devices": 1, "enable_progress_bar": False, "log_every_n_steps": 10, "default_root_dir": str(run), "logger": logger}
    whole = {"seed_everything": seed, "trainer": trainer | plan["trainer"], "model": plan["model"], "data": plan["data"]}
    command = f"python -m lightning_iit.studio.train fit --config {run / 'studio' / 'training.yaml'}"
    return _HEAD.format(command=command + again, how=how) + str(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True))


def name_of(asked: Asked) -> str:
    """Returns how runs of this kind are called, as in "gru-digits"."""
    parts = (re.sub(r"[^a-z0-9]+", "", part.name.rpartition(":")[2].lower())[:30] for part in (asked.network, asked.task))
    return "-".join(part or "own" for part in parts)


def _instance(role: str, chosen: Chosen, root: Path, allowed: Sequence[str]) -> dict[str, Any]:
    """Returns a class and its arguments as LightningCLI takes them."""
    kind = chosen_class(chosen.name, BASES[role], allowed)
    values = filled_in(kind, chosen.values, BY_SHAPE if role == "network" else ())
    if (argument := PATHS.get(chosen.name)) is not None:
        values[argument] = str(_below(root, argument, values[argument]))
    if ":" not in chosen.name and role == "task":
        kind(**values)  # it says what cannot be
    return _class(f"{kind.__module__}.{kind.__qualname__}", values)


def _below(root: Path, name: str, value: str) -> Path:
    """Returns a path below the root.

    Raises:
        InvalidArgumentError: it leads out of it.
    """
    path = (root / value).resolve()
    if not path.is_relative_to(root.resolve()):
        msg = f"{name}={value[:80]!r}: give a path below the studio's folder, {root}; put the data, or a copy, there."
        raise InvalidArgumentError(msg)
    return path


def _class(path: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns a class as LightningCLI takes it."""
    return {"class_path": path, "init_args": arguments} if arguments else {"class_path": path}
