"""The embedded data set: a small atmosphere, written as an archive of GRIB files."""

from windrow.sample.archive import archive_files, write_sample
from windrow.sample.atmosphere import hours_of, simulate

__all__ = ["archive_files", "hours_of", "simulate", "write_sample"]
