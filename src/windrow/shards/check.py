"""Verify a store: every block against its manifest, the metadata against the layout."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.shards.index import present_steps
from windrow.shards.layout import DATA, DIMENSIONS, block_path, shape_of, time_of
from windrow.shards.manifest import Entry, file_checksum, mask, read_manifest
from windrow.shards.store import read_layout
from windrow.stages import Layout, ShardsLayout


@dataclass(frozen=True)
class Checked:
    """How many blocks a store has by its manifests, and a sentence for each thing that is wrong."""

    blocks: int
    problems: list[str]


def check_store(shards: Path, *, threads: int) -> Checked:
    """Read every block once, piece by piece, some of them at a time.

    Raises
    ------
    UserError
        If the directory is no store of windrow.
    """
    settings = read_layout(shards)
    entries, problems = _entries(shards)
    problems += _metadata_problems(shards, settings)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        found = pool.map(lambda entry: _block_problem(shards, settings, entry), entries)
        problems += [problem for problem in found if problem]
    problems += _surplus(shards, settings.layout, {entry.block for entry in entries})
    return Checked(len(entries), problems)


def _entries(shards: Path) -> tuple[list[Entry], list[str]]:
    """The blocks of all manifests, and what is wrong with the manifests."""
    paths = sorted((shards / "blocks").glob("*.json"))
    if not paths:
        raise UserError(f"{shards / 'blocks'} has no manifests; run the stage shards first")
    entries: dict[int, Entry] = {}
    problems = []
    for path in paths:
        try:
            manifest = read_manifest(path)
        except UserError as problem:
            problems.append(str(problem))
            continue
        for entry in manifest.blocks:
            if entry.block in entries:
                problems.append(f"{path} has block {entry.block}, which another manifest has too")
            entries[entry.block] = entry
    return [entries[number] for number in sorted(entries)], problems


def _metadata_problems(shards: Path, settings: ShardsLayout) -> Iterator[str]:
    layout = settings.layout
    try:
        group: Any = zarr.open_group(shards, mode="r", zarr_format=3, use_consolidated=False)
        data, times, names = group[DATA], group["time"], group["variable"]
        found = (data.shape, data.chunks, data.shards, str(data.dtype), tuple(data.compressors))
        axis, variables = np.asarray(times[:]), tuple(str(name) for name in np.asarray(names[:]))
    except (KeyError, OSError, ValueError, AttributeError) as problem:
        yield f"the metadata cannot be read ({problem}); run the stage shards_layout again"
        return
    step = (layout.step_hours * np.arange(settings.steps)) + hours_since_1900(layout.origin)
    fields = (len(layout.variables), layout.ny, layout.nx)
    wanted = ((settings.steps, *fields), (1, *fields), (layout.block_steps, *fields), "float32", ())
    if found != wanted:
        yield f"the array {DATA} is not laid out as its settings say; run the stage shards_layout again"
    if not np.array_equal(axis, step) or variables != layout.variables:
        yield "the coordinates are not those of the settings; run the stage shards_layout again"


def _block_problem(shards: Path, settings: ShardsLayout, entry: Entry) -> str | None:
    layout, shape, path = settings.layout, shape_of(settings.layout), block_path(shards, entry.block)
    name = f"block {entry.block}, {_times(entry.block, layout)}"
    if entry.block * layout.block_steps >= settings.steps:
        return f"{name}, lies beyond the time axis; run the stage shards_layout again"
    try:
        size = path.stat().st_size
        if size != entry.bytes or size != shape.file_bytes:
            return f"{name}, has {size} bytes instead of {shape.file_bytes}: {path}"
        with path.open("rb") as stream:
            stream.seek(shape.data_bytes)
            present = present_steps(stream.read(), shape, str(path))
        if not np.array_equal(present, mask(entry.present, shape.steps)):
            return f"{name}, has other steps than its manifest says: {path}"
        if (found := file_checksum(path)) != entry.crc32c:
            return f"{name}, is damaged: its CRC-32C is {found} instead of {entry.crc32c}: {path}"
    except FileNotFoundError:
        return f"{name}, is missing: {path}"
    except OSError as problem:
        return f"{name}, cannot be read ({problem.strerror}): {path}"
    except UserError:
        return f"{name}, has a damaged index: {path}"
    return None


def _surplus(shards: Path, layout: Layout, known: set[int]) -> Iterator[str]:
    """Blocks that no manifest has, and leftovers."""
    chunks = shards / DATA / "c"
    for path in sorted(path for path in chunks.rglob("*") if path.is_file()):
        parts = path.relative_to(chunks).parts
        if len(parts) != len(DIMENSIONS) or not parts[0].isdecimal() or path != block_path(shards, int(parts[0])):
            yield f"{path} is no block; it can be deleted"
        elif int(parts[0]) not in known:
            times = _times(int(parts[0]), layout)
            yield f"block {parts[0]}, {times}, is in no manifest: {path}; run the stage shards or delete it"


def _times(block: int, layout: Layout) -> str:
    first = time_of(block * layout.block_steps, layout)
    last = first + (layout.block_steps - 1) * dt.timedelta(hours=layout.step_hours)
    return f"{first:%Y-%m-%dT%H} to {last:%Y-%m-%dT%H}"
