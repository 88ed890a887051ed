"""The two files of /etc that SLURM's programs look for, for the commands of the tests alone where that is possible."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOSTS, SLURM = Path("/etc/hosts"), Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf")
MARK = "# a node of windrow's test cluster"
MOUNT = 'mount --bind "$1" /etc/slurm && mount --bind "$2" /etc/hosts && echo mounted && exec cat'


def is_taken() -> bool:
    """Whether this machine has a configuration of SLURM that would be in the way of another one."""
    return any((SLURM / name).exists() for name in FILES) and not can_be_private()


def can_be_private() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def etc(configuration: Path, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Have /etc/slurm lead to a directory and names of hosts to this machine; yields what commands begin with.

    In a name space of mounts only those commands see it; where the system does not allow one, everybody does, until
    the end.
    """
    old = HOSTS.read_text()
    kept = "".join(line for line in old.splitlines(keepends=True) if MARK not in line)
    end = "" if kept.endswith("\n") or not kept else "\n"
    hosts = kept + end + "".join(f"127.0.0.1 {name} {MARK}\n" for name in names)
    with ExitStack() as stack:
        if can_be_private():
            yield stack.enter_context(_private(configuration, hosts))
        else:
            stack.enter_context(_borrowed(configuration, hosts, kept))
            yield ()


@contextmanager
def _private(configuration: Path, hosts: str) -> Iterator[tuple[str, ...]]:
    """A name space that lasts as long as a process that waits for its input to end."""
    file = configuration.with_name("hosts")
    file.write_text(hosts)
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh", configuration, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"mounted\n"
        try:
            yield ("nsenter", f"--mount=/proc/{process.pid}/ns/mnt")
        finally:
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def _borrowed(configuration: Path, hosts: str, old: str) -> Iterator[None]:
    made = not SLURM.exists()
    try:
        SLURM.mkdir(exist_ok=True)
        for name in FILES:
            (SLURM / name).unlink(missing_ok=True)  # a link to nowhere, of a run that was killed
            (SLURM / name).symlink_to(configuration / name)
        HOSTS.write_text(hosts)
        yield
    finally:
        HOSTS.write_text(old)
        for name in FILES:
            (SLURM / name).unlink(missing_ok=True)
        if made:
            SLURM.rmdir()
