import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from windrow import cuts, stages
from windrow.shards.layout import block_path
from windrow.shards.reader import ShardReader
from windrow.training.normalisation import Normalisation
from windrow.training.run import blocks_of_windows, fingerprint


@pytest.mark.parametrize(
    ("firsts", "length", "expected"),
    [
        ([0], 10, [0]),
        ([1], 10, [0, 1]),
        ([9], 1, [0]),
        ([8], 24, [0, 1, 2, 3]),
        ([40, 5], 10, [0, 1, 4]),
    ],
)
def test_all_blocks_that_a_window_touches_are_named(firsts: list[int], length: int, expected: list[int]) -> None:
    assert blocks_of_windows({"train": np.array(firsts)}, length=length, block_steps=10) == expected


@pytest.fixture
def named(tiny: Any, tmp_path: Path) -> Any:
    """The fingerprint of a training on windows that run from block 0 into block 1."""
    shutil.copytree(tiny.shards, tmp_path / "shards")
    settings = stages.Train.model_validate_json(cuts.settings_of("train", tiny.config, experiment="convlstm"))
    statistics = json.loads((tiny.path / "statistics.json").read_text())
    reader = ShardReader(tmp_path / "shards", settings.layout)

    def name(first: int = 366, shift: float = 0.0) -> str:
        windows = {"train": np.array([first]), "validation": np.array([367])}
        normalise = Normalisation(statistics, settings.layout.variables)
        normalise.mean += shift
        return fingerprint(settings, statistics, reader, windows, normalise)

    return name


def test_the_name_stays_while_nothing_changes(named: Any) -> None:
    assert named() == named()


def test_the_name_changes_with_the_windows_and_the_normalisation(named: Any) -> None:
    assert len({named(), named(first=365), named(shift=1.0)}) == 3


def test_the_name_changes_when_the_last_block_of_a_window_is_rewritten(named: Any, tmp_path: Path) -> None:
    before = named()
    os.utime(block_path(tmp_path / "shards", 1), ns=(1, 1))
    assert named() != before
