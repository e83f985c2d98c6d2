"""What stands in the event file, read by TensorBoard, is what the records say."""

from __future__ import annotations

import importlib
import random
import re
import shutil

import msgspec
import numpy as np
import pytest
from event_files import check_events, read_events, read_layout
from sample_records import HOSTILE_LAYERS, a_png, a_record, a_snapshot, pixels

from lightning_iit.records import NullResult, Survey, decode_network
from lightning_iit.records.names import layer_slug
from lightning_iit.records.store import load_run
from lightning_iit.trackers import Journal, trackers_for

LOGGERS = ["lightning.pytorch.loggers", "pytorch_lightning.loggers"]


@pytest.fixture(params=LOGGERS)
def logger(request, tmp_path):
    """A TensorBoardLogger of each package."""
    logger = importlib.import_module(request.param).TensorBoardLogger(tmp_path, name="", version="run")
    yield logger
    logger.finalize("success")


def test_the_event_file_holds_what_the_records_say(tmp_path, logger):
    records = [a_record(layer, epoch) for epoch in range(-1, 12) for layer in ("fc1", "gru")]
    images = {record.key: {"tpm": a_png(seed), "mip": a_png(-seed % 99)} for seed, record in enumerate(records)}
    journal = Journal(trackers_for([logger], None))
    for record in records:
        journal.expect(record.key)
        journal.write(record, images[record.key])
    assert journal.close(timeout=30) == ()
    check_events(tmp_path / "run", records, images)


@pytest.mark.parametrize("seed", range(3))
def test_results_that_come_out_of_order_are_written_in_order(tmp_path, seed):
    from lightning.pytorch.loggers import TensorBoardLogger

    logger = TensorBoardLogger(tmp_path, name="", version="run")
    records = [a_record(layer, epoch) for epoch in range(-1, 8) for layer in ("fc1", "gru")]
    journal = Journal(trackers_for([logger], None))
    for record in records:
        journal.expect(record.key)
    for record in random.Random(seed).sample(records, len(records)):
        journal.write(record)
    assert journal.close(timeout=30) == ()
    check_events(tmp_path / "run", records)


def test_a_record_waits_for_an_earlier_one_of_its_layer_only(tmp_path, logger):
    journal = Journal(trackers_for([logger], None))
    early, late, other = a_record("fc1", 0), a_record("fc1", 1), a_record("gru", 1)
    for record in (early, late, other):
        journal.expect(record.key)
    journal.write(late)
    journal.write(other)
    assert journal.flush(timeout=10)
    logger.experiment.flush()
    check_events(tmp_path / "run", [other])
    journal.write(early)
    assert journal.flush(timeout=10)
    logger.experiment.flush()
    check_events(tmp_path / "run", [other, early, late])
    journal.close(timeout=10)


def test_what_never_comes_holds_nothing_back_at_the_end(tmp_path, logger):
    journal = Journal(trackers_for([logger], None))
    for epoch in range(3):
        journal.expect(("fc1", epoch))
    journal.write(a_record("fc1", 2))
    assert journal.close(timeout=10) == ()
    check_events(tmp_path / "run", [a_record("fc1", 2)])


def test_hostile_layers_keep_apart(tmp_path, logger):
    records = [a_record(layer, epoch) for epoch in range(2) for layer in HOSTILE_LAYERS]
    journal = Journal(trackers_for([logger], None))
    for record in records:
        journal.write(record)
    assert journal.close(timeout=30) == ()
    check_events(tmp_path / "run", records)
    assert all(tag.isascii() for tag in read_events(tmp_path / "run").scalars)


def test_network_snapshots_stand_beside_the_records_of_a_layer_called_network(tmp_path, logger):
    journal = Journal(trackers_for([logger], tmp_path / "run"))
    for epoch in range(3):
        journal.write_network(a_snapshot(epoch))
        journal.write(a_record("network", epoch))
    assert journal.close(timeout=30) == ()
    found = read_events(tmp_path / "run").networks
    assert [tuple(point) for point in found] == [(s.global_step, s.wall_time, s) for s in map(a_snapshot, range(3))]
    files = sorted((tmp_path / "run/iit/network").glob("snapshot=*.json"))
    assert [decode_network(file.read_bytes()) for file in files] == [a_snapshot(epoch) for epoch in range(3)]
    records = [a_record("network", epoch) for epoch in range(3)]
    assert load_run(tmp_path / "run") == tuple(records)
    check_events(tmp_path / "run", records)


def test_a_dead_event_writer_is_replaced_and_nothing_is_lost(tmp_path, logger):
    """The logger's event file is closed under it, as an error of its thread would do."""
    records = [a_record("fc1", epoch) for epoch in range(6)]
    journal = Journal(trackers_for([logger], None))
    for record in records[:3]:
        journal.write(record)
    assert journal.flush(timeout=10)
    logger.experiment.file_writer.event_writer._async_writer._worker.exception = OSError("the thread met an error")
    for record in records[3:]:
        journal.write(record)
    assert journal.close(timeout=10) == ()
    logger.experiment.file_writer.event_writer._async_writer._worker.exception = None
    own = tmp_path / "own"
    own.mkdir()
    (file,) = (tmp_path / "run").glob("*.iit")
    shutil.move(file, own)
    check_events(own, records)


@pytest.mark.parametrize("load_fast", ["true", "false"])
def test_a_running_tensorboard_serves_the_records(tmp_path, load_fast):
    """Through both loaders of a real TensorBoard, asked over HTTP for every scalar and image of the run."""
    from lightning.pytorch.loggers import TensorBoardLogger
    from servers import fetch, get_json, tensorboard_server

    logger = TensorBoardLogger(tmp_path, name="", version="run")
    records = [a_record("fc1", epoch) for epoch in range(-1, 5)]
    journal = Journal(trackers_for([logger], None))
    for record in records:
        journal.expect(record.key)
    for record in reversed(records):
        journal.write(record, {"tpm": a_png(record.epoch + 1)})
    journal.attach("report.md", "# The report\n\n| a | b |\n|---|---|\n| 1 | Φ |\n".encode())
    journal.attach("other.html", b"no part of the text tab")
    assert journal.close(timeout=30) == ()
    with tensorboard_server(tmp_path, load_fast=load_fast) as url:
        tag = "iit/report/text_summary"
        (report,) = get_json(f"{url}/data/plugin/text/text?run=run&tag={tag}", until=lambda texts: len(texts) == 1)
        assert get_json(f"{url}/data/plugin/text/tags", until=bool) == {"run": [tag]}
        phi = get_json(f"{url}/data/plugin/scalars/scalars?run=run&tag=iit/phi/fc1", until=lambda points: len(points) == 6)
        images = get_json(
            f"{url}/data/plugin/images/images?run=run&tag=iit_details/fc1/tpm&sample=0", until=lambda points: len(points) == 6
        )
        pngs = {image["step"]: fetch(f"{url}/data/plugin/images/individualImage?{image['query']}") for image in images}
    assert report["step"] == records[-1].global_step
    assert "<h1>The report</h1>" in report["text"]
    assert "<td>Φ</td>" in report["text"]
    assert [(time, step) for time, step, _ in phi] == [(record.wall_time, record.global_step) for record in records]
    np.testing.assert_allclose([value for _, _, value in phi], [record.phi for record in records], rtol=1e-7)
    assert [image["step"] for image in images] == [record.global_step for record in records]
    for image, record in zip(images, records, strict=True):
        np.testing.assert_array_equal(pixels(pngs[image["step"]]), pixels(a_png(record.epoch + 1)))


NULL = NullResult(name="cut", surrogates=19, mean=0.05, upper=0.11, excess=0.1, p=0.05, seed=0)


def with_null(layer, epoch):
    record = a_record(layer, epoch, null=NULL)
    return msgspec.structs.replace(record, scalars=record.scalars | {"phi_null_mean": NULL.mean, "phi_null_95": NULL.upper})


def with_interval(layer, epoch):
    record = with_null(layer, epoch)
    bounds = {"phi_low": 0.1, "phi_high": 0.3}
    return msgspec.structs.replace(record, survey=Survey(phi=0.2, low=0.1, high=0.3), scalars=record.scalars | bounds)


def test_custom_scalars_have_each_layer_and_its_group_and_apart_from_them_what_bounds_it(tmp_path, logger):
    """A line finds its own tag, none of a layer whose name only begins like it; layers and intervals may come late.

    Φ stands alone: intervals and nulls are there at some epochs only, and TensorBoard joins their points by straight lines.
    """
    journal = Journal(trackers_for([logger], None))
    for record in (with_null("rnn.0", 0), a_record("rnn.01", 0), a_record("fc+1", 1), with_interval("rnn.0", 1)):
        journal.write(record)
    assert journal.close(timeout=30) == ()
    found = read_layout(tmp_path)
    of_rnn = "rnn.0, observational, IIT 3.0"
    group = f"Φ of the shown group of {of_rnn}"
    bounds = {f"Null of {group}", f"Interval of {group}", f"Interval of Φ of {of_rnn}"}
    assert set(found) == {*(f"Φ of {name}, observational, IIT 3.0" for name in ("rnn.0", "rnn.01", "fc+1")), group, *bounds}
    tags = set(read_events(tmp_path / "run").scalars)

    def shown(title):
        return {tag for tag in tags for line in found[title] if re.match(line, tag)}

    assert shown(group) == {"iit_details/rnn.0/phi"}
    assert shown(f"Null of {group}") == {f"iit_details/rnn.0/{name}" for name in ("phi_null_mean", "phi_null_95")}
    assert shown(f"Interval of {group}") == {f"iit_details/rnn.0/{name}" for name in ("phi_low", "phi_high")}
    assert shown(f"Interval of Φ of {of_rnn}") == {f"iit/{name}/rnn.0" for name in ("phi_low", "phi_high")}
    assert shown(f"Φ of {of_rnn}") == {"iit/phi/rnn.0"}
    assert shown("Φ of fc+1, observational, IIT 3.0") == {f"iit/phi/{layer_slug('fc+1')}"}


def test_a_layout_of_the_users_own_stays(tmp_path, logger):
    """Of several layouts in one run TensorBoard shows the last one only."""
    logger.experiment.add_custom_scalars({"mine": {"loss": ["Multiline", ["loss/train"]]}})
    journal = Journal(trackers_for([logger], None))
    journal.write(with_null("rnn", 0))
    assert journal.close(timeout=30) == ()
    assert read_layout(tmp_path) == {"loss": ["loss/train"]}
