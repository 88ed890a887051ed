"""Which experiments differ in one setting."""

from typing import Any

from windrow.report.ablation import ablations


def settings(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "dataset": {"variables": ["2t", "tcc"], "domain": {"nx": 40, "ny": 32}, "name": ""},
        "verification": {"splits": ["test"]},
        "experiment": {
            "model": {"name": "convlstm", "features": 16, "kernel": 5},
            "training": {"epochs": 4, "loss": {"name": "mse"}},
        },
    }
    for path, value in changes.items():
        *parts, last = path.split("__")
        inner = found
        for part in parts:
            inner = inner[part]
        inner[last] = value
    return found


def told(**experiments: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one.setting, one.first_value, one.second_value) for one in ablations(experiments)]


def test_one_setting_makes_an_ablation() -> None:
    assert told(a=settings(), b=settings(experiment__training__epochs=8)) == [("training.epochs", "4", "8")]
    assert told(a=settings(), b=settings(dataset__variables=["2t"])) == [("predictors", "2t, tcc", "2t")]


def test_a_domain_is_one_setting() -> None:
    found = told(a=settings(), b=settings(dataset__domain={"nx": 20, "ny": 16}))
    assert found == [("domain", "nx 40, ny 32", "nx 20, ny 16")]


def test_another_network_is_one_setting_whatever_its_settings_are() -> None:
    other = settings(experiment__model={"name": "unet", "scales": 3})
    assert told(a=settings(), b=other) == [("model", "convlstm", "unet")]
    assert told(a=settings(), b=settings(experiment__model__features=8)) == [("model.features", "16", "8")]


def test_two_settings_make_none() -> None:
    assert told(a=settings(), b=settings(experiment__training__epochs=8, experiment__model__features=8)) == []


def test_what_the_result_does_not_depend_on_does_not_count() -> None:
    other = settings(verification__splits=["train"], dataset__name="b", experiment__training__epochs=1)
    assert told(a=settings(), b=other) == [("training.epochs", "4", "1")]


def test_all_pairs_are_told_in_the_order_of_the_settings() -> None:
    a, b, c = settings(), settings(experiment__training__epochs=8), settings(experiment__model__kernel=3)
    found = ablations({"a": a, "b": b, "c": c})
    assert [(one.setting, one.first, one.second) for one in found] == [
        ("model.kernel", "a", "c"),
        ("training.epochs", "a", "b"),
    ]
