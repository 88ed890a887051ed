import numpy as np
import torch

from windrow.grid import Grid, grid_of_rows
from windrow.training.boundary import boundary_mask, interior
from windrow.training.statics import static_fields


def test_the_boundary_is_as_wide_as_asked_for() -> None:
    assert boundary_mask(4, 5, 1).int().tolist() == [
        [1, 1, 1, 1, 1],
        [1, 0, 0, 0, 1],
        [1, 0, 0, 0, 1],
        [1, 1, 1, 1, 1],
    ]
    assert not boundary_mask(4, 5, 0).any()
    fields = torch.arange(20.0).reshape(1, 4, 5)
    assert interior(fields, 1).tolist() == [[[6.0, 7.0, 8.0], [11.0, 12.0, 13.0]]]
    assert interior(fields, 0).equal(fields)


def test_statics_have_the_mean_0_and_the_deviation_1() -> None:
    grid = grid_of_rows([50.0, 51.0, 52.0], [0.0, 1.0])
    heights = torch.tensor([[0.0, 100.0], [200.0, 300.0], [400.0, 500.0]])
    found = static_fields(("z", "longitude", "latitude"), grid, boundary_width=0, archived={"z": heights})
    assert found.shape == (3, 3, 2)
    assert found.dtype == torch.float32
    # 0…500 by 100: mean 250, variance 100² * 35 / 12
    expected = (heights - 250) / (100 * (35 / 12) ** 0.5)
    torch.testing.assert_close(found[0], expected)
    torch.testing.assert_close(found[1], torch.tensor([[-1.0, 1.0]]).expand(3, 2))
    torch.testing.assert_close(found[2], torch.tensor([-1.5, 0.0, 1.5])[:, None].expand(3, 2) * (2 / 3) ** 0.5)


def test_the_boundary_stays_0_or_1_and_a_field_without_relief_is_0() -> None:
    grid = grid_of_rows([50.0, 51.0, 52.0], [0.0, 1.0, 2.0])
    sea = {"lsm": torch.zeros(3, 3)}
    found = static_fields(("boundary", "lsm"), grid, boundary_width=1, archived=sea)
    assert found[0].tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    assert not found[1].any()


def test_no_statics_are_no_features() -> None:
    assert static_fields((), grid_of_rows([50.0, 51.0], [0.0]), boundary_width=0).shape == (0, 2, 1)


def test_longitude_has_no_jump_at_the_date_line() -> None:
    x = np.array([178.0, 179.0, -180.0, -179.0])
    y = np.array([60.0, 61.0])
    mapping = {"grid_mapping_name": "rotated_latitude_longitude"}
    grid = Grid(("y", "x"), y, x, np.repeat(y[:, None], 4, 1), np.repeat(x[None], 2, 0), mapping)
    found = static_fields(("longitude",), grid, boundary_width=0)[0, 0]
    torch.testing.assert_close(found, torch.tensor([-1.5, -0.5, 0.5, 1.5]) / 1.25**0.5)
