import numpy as np
import numpy.typing as npt
import pytest
from scipy.fft import dctn

from windrow.grid import Grid, grid_of_rows
from windrow.verification.spectra import Bands, Spectra, bands_of, spacing_km, transform

Fields = npt.NDArray[np.float32]
SHAPE = (12, 16)
SQUARE = (10.0, 10.0)


def bands() -> Bands:
    return bands_of(SHAPE, spacing=SQUARE)


def noise(seed: int, inits: int = 6, leads: int = 2) -> Fields:
    fields = np.random.default_rng(seed).standard_normal((inits, leads, *SHAPE))
    return (280 + 5 * fields).astype(np.float32)


def wave(ny: int, nx: int, *, amplitude: float = 1.0) -> Fields:
    """A product of cosines with `ny` and `nx` half waves in the domain: one coefficient of the transform."""
    along = [np.cos(np.pi * n * (np.arange(size) + 0.5) / size) for n, size in zip((ny, nx), SHAPE, strict=True)]
    return np.asarray(280 + amplitude * np.outer(*along), dtype=np.float32)[None, None]


def spectra_of(forecast: Fields, truth: Fields, kinds: Bands | None = None) -> Spectra:
    spectra = Spectra(kinds or bands(), forecasts=1, leads=truth.shape[1])
    spectra.add([forecast], truth)
    return spectra


def test_the_transform_is_the_orthonormal_one_of_scipy() -> None:
    fields = noise(0)
    expected = dctn(fields.astype(np.float64), axes=(-2, -1), norm="ortho")
    found = transform(fields)
    found[..., 0, 0] = expected[..., 0, 0]  # of the mean, which is not kept
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_bands_of_a_square_domain_are_those_of_denis_et_al() -> None:
    # sqrt(m² + n²), by hand: (2, 2) is 2.83 and in band 2, (2, 3) is 3.6 and in band 3, (3, 3) is 4.24
    found = bands_of((4, 4), spacing=(10.0, 10.0))
    expected = [[-1, 0, 1, 2], [0, 0, 1, 2], [1, 1, 1, 2], [2, 2, 2, 3]]
    assert found.number.tolist() == expected
    np.testing.assert_allclose(found.wavelength_km, [80, 40, 80 / 3, 20])


def test_where_cells_are_longer_than_wide_the_wavelength_decides() -> None:
    found = bands_of((4, 8), spacing=(20.0, 10.0))
    assert found.number[3, 0] == found.number[0, 3] == 2
    assert found.number[0, 7] == 6
    np.testing.assert_allclose(found.wavelength_km[[2, 6]], [160 / 3, 160 / 7])


def test_what_is_longer_than_the_shorter_side_allows_is_in_the_first_band() -> None:
    found = bands_of((4, 8), spacing=(10.0, 10.0))
    assert found.number[0, :5].tolist() == [-1, 0, 0, 0, 1]


def test_a_domain_of_one_row_has_bands() -> None:
    assert bands_of((1, 4), spacing=(1.0, 10.0)).wavelength_km.tolist() == pytest.approx([80, 40, 80 / 3])


@pytest.mark.parametrize("spacing", [SQUARE, (33.0, 21.0)])
def test_the_power_of_all_bands_is_the_variance(spacing: tuple[float, float]) -> None:
    forecast, truth = noise(1), noise(2)
    found = spectra_of(forecast, truth, bands_of(SHAPE, spacing=spacing)).result()
    for place, fields in enumerate((forecast, truth)):
        variance = fields.astype(np.float64).var(axis=(-2, -1)).mean(axis=0)
        np.testing.assert_allclose(found.power[place].sum(axis=-1), variance, rtol=1e-5)


def test_a_wave_has_its_power_at_its_wavelength() -> None:
    found = spectra_of(wave(0, 8, amplitude=3.0), wave(6, 0)).result()
    kinds = bands()
    forecast, truth = (int(found.power[place, 0].argmax()) for place in (0, 1))
    assert kinds.wavelength_km[[forecast, truth]].tolist() == [2 * 160 / 8, 2 * 120 / 6]
    rounding = 1e-4  # of 283 K in float32
    assert found.power[0, 0, forecast] == pytest.approx(3.0**2 / 2, rel=rounding)
    assert found.power[:, 0].sum(axis=-1) == pytest.approx([4.5, 0.5], rel=rounding)


def test_the_coherence_is_one_where_the_forecast_is_the_truth_damped_and_minus_one_where_it_is_reversed() -> None:
    truth = noise(3)
    np.testing.assert_allclose(spectra_of(280 + (truth - 280) / 2, truth).result().coherence, 1, atol=1e-5)
    np.testing.assert_allclose(spectra_of(560 - truth, truth).result().coherence, -1, atol=1e-5)


def test_a_forecast_that_knows_only_the_long_waves_is_coherent_there_alone() -> None:
    shared, alone, other = wave(0, 2) - 280, wave(0, 12) - 280, wave(9, 0) - 280
    found = spectra_of(280 + shared + other, 280 + shared + alone).result().coherence[0, 0]
    kinds = bands()
    assert found[kinds.number[0, 2]] == pytest.approx(1, abs=1e-4)
    assert kinds.number[9, 0] == kinds.number[0, 12]
    assert found[kinds.number[9, 0]] == pytest.approx(0, abs=1e-4)


def test_independent_noise_lowers_the_coherence_as_the_signal_to_noise_ratio_says() -> None:
    truth, error = noise(4, 60, 1), noise(5, 60, 1)
    coherence = spectra_of(truth + error - 280, truth).result().coherence[0, 0]
    # as strong as the signal: 1 / sqrt(2) in each band, to three standard errors of a correlation
    counts = np.bincount(bands().number.ravel() + 1)[1:] * 60
    assert (np.abs(coherence - 0.5**0.5) < 3 * 0.5 / np.sqrt(counts)).all()


def test_parts_and_merged_sums_are_the_same_as_all_at_once() -> None:
    forecasts, truth = [noise(6, 40), noise(7, 40)], noise(8, 40)
    whole = Spectra(bands(), forecasts=2, leads=2)
    whole.add(forecasts, truth)
    first, second = (Spectra(bands(), forecasts=2, leads=2) for _ in range(2))
    for spectra, start, stop in ((first, 0, 1), (second, 1, 35), (first, 35, 40)):
        spectra.add([fields[start:stop] for fields in forecasts], truth[start:stop])
    first.merge(second)
    ours, theirs = whole.result(), first.result()
    np.testing.assert_allclose(theirs.power, ours.power, rtol=1e-6)
    np.testing.assert_allclose(theirs.coherence, ours.coherence, atol=1e-6)
    assert theirs.samples.tolist() == ours.samples.tolist() == [40, 40]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_with_a_point_without_value_is_left_out_for_all_and_counted(bad: float) -> None:
    forecasts, truth = [noise(9), noise(10)], noise(11)
    forecasts[1][2, 1, 3, 4] = bad
    found = Spectra(bands(), forecasts=2, leads=2)
    found.add(forecasts, truth)
    rest = [np.delete(fields, 2, axis=0)[:, 1:] for fields in (*forecasts, truth)]
    expected = Spectra(bands(), forecasts=2, leads=1)
    expected.add(rest[:2], rest[2])
    result = found.result()
    assert (result.samples.tolist(), result.left_out.tolist()) == ([6, 5], [0, 1])
    np.testing.assert_allclose(result.power[:, 1:], expected.result().power, rtol=1e-6)


def test_without_a_sample_there_is_no_spectrum() -> None:
    result = Spectra(bands(), forecasts=1, leads=1).result()
    assert np.isnan(result.power).all()
    assert np.isnan(result.coherence).all()


def test_the_spacing_of_rows_is_that_of_the_middle_latitude() -> None:
    grid = grid_of_rows(np.arange(59, 61.1, 0.5), np.arange(0, 5, 0.5))
    degree = 2 * np.pi * 6371.229 / 360
    assert spacing_km(grid) == pytest.approx((degree / 2, degree / 4))  # cos 60° is one half


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [("lambert_conformal_conic", (0.002, 0.003)), ("rotated_latitude_longitude", (222.398, 333.597))],
)
def test_the_spacing_of_a_projected_grid_is_that_of_its_own_coordinates(
    mapping: str, expected: tuple[float, float]
) -> None:
    y, x = np.array([-2.0, 0.0, 2.0]), np.array([0.0, 3.0])
    there = np.full((3, 2), 50.0)
    grid = Grid(("y", "x"), y, x, there, there, {"grid_mapping_name": mapping})
    assert spacing_km(grid) == pytest.approx(expected, rel=1e-4)
