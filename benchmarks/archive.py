"""Write the benchmark's input: hourly GRIB 1 on a global grid, 16-bit simple packing, as ERA5 comes from MARS.

Encoding every field would take longer than the benchmark. So 24 fields of each variable are encoded by eccodes, one
per hour of the day, and every day turns them further around the globe and gets its own date in the header: all
messages are valid and no two of them hold the same values. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import eccodes
import numpy as np
import numpy.typing as npt

PARAMETERS = {"2t": 167, "tcc": 164, "msl": 151}
DRIFT_DEGREES = 11.0  # eastward a day: no two of 30 days meet
BITS = 16
HEADER_DATE = slice(20, 24)  # year of the century, month, day, hour: octets 13 to 16 of section 1
END_BYTES = 4  # 7777


def field(variable: str, hour: int, step: float) -> npt.NDArray[np.float64]:
    """A plausible field (latitude from north to south, longitude from 0° east), in the units of the variable."""
    latitude = np.radians(90.0 - step * np.arange(round(180 / step) + 1))[:, None]
    longitude = np.radians(step * np.arange(round(360 / step)))[None, :]
    noise = np.random.default_rng([PARAMETERS[variable], hour]).standard_normal(
        (latitude.size, longitude.size), dtype=np.float32
    )
    waves = sum(
        np.cos(latitude) ** 2 * np.sin(number * longitude + 0.26 * hour + number) * np.sin(3 * latitude + number)
        for number in (3, 5, 8)
    )
    sun = np.cos(longitude + 2 * np.pi * hour / 24) * np.cos(latitude)
    if variable == "2t":
        return 255.0 + 42.0 * np.cos(latitude) ** 2 + 5.0 * waves + 4.0 * sun + 0.3 * noise
    if variable == "tcc":
        return np.asarray(np.clip(0.5 + 0.4 * waves + 0.05 * noise, 0.0, 1.0))
    return 101000.0 + 900.0 * waves + 100.0 * sun + 5.0 * noise


def template(step: float) -> int:
    """A GRIB 1 message handle on the global grid."""
    handle: int = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    keys = {
        "centre": "ecmf",
        "table2Version": 128,
        "typeOfLevel": "surface",
        "level": 0,
        "Ni": round(360 / step),
        "Nj": round(180 / step) + 1,
        "latitudeOfFirstGridPointInDegrees": 90.0,
        "latitudeOfLastGridPointInDegrees": -90.0,
        "longitudeOfFirstGridPointInDegrees": 0.0,
        "longitudeOfLastGridPointInDegrees": 360.0 - step,
        "iDirectionIncrementInDegrees": step,
        "jDirectionIncrementInDegrees": step,
        "bitsPerValue": BITS,
    }
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    return handle


def encoded_fields(step: float, first: dt.date) -> dict[str, list[npt.NDArray[np.uint8]]]:
    """For each variable the messages of the 24 hours of the first day."""
    handle = template(step)
    eccodes.codes_set(handle, "dataDate", first.year * 10000 + first.month * 100 + first.day)
    found: dict[str, list[npt.NDArray[np.uint8]]] = {}
    for variable, number in PARAMETERS.items():
        eccodes.codes_set(handle, "indicatorOfParameter", number)
        found[variable] = []
        for hour in range(24):
            eccodes.codes_set(handle, "dataTime", hour * 100)
            eccodes.codes_set_values(handle, field(variable, hour, step).ravel())
            found[variable].append(np.frombuffer(eccodes.codes_get_message(handle), dtype=np.uint8))
    eccodes.codes_release(handle)
    return found


def turned(message: npt.NDArray[np.uint8], date: dt.date, day: int, step: float) -> npt.NDArray[np.uint8]:
    """The message of the same hour `day` days later: its packed rows rolled eastward, its date set."""
    rows, columns = round(180 / step) + 1, round(360 / step)
    size = rows * columns * BITS // 8
    start = message.size - END_BYTES - size - (size + 11) % 2  # section 4 has 11 bytes of header, an even length
    copy = message.copy()
    copy[HEADER_DATE] = date.year % 100, date.month, date.day, message[HEADER_DATE][3]
    packed = copy[start : start + size].view(np.uint16).reshape(rows, columns)
    packed[:] = np.roll(packed, round(day * DRIFT_DEGREES / step), axis=1)
    return copy


def days_of(first: dt.date, days: int) -> Iterator[tuple[int, dt.date]]:
    """Number and date of every day."""
    return ((day, first + dt.timedelta(days=day)) for day in range(days))


def write(root: Path, first: dt.date, days: int, *, step: float, one_file_per: str) -> None:
    """Write `YYYY/MM/YYYYMMDD.grb` for each day, or `YYYY/MM/YYYYMM.grb` for each month."""
    fields = encoded_fields(step, first)
    name = {"day": "%Y/%m/%Y%m%d.grb", "month": "%Y/%m/%Y%m.grb"}[one_file_per]
    for day, date in days_of(first, days):
        path = root / date.strftime(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            for hour in range(24):
                for variable in PARAMETERS:
                    stream.write(turned(fields[variable][hour], date, day, step).data)


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="new directory of the archive")
    parser.add_argument("--first", type=dt.date.fromisoformat, required=True, help="first day, YYYY-MM-DD")
    parser.add_argument("--days", type=int, required=True, help="number of days")
    parser.add_argument("--step", type=float, default=0.25, help="distance of the grid points (degrees)")
    parser.add_argument("--one-file-per", choices=("day", "month"), default="day")
    args = parser.parse_args()
    write(args.root, args.first, args.days, step=args.step, one_file_per=args.one_file_per)


if __name__ == "__main__":
    main()
