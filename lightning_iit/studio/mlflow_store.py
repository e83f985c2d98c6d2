"""Where trainings log to MLflow: a store in a file below the root, or a server that the command line names."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EXPERIMENT = "lightning-iit studio"
"""The MLflow experiment that the studio's trainings are runs of."""
_FILE = "mlflow.db"
_LOCAL = ("sqlite:///", "file://", "file:")
"""What stands before a path in addresses of MLflow."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PLAIN = re.compile(r"[^?#%\x00-\x1f\x7f]{1,1000}")
"""Paths that mean the same as a path and as part of an address."""


def store_of(address: str, root: Path, servers: Sequence[str]) -> dict[str, str] | None:
    """Returns which store MLflow is to have, as arguments of ``MLFlowLogger``; None where trainings do not log to MLflow.

    Args:
        address: empty for none; a folder, a file ``.db``, or ``sqlite:///`` and one of them, below the root; or a server's address.
        root: the folder of the runs.
        servers: the addresses of servers that may be used.

    Raises:
        InvalidArgumentError: a path that leads out of the root, another server, another kind of store, or MLflow is not installed.
    """
    wanted = address.strip()
    if not wanted:
        return None
    found = _server(wanted, servers) if wanted.lower().startswith(("http:", "https:")) else _file(wanted, root)
    if importlib.util.find_spec("mlflow") is None:
        msg = (
            f"mlflow={address[:80]!r}: MLflow is not installed. Use pip install 'lightning-iit[mlflow]', or leave the field empty."
        )
        raise InvalidArgumentError(msg)
    return found


def server(address: str) -> str:
    """Returns the address of a server as it is compared with others.

    Raises:
        InvalidArgumentError: it is none of an MLflow server.
    """
    try:
        parts = urlsplit(address.strip())
        known = parts.scheme in {"http", "https"} and parts.hostname and not (parts.query or parts.fragment or parts.username)
        _ = parts.port  # it may be no number
    except ValueError:
        known = None
    if not known:
        msg = f"{address[:80]!r} is no address of an MLflow server: give one as in http://127.0.0.1:5000."
        raise InvalidArgumentError(msg)
    return parts.geturl().rstrip("/")


def _server(address: str, servers: Sequence[str]) -> dict[str, str]:
    """Returns a server that may be used."""
    wanted = server(address)
    if wanted not in map(server, servers):
        known = f" It may use {', '.join(servers)}." if servers else ""
        allow = f"Start the studio with --mlflow {wanted[:80]} to allow it."
        msg = f"mlflow={address[:80]!r}: this server may not be used.{known} {allow}"
        raise InvalidArgumentError(msg)
    return {"tracking_uri": wanted}


def _file(address: str, root: Path) -> dict[str, str]:
    """Returns a store in a file, with its artifacts beside it in a folder that is not taken for one of runs."""
    prefix = next((one for one in _LOCAL if address.startswith(one)), "")
    path = address[len(prefix) :]
    if not _PLAIN.fullmatch(path) or (not prefix and _SCHEME.match(path)):
        msg = (
            f"mlflow={address[:80]!r}: give a folder below {root}, as in mlflow, or the address of a server (http:// or https://)."
        )
        raise InvalidArgumentError(msg)
    found = (root / path).resolve()
    found = found if found.suffix == ".db" else (found / _FILE).resolve()
    inside = root.resolve()
    if not found.is_relative_to(inside) or found.with_name(artifacts := f".{found.stem}-artifacts").is_symlink():
        msg = f"mlflow={address[:80]!r}: this is not below the studio's folder, {root}. Give a folder in it, as in mlflow."
        raise InvalidArgumentError(msg)
    return {"tracking_uri": f"sqlite:///{found}", "artifact_location": found.with_name(artifacts).as_uri()}
