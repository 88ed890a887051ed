"""The colours of the pages can be told apart from their ground, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from importlib.resources import files

import pytest

CSS = (files("windrow.report") / "templates" / "style.css").read_text(encoding="utf-8")
TEXT = (
    *(("ink", ground) for ground in ("paper", "card", "tint", "better", "worse")),
    *(("muted", ground) for ground in ("paper", "card")),
    *(("on-sure", ground) for ground in ("sure-better", "sure-worse")),
    *((f"experiment-{number}", "card") for number in range(6)),
    ("experiment-0", "paper"),
)


def palettes() -> list[dict[str, str]]:
    """The light one, the dark one, and the light one of the printer."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, flags=re.S)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_black_on_white_has_the_highest_contrast() -> None:
    assert (luminance("#ffffff") + 0.05) / (luminance("#000000") + 0.05) == pytest.approx(21)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("front", "back"), TEXT)
def test_letters_have_a_contrast_of_at_least_four_and_a_half(number: int, front: str, back: str) -> None:
    palette = palettes()[number]
    bright, dark = sorted((luminance(palette[front]), luminance(palette[back])), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_the_printer_has_the_colours_of_the_light_page() -> None:
    light, _, printed = palettes()
    assert {**light, "paper": "#ffffff"} == printed
