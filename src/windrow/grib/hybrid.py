"""Hybrid levels: where the model's levels and layers lie in pressure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError

Floats = npt.NDArray[np.float64]

_SURFACE_PA = (40000.0, 110000.0)  # the levels must not cross at any surface pressure between these
_REMEDY = (
    "windrow reads hybrid sigma-pressure levels; bring other levels to pressure with the tools of their model"
)


@dataclass(frozen=True, eq=False)
class Hybrid:
    """The layers 1 to n of a model, from the top, between half levels of pressure a + b p_s (Pa).

    Simmons and Burridge (1981), Mon. Wea. Rev. 109, 758; IFS documentation, part III, section 2.2.1.

    Attributes
    ----------
    a, b
        Coefficients of the half levels 0 to n, in Pa and without unit; half level n is the surface.
    """

    a: Floats
    b: Floats

    def __post_init__(self) -> None:
        """Check that the half levels lie above one another and end at the surface."""
        if self.a.ndim != 1 or self.a.shape != self.b.shape or self.a.size < 3:
            raise UserError(f"{self.a.size} and {self.b.size} coefficients do not make model levels; {_REMEDY}")
        if not np.all(np.isfinite([self.a, self.b])) or self.a.min() < 0 or self.b.min() < 0:
            raise UserError(f"coefficients of the model levels are negative or no numbers; {_REMEDY}")
        if (self.a[-1], self.b[-1]) != (0.0, 1.0):
            raise UserError(f"the lowest model level does not end at the surface; {_REMEDY}")
        if any(np.any(np.diff(self.a + self.b * surface) <= 0) for surface in _SURFACE_PA):
            raise UserError(f"the pressure of the model levels does not grow downward; {_REMEDY}")

    @classmethod
    def from_pv(cls, pv: npt.ArrayLike) -> Hybrid:
        """Take the coefficients as GRIB has them, all a and then all b.

        Raises
        ------
        UserError
            If they are not those of hybrid sigma-pressure levels.
        """
        values = np.asarray(pv, dtype=np.float64).ravel()
        middle = values.size // 2
        return cls(values[:middle], values[middle:])

    @property
    def levels(self) -> int:
        """How many layers there are, which is the number of the lowest one."""
        return self.a.size - 1

    def half(self, number: int, surface_pressure: Floats) -> Floats:
        """Pressure of a half level (0 is the top, `levels` the surface) in Pa."""
        return np.asarray(self.a[number] + self.b[number] * surface_pressure)

    def full(self, level: int, surface_pressure: Floats) -> Floats:
        """Pressure of a model level (1 to `levels`) in Pa: the mean of its half levels."""
        return 0.5 * (self.half(level - 1, surface_pressure) + self.half(level, surface_pressure))

    def full_above(self, pressure: float, surface_pressure: Floats) -> npt.NDArray[np.intp]:
        """How many model levels have less than this pressure, 0 to `levels`, at each point."""
        few, many = (self._full_above_one(pressure, extreme(surface_pressure)) for extreme in (np.max, np.min))
        count = np.full(surface_pressure.shape, few, dtype=np.intp)
        for level in range(few + 1, many + 1):  # the others lie on one side everywhere, as b is not negative
            count += self.full(level, surface_pressure) < pressure
        return count

    def half_above(self, pressure: float, surface_pressure: float) -> int:
        """How many half levels have less than this pressure, 0 to `levels` + 1, over this surface pressure."""
        return int(np.count_nonzero(self.a + self.b * surface_pressure < pressure))

    def _full_above_one(self, pressure: float, surface_pressure: float) -> int:
        half = self.a + self.b * surface_pressure
        return int(np.count_nonzero(0.5 * (half[:-1] + half[1:]) < pressure))
