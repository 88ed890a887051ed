"""The scores by Dask: workers that are jobs of SLURM, and workers that are ranks of MPI."""

import pytest

from tests.cluster.line import Line
from tests.cluster.scenarios import LIMIT_S, Ground

pytestmark = pytest.mark.cluster

SCORES = "results/Y*/cnn/test/scores.nc"


def scored(ground: Ground, line: Line) -> str:
    """Score on the cluster; the log of it."""
    ground.start(line, "--until", "verify", "--forcerun", "verify").succeeded(LIMIT_S / 2)
    (found,) = line.path.glob(SCORES)
    (expected,) = ground.reference.path.glob(SCORES)
    assert found.read_bytes() == expected.read_bytes()
    assert not ground.cluster.running(line.path)
    (log,) = line.path.glob("logs/Y*/verify/cnn-test.log")
    text = log.read_text()
    assert "Dask: dashboard at http://" in text
    return text


def test_jobs_of_slurm_score_and_are_gone_afterwards(ground: Ground) -> None:
    line = ground.copy("dask-slurm")
    line.fit_profile(dask="slurm:2")
    log = scored(ground, line)
    assert "of 2 workers" in log
    jobs = ground.cluster.ended(line.path)
    assert [job.partition for job in jobs] == ["mem"] * 3  # two jobs beside the one that they work for
    assert len({one.job for one in line.starts("verify")}) == 1


def test_ranks_of_mpi_on_two_nodes_score(ground: Ground) -> None:
    line = ground.copy("dask-mpi")
    line.fit_profile(dask="mpi", ranks="4", nodes="2")
    assert "Dask: 2 of 2 workers" in scored(ground, line)  # the others are the scheduler and who asks it
    (job,) = ground.cluster.ended(line.path)
    assert job.nodes == "n[1-2]"
    assert len(line.starts("verify")) == 4
