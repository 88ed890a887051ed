"""Why jobs of a workflow failed: what Snakemake's log and the logs that it names tell, in a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_STEP_LOG = re.compile(r"^ +log: (.+) \(check log file\(s\) for error details\)$", flags=re.M)
_SUBMITTED = re.compile(r"submitted with SLURM jobid (\d+) \(log: (.+)\)\.$", flags=re.M)
_SENTENCE = re.compile(r"windrow \w+: .*")  # behind the words of another rank, too
_REFUSED = re.compile(r"SLURM sbatch failed\. The error message was '(.*?)'\.$", flags=re.M | re.S)
_CAUSES = (  # in this order: the more general words stand in the logs of the others too
    (r"exceeded memory limit|oom[-_ ]kill|: task \S+: out of memory", "needed more memory than it had asked for"),
    (r"due to time limit", "ran into its time limit"),
    (r"due to node failure|srun: error: node failure on", "lost its node"),
    (r"due to preemption", "had to give way to another job"),
    (r"\*\*\* job .* cancelled at", "was cancelled"),  # steps are cancelled when a rank of theirs fails
)


def failures(log: str, *, since: float) -> Iterator[str]:
    """What failed steps said, why SLURM refused jobs, and what ended those that it took.

    Parameters
    ----------
    log
        The content of Snakemake's log.
    since
        When the workflow began, in seconds since 1970; older logs of steps are of other runs.
    """
    yield from dict.fromkeys(
        sentence
        for path in dict.fromkeys(Path(name) for names in _STEP_LOG.findall(log) for name in names.split(", "))
        if path.exists() and path.stat().st_mtime >= since
        for sentence in _SENTENCE.findall(_read(path))
    )
    for words in dict.fromkeys(_in_one_line(words) for words in _REFUSED.findall(log)):
        yield f"windrow: SLURM refused a job: {words}; see the block at the top of the profile, and `windrow plan`"
    for job, path in dict.fromkeys((job, Path(path)) for job, path in _SUBMITTED.findall(log)):
        if path.exists() and (cause := cause_in(_read(path))):
            yield f"windrow: SLURM job {job} ({_work_of(path)}) {cause}; its log is {path}"


def cause_in(log: str) -> str:
    """What SLURM wrote into the log of a job that it ended; empty where a step failed by itself."""
    return next((cause for words, cause in _CAUSES if re.search(words, log, flags=re.I)), "")


def _in_one_line(words: str) -> str:
    return "; ".join(line.strip().removeprefix("sbatch: error: ") for line in words.splitlines())


def _work_of(path: Path) -> str:
    """The rule or the group of rules, from the directory that Snakemake keeps a job's log in."""
    found = re.search(r"/(rule|group)_([^/]+)/", str(path))
    return f"{found[1]} {found[2]}" if found else "of this workflow"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
