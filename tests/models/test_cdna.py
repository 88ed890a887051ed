"""Fields moved by kernels."""

import numpy as np
import pytest
import torch

from windrow.models.cdna import apply_kernels, normalised_kernels


def kernel_with(place: tuple[int, int], width: int = 5) -> torch.Tensor:
    kernel = torch.zeros(width, width)
    kernel[place] = 1
    return kernel


def test_a_kernel_shifts_a_field_and_repeats_its_edge() -> None:
    field = torch.arange(24.0).view(1, 2, 3, 4)
    # what is two columns to the right and one row up of the middle comes to each point
    moved = apply_kernels(field, kernel_with((1, 4)).expand(1, 1, 5, 5))
    rows, columns = [0, 0, 1], [2, 3, 3, 3]
    assert torch.equal(moved[0, 0], field[0][:, rows][:, :, columns])


def test_each_sample_meets_its_own_kernels() -> None:
    torch.manual_seed(0)
    field = torch.rand(2, 3, 6, 7)
    kernels = torch.rand(2, 4, 3, 3)
    moved = apply_kernels(field, kernels)
    assert moved.shape == (2, 4, 3, 6, 7)
    edged = np.pad(field.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(edged, (3, 3), axis=(2, 3))
    expected = np.einsum("sfyxab,stab->stfyx", around, kernels.numpy())
    torch.testing.assert_close(moved, torch.from_numpy(expected))


def test_without_departures_a_kernel_leaves_the_field_as_it_is() -> None:
    field = torch.rand(2, 3, 6, 7)
    moved = apply_kernels(field, normalised_kernels(torch.zeros(2, 4, 5, 5)))
    torch.testing.assert_close(moved, field[:, None].expand(2, 4, 3, 6, 7))


def test_kernels_are_not_negative_and_sum_to_one() -> None:
    torch.manual_seed(0)
    kernels = normalised_kernels(3 * torch.randn(20, 4, 5, 5))
    assert kernels.min() >= 0
    torch.testing.assert_close(kernels.sum((-2, -1)), torch.ones(20, 4))


def test_a_kernel_that_is_negative_everywhere_becomes_the_mean() -> None:
    kernels = normalised_kernels(torch.full((1, 1, 3, 3), -2.0))
    torch.testing.assert_close(kernels, torch.full((1, 1, 3, 3), 1 / 9))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_fields_are_moved_in_single_precision_under_mixed_precision(precision: torch.dtype) -> None:
    field = torch.tensor([1.0, 1.0 + 2**-20]).view(1, 1, 1, 2)  # both are 1 in 16 bits
    with torch.autocast("cpu", precision):
        moved = apply_kernels(field, kernel_with((1, 1), 3).expand(1, 1, 3, 3).to(precision))
    assert torch.equal(moved[0], field)
