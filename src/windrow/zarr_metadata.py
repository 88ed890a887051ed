"""Gather a Zarr group's metadata into one file, so that it opens with one read, also from far away."""

from __future__ import annotations

import warnings
from pathlib import Path

import zarr
from zarr.errors import ZarrUserWarning


def consolidate(path: Path) -> None:
    """Consolidate the metadata of a group.

    Zarr warns that format 3 has not standardised this yet; readers that do not know it ignore it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(zarr.storage.LocalStore(path))
