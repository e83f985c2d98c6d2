"""Which PyPhi is installed, and which formalisms it computes."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version

from lightning_iit.errors import InvalidArgumentError

HOW_TO_GET_2 = 'pip install "pyphi[emd]>=2.0.0rc4,<3"'
"""The command that installs PyPhi 2: its versions so far are pre-releases, which pip takes where the requirement names one."""


def installed_version() -> str:
    """Returns the version of the installed PyPhi.

    Raises:
        InvalidArgumentError: PyPhi is not installed.
    """
    try:
        return version("pyphi")
    except PackageNotFoundError:
        msg = "engine='pyphi': PyPhi is not installed. Install it (pip install \"pyphi>=1.2,<3\"), or use engine='auto'."
        raise InvalidArgumentError(msg) from None


def generation() -> int:
    """Returns 1 for PyPhi 1.2 (IIT 3.0) and 2 for PyPhi 2 (IIT 3.0, and both versions of IIT 4.0); PyPhi is not imported.

    Raises:
        InvalidArgumentError: PyPhi is not installed, or in a version whose interface is not known.
    """
    found = installed_version()
    numbers = re.match(r"(\d+)\.(\d+)", found)
    first, second = (int(number) for number in numbers.groups()) if numbers else (0, 0)
    if (first, second) == (1, 2) or first == 2:
        return first
    msg = (
        f"engine='pyphi': PyPhi {found} is installed, and this package knows how to ask 1.2 and 2. Install one of them "
        "(pip install \"pyphi>=1.2,<3\"), or use engine='auto'."
    )
    raise InvalidArgumentError(msg)


def require_2(formalism: str) -> None:
    """Raises InvalidArgumentError where the installed PyPhi does not compute a formalism of IIT 4.0."""
    if generation() == 2:
        return
    python = "" if sys.version_info >= (3, 13) else f" under Python 3.13 or later (this is {platform.python_version()})"
    msg = (
        f"engine='pyphi': formalism={formalism!r} needs PyPhi 2, and PyPhi {installed_version()} is installed, which computes "
        f"IIT 3.0. Install PyPhi 2{python}: {HOW_TO_GET_2}; or leave engine and pyphi_options out: this package's own engine "
        "computes IIT 4.0."
    )
    raise InvalidArgumentError(msg)
