"""The settings of a training: losses, optimiser, hardware, checkpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, field_validator

from windrow.strict import Strict

OBSERVERS = ("state_error", "error_map", "prediction")
LossName = Literal["mse", "mae", "huber", "spectral", "gradient_difference"]


class LossTerm(Strict):
    """One of several losses that are added."""

    name: LossName = Field(description="The loss.")
    weight: float = Field(default=1.0, gt=0, description="Its factor in the sum.")
    delta: float = Field(
        default=1.0, gt=0, description="For `huber`: where it turns from quadratic to linear (deviations)."
    )


def _as_terms(loss: Any) -> Any:
    """A name alone stands for the term of that name."""
    return ({"name": loss},) if isinstance(loss, str) else loss


Loss = Annotated[
    tuple[LossTerm, ...], BeforeValidator(_as_terms, json_schema_input_type=LossName | tuple[LossTerm, ...])
]
Decay = Annotated[float, Field(ge=0, lt=1)]


class LossWeights(Strict):
    """How much points, variables and lead times count in the loss; each kind of weights has the mean 1."""

    variables: dict[str, PositiveFloat] = Field(
        default={},
        description="Factor of each variable that counts, which the network must predict; empty: the targets count "
        "alike.",
    )
    level: bool = Field(
        default=False, description="Variables of pressure levels count in proportion to their pressure."
    )
    area: bool = Field(default=False, description="Points count by the cosine of their latitude.")
    diff_variance: bool = Field(
        default=False,
        description="Variables count by the inverse variance of their normalised one-step differences.",
    )
    lead_time: float = Field(
        default=1.0, gt=0, description="Factor from one lead time to the next; below 1 the first count most."
    )


class Adversarial(Strict):
    """The terms of SAVP's loss (Lee et al. 2018) beside the divergence."""

    reconstruction: float = Field(default=100.0, ge=0, description="Factor of the mean absolute error.")
    gan: float = Field(default=0.1, ge=0, description="Factor of the discriminator of forecasts from the prior.")
    vae_gan: float = Field(
        default=0.1, ge=0, description="Factor of the discriminator of forecasts from the posterior."
    )
    features: float = Field(
        default=10.0, ge=0, description="Factor of the distance of the discriminators' features."
    )
    clip_steps: int = Field(
        default=10,
        ge=1,
        description="Longest part of a forecast that the discriminators see at once (time steps).",
    )


class Rollout(Strict):
    """How far forecasts go while training, from an epoch on."""

    epoch: int = Field(ge=0, description="First epoch, counted from 0.")
    steps: int = Field(ge=1, description="Lead times in the loss (time steps).")


class Training(Strict):
    """How the weights are found."""

    epochs: int = Field(default=20, ge=1, description="Passes over the training windows.")
    batch_size: int = Field(default=4, ge=1, description="Windows per step and device.")
    accumulate: int = Field(default=1, ge=1, description="Batches whose mean gradient makes one step.")
    loss: Loss = Field(
        default=(LossTerm(name="mse"),),
        description="Loss on normalised fields, or a list of terms that are added.",
    )
    loss_weights: LossWeights = Field(default=LossWeights(), description="What counts how much in the loss.")
    rollout: tuple[Rollout, ...] = Field(
        default=(),
        description="Shorter forecasts, which read less, in the first epochs; empty: all lead times from the start.",
    )
    kl_weight: float = Field(default=0.01, ge=0, description="Factor of the divergence of `vae` and `savp`.")
    adversarial: Adversarial | None = Field(default=None, description="Train `savp` against its discriminators.")
    optimizer: Literal["adam", "adamw"] = Field(default="adam", description="Optimiser.")
    betas: tuple[Decay, Decay] = Field(default=(0.9, 0.999), description="Decay of the optimiser's two moments.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Learning rate after the warm-up.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        default="constant", description="Learning rate over the steps; `cosine` and `linear` end at `final_rate`."
    )
    final_rate: float = Field(default=0.01, ge=0, le=1, description="Last learning rate, as part of the first.")
    warmup_steps: int = Field(default=0, ge=0, description="Steps in which the learning rate rises from 0.")
    weight_decay: float = Field(default=0.0, ge=0, description="Weight decay (`adamw` decouples it).")
    gradient_clip: float = Field(default=0.0, ge=0, description="Largest norm of the gradient; 0 does not clip.")
    ema: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Decay of the mean of the weights that is validated and kept; 0: none.",
    )
    patience: int = Field(
        default=0, ge=0, description="End after so many epochs without a better validation loss; 0: never."
    )
    precision: Literal["32", "bf16-mixed", "16-mixed"] = Field(
        default="32", description="Precision of the arithmetic."
    )
    compile: bool = Field(default=False, description="Compile the network (torch.compile).")
    accelerator: Literal["auto", "cpu", "gpu"] = Field(default="auto", description="Hardware to train on.")
    devices: int = Field(default=1, ge=1, description="Devices to train on, of each node.")
    nodes: int = Field(default=1, ge=1, description="Nodes to train on.")
    workers: int = Field(
        default=0, ge=0, description="Processes per device that gather batches; with 0 the training gathers them."
    )
    checkpoint_minutes: float = Field(
        default=10.0, gt=0, description="Longest time between two checkpoints (minutes)."
    )
    seed: int = Field(
        default=42, ge=0, lt=2**32, description="Seed of the weights, of the order of the windows, of all noise."
    )

    observers: tuple[str, ...] = Field(
        default=OBSERVERS,
        description="What watches the validations: `state_error` (curves per target and lead time), `error_map`, "
        "`prediction` (maps of one forecast), and those of plug-ins.",
    )

    @field_validator("observers")
    @classmethod
    def _known(cls, observers: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(observers)) < len(observers):
            raise ValueError("names an observer twice; keep one of them")
        if others := [name for name in observers if name not in OBSERVERS]:
            from windrow.training.observer_plugins import plugins  # a look at all installed distributions

            if unknown := [name for name in others if name not in plugins()]:
                raise ValueError(
                    f"there is no observer {', '.join(unknown)}; windrow has {', '.join(OBSERVERS)}, plug-ins bring "
                    f"{', '.join(plugins()) or 'none'}; these are entry points in windrow.observers and OBSERVERS of "
                    "modules named windrow_plugin_*"
                )
        return observers

    @field_validator("loss")
    @classmethod
    def _some(cls, loss: tuple[LossTerm, ...]) -> tuple[LossTerm, ...]:
        if not loss:
            raise ValueError("is an empty list; name a loss")
        return loss

    @field_validator("rollout")
    @classmethod
    def _growing(cls, rollout: tuple[Rollout, ...]) -> tuple[Rollout, ...]:
        epochs = [part.epoch for part in rollout]
        if epochs != sorted(set(epochs)) or epochs[:1] not in ([], [0]):
            raise ValueError("needs epochs that begin at 0 and grow")
        return rollout

    def leads_of_epoch(self, epoch: int) -> int | None:
        """How far forecasts go in an epoch, counted from 0; all the way if nothing is said."""
        reached = [part.steps for part in self.rollout if part.epoch <= epoch]
        return reached[-1] if reached else None
