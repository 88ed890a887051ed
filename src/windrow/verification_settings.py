"""The settings of the verification: baselines, archives, regions, thresholds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from windrow.strict import NAME, Strict, refuse, repeated


class External(Strict):
    """An archive of forecasts of another model, on the points of the dataset."""

    files: str = Field(
        min_length=1,
        description="Its files, netCDF or GRIB: a glob, absolute or from the working directory.",
    )
    variables: dict[str, str] = Field(
        default={},
        description="Names of the targets in the archive, where they are others: `{2t: t2m}`.",
    )


class Region(Strict):
    """A part of the domain that gets scores of its own."""

    south: float = Field(ge=-90, le=90, description="Southern edge (degrees north).")
    north: float = Field(ge=-90, le=90, description="Northern edge (degrees north).")
    west: float = Field(ge=-360, le=360, description="Western edge (degrees east).")
    east: float = Field(
        ge=-360, le=360, description="Eastern edge (degrees east); below `west` it is one turn further on."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Region:
        refuse(["south: it is not below north; swap them"] if self.south >= self.north else [])
        return self


def _odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError(f"{width} points have no middle one; take an odd number")
    return width


class Bootstrap(Strict):
    """How the uncertainty of the scores is found: other days are drawn from those that were verified."""

    block_days: int = Field(
        default=7,
        ge=1,
        description="Length of the blocks that are drawn; shortened, to no less than 3, where the split holds fewer "
        "than 5 of them (days).",
    )
    resamples: int = Field(default=1000, ge=100, description="Number of resamples.")
    seed: int = Field(default=42, ge=0, description="Seed of the draw.")
    moving: bool = Field(
        default=True, description="Blocks begin on any day; otherwise the days are cut into blocks once."
    )


class Verification(Strict):
    """Which forecasts are compared with what."""

    splits: tuple[Literal["train", "validation", "test"], ...] = Field(
        default=("test",), min_length=1, description="Splits that are forecast and scored."
    )
    baselines: tuple[Literal["persistence", "day_before", "climatology", "damped_persistence"], ...] = Field(
        default=("persistence", "day_before", "climatology", "damped_persistence"),
        description="Forecasts to beat: the last field held; the same hour of the day before; the training "
        "split's mean per month, hour of day and point; that mean plus the last field's departure from it times a "
        "factor per lead time, fitted on the training split.",
    )
    external: dict[Annotated[str, Field(pattern=NAME)], External] = Field(
        default={},
        description="Archives of other models' forecasts by name, scored on the same samples. Initial times that an "
        "archive lacks are left out for all.",
    )
    regions: dict[Annotated[str, Field(pattern=NAME)], Region] = Field(
        default={}, description="Parts of the domain that are scored by themselves as well, by name."
    )
    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.05, 0.5, 0.95),
        description="Quantiles of the truth, of each variable, that the threshold scores are for; none: no such "
        "scores.",
    )
    neighbourhoods: tuple[Annotated[int, Field(ge=1), AfterValidator(_odd)], ...] = Field(
        default=(1, 3, 9), description="Widths of the squares of the fractions skill score (points, odd numbers)."
    )
    data_range: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="Range of values that SSIM and PSNR take for a variable (units of the variable). Without it: "
        "maximum minus minimum in the training split.",
    )

    bootstrap: Bootstrap = Field(default=Bootstrap(), description="The bands of the scores and the significance.")

    @model_validator(mode="after")
    def _unique(self) -> Verification:
        problems = [
            problem
            for key in ("splits", "baselines", "thresholds", "neighbourhoods")
            for problem in repeated(key, map(str, getattr(self, key)))
        ]
        if "domain" in self.regions:
            problems.append("regions.domain: this name means all points; give the region another name")
        refuse(problems)
        return self
