"""The losses of networks that are trained against each other, one number per window.

Lee et al. (2018), arXiv 1804.01523: forecasts from the posterior are compared with the truth and judged by one
discriminator, forecasts from the prior are judged by another. The losses of scores are the least squares of Mao et
al. (2017), arXiv 1611.04076, as in the authors' implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from windrow.training_settings import Adversarial

Terms = dict[str, Tensor]
Judge = Callable[[Tensor], tuple[Tensor, Sequence[Tensor]]]


def score_loss(scores: Tensor, wanted: float) -> Tensor:
    """Mean squared difference of the scores (window, ...) from the wanted one, (window,)."""
    return (scores.float() - wanted).square().flatten(1).mean(1)


def discriminator_loss(of_truth: Tensor, of_forecast: Tensor) -> Tensor:
    """Small where the truth has the score 1 and the forecast 0, (window,); scores: (window, ...)."""
    return score_loss(of_truth, 1) + score_loss(of_forecast, 0)


def feature_distance(of_forecast: Sequence[Tensor], of_truth: Sequence[Tensor]) -> Tensor:
    """Cosine distance of the features (window, feature, ...) at each point, its mean summed over layers: (window,)."""
    layers = [
        1 - functional.cosine_similarity(found.float(), wanted.float(), dim=1).flatten(1).mean(1)
        for found, wanted in zip(of_forecast, of_truth, strict=True)
    ]
    return torch.stack(layers).sum(0)


def total(terms: Terms) -> Tensor:
    """The sum of all terms, (window,)."""
    return torch.stack(list(terms.values())).sum(0)


@dataclass(frozen=True)
class Videos:
    """Forecasts with latent variables from the prior and from the posterior, and the truth.

    All (window, step, variable, y, x).
    """

    prior: Tensor
    posterior: Tensor
    truth: Tensor

    def part(self, steps: int) -> Videos:
        """So many steps at most, from a random one on, the same of all three."""
        length = self.truth.shape[1]
        first = int(torch.randint(max(length - steps, 0) + 1, ()))
        return Videos(*(video[:, first : first + steps] for video in (self.prior, self.posterior, self.truth)))


class AdversarialLosses:
    """The terms of both sides, each times its factor; a term whose factor is 0 is not computed.

    Parameters
    ----------
    discriminators
        `gan` for forecasts from the prior, `vae_gan` for those from the posterior: called with a video, they give
        scores (window, ...) and the features of their layers.
    """

    def __init__(self, factors: Adversarial, discriminators: Mapping[str, Judge]) -> None:
        self.factors, self.discriminators = factors, discriminators

    @property
    def opposed(self) -> bool:
        """Whether any discriminator takes part."""
        return bool(self.factors.gan or self.factors.vae_gan or self.factors.features)

    def discriminator(self, videos: Videos) -> Terms:
        """What the discriminators should lower; no gradient reaches the forecasts."""
        terms: Terms = {}
        if self.factors.gan:
            terms["gan"] = self.factors.gan * self._told_apart("gan", videos.prior, videos.truth)
        if self.factors.vae_gan or self.factors.features:
            # a discriminator whose features alone count learns as well
            factor = self.factors.vae_gan or 1.0
            terms["vae_gan"] = factor * self._told_apart("vae_gan", videos.posterior, videos.truth)
        return terms

    def _told_apart(self, name: str, forecast: Tensor, truth: Tensor) -> Tensor:
        scores, _ = self.discriminators[name](torch.cat([truth, forecast.detach()]))
        of_truth, of_forecast = scores.chunk(2)
        return discriminator_loss(of_truth, of_forecast)

    def generator(self, videos: Videos) -> Terms:
        """What the generator and the encoder should lower beside reconstruction and divergence."""
        terms: Terms = {}
        if self.factors.gan:
            scores, _ = self.discriminators["gan"](videos.prior)
            terms["gan"] = self.factors.gan * score_loss(scores, 1)
        if self.factors.vae_gan or self.factors.features:
            scores, features = self.discriminators["vae_gan"](videos.posterior)
            if self.factors.vae_gan:
                terms["vae_gan"] = self.factors.vae_gan * score_loss(scores, 1)
            if self.factors.features:
                with torch.no_grad():
                    _, of_truth = self.discriminators["vae_gan"](videos.truth)
                terms["features"] = self.factors.features * feature_distance(features, of_truth)
        return terms
