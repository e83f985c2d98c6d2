"""Preparation of the workers' fork server, which imports this module first; the import changes the process that imports."""

from __future__ import annotations

import signal

from lightning_iit.phi.pool._child import be_modest

# Ctrl-C in a terminal reaches every process of it; the host alone decides what it means.
signal.signal(signal.SIGINT, signal.SIG_IGN)
be_modest()

import msgspec  # noqa: E402, F401  after the limits above: numerical libraries read them when they are loaded
import numpy as np  # noqa: E402, F401
import pebble  # noqa: E402, F401
