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
from windrow.shards.blocks import BlockWriter, Source, open_sources, states_inside, steps_of
from windrow.shards.layout import block_path, manifest_path, record_path
from windrow.shards.lock import locked
from windrow.shards.manifest import (
    Entry,
    Manifest,
    MonthState,
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
    writer = BlockWriter(layout)
    entries = []
    with _flushing() as flush_later:
        for block in numbers:
            path, record = block_path(shards, block), record_path(shards, block)
            entry = _kept(path, record, digest, states_inside(steps_of(block, layout), sources))
            if entry is not None:
                print(f"block {block}: kept", flush=True)
            else:
                remove(record)
                entry = writer.write(path, block, sources)
                write_record(record, Record(entry=entry, digest=digest))
                count = sum(end - first for first, end in entry.present)
                print(f"block {block}: {count} of {layout.block_steps} steps", flush=True)
            flush_later(path)
            entries.append(entry)
    return entries


def layout_digest(layout: Layout) -> str:
    """A hash of the settings and of the code that a block's bytes follow from."""
    digest = hashlib.sha256(canonical(layout).encode())
    for module in (blocks, shards_layout, extracted):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _kept(path: Path, record: Path, digest: str, months: tuple[MonthState, ...]) -> Entry | None:
    """What is known of a block if it need not be written again."""
    found = read_record(record)
    if found is None or (found.digest, found.entry.months) != (digest, months):
        return None
    try:
        whole = file_checksum(path) == found.entry.crc32c
    except FileNotFoundError:
        return None
    return found.entry if whole else None


@contextmanager
def _flushing() -> Iterator[Callable[[Path], None]]:
    """Bring files to the disk while the next are gathered; all are there at the end."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        flushed: list[Future[None]] = []
        yield lambda path: flushed.append(thread.submit(flush, path))
        for one in flushed:
            one.result()
