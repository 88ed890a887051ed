"""The settings of an experiment: the network, what it sees, how it is unrolled and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from windrow.models.settings import (
    MFAI,
    SAVP,
    SETTINGS,
    VAE,
    ConvLSTM,
    GraphLAM,
    HalfUNet,
    HiLAM,
    HiLAMParallel,
    ModelSettings,
    Segformer,
    UNet,
    WeatherBenchCNN,
)
from windrow.strict import Strict, refuse, repeated
from windrow.training_settings import Training

BuiltIn = Annotated[
    ConvLSTM
    | SAVP
    | VAE
    | WeatherBenchCNN
    | UNet
    | HalfUNet
    | Segformer
    | GraphLAM
    | HiLAM
    | HiLAMParallel
    | MFAI,
    Field(discriminator="name"),
]


def _of_plugin(value: Any, handler: ValidatorFunctionWrapHandler) -> ModelSettings:
    """Plug-ins are looked for when a network is not built in: it takes a look at all installed distributions."""
    if isinstance(value, ModelSettings) and value.name not in SETTINGS:
        return value
    name = value.get("name") if isinstance(value, Mapping) else None
    if isinstance(name, str) and name not in SETTINGS:
        from windrow.models.plugins import plugins

        if name in plugins():
            return plugins()[name].model_validate(value)
    found: ModelSettings = handler(value)
    return found


Model = Annotated[SerializeAsAny[BuiltIn], WrapValidator(_of_plugin)]


class Inputs(Strict):
    """What a network sees beside the fields; all of it is computed while training, none is stored."""

    forcings: tuple[Literal["hour", "day_of_year", "solar_zenith"], ...] = Field(
        default=(),
        description="Known in advance for each step: sine and cosine of the hour of day (UTC), sine and cosine of the "
        "day of year, cosine of the solar zenith angle.",
    )
    statics: tuple[str, ...] = Field(
        default=(),
        description="The same at all times: `latitude`, `longitude`, `boundary` (1 where the truth overwrites the "
        "forecast), and what `dataset.statics` takes from the archive, such as `z` and `lsm`.",
    )

    @model_validator(mode="after")
    def _unique(self) -> Inputs:
        refuse([*repeated("forcings", self.forcings), *repeated("statics", self.statics)])
        return self


class Unrolling(Strict):
    """What the strategies have in common."""

    anomaly: bool = Field(
        default=False,
        description="The network sees and predicts departures from the training split's mean of the month, "
        "hour of day and point, instead of departures from one mean.",
    )
    boundary_width: int = Field(
        default=0,
        ge=0,
        description="Rows and columns at the edge of the domain that the truth overwrites after each step, as a host "
        "model would; they count neither in the loss nor in the scores (points).",
    )


class SequenceStrategy(Unrolling):
    """Run over the input fields, then feed each prediction back (AMBS; for `convlstm`, `vae`, `savp`)."""

    name: Literal["sequence"] = Field(description="Chooses this strategy.")
    increment: bool = Field(default=False, description="The network predicts the change since the last field.")
    scheduled_sampling: float = Field(
        default=0.0,
        ge=0,
        description="While training, feed the truth back instead of the prediction with the probability "
        "k / (k + exp(step / k)) of Bengio et al. (2015); this is k, 0 always feeds the prediction (steps).",
    )


class DirectStrategy(Unrolling):
    """All lead times at once, from all input fields."""

    name: Literal["direct"] = Field(description="Chooses this strategy.")
    increment: bool = Field(default=False, description="The network predicts the change since the last field.")


class Autoregressive(Unrolling):
    """What the strategies that go step by step have in common."""

    history: int = Field(
        default=2, ge=1, description="Last fields that the network sees at each step (time steps)."
    )
    substeps: int = Field(default=1, ge=1, description="Times that the network is called for one time step.")


class DiffAR(Autoregressive):
    """The next field is the last one plus what the network predicts (py4cast)."""

    name: Literal["diff_ar"] = Field(description="Chooses this strategy.")


class ScaledAR(Autoregressive):
    """The same with the prediction scaled by mean and deviation of the one-step differences (py4cast)."""

    name: Literal["scaled_ar"] = Field(description="Chooses this strategy.")


Strategy = Annotated[SequenceStrategy | DirectStrategy | DiffAR | ScaledAR, Field(discriminator="name")]
STRATEGIES = ("sequence", "direct", "diff_ar", "scaled_ar")


class Experiment(Strict):
    """One network, what it sees, the way it is unrolled and the way it is trained."""

    targets: tuple[str, ...] = Field(min_length=1, description="Variables in the loss and in the scores.")
    inputs: Inputs = Field(default=Inputs(), description="What the network sees beside the fields.")
    model: Model = Field(description="The network.")
    strategy: Strategy = Field(description="How one prediction becomes a forecast.")
    training: Training = Field(default=Training(), description="The training.")

    @model_validator(mode="after")
    def _fit(self) -> Experiment:
        problems = repeated("targets", self.targets)
        if self.strategy.name not in self.model.strategies:
            problems.append(
                f"the model {self.model.name} needs the strategy {' or '.join(self.model.strategies)}, "
                f"not {self.strategy.name}"
            )
        if "boundary" in self.inputs.statics and not self.strategy.boundary_width:
            problems.append(
                "inputs.statics: boundary is 0 everywhere; set strategy.boundary_width or leave it out"
            )
        if self.training.adversarial and self.model.name != "savp":
            problems.append(f"training.adversarial is for the model savp, not for {self.model.name}")
        if self.model.name == "savp" and self.training.accumulate > 1:
            problems.append("training.accumulate must be 1 for the model savp, whose two optimisers go in turn")
        refuse(problems)
        return self
