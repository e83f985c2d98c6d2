"""The messages between the front end and the server; TypeScript types are generated from these structs and the records."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from lightning_iit.records.schema import Formalism  # noqa: TC001  msgspec reads the annotations

Status: TypeAlias = Literal["computed", "timed_out", "failed", "skipped", "open", "corrupt"]
"""How a record's analysis ended; "open" is one that has not ended, "corrupt" is a record that cannot be read."""


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """Makes a message immutable, with named fields; base of all messages."""


class RunInfo(_Message, frozen=True, kw_only=True):
    """Describes a run that can be chosen in the viewer.

    Attributes:
        id: the name of the run in requests.
        name: the name of the run for people.
        modified: when the run was last modified (MLflow: started), in seconds since 1970.
        path: where the run's files are, for the command line that the page shows; empty for files on an MLflow server.
        tracking_uri: the MLflow server that has the run's files, if ``path`` is empty.
    """

    id: str
    name: str
    modified: float = 0.0
    path: str = ""
    tracking_uri: str = ""


class RunList(_Message, frozen=True, kw_only=True):
    """Lists the runs of a source, the latest first.

    Attributes:
        title: the name of the source, such as the log directory.
        runs: the runs.
        left_out: the number of further runs that are not listed.
        compute: whether the server computes Φ again for the page.
        engines: the names that ``--engine`` and a ``ComputeRequest`` take: those of this package and of installed packages.
        poll_seconds: how often the page asks for new records, in seconds.
        push: whether the server tells the page of what is new, so that it need not ask.
        control: whether the page may send commands to trainings that run.
    """

    title: str
    runs: tuple[RunInfo, ...]
    left_out: int = 0
    compute: bool = False
    engines: tuple[str, ...] = ()
    poll_seconds: float = 1.0
    push: bool = False
    control: bool = False


class FormalismRow(_Message, frozen=True, kw_only=True):
    """Summarises what a record has of one formalism: Φ of IIT 3.0, or φ_s of one version of IIT 4.0.

    Attributes:
        formalism: "iit3", "iit4-2023" or "iit4-2026"; empty for a record that cannot be read.
        reason: why there is no Φ, or a remark about Φ; may be empty.
        phi: Φ of the first analysed state; None unless computed.
        mean: the mean of Φ over the analysed states, weighted by visits if the record has this mean; None unless computed.
        maximum: the largest Φ of the analysed states; None unless computed.
        null_upper: the upper limit of Φ under the null hypothesis; None without a null.
        phi_layer: Φ of the layer, the mean over the groups of its survey; None without a survey.
        low: the lower end of the 90 % interval of ``phi_layer``; None where none was computed.
        high: the upper end.
        groups: the number of groups in the survey that have a Φ; None without a survey.
        share: of IIT 4.0 the share of the visits in which φ_s is above 0, the mean over groups; None without a survey.
        signed: of IIT 4.0 the mean signed φ_s of the layer; None without a survey.
        verdict: the sentences of the report on what may be concluded; empty while the record is open. In an index that is sent
            to a page it is the places of the sentences among ``RunIndex.sentences``: most rows have the same.
    """

    formalism: str
    status: Status
    reason: str = ""
    engine: str = ""
    phi: float | None = None
    mean: float | None = None
    maximum: float | None = None
    null_upper: float | None = None
    phi_layer: float | None = None
    low: float | None = None
    high: float | None = None
    groups: int | None = None
    share: float | None = None
    signed: float | None = None
    verdict: str | tuple[int, ...] = ""


class IndexRow(FormalismRow, frozen=True, kw_only=True):
    """Summarises one record: enough for the curves, the menus and the marks of missing results.

    Attributes:
        version: a text that changes whenever the record changes.
        file: the path of the record's file below the run's directory.
        transitions: the number of transitions counted; None if the record holds no counts.
        coverage: the fraction of states (0 to 1) that were visited; None without a TPM.
        units: the number of analysed units.
        state: the first analysed state, unit 0 first ("0110"), of which ``phi`` is; empty where none was analysed.
        step: of a record within an epoch the global step; None for that of a whole epoch.
        others: what the record has of further formalisms.
        selection: the number of the change, by a command, with which the layer's units were chosen; 0 for those of the beginning.
            Rows of other selections are of other units.
    """

    layer: str
    epoch: int
    version: str
    formalism: str = ""
    file: str = ""
    global_step: int = 0
    wall_time: float = 0.0
    kind: str = ""
    axis: str = ""
    transitions: int | None = None
    coverage: float | None = None
    units: int | None = None
    state: str = ""
    step: int | None = None
    others: tuple[FormalismRow, ...] = ()
    selection: int = 0


class NetworkRow(_Message, frozen=True, kw_only=True):
    """Names an epoch with a network snapshot; ``version`` changes whenever the snapshot changes."""

    epoch: int
    version: str


class RunIndex(_Message, frozen=True, kw_only=True):
    """Lists all records and network snapshots of a run; ``notes`` are sentences for the reader (such as epochs left out).

    Attributes:
        rows: the records of whole epochs, which make the curve.
        steps: the records within epochs (``every_n_steps``), in order of their step.
        sentences: those of all verdicts, each once, in an index that is sent to a page.
    """

    run: str
    rows: tuple[IndexRow, ...]
    steps: tuple[IndexRow, ...] = ()
    networks: tuple[NetworkRow, ...] = ()
    notes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


class ScalarSeries(_Message, frozen=True, kw_only=True):
    """Holds one metric of the run (loss, accuracy) as pairs (step, value)."""

    tag: str
    points: tuple[tuple[int, float], ...]


class ScalarList(_Message, frozen=True, kw_only=True):
    """Holds the run's metrics that this package did not log (loss, accuracy)."""

    series: tuple[ScalarSeries, ...]


class Answer(_Message, frozen=True, kw_only=True):
    """Says whether training changed Φ of a layer.

    Attributes:
        layer: the layer's name.
        epoch: the earlier of the two epochs that were compared; -1 is the untrained network.
        to: the later one.
        formalism: the formalism of the Φ that was compared.
        words: the answer in a sentence or two.
    """

    layer: str
    epoch: int
    to: int
    formalism: str
    words: str


class AnswerList(_Message, frozen=True, kw_only=True):
    """Holds an answer for each formalism and each layer whose surveys of two epochs can be compared."""

    answers: tuple[Answer, ...]


class Problem(_Message, frozen=True, kw_only=True):
    """Holds the reason why a request failed, as a sentence for the reader."""

    error: str


class ComputeRequest(_Message, frozen=True, kw_only=True):
    """Asks for Φ of a record's TPM in a given state (unit 0 first), with an engine of ``RunList.engines``.

    Attributes:
        formalism: the version of the theory; None for that of the record's own result.
        wanted: "phi"; of IIT 4.0 "structure", of up to 6 units; or "partitions", the five best ones.
        step: of a record within an epoch its step.
        units: other units, by their indices in the layer, that one recorded group has all; state and answer are of these, in this
            order. None for those of the record.
        most_seconds: where about more seconds are expected, nothing is computed, and the answer is Skipped ("costly") and says how
            many; None for no such limit.
    """

    run: str
    layer: str
    epoch: int
    state: tuple[int, ...]
    wanted: Literal["phi", "structure", "partitions"] = "phi"
    engine: str = "auto"
    formalism: Formalism | None = None
    step: int | None = None
    units: tuple[int, ...] | None = None
    most_seconds: float | None = None


class InlineRun(_Message, frozen=True, kw_only=True):
    """Holds a run inside a one-file page.

    Attributes:
        records: the records by "layer/epoch", each as zlib-compressed JSON in base64.
        networks: the network snapshots by epoch, each as zlib-compressed JSON in base64.
    """

    info: RunInfo
    index: RunIndex
    records: dict[str, str]
    networks: dict[str, str]
    scalars: ScalarList
    answers: AnswerList


class InlineData(_Message, frozen=True, kw_only=True):
    """Holds all the data of a one-file page; ``engines`` as in ``RunList``, on the machine that wrote the file."""

    title: str
    runs: tuple[InlineRun, ...]
    engines: tuple[str, ...] = ()
