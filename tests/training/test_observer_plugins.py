"""The plug-ins beside this file: a distribution with an entry point, and a module with a telling name."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.test_examples import logged
from tests.training.test_fit import options
from windrow import cli
from windrow.configfile import validate
from windrow.errors import UserError
from windrow.testing import tiny_config
from windrow.training.observer_plugins import plugins
from windrow.training.observers.watch import kind_of
from windrow.training_settings import OBSERVERS

SITE = Path(__file__).parent / "plugins"


def config_of(*observers: str) -> dict[str, Any]:
    config = tiny_config("archive")
    config["experiments"]["cnn"]["training"]["observers"] = list(observers)
    return config


def test_observers_of_plugins_stand_in_a_config_which_is_read_without_torch() -> None:
    script = (
        "import sys; from windrow.training_settings import Training; "
        "print(Training(observers=('warmest', 'clumsy', 'error_map')).observers, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": str(SITE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "('warmest', 'clumsy', 'error_map') False\n", done.stderr


def test_an_observer_of_a_plugin_tells_the_log_and_the_history(
    tiny: Any, tmp_path: Path, fresh: Callable[[Path], None]
) -> None:
    fresh(SITE)
    assert cli.main(options(tiny, tmp_path, "cnn", epochs=1, stride=48, observers=["warmest"])) == 0
    told = json.loads((tmp_path / "history.json").read_text())["observers"]
    assert list(told) == ["warmest"]
    assert told["warmest"]["epoch"] == 0
    (log,) = (tmp_path / "work" / "tensorboard").iterdir()
    ((_, value),) = logged(log)["warmest"]
    assert value == pytest.approx(told["warmest"]["highest"])
    assert 270 < value < 290  # the tiny fields lie between 274 and 286 K


def test_an_unknown_observer_is_told_with_all_that_there_are_and_how_plugins_are_found(
    fresh: Callable[[Path], None], tmp_path: Path
) -> None:
    fresh(SITE)
    with pytest.raises(UserError) as caught:
        validate(config_of("warmest", "coldest"))
    (line,) = str(caught.value).splitlines()[1:]
    assert "experiments.cnn.training.observers: there is no observer coldest" in line
    assert all(name in line for name in (*OBSERVERS, "warmest", "clumsy"))
    assert line.endswith("entry points in windrow.observers and OBSERVERS of modules named windrow_plugin_*")


def test_an_observer_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UserError, match=r"training\.observers: names an observer twice; keep one of them"):
        validate(config_of("error_map", "error_map"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "lost",
            "the observer lost cannot be imported from windrow_plugin_watchers.nowhere:Lost (ModuleNotFoundError",
        ),
        ("stranger", "the observer stranger (windrow_plugin_watchers.observers:Stranger) is no subclass of"),
    ],
)
def test_an_observer_that_is_not_there_or_none_ends_a_training_before_it_begins(
    fresh: Callable[[Path], None],
    tiny: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    told: str,
) -> None:
    fresh(SITE)
    assert cli.main(options(tiny, tmp_path, "cnn", epochs=1, stride=48, observers=[name])) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.endswith("correct the plug-in or take it out of training.observers\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "OBSERVERS = {'prediction': 'a:B'}",
            "the module windrow_plugin_bad brings an observer prediction, and there is one of this name already",
        ),
        (
            "OBSERVERS = {'bad': 'a.B'}",
            "the module windrow_plugin_bad does not say where the observer bad is, as 'module:Class'",
        ),
        (
            "import no_such_module_of_anybody",
            "the module windrow_plugin_bad cannot be imported (ModuleNotFoundError: No module named",
        ),
    ],
)
def test_a_bad_plugin_is_told_in_one_sentence(
    fresh: Callable[[Path], None], tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "windrow_plugin_bad.py").write_text(text)
    fresh(tmp_path)
    with pytest.raises(UserError) as caught:
        validate(config_of("bad"))
    assert str(caught.value).startswith(told)


def test_two_plugins_of_one_name_are_refused_and_one_that_is_found_both_ways_is_not(
    fresh: Callable[[Path], None], tmp_path: Path
) -> None:
    shutil.copytree(SITE / "beholder-0.1.dist-info", tmp_path / "beholder-0.1.dist-info")
    module = tmp_path / "windrow_plugin_again.py"
    module.write_text("OBSERVERS = {'warmest': 'beholder:Warmest'}")
    fresh(tmp_path)
    assert plugins() == {"warmest": "beholder:Warmest"}
    (tmp_path / "windrow_plugin_more.py").write_text("OBSERVERS = {'warmest': 'elsewhere:Warmest'}")
    plugins.cache_clear()
    with pytest.raises(
        UserError, match="the module windrow_plugin_more brings an observer warmest, and there is one"
    ):
        plugins()


def test_windrows_own_observers_need_no_look_at_plugins(fresh: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "windrow_plugin_bad.py").write_text("import no_such_module_of_anybody")
    fresh(tmp_path)
    validate(config_of(*OBSERVERS))
    assert all(kind_of(name) for name in OBSERVERS)
