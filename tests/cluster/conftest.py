"""One cluster for all tests that are marked `cluster`, and the scenarios that they ask for."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.cluster.cluster import Cluster, missing_programs
from tests.cluster.etc import is_taken
from tests.cluster.line import Line
from tests.cluster.scenarios import SCENARIOS, Ground, Told, away

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
AT_ONCE = 4


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Only where they are asked for: they need root, minutes, and /etc for themselves."""
    if "cluster" not in (item.config.option.markexpr or ""):
        pytest.skip("starts a SLURM of its own: pytest -m cluster, as root")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.geteuid() != 0:
        pytest.skip("the daemons of SLURM need root")
    if is_taken():
        pytest.skip("/etc/slurm has a configuration already: this machine may belong to a cluster")
    if missing_programs() and os.environ.get("CI") == "true":
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], check=True)
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} not found: apt-get install {' '.join(PACKAGES)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # pytest would end without taking the cluster away
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The line, run on this machine alone."""
    line = Line.new(tmp_path_factory.mktemp("reference"))
    line.run()
    return line


@pytest.fixture(scope="session")
def ground(cluster: Cluster, reference: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    made = Ground(cluster, reference, tmp_path_factory.mktemp("ground"))
    yield made
    cluster.cancel_all()
    made.end()


@pytest.fixture(scope="session")
def scenarios(ground: Ground, request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[Told]"]]:
    """What the tests that were chosen ask for, begun all together."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    asked |= {f"lost_{stage}" for stage in ("extract", "shards", "train") if "stage" in asked}
    pool, apart = ThreadPoolExecutor(AT_ONCE), ThreadPoolExecutor(1)
    begun = {name: pool.submit(scenario, ground) for name, scenario in SCENARIOS.items() if name in asked}
    others = tuple(begun.values())
    if "away" in asked:
        begun["away"] = apart.submit(away, ground, others)
    yield begun
    for one in (pool, apart):  # after an interrupt they would go on for minutes
        one.shutdown(wait=False, cancel_futures=True)


def fixture_of(name: str):
    @pytest.fixture(scope="session", name=name)
    def tell(scenarios: dict[str, "Future[Told]"]) -> Told:
        return scenarios[name].result()

    return tell


for scenario in (*SCENARIOS, "away"):
    globals()[f"_{scenario}"] = fixture_of(scenario)
