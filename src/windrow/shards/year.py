"""Write all blocks of a year, by one process or several, and their manifest.

Nothing trusts a block before the manifest says so, and the manifest is written when all blocks are on the disk. A
block that a killed job has finished has a record; the next job keeps it if the record and the file's checksum agree
and the months and the settings are still the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from windrow import extracted
from windrow.configfile import canonical
from windrow.files import flush, remove
from windrow.shards import blocks
from windrow.shards import layout as shards_layout
from windrow.shards.blocks import BlockBuffer, Source, open_sources, states_inside
from windrow.shards.layout import block_path, manifest_path, record_path
from windrow.shards.lock import locked
from windrow.shards.manifest import (
    Entry,
    Manifest,
    Record,
    file_checksum,
    read_record,
    write_manifest,
    write_record,
)
from windrow.shards.ranks import Ranks
from windrow.stages import Layout, Shards


def write_year(settings: Shards, months: Sequence[Path], shards: Path, ranks: Ranks) -> None:
    """Write the blocks of a year, each by one rank, and the manifest by the first.

    Raises
    ------
    UserError
        If another job is writing this year, or the months are not what was to be extracted.
    """
    manifest = manifest_path(shards, settings.year)
    with ExitStack() as stack:
        if ranks.rank == 0:
            stack.enter_context(locked(manifest.with_suffix(".lock"), f"{settings.year} of {shards}"))
            remove(manifest)
        ranks.barrier()
        sources = stack.enter_context(open_sources(months, settings.layout))
        own = settings.blocks[ranks.rank :: ranks.size]
        found = ranks.gather(_write_blocks(own, settings.layout, sources, shards))
        if found is not None:
            entries = sorted((entry for part in found for entry in part), key=lambda entry: entry.block)
            write_manifest(manifest, Manifest(year=settings.year, blocks=tuple(entries)))


def _write_blocks(numbers: Sequence[int], layout: Layout, sources: list[Source], shards: Path) -> list[Entry]:
    """Write or keep these blocks, one after the other."""
    digest = layout_digest(layout)
    buffer: BlockBuffer | None = None
    entries = []
    with _flushing() as flush_later:
        for block in numbers:
            entry = _kept(block, digest, layout, sources, shards)
            if entry is None:
                buffer = buffer or BlockBuffer(layout)
                entry = _write_block(block, digest, buffer, sources, shards)
                told = f"{int(buffer.present.sum())} of {layout.block_steps} steps"
            else:
                told = "kept"
            flush_later(block_path(shards, block))
            entries.append(entry)
            print(f"block {block}: {told}", flush=True)
    return entries


def layout_digest(layout: Layout) -> str:
    """A hash of the settings and of the code that a block's bytes follow from."""
    digest = hashlib.sha256(canonical(layout).encode())
    for module in (blocks, shards_layout, extracted):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _kept(block: int, digest: str, layout: Layout, sources: list[Source], shards: Path) -> Entry | None:
    """What is known of a block if it need not be written again."""
    record = read_record(record_path(shards, block))
    if record is None or record.digest != digest:
        return None
    if record.entry.months != states_inside(block, layout.block_steps, sources):
        return None
    try:
        whole = file_checksum(block_path(shards, block)) == record.entry.crc32c
    except FileNotFoundError:
        return None
    return record.entry if whole else None


@contextmanager
def _flushing() -> Iterator[Callable[[Path], None]]:
    """Bring files to the disk while the next are gathered; all are there at the end."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        flushed: list[Future[None]] = []
        yield lambda path: flushed.append(thread.submit(flush, path))
        for one in flushed:
            one.result()


def _write_block(block: int, digest: str, buffer: BlockBuffer, sources: list[Source], shards: Path) -> Entry:
    path, record = block_path(shards, block), record_path(shards, block)
    buffer.gather(block, sources)
    entry = buffer.entry(block, sources)
    remove(record)
    buffer.write(path)
    write_record(record, Record(entry=entry, digest=digest))
    return entry
