import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.config import Dataset, Domain, IndexDomain, Period
from windrow.errors import UserError
from windrow.naming import dataset_name, parse_dataset_name


def dataset(*periods: tuple[str, str], south: float = 38.4, west: float = 0.0) -> Dataset:
    return Dataset(
        period=tuple(Period.model_validate({"years": years, "months": months}) for years, months in periods),
        domain=Domain(south=south, west=west, nx=92, ny=56),
        variables=("2t", "tcc", "t850"),
    )


@pytest.mark.parametrize(
    ("periods", "name"),
    [
        ([("2005-2008", "2-5"), ("2015", "3-6")], "Y2005to2008M02to05_Y2015M03to06"),
        ([("2016", "1-12")], "Y2016M01to12"),
        ([("2016-2017", "1-12")], "Y2016to2017M01to12"),
        ([("2019", "3")], "Y2019M03"),
    ],
)
def test_periods_are_named_as_in_ambs(periods: list[tuple[str, str]], name: str) -> None:
    assert dataset_name(dataset(*periods)) == f"{name}-92_56-38.40N00.00E-2t_tcc_t850"


def test_a_corner_in_the_south_west_keeps_its_letters() -> None:
    assert dataset_name(dataset(("2019", "3"), south=-5.25, west=-10)) == "Y2019M03-92_56-05.25S10.00W-2t_tcc_t850"


years = st.tuples(st.integers(1900, 2100), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))
months = st.tuples(st.integers(1, 12), st.integers(0, 11)).map(lambda pair: (pair[0], min(12, pair[0] + pair[1])))
degrees = st.integers(-9000, 9000).map(lambda number: number / 100) | st.floats(-90, 90)


@given(
    period=st.builds(Period, years=years, months=months),
    south=degrees,
    west=degrees,
    nx=st.integers(1, 2000),
    ny=st.integers(1, 2000),
    variables=st.lists(st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True), min_size=1, max_size=4, unique=True),
)
def test_a_name_is_parsed_back_to_its_dataset(
    period: Period, south: float, west: float, nx: int, ny: int, variables: list[str]
) -> None:
    domain = Domain(south=south, west=west, nx=nx, ny=ny)
    made = Dataset(period=(period,), domain=domain, variables=tuple(variables))
    assert parse_dataset_name(dataset_name(made)) == made


def test_a_domain_by_index_is_named_by_its_first_column_and_row() -> None:
    named = dataset(("2019", "3")).model_copy(
        update={"domain": IndexDomain(first_x=120, first_y=34, nx=92, ny=56)}
    )
    assert dataset_name(named) == "Y2019M03-92_56-x120y34-2t_tcc_t850"


@given(
    first_x=st.integers(0, 10**6), first_y=st.integers(0, 10**6), nx=st.integers(1, 2000), ny=st.integers(1, 2000)
)
def test_the_name_of_a_domain_by_index_is_parsed_back(first_x: int, first_y: int, nx: int, ny: int) -> None:
    domain = IndexDomain(first_x=first_x, first_y=first_y, nx=nx, ny=ny)
    made = dataset(("2019", "3")).model_copy(update={"domain": domain})
    assert parse_dataset_name(dataset_name(made)) == made


@given(st.text())
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match="is no dataset name"):
        parse_dataset_name(text)


def test_a_corner_between_hundredths_keeps_its_digits() -> None:
    assert "-38.125N00.00E-" in dataset_name(dataset(("2019", "3"), south=38.125))


@pytest.mark.parametrize(
    "name",
    [
        "Y2007M13-92_56-38.40N00.00E-2t",
        "Y2007M01-92_56-1.2.3N00.00E-2t",
        "Y2007M01-92_56-95.00N00.00E-2t",
        "Y2007M01-92_56-38.40N00.00E-_",
        "Y2007M01-92_56-x1y-2t",
        "Y2007M01-92_56-x1y2-_",
    ],
)
def test_a_name_of_no_possible_dataset_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is no dataset name"):
        parse_dataset_name(name)
