"""One callback for both packages: ``lightning.pytorch`` and ``pytorch_lightning`` each have a class ``Callback`` of their own."""

from __future__ import annotations

import sys


def join_pytorch_lightning(callback: type) -> None:
    """Makes a class a subclass of ``pytorch_lightning.Callback`` too, where that package is imported.

    ``pytorch_lightning`` before 2.5.3 refuses callbacks that are not of its own class, and so does its command line. It is not
    imported here, since it takes a second.
    """
    theirs = getattr(sys.modules.get("pytorch_lightning"), "Callback", None)
    if theirs is not None and not issubclass(callback, theirs):
        callback.__bases__ = (*callback.__bases__, theirs)
