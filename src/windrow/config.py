"""The experiment file: every key, its unit, its default and its checks, in one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from windrow.dataset import (
    AnyDomain,
    Dataset,
    Days,
    Domain,
    IndexDomain,
    Period,
    Source,
    Splits,
    by_month,
    joined,
    months_of,
    months_of_year,
)
from windrow.experiment import DirectStrategy, Experiment, Inputs, SequenceStrategy
from windrow.strict import NAME, Strict, refuse
from windrow.training_settings import Training
from windrow.verification_settings import Bootstrap, External, Region, Verification

__all__ = [
    "AnyDomain",
    "Bootstrap",
    "Config",
    "Dataset",
    "Days",
    "DirectStrategy",
    "Domain",
    "Experiment",
    "Export",
    "External",
    "Forecast",
    "IndexDomain",
    "Inputs",
    "Period",
    "Region",
    "Report",
    "SequenceStrategy",
    "Sequences",
    "Shards",
    "Source",
    "Splits",
    "Strict",
    "Training",
    "Verification",
]

RESERVED = (  # names of forecasts in the scores and of directories and files of a dataset
    *("persistence", "day_before", "climatology", "damped_persistence", "model", "truth"),
    *("shards", "extracted", "statistics", "damping", "comparison", "benchmark"),
)
_MAPS = (
    *("viridis", "plasma", "inferno", "magma", "cividis", "turbo", "Greys", "Blues", "Reds", "YlGnBu", "YlOrRd"),
    *("RdYlBu", "RdBu", "coolwarm", "Spectral", "BrBG", "PuOr"),
)
COLORMAPS = tuple(name + end for name in _MAPS for end in ("", "_r"))  # importing Matplotlib takes too long


class Sequences(Strict):
    """The windows that a sample is made of."""

    input_steps: int = Field(default=12, ge=1, description="Fields that are given (time steps).")
    target_steps: int = Field(default=12, ge=1, description="Fields that are forecast (time steps).")
    lookback_steps: int = Field(
        default=0,
        ge=0,
        description="Fields before those of the window that the networks are given too, such as 12 more to see a whole "
        "day; they may lie outside of the split. A window without them is none (time steps).",
    )
    stride: int = Field(default=1, ge=1, description="Distance between the starts of two windows (time steps).")
    within_month: bool = Field(
        default=False,
        description="The rule of AMBS: no window crosses the end of a month, and the last windows of a month that do "
        "not fill a group of ten are dropped. Without it windows cross month ends where the hours are contiguous.",
    )


def known_steps(sequences: Sequences) -> int:
    """Fields that a network is given."""
    return sequences.lookback_steps + sequences.input_steps


class Shards(Strict):
    """How the training data lies on disk."""

    block_steps: int = Field(default=720, ge=1, description="Time steps in one block, which is one file.")


class Forecast(Strict):
    """How the trained model is run."""

    batch_size: int = Field(default=32, ge=1, description="Windows forecast at once.")
    members: int = Field(
        default=1,
        ge=1,
        description="Forecasts from each initial time by a network that draws random numbers (`savp`, `vae`), each "
        "with numbers of its own; their mean is scored beside all other forecasts. 1: one forecast with the mean of "
        "these numbers. Other networks always make one.",
    )


class Export(Strict):
    """The networks in the form in which other programs run them."""

    onnx: bool = Field(
        default=False,
        description="Write every trained network as ONNX as well, after it was compared with itself.",
    )


def _known_colormap(name: str) -> str:
    if name not in COLORMAPS:
        raise ValueError(f"{name!r} is no colour map of the reports; take one of {', '.join(_MAPS)}, or its _r")
    return name


class Report(Strict):
    """How the results are shown."""

    title: str = Field(default="", description="Title of the report; empty: the experiment's name.")
    colormap: Annotated[str, AfterValidator(_known_colormap)] = Field(
        default="RdYlBu_r",
        description="Matplotlib colour map of the fields.",
        json_schema_extra={"enum": list(COLORMAPS)},
    )
    published: Literal["", "gmd2022"] = Field(
        default="",
        description="Curves that others have published, to be drawn beside one's own: `gmd2022` for those of "
        "Gong et al. (2022).",
    )


class Config(Strict):
    """One file describes one dataset and the experiments on it.

    The checks of one key with another run when each key by itself is valid.
    """

    source: Source = Field(description="The GRIB archive.")
    dataset: Dataset = Field(description="What is taken out of it.")
    splits: Splits = Field(description="Days to train, to validate and to test on.")
    sequences: Sequences = Field(default=Sequences(), description="The windows.")
    shards: Shards = Field(default=Shards(), description="The training data on disk.")
    experiments: dict[Annotated[str, Field(pattern=NAME)], Experiment] = Field(
        min_length=1, description="The experiments by name."
    )
    forecast: Forecast = Field(default=Forecast(), description="The forecasts.")
    export: Export = Field(default=Export(), description="The trained networks for other programs.")
    verification: Verification = Field(default=Verification(), description="The scores.")
    report: Report = Field(default=Report(), description="The report.")

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        refuse(
            [
                *self._days_outside(),
                *self._targets_missing(),
                *self._names_reserved(),
                *self._members_refused(),
                *self._external_unfit(),
                *self._splits_too_short(),
                *self._months_untrained(),
                *self._experiments_unfit(),
                *self._ranges_unknown(),
            ]
        )
        return self

    def _days_outside(self) -> list[str]:
        months = set(self.months)
        return [
            f"splits.{split}: {day} is outside dataset.period; widen the one or narrow the other"
            for split, spans in self.splits
            for span in spans
            for day in span
            if (day.year, day.month) not in months
        ]

    def _targets_missing(self) -> list[str]:
        first, *others = self.experiments
        asked = self.experiments[first].targets
        different = [
            f"experiments.{name}.targets: {', '.join(self.experiments[name].targets)} are not those of {first}, "
            f"{', '.join(asked)}; experiments of a file are compared, give all of them the same targets"
            for name in others
            if self.experiments[name].targets != asked
        ]
        widths = {name: experiment.strategy.boundary_width for name, experiment in self.experiments.items()}
        different += [
            f"experiments.{name}.strategy.boundary_width: {widths[name]} is not that of {first}, {widths[first]}; "
            "experiments of a file are compared on the same points, give all of them the same width"
            for name in others
            if widths[name] != widths[first]
        ]
        return different + [
            f"experiments.{name}.targets: {target} is not among dataset.variables"
            for name, experiment in self.experiments.items()
            for target in experiment.targets
            if target not in self.dataset.variables
        ]

    def _names_reserved(self) -> list[str]:
        return [
            f"experiments.{name}: this name is taken by windrow itself; give the experiment another name"
            for name in self.experiments
            if name in RESERVED
        ]

    def _members_refused(self) -> list[str]:
        if self.forecast.members == 1 or any(one.model.generative for one in self.experiments.values()):
            return []
        return [
            f"forecast.members: {self.forecast.members} forecasts from one initial time need a network that draws "
            "random numbers, such as savp or vae, and no experiment has one; set it to 1"
        ]

    def _external_unfit(self) -> list[str]:
        targets = next(iter(self.experiments.values())).targets
        return [
            f"verification.external.{name}: this name is taken; give the archive another name"
            for name in self.verification.external
            if name in RESERVED or name in self.experiments
        ] + [
            f"verification.external.{name}.variables: {target} is not among the targets, {', '.join(targets)}"
            for name, archive in self.verification.external.items()
            for target in archive.variables
            if target not in targets
        ]

    def _splits_too_short(self) -> list[str]:
        window = self.sequences.input_steps + self.sequences.target_steps
        spans = by_month if self.sequences.within_month else joined
        longest = {
            split: max((last - first).days + 1 for first, last in spans(days)) for split, days in self.splits
        }
        return [
            f"splits.{split}: its longest run of days has {days * 24 // self.source.step_hours} steps, a window needs "
            f"{window} (sequences.input_steps + target_steps); add days or shorten the window"
            for split, days in longest.items()
            if days * 24 // self.source.step_hours < window
        ]

    def _months_untrained(self) -> list[str]:
        means = [one for one in ("climatology", "damped_persistence") if one in self.verification.baselines]
        wanted: dict[str, str] = dict.fromkeys(self.verification.splits, means[0]) if means else {}
        if any(experiment.strategy.anomaly for experiment in self.experiments.values()):
            wanted = dict.fromkeys(("validation", *self.verification.splits), "strategy.anomaly") | wanted
        trained = months_of_year(self.splits.train)
        return [
            f"splits.{split}: {why} needs the mean of each month and splits.train lacks month "
            f"{', '.join(map(str, sorted(lacking)))}; train on them, or turn {why} off"
            for split, why in wanted.items()
            if (lacking := months_of_year(getattr(self.splits, split)) - trained)
        ]

    def _experiments_unfit(self) -> list[str]:
        return [
            f"experiments.{name}.{problem}"
            for name, experiment in self.experiments.items()
            for problem in (
                *_steps_unfit(experiment, self.sequences),
                *_boundary_unfit(experiment, self.dataset),
                *_export_unfit(experiment, self.export),
                *_variables_unknown(experiment, self.dataset),
            )
        ]

    def _ranges_unknown(self) -> list[str]:
        return [
            f"verification.data_range.{name}: no experiment forecasts it; take it out"
            for name in self.verification.data_range
            if not any(name in experiment.targets for experiment in self.experiments.values())
        ]

    @property
    def months(self) -> list[tuple[int, int]]:
        """Year and month of every month of the dataset, in order."""
        return sorted(month for part in self.dataset.period for month in months_of(part))


def _steps_unfit(experiment: Experiment, sequences: Sequences) -> list[str]:
    history, known = getattr(experiment.strategy, "history", 1), known_steps(sequences)
    problems = [
        f"training.rollout: {part.steps} steps are more than the {sequences.target_steps} of sequences.target_steps"
        for part in experiment.training.rollout
        if part.steps > sequences.target_steps
    ]
    if history > known:
        problems.append(f"strategy.history: {history} fields are more than the {known} that sequences gives")
    if experiment.training.rollout and experiment.strategy.name == "direct":
        problems.append("training.rollout: the strategy direct forecasts all lead times at once; leave it out")
    return problems


def _boundary_unfit(experiment: Experiment, dataset: Dataset) -> list[str]:
    width = experiment.strategy.boundary_width
    shortest = min(dataset.domain.ny, dataset.domain.nx)
    if 2 * width < shortest:
        return []
    return [f"strategy.boundary_width: {width} on both sides leaves nothing of {shortest} points; narrow it"]


def _export_unfit(experiment: Experiment, export: Export) -> list[str]:
    if not (export.onnx and experiment.strategy.boundary_width):
        return []
    return ["strategy.boundary_width: needs the coming fields, so it cannot be exported; set export.onnx to false"]


def _variables_unknown(experiment: Experiment, dataset: Dataset) -> list[str]:
    predicted = experiment.targets if experiment.strategy.name == "direct" else dataset.variables
    known = ("latitude", "longitude", "boundary", *dataset.statics)
    return [
        f"training.loss_weights.variables: {name} is not predicted; there are {', '.join(predicted)}"
        for name in experiment.training.loss_weights.variables
        if name not in predicted
    ] + [
        f"inputs.statics: {name} is not known; there are {', '.join(known)}, and dataset.statics takes more from "
        "the archive"
        for name in experiment.inputs.statics
        if name not in known
    ]
