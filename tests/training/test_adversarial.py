"""The losses of networks that are trained against each other, on numbers worked out by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from windrow.training.adversarial import (
    AdversarialLosses,
    Videos,
    discriminator_loss,
    feature_distance,
    score_loss,
    total,
)
from windrow.training_settings import Adversarial


class Judge(nn.Module):
    """The score is a factor times the mean of the video, the only feature is the video itself."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.seen: list[Tensor] = []

    def forward(self, video: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.seen.append(video)
        return self.factor * video.flatten(1).mean(1, keepdim=True), [video.transpose(1, 2)]


def judges() -> dict[str, Judge]:
    return {"gan": Judge(1.0), "vae_gan": Judge(2.0)}


def video(*values: float) -> Tensor:
    """One step, one row: as many points as values, of one variable and one window."""
    return torch.tensor(values).view(1, 1, 1, 1, -1)


def test_scores_are_compared_window_by_window() -> None:
    scores = torch.tensor([[0.0, 2.0], [1.0, 4.0]])
    assert score_loss(scores, 1).tolist() == [1.0, 4.5]
    assert score_loss(scores, 0).tolist() == [2.0, 8.5]


def test_a_discriminator_that_tells_all_apart_has_no_loss() -> None:
    assert discriminator_loss(torch.ones(3, 2), torch.zeros(3, 2)).tolist() == [0, 0, 0]
    assert discriminator_loss(torch.zeros(1, 2), torch.ones(1, 2)).tolist() == [2]


def test_the_distance_of_features_is_one_less_their_cosine_summed_over_layers() -> None:
    # two features at two points: the first pair at right angles, the second opposite
    one = torch.tensor([[[3.0, 1.0], [0.0, 1.0]]])
    other = torch.tensor([[[0.0, -2.0], [5.0, -2.0]]])
    assert feature_distance([one], [other]).item() == pytest.approx((1 + 2) / 2)
    assert feature_distance([one, one], [other, one]).item() == pytest.approx(1.5)


def test_the_terms_of_both_sides_are_those_worked_out_by_hand() -> None:
    losses = AdversarialLosses(Adversarial(gan=0.5, vae_gan=0.25, features=10.0), judges())
    videos = Videos(prior=video(3.0, 3.0), posterior=video(1.0, -1.0), truth=video(2.0, 2.0))
    found = {name: term.item() for name, term in losses.discriminator(videos).items()}
    # scores: gan 2 of the truth, 3 of the forecast; vae_gan 4 and 0
    assert found == pytest.approx({"gan": 0.5 * ((2 - 1) ** 2 + 3**2), "vae_gan": 0.25 * ((4 - 1) ** 2 + 0)})
    found = {name: term.item() for name, term in losses.generator(videos).items()}
    # one variable: the cosine is the product of the signs
    assert found == pytest.approx({"gan": 0.5 * (3 - 1) ** 2, "vae_gan": 0.25, "features": 10.0})


def test_the_sum_of_terms_is_that_of_each_window() -> None:
    assert total({"one": torch.tensor([1.0, 2.0]), "other": torch.tensor([3.0, -2.0])}).tolist() == [4, 0]


def test_no_gradient_of_the_discriminators_loss_reaches_the_forecasts() -> None:
    prior, posterior = video(1.0, 2.0).requires_grad_(), video(3.0, 4.0).requires_grad_()
    opposed = judges()
    losses = AdversarialLosses(Adversarial(), opposed)
    total(losses.discriminator(Videos(prior, posterior, video(0.0, 1.0)))).sum().backward()
    assert prior.grad is None
    assert posterior.grad is None
    assert all(judge.factor.grad is not None for judge in opposed.values())


def test_a_generators_gradient_reaches_both_forecasts() -> None:
    prior, posterior = video(1.0, 2.0).requires_grad_(), video(3.0, 4.0).requires_grad_()
    losses = AdversarialLosses(Adversarial(features=0), judges())
    total(losses.generator(Videos(prior, posterior, video(0.0, 1.0)))).sum().backward()
    # 0.1 * d/dx of (mean - 1)^2 = 0.1 * 2 * (1.5 - 1) / 2; and of (2 * mean - 1)^2 = 0.1 * 2 * (7 - 1) * 2 / 2
    torch.testing.assert_close(prior.grad, video(0.05, 0.05))
    torch.testing.assert_close(posterior.grad, video(1.2, 1.2))


def test_what_has_no_factor_is_not_computed() -> None:
    opposed = judges()
    losses = AdversarialLosses(Adversarial(gan=0, vae_gan=0, features=0), opposed)
    videos = Videos(video(1.0), video(2.0), video(3.0))
    assert not losses.opposed
    assert losses.generator(videos) == losses.discriminator(videos) == {}
    assert not opposed["gan"].seen
    assert not opposed["vae_gan"].seen


def test_a_discriminator_whose_features_alone_count_learns() -> None:
    losses = AdversarialLosses(Adversarial(gan=0, vae_gan=0, features=1), judges())
    videos = Videos(video(1.0), video(2.0), video(3.0))
    assert losses.opposed
    # scores of the vae_gan judge: 6 of the truth, 4 of the forecast
    assert losses.discriminator(videos)["vae_gan"].item() == pytest.approx(25 + 16)
    assert list(losses.generator(videos)) == ["features"]


def test_parts_of_videos_are_of_the_same_steps_and_all_of_them_occur() -> None:
    steps = torch.arange(5.0).view(1, 5, 1, 1, 1).expand(2, 5, 1, 1, 3)
    videos = Videos(steps, steps + 10, steps + 20)
    torch.manual_seed(0)
    firsts = set()
    for _ in range(50):
        part = videos.part(3)
        first = part.truth[0, 0, 0, 0, 0].item() - 20
        assert part.truth[0, :, 0, 0, 0].tolist() == [20 + first, 21 + first, 22 + first]
        assert torch.equal(part.prior + 20, part.truth)
        assert torch.equal(part.posterior + 10, part.truth)
        firsts.add(first)
    assert firsts == {0, 1, 2}


def test_a_video_that_is_shorter_than_a_part_is_taken_as_a_whole() -> None:
    videos = Videos(*(torch.rand(1, 4, 1, 2, 2) for _ in range(3)))
    assert torch.equal(videos.part(10).truth, videos.truth)


def test_the_cosine_of_vanishing_features_is_no_nan() -> None:
    assert math.isfinite(feature_distance([torch.zeros(1, 2, 3)], [torch.zeros(1, 2, 3)]).item())
