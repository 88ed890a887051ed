"""The config, checked, and the functions that the rules ask for their inputs and settings."""

import datetime as dt
import os
import re
import sys
import time
from functools import cache
from glob import glob
from pathlib import Path

from windrow import cuts, months, provenance, workplace
from windrow.config import IndexDomain
from windrow.configfile import read_yaml, validate
from windrow.errors import UserError
from windrow.models.registry import modules_of
from windrow.naming import dataset_name
from windrow.shards.layout import blocks_between, time_of
from windrow.work.failures import failures
from windrow.work.needs import need
from windrow.work.executor import teach


def stop(message):
    """End with one clear message: a mistake of the user's."""
    print(message, file=sys.stderr)
    sys.exit(2)


try:
    for path in workflow.configfiles:
        read_yaml(Path(path))  # Snakemake's own reader lets the last of two equal keys win
    CONFIG = validate(config)
except UserError as problem:
    stop(problem)

DATASET = dataset_name(CONFIG.dataset)
LAYOUT = cuts.layout(CONFIG)
MONTHS = [(f"{year:04d}", f"{month:02d}") for year, month in CONFIG.months]
BLOCKS = cuts.blocks_by_year(CONFIG)
INVENTORIES = [f"results/inventory/{CONFIG.source.name}/{year}/{month}.json" for year, month in MONTHS]
EXPORTED = sorted(CONFIG.experiments) if CONFIG.export.onnx else []
DAY = dt.timedelta(days=1)
STARTED = time.time()


wildcard_constraints:
    archive=CONFIG.source.name,
    dataset=re.escape(DATASET),
    year=r"\d{4}",
    month=r"\d{2}",
    experiment="|".join(CONFIG.experiments),
    split="|".join(cuts.SPLITS),


def settings(stage, *names):
    """The stage's settings as canonical JSON, for these wildcards."""
    return lambda wildcards: cuts.settings_of(stage, CONFIG, **{name: wildcards[name] for name in names})


def sources(stage):
    """A digest of the package's files that the stage is made of: an edit of one of them runs the stage again.

    The files themselves as input would be 60,000 inputs of a dataset of 40 years, which take Snakemake seconds.
    """
    return lambda wildcards: digest(stage)


def sources_and_model(stage):
    """The same with the files of the experiment's network."""
    return lambda wildcards: digest(stage, *modules_of(CONFIG.experiments[wildcards.experiment].model))


@cache
def digest(stage, *modules):
    return f"sources {provenance.sources_digest(stage, *modules)[:16]}"


def memory(stage, *names):
    """What a job of the stage asks for on each node (MB); more when it is tried again."""
    return lambda wildcards, threads, attempt: attempt * needed(stage, wildcards, names, threads).memory_mb


def minutes(stage, *names):
    """How long a job of the stage may take; longer when it is tried again."""
    return lambda wildcards, threads, attempt: attempt * needed(stage, wildcards, names, threads).minutes


def needed(stage, wildcards, names, threads):
    return need_of(stage, threads, **{name: wildcards[name] for name in names})


@cache
def need_of(stage, threads, **wildcards):
    return need(stage, CONFIG, threads=threads, **wildcards)


def archive_root(wildcards):
    """The archive's place, as a Path: Snakemake compares parameters that are text, so that it can be moved."""
    return Path(CONFIG.source.root)


def state_of_archive(wildcards):
    """What the archive has for a month: another one when a file is added, removed, replaced or renamed."""
    try:
        return months.archive_state(CONFIG.source, int(wildcards.year), int(wildcards.month))
    except UserError as problem:
        stop(problem)


def months_of(*days):
    """Year and month of the dataset's months that these pairs of days touch."""
    return [month for month in MONTHS if months.days_of_month(days, (int(month[0]), int(month[1])))]


def month_paths(pattern, wanted):
    return [pattern.format(dataset=DATASET, year=year, month=month) for year, month in wanted]


def parts_of_training(wildcards):
    """The statistics of the months of the training split."""
    return month_paths("results/{dataset}/statistics/{year}/{month}.nc", months_of(*CONFIG.splits.train))


def extracted_of_year(wildcards):
    """The months that the blocks of a year are gathered from."""
    days = [
        (time_of(first, LAYOUT).date(), time_of(first + LAYOUT.block_steps - 1, LAYOUT).date())
        for first in (block * LAYOUT.block_steps for block in BLOCKS[int(wildcards.year)])
    ]
    return month_paths("results/{dataset}/extracted/{year}/{month}.nc", months_of(*days))


def manifests(*days):
    """What is known of the blocks of these pairs of days, by year: blocks themselves are no files of a rule."""
    wanted = set()
    for year, month in months_of(*days):
        for first, last in months.days_of_month(days, (int(year), int(month))):
            start = dt.datetime.combine(first, dt.time())
            wanted.update(blocks_between(start, dt.datetime.combine(last, dt.time()) + DAY, LAYOUT))
    return [manifest_of(year) for year, blocks in BLOCKS.items() if not wanted.isdisjoint(blocks)]


def manifest_of(year):
    return f"results/{DATASET}/shards/blocks/{year}.json"


def blocks_of_damping(wildcards):
    """What damped persistence is fitted on."""
    return manifests(*CONFIG.splits.train)


def damping_of_dataset(wildcards):
    """The factors of damped persistence, if it is one of the baselines."""
    wanted = "damped_persistence" in CONFIG.verification.baselines
    return f"results/{wildcards.dataset}/damping.json" if wanted else []


def files_of_external(wildcards):
    """The files of the archives of other models' forecasts; a new one is scored at the next run."""
    found = {
        path for archive in CONFIG.verification.external.values() for path in glob(archive.files, recursive=True)
    }
    return sorted(found)


def blocks_of_training(wildcards):
    """What a training reads: the blocks of the training and the validation split."""
    return manifests(*with_lookback(*CONFIG.splits.train, *CONFIG.splits.validation))


def blocks_of_split(wildcards):
    """What a forecast reads."""
    return manifests(*with_lookback(*getattr(CONFIG.splits, wildcards.split)))


def blocks_of_test(wildcards):
    """What an exported network is compared on."""
    return manifests(*with_lookback(*CONFIG.splits.test))


def with_lookback(*days):
    """These pairs of days, begun earlier by what the windows look back."""
    hours = CONFIG.sequences.lookback_steps * CONFIG.source.step_hours
    return [(first - DAY * -(-hours // 24), last) for first, last in days]


def blocks_of_verification(wildcards):
    """The same with the day before, which one of the baselines needs."""
    return manifests(*((first - DAY, last) for first, last in getattr(CONFIG.splits, wildcards.split)))


def coordinate_files():
    """What every grid of this kind of domain has; by index it may be a projected one, with files of its own."""
    rows = ["latitude", "longitude"]
    lines = ["time", "variable"] + ([] if isinstance(CONFIG.dataset.domain, IndexDomain) else rows)
    return [f"{name}/c/0" for name in lines] + [f"{name}/zarr.json" for name in ["time", "variable", *rows]]


def comparison_of_export(wildcards):
    """How the exported network compares with the trained one, if it is exported."""
    wanted = wildcards.experiment in EXPORTED
    return f"results/{wildcards.dataset}/{wildcards.experiment}/export.json" if wanted else []


def launcher(wildcards, resources):
    """How to start a step: by itself, or by MPI where the profile gives it more than one task.

    Without shared memory between ranks: killed ones of MPICH leave it, and the requeued job fails on it.
    """
    if resources.tasks == 1:
        return "windrow"
    mpi = resources.get("mpi", "mpiexec")
    return f"MPIR_CVAR_NOLOCAL=1 {mpi} -n {resources.tasks} python -m mpi4py -m windrow"


def prepare_run(logs):
    """Work on this dataset alone until the workflow ends, or end at once; mend the executor for SLURM."""
    try:
        workplace.occupy(Path("results") / DATASET, log=os.path.abspath(logs[0]) if logs else "")
    except UserError as problem:
        stop(problem)
    if slurm := sys.modules.get("snakemake_executor_plugin_slurm"):
        teach(slurm.Executor)


def say_why(logs):
    """After a failure what the failed steps said, once more and last, and what ended jobs of SLURM."""
    told = [sentence for log in logs for sentence in failures(Path(log).read_text(), since=STARTED)]
    print(*told, sep="\n", file=sys.stderr)
