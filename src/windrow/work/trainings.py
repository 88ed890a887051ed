"""What a training and its forecasts take: operations, memory of a process and of its device.

A window of a training takes the network's calls forward, and twice as much backward. Memory is that of the
interpreter with its libraries, of the batches as they are gathered, normalised and compared, of what the network keeps
for the gradient, and of four numbers a parameter: its value, its gradient and the optimiser's two moments.
"""

from __future__ import annotations

from dataclasses import dataclass

from windrow.config import Config
from windrow.experiment import Autoregressive, Experiment
from windrow.training_settings import Training
from windrow.work.cost import Cost
from windrow.work.networks import cost, savp_judges
from windrow.work.size import FLOAT32, Size, size, windows_of

MB = 2**20
FORCINGS = {"hour": 2, "day_of_year": 2, "solar_zenith": 1}
BACKWARD = 2  # operations of the gradient, over those forward
WINDOW_COPIES = (
    7  # of a batch's fields: gathered twice, normalised, differences, errors; measured on grids up to 500²
)
PARAMETER_COPIES = 6  # gradient, two moments, the best epoch's weights and those on the way to the disk
FIRST_COPIES, LAST_COPIES = 3.5, 2.5  # of a chunk's inputs and of its forecasts, measured on the same grids
JUDGED = 6  # times that the discriminators of `savp` see a forecast of `clip_steps`, forward and backward
PINNED_COPIES = 3  # of a batch on the host, where a device works on it
CHUNK_INITS, LEAST_INITS = 32, 4  # as in `windrow.forecasts`
SHORT = 0.6  # numbers of mixed precision take so much of the memory of single ones


@dataclass(frozen=True)
class Rollout:
    """What the network does for one window of a forecast.

    Attributes
    ----------
    calls
        Of the network for the whole forecast, of which `known_calls` only read known fields.
    """

    cost: Cost
    calls: int
    known_calls: int
    twice: bool
    judges_flop: float = 0.0
    judges_kept: float = 0.0

    def flop(self, leads: int, all_leads: int) -> float:
        """Forward, for so many of all lead times."""
        return self.cost.flop * self.calls_for(leads, all_leads)

    def calls_for(self, leads: int, all_leads: int) -> float:
        """Of the network, for so many of all lead times."""
        return self.known_calls + (self.calls - self.known_calls) * leads / all_leads


def rollout_of(experiment: Experiment, found: Size) -> Rollout:
    """How an experiment's strategy calls its network."""
    strategy, inputs = experiment.strategy, experiment.inputs
    forcings, statics = sum(FORCINGS[name] for name in inputs.forcings), len(inputs.statics)
    grid = {"ny": found.ny, "nx": found.nx}
    if strategy.name == "direct":
        seen = found.known_steps * found.variables + found.leads * forcings + statics
        one = cost(experiment.model, inputs=seen, outputs=found.leads * found.targets, **grid)
        return Rollout(one, calls=1, known_calls=1, twice=False)
    if isinstance(strategy, Autoregressive):
        seen = strategy.history * found.variables + forcings + statics
        one = cost(experiment.model, inputs=seen, outputs=found.variables, **grid)
        return Rollout(one, calls=found.leads * strategy.substeps, known_calls=0, twice=False)
    one = cost(experiment.model, inputs=found.variables + forcings + statics, outputs=found.variables, **grid)
    calls = found.window_steps - 1
    if experiment.model.name != "savp":
        return Rollout(one, calls=calls, known_calls=found.known_steps, twice=False)
    encoder, judge = savp_judges(experiment.model, outputs=found.variables, **grid)
    judged = min(experiment.training.adversarial.clip_steps, found.leads) if experiment.training.adversarial else 0
    return Rollout(
        one,
        calls=calls,
        known_calls=found.known_steps,
        twice=True,  # with latent variables of the truth and of the prior
        judges_flop=encoder.flop * calls + JUDGED * judge.flop * judged,
        judges_kept=encoder.kept * calls + 4 * judge.kept * judged,
    )


def training_flop(config: Config, experiment: Experiment) -> float:
    """Operations of all epochs, with the validation after each."""
    found, training = size(config), experiment.training
    rollout = rollout_of(experiment, found)
    passes = (2 if rollout.twice else 1) * (1 + BACKWARD)
    leads = leads_of_epochs(training, found)
    trained = sum(passes * rollout.flop(one, found.leads) + (1 + BACKWARD) * rollout.judges_flop for one in leads)
    validated = training.epochs * rollout.flop(found.leads, found.leads)
    return trained * windows_of(config, "train") + validated * windows_of(config, "validation")


def leads_of_epochs(training: Training, found: Size) -> list[int]:
    """How far the forecasts of each epoch go."""
    return [training.leads_of_epoch(epoch) or found.leads for epoch in range(training.epochs)]


def forecast_flop(config: Config, experiment: Experiment, *, windows: int, members: int) -> float:
    """Operations of the forecasts from so many windows."""
    found = size(config)
    return windows * members * rollout_of(experiment, found).flop(found.leads, found.leads)


def batch_bytes(config: Config, experiment: Experiment) -> float:
    """What a training holds of a batch beside what the network keeps."""
    found = size(config)
    return experiment.training.batch_size * WINDOW_COPIES * found.window_steps * found.step_bytes


def training_bytes(config: Config, experiment: Experiment) -> float:
    """What a training holds where it computes: batch, numbers for the gradient, parameters."""
    found, training = size(config), experiment.training
    rollout = rollout_of(experiment, found)
    short = 1.0 if training.precision == "32" else SHORT
    calls = rollout.calls_for(max(leads_of_epochs(training, found)), found.leads)
    of_window = calls * rollout.cost.kept * (2 if rollout.twice else 1) + rollout.judges_kept
    of_window += 2 * rollout.cost.held  # on the way back
    kept = short * FLOAT32 * (training.batch_size * of_window + calls * rollout.cost.fixed)
    return batch_bytes(config, experiment) + kept + PARAMETER_COPIES * FLOAT32 * rollout.cost.parameters


def chunk_bytes(config: Config, experiment: str) -> float:
    """What a process holds of the forecasts of a chunk of the store."""
    found, members = size(config), members_of(config, experiment)
    return LAST_COPIES * chunk_inits(members) * members * found.leads * found.targets * found.field_bytes


def forecast_bytes(config: Config, experiment: str) -> float:
    """What is held where the forecasts are computed: of a batch of windows, and the network."""
    found, members = size(config), members_of(config, experiment)
    rollout = rollout_of(config.experiments[experiment], found)
    batch = min(config.forecast.batch_size, chunk_inits(members) * members)
    given = found.known_steps * found.step_bytes * FIRST_COPIES + FLOAT32 * rollout.cost.held
    unrolled = 0 if rollout.calls == 1 else found.leads * found.step_bytes
    return batch * (given + unrolled) + 2 * FLOAT32 * rollout.cost.parameters


def members_of(config: Config, experiment: str) -> int:
    """Forecasts from each initial time."""
    return config.forecast.members if config.experiments[experiment].model.generative else 1


def chunk_inits(members: int) -> int:
    """Initial times in a chunk of the store."""
    return max(LEAST_INITS, CHUNK_INITS // members)
