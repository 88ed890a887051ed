"""What is unpacked for a domain alone is what eccodes decodes, bit for bit."""

import os
from pathlib import Path

import eccodes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.grib.decode import Fields, Place
from windrow.grib.decoder import decoded
from windrow.grib.framing import message_at
from windrow.grib.packing import Selection, packing_of

NY, NX = 7, 9
KEYS = {
    "Ni": NX,
    "Nj": NY,
    "latitudeOfFirstGridPointInDegrees": 50,
    "latitudeOfLastGridPointInDegrees": 44,
    "longitudeOfFirstGridPointInDegrees": 0,
    "longitudeOfLastGridPointInDegrees": 8,
    "iDirectionIncrementInDegrees": 1,
    "jDirectionIncrementInDegrees": 1,
}


def encoded(
    values: npt.NDArray[np.float64], *, edition: int, bits: int, decimal_scale: int = 0, **keys: object
) -> bytes:
    handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
    points = {"numberOfDataPoints": NY * NX} if edition == 2 else {}
    try:
        for key, value in {
            **KEYS,
            **points,
            "bitsPerValue": bits,
            "decimalScaleFactor": decimal_scale,
            **keys,
        }.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, values.ravel())
        content: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    return content


def unpacked(path: Path, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.float64] | None:
    with path.open("rb") as stream:
        descriptor = stream.fileno()
        frame = message_at(descriptor, 0, os.fstat(descriptor).st_size)
        packing = packing_of(descriptor, frame, 0)
        return None if packing is None else Selection(indices).unpacked(descriptor, frame, packing)


SELECTIONS = {
    "rows": np.arange(NY * NX).reshape(NY, NX)[2:5, 3:7],
    "northward": np.arange(NY * NX).reshape(NY, NX)[4:1:-1, 3:7],
    "across the seam": np.arange(NY * NX).reshape(NY, NX)[2:5][:, [7, 8, 0, 1]],
    "columns first": np.arange(NY * NX).reshape(NX, NY).T[1:3, 2:6],
    "one point": np.arange(NY * NX).reshape(NY, NX)[6:, 8:],
}


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    edition=st.sampled_from([1, 2]),
    bits=st.integers(1, 32),
    decimal_scale=st.integers(-4, 4),
    range_of_values=st.sampled_from([(0.0, 1e-6), (-1e-3, 1e-2), (273.15, 9.0), (101325.0, 3e3), (-5e5, 1.0)]),
    selection=st.sampled_from(sorted(SELECTIONS)),
    seed=st.integers(0, 9),
)
def test_the_points_of_a_domain_are_unpacked_as_eccodes_decodes_them(
    tmp_path_factory: pytest.TempPathFactory,
    edition: int,
    bits: int,
    decimal_scale: int,
    range_of_values: tuple[float, float],
    selection: str,
    seed: int,
) -> None:
    offset, scale = range_of_values
    values = offset + scale * np.random.default_rng(seed).normal(size=(NY, NX))
    content = encoded(values, edition=edition, bits=bits, decimal_scale=decimal_scale)
    path = tmp_path_factory.getbasetemp() / "packed.grib"
    path.write_bytes(content)
    indices = SELECTIONS[selection]
    found = unpacked(path, indices)
    if found is not None:  # eccodes writes a constant field where the scales leave nothing of it
        np.testing.assert_array_equal(found, decoded(content, NY * NX)[indices])


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize(
    "keys",
    [
        {"bitmapPresent": 1, "missingValue": -99.0},
        {"packingType": "grid_second_order"},
        {"packingType": "grid_ccsds"},
    ],
    ids=["bitmap", "second order", "ccsds"],
)
def test_what_is_not_simply_packed_is_left_to_eccodes(
    tmp_path: Path, edition: int, keys: dict[str, object]
) -> None:
    if edition == 1 and keys.get("packingType") == "grid_ccsds":
        pytest.skip("edition 1 has no such packing")
    values = np.random.default_rng(1).normal(280.0, 5.0, size=(NY, NX))
    if "bitmapPresent" in keys:
        values[3, 4] = -99.0
    content = encoded(values, edition=edition, bits=16, **keys)
    (tmp_path / "a.grib").write_bytes(content)
    indices = SELECTIONS["rows"]
    assert unpacked(tmp_path / "a.grib", indices) is None
    with Fields(tmp_path, {}, indices, NY * NX) as fields:
        found = fields.read(Place("a.grib", 0, len(content)))
    np.testing.assert_array_equal(found, decoded(content, NY * NX)[indices])
    assert np.isnan(found).sum() == ("bitmapPresent" in keys)
    np.testing.assert_allclose(found[~np.isnan(found)], values[2:5, 3:7][~np.isnan(found)], atol=1e-3)


def test_a_constant_field_is_decoded_too(tmp_path: Path) -> None:
    content = encoded(np.full((NY, NX), 3.5), edition=1, bits=16)
    (tmp_path / "a.grib").write_bytes(content)
    assert unpacked(tmp_path / "a.grib", SELECTIONS["rows"]) is None
    with Fields(tmp_path, {}, SELECTIONS["rows"], NY * NX) as fields:
        np.testing.assert_array_equal(fields.read(Place("a.grib", 0, len(content))), np.full((3, 4), 3.5))
