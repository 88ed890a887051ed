"""The adapter for mfai's networks, which is tried where mfai is installed."""

import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from windrow.errors import UserError
from windrow.models import GridSize, build
from windrow.models.settings import MFAI

installed = pytest.mark.skipif(find_spec("mfai") is None, reason="mfai is not installed, and never by windrow")
# warnings of the packages that mfai imports are not ours
theirs = pytest.mark.filterwarnings("ignore")


def network(architecture: str = "half_unet.HalfUNet", **settings: Any) -> torch.nn.Module:
    kind = MFAI(name="mfai", architecture=architecture, **settings)
    return build(kind, inputs=21, outputs=17, grid=GridSize(20, 30))


def test_without_mfai_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mfai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if "site-packages" not in place])
    with pytest.raises(UserError, match=r"needs the package mfai, .*`pip install mfai` .*brings torchvision"):
        network()


@pytest.mark.parametrize("architecture", ["HalfUNet", "half_unet", "half_unet.HalfUNet()", "os;.A"])
def test_an_architecture_is_a_module_and_a_class(architecture: str) -> None:
    with pytest.raises(ValidationError, match="architecture"):
        MFAI(name="mfai", architecture=architecture)


@installed
@theirs
@pytest.mark.parametrize(
    ("architecture", "settings", "parameters"),
    [
        ("half_unet.HalfUNet", {}, 420_224),
        ("half_unet.HalfUNet", {"num_filters": 32}, 108_736),
        ("segformer.Segformer", {}, 10_254_833),
    ],
)
def test_a_network_of_mfai_keeps_any_grid(architecture: str, settings: dict[str, Any], parameters: int) -> None:
    found = network(architecture, settings=settings)
    assert sum(one.numel() for one in found.parameters()) == parameters
    y = found(torch.randn(2, 21, 20, 30))
    assert y.shape == (2, 17, 20, 30)
    y.square().sum().backward()
    assert all(one.grad is not None for one in found.parameters())


@installed
@theirs
@pytest.mark.parametrize(
    ("architecture", "settings", "text"),
    [
        ("half_unet.HalfUNt", {}, "mfai.pytorch.models.half_unet has no class HalfUNt"),
        ("half_net.HalfUNet", {}, "mfai has no module mfai.pytorch.models.half_net"),
        ("half_unet.HalfUNet", {"num_filtres": 8}, "does not take model.settings: .*num_filtres"),
        ("half_unet.GhostModule", {}, "is no network on two-dimensional fields"),
    ],
)
def test_what_mfai_does_not_have_is_told(architecture: str, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=text):
        network(architecture, settings=settings)


@installed
@theirs
def test_a_network_that_does_not_keep_the_grid_is_refused() -> None:
    with pytest.raises(UserError, match=r"makes \(\) of \(64, 64\) points"):
        network("vit.ViTClassifier")(torch.randn(1, 21, 20, 30))
