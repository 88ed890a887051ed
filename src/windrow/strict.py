"""What all settings have in common: frozen, strict, and all problems said at once."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"


class ProblemsError(ValueError):
    """Several things that are wrong with one section; each becomes a line of its own."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def refuse(problems: list[str]) -> None:
    """Raise all the problems at once, if there are any."""
    if problems:
        raise ProblemsError(problems)


def repeated(key: str, values: Iterable[str]) -> list[str]:
    """A problem for each value that stands more than once."""
    values = list(values)
    return [
        f"{key}: {one} is named twice; keep one of them" for one in dict.fromkeys(values) if values.count(one) > 1
    ]


class Strict(BaseModel):
    """Frozen; every unknown key is an error, and so is a number that is not finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=False, defer_build=True
    )
