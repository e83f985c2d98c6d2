"""Fixtures that every test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dask_processes import DaskProcesses
    from distributed import Client
    from playwright.sync_api import Browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-snapshots", action="store_true", help="write the snapshots in tests/report/snapshots anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: at the end of a parallel run one of them would have all others wait."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def shared_server() -> Iterator[None]:
    """Pools start their workers from one fork server, but where a test uses ``own_servers``."""
    from shared_server import SharedServer

    server = SharedServer()
    with server.lent():
        yield
    server.close()


@pytest.fixture(scope="module")
def own_servers() -> Iterator[None]:
    """Each pool starts a fork server of its own: for tests of the processes themselves."""
    from shared_server import own_servers

    with own_servers():
        yield


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, which can be full or read-only even for root."""
    from small_disk import small_disk

    with small_disk(tmp_path / "disk", request.node):
        yield tmp_path / "disk"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser."""
    from viewer_pages import browser

    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def dask_client() -> Iterator[Client]:
    """The client of a cluster as Dask makes it: two nannies, each with a daemonic worker process."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, cluster.get_client() as client:
        yield client


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    """A scheduler of Dask in a process of its own, to which a test adds workers."""
    from dask_processes import DaskProcesses

    processes = DaskProcesses(tmp_path)
    yield processes
    processes.end()
