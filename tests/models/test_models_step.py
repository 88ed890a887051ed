import json

import pytest
import torch

from windrow import cli
from windrow.models import GridSize, build
from windrow.models.listing import Listed, count_parameters, table
from windrow.models.settings import SETTINGS, HalfUNet


def test_windrow_models_lists_every_network_with_its_published_parameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["models", "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(found) >= set(SETTINGS)
    published = {"unet": 31_049_041, "halfunet": 420_224, "segformer": 10_254_833}
    published |= {"graphlam": 212_625, "hilam": 1_959_633}
    assert {name: found[name]["parameters"] for name in published} == published
    assert found["unet"]["strategies"] == ["scaled_ar", "diff_ar", "direct"]
    assert found["unet"]["summary"].startswith("Convolutions on four scales")
    assert found["mfai"]["parameters"] is None
    assert found["mfai"]["problem"] == "needs architecture"


def test_the_options_say_what_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "--inputs", "3", "--outputs", "3", "--grid", "56x92"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "parameters", "strategies"]
    (convlstm,) = (line for line in lines if line.startswith("convlstm "))
    assert convlstm.split()[1:3] == ["429,251", "sequence"]


def test_columns_are_aligned_and_what_is_not_known_is_explained_below() -> None:
    found = [
        Listed("a", 1234, ("direct",), "One."),
        Listed("long_name", None, ("direct", "diff_ar"), "Two.", "needs kernel"),
    ]
    assert table(found) == (
        "name       parameters  strategies\n"
        "a               1,234  direct           One.\n"
        "long_name           ?  direct, diff_ar  Two.\n"
        "? long_name: needs kernel"
    )


def test_a_count_is_that_of_the_network_and_leaves_the_random_numbers_alone() -> None:
    settings = HalfUNet(name="halfunet", features=4, ghost=True)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    found = count_parameters(settings, inputs=3, outputs=2, grid=GridSize(5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    network = build(settings, inputs=3, outputs=2, grid=GridSize(5, 6))
    assert found == sum(one.numel() for one in network.parameters())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--grid", "56"], "'56' is no grid; give rows and columns as 256x192"),
        (["--grid", "0x9"], "'0x9' is no grid; give rows and columns as 256x192"),
        (["--inputs", "0"], "a network has at least one input and one output; raise --inputs or --outputs"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert cli.main(["models", *options]) == 2
    assert capsys.readouterr().err == f"windrow models: {told}\n"
