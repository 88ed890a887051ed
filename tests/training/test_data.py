import pytest

from windrow.training.data import EpochSampler


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
