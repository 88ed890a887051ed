from typing import ClassVar, Literal

from pydantic import Field

from windrow.models.settings import ModelSettings


class Furrow(ModelSettings):
    """One convolution, as straight as a furrow."""

    network: ClassVar[str] = "furrow.network:FurrowNetwork"
    strategies: ClassVar[tuple[str, ...]] = ("direct",)

    name: Literal["furrow"] = Field(description="Chooses this network.")
    kernel: int = Field(default=3, ge=1, description="Width of the convolution (points, odd).")
