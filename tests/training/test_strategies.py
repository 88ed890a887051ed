import torch

from windrow.config import Experiment, Sequences
from windrow.training.strategies import unrolled

VARIABLES = ("2t", "tcc")
SEQUENCES = Sequences(input_steps=3, target_steps=4)
MODELS = {"sequence": "convlstm", "direct": "weatherbench_cnn"}


def experiment(strategy: str, *, increment: bool, target: str = "tcc") -> Experiment:
    return Experiment.model_validate(
        {
            "targets": [target],
            "model": {"name": MODELS[strategy], "features": 2, "kernel": 3},
            "strategy": {"name": strategy, "increment": increment},
        }
    )


def silenced(strategy: torch.nn.Module) -> torch.nn.Module:
    for parameter in strategy.parameters():
        parameter.data.zero_()
    return strategy


def test_a_silent_network_with_increments_holds_the_last_input_field() -> None:
    inputs = torch.randn(2, 3, 2, 4, 5)
    for name in MODELS:
        strategy = silenced(unrolled(experiment(name, increment=True), SEQUENCES, VARIABLES))
        expected = inputs[:, -1:, 1:].expand(2, 4, 1, 4, 5)
        torch.testing.assert_close(strategy(inputs), expected)


def test_a_silent_network_without_increments_gives_the_mean() -> None:
    inputs = torch.randn(2, 3, 2, 4, 5)
    for name in MODELS:
        strategy = silenced(unrolled(experiment(name, increment=False), SEQUENCES, VARIABLES))
        torch.testing.assert_close(strategy(inputs), torch.zeros(2, 4, 1, 4, 5))


def test_sequence_reads_the_inputs_and_then_its_own_predictions() -> None:
    torch.manual_seed(1)
    strategy = unrolled(experiment("sequence", increment=False), SEQUENCES, VARIABLES)
    network = strategy.network
    inputs = torch.randn(2, 3, 2, 4, 5)
    state = network.initial_state(inputs[:, 0])
    fed = []
    field = None
    for step in range(6):
        field, state = network(inputs[:, step] if step < 3 else field, state)
        fed.append(field)
    torch.testing.assert_close(strategy(inputs), torch.stack(fed[2:], dim=1)[:, :, 1:])
