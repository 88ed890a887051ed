"""The plug-ins beside this file: a distribution with an entry point, and a module with a telling name."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from windrow import cli
from windrow.configfile import validate
from windrow.errors import UserError
from windrow.models.plugins import plugins
from windrow.models.registry import modules_of, networks
from windrow.models.settings import SETTINGS
from windrow.provenance import PACKAGE, sources, sources_digest
from windrow.testing import tiny_config

SITE = Path(__file__).parent / "plugins"
SCRIPT = """
import json, sys
from pathlib import Path
from windrow import cli, cuts
from windrow.configfile import read_config
from windrow.models.registry import modules_of
from windrow.provenance import sources
from windrow.stages import Train

config = read_config(Path(sys.argv[1]))
found = {"torch": "torch" in sys.modules}
for name, experiment in config.experiments.items():
    text = cuts.settings_of("train", config, experiment=name)
    again = Train.model_validate_json(text).experiment.model
    found[name] = {"again": again == experiment.model, "model": json.loads(text)["experiment"]["model"]}
    found[name]["sources"] = sources("train", *modules_of(experiment.model))
found["torch"] |= "torch" in sys.modules

import torch
from windrow.models import GridSize, build
for name, experiment in config.experiments.items():
    network = build(experiment.model, inputs=2, outputs=3, grid=GridSize(4, 5))
    found[name]["shape"] = network(torch.zeros(1, 2, 4, 5)).shape
print(json.dumps(found))
assert cli.main(["models", "--inputs", "2", "--outputs", "3", "--grid", "8x9"]) == 0
"""


def config_of(**models: dict[str, Any]) -> dict[str, Any]:
    config = tiny_config("archive")
    experiment = config["experiments"].pop("cnn")
    config["experiments"] = {name: experiment | {"model": model} for name, model in models.items()}
    return config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What a process of its own finds, and the table that it prints."""
    path = tmp_path_factory.mktemp("plugins") / "config.yaml"
    path.write_text(yaml.safe_dump(config_of(a={"name": "furrow", "kernel": 5}, b={"name": "example"})))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(path)],
        env={**os.environ, "PYTHONPATH": str(SITE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, _, table = done.stdout.partition("\n")
    return json.loads(first), table


def test_networks_of_plugins_stand_in_a_config_and_in_the_settings_of_a_stage(run: tuple[Any, str]) -> None:
    found, _ = run
    assert found["a"]["model"] == {"name": "furrow", "kernel": 5}
    assert found["b"]["model"] == {"name": "example", "bias": True}
    assert found["a"]["again"]
    assert found["b"]["again"]


def test_networks_of_plugins_are_built(run: tuple[Any, str]) -> None:
    found, _ = run
    assert found["a"]["shape"] == found["b"]["shape"] == [1, 3, 4, 5]


def test_a_config_with_plugins_and_their_sources_are_read_without_torch(run: tuple[Any, str]) -> None:
    assert run[0]["torch"] is False


def test_the_sources_of_a_plugin_are_its_own_files_too(run: tuple[Any, str]) -> None:
    found, _ = run
    inside = {Path(path).relative_to(SITE).as_posix() for path in found["a"]["sources"] if "plugins/" in path}
    assert inside == {"furrow/__init__.py", "furrow/settings.py", "furrow/network.py", "furrow/layers.py"}
    others = {Path(path).relative_to(SITE).as_posix() for path in found["b"]["sources"] if "plugins/" in path}
    assert others == {"windrow_plugin_example/__init__.py", "windrow_plugin_example/network.py"}
    for name in ("a", "b"):
        rest = [path for path in found[name]["sources"] if not path.startswith(str(SITE))]
        assert all(Path(path).is_relative_to(PACKAGE) for path in rest)
        assert str(PACKAGE / "models" / "grid_size.py") in rest


def test_windrow_models_lists_networks_of_plugins(run: tuple[Any, str]) -> None:
    rows = {line.split()[0]: line.split(maxsplit=2) for line in run[1].splitlines()}
    assert rows["furrow"][1:] == ["57", "direct                      One convolution, as straight as a furrow."]
    assert rows["example"][1] == "9"
    assert "Each point by itself." in rows["example"][2]
    assert "Pointwise" not in run[1]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Looks for plug-ins in a directory, for the length of a test."""
    known = set(sys.modules)

    def look(directory: Path) -> None:
        monkeypatch.syspath_prepend(directory)
        plugins.cache_clear()

    yield look
    for name in set(sys.modules) - known:
        if name.split(".")[0].startswith(("furrow", "windrow_plugin_")):
            del sys.modules[name]
    plugins.cache_clear()


def test_an_edit_of_any_file_of_a_plugin_changes_the_digest(tmp_path: Path, fresh: Callable[[Path], None]) -> None:
    module = tmp_path / "windrow_plugin_edited"
    shutil.copytree(SITE / "windrow_plugin_example", module)
    for path in module.glob("*.py"):
        text = path.read_text().replace("windrow_plugin_example", "windrow_plugin_edited")
        path.write_text(text.replace('"example"', '"edited"'))
    fresh(tmp_path)
    modules = modules_of(networks()["edited"].model_validate({"name": "edited"}))
    before = sources_digest("train", *modules)
    assert sources_digest("train", *modules) == before
    with (module / "network.py").open("a") as file:
        file.write("# edited\n")
    assert sources_digest("train", *modules) != before


def test_the_sources_of_a_built_in_network_are_the_files_that_its_module_imports() -> None:
    names = {Path(path).name for path in sources("train", *modules_of(SETTINGS["unet"](name="unet")))}
    assert {"unet.py", "convolution.py", "channels_last.py", "settings.py"} <= names
    assert not {"segformer.py", "halfunet.py", "convlstm.py"} & names


def test_a_wrong_setting_of_a_plugin_is_told_with_its_path(fresh: Callable[[Path], None]) -> None:
    fresh(SITE)
    with pytest.raises(UserError) as caught:
        validate(config_of(a={"name": "furrow", "kernal": 5}))
    assert str(caught.value) == "the config has 1 problem:\n  experiments.a.model.kernal: unknown key"
    with pytest.raises(
        UserError, match=r"experiments\.a\.model\.kernel: input should be greater than or equal to 1"
    ):
        validate(config_of(a={"name": "furrow", "kernel": 0}))
    config = config_of(a={"name": "furrow"})
    config["experiments"]["a"]["strategy"] = {"name": "diff_ar"}
    with pytest.raises(UserError, match="the model furrow needs the strategy direct, not diff_ar"):
        validate(config)


def test_an_unknown_network_is_told_with_all_that_there_are_and_how_plugins_are_found(
    fresh: Callable[[Path], None], tmp_path: Path
) -> None:
    fresh(SITE)
    with pytest.raises(UserError) as caught:
        validate(config_of(a={"name": "farrow"}))
    (line,) = str(caught.value).splitlines()[1:]
    assert all(f"'{name}'" in line for name in SETTINGS)
    assert line.endswith(
        "nor of a plug-in (furrow, example); "
        "these are entry points in windrow.models and modules named windrow_plugin_*"
    )


def test_without_plugins_this_is_said(fresh: Callable[[Path], None], tmp_path: Path) -> None:
    fresh(tmp_path)
    with pytest.raises(UserError, match=r"nor of a plug-in \(none is installed\)"):
        validate(config_of(a={"name": "farrow"}))


HEAD = """
from typing import ClassVar, Literal
from windrow.models.settings import ModelSettings
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "import no_such_module_of_anybody",
            "the module windrow_plugin_bad cannot be imported (ModuleNotFoundError: "
            "No module named 'no_such_module_of_anybody'); correct the plug-in or uninstall it",
        ),
        (
            f"{HEAD}\nclass Bad(ModelSettings):\n    network: ClassVar[str] = 'bad:Bad'\n    name: Literal['unet']",
            "the module windrow_plugin_bad brings a model unet, and there is one of this name already; rename it",
        ),
        (
            f"{HEAD}\nclass Bad(ModelSettings):\n    name: Literal['bad']",
            "the module windrow_plugin_bad does not say where the network bad is; its settings need a class variable "
            "network, such as `network: ClassVar[str] = 'module:Class'`",
        ),
    ],
)
def test_a_bad_plugin_is_told_in_one_sentence_and_code_2(
    fresh: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (tmp_path / "windrow_plugin_bad.py").write_text(text)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(config_of(a={"name": "bad"})))
    fresh(tmp_path)
    assert cli.main(["settings", "train", "--config", str(config), "--experiment", "a"]) == 2
    assert capsys.readouterr().err == f"windrow settings: {told}\n"


@pytest.mark.parametrize("value", ["furrow.settings:Literal", "furrow.settings:Furrow", "furrow.layers:nothing"])
def test_an_entry_point_of_another_name_or_of_something_else_is_refused(
    fresh: Callable[[Path], None], tmp_path: Path, value: str
) -> None:
    shutil.copytree(SITE / "furrow", tmp_path / "furrow")
    shutil.copytree(SITE / "furrow-0.1.dist-info", tmp_path / "furrow-0.1.dist-info")
    (tmp_path / "furrow-0.1.dist-info" / "entry_points.txt").write_text(f"[windrow.models]\nridge = {value}\n")
    fresh(tmp_path)
    with pytest.raises(
        UserError, match=r"the entry point ridge of windrow\.models .*correct the plug-in or uninstall"
    ):
        plugins()


def test_two_plugins_of_one_name_are_refused(fresh: Callable[[Path], None], tmp_path: Path) -> None:
    text = f"{HEAD}\nclass Bad(ModelSettings):\n    network: ClassVar[str] = 'b:B'\n    name: Literal['twin']"
    (tmp_path / "windrow_plugin_one.py").write_text(text)
    (tmp_path / "windrow_plugin_two.py").write_text(text)
    fresh(tmp_path)
    with pytest.raises(UserError, match="the module windrow_plugin_two brings a model twin, and there is one"):
        plugins()


def test_a_plugin_may_be_found_both_ways(fresh: Callable[[Path], None], tmp_path: Path) -> None:
    shutil.copytree(SITE / "windrow_plugin_example", tmp_path / "windrow_plugin_example")
    shutil.copytree(SITE / "furrow-0.1.dist-info", tmp_path / "furrow-0.1.dist-info")
    points = "[windrow.models]\nexample = windrow_plugin_example:Example\n"
    (tmp_path / "furrow-0.1.dist-info" / "entry_points.txt").write_text(points)
    fresh(tmp_path)
    assert list(plugins()) == ["example"]
