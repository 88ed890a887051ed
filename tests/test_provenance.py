"""What a stage is made of: the files that its module imports."""

import ast
from pathlib import Path

import pytest

from windrow import provenance
from windrow.provenance import PACKAGE, sources


def imports(nodes: object) -> list[str]:
    found = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]  # type: ignore[attr-defined]
    return sorted(ast.unparse(node) for node in found)


def test_the_imports_of_every_module_are_those_that_the_parser_finds() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert imports(provenance._imports(text)) == imports(ast.walk(ast.parse(text))), path


@pytest.mark.parametrize(
    "text",
    [
        "import a\n",
        "import a.b, c as d\n",
        "from . import a\nfrom .b import c as d\n",
        "from a import (\n    b,\n    c,\n)\n",
        "from a import (  # as in (b)\n    c,\n)\n",
        "from a import b, \\\n    c\n",
        "def f():\n    import a\n    from b import c\n",
        "if True: import a\n",
        "x = 1; from a import b\n",
        "try:\n\timport a\nexcept ImportError:\n\tfrom b import c\n",
        '"""One:\nfrom the first\nimport all of it\n"""\nimport a\n',
        "raise_ = 1\nfrom_ = 2\nimported = 3\n",
    ],
)
def test_imports_are_found_however_they_are_written(text: str) -> None:
    assert imports(provenance._imports(text)) == imports(ast.walk(ast.parse(text)))


def test_an_import_that_only_a_docstring_shows_does_not_hide_the_others() -> None:
    assert imports(provenance._imports('"""As in\n\nfrom a import b\n"""\nimport c\n')) == [
        "from a import b",
        "import c",
    ]


def test_the_sources_of_a_stage_are_its_modules_and_no_others() -> None:
    names = {Path(path).relative_to(PACKAGE).as_posix() for path in sources("inventory")}
    assert {"steps/inventory.py", "grib/inventory.py", "stages.py"} <= names
    assert not {name for name in names if name.startswith(("shards/", "verification/", "report/"))}
