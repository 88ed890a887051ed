"""The settings that a store was laid out with, as its metadata tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from windrow.errors import UserError
from windrow.files import read_json
from windrow.stages import ShardsLayout


def read_attributes(shards: Path) -> dict[str, Any]:
    """The attributes of the group.

    Raises
    ------
    UserError
        If there is no Zarr group.
    """
    content = read_json(shards / "zarr.json")
    attributes = content.get("attributes") if isinstance(content, dict) else None
    if not isinstance(attributes, dict):
        raise UserError(f"{shards / 'zarr.json'} describes no group; run the stage shards_layout again")
    return attributes


def read_layout(shards: Path) -> ShardsLayout:
    """The layout of the blocks and the length of the time axis.

    Raises
    ------
    UserError
        If the group was not written by windrow.
    """
    try:
        return ShardsLayout.model_validate(read_attributes(shards).get("windrow_settings"))
    except ValidationError:
        raise UserError(
            f"{shards / 'zarr.json'} has no settings of the stage shards_layout; run that stage again"
        ) from None
