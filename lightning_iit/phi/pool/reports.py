"""The messages of a worker process, as the host reads them."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.phi.pool._child import WorkerMessage

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Reports:
    """Reads the messages that workers write into a pipe, without ever blocking, since a killed worker can leave half a line."""

    def __init__(self) -> None:
        from multiprocessing import Pipe

        reader, writer = Pipe(duplex=False)
        self._reader: Connection = reader
        self.writer: Connection = writer
        os.set_blocking(self._reader.fileno(), False)
        self._rest = b""
        self._decoder = msgspec.json.Decoder(WorkerMessage)

    def read(self, number: int) -> list[WorkerMessage]:
        """Returns the new messages of the call with this number; messages of earlier calls are dropped."""
        *lines, self._rest = (self._rest + self._available()).split(b"\n")
        reports = []
        for line in lines:
            with contextlib.suppress(msgspec.MsgspecError):
                reports.append(self._decoder.decode(line))
        return [report for report in reports if report.number == number]

    def close(self) -> None:
        """Closes both ends of the pipe."""
        self._reader.close()
        self.writer.close()

    def _available(self) -> bytes:
        """Returns all bytes that can be read without waiting."""
        chunks = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._reader.fileno(), 1 << 16):
                chunks.append(chunk)
        return b"".join(chunks)
