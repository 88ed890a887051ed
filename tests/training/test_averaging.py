from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from windrow.training.averaging import Averaging


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.frozen = nn.Parameter(torch.tensor([7.0]), requires_grad=False)


@pytest.fixture
def module() -> Any:
    return Two()


def stepped(averaging: Averaging, module: Any, value: float, step: int) -> None:
    module.weight.data.fill_(value)
    after: Any = SimpleNamespace(global_step=step)
    averaging.on_train_batch_end(after, module, None, None, 0)


def started(averaging: Averaging, module: Any, step: int = 0) -> Averaging:
    at: Any = SimpleNamespace(global_step=step)
    averaging.on_train_start(at, module)
    return averaging


def mean(averaging: Averaging) -> list[float]:
    return averaging.means[0].tolist()


def test_the_first_steps_have_a_smaller_decay(module: Any) -> None:
    averaging = started(Averaging(0.999), module)
    assert mean(averaging) == [1.0, 2.0]
    stepped(averaging, module, 10.0, 1)  # decay 2 / 11
    assert mean(averaging) == pytest.approx([(2 * 1 + 9 * 10) / 11, (2 * 2 + 9 * 10) / 11])
    stepped(averaging, module, 20.0, 2)  # decay 3 / 12
    assert mean(averaging)[0] == pytest.approx(0.25 * 92 / 11 + 0.75 * 20)


def test_later_the_decay_is_as_set(module: Any) -> None:
    averaging = started(Averaging(0.9), module, step=1000)
    stepped(averaging, module, 11.0, 1001)
    stepped(averaging, module, 21.0, 1002)
    assert mean(averaging) == pytest.approx(
        [0.9 * (0.9 * 1 + 0.1 * 11) + 0.1 * 21, 0.9 * (0.9 * 2 + 0.1 * 11) + 0.1 * 21]
    )


def test_a_batch_without_a_step_is_not_taken_in(module: Any) -> None:
    averaging = started(Averaging(0.9), module)
    stepped(averaging, module, 10.0, 0)
    assert mean(averaging) == [1.0, 2.0]
    stepped(averaging, module, 10.0, 1)
    before = mean(averaging)
    stepped(averaging, module, 50.0, 1)
    assert mean(averaging) == before


def test_the_means_are_validated_and_the_weights_come_back(module: Any) -> None:
    averaging = started(Averaging(0.9), module)
    stepped(averaging, module, 10.0, 1)
    expected = mean(averaging)
    given: Any = SimpleNamespace()
    averaging.on_validation_start(given, module)
    assert module.weight.tolist() == expected
    assert module.frozen.tolist() == [7.0]
    averaging.on_validation_end(given, module)
    assert module.weight.tolist() == [10.0, 10.0]
    assert mean(averaging) == expected


def test_the_weights_come_back_when_writing_the_means_fails(module: Any) -> None:
    averaging = started(Averaging(0.9), module)
    stepped(averaging, module, 10.0, 1)
    expected = mean(averaging)

    def write() -> None:
        with averaging.in_place(module):
            assert module.weight.tolist() == expected
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write()
    assert module.weight.tolist() == [10.0, 10.0]
    assert mean(averaging) == expected


def test_an_optimiser_goes_on_with_the_weights_after_an_exchange(module: Any) -> None:
    averaging = started(Averaging(0.5), module)
    optimizer = torch.optim.SGD([module.weight], lr=1.0)
    module.weight.sum().backward()
    with averaging.in_place(module):
        pass
    optimizer.step()
    assert module.weight.tolist() == [0.0, 1.0]
    assert mean(averaging) == [1.0, 2.0]


def test_its_state_goes_through_a_checkpoint(module: Any) -> None:
    averaging = started(Averaging(0.9), module)
    stepped(averaging, module, 10.0, 1)
    again = Averaging(0.9)
    again.load_state_dict(averaging.state_dict())
    started(again, module, step=1)
    for one in (averaging, again):
        stepped(one, module, 30.0, 2)
    assert mean(again) == mean(averaging)
