"""A network for windrow in a module that is found by its name; the file of the settings does not import torch."""

from typing import ClassVar, Literal

from pydantic import Field

from windrow.models.settings import ModelSettings


class Pointwise(ModelSettings):
    """What networks of this module have in common; it has no name of its own and is no network."""

    bias: bool = Field(default=True, description="Add a number to each output.")


class Example(Pointwise):
    """Each point by itself."""

    network: ClassVar[str] = "windrow_plugin_example.network:ExampleNetwork"

    name: Literal["example"] = Field(description="Chooses this network.")
