"""Logs records to an MLflow run: scalars as metrics, pictures as images, the record as an artifact, options as params."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import socket
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from lightning_iit.errors import IITError, RecordError
from lightning_iit.records import encode
from lightning_iit.records.disk.pictures import cards, documents
from lightning_iit.records.logged import logged
from lightning_iit.records.names import FOLDER, OPTIONS, detail_key, image_path, layer_slug, network_name, record_name
from lightning_iit.trackers.destinations import Destination, note_destination
from lightning_iit.trackers.files import options_json
from lightning_iit.trackers.tracker import Tracker
from lightning_iit.viewer.export import page_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Self

    from lightning_iit.records import EpochRecord, NetworkSnapshot
    from lightning_iit.records.schema import Key

log: logging.Logger = logging.getLogger(__name__)

_PORTS = {"http": 80, "https": 443}
_REACH_SECONDS = 3.0
_PARAMS_PER_CALL = 100
_VALUE_LENGTH = 500  # characters that params and tags may have on every MLflow server since 1.28
_TRY_LATER = (408, 429)
_IMAGE_FILE = re.compile(r"images/(?P<key>.+)[+%]step[+%](?P<step>\d+)[+%]timestamp[+%]\d+[+%].*webp")


class MLflowRun:
    """Logs records, options and files to one MLflow run. An item that is logged twice is in the MLflow run once.

    Args:
        client: an ``MlflowClient``.
        run_id: the id of an existing MLflow run.
        scope: the name of the callback whose records are logged, empty for one without a name. It stands before ``iit`` in the
            names of artifacts, and after ``iit`` in all other names.
    """

    def __init__(self, client: Any, run_id: str, *, scope: str = "") -> None:
        self._client = client
        self.scope = scope
        self.run_id = run_id
        self.uri: str = without_credentials(str(client.tracking_uri))

    def log(self, record: EpochRecord, images: Mapping[str, bytes], *, again: bool) -> None:
        """Logs a record: metrics and tags first, then images, then the JSON artifact, so the artifact marks a complete record.

        Args:
            record: the record.
            images: the record's pictures by name, PNG, or SVG where the name ends so.
            again: True if an earlier attempt may have logged a part of the record; images already in the MLflow run are skipped.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        with _outside_world(str(self._client.tracking_uri)):
            self._log_numbers(record)
            there = self._images_there() if again else set()
            for name, png in cards(images).items():
                key = detail_key(record.layer, name, self.scope, step=record.step)
                if (key, record.global_step) not in there:
                    self._log_image(key, png, record)
            self._log_documents(record, documents(images))
            self._client.log_text(self.run_id, encode(record).decode(), self._root + record_name(*record.key))

    def log_params(self, options: Mapping[str, object]) -> None:
        """Logs options as params ``iit.<option>``; an option whose param has another value already (a resumed run) becomes a tag.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        from mlflow.entities import Param, RunTag

        given = {self._dotted(name): _short(value) for name, value in options.items()}
        with _outside_world(str(self._client.tracking_uri)):
            known = self._client.get_run(self.run_id).data.params
            new = [Param(name, value) for name, value in given.items() if name not in known]
            changed = [RunTag(name, value) for name, value in given.items() if known.get(name, value) != value]
            for start in range(0, len(new), _PARAMS_PER_CALL):
                self._client.log_batch(self.run_id, params=new[start : start + _PARAMS_PER_CALL], synchronous=True)
            if changed:
                self._client.log_batch(self.run_id, tags=changed, synchronous=True)

    def attach(self, name: str, data: bytes) -> None:
        """Logs UTF-8 bytes as the artifact ``iit/<name>``.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        with _outside_world(str(self._client.tracking_uri)):
            self._client.log_text(self.run_id, data.decode(), f"{self._root}{FOLDER}/{name}")

    def attach_page(self, run_dir: Path) -> None:
        """Logs the viewer's page of a run directory as ``iit/viewer.html``; does nothing where the front end is not built.

        The page calls the run by the name that it has in MLflow.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        with _outside_world(str(self._client.tracking_uri)):
            name = self._client.get_run(self.run_id).info.run_name
        try:
            page = page_of(run_dir, name=name, scope=self.scope)
        except IITError as error:
            log.info("No iit/viewer.html for MLflow: %s", error)
            return
        self.attach("viewer.html", page)

    def records_there(self) -> set[str]:
        """Returns the names of the records and network snapshots in the MLflow run, such as ``iit/fc1/epoch=0003.json``.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        with _outside_world(str(self._client.tracking_uri)):
            folders = [found.path for found in self._client.list_artifacts(self.run_id, self._root + FOLDER) if found.is_dir]
            files = [found.path for folder in folders for found in self._client.list_artifacts(self.run_id, folder)]
            return {path.removeprefix(self._root) for path in files}

    @property
    def _root(self) -> str:
        """Returns what stands before ``iit`` in the paths of artifacts."""
        return f"{self.scope}/" if self.scope else ""

    def _dotted(self, *parts: str) -> str:
        """Returns the name of a param or tag."""
        return ".".join(part for part in ("iit", self.scope, *parts) if part)

    def _log_numbers(self, record: EpochRecord) -> None:
        """Logs the record's numbers as metrics, and its layer's name, kind and formalisms as tags."""
        from mlflow.entities import Metric, RunTag

        slug = layer_slug(record.layer)
        time = _milliseconds(record)
        metrics = [Metric(key, value, time, record.global_step) for key, value in logged(record, self.scope).items()]
        told = {"layer": _short(record.layer), "kind": record.kind, "formalism": ", ".join(record.formalisms)}
        tags = [RunTag(self._dotted(what, slug), value) for what, value in told.items()]
        self._client.log_batch(self.run_id, metrics=metrics, tags=tags, synchronous=True)

    def _log_image(self, key: str, png: bytes, record: EpochRecord) -> None:
        """Logs one picture as an MLflow image with the record's global step and wall time."""
        from PIL import Image

        with Image.open(io.BytesIO(png)) as image:
            step, time = record.global_step, _milliseconds(record)
            self._client.log_image(self.run_id, image, key=key, step=step, timestamp=time, synchronous=True)

    def _log_documents(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Logs pictures as artifacts beside the record's own; one that is there already is replaced by the same."""
        folder = Path(record_name(*record.key))
        with TemporaryDirectory() as place:
            for name, data in images.items():
                file = image_path(Path(place) / folder.name, name)
                file.write_bytes(data)
                self._client.log_artifact(self.run_id, str(file), self._root + folder.parent.as_posix())

    def _images_there(self) -> set[tuple[str, int]]:
        """Returns (key, step) of each complete image; MLflow uploads an image's thumbnail last, so the thumbnail is looked for."""
        files = [_IMAGE_FILE.fullmatch(found.path) for found in self._client.list_artifacts(self.run_id, "images")]
        return {(re.sub("[~#]", "/", file["key"]), int(file["step"])) for file in files if file}


_PAGE_EVERY = 60.0
_PAGE_GROWTH = 1.1
"""The page is written again once there are so many times as many records: a record costs the same in a run of any length."""
_FILES_SECONDS = 5.0
_NO_NUMBER = ("name", "table")


class MLflowTracker(Tracker):
    """Logs each record to the MLflow run of an ``MLFlowLogger``, with the global step and wall time of the record's capture.

    **Logged**: metrics ``iit/phi/<layer>``, ``iit_details/<layer>/<scalar>`` and so on (see ``records.logged``); images
    ``iit_details/<layer>/<picture>`` with their step (small ones; each large one is an artifact beside the record, PNG and SVG);
    the record as the artifact ``iit/<layer>/epoch=0003.json``, within an epoch ``iit/<layer>/epoch=0003-step=000120.json``; options
    that differ from their defaults (but for ``name`` and ``table``) as params ``iit.<option>``, and all as the artifact
    ``iit/options.json``; each layer's name, kind and formalisms as the tags ``iit.layer.<layer>``, ``iit.kind.<layer>`` and
    ``iit.formalism.<layer>``; the viewer's page of the whole run as the artifact ``iit/viewer.html``. A callback with a name has
    metrics ``iit/<name>/phi/<layer>``, metrics and images ``iit_details/<name>/<layer>/...``, artifacts ``<name>/iit/...``, params
    and tags ``iit.<name>....``.  Args: client: the logger's ``MlflowClient``. run_id: the id of the logger's MLflow run. run_dir:
    the run's directory, where the address of the MLflow run is noted for a later delivery; None if the run writes no files (then no
    viewer page is logged). page_every: the shortest time between two uploads of the viewer's page during training, in seconds. The
    page is also not uploaded before the number of records has grown by a tenth.
    """

    takes_svg = True

    def __init__(self, client: Any, run_id: str, run_dir: Path | None, *, page_every: float = _PAGE_EVERY) -> None:
        self.page_every = page_every
        self._run = MLflowRun(client, run_id)
        self._run_dir = run_dir
        self._attempted: set[Key] = set()
        self._made = time.time()
        self._there: set[str] | None = None
        self._noted = False
        self._page_sent = time.monotonic()
        self._page_records = 0
        self.name: str = f"MLflow run {run_id} at {self._run.uri}"
        self.remedy: str = _remedy(run_dir)

    @property
    def scope(self) -> str:
        """The name of the callback whose records come, empty for one without a name."""
        return self._run.scope

    @scope.setter
    def scope(self, name: str) -> None:
        self._run.scope = name

    @classmethod
    def for_logger(cls, logger: Any, run_dir: Path | None) -> Self | None:
        """Serves loggers whose ``experiment`` is an ``MlflowClient``, and that have a ``run_id``."""
        experiment = getattr(logger, "experiment", None)
        if hasattr(experiment, "log_batch") and hasattr(experiment, "log_image") and hasattr(logger, "run_id"):
            return cls(experiment, logger.run_id, run_dir)
        return None

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Logs the record; logs the viewer's page too if its last upload is long ago, in seconds and in records.

        A record that was captured before a run was resumed, and that the MLflow run has, is not logged again.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        self._note()
        again = record.key in self._attempted
        if again or not self._was_logged_before(record):
            self._attempted.add(record.key)
            self._run.log(record, images, again=again)
        self._attempted.add(record.key)
        grown = len(self._attempted) >= _PAGE_GROWTH * self._page_records
        if grown and time.monotonic() - self._page_sent > self.page_every:
            self._send_page()

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Logs the network snapshot as the artifact ``iit/network/snapshot=0003.json``.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        self._run.attach(network_name(snapshot.epoch).removeprefix(f"{FOLDER}/"), encode(snapshot))

    def log_options(self, options: Mapping[str, object]) -> None:
        """Logs options that differ from their defaults as params ``iit.<option>``, and all as the artifact ``iit/options.json``.

        MLflow prints every param of a run into the card of each of its pictures, so ``name`` and ``table``, which change no number,
        are in the artifact only.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        self._note()
        given = getattr(options, "given", options)
        self._run.log_params({name: value for name, value in options.items() if name in given and name not in _NO_NUMBER})
        self._run.attach(OPTIONS, options_json(options))

    def attach(self, name: str, data: bytes) -> None:
        """Logs UTF-8 bytes as the artifact ``iit/<name>``.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        self._run.attach(name, data)

    def finish(self, *, failed: bool) -> None:
        """Logs the viewer's page of the whole run. The MLflow run itself is ended by the logger, not here.

        Raises:
            OSError: the server cannot be reached, or answers with status 5xx, 408 or 429.
        """
        del failed
        self._wait_for_files()
        self._send_page()

    def _was_logged_before(self, record: EpochRecord) -> bool:
        """Returns whether a record of an earlier part of the run is among the artifacts; the server is asked once."""
        if record.wall_time >= self._made:
            return False
        if self._there is None:
            self._there = self._run.records_there()
        return record_name(*record.key) in self._there

    def _send_page(self) -> None:
        """Logs the viewer as one file ``iit/viewer.html``; does nothing without run directory, record or built front end."""
        if self._run_dir is None or not self._attempted:
            return
        self._page_records = len(self._attempted)
        self._run.attach_page(self._run_dir)
        self._page_sent = time.monotonic()

    def _wait_for_files(self) -> None:
        """Waits up to 5 seconds until the logged records are also files: the page is made from files that another thread writes."""
        deadline = time.monotonic() + _FILES_SECONDS
        files = [self._run_dir / record_name(*key) for key in self._attempted] if self._run_dir is not None else []
        while not all(file.exists() for file in files) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _note(self) -> None:
        """Notes the MLflow run in the run's directory, so that missing records can be delivered even after a crash."""
        if self._run_dir is not None and not self._noted:
            with contextlib.suppress(OSError, RecordError):  # the files tracker reports a directory that cannot be written
                here = Destination(tracking_uri=self._run.uri, run_id=self._run.run_id, scope=self.scope)
                note_destination(self._run_dir, here)
                self._noted = True


def without_credentials(uri: str) -> str:
    """Returns a tracking URI without user name and password, for messages and files.

    Example:
        >>> without_credentials("https://ada:secret@tracking.example:5000/api")
        'https://tracking.example:5000/api'
    """
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def check_reachable(uri: str) -> None:
    """Checks within 3 seconds that a tracking server accepts connections; MLflow's own client would try for minutes.

    A URI that is not ``http`` or ``https``, and a server behind a proxy, are not checked.

    Raises:
        OSError: nothing accepts connections at the address, or the host name is unknown.
    """
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS or not parts.hostname:
        return
    proxied = urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(parts.hostname)
    if not proxied:
        socket.create_connection((parts.hostname, parts.port or _PORTS[parts.scheme]), _REACH_SECONDS).close()


@contextlib.contextmanager
def _outside_world(uri: str) -> Iterator[None]:
    """Turns MLflow's errors about a server in trouble (status 5xx, 408, 429) into ``OSError``; other errors stay as they are."""
    from mlflow.exceptions import MlflowException

    check_reachable(uri)
    try:
        yield
    except MlflowException as error:
        status = int(error.get_http_status_code())  # type: ignore[no-untyped-call]
        if status >= 500 or status in _TRY_LATER:
            raise ConnectionError(str(error)) from error
        raise


def _remedy(run_dir: Path | None) -> str:
    """Returns the advice about records that MLflow did not take: the command for a later delivery, or ``callback.records``."""
    if run_dir is None:
        return "The records are in callback.records of this process only."
    return f"The files are in {run_dir / FOLDER}; deliver them later with: python -m lightning_iit.trackers.deliver {run_dir}"


def _milliseconds(record: EpochRecord) -> int:
    """Returns the wall time of the record's capture in milliseconds, the unit of MLflow's timestamps."""
    return round(record.wall_time * 1000)


def _short(value: object) -> str:
    """Returns a value as text, cut to the 500 characters that every MLflow server accepts."""
    text = str(value)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
