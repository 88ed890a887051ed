from windrow.grib.contents import Contents, Entry
from windrow.grib.decode import Place
from windrow.grib.headers import Kind
from windrow.grib.recipe import recipe_of


def contents(*names: str) -> Contents:
    kind = Kind("", "", "", "", "", "", "instant", "0", 0)
    entries = {name: {0: [Entry(Place("a.grib", 0, 100), kind, 0)]} for name in names}
    return Contents("2007-01", "2007-01-01T00:00:00", range(1), entries, {}, {}, {})


def test_geopotential_on_a_pressure_level_is_described_by_that_of_the_surface_and_not_by_humidity() -> None:
    recipe = recipe_of("z850", contents("lnsp_hybrid1", "z_hybrid1", "t_hybrid1", "q_hybrid1"))
    assert recipe.required == ("lnsp_hybrid1", "t_hybrid1", "q_hybrid1")
    assert recipe.described_by == "z_hybrid1"


def test_temperature_on_a_pressure_level_is_described_by_its_lowest_model_level() -> None:
    recipe = recipe_of("t850", contents("lnsp_hybrid1", "z_hybrid1", "t_hybrid1", "t_hybrid2"))
    assert recipe.described_by == "t_hybrid2"
