"""A logger as those of hosted trackers are: with a folder, a project and an id, and without a log directory."""

from __future__ import annotations

from lightning.pytorch.loggers import Logger


class Hosted(Logger):
    """Names its runs by project and id below one folder, as the loggers of hosted trackers do; it has no log_dir."""

    def __init__(self, save_dir, version, name="study"):
        super().__init__()
        self._save_dir, self._version, self._name = save_dir, version, name

    name = property(lambda self: self._name)
    version = property(lambda self: self._version)
    save_dir = property(lambda self: self._save_dir)

    def log_metrics(self, metrics, step=None):
        pass

    def log_hyperparams(self, params, *args, **kwargs):
        pass
