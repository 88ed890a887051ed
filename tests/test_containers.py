"""The Apptainer definition installs what the Makefile installs, from files that are there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "envs" / "windrow.def").read_text()
HEADER, *_ = TEXT.partition("%")
SECTIONS = dict(re.findall(r"^%(\w+)\n(.*?)(?=^%|\Z)", TEXT, flags=re.M | re.S))
VENV = "/opt/windrow/venv/bin"
SOURCE = "/opt/windrow/source"


def copied() -> dict[str, str]:
    return dict(line.split() for line in SECTIONS["files"].splitlines() if line.strip())


def installations(text: str) -> list[str]:
    """What `pip install` is told, without options that change nothing of what is installed."""
    lines = re.findall(r"-m pip install (.*)", text)
    return [re.sub(r"--progress-bar off |--quiet |--no-compile ", "", line).strip() for line in lines]


def test_it_has_the_sections_that_apptainer_knows_and_no_others() -> None:
    assert set(SECTIONS) == {"arguments", "files", "post", "environment", "test", "runscript", "help"}


def test_its_header_names_a_base() -> None:
    settings = [line for line in HEADER.splitlines() if line and not line.startswith("#")]
    assert settings == ["Bootstrap: docker", "From: debian:bookworm-slim"]


@pytest.mark.parametrize("section", ["post", "environment", "test", "runscript"])
def test_a_section_is_a_script_that_sh_can_read(section: str) -> None:
    script = re.sub(r"{{ \w+ }}", "", SECTIONS[section])
    read = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_it_installs_what_the_makefile_installs_in_the_same_order() -> None:
    made = installations((ROOT / "Makefile").read_text())
    wanted = [line.replace("$(TORCH_OPTIONS)", "{{ TORCH_OPTIONS }}").replace("--editable ", "") for line in made]
    assert installations(SECTIONS["post"]) == wanted
    assert len(wanted) == 3


def test_every_argument_has_a_default() -> None:
    used = set(re.findall(r"{{ (\w+) }}", TEXT))
    assert used == set(re.findall(r"^ +(\w+)=", SECTIONS["arguments"], flags=re.M)) == {"TORCH_OPTIONS"}


def test_it_takes_all_files_that_the_installation_reads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"pyproject.toml", "requirements.lock", "src", project["readme"], *project["license-files"]}
    files = copied()
    assert set(files) == wanted
    assert all((ROOT / name).exists() for name in files)
    assert files == {name: f"{SOURCE}/{name}" for name in files}
    assert f"cd {SOURCE}\n" in SECTIONS["post"]


def test_what_is_installed_is_found_first() -> None:
    assert f"export PATH={VENV}:$PATH\n" in SECTIONS["environment"]
    assert f"python3 -m venv {VENV.removesuffix('/bin')}\n" in SECTIONS["post"]
