"""Fill the templates: pages that need nothing beside themselves."""

from __future__ import annotations

from typing import Any

import jinja2


def render(template: str, **content: Any) -> str:
    """A page from the templates beside this module; a name that a template lacks is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("windrow.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(content)
