"""Normal distributions with independent components, given by mean and logarithm of the variance."""

from __future__ import annotations

from torch import Tensor

LOG_VARIANCE_LIMIT = 10.0  # beyond it the exponential is of no use in single precision; Lee et al. clip there too


def draw(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Turn unit normal noise into draws (Kingma and Welling 2014, section 2.4); all of one shape."""
    return mean + (log_variance / 2).exp() * noise


def divergence_from_unit(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the unit normal distribution, summed over the last dimension.

    Kingma and Welling (2014), arXiv 1312.6114, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
