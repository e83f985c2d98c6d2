"""Reads records from the artifacts of MLflow runs."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from lightning_iit.errors import InvalidArgumentError, MissingDependencyError, RecordError
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.names import FOLDER, OPTIONS, network_name
from lightning_iit.viewer.protocol import IndexRow, NetworkRow, RunIndex, RunInfo, ScalarList
from lightning_iit.viewer.scalars import MAX_SERIES, is_shown, series
from lightning_iit.viewer.summary import MAX_BYTES, corrupt, index_of, summarise, too_large

MAX_RUNS = 500
"""The largest number of MLflow runs that are looked at, the latest ones."""
_DOWNLOADS = 8
_RELIST_SECONDS = 2.0
_RELIST_SHARE, _RELIST_MOST = 20.0, 10.0
"""A run is listed again after so many times what that took, but at most so many seconds: a server lists all that is there."""
_RECOUNT_SECONDS = 60.0
_PAGE = 1_000
_RECORD = re.compile(r"epoch=(-?\d{1,9})(?:-step=(\d{1,12}))?\.json")
_LAYER_TAG = re.compile(r"iit\.(?:([\w-]+)\.)??(?:layer|kind)\.")
_NETWORK = re.compile(r"snapshot=(-?\d{1,9})\.json")


class MLflowSource:
    """Reads the records of the MLflow runs of a tracking server or store.

    The records of a callback with a name are a run of their own, ``<run id>/<name>``; the others of the MLflow run, ``<run id>``.
    Artifacts that lie on this machine are read in place. Others are downloaded to a temporary folder, which is deleted with the
    source. May be used from several threads.

    Args:
        uri: the MLflow tracking URI.
        run: the id of one MLflow run, or ``<run id>/<name>``, to list only this one; or the name of an experiment, to list its
            runs; None for all that have records.

    Raises:
        MissingDependencyError: mlflow is not installed.
        InvalidArgumentError: no tracking server or store answers at the URI.
    """

    def __init__(self, uri: str, *, run: str | None = None) -> None:
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            msg = "An MLflow URI needs mlflow: pip install 'lightning-iit[mlflow]'."
            raise MissingDependencyError(msg) from error
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._only = run or ""
        self._uri = uri
        self._folder = tempfile.mkdtemp(prefix="iit-viewer-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._repositories: dict[str, Any] = {}
        self._lock = Lock()
        self._listed: dict[str, tuple[float, RunIndex]] = {}
        self._rows: dict[tuple[str, str, str], IndexRow] = {}
        self._paths: dict[tuple[str, str, int, int | None], str] = {}
        self._artifacts: dict[str, Path | None] = {}
        self._further = 0
        self._counted = -math.inf
        self.title: str = f"MLflow at {_without_password(uri)}"
        self._experiments: list[str] = []
        try:
            if run and (experiment := self._client.get_experiment_by_name(run)) is not None:
                self._only, self._experiments = "", [experiment.experiment_id]
            self.runs()
        except Exception as error:
            msg = f"No MLflow tracking server or store answers at {_without_password(uri)}: {error}"
            raise InvalidArgumentError(msg) from error

    def runs(self) -> tuple[list[RunInfo], int]:
        """Returns the MLflow runs that have records (a tag ``iit.*``), latest start first, and the number of further such runs.

        Only those among the latest 500 MLflow runs are listed; the others are counted once a minute.
        """
        experiments = self._experiments or [found.experiment_id for found in self._client.search_experiments()]
        if self._only:
            found = [self._client.get_run(self._only.partition("/")[0])]
        else:
            order = ["attributes.start_time DESC"]
            found = self._client.search_runs(experiments, order_by=order, max_results=MAX_RUNS) if experiments else []
            self._count_further(experiments, order, getattr(found, "token", None))
        infos = [self._info(run, scope) for run in found for scope in _scopes(run) or ([""] if self._only else [])]
        return [info for info in infos if self._only in ("", info.id, info.id.partition("/")[0])], self._further

    def _count_further(self, experiments: list[str], order: list[str], token: str | None) -> None:
        """Counts the runs with records on the pages after the first one, at most once a minute."""
        if token is not None and time.monotonic() - self._counted < _RECOUNT_SECONDS:
            return
        further, self._counted = 0, time.monotonic()
        while token:
            page = self._client.search_runs(experiments, order_by=order, max_results=_PAGE, page_token=token)
            further, token = further + sum(len(_scopes(run)) for run in page), page.token
        self._further = further

    def index(self, run: str) -> RunIndex:
        """Returns the list of records and network snapshots that the run has at this moment; asks MLflow every 2 to 10 seconds.

        Raises:
            LookupError: there is no such run.
            RecordError: MLflow does not answer.
        """
        from mlflow.exceptions import MlflowException

        with self._lock:
            known = self._listed.get(run)
            began = time.monotonic()
            if known and began < known[0]:
                return known[1]
            try:
                index = self._index(run)
            except MlflowException as error:
                msg = f"MLflow does not answer: {error}"
                raise RecordError(msg) from error
            now = time.monotonic()
            self._listed[run] = now + max(_RELIST_SECONDS, min(_RELIST_MOST, _RELIST_SHARE * (now - began))), index
            return index

    def record(self, run: str, layer: str, epoch: int, step: int | None = None) -> bytes:
        """Returns the bytes of one record's JSON artifact.

        Raises:
            LookupError: there is no such run, layer, epoch or step.
            RecordError: the artifact is too large, no regular file, or cannot be downloaded.
        """
        if (run, layer, epoch, step) not in self._paths:
            self.index(run)
        return self._read(run, self._paths[run, layer, epoch, step])

    def network(self, run: str, epoch: int) -> bytes:
        """Returns the bytes of one network snapshot's JSON artifact.

        Raises:
            LookupError: there is no such run, or no snapshot of this epoch.
            RecordError: the artifact is too large, no regular file, or cannot be downloaded.
        """
        return self._read(run, _root(run) + network_name(epoch))

    def scalars(self, run: str) -> ScalarList:
        """Returns the run's other metrics (loss, accuracy): at most 24, without this package's own metrics.

        Raises:
            LookupError: there is no such run.
        """
        tags = [tag for tag in self._run(run).data.metrics if is_shown(tag)][:MAX_SERIES]
        histories = {tag: self._client.get_metric_history(_id(run), tag) for tag in tags}
        return series({tag: [(point.step, point.value) for point in history] for tag, history in histories.items()})

    def options(self, run: str) -> dict[str, str]:
        """Returns the options of the run's callback by their names, and the params of the run.

        The options are those of the artifact ``iit/options.json``; params have only those that differ from their defaults.

        Raises:
            LookupError: there is no such run.
        """
        params, scope = self._run(run).data.params, run.partition("/")[2]
        own = ".".join(filter(None, (FOLDER, scope, "")))
        others = {name: value for name, value in params.items() if not name.startswith(f"{FOLDER}.")}
        try:
            all_options = msgspec.json.decode(self._read(run, f"{_root(run)}{FOLDER}/{OPTIONS}"), type=dict[str, Any])
        except (LookupError, RecordError, msgspec.MsgspecError, OSError):
            all_options = {}  # a run of before, which has them all as params
        told = {name.removeprefix(own): value for name, value in params.items() if name.startswith(own)}
        return others | {name: str(value) for name, value in all_options.items()} | told

    def _info(self, run: Any, scope: str) -> RunInfo:
        """Returns what the viewer lists about a callback's run: id, name, start time and place of the artifacts."""
        place = _local_place(run)
        return RunInfo(
            id="/".join(filter(None, (run.info.run_id, scope))),
            name="/".join(filter(None, (run.info.run_name or run.info.run_id, scope))),
            modified=(run.info.start_time or 0) / 1000,
            path=str(place / scope) if place else "",
            tracking_uri="" if place else _without_password(self._uri),
        )

    def _run(self, run: str) -> Any:
        """Returns MLflow's entity of a run; raises ``LookupError`` for an invalid or unknown id."""
        from mlflow.exceptions import MlflowException

        if not re.fullmatch(r"[\w-]{1,64}(/[\w-]{1,64})?", run) or self._only not in ("", run, _id(run)):
            raise LookupError(run)
        try:
            return self._client.get_run(_id(run))
        except MlflowException as error:
            raise LookupError(run) from error

    def _index(self, run: str) -> RunIndex:
        """Lists a run's artifacts and summarises its records, eight at a time."""
        self._run(run)
        folders = [found.path for found in self._client.list_artifacts(_id(run), _root(run) + FOLDER) if found.is_dir]
        files = [found for folder in folders for found in self._client.list_artifacts(_id(run), folder)]
        named = [(found, found.path.rpartition("/")[2]) for found in files if ".." not in found.path.split("/")]
        networks = [
            NetworkRow(epoch=int(match[1]), version=str(found.file_size))
            for found, name in named
            if (match := _NETWORK.fullmatch(name))
        ]
        records = [(found, match) for found, name in named if (match := _RECORD.fullmatch(name))]
        new = [item for item in records if (run, item[0].path, str(item[0].file_size or 0)) not in self._rows]
        with ThreadPoolExecutor(_DOWNLOADS) as pool:  # records are small, so most of the time goes into waiting for the server
            list(pool.map(lambda item: self._row(run, item[0].path, item[1], item[0].file_size or 0), new))
        rows = [self._row(run, found.path, match, found.file_size or 0) for found, match in records]
        for (found, _), row in zip(records, rows, strict=True):
            self._paths[run, row.layer, row.epoch, row.step] = found.path
        return index_of(run, rows, networks)

    def _row(self, run: str, path: str, named: re.Match[str], size: int) -> IndexRow:
        """Returns the index row of a record; reads the artifact only if its size changed."""
        version = str(size)
        known = self._rows.get((run, path, version))
        if known is None:
            layer, epoch, step = path.split("/")[-2], int(named[1]), int(named[2]) if named[2] else None
            try:
                known = summarise(self._read(run, path, size), layer=layer, epoch=epoch, version=version, step=step)
            except RecordError as error:
                known = corrupt(str(error), layer=layer, epoch=epoch, version=version, step=step)
            self._rows[run, path, version] = known
        return known

    def _read(self, run: str, path: str, size: int = 0) -> bytes:
        """Returns an artifact's bytes; raises ``RecordError`` if the artifact is too large."""
        if size > MAX_BYTES:
            raise RecordError(too_large(size))
        local = self._local(run)
        file = local / path if local else self._downloaded(run, path)
        if not file.exists():
            raise LookupError(path)
        if file.stat().st_size > MAX_BYTES:
            raise RecordError(too_large(file.stat().st_size))
        return read_regular(file)

    def _local(self, run: str) -> Path | None:
        """Returns the folder with the run's artifacts if it is on this machine, else None."""
        if run not in self._artifacts:
            self._artifacts[run] = _local_place(self._run(run))
        return self._artifacts[run]

    def _repository(self, run: str) -> Any:
        """Returns MLflow's repository object for the run's artifacts."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if run not in self._repositories:
            self._repositories[run] = get_artifact_repository(self._run(run).info.artifact_uri, tracking_uri=self._uri)
        return self._repositories[run]

    def _downloaded(self, run: str, path: str) -> Path:
        """Downloads an artifact to the temporary folder and returns its path there."""
        from mlflow.exceptions import MlflowException

        file = Path(self._folder) / run / path
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            # The client's download_artifacts() would list the folder, start threads and draw a progress bar for each file.
            self._repository(run)._download_file(path, str(file))
            return file  # noqa: TRY300
        except (MlflowException, OSError) as error:
            msg = f"MLflow does not give {path}: {error}"
            raise RecordError(msg) from error


def _id(run: str) -> str:
    """Returns the id of the MLflow run that holds a callback's run."""
    return run.partition("/")[0]


def _root(run: str) -> str:
    """Returns what stands before ``iit`` in the artifact paths of a callback's run: its name, or nothing."""
    scope = run.partition("/")[2]
    return f"{scope}/" if scope else ""


def _scopes(run: Any) -> list[str]:
    """Returns the names of the callbacks that wrote into an MLflow run; one without a name is the empty text.

    Each layer has tags, ``iit.layer.<layer>`` and ``iit.kind.<layer>``, or ``iit.<name>.layer.<layer>`` and so on.
    """
    found = [_LAYER_TAG.match(tag) for tag in run.data.tags]
    return sorted({match[1] or "" for match in found if match})


def _local_place(run: Any) -> Path | None:
    """Returns the folder with a run's artifacts if it is on this machine, else None."""
    parts = urlsplit(run.info.artifact_uri or "")
    place = Path(unquote(parts.path)) if parts.scheme in ("", "file") else None
    return place if place and place.is_dir() else None


def _without_password(uri: str) -> str:
    """Returns a URI without user name and password."""
    return re.sub(r"//[^/@]*@", "//", uri)
