"""The processes that write the shards together: one, or the ranks of an MPI job."""

from __future__ import annotations

from typing import Protocol, TypeVar

from windrow.errors import UserError

Value = TypeVar("Value")


class Ranks(Protocol):
    """What is used of an MPI communicator."""

    @property
    def rank(self) -> int:
        """The number of this process."""

    @property
    def size(self) -> int:
        """How many there are."""

    def barrier(self) -> None:
        """Wait for the others."""

    def gather(self, sendobj: Value, root: int = 0) -> list[Value] | None:
        """Every rank's value, on rank 0."""


class Alone:
    """One process; MPI is not needed."""

    rank = 0
    size = 1

    def barrier(self) -> None:
        """There is nobody to wait for."""

    def gather(self, sendobj: Value, root: int = 0) -> list[Value]:
        """The one value."""
        return [sendobj]


def started(ranks: int) -> Ranks:
    """The processes of this job.

    Raises
    ------
    UserError
        If MPI is not there, or has started another number of processes: `srun --mpi=none` starts each by itself
        and says nothing.
    """
    if ranks == 1:
        return Alone()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as problem:
        raise UserError(f"MPI cannot be loaded ({problem}); install mpi4py and mpich, or use --ranks 1") from None
    found: Ranks = MPI.COMM_WORLD
    if found.size != ranks:
        raise UserError(
            f"--ranks {ranks} and MPI has started {found.size}; start it by `mpiexec -n {ranks} python -m mpi4py -m "
            "windrow …`, or by `srun --mpi=pmi2` with the mpich wheel"
        )
    return found
