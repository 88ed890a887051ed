"""`python -m windrow STEP …`, and `python -m mpi4py -m windrow STEP …` under MPI."""

import sys

from windrow.cli import main

sys.exit(main())
