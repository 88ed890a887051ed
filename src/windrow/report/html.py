"""Fill the templates: pages that need nothing beside themselves."""

from __future__ import annotations

from typing import Any

import jinja2
from markupsafe import Markup

from windrow.report import vega, viewer
from windrow.report.charts import Chart
from windrow.report.ground import Ground
from windrow.report.viewer import Panel, Viewer

GRADIENT_STOPS = 16


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
    environment.globals.update(
        chart_config=lambda: vega.embedded(vega.CONFIG),
        chart_library=vega.library,
        content_of=viewer.content_of,
        embedded=vega.embedded,
        first_still=_first_still,
        gradient=_gradient,
        still=_still,
    )
    return environment.get_template(template).render(content)


def _still(chart: Chart) -> Markup:
    return vega.still(chart.still, name=chart.name)


def _gradient(panel: Panel) -> str:
    colours = viewer.colours_of(panel.colormap)
    places = [round(step * (len(colours) - 1) / (GRADIENT_STOPS - 1)) for step in range(GRADIENT_STOPS)]
    return ", ".join("#" + colours[place].tobytes().hex() for place in places)


def _first_still(shown: Viewer, panel: Panel, ground: Ground) -> str:
    case, frame = shown.first
    if panel.fields is not None:
        return viewer.still_png(panel.fields[case, frame], panel, ground)
    first, second = (one.fields for one in shown.panels[:2])
    assert first is not None
    assert second is not None
    return viewer.still_png(second[case, frame] - first[case, frame], panel, ground)
