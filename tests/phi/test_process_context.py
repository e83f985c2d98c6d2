"""The processes of workers: what their exit status is to several threads that ask for it at once."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from lightning_iit.phi.pool.process_context import WorkerServer


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server on Windows")
def test_several_threads_read_one_exit_status():
    server = WorkerServer()
    try:
        for _ in range(40):
            context = server.context()
            started = context.Process(target=os._exit, args=(7,))
            started.start()
            seen = []

            def ask(context=context, seen=seen):
                while (status := context.exit_status()) is None:
                    pass
                seen.append(status)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            started.join(60)
            for thread in threads:
                thread.join(60)
            assert [started.exitcode, *seen] == [7] * 5
    finally:
        server.close()
