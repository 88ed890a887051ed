"""Run `snakemake --lint` on every config; an archive that is not there is stood in for by empty directories."""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from snakemake.cli import main as snakemake

from windrow.configfile import read_config


def main() -> int:
    """Lint with each config of the project; the highest exit code."""
    here = Path.cwd()
    code = 0
    for path in sorted(here.glob("config/*.yaml")):
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(Path(directory, read_config(path).source.root))
            arguments = ["--snakefile", str(here / "Snakefile"), "--configfile", str(path)]
            # a process for each, because Snakemake keeps what it has read; forked, because it takes long to import
            process = multiprocessing.get_context("fork").Process(
                target=snakemake, args=([*arguments, "--directory", directory, "--lint"],)
            )
            process.start()
            process.join()
        code = max(code, abs(process.exitcode or 0))
    return code


if __name__ == "__main__":
    sys.exit(main())
