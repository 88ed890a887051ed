"""The settings of each stage, cut out of the config: by the rules, and by hand out of an experiment file."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from windrow.config import Config, Splits, Strict
from windrow.configfile import canonical, error_lines, read_config
from windrow.errors import UserError
from windrow.months import days_of_month, end_of_month, first_hour
from windrow.naming import dataset_name
from windrow.stages import (
    Audit,
    Compare,
    Damping,
    Export,
    ExportShards,
    Extract,
    Forecast,
    Inventory,
    Layout,
    ReportPage,
    Shards,
    ShardsLayout,
    Statics,
    Statistics,
    Train,
    Verify,
)

Stage = TypeVar("Stage", bound=Strict)


def layout(config: Config) -> Layout:
    """The layout of the dataset's shards."""
    return Layout(
        origin=first_hour(config.months[0]),
        step_hours=config.source.step_hours,
        block_steps=config.shards.block_steps,
        variables=config.dataset.variables,
        ny=config.dataset.domain.ny,
        nx=config.dataset.domain.nx,
    )


def _inventory(config: Config) -> Inventory:
    source = config.source
    return Inventory(files=source.files, step_hours=source.step_hours)


def _extract(config: Config) -> Extract:
    return Extract(
        domain=config.dataset.domain,
        variables=config.dataset.variables,
        step_hours=config.source.step_hours,
        missing=config.source.missing,
        constant=config.source.constant,
    )


def _statics(config: Config) -> Statics:
    return Statics(domain=config.dataset.domain, statics=config.dataset.statics)


def _audit(config: Config) -> Audit:
    return Audit(
        variables=config.dataset.variables,
        step_hours=config.source.step_hours,
        missing=config.source.missing,
        constant=config.source.constant,
    )


def _statistics_month(config: Config, year: str, month: str) -> Statistics:
    train = days_of_month(config.splits.train, (int(year), int(month)))
    return Statistics(train=train, step_hours=config.source.step_hours, variables=config.dataset.variables)


def _statistics(config: Config) -> Statistics:
    return Statistics(
        train=config.splits.train, step_hours=config.source.step_hours, variables=config.dataset.variables
    )


def _shards_layout(config: Config) -> ShardsLayout:
    length = end_of_month(config.months[-1]) - first_hour(config.months[0])
    return ShardsLayout(layout=layout(config), steps=length // dt.timedelta(hours=config.source.step_hours))


def blocks_by_year(config: Config) -> dict[int, tuple[int, ...]]:
    """The numbers of the shards' blocks, in order, under the year that writes them."""
    found = layout(config)
    block = dt.timedelta(hours=found.step_hours) * found.block_steps
    years: dict[int, int] = {}
    for month in config.months:
        first, end = first_hour(month) - found.origin, end_of_month(month) - found.origin
        for number in range(first // block, -(-end // block)):
            years.setdefault(number, month[0])
    return {
        year: tuple(number for number, its in years.items() if its == year) for year in sorted({*years.values()})
    }


def _shards(config: Config, year: str) -> Shards:
    years = blocks_by_year(config)
    if not year.isdecimal() or int(year) not in years:
        raise UserError(f"the dataset has no blocks of the year {year}; there are {', '.join(map(str, years))}")
    return Shards(layout=layout(config), year=int(year), blocks=years[int(year)])


def _export_shards(config: Config, split: str) -> ExportShards:
    days = getattr(config.splits, split)
    return ExportShards(layout=layout(config), split=split, days=days, sequences=config.sequences)


def _damping(config: Config) -> Damping:
    targets = next(iter(config.experiments.values())).targets  # all experiments have the same
    leads = config.sequences.target_steps
    return Damping(layout=layout(config), train=config.splits.train, variables=targets, leads=leads)


def _train(config: Config, experiment: str) -> Train:
    return Train(
        layout=layout(config),
        domain=config.dataset.domain,
        train=config.splits.train,
        validation=config.splits.validation,
        sequences=config.sequences,
        experiment=config.experiments[experiment],
    )


def _forecast(config: Config, experiment: str, split: str) -> Forecast:
    return Forecast(
        layout=layout(config),
        train=config.splits.train,
        days=getattr(config.splits, split),
        split=split,
        sequences=config.sequences,
        experiment_name=experiment,
        batch_size=config.forecast.batch_size,
        members=config.forecast.members if config.experiments[experiment].model.generative else 1,
    )


def _export(config: Config) -> Export:
    return Export(layout=layout(config), test=config.splits.test, sequences=config.sequences)


def _verify(config: Config) -> Verify:
    asked = config.verification
    return Verify(
        layout=layout(config),
        train=config.splits.train,
        baselines=asked.baselines,
        external=asked.external,
        regions=asked.regions,
        thresholds=asked.thresholds,
        neighbourhoods=asked.neighbourhoods if asked.thresholds else (),
        data_range=asked.data_range,
    )


def _report(config: Config, experiment: str, split: str) -> ReportPage:
    shown = config.model_dump(mode="json", exclude={"experiments": True, "report": True, "source": {"remedy"}})
    shown["experiment"] = config.experiments[experiment].model_dump(mode="json")
    return ReportPage(
        dataset=dataset_name(config.dataset),
        experiment_name=experiment,
        split=split,
        report=config.report,
        bootstrap=config.verification.bootstrap,
        layout=layout(config),
        settings=shown,
    )


def _decisive(config: Config, experiment: str) -> dict[str, object]:
    """What the error of an experiment depends on."""
    return {
        "dataset": config.dataset.model_dump(mode="json", include={"variables", "domain", "statics"}),
        "source": {"step_hours": config.source.step_hours},
        "splits": config.splits.model_dump(mode="json", include={"train"}),
        "sequences": config.sequences.model_dump(mode="json"),
        "experiment": config.experiments[experiment].model_dump(mode="json"),
    }


def _compare(config: Config, split: str) -> Compare:
    return Compare(
        dataset=dataset_name(config.dataset),
        split=split,
        bootstrap=config.verification.bootstrap,
        published=config.report.published,
        experiments={name: _decisive(config, name) for name in config.experiments},
    )


SPLITS = tuple(Splits.model_fields)
CUTS: dict[str, Callable[..., Strict]] = {
    "inventory": _inventory,
    "audit": _audit,
    "extract": _extract,
    "statics": _statics,
    "statistics_month": _statistics_month,
    "statistics": _statistics,
    "shards_layout": _shards_layout,
    "shards": _shards,
    "export_shards": _export_shards,
    "damping": _damping,
    "train": _train,
    "forecast": _forecast,
    "export": _export,
    "verify": _verify,
    "report": _report,
    "compare": _compare,
}


def settings_of(stage: str, config: Config, **wildcards: str) -> str:
    """The canonical JSON of a stage's settings, cut out of the config."""
    return canonical(CUTS[stage](config, **wildcards))


def cut(stage: str, config: Config, **given: str | None) -> str:
    """The same by hand, where a wildcard may be missing, superfluous or wrong.

    Raises
    ------
    UserError
        If the stage needs a wildcard that is not given, or there is no such experiment or split.
    """
    names = [name for name in inspect.signature(CUTS[stage]).parameters if name != "config"]
    wildcards = {name: value for name in names if (value := given.get(name)) is not None}
    if missing := [f"--{name}" for name in names if name not in wildcards]:
        raise UserError(f"{stage} needs {' and '.join(missing)} beside an experiment file")
    if (name := wildcards.get("experiment", "")) and name not in config.experiments:
        raise UserError(f"there is no experiment {name}; there are {', '.join(config.experiments)}")
    if (name := wildcards.get("split", "")) and name not in SPLITS:
        raise UserError(f"there is no split {name}; there are {', '.join(SPLITS)}")
    return settings_of(stage, config, **wildcards)


def read_settings(kind: type[Stage], text: str, *, stage: str, **wildcards: str | None) -> Stage:
    """Settings from the rule's JSON or, by hand, cut out of an experiment file.

    Raises
    ------
    UserError
        If the text is neither, or a wildcard that the stage needs is not given.
    """
    if not text.lstrip().startswith("{"):
        text = cut(stage, read_config(Path(text)), **wildcards)
    try:
        return kind.model_validate_json(text)
    except ValidationError as problem:
        raise UserError(f"--settings is no JSON of the stage {stage}: {'; '.join(error_lines(problem))}") from None


def archive_root(given: Path | None, settings: str) -> Path:
    """The directory of the archive: as given, or of the experiment file that the settings are cut out of.

    Raises
    ------
    UserError
        If neither says it.
    """
    if given is not None:
        return given
    if settings.lstrip().startswith("{"):
        raise UserError("--archive is missing: name the directory of the archive")
    return Path(read_config(Path(settings)).source.root)
