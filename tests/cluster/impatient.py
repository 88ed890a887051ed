"""Snakemake as it is, but for one thing: it looks at SLURM's queue every second.

Its executor waits ten seconds longer after each look that found nothing new; a job of the tests takes seconds.
"""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

EVERY_S = 1

if __name__ == "__main__":
    Executor.next_seconds_between_status_checks = property(lambda self: EVERY_S, lambda self, seconds: None)
    sys.exit(main())
