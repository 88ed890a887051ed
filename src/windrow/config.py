"""The experiment file: every key, its unit, its default and its checks, in one place."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"


class Strict(BaseModel):
    """Frozen, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)


def _span(value: Any) -> Any:
    """`2007-2009` or `2007` as a pair of first and last."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", value.strip())):
        return (int(found[1]), int(found[2] or found[1]))
    if isinstance(value, list | tuple):
        return value
    raise ValueError("expected a number or a range such as 2007-2009")


def _write_span(span: tuple[int, int]) -> str:
    return f"{span[0]}" if span[0] == span[1] else f"{span[0]}-{span[1]}"


Span = Annotated[
    tuple[int, int],
    BeforeValidator(_span, json_schema_input_type=int | str),
    PlainSerializer(_write_span, return_type=str),
]
Days = tuple[dt.date, dt.date]


class Source(Strict):
    """Where the GRIB archive lies and how its files are named."""

    name: str = Field(pattern=NAME, description="Short name of the archive; part of the paths of its inventories.")
    root: str = Field(description="Directory of the archive, absolute or from the working directory.")
    files: str = Field(
        description="Path of the files below `root`: a glob with the placeholders {year} {month} {day} {hour} "
        "(4, 2, 2 and 2 digits). Files of a month are found with its year and month filled in."
    )
    step_hours: int = Field(default=1, ge=1, le=24, description="Time between two fields (h).")
    remedy: str = Field(
        default="", description="What to do when the archive is not there: a sentence for the error."
    )

    @model_validator(mode="after")
    def _placeholders(self) -> Source:
        unknown = set(re.findall(r"{(\w*)}", self.files)) - {"year", "month", "day", "hour"}
        if unknown:
            raise ValueError(f"unknown placeholders {sorted(unknown)}; there are year, month, day, hour")
        if 24 % self.step_hours:
            raise ValueError("step_hours must divide 24")
        return self


class Period(Strict):
    """Some months of some years."""

    years: Span = Field(description="A year or a range of years, `2007-2009`.")
    months: Span = Field(
        default=(1, 12), description="A month or a range of months of each of these years, `3-5`."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.years[0] > self.years[1] or self.months[0] > self.months[1]:
            raise ValueError("a range runs from the first to the last")
        if not (self.months[0] >= 1 and self.months[1] <= 12):
            raise ValueError("months run from 1 to 12")
        if not (self.years[0] >= 1800 and self.years[1] <= 9999):
            raise ValueError("years have four digits")
        return self


class Domain(Strict):
    """The part of the archive's grid that is kept."""

    south: float = Field(ge=-90, le=90, description="Latitude of the south-west corner point (degrees north).")
    west: float = Field(ge=-180, lt=360, description="Longitude of the south-west corner point (degrees east).")
    nx: int = Field(ge=1, description="Number of points from west to east.")
    ny: int = Field(ge=1, description="Number of points from south to north.")


class Dataset(Strict):
    """What is taken out of the archive: months, domain, variables."""

    name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9][\w.-]*$|^$",
        description="Directory of the results; empty: `Y2007to2009M01-40_32-42.00N03.00E-2t_tcc`, built from the keys "
        "below as in AMBS. With a name of its own a dataset keeps its months and blocks when its period grows.",
    )
    period: tuple[Period, ...] = Field(min_length=1, description="The months to take.")
    domain: Domain = Field(description="The domain to crop to.")
    variables: tuple[str, ...] = Field(
        min_length=1,
        description="ECMWF short names, with the pressure level behind (hPa): `2t`, `tcc`, `t850`.",
    )

    @model_validator(mode="after")
    def _unique(self) -> Dataset:
        if len(set(self.variables)) < len(self.variables):
            raise ValueError("a variable is named twice")
        for name in self.variables:
            if not re.fullmatch(r"[A-Za-z0-9]+", name):
                raise ValueError(f"{name!r} is no variable name: letters and digits only")
        months = [month for part in self.period for month in _months(part)]
        if len(set(months)) < len(months):
            raise ValueError("the parts of `period` overlap")
        return self


def _months(period: Period) -> list[tuple[int, int]]:
    return [
        (year, month)
        for year in range(period.years[0], period.years[1] + 1)
        for month in range(period.months[0], period.months[1] + 1)
    ]


class Splits(Strict):
    """Which days train, which tune and which judge."""

    train: tuple[Days, ...] = Field(min_length=1, description="Pairs of first and last day, both included (UTC).")
    validation: tuple[Days, ...] = Field(min_length=1, description="Pairs of days, used to choose the epoch.")
    test: tuple[Days, ...] = Field(min_length=1, description="Pairs of days, used for scores alone.")

    @model_validator(mode="after")
    def _apart(self) -> Splits:
        named = sorted((first, last, split) for split, spans in self for first, last in spans)
        for first, last, split in named:
            if first > last:
                raise ValueError(f"{split}: {first} comes after {last}")
        for (_, last, one), (first, _, other) in pairwise(named):
            if first <= last:
                raise ValueError(f"{one} and {other} overlap on {first}; move one of them")
        return self


class Sequences(Strict):
    """The windows that a sample is made of."""

    input_steps: int = Field(default=12, ge=1, description="Fields that are given (time steps).")
    target_steps: int = Field(default=12, ge=1, description="Fields that are forecast (time steps).")
    stride: int = Field(default=1, ge=1, description="Distance between the starts of two windows (time steps).")


class Shards(Strict):
    """How the training data lies on disk."""

    block_steps: int = Field(default=720, ge=1, description="Time steps in one block, which is one file.")


class ConvLSTM(Strict):
    """A convolutional LSTM cell and a 1x1 convolution (Shi et al. 2015, as in AMBS)."""

    name: Literal["convlstm"] = Field(description="Chooses this network.")
    features: int = Field(default=64, ge=1, description="Features of the hidden state.")
    kernel: int = Field(default=5, ge=1, description="Width of the convolution (points, odd).")


class WeatherBenchCNN(Strict):
    """Five convolutions with leaky ReLU (Rasp et al. 2020)."""

    name: Literal["weatherbench_cnn"] = Field(description="Chooses this network.")
    features: int = Field(default=64, ge=1, description="Features of the hidden layers.")
    kernel: int = Field(default=5, ge=1, description="Width of the convolutions (points, odd).")


class SequenceStrategy(Strict):
    """Run over the input fields, then feed each prediction back (for `convlstm`)."""

    name: Literal["sequence"] = Field(description="Chooses this strategy.")
    increment: bool = Field(default=False, description="The network predicts the change since the last field.")
    anomaly: bool = Field(
        default=False,
        description="The network sees and predicts departures from the training split's mean of the month, "
        "hour of day and point, instead of departures from one mean.",
    )


class DirectStrategy(Strict):
    """All lead times at once (for `weatherbench_cnn`)."""

    name: Literal["direct"] = Field(description="Chooses this strategy.")
    increment: bool = Field(
        default=False, description="The network predicts the change since the last input field."
    )
    anomaly: bool = Field(
        default=False,
        description="The network sees and predicts departures from the training split's mean of the month, "
        "hour of day and point, instead of departures from one mean.",
    )


Model = Annotated[ConvLSTM | WeatherBenchCNN, Field(discriminator="name")]
Strategy = Annotated[SequenceStrategy | DirectStrategy, Field(discriminator="name")]
STRATEGY_OF_MODEL = {"convlstm": "sequence", "weatherbench_cnn": "direct"}


class Training(Strict):
    """How the weights are found."""

    epochs: int = Field(default=20, ge=1, description="Passes over the training windows.")
    batch_size: int = Field(default=4, ge=1, description="Windows per step and device.")
    loss: Literal["mse", "mae"] = Field(default="mse", description="Loss on the normalised target variables.")
    optimizer: Literal["adam", "adamw"] = Field(default="adam", description="Optimiser.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Learning rate at the start.")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="Learning rate over the steps; `cosine` ends at a hundredth."
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Weight decay (`adamw` decouples it).")
    gradient_clip: float = Field(default=0.0, ge=0, description="Largest norm of the gradient; 0 does not clip.")
    precision: Literal["32", "bf16-mixed", "16-mixed"] = Field(
        default="32", description="Precision of the arithmetic."
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field(default="auto", description="Hardware to train on.")
    devices: int = Field(default=1, ge=1, description="Devices to train on.")
    seed: int = Field(default=42, ge=0, description="Seed of the weights and of the order of the windows.")


class Experiment(Strict):
    """One network, the way it is unrolled and the way it is trained."""

    targets: tuple[str, ...] = Field(min_length=1, description="Variables in the loss and in the scores.")
    model: Model = Field(description="The network.")
    strategy: Strategy = Field(description="How one prediction becomes a forecast.")
    training: Training = Field(default=Training(), description="The training.")

    @model_validator(mode="after")
    def _fit(self) -> Experiment:
        wanted = STRATEGY_OF_MODEL[self.model.name]
        if self.strategy.name != wanted:
            raise ValueError(f"the model {self.model.name} needs the strategy {wanted}")
        if self.model.kernel % 2 == 0:
            raise ValueError("model.kernel must be odd")
        return self


class Forecast(Strict):
    """How the trained model is run."""

    batch_size: int = Field(default=32, ge=1, description="Windows forecast at once.")


class Verification(Strict):
    """Which forecasts are compared with what."""

    splits: tuple[Literal["train", "validation", "test"], ...] = Field(
        default=("test",), min_length=1, description="Splits that are forecast and scored."
    )
    baselines: tuple[Literal["persistence", "day_before", "climatology"], ...] = Field(
        default=("persistence", "day_before", "climatology"),
        description="Forecasts to beat: the last field held; the same hour of the day before; the training "
        "split's mean per month, hour of day and point.",
    )


class Report(Strict):
    """How the results are shown."""

    title: str = Field(default="", description="Title of the report; empty: the experiment's name.")
    colormap: str = Field(default="RdYlBu_r", description="Matplotlib colour map of the fields.")
    dpi: int = Field(default=110, ge=50, le=400, description="Resolution of the maps (dots per inch).")


class Config(Strict):
    """One file describes one dataset and the experiments on it."""

    source: Source = Field(description="The GRIB archive.")
    dataset: Dataset = Field(description="What is taken out of it.")
    splits: Splits = Field(description="Days to train, to validate and to test on.")
    sequences: Sequences = Field(default=Sequences(), description="The windows.")
    shards: Shards = Field(default=Shards(), description="The training data on disk.")
    experiments: dict[Annotated[str, Field(pattern=NAME)], Experiment] = Field(
        min_length=1, description="The experiments by name."
    )
    forecast: Forecast = Field(default=Forecast(), description="The forecasts.")
    verification: Verification = Field(default=Verification(), description="The scores.")
    report: Report = Field(default=Report(), description="The report.")

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        problems = [*self._days_outside(), *self._targets_missing()]
        if problems:
            raise ValueError("; ".join(problems))
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
        return [
            f"experiments.{name}.targets: {target} is not among dataset.variables"
            for name, experiment in self.experiments.items()
            for target in experiment.targets
            if target not in self.dataset.variables
        ]

    @property
    def months(self) -> list[tuple[int, int]]:
        """Year and month of every month of the dataset, in order."""
        return sorted(month for part in self.dataset.period for month in _months(part))
