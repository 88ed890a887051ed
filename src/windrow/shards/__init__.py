"""The training data: one Zarr v3 group whose blocks are plain files that can be memory-mapped."""
