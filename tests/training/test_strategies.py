"""Strategies with networks whose answers are known, and which remember what they saw."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.training.made import INPUT_STEPS, NX, NY, TARGET_STEPS, VARIABLES, experiment
from windrow.config import Sequences
from windrow.models.recurrent import Recurrent, State
from windrow.training.strategies import Given, Scene, Strategy, unrolled

SEQUENCES = Sequences(input_steps=INPUT_STEPS, target_steps=TARGET_STEPS)
MEAN, STD = torch.tensor([0.5, -1.0])[:, None, None], torch.tensor([2.0, 3.0])[:, None, None]
CHANGE = (1.0, 10.0)


class Constant(nn.Module):
    """Always gives the same value for each output."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = torch.tensor(values)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.clone())
        return self.values[:, None, None].expand(len(x), -1, *x.shape[2:])


class Doubling(nn.Module):
    """Gives twice the last field that it sees of two variables."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x[:, self.place : self.place + 2]


class Adding(Recurrent):
    """The state is the number of steps; the output is the field and a constant change."""

    def __init__(self, *, increment: bool = False) -> None:
        super().__init__()
        self.increment = increment
        self.seen: list[Tensor] = []
        self.steps: list[float] = []
        self.noise: list[Tensor | None] = []

    def initial_state(self, x: Tensor) -> State:
        return (x.new_zeros(len(x)),)

    def forward(self, x: Tensor, state: State, noise: Tensor | None = None) -> tuple[Tensor, State]:
        self.seen.append(x.clone())
        self.steps.append(state[0][0].item())
        self.noise.append(noise)
        change = torch.tensor(CHANGE)[:, None, None].expand(len(x), 2, *x.shape[2:])
        return change if self.increment else x[:, :2] + change, (state[0] + 1,)

    def divergence(self, state: State) -> Tensor | None:
        return state[0]


def made(
    name: str,
    network: nn.Module,
    *,
    statics: int = 0,
    forcings: int = 0,
    targets: tuple[str, ...] = ("2t",),
    **options: Any,
) -> Any:
    """A strategy with this network in the place of its own."""
    fields = torch.arange(statics * NY * NX, dtype=torch.float32).reshape(statics, NY, NX)
    scene = Scene(VARIABLES, SEQUENCES, fields, forcings, MEAN, STD)
    strategy = unrolled(experiment({"name": name} | options, targets=targets), scene)
    strategy.network = network
    return strategy


def inputs(windows: int = 2) -> Tensor:
    return torch.randn(windows, INPUT_STEPS, 2, NY, NX, generator=torch.Generator().manual_seed(1))


def truth(windows: int = 2) -> Tensor:
    return 100 + torch.randn(windows, TARGET_STEPS, 2, NY, NX, generator=torch.Generator().manual_seed(2))


def forcing(features: int = 1, windows: int = 2) -> Tensor:
    """The number of the step, in all features and points."""
    steps = torch.arange(INPUT_STEPS + TARGET_STEPS, dtype=torch.float32)[None, :, None, None, None]
    return steps.expand(windows, -1, features, NY, NX)


def given(**options: Any) -> Given:
    return Given(**({"inputs": inputs(), "forcings": forcing(0)} | options))


def forecast(strategy: Strategy, **options: Any) -> Tensor:
    found: Tensor = strategy(given(**options)).fields
    return found


def ramp(change: tuple[float, ...], leads: int = TARGET_STEPS) -> Tensor:
    """The last known field and so many times the change."""
    steps = torch.arange(1.0, leads + 1)[:, None, None, None]
    return inputs()[:, -1:] + steps * torch.tensor(change)[:, None, None]


@pytest.mark.parametrize("substeps", [1, 2, 5])
def test_diff_ar_adds_what_the_network_predicts(substeps: int) -> None:
    network = Constant(*CHANGE)
    found = forecast(made("diff_ar", network, substeps=substeps))
    torch.testing.assert_close(found, ramp(CHANGE))
    assert len(network.seen) == TARGET_STEPS * substeps


@pytest.mark.parametrize("substeps", [1, 4])
def test_scaled_ar_scales_it_by_the_differences(substeps: int) -> None:
    found = forecast(made("scaled_ar", Constant(*CHANGE), substeps=substeps))
    torch.testing.assert_close(found, ramp((1 * 2 + 0.5, 10 * 3 - 1.0)))


def test_substeps_go_on_from_each_other() -> None:
    """Twice the field as its change, in halves: times 1 + 2 / 2, twice."""
    found = forecast(made("diff_ar", Doubling(2), substeps=2), leads=1)
    torch.testing.assert_close(found[:, 0], 4 * inputs()[:, -1])
    whole = forecast(made("diff_ar", Doubling(2), substeps=1), leads=1)
    torch.testing.assert_close(whole[:, 0], 3 * inputs()[:, -1])


@pytest.mark.parametrize("history", [1, 2, 3])
def test_the_network_sees_the_last_fields_with_the_oldest_first(history: int) -> None:
    network = Constant(*CHANGE)
    found = forecast(made("diff_ar", network, history=history))
    fields = torch.cat([inputs(), found], dim=1)
    for lead, seen in enumerate(network.seen):
        last = INPUT_STEPS + lead
        assert seen.equal(fields[:, last - history : last].flatten(1, 2))


@pytest.mark.parametrize("name", ["diff_ar", "scaled_ar"])
def test_each_step_sees_the_forcings_of_the_time_it_predicts_and_the_statics(name: str) -> None:
    network = Constant(*CHANGE)
    strategy = made(name, network, statics=2, forcings=3, history=2)
    forecast(strategy, forcings=forcing(3))
    for lead, seen in enumerate(network.seen):
        assert seen.shape == (2, 2 * 2 + 3 + 2, NY, NX)
        assert seen[:, 4:7].eq(INPUT_STEPS + lead).all()
        assert seen[:, 7:].equal(strategy.statics.expand(2, 2, NY, NX))


def test_the_real_network_fits_what_it_sees() -> None:
    for name in ("diff_ar", "scaled_ar", "direct", "sequence"):
        scene = Scene(VARIABLES, SEQUENCES, torch.zeros(2, NY, NX), 3, MEAN, STD)
        strategy = unrolled(experiment(name), scene)
        assert forecast(strategy, forcings=forcing(3)).shape == (2, 4, 1 if name == "direct" else 2, NY, NX)


@pytest.mark.parametrize("name", ["diff_ar", "sequence"])
def test_a_shorter_forecast_is_the_beginning_of_a_longer(name: str) -> None:
    network: Any = Constant(*CHANGE) if name == "diff_ar" else Adding()
    strategy = made(name, network)
    assert forecast(strategy, leads=3).equal(forecast(strategy)[:, :3])
    assert forecast(strategy, leads=1).shape[1] == 1


BOUNDARY = torch.ones(NY, NX, dtype=torch.bool)
BOUNDARY[1:-1, 1:-1] = False


@pytest.mark.parametrize("name", ["diff_ar", "scaled_ar", "sequence"])
def test_the_truth_overwrites_the_boundary_and_is_fed_back(name: str) -> None:
    network: Any = Adding() if name == "sequence" else Constant(0.0, 0.0)
    strategy = made(name, network, boundary_width=1)
    free = forecast(made(name, Adding() if name == "sequence" else Constant(0.0, 0.0)))
    found = forecast(strategy, truth=truth())
    assert found[..., BOUNDARY].equal(truth()[..., BOUNDARY])
    assert found[..., ~BOUNDARY].equal(free[..., ~BOUNDARY])
    fed = network.seen[-1][:, -2:]
    assert fed.equal(found[:, -2])


def test_direct_forecasts_have_the_truth_of_the_targets_on_the_boundary() -> None:
    network = Constant(*range(TARGET_STEPS))
    found = forecast(made("direct", network, targets=("tcc",), boundary_width=1), truth=truth())
    assert found[..., BOUNDARY].equal(truth()[:, :, 1:][..., BOUNDARY])
    expected = torch.arange(4.0)[None, :, None, None].expand(2, 4, 1, 6)
    assert found[..., ~BOUNDARY].equal(expected)


@pytest.mark.parametrize("name", ["diff_ar", "sequence", "direct"])
def test_a_boundary_without_the_truth_is_an_error(name: str) -> None:
    network: Any = {"diff_ar": Constant(*CHANGE), "sequence": Adding(), "direct": Constant(*range(4))}[name]
    with pytest.raises(ValueError, match="needs the truth"):
        forecast(made(name, network, boundary_width=1))


def test_sequence_reads_the_inputs_and_then_its_own_predictions() -> None:
    network = Adding()
    found = forecast(made("sequence", network))
    torch.testing.assert_close(found, ramp(CHANGE))
    assert network.steps == [0, 1, 2, 3, 4, 5]
    read = torch.stack(network.seen, dim=1)
    assert read[:, :INPUT_STEPS].equal(inputs())
    assert read[:, INPUT_STEPS:].equal(found[:, :-1])


def test_sequence_with_increments_adds_the_output_to_the_last_field() -> None:
    found = forecast(made("sequence", Adding(increment=True), increment=True))
    torch.testing.assert_close(found, ramp(CHANGE))


def test_sequence_sees_the_forcings_of_the_next_step_and_the_statics() -> None:
    network = Adding()
    strategy = made("sequence", network, statics=1, forcings=2)
    found = forecast(strategy, forcings=forcing(2))
    torch.testing.assert_close(found, ramp(CHANGE))
    for step, seen in enumerate(network.seen):
        assert seen.shape == (2, 5, NY, NX)
        assert seen[:, 2:4].eq(step + 1).all()
        assert seen[:, 4].equal(strategy.statics.expand(2, NY, NX))


@pytest.mark.parametrize("increment", [False, True])
def test_scheduled_sampling_feeds_the_truth_exactly_where_it_is_taught(increment: bool) -> None:
    network = Adding(increment=increment)
    taught = torch.tensor([[True, False, True], [False, False, True]])
    found = forecast(made("sequence", network, increment=increment), truth=truth(), taught=taught)
    change = torch.tensor(CHANGE)[:, None, None]
    for window in range(2):
        expected = inputs()[window, -1] + change
        assert found[window, 0].equal(expected)
        for lead in range(1, TARGET_STEPS):
            fed = truth()[window, lead - 1] if taught[window, lead - 1] else expected
            assert network.seen[INPUT_STEPS + lead - 1][window].equal(fed)
            expected = fed + change
            torch.testing.assert_close(found[window, lead], expected)


def test_without_teaching_the_truth_is_not_looked_at() -> None:
    strategy = made("sequence", Adding())
    assert forecast(strategy, truth=torch.full((2, 4, 2, NY, NX), torch.nan)).equal(forecast(strategy))


def test_noise_goes_to_its_step() -> None:
    network = Adding()
    noise = torch.arange(6.0)[None, :, None].expand(2, 6, 3)
    forecast(made("sequence", network), noise=noise)
    assert [one[0, 0].item() for one in network.noise if one is not None] == [0, 1, 2, 3, 4, 5]


def test_a_network_without_noise_asks_for_none_and_one_with_it_for_all_steps() -> None:
    network = Adding()
    strategy = made("sequence", network)
    assert strategy.noise_shape is None
    network.noise_features = 7
    assert strategy.noise_shape == (INPUT_STEPS + TARGET_STEPS - 1, 7)


def test_the_divergence_is_that_of_the_last_state() -> None:
    found = made("sequence", Adding())(given())
    assert found.divergence.tolist() == [6, 6]
    assert made("diff_ar", Constant(*CHANGE))(given()).divergence is None


def test_direct_sees_everything_at_once_and_predicts_the_targets() -> None:
    targets = ("tcc", "2t")
    network = Constant(*range(2 * TARGET_STEPS))
    strategy = made("direct", network, targets=targets, statics=1, forcings=2)
    found = forecast(strategy, forcings=forcing(2))
    assert strategy.predicted == targets
    # lead by lead, and within it target by target
    assert found[0, :, :, 0, 0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    (seen,) = network.seen
    known = INPUT_STEPS * 2
    assert seen[:, :known].equal(inputs().flatten(1, 2))
    assert seen[0, known:-1, 0, 0].tolist() == [3, 3, 4, 4, 5, 5, 6, 6]  # forcings of the forecast steps
    assert seen[:, -1].equal(strategy.statics.expand(2, NY, NX))


def test_direct_with_increments_adds_to_the_last_field_of_each_target() -> None:
    network = Constant(*range(2 * TARGET_STEPS))
    found = forecast(made("direct", network, targets=("tcc", "2t"), increment=True))
    last = inputs()[:, -1][:, [1, 0]]
    for lead in range(TARGET_STEPS):
        expected = last + torch.tensor([2.0 * lead, 2.0 * lead + 1])[:, None, None]
        assert found[:, lead].equal(expected)


def test_strategies_that_go_step_by_step_predict_all_variables() -> None:
    for name, network in (
        ("diff_ar", Constant(*CHANGE)),
        ("scaled_ar", Constant(*CHANGE)),
        ("sequence", Adding()),
    ):
        assert made(name, network).predicted == VARIABLES


def test_gradients_go_through_all_steps() -> None:
    for name in ("diff_ar", "sequence"):
        scene = Scene(VARIABLES, SEQUENCES, torch.zeros(0, NY, NX), 0, MEAN, STD)
        strategy = unrolled(experiment(name), scene)
        before = inputs().requires_grad_()
        forecast(strategy, inputs=before)[:, -1].sum().backward()
        assert before.grad is not None
        assert before.grad[:, -1].abs().sum() > 0


def test_statics_and_scales_are_part_of_the_state_and_the_mask_is_not() -> None:
    strategy = made("scaled_ar", Constant(*CHANGE), statics=1, boundary_width=1)
    names = set(strategy.state_dict())
    assert {"statics", "change_mean", "change_std"} <= names
    assert "boundary" not in names
