"""The scores by Dask: workers that are jobs of SLURM, and workers that are ranks of MPI."""

from typing import Any

import pytest

from tests.cluster.scenarios import Told

pytestmark = pytest.mark.cluster


def assert_scored(told: Told, reference: Any) -> str:
    """The scores are those of this machine; the log of the step."""
    one, other = (line.results / "cnn" / "test" / "scores.nc" for line in (told.line, reference))
    assert one.read_bytes() == other.read_bytes()
    (log,) = told.line.path.glob("logs/Y*/verify/cnn-test.log")
    text = log.read_text()
    assert "Dask: dashboard at http://" in text
    return text


def test_jobs_of_slurm_score_and_are_gone_afterwards(dask_slurm: Told, reference: Any) -> None:
    assert "of 2 workers" in assert_scored(dask_slurm, reference)
    assert [job.partition for job in dask_slurm.jobs] == ["mem"] * 3  # two jobs beside the one that they work for
    assert len({one.job for one in dask_slurm.starts if one.stage == "verify"}) == 1


def test_ranks_of_mpi_on_two_nodes_score(dask_mpi: Told, reference: Any) -> None:
    # the others are the scheduler and who asks it
    assert "Dask: 2 of 2 workers" in assert_scored(dask_mpi, reference)
    (job,) = dask_mpi.jobs
    assert job.nodes == "n[1-2]"
    assert len(dask_mpi.starts) == 4
