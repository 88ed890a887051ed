import pickle
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning.utilities import move_data_to_device
from torch.utils.data import DataLoader, Dataset

from windrow.training.named_tensor import NamedTensor, concatenate

DIMENSIONS = ("window", "time", "variable", "y", "x")
NAMES = ("2t", "tcc", "t850")


@pytest.fixture
def named() -> NamedTensor:
    return NamedTensor(torch.arange(2 * 4 * 3 * 2 * 5.0).reshape(2, 4, 3, 2, 5), DIMENSIONS, NAMES)


@pytest.mark.parametrize(
    ("dimensions", "features", "told"),
    [
        (("time", "variable"), ("a", "b"), "3 dimensions with the names"),
        (("time", "time", "variable"), ("a", "b"), "3 dimensions with the names"),
        (("window", "time", "x"), ("a", "b"), "without the dimension variable"),
        (("window", "time", "variable"), ("a",), "2 features with the names"),
        (("window", "time", "variable"), ("a", "b", "c"), "2 features with the names"),
        (("window", "time", "variable"), ("a", "a"), "2 features with the names"),
    ],
)
def test_names_that_do_not_fit_the_shape_are_refused(
    dimensions: tuple[str, ...], features: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        NamedTensor(torch.zeros(4, 3, 2), dimensions, features)


def test_neighbouring_features_are_a_view(named: NamedTensor) -> None:
    found = named.select("tcc", "t850")
    assert found.features == ("tcc", "t850")
    assert found.tensor.untyped_storage().data_ptr() == named.tensor.untyped_storage().data_ptr()
    assert found.tensor.equal(named.tensor[:, :, 1:])


@pytest.mark.parametrize("wanted", [("t850", "2t"), ("2t", "t850"), ("tcc", "2t", "t850"), ("tcc",)])
def test_selected_features_come_in_the_order_that_is_asked_for(
    named: NamedTensor, wanted: tuple[str, ...]
) -> None:
    found = named.select(*wanted)
    assert found.features == wanted
    for place, name in enumerate(wanted):
        assert found.tensor[:, :, place].equal(named.tensor[:, :, NAMES.index(name)])


def test_all_features_as_they_are_cost_nothing(named: NamedTensor) -> None:
    assert named.select(*NAMES) is named


def test_no_features_can_be_selected(named: NamedTensor) -> None:
    assert named.select().tensor.shape == (2, 4, 0, 2, 5)


def test_gradients_go_through_a_selection(named: NamedTensor) -> None:
    tensor = named.tensor.clone().requires_grad_()
    named.like(tensor).select("t850", "2t").tensor.sum().backward()
    assert tensor.grad is not None
    assert tensor.grad[:, :, [0, 2]].eq(1).all()
    assert tensor.grad[:, :, 1].eq(0).all()


def test_a_feature_that_is_not_there_is_named(named: NamedTensor) -> None:
    with pytest.raises(ValueError, match=r"no feature q, msl among 2t, tcc, t850"):
        named.select("q", "2t", "msl")


def test_a_feature_cannot_be_selected_twice(named: NamedTensor) -> None:
    with pytest.raises(ValueError, match="features with the names"):
        named.select("2t", "2t")


def test_a_part_is_a_view_along_a_dimension(named: NamedTensor) -> None:
    found = named.part("time", 1, 3)
    assert found.tensor.equal(named.tensor[:, 1:3])
    assert found.tensor.untyped_storage().data_ptr() == named.tensor.untyped_storage().data_ptr()
    with pytest.raises(ValueError, match="selected by name"):
        named.part("variable", 0, 1)
    with pytest.raises(ValueError, match="no dimension level among window, time"):
        named.part("level", 0, 1)


def test_sizes_and_places_go_by_name(named: NamedTensor) -> None:
    assert [named.size(name) for name in DIMENSIONS] == [2, 4, 3, 2, 5]
    assert [named.place(name) for name in DIMENSIONS] == [0, 1, 2, 3, 4]


def test_concatenation_is_along_the_features(named: NamedTensor) -> None:
    more = NamedTensor(torch.ones(2, 4, 2, 2, 5), DIMENSIONS, ("sin_hour", "cos_hour"))
    found = concatenate([named, more])
    assert found.features == (*NAMES, "sin_hour", "cos_hour")
    assert found.tensor.shape == (2, 4, 5, 2, 5)
    assert found.select(*NAMES).tensor.equal(named.tensor)
    assert found.select("cos_hour").tensor.eq(1).all()


def test_parts_that_do_not_belong_together_are_refused(named: NamedTensor) -> None:
    other = NamedTensor(torch.zeros(2, 4, 1, 10), ("window", "time", "variable", "point"), ("q",))
    with pytest.raises(ValueError, match="different dimensions"):
        concatenate([named, other])
    with pytest.raises(ValueError, match="6 features with the names"):
        concatenate([named, named])


def test_like_takes_over_the_names(named: NamedTensor) -> None:
    found = named.like(named.tensor[:1] * 2)
    assert (found.dimensions, found.features) == (DIMENSIONS, NAMES)
    assert named.like(named.tensor[:, :, :1], ("q",)).features == ("q",)
    with pytest.raises(ValueError, match="1 features with the names"):
        named.like(named.tensor[:, :, :1])


@given(
    sizes=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    span=st.sampled_from([("window", "time"), ("y", "x"), ("y", "y")]),
)
def test_unflatten_undoes_flatten(sizes: list[int], span: tuple[str, str]) -> None:
    window, time, y, x = sizes
    before = NamedTensor(torch.randn(window, time, 2, y, x), DIMENSIONS, ("a", "b"))
    flat = before.flatten(*span, "point")
    parts = dict(zip(DIMENSIONS, before.tensor.shape, strict=True))
    names = DIMENSIONS[DIMENSIONS.index(span[0]) : DIMENSIONS.index(span[1]) + 1]
    sizes_of_parts = {name: parts[name] for name in names}
    assert flat.size("point") == torch.tensor([*sizes_of_parts.values()]).prod()
    back = flat.unflatten("point", sizes_of_parts)
    assert back.dimensions == before.dimensions
    assert back.features == before.features
    assert back.tensor.equal(before.tensor)


def test_flattened_points_run_along_x_first(named: NamedTensor) -> None:
    flat = named.flatten("y", "x", "point")
    assert flat.dimensions == ("window", "time", "variable", "point")
    assert flat.tensor[1, 2, 0, 7] == named.tensor[1, 2, 0, 1, 2]


def test_the_features_stay_a_dimension_of_their_own(named: NamedTensor) -> None:
    for first, last in (("time", "y"), ("variable", "variable"), ("window", "x")):
        with pytest.raises(ValueError, match="cannot be flattened"):
            named.flatten(first, last, "point")
    with pytest.raises(ValueError, match="cannot be unflattened"):
        named.unflatten("variable", {"variable": 1, "member": 3})


def test_its_text_is_a_table_of_ranges() -> None:
    values = torch.tensor([[250.0, 300.0, 290.0], [0.0, 1.0, 0.25]])
    text = str(NamedTensor(values.T, ("time", "variable"), ("2t", "cloud")))
    assert text.splitlines() == [
        "(time: 3, variable: 2) torch.float32",
        "variable          min         mean          max",
        "2t                250          280          300",
        "cloud               0      0.41667            1",
    ]


def test_text_of_nothing_and_of_integers_is_no_error() -> None:
    assert "2t" in str(NamedTensor(torch.zeros(0, 1), ("time", "variable"), ("2t",)))
    assert str(NamedTensor(torch.tensor([[3]]), ("time", "variable"), ("n",))).endswith(
        "3            3            3"
    )


def test_lightning_moves_it_to_a_device(named: NamedTensor) -> None:
    found = move_data_to_device((named, torch.zeros(1)), torch.device("meta"))
    assert found[0].tensor.device.type == "meta"
    assert found[0].features == NAMES


class Three(Dataset[NamedTensor]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, number: int) -> NamedTensor:
        return NamedTensor(torch.full((1, 2), float(number)), ("time", "variable"), ("a", "b"))


def test_it_comes_out_of_a_worker_process_as_it_went_in() -> None:
    loader: Any = DataLoader(Three(), batch_size=None, num_workers=1)
    for number, found in enumerate(loader):
        assert found.features == ("a", "b")
        assert found.tensor.tolist() == [[number, number]]


def test_it_can_be_pickled(named: NamedTensor) -> None:
    found = pickle.loads(pickle.dumps(named))
    assert (found.dimensions, found.features) == (DIMENSIONS, NAMES)
    assert found.tensor.equal(named.tensor)
