"""``lightning-iit view``: serves the viewer's page of a run, a folder of runs or an MLflow URI."""

from __future__ import annotations

from pathlib import Path

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.viewer.app import ViewerApp
from lightning_iit.viewer.compute import compute_again
from lightning_iit.viewer.live.access import new_token
from lightning_iit.viewer.live.stream import Streams
from lightning_iit.viewer.live.trainings import Trainings
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.serving.server import run_server
from lightning_iit.viewer.sources import open_source


def run_view(
    target: str,
    *,
    host: str = "127.0.0.1",
    port: int = 6007,
    compute: bool = False,
    control: bool = False,
    open_browser: bool = True,
) -> None:
    """Serves the page of a log directory or an MLflow URI until Ctrl-C; prints the page's address.

    Args:
        target: a run's directory, a folder of runs, or an MLflow tracking URI.
        host: the address to listen on; with the default only programs on this machine can connect.
        port: the port to listen on; 0 for any free port.
        compute: lets the page compute Φ of a record in another state or with another engine.
        control: shows how far trainings are, and lets the page send them commands; the address then has a token, without which
            nothing can be commanded. The runs must lie in a directory.
        open_browser: opens the page in the default browser, if a browser window can be opened.

    Raises:
        InvalidArgumentError: there is nothing at the target, it holds no trainings that could be told something, or the server
            cannot listen on the host and port.
        MissingDependencyError: the target is an MLflow URI and mlflow is not installed.
    """
    if control and not Path(target).is_dir():
        msg = (
            f"--control: {target} is no directory of runs, and trainings are told something by files in theirs. Give the directory."
        )
        raise InvalidArgumentError(msg)
    source = open_source(target)
    streams = trainings = None
    if isinstance(source, LogDirSource):
        trainings = Trainings(source) if control else None
        streams = Streams(source, trainings)
    token = new_token() if control else ""
    app = ViewerApp(
        lambda _: source,
        compute=compute_again if compute else None,
        local_only=host in ("127.0.0.1", "localhost", "::1"),
        streams=streams,
        steered=trainings,
        token=token,
    )
    run_server(app, host=host, port=port, query=f"?token={token}" if token else "", open_browser=open_browser)
