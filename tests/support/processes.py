"""Starts processes that Ctrl-C ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAUNCHER = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"


def start_interruptible(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Starts a command that SIGINT reaches, even where the tests run with SIGINT ignored, as in the background of a shell.

    A process inherits that its parent ignores SIGINT. So a small Python process restores the default action and then becomes the
    command, with the same process id. Python advises against ``preexec_fn`` in a process with threads, such as this one.
    """
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", _LAUNCHER, *command], **options)
