from pathlib import Path
from typing import Any

import dask.config
import pytest

from windrow import cli
from windrow.errors import UserError
from windrow.verification import slurm_workers
from windrow.verification.mpi_workers import on_client_rank
from windrow.verification.slurm_workers import cluster_of_jobs, job_options
from windrow.verification.workers import Workers, parse_workers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Workers("threads")),
        ("local", Workers("local")),
        ("local:4", Workers("local", 4)),
        ("slurm:12", Workers("slurm", 12)),
        ("mpi", Workers("mpi")),
        ("tcp://10.0.0.1:8786", Workers("address", address="tcp://10.0.0.1:8786")),
        ("tls://node-3:8786", Workers("address", address="tls://node-3:8786")),
        ("node-3.cluster:8786", Workers("address", address="node-3.cluster:8786")),
    ],
)
def test_one_word_says_who_works(text: str, expected: Workers) -> None:
    assert parse_workers(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slurm", "--dask slurm does not say how many workers SLURM is to start; write slurm:4 for four"),
        ("slurm:0", "--dask slurm:0 asks for no worker; give a number from 1 on"),
        ("local:0", "--dask local:0 asks for no worker; give a number from 1 on"),
        ("mpi:4", "--dask mpi:4 gives a number, which is MPI's own to choose; write mpi"),
        ("slurm:x", "--dask slurm:x is not known; give local, local:4, slurm:4, mpi, or the address"),
        ("lokal", "--dask lokal is not known; give local, local:4, slurm:4, mpi, or the address"),
    ],
)
def test_another_word_is_refused_with_those_that_are_known(text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_workers(text)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (
            "mem   weather   cpu=2,mem=4000M,node=1,billing=2   59:30",
            {"queue": "mem", "account": "weather", "memory": "4000MiB", "walltime": "59:30"},
        ),
        (
            "cpu   (null)   cpu=1,mem=62.50G,node=1,billing=1   1-00:29:58",
            {"queue": "cpu", "memory": "62.50GiB", "walltime": "1-00:29:58"},
        ),
        (
            "cpu   (null)   cpu=1,mem=2G,node=1,billing=1   UNLIMITED",
            {"queue": "cpu", "memory": "2GiB", "job_directives_skip": ["#SBATCH -t"]},
        ),
    ],
)
def test_a_worker_s_job_asks_for_what_this_job_has(job: str, expected: dict[str, Any]) -> None:
    assert job_options(job) == expected | {"log_directory": "logs/dask"}


def test_outside_of_a_job_dask_s_own_configuration_says_the_memory() -> None:
    with pytest.raises(UserError, match=r"does not know how much memory .*; start it by `sbatch --mem=…`, or set"):
        job_options("")
    with dask.config.set({"jobqueue.slurm.memory": "2GB", "jobqueue.slurm.log-directory": "elsewhere"}):
        assert job_options("") == {"job_directives_skip": ["#SBATCH -t"]}


def test_without_slurm_there_are_no_jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="needs SLURM, and there is no sbatch here; use --dask local"):
        cluster_of_jobs(1, 1).__enter__()


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(slurm_workers, "import_module", lacking)
    monkeypatch.setattr(slurm_workers.shutil, "which", lambda name: name)
    with pytest.raises(UserError, match=r"needs dask-jobqueue; run `pip install windrow\[distributed\]`"):
        cluster_of_jobs(1, 1).__enter__()


def test_mpi_needs_a_rank_that_works() -> None:
    with pytest.raises(UserError, match="--dask mpi has 2 of the 3 ranks that it needs; start more and say"):
        on_client_rank(lambda: None, ranks=2, threads=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ranks", "4"), "--ranks 4 would each write the same scores; add --dask mpi, or use one rank"),
        (("--ranks", "3", "--dask", "mpi"), "--ranks 3 and MPI has started 1; start it by `mpiexec -n 3"),
    ],
)
def test_ranks_and_dask_must_fit(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("forecasts", "shards", "climatology", "statistics", "output", "settings")
    assert cli.main(["verify", *(f"--{name}=none" for name in names), *options]) == 2
    assert f"windrow verify: {message}" in capsys.readouterr().err
