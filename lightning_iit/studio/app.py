"""The studio's WSGI application: its page, what the page asks for, and the viewer below ``/view/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from lightning_iit.errors import IITError
from lightning_iit.studio.catalog import BASES, choices, own_choice
from lightning_iit.studio.compared import compared
from lightning_iit.studio.messages import JobList, JobText, Named, OwnRequest
from lightning_iit.studio.queue import NotNow
from lightning_iit.studio.records import YAML, Asked, last_output, studio_folder
from lightning_iit.viewer.live.access import is_foreign, refusal
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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.wrappers import Request

    from lightning_iit.studio.listing import Listing
    from lightning_iit.studio.queue import TrainingQueue
    from lightning_iit.studio.stream import JobStreams
    from lightning_iit.viewer.app import ViewerApp

VIEW = "view"
"""Where the viewer is."""
_FILES = {"": "studio.html", "studio.js": "studio.js", "icon.svg": "icon.svg"}
_CHANGES = ("start", "stop", "compare", "own")
"""What is asked by POST, with the token."""
_OUTPUT_BYTES = 20_000
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class StudioApp:
    """Serves the studio's page and the viewer.

    Args:
        queue: has the trainings.
        listing: tells how far they are.
        streams: tells pages what is new.
        viewer: the viewer of the same folder.
        token: what a page must send with whatever starts, stops or computes something.
        local_only: refuses requests whose Host header is no loopback name.
    """

    def __init__(
        self,
        queue: TrainingQueue,
        listing: Listing,
        streams: JobStreams,
        viewer: ViewerApp,
        *,
        token: str,
        local_only: bool,
    ) -> None:
        self._queue, self._listing, self._streams, self._viewer = queue, listing, streams, viewer
        self._token, self._local_only = token, local_only
        self._choices = msgspec.json.encode(choices(str(queue.root), queue.allowed, queue.at_once, queue.servers))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers a request (the WSGI interface)."""
        request = SmallRequest(environ)
        refused = foreign_host(request) if self._local_only else None
        response = refused or self._routed(request)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response(environ, start_response)

    def _routed(self, request: Request) -> Response:
        """Returns the response of the studio or of the viewer."""
        first, slash, rest = request.path.lstrip("/").partition("/")
        if first == VIEW and not slash:
            return guarded(Response(status=308, headers={"Location": f"{VIEW}/"}))
        if first == VIEW and not rest:
            page, media_type = static_file("index.html")
            return fresh(page.replace(b'data-iit-home="page"', b'data-iit-home="page" data-iit-studio="../"'), media_type, request)
        if first == VIEW:
            return self._viewer.answer(rest.strip("/"), request)
        return self._answer(request.path.strip("/"), request)

    def _answer(self, route: str, request: Request) -> Response:
        """Returns the response of the studio; errors become a JSON :class:`Problem` with status 4xx."""
        try:
            return self._changed(route, request) if route in _CHANGES else self._read(route, request)
        except (NotNow, IITError) as error:
            return problem(str(error), 409 if isinstance(error, NotNow) else 422)
        except OSError as error:
            return problem(f"The studio's folder cannot be used: {error.strerror or error}.", 500)
        except HTTPException as error:
            return problem(error.description or error.name, error.code or 400)
        except (LookupError, ValueError) as error:
            return problem(NOT_BUILT if NOT_BUILT in str(error) else "There is nothing of that name.", 404)

    def _read(self, route: str, request: Request) -> Response:
        """Returns what is read by GET."""
        if request.method not in ("GET", "HEAD"):
            return problem("Only GET is answered here.", 405)
        if route in _FILES:
            data, media_type = static_file(_FILES[route])
            return fresh(data, media_type, request)
        if route == "choices":
            return fresh(self._choices, "application/json", request)
        if route == "jobs":
            return fresh(msgspec.json.encode(JobList(jobs=self._listing.jobs())), "application/json", request)
        if route == "job":
            run = self._queue.run(request.args["name"])
            yaml = (studio_folder(run) / YAML).read_text(encoding="utf-8")
            return fresh(
                msgspec.json.encode(JobText(yaml=yaml, output=last_output(run, _OUTPUT_BYTES))), "application/json", request
            )
        if route == "live":
            return self._live(request)
        raise LookupError(route)

    def _changed(self, route: str, request: Request) -> Response:
        """Starts, stops, compares or imports something; only for the studio's own page, with the token."""
        if why := refusal(request, self._token):
            return problem(why, 403)
        try:
            if route == "start":
                return _encoded(Named(names=self._queue.ask(_asked(request, Asked))))
            if route == "own":
                own = _asked(request, OwnRequest)
                return _encoded(own_choice(own.name, BASES[own.role], self._queue.allowed))
            names = _asked(request, Named).names
        except msgspec.MsgspecError as error:
            return problem(f"The request cannot be read: {error}.", 400)
        runs = [self._queue.run(name) for name in names]
        if route == "compare":
            return _encoded(compared(runs))
        for name in names:
            self._queue.stop(name)
        return _encoded(Named(names=names))

    def _live(self, request: Request) -> Response:
        """Returns a response without an end: the list of trainings, whenever it changes."""
        if is_foreign(request):
            return problem("Only the studio's own page is told what is new.", 403)
        events = self._streams.open()
        if events is None:
            return problem("Too many pages are told what is new.", 503)
        response = Response(events, content_type="text/event-stream")
        response.call_on_close(self._streams.close)
        return guarded(response)


def _asked(request: Request, kind: type[_Struct]) -> _Struct:
    """Returns what a request asks for.

    Raises:
        MsgspecError: it cannot be read.
    """
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def _encoded(message: Any) -> Response:
    """Returns a message as a response."""
    return as_json(msgspec.json.encode(message))
