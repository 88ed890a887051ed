import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from windrow import cli
from windrow.testing import tiny_config

HEAVY = ("numpy", "torch", "xarray", "pydantic", "yaml", "eccodes")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from windrow import cli; cli.build_parser().format_help(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("buffered", [True, False])
def test_lines_are_written_in_one_piece(buffered: bool, tmp_path: Path) -> None:
    """Each packet of the socket is one call of the system; ranks of MPI write side by side into one log."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {} if buffered else {"PYTHONUNBUFFERED": "1"}
    code = "from windrow import cli; cli.main(['settings', 'audit', '--config', 'none']); print('one', 'line')"
    with ours, its:
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=its, stderr=its)
        its.close()
        packets = list(iter(lambda: ours.recv(1 << 16).decode(), ""))
    assert done.returncode == 0
    sentence, line = packets
    assert sentence.startswith("windrow settings: ")
    assert (sentence[-1], line) == ("\n", "one line\n")


def test_every_step_has_a_subcommand_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    for step in cli.STEPS:
        with pytest.raises(SystemExit) as ended:
            cli.main([step, "--help"])
        assert ended.value.code == 0
        assert "usage: windrow" in capsys.readouterr().out


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tiny_config("archive")))
    return path


def test_settings_prints_the_canonical_json_of_a_stage(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["settings", "train", "--config", str(config), "--experiment", "cnn"]) == 0
    text = capsys.readouterr().out.strip()
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    assert json.loads(text)["experiment"]["model"]["name"] == "weatherbench_cnn"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["train"], "train needs --experiment beside an experiment file"),
        (["train", "--experiment", "cmm"], "there is no experiment cmm; there are cnn, convlstm"),
        (["forecast", "--experiment", "cnn", "--split", "tset"], "there is no split tset"),
        (["plough"], "there is no stage plough"),
    ],
)
def test_a_wrong_request_gets_one_sentence_and_code_2(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert cli.main(["settings", *arguments, "--config", str(config)]) == 2
    assert text in capsys.readouterr().err


def test_an_output_that_cannot_be_written_gets_one_sentence_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["reference", str(tmp_path / "file" / "below")]) == 2
    error = capsys.readouterr().err
    assert "below" in error
    assert error.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error(config: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # nobody reads what the step prints
    command = [
        sys.executable,
        "-m",
        "windrow.cli",
        "settings",
        "train",
        "--experiment",
        "cnn",
        "--config",
        str(config),
    ]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""
