"""The settings of the networks, by name; torch is not imported for them.

A network of one's own is a class beside these: see `windrow.models.plugins`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from windrow.strict import Strict, refuse

STEPWISE = ("scaled_ar", "diff_ar", "direct")


class ModelSettings(Strict):
    """What the settings of every network say.

    Attributes
    ----------
    network
        Module and class, as `module:Class`; the class is called with these settings, `inputs`, `outputs` and `grid`.
    strategies
        The strategies that can unroll it.
    generative
        Whether it draws random numbers, so that each call gives another forecast.
    """

    network: ClassVar[str]
    strategies: ClassVar[tuple[str, ...]] = STEPWISE
    generative: ClassVar[bool] = False

    name: str


def _odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError(f"must be odd, not {width}")
    return width


class ConvLSTM(ModelSettings):
    """Convolutional LSTM cells and a 1x1 convolution (Shi et al. 2015, as in AMBS)."""

    network: ClassVar[str] = "windrow.models.convlstm:ConvLSTMNetwork"
    strategies: ClassVar[tuple[str, ...]] = ("sequence",)

    name: Literal["convlstm"] = Field(description="Chooses this network.")
    features: int = Field(default=64, ge=1, description="Features of the hidden state.")
    kernel: int = Field(default=5, ge=1, description="Width of the convolution (points, odd).")

    _kernel = field_validator("kernel")(_odd)


class WeatherBenchCNN(ModelSettings):
    """Five convolutions with leaky ReLU (Rasp et al. 2020)."""

    network: ClassVar[str] = "windrow.models.weatherbench_cnn:WeatherBenchCNNNetwork"

    name: Literal["weatherbench_cnn"] = Field(description="Chooses this network.")
    features: int = Field(default=64, ge=1, description="Features of the hidden layers.")
    kernel: int = Field(default=5, ge=1, description="Width of the convolutions (points, odd).")
    padding: Literal["zeros", "replicate"] = Field(
        default="zeros", description="What lies outside of the domain: the mean, or the values at its edge."
    )

    _kernel = field_validator("kernel")(_odd)


class UNet(ModelSettings):
    """Convolutions on four scales with skip connections (Ronneberger et al. 2015)."""

    network: ClassVar[str] = "windrow.models.unet:UNetNetwork"

    name: Literal["unet"] = Field(description="Chooses this network.")
    features: int = Field(
        default=64, ge=1, description="Features at full resolution; each coarser scale has twice."
    )
    scales: int = Field(default=4, ge=1, description="Times that the resolution is halved.")
    norm: Literal["batch", "group"] = Field(
        default="batch",
        description="Normalisation over the batch, or over 16 features of each sample, which does not depend on the "
        "batch and on the device's share of it.",
    )


class HalfUNet(ModelSettings):
    """A U-Net with one width on all scales and a decoder that only adds (Lu et al. 2022)."""

    network: ClassVar[str] = "windrow.models.halfunet:HalfUNetNetwork"

    name: Literal["halfunet"] = Field(description="Chooses this network.")
    features: int = Field(default=64, ge=2, description="Features on all scales.")
    scales: int = Field(default=4, ge=1, description="Times that the resolution is halved.")
    ghost: bool = Field(default=False, description="Make half of the features by cheap depthwise convolutions.")
    norm: Literal["batch", "group"] = Field(
        default="batch",
        description="Normalisation over the batch, or over 16 features of each sample, which does not depend on the "
        "batch and on the device's share of it.",
    )

    @model_validator(mode="after")
    def _halves(self) -> HalfUNet:
        if self.ghost and self.features % 2:
            raise ValueError(f"features must be even with ghost, not {self.features}")
        return self


class Segformer(ModelSettings):
    """Transformer blocks on four scales with attention to reduced fields (Xie et al. 2021)."""

    network: ClassVar[str] = "windrow.models.segformer:SegformerNetwork"

    name: Literal["segformer"] = Field(description="Chooses this network.")
    features: tuple[PositiveInt, ...] = Field(
        min_length=1, default=(32, 64, 160, 256), description="Features of each scale."
    )
    heads: tuple[PositiveInt, ...] = Field(
        min_length=1, default=(1, 2, 5, 8), description="Attention heads of each scale."
    )
    expansion: tuple[PositiveInt, ...] = Field(
        min_length=1, default=(8, 8, 4, 4), description="Widening in the feed-forward blocks."
    )
    reduction: tuple[PositiveInt, ...] = Field(
        min_length=1, default=(8, 4, 2, 1), description="How much coarser keys and values are (points)."
    )
    layers: int = Field(default=2, ge=1, description="Blocks per scale.")
    stem_features: int = Field(
        default=32, ge=1, description="Features of the convolutions before the first scale."
    )
    decoder_features: int = Field(default=256, ge=4, description="Features of the decoder.")
    downsampling: int = Field(
        default=2,
        ge=1,
        description="How much coarser the field is made before the first scale, which takes every fourth point of it "
        "(points); 1 for small grids.",
    )

    @model_validator(mode="after")
    def _scales(self) -> Segformer:
        problems = [
            f"{key} needs {len(self.features)} numbers, one for each scale in features, not {len(values)}"
            for key, values in (
                ("heads", self.heads),
                ("expansion", self.expansion),
                ("reduction", self.reduction),
            )
            if len(values) != len(self.features)
        ]
        problems += [
            f"features: {features} cannot be divided among {heads} heads"
            for features, heads in zip(self.features, self.heads, strict=False)
            if features % heads
        ]
        refuse(problems)
        return self


class GraphSettings(ModelSettings):
    """What the graph networks have in common."""

    features: int = Field(default=64, ge=1, description="Features of nodes and edges.")
    hidden_layers: int = Field(default=1, ge=1, description="Hidden layers of each perceptron.")
    layers: int = Field(default=4, ge=1, description="Rounds of message passing on the mesh.")


class GraphLAM(GraphSettings):
    """Encode the grid on a multi-scale mesh, pass messages, decode (Oskarsson et al. 2023, after GraphCast)."""

    network: ClassVar[str] = "windrow.models.graphlam:GraphLAMNetwork"

    name: Literal["graphlam"] = Field(description="Chooses this network.")


class HiLAM(GraphSettings):
    """A hierarchy of meshes, swept down and up level by level (Oskarsson et al. 2023)."""

    network: ClassVar[str] = "windrow.models.hilam:HiLAMNetwork"

    name: Literal["hilam"] = Field(description="Chooses this network.")


class HiLAMParallel(GraphSettings):
    """A hierarchy of meshes, all levels updated at once (Oskarsson et al. 2023)."""

    network: ClassVar[str] = "windrow.models.hilamparallel:HiLAMParallelNetwork"

    name: Literal["hilamparallel"] = Field(description="Chooses this network.")


class VAE(ModelSettings):
    """A variational autoencoder from each field to the next (Kingma and Welling 2014, as in AMBS)."""

    network: ClassVar[str] = "windrow.models.vae:VAENetwork"
    strategies: ClassVar[tuple[str, ...]] = ("sequence",)
    generative: ClassVar[bool] = True

    name: Literal["vae"] = Field(description="Chooses this network.")
    features: int = Field(default=8, ge=1, description="Features of the convolutions.")
    latent: int = Field(default=16, ge=1, description="Latent variables.")


class SAVP(ModelSettings):
    """A stochastic, adversarial video prediction (Lee et al. 2018)."""

    network: ClassVar[str] = "windrow.models.savp:SAVPNetwork"
    strategies: ClassVar[tuple[str, ...]] = ("sequence",)
    generative: ClassVar[bool] = True

    name: Literal["savp"] = Field(description="Chooses this network.")
    features: int = Field(default=32, ge=1, description="Features of the generator.")
    encoder_features: int = Field(default=64, ge=1, description="Features of the encoder.")
    discriminator_features: int = Field(default=32, ge=1, description="Features of the discriminators.")
    latent: int = Field(default=16, ge=1, description="Latent variables per step.")
    transforms: int = Field(default=4, ge=1, description="Fields that CDNA kernels make of the last one.")
    kernel: int = Field(default=5, ge=1, description="Width of the CDNA kernels (points, odd).")
    cell_kernel: int = Field(default=5, ge=1, description="Width of the LSTM's convolutions (points, odd).")
    scales: int = Field(default=2, ge=1, description="Times that the generator halves the resolution.")

    _kernel = field_validator("kernel", "cell_kernel")(_odd)


class MFAI(ModelSettings):
    """A two-dimensional network of Météo-France's package mfai, which must be installed beside windrow."""

    network: ClassVar[str] = "windrow.models.mfai:MFAINetwork"

    name: Literal["mfai"] = Field(description="Chooses this network.")
    architecture: str = Field(
        pattern=r"^[a-z_][\w.]*\.[A-Z]\w*$",
        description="Module and class below `mfai.pytorch.models`, such as `half_unet.HalfUNet`.",
    )
    settings: dict[str, Any] = Field(default={}, description="Settings of the class, as mfai calls them.")
    multiple: int = Field(
        default=64, ge=1, description="The network sees a grid whose lengths are multiples of this (points)."
    )


SETTINGS: dict[str, type[ModelSettings]] = {
    "convlstm": ConvLSTM,
    "weatherbench_cnn": WeatherBenchCNN,
    "unet": UNet,
    "halfunet": HalfUNet,
    "segformer": Segformer,
    "graphlam": GraphLAM,
    "hilam": HiLAM,
    "hilamparallel": HiLAMParallel,
    "vae": VAE,
    "savp": SAVP,
    "mfai": MFAI,
}
