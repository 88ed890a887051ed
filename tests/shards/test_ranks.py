import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from windrow import cli
from windrow.shards.layout import block_path

from .conftest import Store, write_month

MPIEXEC = Path(sys.executable).with_name("mpiexec")
pytestmark = pytest.mark.skipif(not MPIEXEC.exists(), reason="the mpich wheel is not installed")


def run_ranks(store: Store, started: int, *, asked: int | None = None) -> subprocess.CompletedProcess[str]:
    ranks = asked if asked is not None else started
    command = [sys.executable, "-m", "mpi4py", "-m", "windrow", *store.arguments(2008, ranks=ranks)]
    return subprocess.run(
        [str(MPIEXEC), "-n", str(started), *command], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("ranks", [2, 4])
def test_any_number_of_ranks_writes_the_same_bytes(
    whole: Store, new_store: Callable[..., Store], ranks: int
) -> None:
    store = new_store()
    done = run_ranks(store, ranks)
    assert done.returncode == 0, done.stderr
    found = store.files()
    assert found == {name: content for name, content in whole.files().items() if name in found}
    assert set(found) == {"blocks/2008.json", *(f"data/c/{number}/0/0/0" for number in (23, 24, 25))}


def test_ranks_go_on_where_one_process_was_killed(whole: Store, new_store: Callable[..., Store]) -> None:
    store = new_store().write(2008)
    store.manifest(2008).unlink()
    block_path(store.shards, 24).unlink()
    done = run_ranks(store, 2)
    told = ["block 23: kept", "block 24: 372 of 372 steps", "block 25: kept"]
    assert sorted(done.stdout.splitlines()) == told, done.stderr
    assert store.manifest(2008).read_bytes() == whole.manifest(2008).read_bytes()


def test_a_rank_that_fails_ends_all_at_once_with_its_message_and_code_2(new_store: Callable[..., Store]) -> None:
    store = new_store()
    store.month(2008).unlink()
    write_month(store.month(2008), 2008, edit=lambda fields: fields[300].fill(float("nan")))  # in block 24: rank 1
    done = run_ranks(store, 2)
    assert done.returncode == 2
    assert "windrow shards: " in done.stderr
    assert "2t has points without a value at 2008-01-13T12:00" in done.stderr
    assert "Traceback" not in done.stderr
    assert not store.manifest(2008).exists()


def test_ranks_that_do_not_know_of_each_other_are_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    command = [sys.executable, "-m", "windrow", *store.arguments(2008, ranks=2)]  # as `srun --mpi=none` does
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "--ranks 2 and MPI has started 1" in done.stderr
    assert not store.shards.exists()


def test_more_ranks_than_told_are_refused(new_store: Callable[..., Store]) -> None:
    store = new_store()
    done = run_ranks(store, 2, asked=3)
    assert done.returncode == 2
    assert "--ranks 3 and MPI has started 2" in done.stderr
    assert not store.shards.exists()


def test_one_rank_needs_no_mpi(new_store: Callable[..., Store]) -> None:
    store = new_store()
    code = (
        "import sys; sys.modules['mpi4py'] = None; from windrow import cli; "
        f"sys.exit(cli.main({store.arguments(2008)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert store.manifest(2008).exists()


def test_ranks_without_mpi_get_one_sentence(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert cli.main(new_store().arguments(2008, ranks=2)) == 2
    assert "MPI cannot be loaded" in capsys.readouterr().err
