"""The tab in TensorBoard. What this module imports is imported by every ``tensorboard`` command: records and viewer only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorboard.plugins.base_plugin import FrontendMetadata, TBLoader, TBPlugin

if TYPE_CHECKING:
    import argparse

    from lightning_iit.viewer.app import ViewerApp
    from lightning_iit.viewer.tensorboard_source import TensorBoardSource

PLUGIN_NAME = "iit"
_POLL_SECONDS = 2.0


class IITPlugin(TBPlugin):  # type: ignore[misc]
    """Integrated information of every run in TensorBoard's log directory."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: Any) -> None:
        self._provider = context.data_provider
        self._made: tuple[TensorBoardSource, ViewerApp] | None = None

    def get_plugin_apps(self) -> dict[str, Any]:
        """The routes below ``/data/plugin/iit``: the module and the same data routes as on the viewer's own page."""
        routes = ("viewer.js", "runs", "index", "record", "network", "scalars")
        return {f"/{route}": self._answering(route) for route in routes}

    def is_active(self) -> bool:
        """Whether any run has records."""
        source, _ = self._parts()
        return source.has_records()

    def frontend_metadata(self) -> FrontendMetadata:
        """Where the tab's module is."""
        return FrontendMetadata(es_module_path="/viewer.js", tab_name="IIT", disable_reload=True)

    def _answering(self, route: str) -> Any:
        from werkzeug.wrappers import Request

        @Request.application
        def answer(request: Request) -> Any:
            _, app = self._parts()
            return app.answer(route, request)

        return answer

    def _parts(self) -> tuple[TensorBoardSource, ViewerApp]:
        if self._made is None:
            from lightning_iit.viewer.app import ViewerApp
            from lightning_iit.viewer.tensorboard_source import TensorBoardSource

            source = TensorBoardSource(self._provider)
            self._made = source, ViewerApp(source.bound, poll_seconds=_POLL_SECONDS)
        return self._made


class IITLoader(TBLoader):  # type: ignore[misc]
    """Makes TensorBoard keep every record: by default it drops all but 10 or 100 of each tag."""

    def fix_flags(self, flags: argparse.Namespace) -> None:
        """Keeps all records unless ``--samples_per_plugin iit=...`` says otherwise."""
        wanted = getattr(flags, "samples_per_plugin", None)
        if isinstance(wanted, dict):
            wanted.setdefault(PLUGIN_NAME, 0)

    def load(self, context: Any) -> IITPlugin:
        """The plugin."""
        return IITPlugin(context)
