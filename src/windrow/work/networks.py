"""What a call of a network costs, from its settings alone: neither torch nor the network is made for it.

Convolutions, linear layers and attention are listed as layers. A layer has so many weights, multiplies each of them at
so many points, and keeps so many numbers for the gradient: what comes in, what goes out before the normalisation, and
what goes out behind the activation. Tests hold the sums against the networks themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from windrow.models.settings import UNet
from windrow.work.cost import Cost
from windrow.work.graphs import graph_cost

CNN_LAYERS = 5
SEGFORMER_STRIDE = 4
SAVP_FIELDS = 3  # beside the transformed ones
VAE_STRIDE = 4
SLOW = 0.1  # of the device's rate, where the layers are tiny


class Layer(NamedTuple):
    """Weights (kernel * before * after) that are multiplied at each of the points, and numbers kept per point."""

    points: float
    before: float
    after: float
    kernel: float = 1.0
    kept: float = 0.0
    norm: bool = False


def cost(model: Any, *, inputs: int, outputs: int, ny: int, nx: int) -> Cost:
    """The cost of a network of the registry; one of a plug-in or of mfai is taken for windrow's `unet`."""
    if model.name in ("graphlam", "hilam", "hilamparallel"):
        return graph_cost(model, inputs=inputs, outputs=outputs, ny=ny, nx=nx)
    layers = _LAYERS.get(model.name)
    if layers is None:
        return _summed(_unet(UNet(name="unet"), inputs, outputs, ny, nx))
    found = _summed(layers(model, inputs, outputs, ny, nx), speed=SLOW if model.name == "vae" else 1.0)
    if model.name == "savp":
        encoder, judge = savp_judges(model, outputs=outputs, ny=ny, nx=nx)
        return replace(found, parameters=found.parameters + encoder.parameters + 2 * judge.parameters)
    return found


def _summed(layers: Iterable[Layer], *, speed: float = 1.0) -> Cost:
    found = list(layers)
    return Cost(
        parameters=sum(one.kernel * one.before * one.after + one.after * (2 if one.norm else 1) for one in found),
        flop=sum(2 * one.points * one.kernel * one.before * one.after for one in found),
        kept=sum(one.points * one.kept for one in found),
        held=max(one.points * (one.before + 2 * one.after) for one in found),
        speed=speed,
    )


def padded(length: int, multiple: int) -> int:
    """The next multiple."""
    return -(-length // multiple) * multiple


def _double(points: float, before: float, after: float) -> list[Layer]:
    """Two 3x3 convolutions, each normalised, with ReLU in the memory of what comes before it."""
    first = Layer(points, before, after, 9, 2 * after, norm=True)
    return [first, Layer(points, after, after, 9, 2 * after, norm=True)]


def _convlstm(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    points, width = ny * nx, model.features
    gates = Layer(points, inputs + width, 4 * width, model.kernel**2, inputs + 8 * width)
    return [gates, Layer(points, width, outputs)]


def _weatherbench(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    widths = [inputs, *[model.features] * (CNN_LAYERS - 1), outputs]
    layers = [Layer(ny * nx, before, after, model.kernel**2, 2 * after) for before, after in pairwise(widths)]
    return [*layers[:-1], layers[-1]._replace(kept=inputs)]


def _unet(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    stride = 2**model.scales
    points = padded(max(ny, 2 * stride), stride) * padded(max(nx, 2 * stride), stride)
    widths = [model.features * 2**scale for scale in range(model.scales + 1)]
    layers = [Layer(points, inputs, 0, 0, inputs), *_double(points, inputs, widths[0])]
    for scale, (before, after) in enumerate(pairwise(widths), start=1):
        pooled = points / 4**scale  # with the places of the largest, in 64 bits
        layers += [Layer(pooled, before, 0, 0, 3 * before), *_double(pooled, before, after)]
    for scale, width in reversed(list(enumerate(widths[:-1]))):
        there = points / 4**scale
        layers.append(Layer(there / 4, 2 * width, width, 4))
        layers += [Layer(there, 2 * width, 0, 0, 2 * width), *_double(there, 2 * width, width)]
    return [*layers, Layer(points, model.features, outputs)]


def _halfunet(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    stride = 2**model.scales
    points = padded(max(ny, 2 * stride), stride) * padded(max(nx, 2 * stride), stride)
    width = model.features
    block = _ghosts if model.ghost else _double
    layers = [Layer(points, inputs, 0, 0, inputs), *block(points, inputs, width)]
    for scale in range(1, model.scales + 1):
        pooled = points / 4**scale
        layers += [Layer(pooled, width, 0, 0, 3 * width), *block(pooled, width, width)]
    layers += [Layer(points, width, 0, 0, width), *block(points, width, width)]
    return [*layers, Layer(points, width, outputs)]


def _ghosts(points: float, before: float, after: float) -> list[Layer]:
    half = after / 2
    return [
        layer
        for inner in (before, after)
        for layer in (
            Layer(points, inner, half, 9, 2 * after + half, norm=True),
            Layer(points, 1, half, 9, norm=True),  # a filter for each feature
        )
    ]


def _segformer(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    strides = [SEGFORMER_STRIDE, *[2] * (len(model.features) - 1)]
    coarse = [model.downsampling]
    for stride in strides:
        coarse.append(coarse[-1] * stride)
    multiple = max(a * b for a, b in zip(coarse[1:], model.reduction, strict=True))
    points = padded(ny, multiple) * padded(nx, multiple)
    stem, width, after_pool = model.stem_features, model.decoder_features, points / model.downsampling**2
    layers = [Layer(points, inputs, 0, 0, 2 * inputs), *_double(after_pool, inputs, stem)]
    befores = [stem, *model.features]
    for scale, (before, features) in enumerate(pairwise(befores)):
        there = points / coarse[scale + 1] ** 2
        layers.append(Layer(there, before, features, (2 * strides[scale] - 1) ** 2, features))
        for _ in range(model.layers):
            layers += _attention(there, features, model.reduction[scale], model.expansion[scale])
        layers.append(Layer(there, features, width))
    first = points / coarse[1] ** 2
    layers.append(Layer(first, len(strides) * width, 0, 0, len(strides) * width))
    climbs = pairwise([len(strides) * width, width, width // 2, width // 4])
    for (before, after), factor, place in zip(climbs, (2, 2, model.downsampling), (1, 4, 16), strict=True):
        layers.append(Layer(first * place, before, after, 9, 2 * after + after * factor**2, norm=True))
    return [*layers, Layer(points, width // 4, outputs, 9)]


def _attention(points: float, features: int, reduction: int, expansion: int) -> list[Layer]:
    hidden, keys = expansion * features, points / reduction**2
    return [
        Layer(points, features, features, 1, 7 * features),
        Layer(keys, features, 2 * features, reduction**2, 2 * features),
        Layer(points, features, features),
        Layer(points * keys * 2 * features, 1, 0, 1),
        Layer(points, features, hidden, 1, 4 * hidden),
        Layer(points, 1, hidden, 9),
        Layer(points, hidden, hidden),
        Layer(points, hidden, features),
        Layer(0, 0, 2 * features, norm=True),
    ]


def _vae(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    points = padded(ny, VAE_STRIDE) * padded(nx, VAE_STRIDE)
    width, coarse = model.features, points / VAE_STRIDE**2
    numbers = coarse * width
    return [
        Layer(points / 4, inputs, width, 9, 4 * inputs + width),
        Layer(points / 4, width, width, 9, width),
        Layer(coarse, width, width, 9, width),
        Layer(1, numbers, 2 * model.latent, 1, 6 * model.latent),
        Layer(1, model.latent, numbers, 1, numbers),
        Layer(coarse, width, width, 9, 4 * width),
        Layer(points / 4, width, width, 9, width),
        Layer(points / 4, width, outputs, 9),
    ]


def _savp(model: Any, inputs: int, outputs: int, ny: int, nx: int) -> list[Layer]:
    """The generator; encoder and discriminators work once on a whole window, see `savp_judges`."""
    multiple = 2**model.scales
    points = padded(ny, multiple) * padded(nx, multiple)
    latent, widths = model.latent, [model.features * 2**scale for scale in range(model.scales)]
    layers = [Layer(1, 2 * latent, 4 * latent, 1, 10 * latent)]
    for scale, (before, after) in enumerate(pairwise([inputs + outputs, *widths]), start=1):
        there = points / 4**scale
        layers.append(Layer(there, before, after, 25 if scale == 1 else 9, 4 * before + 2 * after, norm=True))
        layers += _lstm(there, after, model.cell_kernel)
    ups = [*reversed(widths[:-1]), model.features]
    skips = [0, *reversed(widths[:-1])]
    for number, (before, skip, after) in enumerate(zip([widths[-1], *ups], skips, ups, strict=False)):
        there = points / 4 ** (model.scales - 1 - number)
        layers.append(Layer(there, before + skip, after, 9, before + skip + 2 * after, norm=True))
        if number < len(ups) - 1:
            layers += _lstm(there, after, model.cell_kernel)
    fields, width = model.transforms + SAVP_FIELDS, model.features
    layers += [
        Layer(1, widths[-1] * points / 4**model.scales, model.transforms * model.kernel**2),
        Layer(points, width, 2 * width, 9, 4 * width, norm=True),
        Layer(points, width, outputs, 9, outputs),
        Layer(points, width + fields * outputs, fields, 9, width + 3 * fields * outputs + fields),
    ]
    return layers


def _lstm(points: float, width: float, kernel: int) -> list[Layer]:
    return [Layer(points, 2 * width, 4 * width, kernel**2, 15 * width, norm=True)]


def savp_judges(model: Any, *, outputs: int, ny: int, nx: int) -> tuple[Cost, Cost]:
    """The encoder for a pair of fields, and one discriminator for a field."""
    points, e, d = ny * nx, model.encoder_features, model.discriminator_features
    encoder = [
        Layer(points / 4, 2 * outputs, e, 16, 8 * outputs + 2 * e),
        Layer(points / 16, e, 2 * e, 16, 6 * e),
        Layer(points / 64, 2 * e, 4 * e, 16, 12 * e),
        Layer(1, 4 * e, 2 * model.latent),
    ]
    widths = [outputs, *(d * factor for factor in (1, 2, 2, 4, 4, 8, 8))]
    parts = (1, 4, 4, 16, 16, 128, 128)  # the last ones halve the time as well
    kernels = (27, 48, 27, 48, 27, 48, 27)
    discriminator = [
        Layer(points / part, before, after, kernel, 2 * after)
        for (before, after), part, kernel in zip(pairwise(widths), parts, kernels, strict=True)
    ]
    return _summed(encoder), _summed(discriminator)


_LAYERS: dict[str, Callable[[Any, int, int, int, int], list[Layer]]] = {
    "convlstm": _convlstm,
    "weatherbench_cnn": _weatherbench,
    "unet": _unet,
    "halfunet": _halfunet,
    "segformer": _segformer,
    "vae": _vae,
    "savp": _savp,
}
