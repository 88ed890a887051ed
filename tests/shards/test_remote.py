"""A store in an object store: a real S3 server on loopback, behind a proxy that counts the bytes."""

import pickle
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.shards.layout import block_path
from windrow.shards.reader import ShardReader

from .conftest import Store, random_fields, write_month

moto_server = pytest.importorskip("moto.server")
obstore = pytest.importorskip("obstore")
GRID = (56, 92)
HOURS, FIRST, PLACE = 24, 528, 8760 + 528  # a window across two blocks: 25 * 372 = 9300
WINDOW_BYTES = HOURS * 2 * 56 * 92 * 4


class Counter(socketserver.ThreadingTCPServer):
    """A TCP proxy that counts what the server behind it sends."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        self.behind = port
        self.bytes = 0
        super().__init__(("127.0.0.1", 0), Passing)


class Passing(socketserver.BaseRequestHandler):
    server: Counter

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.behind)) as behind:
            threading.Thread(target=self.pass_on, args=(self.request, behind), daemon=True).start()
            while data := behind.recv(1 << 16):
                self.server.bytes += len(data)
                self.request.sendall(data)

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the other side is done


@dataclass
class Remote:
    url: str
    counter: Counter
    store: Store

    @property
    def reader(self) -> ShardReader:
        return ShardReader(self.url, self.store.layout)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("big"))
    store.content["dataset"]["domain"] |= {"ny": GRID[0], "nx": GRID[1]}
    for year in (2007, 2008, 2009):
        write_month(store.month(year), year, grid=GRID)
    store.lay_out()
    return store.write(2008)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Counter]:
    server = moto_server.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    with Counter(port) as counter:
        threading.Thread(target=counter.serve_forever, daemon=True).start()
        yield counter
        counter.shutdown()
    server.stop()


@pytest.fixture
def remote(big: Store, endpoint: Counter, monkeypatch: pytest.MonkeyPatch) -> Remote:
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{endpoint.server_address[1]}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    upload(big.shards, environment["AWS_ENDPOINT_URL"])
    return Remote("s3://bucket/some/shards", endpoint, big)


def upload(shards: Path, endpoint: str) -> None:
    import boto3

    client: Any = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="bucket")
    for path in shards.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), "bucket", f"some/shards/{path.relative_to(shards)}")
    client.close()


def test_the_reader_moves_little_more_than_the_window(remote: Remote) -> None:
    reader = remote.reader
    before = remote.counter.bytes
    found = reader.windows(np.array([PLACE]), HOURS)
    moved = remote.counter.bytes - before
    np.testing.assert_array_equal(found[0], random_fields(2008, 744, GRID)[FIRST : FIRST + HOURS])
    np.testing.assert_array_equal(reader.windows(np.array([PLACE]), HOURS, columns=[1]), found[:, :, [1]])
    assert WINDOW_BYTES < moved < 1.02 * WINDOW_BYTES


@pytest.mark.parametrize(("chunks", "limit"), [({}, 1.2), (None, 1.03)], ids=["with Dask", "without Dask"])
def test_xarray_moves_little_more_than_the_window(remote: Remote, chunks: Any, limit: float) -> None:
    from obstore.store import S3Store
    from zarr.storage import ObjectStore

    store = ObjectStore(S3Store.from_url(remote.url), read_only=True)
    with xr.open_zarr(store, chunks=chunks) as shards:  # with Dask the index is read for every step
        before = remote.counter.bytes
        found = shards["data"][PLACE : PLACE + HOURS].values
        moved = remote.counter.bytes - before
    np.testing.assert_array_equal(found, random_fields(2008, 744, GRID)[FIRST : FIRST + HOURS])
    assert WINDOW_BYTES < moved < limit * WINDOW_BYTES


def test_available_steps_are_those_of_the_blocks_that_are_there(remote: Remote) -> None:
    found = remote.reader.available(range(8758, 8764))
    assert found.tolist() == [False, False, True, True, True, True]
    assert not remote.reader.available(range(744)).any()


def test_a_reader_of_a_path_that_lost_a_slash_finds_the_store(remote: Remote) -> None:
    reader = ShardReader(Path(remote.url), remote.store.layout)
    assert reader.available(range(8760, 8762)).all()


def test_a_reader_travels_to_a_worker(remote: Remote) -> None:
    copy = pickle.loads(pickle.dumps(remote.reader))
    expected = random_fields(2008, 744, GRID)[0]
    np.testing.assert_array_equal(copy.windows(np.array([8760]), 1)[0, 0], expected)


def test_a_missing_block_is_named(remote: Remote) -> None:
    with pytest.raises(UserError, match=r"s3://bucket/some/shards/data/c/0/0/0/0 is not there"):
        remote.reader.windows(np.array([0]), 4)


def test_a_missing_bucket_is_named(remote: Remote) -> None:
    reader = ShardReader("s3://nowhere", remote.store.layout)
    with pytest.raises(UserError, match=r"s3://nowhere/data/c/0/0/0/0"):
        reader.windows(np.array([0]), 4)


def replace(remote: Remote, content: bytes) -> None:
    from obstore.store import S3Store

    obstore.put(S3Store.from_url(remote.url), "data/c/24/0/0/0", content)


def test_a_short_block_is_named(remote: Remote) -> None:
    replace(remote, block_path(remote.store.shards, 24).read_bytes()[:-100])
    with pytest.raises(UserError, match=r"data/c/24/0/0/0 has \d+ bytes instead of \d+; upload it again"):
        remote.reader.windows(np.array([24 * 372]), 4)


def test_a_damaged_index_is_named(remote: Remote) -> None:
    content = bytearray(block_path(remote.store.shards, 24).read_bytes())
    content[-10] ^= 1
    replace(remote, bytes(content))
    with pytest.raises(
        UserError, match=r"the index of the block s3://bucket/some/shards/data/c/24/0/0/0 is damaged"
    ):
        remote.reader.windows(np.array([24 * 372]), 4)


def test_without_obstore_the_remedy_is_named(whole: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(UserError, match=r"needs obstore; pip install 'windrow\[s3\]'"):
        ShardReader("s3://bucket/shards", whole.layout)
