"""Extracted months before the judges of the CF conventions, and in the tools that read them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

from windrow.testing import tiny_config, write_tiny_archive

CHECKER = shutil.which("compliance-checker", path=str(Path(sys.executable).parent))
GRIDS = ("rows", "lambert", "rotated")


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory, make_tiny: Callable[..., Any], tiny: Any) -> dict[str, Path]:
    found = {"rows": tiny.extracted(2007)}
    for kind in GRIDS[1:]:
        path = tmp_path_factory.mktemp(kind)
        write_tiny_archive(path / "archive", variables=("2t", "tcc"), step_hours=6, on=kind)
        content = tiny_config(path / "archive")
        content["source"]["step_hours"] = 6
        content["dataset"]["domain"] = {"first_x": 2, "first_y": 1, "nx": 6, "ny": 5}
        content["shards"] = {"block_steps": 62}
        found[kind] = make_tiny(path, content).extracted(2007)
    return found


@pytest.mark.skipif(CHECKER is None, reason="compliance-checker is not installed")
@pytest.mark.parametrize("kind", GRIDS)
def test_a_month_passes_the_compliance_checker(kind: str, months: dict[str, Path], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    options = ["--test", "cf:1.11", "--criteria", "strict", "--format", "json", "--output", str(report)]
    subprocess.run([str(CHECKER), *options, str(months[kind])], capture_output=True, check=False)
    found = json.loads(report.read_text(encoding="utf-8"))["cf:1.11"]
    told = [
        text for level in ("high", "medium", "low") for one in found[f"{level}_priorities"] for text in one["msgs"]
    ]
    assert told == ["variable 2t should begin with a letter and be composed of letters, digits, and underscores"]
    assert found["possible_points"] - found["scored_points"] == 1  # that short name, which is ECMWF's
    assert found["possible_points"] > 50


@pytest.mark.parametrize("kind", GRIDS)
def test_xarray_reads_times_and_places(kind: str, months: dict[str, Path]) -> None:
    with xr.open_dataset(months[kind], decode_coords="all") as month:
        assert month.indexes["time"][0].isoformat() == "2007-01-01T00:00:00"
        assert {"latitude", "longitude"} <= set(month.coords)
        assert list(month.data_vars) == ["2t", "tcc"]
        assert month["2t"].encoding.get("grid_mapping") == (None if kind == "rows" else "crs")


@pytest.mark.skipif(shutil.which("cdo") is None, reason="cdo is not installed")
@pytest.mark.parametrize("kind", GRIDS)
def test_cdo_reads_the_grid_the_names_and_the_values(kind: str, months: dict[str, Path]) -> None:
    def cdo(*options: str) -> str:
        run = subprocess.run(
            ["cdo", "-s", *options, str(months[kind])], capture_output=True, text=True, check=True
        )
        assert not run.stderr
        return run.stdout

    assert cdo("showname").split() == ["2t", "tcc"]
    assert "2t" in cdo("sinfov")
    described = dict(line.split("=") for line in cdo("griddes").splitlines() if line.count("=") == 1)
    described = {key.strip(): value.strip() for key, value in described.items()}
    assert (described["xsize"], described["ysize"]) == ("6", "5")
    assert described["gridtype"] == ("lonlat" if kind == "rows" else "projection")
    means = cdo("outputf,%.9g", "-fldmean,weights=FALSE", "-selname,2t", "-seltimestep,1/3").split()
    with netCDF4.Dataset(months[kind]) as file:
        expected = file["2t"][:3].astype(np.float64).mean(axis=(1, 2))
    np.testing.assert_allclose(np.array(means, dtype=np.float64), expected, rtol=1e-6)
