import datetime as dt
from typing import Any

import numpy as np
import pytest
import torch

from windrow.shards.layout import block_path, shape_of
from windrow.shards.reader import ShardReader
from windrow.stages import Layout
from windrow.training import data
from windrow.training.data import Batch, Loader, Windows
from windrow.training.dealing import Deal, Dealer

LENGTH, COUNT = 10, 40
ORIGIN = dt.datetime(2007, 1, 1)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    """Two blocks of random fields."""
    path = tmp_path_factory.mktemp("shards")
    layout = Layout(origin=ORIGIN, step_hours=1, block_steps=30, variables=("2t", "tcc"), ny=3, nx=4)
    shape = shape_of(layout)
    for block in range(2):
        fields = np.random.default_rng(block).random(shape.fields, dtype=np.float32)
        file = block_path(path, block)
        file.parent.mkdir(parents=True)
        file.write_bytes(fields.tobytes() + shape.index_ending(np.ones(shape.steps, dtype=bool)))
    return ShardReader(path, layout)


def deal(*numbers: int) -> Deal:
    return Deal(numbers, 1.0 / len(numbers))


def windows_of(reader: ShardReader) -> Windows:
    return Windows(reader, np.arange(COUNT), LENGTH)


def loader_of(reader: ShardReader, *, size: int = 7, training: bool = True, **options: Any) -> Loader:
    return Loader(windows_of(reader), Dealer(COUNT, size, seed=1, training=training), **options)


def kept(batches: Any) -> list[Batch]:
    """Batches with memory of their own."""
    return [batch._replace(fields=batch.fields.like(batch.fields.tensor.clone())) for batch in batches]


def assert_equal(found: list[Batch], expected: list[Batch]) -> None:
    for one, other in zip(found, expected, strict=True):
        for name in ("rows", "calendar", "firsts"):
            assert getattr(one, name).equal(getattr(other, name))
        assert one.fields.tensor.equal(other.fields.tensor)
        assert (one.fields.dimensions, one.fields.features) == (other.fields.dimensions, other.fields.features)
        assert one.share == other.share


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_workers_however_they_are_started_give_the_batches_that_none_gives(
    reader: ShardReader, start: str
) -> None:
    expected = kept(loader_of(reader))
    assert len(expected) == 6
    assert_equal(kept(loader_of(reader, workers=2, start=start)), expected)


def test_a_batch_has_the_fields_of_its_windows_and_what_is_known_of_their_times(reader: ShardReader) -> None:
    whole = np.concatenate([np.fromfile(block_path(reader.shards, block), "<f4", 30 * 24) for block in range(2)])
    whole = whole.reshape(60, 2, 3, 4)
    batch = Windows(reader, np.array([3, 25, 40]), LENGTH).__getitems__(Deal((2, 1), 0.25))
    np.testing.assert_array_equal(batch.fields.tensor.numpy(), [whole[40:50], whole[25:35]])
    assert batch.fields.dimensions == ("window", "time", "variable", "y", "x")
    assert batch.fields.features == ("2t", "tcc")
    # January; step 40 is 16 h of the second day
    assert batch.rows.tolist() == [
        [16, 17, 18, 19, 20, 21, 22, 23, 0, 1],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ]
    hours = 2 * np.pi * (np.array([[40], [25]]) + np.arange(LENGTH)) / 24
    assert batch.calendar.shape == (2, LENGTH, 8)
    assert batch.calendar.dtype == torch.float32
    np.testing.assert_allclose(batch.calendar[..., 0].numpy(), np.sin(hours), atol=1e-6)
    np.testing.assert_allclose(batch.calendar[..., 1].numpy(), np.cos(hours), atol=1e-6)
    assert batch.firsts.tolist() == [40, 25]
    assert batch.share == 0.25


@pytest.mark.parametrize("workers", [0, 2])
def test_of_shorter_windows_the_beginning_is_gathered(reader: ShardReader, workers: int) -> None:
    dealer = Dealer(COUNT, 7, seed=1, training=True, length={0: None, 1: 4}.get)
    loader = Loader(windows_of(reader), dealer, workers=workers)
    for epoch, length in ((0, LENGTH), (1, 4), (0, LENGTH)):
        expected = loader_of(reader)
        for one in (loader, expected):
            one.dealer.set_epoch(epoch)
        cut = [
            batch._replace(
                fields=batch.fields.part("time", 0, length),
                rows=batch.rows[:, :length],
                calendar=batch.calendar[:, :length],
            )
            for batch in kept(expected)
        ]
        assert_equal(kept(loader), cut)


def test_a_window_by_its_number_is_a_batch_of_one(reader: ShardReader) -> None:
    batch = windows_of(reader)[5]
    assert batch.firsts.tolist() == [5]
    assert batch.share == 1.0


def test_batches_come_as_they_are_dealt_with_their_shares(reader: ShardReader) -> None:
    loader = loader_of(reader)
    assert len(loader) == 6
    batches = list(loader)
    assert [(tuple(batch.firsts.tolist()), batch.share) for batch in batches] == [
        (one.numbers, one.share) for one in loader.dealer
    ]
    assert [batch.share for batch in batches] == [1 / 7] * 5 + [1 / 5]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_goes_on_in_the_middle_of_an_epoch(reader: ShardReader, workers: int) -> None:
    first = loader_of(reader, workers=workers)
    first.dealer.set_epoch(2)
    whole = kept(first)
    first.place = (2, 4)
    again = loader_of(reader, workers=workers)
    again.load_state_dict(first.state_dict())
    assert_equal(kept(again), whole[4:])
    again.dealer.set_epoch(3)
    assert len(kept(again)) == 6


def test_workers_that_stay_give_another_order_in_another_epoch(reader: ShardReader) -> None:
    loader = loader_of(reader, workers=1)
    orders = []
    for epoch in (0, 1, 0):
        loader.dealer.set_epoch(epoch)
        orders.append([batch.firsts.tolist() for batch in loader])
    assert orders[0] == orders[2] != orders[1]


def test_a_worker_gathers_into_memory_that_it_shares(reader: ShardReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "get_worker_info", lambda: "a worker")
    fields = windows_of(reader).__getitems__(deal(1, 2)).fields.tensor
    assert fields.is_shared()
    assert fields.shape == (2, LENGTH, 2, 3, 4)


def test_memory_of_a_batch_that_is_gone_is_used_again(reader: ShardReader) -> None:
    windows = windows_of(reader)
    places = []
    for number in range(5):
        batch = windows.__getitems__(deal(number, number + 1))
        places.append(batch.fields.tensor.data_ptr())
        del batch
    assert len(set(places)) == 1


def test_memory_of_a_batch_that_somebody_keeps_is_left_alone(reader: ShardReader) -> None:
    windows = windows_of(reader)
    first = windows.__getitems__(deal(0, 1)).fields
    part = first.select("tcc").part("time", 3, 5).tensor.flatten()[3:]  # keeps the batch's memory, nothing else
    view = windows.__getitems__(deal(2, 3)).fields.select("2t").tensor.numpy()[0]
    del first
    expected = part.clone(), view.copy()
    for number in range(5):
        windows.__getitems__(deal(number + 10, number + 11))
    assert part.equal(expected[0])
    np.testing.assert_array_equal(view, expected[1])


def test_a_smaller_batch_takes_part_of_the_memory_of_a_larger(reader: ShardReader) -> None:
    windows = windows_of(reader)
    whole = windows.__getitems__(deal(1, 2, 3)).fields.tensor.data_ptr()
    fields = windows.__getitems__(deal(4)).fields.tensor
    assert fields.data_ptr() == whole
    assert fields.shape == (1, LENGTH, 2, 3, 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_batches_for_a_cuda_device_are_pinned(reader: ShardReader) -> None:
    windows = Windows(reader, np.arange(COUNT), LENGTH, pinned=True)
    for workers in (0, 2):
        loader = Loader(windows, Dealer(COUNT, 7, seed=1, training=False), workers=workers)
        for number, batch in enumerate(loader):
            assert batch.fields.tensor.is_pinned()
            expected = reader.windows(np.arange(7 * number, min(7 * number + 7, COUNT)), LENGTH)
            moved = batch.fields.to("cuda").tensor
            np.testing.assert_array_equal(moved.cpu().numpy(), expected)
