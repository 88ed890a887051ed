import pytest
import torch

from windrow.errors import UserError
from windrow.training.device import chosen_device


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    count = int(request.param)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    return count


@pytest.mark.parametrize(
    ("gpus", "accelerator", "expected"),
    [(0, "auto", "cpu"), (2, "auto", "cuda"), (2, "gpu", "cuda"), (2, "cpu", "cpu")],
    indirect=["gpus"],
)
def test_auto_takes_a_gpu_where_there_is_one(gpus: int, accelerator: str, expected: str) -> None:
    assert chosen_device(accelerator, devices=2).type == expected


@pytest.mark.parametrize("gpus", [0], indirect=True)
def test_a_gpu_that_is_not_there_is_refused(gpus: int) -> None:
    with pytest.raises(UserError, match="asks for a GPU and this machine has none"):
        chosen_device("gpu")


@pytest.mark.parametrize("gpus", [1], indirect=True)
@pytest.mark.parametrize("accelerator", ["auto", "gpu"])
def test_more_gpus_than_there_are_are_refused(gpus: int, accelerator: str) -> None:
    with pytest.raises(UserError, match=r"training\.devices asks for 2 GPUs and this machine has 1"):
        chosen_device(accelerator, devices=2)


@pytest.mark.parametrize("gpus", [0, 1], indirect=True)
def test_processes_on_the_cpu_are_not_counted_against_gpus(gpus: int) -> None:
    assert chosen_device("cpu", devices=4).type == "cpu"
