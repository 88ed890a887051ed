"""What is summed over all samples, as sums of a part of them that merge: maps, spectra, conditions, ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.verification import conditional, spectra
from windrow.verification.conditional import Axis, Conditional
from windrow.verification.ensembles import RankHistogram
from windrow.verification.spectra import Bands, Spectra

Fields = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]


class Maps:
    """Sums of the errors and of their squares at each point, for one variable."""

    def __init__(self, shape: tuple[int, int], *, forecasts: int, leads: int) -> None:
        self.error = np.zeros((forecasts, leads, *shape))
        self.square = np.zeros((forecasts, leads, *shape))
        self.count = np.zeros((forecasts, leads, *shape), dtype=np.int64)

    def add(self, number: int, error: Floats, square: Floats) -> None:
        """Add the errors (init, lead, y, x) of a forecast and their squares; what is NaN counts in neither."""
        total = error.sum(axis=0)
        if np.isnan(total).any():
            valid = ~np.isnan(error)
            self.error[number] += np.where(valid, error, 0).sum(axis=0)
            self.square[number] += np.where(valid, square, 0).sum(axis=0)
            self.count[number] += valid.sum(axis=0)
        else:
            self.error[number] += total
            self.square[number] += square.sum(axis=0)
            self.count[number] += len(error)

    def merge(self, other: Maps) -> None:
        """Add the sums over other samples."""
        self.error += other.error
        self.square += other.square
        self.count += other.count

    def result(self) -> tuple[Floats, Floats]:
        """Mean error and mean squared error, NaN where nothing was counted: shape (forecast, lead, y, x)."""
        count = np.where(self.count > 0, self.count, np.nan)
        return self.error / count, self.square / count


@dataclass(frozen=True)
class Results:
    """What follows from the sums of one variable."""

    maps: tuple[Floats, Floats]
    spectra: spectra.Result
    conditional: conditional.Result
    ranks: npt.NDArray[np.int64] | None
    missing: npt.NDArray[np.int64]


@dataclass
class Totals:
    """The sums of one variable."""

    maps: Maps
    spectra: Spectra
    conditional: Conditional
    ranks: RankHistogram | None
    missing: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, bands: Bands, axis: Axis, *, forecasts: int, leads: int, members: int) -> Totals:
        """Sums of no sample."""
        sizes = {"forecasts": forecasts, "leads": leads}
        return cls(
            maps=Maps((bands.number.shape[0], bands.number.shape[1]), **sizes),
            spectra=Spectra(bands, **sizes),
            conditional=Conditional(axis, **sizes),
            ranks=RankHistogram(members, (leads,)) if members > 1 else None,
            missing=np.zeros(forecasts, dtype=np.int64),
        )

    def results(self) -> Results:
        """What follows from them, which is much less."""
        return Results(
            maps=self.maps.result(),
            spectra=self.spectra.result(),
            conditional=self.conditional.result(),
            ranks=None if self.ranks is None else self.ranks.counts,
            missing=self.missing,
        )

    def merge(self, other: Totals) -> None:
        """Add the sums over other samples."""
        self.maps.merge(other.maps)
        self.spectra.merge(other.spectra)
        self.conditional.merge(other.conditional)
        if self.ranks is not None and other.ranks is not None:
            self.ranks.merge(other.ranks)
        self.missing += other.missing


def present(fields: Sequence[Fields], absent: npt.NDArray[np.bool_]) -> list[Fields]:
    """The same with zeros at the lead times that a forecast does not have: shape (init, lead, y, x) each."""
    return [
        np.where(lacking[:, None, None], field.dtype.type(0), field) if lacking.any() else field
        for field, lacking in zip(fields, absent, strict=True)
    ]
