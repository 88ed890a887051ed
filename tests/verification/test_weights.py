import numpy as np
import pytest

from windrow.errors import UserError
from windrow.grid import grid_of_rows
from windrow.verification.weights import region_mask, weights_of
from windrow.verification_settings import Region

GRID = grid_of_rows([60.0, 30.0, 0.0], [0.0, 1.0])
FIELD = np.array([[1.0, 3.0], [5.0, 7.0], [9.0, 13.0]])


def test_means_are_of_all_points_alike_and_by_the_cosine_of_the_latitude() -> None:
    found = weights_of(GRID, {}).mean(FIELD)
    half = np.sqrt(3) / 2
    by_area = (0.5 * 4 + half * 12 + 1.0 * 22) / (2 * (0.5 + half + 1.0))
    np.testing.assert_allclose(found, [[38 / 6, by_area]])


def test_a_region_has_means_of_its_points_behind_those_of_the_domain() -> None:
    weights = weights_of(GRID, {"north": Region(south=20, north=70, west=0.5, east=2)})
    assert weights.regions == ("domain", "north")
    half = np.sqrt(3) / 2
    np.testing.assert_allclose(
        weights.mean(FIELD)[1], [(3 + 7) / 2, (0.5 * 3 + half * 7) / (0.5 + half)], rtol=1e-12
    )


def test_points_without_a_value_are_left_out_of_their_field_alone() -> None:
    gappy = FIELD.copy()
    gappy[2] = np.nan
    found = weights_of(GRID, {}).mean(np.stack([FIELD, gappy, np.full((3, 2), np.nan)]))
    assert found[:2, 0, 0].tolist() == pytest.approx([38 / 6, 4.0])
    assert found[1, 0, 1] == pytest.approx((0.5 * 4 + np.sqrt(3) / 2 * 12) / (1 + np.sqrt(3)))
    assert np.isnan(found[2]).all()


def test_a_region_without_a_value_is_nan_where_the_domain_is_not() -> None:
    gappy = FIELD.copy()
    gappy[0, 1] = np.nan
    weights = weights_of(GRID, {"corner": Region(south=50, north=70, west=0.5, east=2)})
    found = weights.mean(gappy)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_the_boundary_has_no_weight() -> None:
    grid = grid_of_rows(np.arange(5.0), np.arange(6.0))
    field = np.zeros((5, 6))
    field[1:-1, 1:-1] = 2.0
    assert weights_of(grid, {}, boundary_width=1).mean(field[1:-1, 1:-1])[0, 0] == pytest.approx(2.0)


def test_a_region_may_cross_the_date_line_and_number_longitudes_as_it_likes() -> None:
    grid = grid_of_rows([0.0], [170.0, 180.0, 190.0, 200.0])
    assert region_mask(grid, Region(south=-1, north=1, west=175, east=-170)).tolist() == [
        [False, True, True, False]
    ]
    assert region_mask(grid, Region(south=-1, north=1, west=-180, east=180)).all()
    assert region_mask(grid, Region(south=-1, north=1, west=-180, east=-170)).tolist() == [
        [False, True, True, False]
    ]


def test_the_edges_of_a_region_belong_to_it_however_they_were_rounded() -> None:
    grid = grid_of_rows([50.0000002], [9.9999998, 10.0, 20.0000002])
    assert region_mask(grid, Region(south=50, north=51, west=10, east=20)).all()


def test_a_region_outside_of_the_domain_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"the region far holds no point of the domain; widen verification\.regions\.far"
    ):
        weights_of(GRID, {"far": Region(south=-50, north=-40, west=0, east=1)})
