"""Reading GRIB: what is in the archive, and the values of a domain."""
