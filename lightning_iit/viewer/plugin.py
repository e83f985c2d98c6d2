"""The TensorBoard plugin that shows records in a tab.

Every ``tensorboard`` command imports this module, so heavy imports are inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from tensorboard.plugins.base_plugin import FrontendMetadata

if TYPE_CHECKING:
    import argparse

    from lightning_iit.viewer.app import ViewerApp
    from lightning_iit.viewer.tensorboard_source import TensorBoardSource

    # TensorBoard comes without types, and a class of unknown bases would have none itself.
    TBLoader: TypeAlias = object
    TBPlugin: TypeAlias = object
else:
    from tensorboard.plugins.base_plugin import TBLoader, TBPlugin

PLUGIN_NAME = "iit"
_POLL_SECONDS = 2.0


class IITPlugin(TBPlugin):
    """Shows integrated information (Φ) of every run in TensorBoard's log directory.

    Args:
        context: TensorBoard's context, whose data provider reads the log directory.
    """

    plugin_name = PLUGIN_NAME

    def __init__(self, context: Any) -> None:
        self._provider = context.data_provider
        self._made: tuple[TensorBoardSource, ViewerApp] | None = None

    def get_plugin_apps(self) -> dict[str, Any]:
        """Returns a WSGI application for each route below ``/data/plugin/iit``: the script and the data routes of the viewer."""
        routes = ("viewer.js", "runs", "index", "answers", "record", "network", "scalars")
        return {f"/{route}": self._answering(route) for route in routes}

    def is_active(self) -> bool:
        """Returns whether any run has records; TensorBoard asks this before it shows the tab."""
        source, _ = self._parts()
        return source.has_records()

    def frontend_metadata(self) -> FrontendMetadata:
        """Returns the tab's name and the path of its JavaScript module."""
        return FrontendMetadata(es_module_path="/viewer.js", tab_name="IIT", disable_reload=True)

    def _answering(self, route: str) -> Any:
        """Returns a WSGI application that answers one route."""
        from werkzeug.wrappers import Request

        @Request.application
        def answer(request: Request) -> Any:
            _, app = self._parts()
            return app.answer(route, request)

        return answer

    def _parts(self) -> tuple[TensorBoardSource, ViewerApp]:
        """Returns the record source and the viewer application; makes both on first use."""
        if self._made is None:
            from lightning_iit.viewer.app import ViewerApp
            from lightning_iit.viewer.tensorboard_source import TensorBoardSource

            source = TensorBoardSource(self._provider)
            self._made = source, ViewerApp(source.bound, poll_seconds=_POLL_SECONDS)
        return self._made


class IITLoader(TBLoader):
    """Makes TensorBoard keep every record; by default TensorBoard keeps only 10 or 100 records of each tag."""

    def fix_flags(self, flags: argparse.Namespace) -> None:
        """Sets TensorBoard to keep all records, unless the user gave ``--samples_per_plugin iit=...``."""
        wanted = getattr(flags, "samples_per_plugin", None)
        if isinstance(wanted, dict):
            wanted.setdefault(PLUGIN_NAME, 0)

    def load(self, context: Any) -> IITPlugin:
        """Returns the plugin for TensorBoard's context."""
        return IITPlugin(context)
