"""Runs the command line, for ``python -m lightning_iit.cli``."""

from __future__ import annotations

import sys

from lightning_iit.cli import main

if __name__ == "__main__":
    sys.exit(main())
