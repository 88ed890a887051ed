"""windrow: from an archive of GRIB files to a verified machine-learned weather model."""

__version__ = "0.1.0"
