"""Notes each start of a step of windrow and holds steps back where a test asks for it; Python reads this by its name.

WINDROW_WATCHED is a directory. Each start adds a line to its file `starts`. A file `hold` in it names a stage, a
pattern of paths and a number: each process of the stage that begins from then on waits just before it puts such an
output in its place for so many times, so that a test finds it in the midst of its work. It says so in a file of its
own, `held-PID`, and goes on when that is removed. A fourth word, `hungry`, has it take more and more memory meanwhile.
"""

import os
import sys
import time
from fnmatch import fnmatch
from itertools import pairwise

OUTPUTS = ("--output", "--model", "--statistics", "--shards")
PERIOD_S = 0.1
BITE, MOST_BITES = 100_000_000, 80


def begin(directory, stage, options):
    given = dict(pairwise(options))
    output = next((given[name] for name in OUTPUTS if name in given), "")
    told = (stage, output, os.environ.get("SLURM_JOB_ID", ""), os.environ.get("SLURM_PROCID", ""))
    with open(os.path.join(directory, "starts"), "a") as stream:
        stream.write("\t".join(told) + "\n")
    try:
        with open(os.path.join(directory, "hold")) as stream:
            wanted, pattern, times, *hungry = stream.read().split()
    except FileNotFoundError:
        return
    if wanted == stage:
        sys.addaudithook(watch(directory, pattern, int(times), hungry))


def watch(directory, pattern, times, hungry):
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event == "os.rename" and str(arguments[0]).endswith(".part") and fnmatch(str(arguments[1]), pattern):
            seen += 1
            if seen == times:
                wait(os.path.join(directory, f"held-{os.getpid()}"), hungry)

    return hook


def wait(marker, hungry):
    with open(f"{marker}.part", "w") as stream:
        stream.write(os.environ.get("SLURM_JOB_ID", ""))
    os.rename(f"{marker}.part", marker)
    taken = []
    while os.path.exists(marker):
        if hungry and len(taken) < MOST_BITES:
            taken.append(b"1" * BITE)
        time.sleep(PERIOD_S)


if "WINDROW_WATCHED" in os.environ:
    words = [os.path.basename(word) for word in sys.orig_argv]
    if "windrow" in words[:-1]:
        at = words.index("windrow") + 1
        begin(os.environ["WINDROW_WATCHED"], sys.orig_argv[at], sys.orig_argv[at + 1 :])
