from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from windrow.training.dealing import Deal, Dealer

COUNTS = st.integers(1, 60)
SIZES = st.integers(1, 7)
RANKS = st.integers(1, 5)


def dealt(
    count: int, size: int, ranks: int, *, training: bool = True, epoch: int = 0, seed: int = 3
) -> list[list[Deal]]:
    """The batches of each rank."""
    found = []
    for rank in range(ranks):
        dealer = Dealer(count, size, seed=seed, training=training, rank=rank, ranks=ranks)
        dealer.set_epoch(epoch)
        found.append(list(dealer))
        assert len(found[-1]) == len(dealer)
    return found


def together(deals: tuple[Deal, ...]) -> list[int]:
    """The windows of a step in the order in which they were dealt out to the ranks."""
    counted = [deal.numbers if deal.share else () for deal in deals]
    longest = max(map(len, counted))
    return [numbers[place] for place in range(longest) for numbers in counted if place < len(numbers)]


@given(COUNTS, SIZES, RANKS, st.integers(0, 3))
def test_each_window_is_trained_on_once_in_an_epoch(count: int, size: int, ranks: int, epoch: int) -> None:
    parts = dealt(count, size, ranks, epoch=epoch)
    counted = [number for part in parts for deal in part if deal.share for number in deal.numbers]
    assert sorted(counted) == list(range(count))
    assert len({len(part) for part in parts}) == 1
    for part in parts:
        assert all(1 <= len(deal) <= size for deal in part)
        assert all(deal.share or len(deal) == 1 for deal in part)


@given(COUNTS, SIZES, RANKS)
def test_the_windows_of_a_step_do_not_depend_on_the_number_of_ranks(count: int, size: int, ranks: int) -> None:
    (one,) = dealt(count, size * ranks, 1)
    many = list(zip(*dealt(count, size, ranks), strict=True))
    assert [list(deal.numbers) for deal in one] == [together(deals) for deals in many]


@given(COUNTS, SIZES, RANKS)
def test_the_mean_over_the_ranks_is_the_mean_over_the_windows_of_a_step(count: int, size: int, ranks: int) -> None:
    losses = torch.randn(count, dtype=torch.float64)
    for deals in zip(*dealt(count, size, ranks), strict=True):
        of_ranks = [losses[list(deal.numbers)].sum() * deal.share for deal in deals]
        torch.testing.assert_close(sum(of_ranks) / ranks, losses[together(deals)].mean())


@given(COUNTS, SIZES, RANKS, st.data())
def test_an_epoch_goes_on_at_any_batch_in_the_same_order(
    count: int, size: int, ranks: int, data: st.DataObject
) -> None:
    rank = data.draw(st.integers(0, ranks - 1))
    whole = dealt(count, size, ranks, epoch=2)[rank]
    batches = data.draw(st.integers(0, len(whole)))
    dealer = Dealer(count, size, seed=3, training=True, rank=rank, ranks=ranks)
    dealer.resume(2, batches)
    assert list(dealer) == whole[batches:]
    assert len(dealer) == len(whole)  # of the whole epoch, whatever is left of it
    dealer.set_epoch(3)
    assert list(dealer) == dealt(count, size, ranks, epoch=3)[rank]


@given(COUNTS, SIZES, RANKS)
def test_each_window_is_validated_once_and_in_order(count: int, size: int, ranks: int) -> None:
    parts = dealt(count, size, ranks, training=False)
    for rank, part in enumerate(parts):
        assert list(chain.from_iterable(deal.numbers for deal in part)) == list(range(rank, count, ranks))
        for deal in part:
            assert 1 <= len(deal) <= size
            assert deal.share == 1 / len(deal)


def test_a_rank_for_which_nothing_is_left_gets_a_window_that_does_not_count() -> None:
    first, second, third = dealt(7, 2, 3)
    assert [len(deal) for deal in first] == [2, 1]
    assert first[1].share == 3.0  # a single window, of three ranks
    for part in (second, third):
        assert part[1] == Deal(first[1].numbers, 0.0)


@given(COUNTS, SIZES, RANKS)
def test_each_epoch_says_how_long_its_windows_are(count: int, size: int, ranks: int) -> None:
    lengths = {0: 5, 1: None, 2: 9}
    for rank in range(ranks):
        dealer = Dealer(count, size, seed=3, training=True, rank=rank, ranks=ranks, length=lengths.get)
        for epoch, length in lengths.items():
            dealer.set_epoch(epoch)
            assert {deal.length for deal in dealer} == {length}
        dealer.resume(0, len(dealer) - 1)
        assert [deal.length for deal in dealer] == [5]


def test_the_order_follows_from_seed_and_epoch() -> None:
    orders = [dealt(20, 4, 1, epoch=epoch, seed=seed) for epoch, seed in ((0, 3), (1, 3), (0, 4), (0, 3))]
    assert orders[0] == orders[3]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]
    shuffled = [number for deal in orders[0][0] for number in deal.numbers]
    assert shuffled != sorted(shuffled)


def test_the_order_of_validation_is_the_same_in_all_epochs() -> None:
    assert dealt(20, 4, 2, training=False, epoch=0) == dealt(20, 4, 2, training=False, epoch=5)


@pytest.mark.parametrize(
    ("count", "size", "ranks", "batches"), [(10, 4, 1, 3), (8, 4, 1, 2), (9, 4, 2, 2), (1, 4, 3, 1)]
)
def test_the_number_of_batches_counts_the_last_that_is_not_full(
    count: int, size: int, ranks: int, batches: int
) -> None:
    assert len(Dealer(count, size, seed=0, training=True, ranks=ranks)) == batches
