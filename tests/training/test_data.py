import datetime as dt
from typing import Any

import numpy as np
import pytest
import torch

from windrow.shards.layout import block_path, shape_of
from windrow.shards.reader import ShardReader
from windrow.stages import Layout
from windrow.training import data
from windrow.training.data import EpochSampler, Windows, loader


def dealt(count: int, ranks: int, *, training: bool, epoch: int = 5) -> list[list[int]]:
    samplers = [EpochSampler(count, seed=3, training=training, rank=rank, ranks=ranks) for rank in range(ranks)]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    parts = [list(sampler) for sampler in samplers]
    assert [len(sampler) for sampler in samplers] == [len(part) for part in parts]
    return parts


@pytest.mark.parametrize(
    ("count", "ranks", "share"), [(10, 1, 10), (10, 2, 5), (10, 3, 4), (49, 2, 25), (2, 5, 1)]
)
def test_the_ranks_train_on_equal_shares_and_the_first_windows_fill_up(count: int, ranks: int, share: int) -> None:
    parts = dealt(count, ranks, training=True)
    assert [len(part) for part in parts] == [share] * ranks
    order = [parts[place % ranks][place // ranks] for place in range(share * ranks)]
    assert sorted(order[:count]) == list(range(count))
    assert order[count:] == (order[:count] * ranks)[: share * ranks - count]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_ranks_validate_each_window_once(ranks: int) -> None:
    assert sorted(number for part in dealt(10, ranks, training=False) for number in part) == list(range(10))


def test_the_order_changes_with_the_epoch_and_repeats_with_it() -> None:
    orders = [dealt(20, 1, training=True, epoch=epoch) for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1]


LENGTH, COUNT = 10, 40


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    """Two blocks of random fields."""
    path = tmp_path_factory.mktemp("shards")
    layout = Layout(
        origin=dt.datetime(2007, 1, 1), step_hours=1, block_steps=30, variables=("2t", "tcc"), ny=3, nx=4
    )
    shape = shape_of(layout)
    for block in range(2):
        fields = np.random.default_rng(block).random(shape.fields, dtype=np.float32)
        file = block_path(path, block)
        file.parent.mkdir(parents=True)
        file.write_bytes(fields.tobytes() + shape.index_ending(np.ones(shape.steps, dtype=bool)))
    return ShardReader(path, layout)


def batches_of(reader: ShardReader, **options: Any) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    windows = Windows(reader, np.arange(COUNT), LENGTH)
    made = loader(windows, EpochSampler(COUNT, seed=1, training=True), 7, **options)
    return [(fields.numpy().copy(), rows.numpy().copy()) for fields, rows in made]


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_workers_however_they_are_started_give_the_batches_that_none_gives(
    reader: ShardReader, start: str
) -> None:
    expected = batches_of(reader)
    found = batches_of(reader, workers=2, start=start)
    assert len(found) == len(expected) == 6
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_a_batch_has_the_fields_of_its_windows_and_the_rows_of_their_hours(reader: ShardReader) -> None:
    whole = np.concatenate([np.fromfile(block_path(reader.shards, block), "<f4", 30 * 24) for block in range(2)])
    whole = whole.reshape(60, 2, 3, 4)
    fields, rows = Windows(reader, np.array([3, 25, 40]), LENGTH).__getitems__([2, 1])
    np.testing.assert_array_equal(fields.numpy(), [whole[40:50], whole[25:35]])
    assert rows[0].tolist() == [16, 17, 18, 19, 20, 21, 22, 23, 0, 1]  # January; step 40 is 16 h of the second day


def test_a_worker_gathers_into_memory_that_it_shares(reader: ShardReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "get_worker_info", lambda: "a worker")
    fields, _ = Windows(reader, np.arange(COUNT), LENGTH).__getitems__([1, 2])
    assert fields.is_shared()
    assert fields.shape == (2, LENGTH, 2, 3, 4)


def test_memory_of_a_batch_that_is_gone_is_used_again(reader: ShardReader) -> None:
    windows = Windows(reader, np.arange(COUNT), LENGTH)
    places = []
    for number in range(5):
        fields, _ = windows.__getitems__([number, number + 1])
        places.append(fields.data_ptr())
        del fields
    assert len(set(places)) == 1


def test_memory_of_a_batch_that_somebody_keeps_is_left_alone(reader: ShardReader) -> None:
    windows = Windows(reader, np.arange(COUNT), LENGTH)
    part = windows.__getitems__([0, 1])[0][1, 3:5, 0].flatten()[3:]  # keeps the batch's memory and nothing else
    kept = windows.__getitems__([2, 3])[0].numpy()[0]
    expected = part.clone(), kept.copy()
    for number in range(5):
        windows.__getitems__([number + 10, number + 11])
    assert part.equal(expected[0])
    np.testing.assert_array_equal(kept, expected[1])


def test_a_smaller_batch_takes_part_of_the_memory_of_a_larger(reader: ShardReader) -> None:
    windows = Windows(reader, np.arange(COUNT), LENGTH)
    whole = windows.__getitems__([1, 2, 3])[0].data_ptr()
    fields, _ = windows.__getitems__([4])
    assert fields.data_ptr() == whole
    assert fields.shape == (1, LENGTH, 2, 3, 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_batches_for_a_cuda_device_are_pinned(reader: ShardReader) -> None:
    windows = Windows(reader, np.arange(COUNT), LENGTH, pinned=True)
    for workers in (0, 2):
        sampler = EpochSampler(COUNT, seed=1, training=False)
        for number, (fields, _) in enumerate(loader(windows, sampler, 7, workers=workers)):
            assert fields.is_pinned()
            expected = reader.windows(np.arange(7 * number, min(7 * number + 7, COUNT)), LENGTH)
            np.testing.assert_array_equal(fields.to("cuda", non_blocking=True).cpu().numpy(), expected)
