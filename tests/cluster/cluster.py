"""A SLURM of a few nodes on this machine, for the tests: started by hand, without systemd, and taken away again."""

import atexit
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.etc import etc

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
NODES = ("n1", "n2", "lost1", "lost2", "lost3")  # the last ones go down in tests, each for one of them alone
PARTITIONS = dict.fromkeys(("cpu", "mem", "gpu"), "n[1-2]") | {name: name for name in NODES[2:]}
CPUS, MEMORY_MB, GPUS = 16, 64_000, 2  # of each node, as SLURM believes
START_S, STOP_S, END_S = 30, 15, 60
MOST_JOBS = 60_000_000  # SLURM counts to 67 million


@dataclass(frozen=True)
class Job:
    """A job that has ended, as SLURM's record of completed jobs tells it."""

    number: int
    comment: str
    partition: str
    nodes: str
    state: str


class Cluster:
    """Munge, a controller and two nodes, with all their files below `path`.

    SLURM's configuration is where programs look for it by default, since Snakemake's job steps drop the environment
    variable that says where else it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._etc = ExitStack()
        self._prefix: tuple[str, ...] = ()

    def start(self) -> None:
        """Start all; what was begun is taken back where that fails, and when Python ends."""
        atexit.register(self.stop)
        try:
            self._write_configuration()
            self._prefix = self._etc.enter_context(etc(self.path / "etc", NODES))
            self._start_munge()
            self.start_controller()
            for node in NODES:
                self.run("slurmd", "-N", node)
            wait_for(lambda: all(state == "idle" for state in self.nodes().values()), START_S, "idle nodes")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End what runs, the daemons by their process ids, and give /etc back as it was."""
        atexit.unregister(self.stop)
        if (self.path / "slurmctld.pid").exists():
            self.cancel_all()
        for path in sorted(self.path.glob("*.pid")):
            end(path)
        self._etc.close()

    def command(self, *words: str, at: Path = Path("/")) -> list[str]:
        """What to start in a directory so that it finds the cluster.

        An interrupt counts again: shells have what they start in the background, and all that this starts, ignore it.
        """
        return [*self._prefix, "env", "-u", "SLURM_CONF", "--default-signal=INT", "-C", str(at), *words]

    def run(self, *words: str) -> str:
        """The output of a program that ends within seconds."""
        done = self._done(*words)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def attempt(self, *words: str) -> str:
        """The same, and nothing where it fails, since the controller may be away."""
        done = self._done(*words)
        return "" if done.returncode else done.stdout

    def _done(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, check=False)

    def start_controller(self) -> None:
        self.run("slurmctld", "-i")
        wait_for(self._answers, START_S, "the controller")

    def stop_controller(self) -> None:
        end(self.path / "slurmctld.pid")

    def nodes(self) -> dict[str, str]:
        return dict(line.split() for line in self.run("sinfo", "-h", "-N", "-o", "%N %t").splitlines())

    def take_down(self, node: str) -> None:
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=lost in a test")

    def bring_up(self, node: str) -> None:
        """Give a node back, which may have come back by itself as soon as it answered."""

        def is_up() -> bool:
            self.attempt("scontrol", "update", f"nodename={node}", "state=resume")
            return self.nodes()[node] in ("idle", "mix", "alloc")

        wait_for(is_up, START_S, f"{node} to come back")

    def lose_node_of(self, job: int) -> None:
        """Take the node of a job down, give it back when the job has left it, and have the job run again."""
        node, farewell = self.told(job)["NodeList"], f"job_epilog_complete: JobId={job} "
        said = self._log().count(farewell)
        self.take_down(node)
        # a late one would be taken for that of the next run, and the controller would crash
        wait_for(lambda: self._log().count(farewell) > said, END_S, f"the farewell of {node} to job {job}")
        self.bring_up(node)
        self.run_again(job)

    def run_again(self, job: int) -> None:
        """Let a job begin that SLURM has put back into its queue, where it would wait for two minutes.

        Not before its last process has ended: the node would refuse to start it a second time, and hold it for ever.
        """
        wait_for(
            lambda: self.told(job)["Reason"] == "BeginTime" and not self._steps_of(job),
            END_S,
            f"job {job} in the queue",
        )
        time.sleep(1.5)  # a node refuses what begins in the second in which it has killed it
        self.run("scontrol", "update", f"jobid={job}", "starttime=now")

    def cancel(self, job: int) -> None:
        self.run("scancel", str(job))
        self.wait_for_end(job)

    def cancel_all(self) -> None:
        self.attempt("scancel", "--user=root")
        with suppress(TimeoutError):
            wait_for(lambda: not self.attempt("squeue", "-h"), STOP_S, "the end of all jobs")

    def reach_time_limit(self, job: int) -> None:
        self.run("scontrol", "update", f"jobid={job}", "endtime=now")
        self.wait_for_end(job)

    def wait_for_end(self, job: int) -> None:
        """Wait until no process of a job is left on its nodes; SLURM looks at the times each half minute."""
        wait_for(lambda: not self._steps_of(job), END_S, f"the end of job {job}")

    def give_time(self, job: int) -> None:
        self.run("scontrol", "update", f"jobid={job}", "timelimit=60")

    def come_near_time_limit(self, job: int) -> None:
        """Leave a job so little time that SLURM warns it at its next look at the times, within half a minute."""
        self.run("scontrol", "update", f"jobid={job}", "endtime=now+85")

    def was_warned(self, job: int) -> "re.Match[str] | None":
        """Whether SLURM has sent the signal that comes before the time limit."""
        return re.search(
            rf"warning signal \d+ to JobId={job}$", (self.path / "slurmctld.log").read_text(), flags=re.M
        )

    def told(self, job: int) -> dict[str, str]:
        """What SLURM says of a job."""
        return dict(re.findall(r"(\w+)=(\S*)", self.run("scontrol", "show", "job", str(job))))

    def running(self, directory: Path) -> dict[int, str]:
        """Numbers and comments of the jobs of a working directory that run."""
        lines = self.run("squeue", "-h", "-t", "R", "-o", "%i %k %Z").splitlines()
        found = (line.split(" ", 2) for line in lines)
        return {int(number): comment for number, comment, where in found if where == str(directory)}

    def ended(self, directory: Path) -> list[Job]:
        """All jobs of a working directory that have ended, each requeue by itself, in the order of their ends."""
        jobs = []
        for line in (self.path / "jobcomp.txt").read_text().splitlines():
            told = dict(re.findall(r"(\w+)=(\S*)", line))
            if told.get("WorkDir") == str(directory):
                number = int(told["JobId"].partition("_")[0])
                jobs.append(
                    Job(number, told.get("Comment", ""), told["Partition"], told["NodeList"], told["JobState"])
                )
        return jobs

    def _log(self) -> str:
        return (self.path / "slurmctld.log").read_text(errors="replace")

    def _steps_of(self, job: int) -> list[Path]:
        """What the nodes keep of a job as long as processes of it are there."""
        return list((self.path / "spool").glob(f"*/*_{job}.*"))

    def _answers(self) -> bool:
        return self._done("scontrol", "ping").returncode == 0

    def _write_configuration(self) -> None:
        host, controller, *slurmd = socket.gethostname(), *free_ports(1 + len(NODES))
        nodes = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS}"
            f" RealMemory={MEMORY_MB} Gres=gpu:{GPUS} State=UNKNOWN"
            for node, port in zip(NODES, slurmd, strict=True)
        ]
        partitions = [
            f"PartitionName={name} Nodes={of} MaxTime=INFINITE State=UP{' Default=YES' * (name == 'cpu')}"
            for name, of in PARTITIONS.items()
        ]
        for name in ("state", "spool", "etc"):
            (self.path / name).mkdir()
        (self.path / "jobcomp.txt").touch()
        # MPICH names its shared memory by the job, and what killed ranks of another cluster left would be taken for it
        first = random.randrange(1, MOST_JOBS)
        text = CONFIGURATION.format(path=self.path, host=host, port=controller, first_job=first)
        (self.path / "etc" / "slurm.conf").write_text("\n".join([text, *nodes, *partitions, ""]))
        for number in range(GPUS):
            (self.path / f"gpu{number}").symlink_to("/dev/null")
        devices = f"Name=gpu File={self.path}/gpu[0-{GPUS - 1}]"
        (self.path / "etc" / "gres.conf").write_text("".join(f"NodeName={node} {devices}\n" for node in NODES))

    def _start_munge(self) -> None:
        key = self.path / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        places = {"key-file": key, "socket": self.path / "munge.socket", "pid-file": self.path / "munged.pid"}
        places |= {"log-file": self.path / "munged.log", "seed-file": self.path / "munge.seed"}
        self.run("munged", "--force", "--num-threads=2", *(f"--{name}={place}" for name, place in places.items()))


CONFIGURATION = """\
ClusterName=windrow
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
FirstJobId={first_job}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={path}/munge.socket
StateSaveLocation={path}/state
SlurmdSpoolDir={path}/spool/%n
SlurmctldPidFile={path}/slurmctld.pid
SlurmdPidFile={path}/slurmd-%n.pid
SlurmctldDebug=debug
SlurmctldLogFile={path}/slurmctld.log
SlurmdLogFile={path}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
MinJobAge=900
DefMemPerCPU=500
KillWait=2
SlurmctldTimeout=60
SlurmdTimeout=60
JobRequeue=1
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/filetxt
JobCompLoc={path}/jobcomp.txt
AccountingStorageType=accounting_storage/none
"""


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


def wait_for(condition: Callable[[], object], seconds: float, what: str, *, every_s: float = 0.1) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every_s)


def end(pid_file: Path) -> None:
    """End a daemon by the process id that it wrote, and wait until it has ended."""
    try:
        number = int(pid_file.read_text())
        os.kill(number, 15)
        wait_for(lambda: not alive(number), STOP_S, f"the end of {pid_file.stem}")
    except TimeoutError:
        os.kill(number, 9)
    except (FileNotFoundError, ProcessLookupError):
        pass
    pid_file.unlink(missing_ok=True)


def alive(number: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about (a zombie) does not."""
    try:
        return ") Z " not in Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False


def free_ports(count: int) -> list[int]:
    with open_sockets(count) as sockets:
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def open_sockets(count: int) -> Iterator[list[socket.socket]]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        yield sockets
    finally:
        for one in sockets:
            one.close()
