"""Puts the studio together: a queue, the viewer of the same folder, and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.studio.app import StudioApp
from lightning_iit.studio.listing import Listing
from lightning_iit.studio.stream import JobStreams
from lightning_iit.viewer.app import ViewerApp
from lightning_iit.viewer.compute import compute_again
from lightning_iit.viewer.live.stream import Streams
from lightning_iit.viewer.live.trainings import Trainings
from lightning_iit.viewer.logdir import LogDirSource

if TYPE_CHECKING:
    from lightning_iit.studio.queue import TrainingQueue


def studio_app(queue: TrainingQueue, *, token: str, local_only: bool) -> StudioApp:
    """Returns the application of a studio, with the viewer of its folder.

    Args:
        queue: has the trainings.
        token: what a page must send with whatever starts, stops or computes something, and with commands to trainings.
        local_only: refuses requests whose Host header is no loopback name.
    """
    source = LogDirSource(queue.root)
    trainings = Trainings(source)
    streams = Streams(source, trainings)
    viewer = ViewerApp(lambda _: source, compute=compute_again, streams=streams, steered=trainings, token=token)
    listing = Listing(queue, source, trainings)
    return StudioApp(queue, listing, JobStreams(listing), viewer, token=token, local_only=local_only)
