"""The config, checked, and the functions that the rules ask for their inputs and settings."""

import datetime as dt
import os
import re
import sys
from pathlib import Path

from windrow import months, provenance, stages
from windrow.configfile import read_yaml, validate
from windrow.errors import UserError
from windrow.naming import dataset_name
from windrow.shards.layout import blocks_between, time_of


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
LAYOUT = stages.layout(CONFIG)
MONTHS = [(f"{year:04d}", f"{month:02d}") for year, month in CONFIG.months]
DAY = dt.timedelta(days=1)


wildcard_constraints:
    archive=CONFIG.source.name,
    dataset=re.escape(DATASET),
    year=r"\d{4}",
    month=r"\d{2}",
    block=r"\d+",
    experiment="|".join(CONFIG.experiments),
    split="|".join(stages.SPLITS),


def settings(stage, *names):
    """The stage's settings as canonical JSON, for these wildcards."""
    return lambda wildcards: stages.settings_of(stage, CONFIG, **{name: wildcards[name] for name in names})


def sources(stage):
    """The package's files that the stage is made of: an edit of one of them runs the stage again."""
    return relative(provenance.sources(stage))


def sources_and_model(stage):
    """The same with the file of the experiment's network."""

    def find(wildcards):
        name = CONFIG.experiments[wildcards.experiment].model.name
        return relative(provenance.sources(stage, f"windrow.models.{name}"))

    return find


def relative(paths):
    return [os.path.relpath(path) for path in paths]


def archive_of_month(wildcards):
    """The month's directories if the archive has such, its files if not."""
    if not os.path.isdir(CONFIG.source.root):
        remedy = CONFIG.source.remedy or "mend source.root in the config"
        stop(f"no such archive: {CONFIG.source.root}; {remedy}")
    month = int(wildcards.year), int(wildcards.month)
    found, wanted = months.month_inputs(CONFIG.source, *month)
    if not found:
        stop(months.nothing_for(CONFIG.source.root, *month, wanted))
    return found


def months_of(*days):
    """Year and month of the dataset's months that these pairs of days touch."""
    return [month for month in MONTHS if months.days_of_month(days, (int(month[0]), int(month[1])))]


def month_paths(pattern, wanted):
    return [pattern.format(dataset=DATASET, year=year, month=month) for year, month in wanted]


def parts_of_training(wildcards):
    """The statistics of the months of the training split."""
    return month_paths("results/{dataset}/statistics/{year}/{month}.nc", months_of(*CONFIG.splits.train))


def extracted_of_block(wildcards):
    """The months that a block of the shards is gathered from."""
    first = int(wildcards.block) * LAYOUT.block_steps
    days = time_of(first, LAYOUT).date(), time_of(first + LAYOUT.block_steps - 1, LAYOUT).date()
    return month_paths("results/{dataset}/extracted/{year}/{month}.nc", months_of(days))


def blocks_of(*days):
    """The numbers of the blocks that hold these pairs of days."""
    numbers = set()
    for year, month in months_of(*days):
        for first, last in months.days_of_month(days, (int(year), int(month))):
            start = dt.datetime.combine(first, dt.time())
            numbers.update(blocks_between(start, dt.datetime.combine(last, dt.time()) + DAY, LAYOUT))
    return sorted(numbers)


def block_paths(days):
    return [f"results/{DATASET}/shards/data/c/{number}/0/0/0" for number in blocks_of(*days)]


def blocks_of_training(wildcards):
    """What a training reads: the blocks of the training and the validation split."""
    return block_paths((*CONFIG.splits.train, *CONFIG.splits.validation))


def blocks_of_split(wildcards):
    """What a forecast reads."""
    return block_paths(getattr(CONFIG.splits, wildcards.split))


def blocks_of_verification(wildcards):
    """The same with the day before, which one of the baselines needs."""
    return block_paths([(first - DAY, last) for first, last in getattr(CONFIG.splits, wildcards.split)])


def say_why(logs):
    """After a failure the sentences that the failed steps said, once more and last."""
    failed = {path for log in logs for path in re.findall(r"\| tee '?([^']+)'?' returned non-zero", read(log))}
    for path in filter(os.path.exists, sorted(failed)):
        print(*re.findall(r"^windrow \w+: .*", read(path), flags=re.M), sep="\n", file=sys.stderr)


def read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


ALL_BLOCKS = blocks_of(*((months.first_hour(month).date(), months.last_day(month)) for month in CONFIG.months))
