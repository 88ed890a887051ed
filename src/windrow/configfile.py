"""Read an experiment file and say everything that is wrong with it at once."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from windrow.config import Config
from windrow.dataset import MIXED_DOMAIN
from windrow.errors import UserError
from windrow.experiment import STRATEGIES
from windrow.models.plugins import GROUP, PREFIX, plugins
from windrow.models.registry import networks
from windrow.models.settings import SETTINGS
from windrow.strict import ProblemsError

_DOMAINS = (("domain", "Domain"), ("domain", "IndexDomain"))


class _UniqueKeys(yaml.SafeLoader):
    """YAML whose doubled keys are an error instead of a silent overwrite."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    keys = [key.value for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"line {node.start_mark.line + 1}: the key {key!r} stands twice; keep one of them")
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_config(path: Path) -> Config:
    """Read and validate an experiment file.

    Raises
    ------
    UserError
        If the file is not there, is no YAML or breaks a rule; all problems in one message.
    """
    return validate(read_yaml(path), origin=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys, none of which may stand twice.

    Raises
    ------
    UserError
        If the file is not there, is no YAML, holds no keys or a key twice.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as problem:
        raise UserError(f"cannot read the config {path}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise UserError(f"{path} is not UTF-8 at byte {problem.start}; save it as UTF-8") from None
    except yaml.YAMLError as problem:
        raise UserError(f"{path} is no valid YAML: {' '.join(str(problem).split())}") from None
    except UserError as problem:
        raise UserError(f"{path}, {problem}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no keys; start from config/sample.yaml")
    return content


def validate(content: Any, *, origin: str = "the config") -> Config:
    """Check a parsed experiment file.

    Raises
    ------
    UserError
        If it breaks a rule: one line per problem, each with the path of the key and what to do.
    """
    if not isinstance(content, Mapping):
        raise UserError(f"{origin} holds no keys; start from config/sample.yaml")
    try:
        return Config.model_validate(dict(content))
    except ValidationError as problem:
        lines = error_lines(problem)
        count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
        raise UserError("\n  ".join([f"{origin} has {count}:", *lines])) from None


def error_lines(problem: ValidationError) -> list[str]:
    """What is wrong, one line each with the path of the key and the remedy; for the config and stages' settings."""
    # a list whose items are wrong is also reported as too short, which says nothing more
    told = [one for one in problem.errors(include_url=False) if one["type"] != "too_short" or not one["input"]]
    return [line for error in told for line in _lines(error, of_config=problem.title == Config.__name__)]


def _lines(error: Any, *, of_config: bool) -> list[str]:
    location = [str(part) for part in error["loc"]]
    path = ".".join(_without_tags(location)) or "config"
    kind = error["type"]
    if kind == "value_error":
        found = error["ctx"]["error"]
        texts = found.problems if isinstance(found, ProblemsError) else [str(found)]
        return [text if text.partition(".")[0] in Config.model_fields else f"{path}: {text}" for text in texts]
    if kind == "extra_forbidden":
        return [f"{path}: unknown key{_did_you_mean(location) if of_config else ''}"]
    if kind == "missing":
        return [f"{path}: missing; add it"]
    if kind == MIXED_DOMAIN:
        return [f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}"]
    if kind == "union_tag_invalid":
        found = f"{path}.name: {error['ctx']['tag']!r} is not one of {error['ctx']['expected_tags']}"
        return [found + (_of_plugins() if location[-1] == "model" else "")]
    if kind == "union_tag_not_found":
        names = tuple(networks()) if location[-1] == "model" else STRATEGIES
        return [f"{path}.name: missing; add it, one of {', '.join(names)}"]
    if location[-1:] == ["[key]"]:
        section = ".".join(location[:-2])
        return [f"{section}: {error['input']!r} is no name; take letters, digits and _, and begin with a letter"]
    return [f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}"]


def _without_tags(location: list[str]) -> list[str]:
    """The keys as they stand in the file: pydantic puts the name of a model, strategy or domain behind its section."""
    return [
        part
        for before, part in zip(["", *location], location, strict=False)
        if not ((before == "model" and part in SETTINGS) or (before == "strategy" and part in STRATEGIES))
        and (before, part) not in _DOMAINS
    ]


def _of_plugins() -> str:
    installed = ", ".join(plugins()) or "none is installed"
    return f", nor of a plug-in ({installed}); these are entry points in {GROUP} and modules named {PREFIX}*"


def _did_you_mean(location: list[str]) -> str:
    known = _known_keys(location[:-1])
    close = difflib.get_close_matches(location[-1], known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{hint} (known here: {', '.join(known)})" if known else hint


def _known_keys(location: list[str]) -> list[str]:
    """Keys that are allowed where an unknown one was found; pydantic puts a union's tag into the path."""
    found: dict[str, Any] = Config.model_json_schema()
    definitions = found["$defs"]
    for part in location:
        found = _resolved(found, definitions)
        if part in found.get("properties", {}):
            found = found["properties"][part]
        elif "discriminator" in found:
            found = {"$ref": found["discriminator"]["mapping"][part]}
        elif "oneOf" in found:
            found = {"$ref": f"#/$defs/{part}"}
        else:
            by_name = [*found.get("patternProperties", {}).values(), found.get("additionalProperties")]
            found = by_name[0] or found.get("items") or {}
    return list(_resolved(found, definitions).get("properties", {}))


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What a schema refers to; of several the one that has keys, such as a section beside null."""
    keyed = [one for one in schema.get("anyOf", ()) if "$ref" in one or "items" in one]
    schema = keyed[0] if keyed else schema
    reference = schema.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else schema


def canonical(settings: BaseModel) -> str:
    """A stage's settings as one line of JSON with sorted keys: equal settings, equal text."""
    import json

    return json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
