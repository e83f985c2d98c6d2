"""``lightning-iit studio``: serves the page that starts trainings."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_iit.errors import InvalidArgumentError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEEDED = ("jsonargparse", "psutil", "sklearn")


def run_studio(
    root: str,
    *,
    host: str = "127.0.0.1",
    port: int = 6008,
    allow: Sequence[str] = (),
    at_once: int = 1,
    mlflow: Sequence[str] = (),
    open_browser: bool = True,
) -> None:
    """Serves the studio's page of a folder until Ctrl-C; prints the page's address, with its token. Trainings go on after it.

    Args:
        root: the folder of the runs; made where it is not there.
        host: the address to listen on; with the default only programs on this machine can connect.
        port: the port to listen on; 0 for any free port.
        allow: modules whose classes can be trained, as ``module:Class``; with one, all modules in it.
        at_once: how many trainings run at once.
        mlflow: addresses of MLflow servers that trainings may log to; stores in files below the root need none.
        open_browser: opens the page in the default browser, if a browser window can be opened.

    Raises:
        InvalidArgumentError: another studio has the folder, the server cannot listen, a module cannot be found, or an address is
            none of an MLflow server.
        MissingDependencyError: the extra "studio" is not installed.
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        msg = f"The studio needs {', '.join(missing)}: pip install 'lightning-iit[studio]'."
        raise MissingDependencyError(msg)
    if at_once < 1:
        msg = f"--at-once {at_once}: give how many trainings run at once, 1 or more."
        raise InvalidArgumentError(msg)
    _find_modules(allow)

    from lightning_iit.studio.mlflow_store import server
    from lightning_iit.studio.opening import studio_app
    from lightning_iit.studio.queue import TrainingQueue
    from lightning_iit.viewer.live.access import new_token
    from lightning_iit.viewer.serving.server import run_server

    servers = [server(address) for address in mlflow]
    queue, token = TrainingQueue(Path(root), at_once=at_once, allowed=allow, servers=servers), new_token()
    try:
        app = studio_app(queue, token=token, local_only=host in ("127.0.0.1", "localhost", "::1"))
        queue.begin()
        run_server(app, host=host, port=port, query=f"?token={token}", open_browser=open_browser, what="studio")
    finally:
        queue.close()


def _find_modules(allow: Sequence[str]) -> None:
    """Lets modules be found in the current directory, as a training's process finds them, and sees that they are there.

    Raises:
        InvalidArgumentError: one cannot be found.
    """
    if allow and not {"", os.getcwd()} & set(sys.path):  # noqa: PTH109  as Python has it in sys.path
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    for name in allow:
        try:
            found = all(part.isidentifier() for part in name.split(".")) and importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            found = False
        if not found:
            msg = f"--allow {name}: there is no such module; give the name of one that Python can import, as in --allow mypackage."
            raise InvalidArgumentError(msg)
