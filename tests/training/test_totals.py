import numpy as np
import pytest
import torch

from windrow.training.totals import Totals


def test_means_are_over_windows_and_not_over_batches() -> None:
    totals = Totals(leads=2, targets=1)
    totals.add(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([[4.0, 1.0]] * 3)[..., None])
    totals.add(torch.tensor([10.0]), torch.tensor([[16.0, 9.0]])[..., None])
    loss, errors = totals.means()
    assert loss == 4.0
    # the root of the mean, not the mean of the roots
    np.testing.assert_allclose(errors.numpy(), [[np.sqrt(28 / 4)], [np.sqrt(12 / 4)]])


def test_errors_keep_their_lead_and_target() -> None:
    totals = Totals(leads=3, targets=2)
    errors = torch.arange(6.0).reshape(1, 3, 2)
    totals.add(torch.zeros(1), errors**2)
    torch.testing.assert_close(totals.means()[1], errors[0].double())


def test_a_batch_that_does_not_count_adds_nothing() -> None:
    totals = Totals(leads=1, targets=1)
    totals.add(torch.tensor([1.0]))
    totals.add(torch.tensor([float("nan")]), counted=False)
    assert totals.means()[0] == 1.0


def test_an_epoch_begins_anew() -> None:
    totals = Totals(leads=1, targets=1)
    totals.add(torch.tensor([5.0]))
    totals.reset()
    totals.add(torch.tensor([1.0]))
    assert totals.means()[0] == 1.0


def test_many_small_losses_are_added_without_loss() -> None:
    totals = Totals(leads=1, targets=1)
    for _ in range(1000):
        totals.add(torch.full((1000,), 0.1))
    assert totals.means()[0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_sums_are_no_part_of_the_weights_and_keep_no_graph() -> None:
    totals = Totals(leads=1, targets=1)
    totals.add(torch.ones(2, requires_grad=True) * 2)
    assert not totals.state_dict()
    assert not totals.sums.requires_grad
