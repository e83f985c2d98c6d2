"""The comparison of runs from folders and MLflow: table, picture and words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec
import yaml

from lightning_iit.comparison.compared import Comparison
from lightning_iit.comparison.courses import RunData, by_scale, listed
from lightning_iit.comparison.runs import compare
from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.figures.curves import phi_curves
from lightning_iit.records import Formalism, Records, decode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.names import FOLDER, OPTIONS, layer_slug
from lightning_iit.records.store import holds_run, load_run, records_folder, write_atomically
from lightning_iit.viewer.sources import URIS, open_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HPARAMS = "hparams.yaml"
"""The file in which Lightning's loggers keep what a module gave to ``save_hyperparameters()``."""


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """Reads YAML without making any object of Python: a class or function among the values is its name."""


_PlainLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda _, name, __: name)


class RunComparison(Comparison, frozen=True, kw_only=True):
    """Holds a comparison of runs: ``layers`` (the rows), ``curves``, ``words``, ``csv``, and pictures of the curves."""

    def picture(self, layer: str | None = None, form: Literal["png", "svg"] = "png") -> bytes:
        """Draws Φ of a layer over epochs, with a line and a band for each side.

        Args:
            layer: the layer, as in the rows; None for the first one.
            form: "png" or "svg".

        Returns:
            The bytes of the picture.

        Raises:
            InvalidArgumentError: there is no such layer.
        """
        known = list(dict.fromkeys(row.layer for row in self.layers))
        wanted = known[0] if layer is None else layer
        rows = [row for row in self.layers if row.layer == wanted]
        if not rows:
            msg = f"picture(layer={layer!r}): these layers were compared: {', '.join(map(repr, known))}."
            raise InvalidArgumentError(msg)
        words = rows[0].words if len(rows) == 1 else ""
        curves = [curve for curve in self.curves if curve.layer == wanted]
        return phi_curves(curves, kind=rows[0].kind, formalism=rows[0].formalism, words=words, form=form)

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes ``compare.csv``, ``compare.md`` (the words), and for each layer ``phi-<layer>.png`` and ``.svg`` into a folder.

        Raises:
            OSError: the folder cannot be written.
        """
        parts = {"compare.csv": self.csv.encode(), "compare.md": f"{self.words}\n".encode()}
        for layer in dict.fromkeys(row.layer for row in self.layers):
            parts[f"phi-{layer_slug(layer)}.png"] = self.picture(layer)
            parts[f"phi-{layer_slug(layer)}.svg"] = self.picture(layer, "svg")
        for name, data in parts.items():
            write_atomically(Path(folder) / name, data)
        return [Path(folder) / name for name in parts]


def compare_runs(
    runs: Sequence[str | os.PathLike[str]], *, by: str | None = None, formalism: Formalism | None = None
) -> RunComparison:
    """Compares Φ of the layers of several trainings, or of one before and after training.

    Args:
        runs: the folders of runs, or folders of several runs; MLflow tracking URIs, ``<URI>#<run id>`` for one run, and
            ``<URI>#<experiment>`` for the runs of an experiment by its name.
        by: what tells the sides apart: an option of the callback, a param of the MLflow runs, or a hyperparameter that the module
            saved (``hparams.yaml``). "seed" takes the runs as one group that differs by chance, and compares their trained with
            their untrained networks. None is "seed"; of a single run it is the change between its groups of units.
        formalism: "iit3", "iit4-2023" or "iit4-2026", whose numbers are compared; None for the first one that all runs have.
            Numbers of several formalisms are never put together.

    Returns:
        The comparison. Two sides of runs are compared at their last epochs by an exact permutation of run means, and run by run
        where they began with the same weights; of more than two values each pair is compared. All p-values of a comparison are
        corrected (Holm), and each stands with the smallest one that so many runs can give.

    Raises:
        InvalidArgumentError: what cannot be compared: other kinds of number, formalisms, axes or sizes of groups, runs without a
            Φ of a layer, an option that is unknown or has one value. The message names the runs.
        RecordError: a path holds no run.

    Example::

        found = compare_runs(["logs/version_0", "logs/version_1"], by="hidden")
        print(found.words)
        found.write("compared")
    """
    if isinstance(runs, (str, os.PathLike)):
        msg = f"compare_runs({str(runs)!r}): give a list of runs; for a single run [{str(runs)!r}]."
        raise InvalidArgumentError(msg)
    data = _all_opened(runs)
    if formalism is not None and (without := [run.name for run in data if formalism not in run.formalisms]):
        there = ", ".join(map(repr, dict.fromkeys(one for run in data for one in run.formalisms)))
        msg = f"compare_runs(formalism={formalism!r}): {listed(without)} has no numbers of it. These runs have {there}."
        raise InvalidArgumentError(msg)
    if formalism is None:
        formalism = next((one for one in get_args(Formalism) if all(one in run.formalisms for run in data)), None)
    return _compared(data if formalism is None else [run.of(formalism) for run in data], by)


def compare_each_scale(
    runs: Sequence[str | os.PathLike[str]], by: str | None, told: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, RunComparison | str]:
    """Compares runs as :func:`compare_runs` does; those whose numbers are on several scales (as kinds) are compared scale by scale.

    Args:
        runs: as there.
        by: as there.
        told: what else is known of runs, by their folders; it takes the place of options of the same names.

    Returns:
        The comparison, or why there is none, by the scale and the runs in words; the words are empty where there is one scale.

    Raises:
        InvalidArgumentError: nothing can be compared.
        RecordError: a path holds no run.
    """
    data = [replace(run, options={**run.options, **(told or {}).get(run.name, {})}) for run in _all_opened(runs)]
    scales: dict[str, list[RunData]] = {}
    for formalism in get_args(Formalism):
        if having := [run.of(formalism) for run in data if formalism in run.formalisms]:
            scales |= by_scale(having)
    if len(scales) < 2:
        return {"": _compared(next(iter(scales.values()), []), by)}
    found: dict[str, RunComparison | str] = {}
    for words, own in scales.items():
        named = f"{words} ({listed([run.name for run in own])})"
        try:
            found[named] = _compared(own, by)
        except InvalidArgumentError as error:
            found[named] = str(error)
    return found


def _compared(data: Sequence[RunData], by: str | None) -> RunComparison:
    """Compares runs that were opened."""
    return RunComparison(**msgspec.structs.asdict(compare(data, by)))


def _all_opened(runs: Sequence[str | os.PathLike[str]]) -> list[RunData]:
    """Returns the runs of several paths and MLflow URIs."""
    return [run for target in runs for run in _opened(os.fspath(target))]


def _opened(target: str) -> Iterator[RunData]:
    """Yields the runs of a path or an MLflow URI."""
    path = Path(target)
    if not target.startswith(URIS) and (holds_run(path) or holds_run(path / FOLDER)):
        yield _of_folder(path)
        return
    source, runs = open_runs(target)
    for run in runs:
        if target.startswith(URIS):
            rows = source.index(run.id).rows
            records = Records.ordered(
                decode(source.record(run.id, row.layer, row.epoch)) for row in rows if row.status == "computed"
            )
            yield RunData(f"{run.name} ({run.id})", records, source.options(run.id))  # type: ignore[attr-defined]
        else:
            yield _of_folder(Path(run.path))


def _of_folder(path: Path) -> RunData:
    """Reads a run's directory, or its folder ``iit``."""
    folder = records_folder(path)
    options = {} if not (folder / OPTIONS).is_file() else _mapping(msgspec.json.decode(read_regular(folder / OPTIONS)))
    return RunData(os.path.normpath(folder.parent), load_run(folder), _hyperparameters(folder.parent / _HPARAMS) | options)


def _hyperparameters(file: Path) -> dict[str, str]:
    """Returns what a module saved with Lightning's logger; nothing where that cannot be read."""
    try:
        return _mapping(yaml.load(read_regular(file), Loader=_PlainLoader))  # noqa: S506  it derives from the safe one
    except (OSError, RecordError, yaml.YAMLError):
        return {}


def _mapping(found: Any) -> dict[str, str]:
    """Returns the entries of a mapping as text; nothing for anything else."""
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
