"""Run `snakemake --lint` on every config; an archive that is not there is stood in for by empty directories."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from windrow.configfile import read_config


def main() -> int:
    """Lint with each config of the project; the highest exit code."""
    here = Path.cwd()
    code = 0
    for path in sorted(here.glob("config/*.yaml")):
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(Path(directory, read_config(path).source.root))
            command = ["snakemake", "--snakefile", str(here / "Snakefile"), "--configfile", str(path)]
            done = subprocess.run([*command, "--directory", directory, "--lint"], check=False)
        code = max(code, done.returncode)
    return code


if __name__ == "__main__":
    sys.exit(main())
