"""Preparation of the workers' fork server, which imports this module first; the import changes the process that imports."""

from __future__ import annotations

import signal

from lightning_iit.phi.pool._child import be_modest

# Ctrl-C reaches every process of a terminal; the host alone decides what to do.
signal.signal(signal.SIGINT, signal.SIG_IGN)
be_modest()

import msgspec  # noqa: E402, F401  after the limits above: numerical libraries read the limits on loading
import numpy as np  # noqa: E402, F401
import pebble  # noqa: E402, F401
