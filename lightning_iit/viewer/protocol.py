"""What the front end and its back ends say to each other; the TypeScript types are generated from these and the records."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Status: TypeAlias = Literal["computed", "timed_out", "failed", "skipped", "corrupt"]


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the messages."""


class RunInfo(_Message, frozen=True, kw_only=True):
    """A run that can be chosen: ``id`` is what requests name it by, ``name`` is what people read.

    ``path`` is where its files are, for the command line that the page shows; empty where they are not on this machine, and then
    ``tracking_uri`` says which MLflow server has them.
    """

    id: str
    name: str
    modified: float = 0.0
    path: str = ""
    tracking_uri: str = ""


class RunList(_Message, frozen=True, kw_only=True):
    """The runs of a source, the latest first; ``left_out`` says how many more there are than are listed."""

    title: str
    runs: tuple[RunInfo, ...]
    left_out: int = 0
    compute: bool = False
    poll_seconds: float = 1.0


class IndexRow(_Message, frozen=True, kw_only=True):
    """One record in short: enough for the curves, the pickers and the gaps.

    ``phi`` is that of the first analysed state, ``mean`` and ``maximum`` are over the analysed states; all are None unless
    computed.
    ``version`` changes when the record does; ``file`` is its path below the run's directory.
    """

    layer: str
    epoch: int
    status: Status
    version: str
    file: str = ""
    reason: str = ""
    global_step: int = 0
    wall_time: float = 0.0
    kind: str = ""
    axis: str = ""
    engine: str = ""
    phi: float | None = None
    mean: float | None = None
    maximum: float | None = None
    null_upper: float | None = None
    transitions: int | None = None
    coverage: float | None = None
    units: int | None = None


class NetworkRow(_Message, frozen=True, kw_only=True):
    """An epoch of which there is a network snapshot."""

    epoch: int
    version: str


class RunIndex(_Message, frozen=True, kw_only=True):
    """All that a run has, without the records themselves; ``notes`` are for the person (what was thinned or left out)."""

    run: str
    rows: tuple[IndexRow, ...]
    networks: tuple[NetworkRow, ...] = ()
    notes: tuple[str, ...] = ()


class ScalarSeries(_Message, frozen=True, kw_only=True):
    """A metric of the run (loss, accuracy) as (step, value)."""

    tag: str
    points: tuple[tuple[int, float], ...]


class ScalarList(_Message, frozen=True, kw_only=True):
    """The run's other metrics."""

    series: tuple[ScalarSeries, ...]


class Problem(_Message, frozen=True, kw_only=True):
    """Why a request has no answer, for a person to read."""

    error: str


class ComputeRequest(_Message, frozen=True, kw_only=True):
    """Asks for Φ of a record's TPM in a state."""

    run: str
    layer: str
    epoch: int
    state: tuple[int, ...]
    engine: Literal["auto", "fast", "pyphi"] = "auto"


class InlineRun(_Message, frozen=True, kw_only=True):
    """A run inside a page: records and snapshots are deflated JSON in base64, by "layer/epoch" and by epoch."""

    info: RunInfo
    index: RunIndex
    records: dict[str, str]
    networks: dict[str, str]
    scalars: ScalarList


class InlineData(_Message, frozen=True, kw_only=True):
    """Everything that a one-file page holds."""

    title: str
    runs: tuple[InlineRun, ...]
