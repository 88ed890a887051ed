"""The Lightning module of a network that is trained against its discriminators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from windrow.models.gaussian import divergence_from_unit, draw
from windrow.models.savp import SAVPNetwork
from windrow.stages import Train
from windrow.training.adversarial import AdversarialLosses, Terms, Videos, total
from windrow.training.boundary import interior
from windrow.training.data import Batch
from windrow.training.losses import mae
from windrow.training.model import Surroundings
from windrow.training.module import ForecastModule
from windrow.training.named_tensor import NamedTensor
from windrow.training.optimisation import build_optimizer, build_schedule
from windrow.training.strategies import Given
from windrow.training_settings import Adversarial

VARIATIONAL = Adversarial(gan=0, vae_gan=0, features=0)


class AdversarialModule(ForecastModule):
    """Two optimisers in turn: the discriminators' first, then that of the generator and the encoder.

    Each batch is forecast twice: with latent variables from the posterior, which knows the truth, and with unit normal
    ones. Without `training.adversarial` the discriminators take no part: a variational network. The validation is that
    of the forecast with the mean of the prior.

    `global_step` counts the generator's steps.
    """

    def __init__(self, settings: Train, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self.automatic_optimization = False
        self.factors = self.training_settings.adversarial or VARIATIONAL
        judges: dict[str, Any] = dict(self.network.discriminators.items())
        self.adversarial = AdversarialLosses(self.factors, judges)

    @property
    def network(self) -> SAVPNetwork:
        """The network of the strategy."""
        network = self.model.strategy.network
        assert isinstance(network, SAVPNetwork)
        return network

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """A step of both optimisers; gives the generator's loss."""
        fields, videos, forecast, divergence = self._forecast_twice(batch)
        part = videos.part(self.factors.clip_steps)
        if self.adversarial.opposed:
            self._step(1, self._shared(self.adversarial.discriminator(part), batch))
        truth = self.truth_of(fields, forecast.size("time"))
        self.train_totals.add(self._losses(forecast, fields).detach(), counted=batch.share > 0)
        terms = {
            "reconstruction": self.factors.reconstruction * self._reconstruction(forecast, truth),
            "divergence": self.training_settings.kl_weight * divergence,
        }
        with frozen(self.network.discriminator_parameters()):
            loss = self._shared(terms | self.adversarial.generator(part), batch)
            self._step(0, loss)
        return loss.detach()

    def _shared(self, terms: Terms, batch: Batch) -> Tensor:
        return total(terms).sum() * batch.share

    def _forecast_twice(self, batch: Batch) -> tuple[NamedTensor, Videos, NamedTensor, Tensor]:
        """The fields, both forecasts and the truth, the posterior's forecast by name, its divergence (window,)."""
        model, count = self.model, batch.rows.shape[0]
        fields = model.normalised(batch.fields, batch.rows)
        leads = self.leads_of_epoch() or model.strategy.target_steps
        mean, log_variance = self.network.posterior(fields.tensor[:, : model.input_steps + leads])
        noise = draw(mean, log_variance, torch.randn_like(mean))
        given = model.given(fields, batch.calendar, leads=leads, noise=noise, taught=self._taught(count))
        forecast, _ = model.unroll(twice(given, torch.randn_like(noise)))
        posterior, prior = forecast.tensor.chunk(2)
        truth = self.truth_of(fields, leads)
        divergence = divergence_from_unit(mean, log_variance).mean(1)
        return fields, Videos(prior, posterior, truth.tensor), forecast.like(posterior), divergence

    def _reconstruction(self, forecast: NamedTensor, truth: NamedTensor) -> Tensor:
        forecast, truth = (part.select(*self.counted) for part in (forecast, truth))
        return mae(interior(forecast.tensor, self.width), interior(truth.tensor, self.width), self.weights)

    def _step(self, place: int, loss: Tensor) -> None:
        """Let one of the optimisers go a step, and its learning rate."""
        optimizers, schedules = self.optimizers(), self.lr_schedulers()
        assert isinstance(optimizers, list)
        assert isinstance(schedules, list)
        optimizer = optimizers[place]
        assert isinstance(optimizer, LightningOptimizer)
        self.manual_backward(loss)
        if place:
            # not through Lightning's wrapper, which would count a step
            self.trainer.strategy.optimizer_step(optimizer.optimizer, lambda: None, model=self)
        else:
            optimizer.step()
        # what the other optimiser's step would clip or check with its own gradients
        optimizer.zero_grad(set_to_none=True)
        schedules[place].step()  # type: ignore[call-arg]

    def configure_optimizers(self) -> Any:
        """One for the generator and the encoder, one for the discriminators, with the same schedule."""
        steps = self.training_settings.epochs * self.steps_per_epoch
        found = []
        for parameters in (self.network.generator_parameters(), self.network.discriminator_parameters()):
            optimizer = build_optimizer(self.training_settings, parameters)
            schedule = build_schedule(self.training_settings, optimizer, steps)
            found.append({"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}})
        return found


def twice(given: Given, noise: Tensor) -> Given:
    """All windows again, behind themselves, with other noise: both forecasts in one."""
    assert given.noise is not None
    return given._replace(
        inputs=_doubled(given.inputs),
        forcings=_doubled(given.forcings),
        truth=None if given.truth is None else _doubled(given.truth),
        noise=torch.cat([given.noise, noise]),
        taught=None if given.taught is None else _doubled(given.taught),
    )


def _doubled(part: Tensor) -> Tensor:
    return torch.cat([part, part])


@contextmanager
def frozen(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Without gradient for a while: what is judged learns, the judges do not."""
    held = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)
