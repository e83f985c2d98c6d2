"""Records as a run makes them, with random numbers, for tests of what carries records about."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from lightning_iit.records import (
    Computed,
    Concept,
    Counts,
    Cut,
    EngineInfo,
    EpochRecord,
    NetworkLayer,
    NetworkSnapshot,
    PhiOptions,
    Provenance,
    StateResult,
    Thresholds,
    TpmRecord,
    Units,
)
from lightning_iit.records.names import layer_slug

START = 1_700_000_000.0
STEPS_PER_EPOCH = 10


def a_record(layer: str = "fc1", epoch: int = 0, *, seed: int = 0, **changes: Any) -> EpochRecord:
    """A record of three units; epoch -1 is at step 0, epoch e at the end of its ten steps."""
    rng = np.random.default_rng([seed, epoch + 1, *layer.encode("utf-8", "surrogatepass")])
    visits = rng.integers(0, 50, 8)
    on = np.array([rng.integers(0, count + 1, 3) for count in visits])
    tpm = np.where(visits[:, None] > 0, on / np.maximum(visits, 1)[:, None], 0.5)
    phi = float(rng.random())
    concept = Concept(mechanism=(0, 1), cause_purview=(1, 2), effect_purview=(0,), cause_phi=phi, effect_phi=phi / 3)
    result = Computed(
        phi=phi,
        cut=Cut(from_nodes=(0,), to_nodes=(1, 2)),
        concepts=(concept,),
        cuts_evaluated=6,
        seconds=float(rng.random()),
        engine=EngineInfo(name="fast", version="0.1.0"),
    )
    fields: dict[str, Any] = {
        "layer": layer,
        "epoch": epoch,
        "global_step": (epoch + 1) * STEPS_PER_EPOCH,
        "wall_time": START + epoch + float(rng.random()),
        "kind": "observational",
        "axis": "time",
        "result": result,
        "states": (StateResult(state=(1, 0, 0), visits=int(visits[1]), result=result),),
        "units": Units(indices=(4, 1, 7), width=16, selection="variance", seed=0),
        "thresholds": Thresholds(values=(0.1, -0.2, 0.3), strategy="median", frozen=False, samples=128),
        "counts": Counts(visits=tuple(visits.tolist()), on=tuple(map(tuple, on.tolist())), joint=((0, 1, 3), (1, 0, 2))),
        "tpm": TpmRecord(state_by_node=tuple(map(tuple, tpm.tolist())), visited=tuple((visits > 0).tolist()), prior=0.5),
        "scalars": {"phi": phi, "concepts": 1.0, "coverage": float((visits > 0).mean()), "transitions": float(visits.sum())},
        "provenance": Provenance(engine="fast", options=PhiOptions(), seed=0, window=1),
    }
    return EpochRecord(**{**fields, **changes})


def numbers_of(record: EpochRecord) -> dict[str, float]:
    """The numbers that every logger gets of a record without a survey, by key."""
    slug = layer_slug(record.layer)
    phi = {} if record.phi is None else {f"iit/phi/{slug}": record.phi}
    return phi | {f"iit_details/{slug}/{name}": value for name, value in record.scalars.items()}


def a_snapshot(epoch: int) -> NetworkSnapshot:
    """A network of one layer."""
    layer = NetworkLayer(name="fc1", kind="linear", width=16, indices=(1, 4, 7), analysed=(4,))
    step = (epoch + 1) * STEPS_PER_EPOCH
    return NetworkSnapshot(epoch=epoch, global_step=step, wall_time=START + epoch, layers=(layer,))


def a_png(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    """A picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def pixels(png: bytes) -> np.ndarray:
    """What a PNG shows, as [height, width, colour]."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


HOSTILE_LAYERS = (
    "",
    ".",
    "..",
    "../../etc/passwd",
    "a/b",
    "a_b",
    "a b",
    "a:b",
    "a--b",
    "con",
    "Φ-layer",
    "слой",
    "new\nline",
    "null\x00byte",
    "x" * 500,
    "x" * 499 + "y",
    "quote\"'`$(rm)",
    "trailing.",
    "%2e%2e%2f",
    "#hash?query&",
    "encoder.layers.0.mlp",
    "<script>alert(1)</script>",
)
