"""The settings of an experiment: the network, how it is unrolled and how it is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"


class ProblemsError(ValueError):
    """Several things that are wrong with one section; each becomes a line of its own."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def refuse(problems: list[str]) -> None:
    """Raise all the problems at once, if there are any."""
    if problems:
        raise ProblemsError(problems)


def repeated(key: str, values: Iterable[str]) -> list[str]:
    """A problem for each value that stands more than once."""
    values = list(values)
    return [
        f"{key}: {one} is named twice; keep one of them" for one in dict.fromkeys(values) if values.count(one) > 1
    ]


class Strict(BaseModel):
    """Frozen, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False, defer_build=True)


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


class Unrolling(Strict):
    """What the strategies have in common."""

    increment: bool = Field(default=False, description="The network predicts the change since the last field.")
    anomaly: bool = Field(
        default=False,
        description="The network sees and predicts departures from the training split's mean of the month, "
        "hour of day and point, instead of departures from one mean.",
    )


class SequenceStrategy(Unrolling):
    """Run over the input fields, then feed each prediction back (for `convlstm`)."""

    name: Literal["sequence"] = Field(description="Chooses this strategy.")


class DirectStrategy(Unrolling):
    """All lead times at once (for `weatherbench_cnn`)."""

    name: Literal["direct"] = Field(description="Chooses this strategy.")


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
    workers: int = Field(
        default=0, ge=0, description="Processes per device that gather batches; with 0 the training gathers them."
    )
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
        problems = repeated("targets", self.targets)
        if self.strategy.name != wanted:
            problems.append(f"the model {self.model.name} needs the strategy {wanted}")
        if self.model.kernel % 2 == 0:
            problems.append("model.kernel must be odd")
        refuse(problems)
        return self
