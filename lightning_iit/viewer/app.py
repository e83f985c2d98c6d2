"""The viewer's WSGI application, which serves the page of its own and answers the requests of the TensorBoard tab."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from lightning_iit.errors import RecordError
from lightning_iit.phi.registry import engine_names
from lightning_iit.records import decode, decode_network, encode
from lightning_iit.viewer.answers import answers
from lightning_iit.viewer.live.access import is_foreign, refusal
from lightning_iit.viewer.live.messages import CommandRequest, Told
from lightning_iit.viewer.live.stream import MOST_RUNS
from lightning_iit.viewer.live.trainings import Refusal
from lightning_iit.viewer.protocol import ComputeRequest, RunList
from lightning_iit.viewer.serving.responses import (
    CONTENT_SECURITY_POLICY,
    SmallRequest,
    as_json,
    foreign_host,
    fresh,
    guarded,
    problem,
)
from lightning_iit.viewer.static_files import NOT_BUILT, static_file
from lightning_iit.viewer.summary import with_sentences_once

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from lightning_iit.records import PhiResult, Structure
    from lightning_iit.records.results import Partitions
    from lightning_iit.viewer.live.stream import Streams
    from lightning_iit.viewer.live.trainings import Trainings
    from lightning_iit.viewer.sources import RecordSource

Compute: TypeAlias = Callable[["RecordSource", ComputeRequest], "PhiResult | Structure | Partitions"]
"""A function that computes what is asked of a stored record, in the state and with the engine of a request."""

DATA_ROUTES = ("runs", "index", "answers", "record", "network", "scalars", "compute", "command", "live")
"""The routes that answer with data; any other route is a file of the front end."""


class ViewerApp:
    """Serves the front end's files and the records of a source.

    Args:
        source_for: returns the source for the WSGI environment of a request.
        compute: computes Φ again when the page asks for it; None switches computing off.
        poll_seconds: how often the page asks for new records, in seconds.
        local_only: refuses requests whose Host header is no loopback name, so that no foreign web page can read records through
            a host name that it points at this machine (DNS rebinding).
        streams: tells pages what is new; None has them ask.
        steered: the trainings that pages may send commands to; what is computed for a page with the token is kept with their runs.
            None switches both off.
        token: what a page must send with a command.
    """

    def __init__(
        self,
        source_for: Callable[[dict[str, Any]], RecordSource],
        *,
        compute: Compute | None = None,
        poll_seconds: float = 1.0,
        local_only: bool = False,
        streams: Streams | None = None,
        steered: Trainings | None = None,
        token: str = "",
    ) -> None:
        self._source_for = source_for
        self._compute = compute
        self._poll_seconds = poll_seconds
        self._local_only = local_only
        self._streams = streams
        self._steered, self._token = steered, token

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers a request of the viewer's own page (the WSGI interface)."""
        request = SmallRequest(environ)
        refused = foreign_host(request) if self._local_only else None
        response = refused or self.answer(request.path.strip("/"), request)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response(environ, start_response)

    def answer(self, route: str, request: Request) -> Response:
        """Returns the response to a request; errors become a JSON :class:`Problem` with status 4xx.

        Args:
            route: the path without slashes at its ends: "" for the page, a file ("viewer.js") or a data route ("runs", "index").
            request: the request with its query arguments (``run``, ``layer``, ``epoch``, ``step``).
        """
        try:
            if route in DATA_ROUTES:
                return self._data(route, request)
            return _file(route or "index.html", request)
        except RecordError as error:
            return problem(str(error), 422)
        except HTTPException as error:
            return problem(error.description or error.name, error.code or 400)
        except (LookupError, ValueError) as error:
            found = (
                str(error) if isinstance(error, LookupError) and NOT_BUILT in str(error) else f"There is no {route} of that name."
            )
            return problem(found, 404)

    def _data(self, route: str, request: Request) -> Response:
        """Returns the response of a data route."""
        source = self._source_for(request.environ)
        if route == "compute":
            return self._computed(source, request)
        if route == "command":
            return self._commanded(request)
        if request.method not in ("GET", "HEAD"):
            return problem("Only GET is answered here.", 405)
        if route == "live":
            return self._live(request)
        return fresh(self._body(route, source, request), "application/json", request)

    def _body(self, route: str, source: RecordSource, request: Request) -> bytes:
        """Returns the JSON of a data route that is read by GET."""
        if route == "runs":
            runs, left_out = source.runs()
            return msgspec.json.encode(
                RunList(
                    title=source.title,
                    runs=tuple(runs),
                    left_out=left_out,
                    compute=self._compute is not None,
                    engines=engine_names(),
                    poll_seconds=self._poll_seconds,
                    push=self._streams is not None,
                    control=self._steered is not None,
                )
            )
        run = request.args["run"]
        if route == "index":
            return msgspec.json.encode(with_sentences_once(source.index(run)))
        if route == "answers":
            return msgspec.json.encode(answers(source, run))
        if route == "scalars":
            return msgspec.json.encode(source.scalars(run))
        epoch = int(request.args["epoch"])
        if route == "network":
            return encode(decode_network(source.network(run, epoch)))
        # Decoding finds invalid records here, not in the page; encoding fills in the fields that older versions did not write.
        step = int(request.args["step"]) if "step" in request.args else None
        return encode(decode(source.record(run, request.args["layer"], epoch, step)))

    def _computed(self, source: RecordSource, request: Request) -> Response:
        """Returns the response to a request to compute Φ; accepts only a POST of JSON from the viewer's own page."""
        if self._compute is None:
            return problem("Computing is switched off; start the viewer with --compute.", 403)
        if request.method != "POST" or request.mimetype != "application/json" or is_foreign(request):
            return problem("Ask by a POST of JSON from the viewer's own page.", 403)
        try:
            asked = msgspec.json.decode(request.get_data(), type=ComputeRequest)
        except msgspec.MsgspecError as error:
            return problem(f"The request cannot be read: {error}.", 400)
        if asked.engine not in engine_names():
            return problem(
                f"engine={asked.engine!r}: the server has no such engine; choose one of {', '.join(engine_names())}.", 400
            )
        found = self._compute(source, asked)
        if self._steered is not None and not refusal(request, self._token):
            self._steered.keep(asked, found)
        return as_json(msgspec.json.encode(found))

    def _commanded(self, request: Request) -> Response:
        """Sends a command to a training; accepts only a POST of JSON from the viewer's own page, with the token."""
        if self._steered is None:
            return problem("Commands are switched off; start the viewer with --control.", 403)
        if why := refusal(request, self._token):
            return problem(why, 403)
        try:
            asked = msgspec.json.decode(request.get_data(), type=CommandRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return problem(f"The command cannot be read: {error}.", 400)
        try:
            sent = self._steered.command(asked)
        except Refusal as error:
            return problem(str(error), 409)
        return as_json(msgspec.json.encode(Told(id=sent.id, words=sent.words)))

    def _live(self, request: Request) -> Response:
        """Returns a response without an end: what happens in the runs that are asked for."""
        if self._streams is None:
            return problem("This server tells no page what is new.", 404)
        if is_foreign(request):
            return problem("Only the viewer's own page is told what is new.", 403)
        events = self._streams.open(request.args.getlist("run")[:MOST_RUNS])
        if events is None:
            return problem("Too many pages are told what is new; this one has to ask.", 503)
        response = Response(events, content_type="text/event-stream")
        response.call_on_close(self._streams.close)
        return guarded(response)


def _file(name: str, request: Request) -> Response:
    """Returns a file of the front end as a response."""
    data, media_type = static_file(name)
    return fresh(data, media_type, request)
