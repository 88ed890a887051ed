"""Nothing is lost: the workflow is killed in each stage in turn and ends as if nothing had happened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from windrow.shards.manifest import read_manifest

pytestmark = pytest.mark.slow

STAGES = (
    "inventory",
    "audit",
    "extract",
    "statistics_month",
    "statistics",
    "shards_layout",
    "shards",
    "damping",
    "train",
    "forecast",
    "verify",
    "report",
    "compare",
)


HALF_WRITTEN = ("extract", "shards_layout", "forecast")  # they write long enough to be caught at it
DELAYS_S = {"train": 0.0} | dict.fromkeys(HALF_WRITTEN, 20.0)  # the others die while they read or compute


def results_of(project: Any) -> Path:
    (found,) = (project.path / "results").glob("Y*")
    return found


def assert_same_results(one: Path, other: Path) -> None:
    shards = sorted(path.relative_to(one) for path in (one / "shards").rglob("*") if path.is_file())
    store = [path for path in shards if "blocks" not in path.parts]
    assert len(store) > 10
    for path in store:
        assert (one / path).read_bytes() == (other / path).read_bytes(), path
    manifests = [path for path in shards if path.match("shards/blocks/*.json")]
    assert len(manifests) == 3
    for path in manifests:
        assert checksums(one / path) == checksums(other / path), path
    for name in ("statistics.json", "climatology.nc"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for experiment in ("convlstm", "cnn"):
        weights = [
            torch.load(root / experiment / "model.ckpt", weights_only=True)["weights"] for root in (one, other)
        ]
        for name in weights[0]:
            torch.testing.assert_close(weights[0][name], weights[1][name], rtol=0, atol=0, equal_nan=True)
        scores = [
            xr.load_dataset(root / experiment / "test" / "scores.nc", decode_timedelta=False)
            for root in (one, other)
        ]
        xr.testing.assert_identical(*scores)
        assert np.isfinite(scores[0].mse).all()


def checksums(manifest: Path) -> list[tuple[int, str]]:
    return [(entry.block, entry.crc32c) for entry in read_manifest(manifest).blocks]


def test_a_workflow_killed_in_every_stage_ends_like_an_undisturbed_one(finished: Any, new_project: Any) -> None:
    project = new_project()
    for stage in STAGES:
        options = ("--forcerun", stage, "--until", stage)  # some stages may have run by the way before
        half_written = project.kill_when(_begun(stage), *options, delay_s=DELAYS_S.get(stage, 0.3))
        assert half_written or stage not in HALF_WRITTEN, stage
        project.run("--unlock")
    project.run()
    assert_same_results(results_of(finished), results_of(project))
    assert not project.half_written()


def _begun(stage: str) -> Callable[[str], bool]:
    """Training is killed after its first epoch, so that there is something to resume; other stages at once."""
    if stage == "train":
        return lambda line: line.startswith("epoch 1/2")
    return lambda line: line.strip() in (f"rule {stage}:", f"localrule {stage}:")
