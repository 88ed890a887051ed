"""Cut the domain and the variables of one month out of the archive into netCDF."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--inventory", required=True, type=Path, help="the month's inventory (JSON)")
    parser.add_argument("--output", required=True, type=Path, help="the month's fields (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Check that every hour is there, then decode and write field by field."""
    import datetime as dt

    import numpy as np

    from windrow import __version__, extracted, stages
    from windrow.configfile import canonical
    from windrow.errors import UserError
    from windrow.files import read_json, written_beside
    from windrow.grib.decode import read_field
    from windrow.grib.grid import crop_to
    from windrow.grib.inventory import grid_of, places_of

    settings = stages.read_settings(stages.Extract, args.settings, stage="extract")
    inventory = read_json(args.inventory)
    places = {variable: places_of(inventory, variable) for variable in settings.variables}
    crop = crop_to(grid_of(inventory, settings.variables), settings.domain)
    first = dt.datetime.fromisoformat(inventory["first"])
    step = dt.timedelta(hours=settings.step_hours)
    times = [first + index * step for index in range(inventory["expected"])]
    names = ("units", "standard_name", "long_name")
    with (
        written_beside(args.output) as beside,
        extracted.created(
            beside,
            times=times,
            latitude=crop.latitude,
            longitude=crop.longitude,
            variables={
                variable: {name: _known(inventory["variables"][variable][name]) for name in names}
                for variable in settings.variables
            },
            attributes={"source": f"windrow {__version__}", "windrow_settings": canonical(settings)},
        ) as file,
    ):
        for index in range(len(times)):
            for variable in settings.variables:
                place = places[variable][index * settings.step_hours]
                field = read_field(Path(settings.root), *place, crop)
                if np.isnan(field).any():
                    raise UserError(
                        f"{variable} has points without a value at {times[index].isoformat()}; "
                        "choose another domain or take the variable out of dataset.variables"
                    )
                file[variable][index] = field
    print(f"{args.output}: {len(times)} times, {len(settings.variables)} variables")


def _known(text: str) -> str:
    """GRIB writes `unknown` where it has no name; CF leaves the attribute out."""
    return "" if text == "unknown" else text
