"""The results of another experiment file, by their places."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from windrow import cuts
from windrow.configfile import read_config
from windrow.errors import UserError
from windrow.naming import dataset_name


@dataclass(frozen=True)
class Result:
    """An experiment's files and settings; its name has that of its dataset behind it if it is taken."""

    name: str
    scores: Path
    history: Path
    settings: dict[str, object]


def results_of(config: Path, split: str, *, taken: set[str]) -> list[Result]:
    """What an experiment file has led to, below `results`; the names are added to those that are taken.

    Raises
    ------
    UserError
        If the file is no experiment file, or an experiment of it has no scores yet.
    """
    given = read_config(config)
    dataset = dataset_name(given.dataset)
    settings = json.loads(cuts.settings_of("compare", given, split=split))["experiments"]
    found = []
    for experiment in given.experiments:
        directory = Path("results") / dataset / experiment
        scores = directory / split / "scores.nc"
        if not scores.exists():
            raise UserError(f"{scores} is not there; run `snakemake --configfile {config}` first")
        name = f"{experiment} ({dataset})" if experiment in taken else experiment
        taken.add(name)
        found.append(Result(name, scores, directory / "history.json", settings[experiment]))
    return found
