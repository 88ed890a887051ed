"""A tensor with the names of its dimensions and of its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FEATURES = "variable"


@dataclass(frozen=True, slots=True, eq=False)
class NamedTensor:
    """A tensor, the names of its dimensions, and the names along the dimension `variable`.

    It is a pair of hands for a tensor, no tensor: arithmetic goes on with `.tensor`, and `like` names the result.

    Attributes
    ----------
    tensor
        The values.
    dimensions
        A name for each dimension, such as `window, time, variable, y, x`.
    features
        A name for each place along `variable`.

    Raises
    ------
    ValueError
        If there are not as many names as dimensions or features, or a name is there twice.
    """

    tensor: Tensor
    dimensions: tuple[str, ...]
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the names against the shape."""
        if len(self.dimensions) != self.tensor.dim() or len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError(f"a tensor of {self.tensor.dim()} dimensions with the names {self.dimensions}")
        if FEATURES not in self.dimensions:
            raise ValueError(f"a tensor without the dimension {FEATURES}: {self.dimensions}")
        if len(self.features) != self.size(FEATURES) or len(set(self.features)) < len(self.features):
            raise ValueError(f"a tensor of {self.size(FEATURES)} features with the names {self.features}")

    def place(self, dimension: str) -> int:
        """Which dimension of the tensor has this name."""
        try:
            return self.dimensions.index(dimension)
        except ValueError:
            raise ValueError(f"no dimension {dimension} among {', '.join(self.dimensions)}") from None

    def size(self, dimension: str) -> int:
        """Length along the dimension."""
        return self.tensor.shape[self.place(dimension)]

    def select(self, *features: str) -> NamedTensor:
        """These features in this order; a view where they follow each other."""
        if features == self.features:
            return self
        if unknown := [name for name in features if name not in self.features]:
            raise ValueError(f"no feature {', '.join(unknown)} among {', '.join(self.features)}")
        places = [self.features.index(name) for name in features]
        first, dimension = min(places, default=0), self.place(FEATURES)
        if places == list(range(first, first + len(places))):
            found = self.tensor.narrow(dimension, first, len(places))
        else:
            # an index would have to go to the device, which waits for it
            found = torch.cat([self.tensor.narrow(dimension, place, 1) for place in places], dim=dimension)
        return NamedTensor(found, self.dimensions, features)

    def part(self, dimension: str, start: int, stop: int) -> NamedTensor:
        """A piece along a dimension that is not the one of the features: a view."""
        if dimension == FEATURES:
            raise ValueError("features are selected by name")
        found = self.tensor.narrow(self.place(dimension), start, stop - start)
        return NamedTensor(found, self.dimensions, self.features)

    def like(self, tensor: Tensor, features: tuple[str, ...] = ()) -> NamedTensor:
        """Another tensor with the same dimensions, and the same features if no others are given."""
        return NamedTensor(tensor, self.dimensions, features or self.features)

    def flatten(self, first: str, last: str, name: str) -> NamedTensor:
        """Make one dimension of those from `first` to `last`, none of which is that of the features."""
        start, stop = self.place(first), self.place(last)
        if start <= self.place(FEATURES) <= stop:
            raise ValueError("the dimension of the features cannot be flattened")
        dimensions = (*self.dimensions[:start], name, *self.dimensions[stop + 1 :])
        return NamedTensor(self.tensor.flatten(start, stop), dimensions, self.features)

    def unflatten(self, dimension: str, sizes: dict[str, int]) -> NamedTensor:
        """Make several dimensions of one."""
        if dimension == FEATURES:
            raise ValueError("the dimension of the features cannot be unflattened")
        place = self.place(dimension)
        dimensions = (*self.dimensions[:place], *sizes, *self.dimensions[place + 1 :])
        shape = self.tensor.shape
        tensor = self.tensor.reshape(*shape[:place], *sizes.values(), *shape[place + 1 :])
        return NamedTensor(tensor, dimensions, self.features)

    def to(self, device: torch.device | str, *, non_blocking: bool = True) -> NamedTensor:
        """On a device; from pinned memory the copy goes on while the program does."""
        moved = self.tensor.to(device, non_blocking=non_blocking)
        return NamedTensor(moved, self.dimensions, self.features)

    def pin_memory(self) -> NamedTensor:
        """In memory that a CUDA device can fetch by itself."""
        return NamedTensor(self.tensor.pin_memory(), self.dimensions, self.features)

    def __str__(self) -> str:
        """Names, lengths and the range of each feature, as a table."""
        sizes = zip(self.dimensions, self.tensor.shape, strict=True)
        width = max(map(len, (*self.features, FEATURES)))
        lines = [
            f"({', '.join(f'{name}: {size}' for name, size in sizes)}) {self.tensor.dtype}",
            f"{FEATURES:{width}} {'min':>12} {'mean':>12} {'max':>12}",
        ]
        for name, values in zip(self.features, self.tensor.unbind(self.place(FEATURES)), strict=True):
            values = values.double()
            found = (values.min(), values.mean(), values.max()) if values.numel() else ()
            lines.append(f"{name:{width}}" + "".join(f" {value.item():12.5g}" for value in found))
        return "\n".join(lines)


def concatenate(parts: Sequence[NamedTensor]) -> NamedTensor:
    """Along the features; all other dimensions are the same.

    Raises
    ------
    ValueError
        If the parts differ in their dimensions or have a feature in common.
    """
    first = parts[0]
    if any(part.dimensions != first.dimensions for part in parts):
        raise ValueError(f"parts of different dimensions: {[part.dimensions for part in parts]}")
    tensor = torch.cat([part.tensor for part in parts], dim=first.place(FEATURES))
    return NamedTensor(tensor, first.dimensions, tuple(name for part in parts for name in part.features))
