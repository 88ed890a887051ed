"""The pages in a real browser: nothing complains, and the controls do what they say."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report import chromium
from tests.report.chromium import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.BINARY is None, reason="chromium is not installed (apt-get install chromium)"),
]

CHART = "document.getElementById('2t-mse')"
LINES = f"{CHART}.querySelectorAll('.live .mark-line path').length"
CASES = "document.getElementById('cases-2t')"
PICTURE = f"{CASES}.querySelectorAll('canvas')[1].toDataURL()"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium.opened(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture(scope="module")
def pages(full_report: str, comparison: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("pages")
    for name, text in (("report", full_report), ("comparison", comparison)):
        (directory / f"{name}.html").write_text(text, encoding="utf-8")
    return {path.stem: path for path in directory.iterdir()}


def alive(browser: Page) -> None:
    """Open what is folded and draw all charts, those that are far below as well."""
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.run("charts.forEach((one) => watcher.unobserve(one))")
    browser.run("Promise.all(charts.filter((one) => !views.has(one)).map(enliven))")
    browser.wait("charts.every((one) => one.querySelector('.plot').dataset.live === '')")


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


@pytest.mark.parametrize("name", ["report", "comparison"])
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_page_is_drawn_without_complaint_and_fits(
    browser: Page, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    browser.show(pages[name], width=width, dark=dark)
    alive(browser)
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.complaints == []


def test_charts_come_alive_when_they_are_seen(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.run(f"{CHART}.scrollIntoView()")
    browser.wait(f"{CHART}.querySelector('.plot').dataset.live === ''")
    assert browser.run("document.getElementById('history-loss').querySelector('.plot').dataset.live") is None


def test_a_legend_hides_and_shows_a_line_in_all_its_charts(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.run(f"{CHART}.scrollIntoView()")
    browser.wait(f"{CHART}.querySelector('.plot').dataset.live === ''")
    before = browser.run(LINES)
    browser.run(f"{CHART}.closest('[data-group]').querySelector('[data-series=\"persistence\"]').focus()")
    browser.press(" ", "Space", text=" ")
    browser.wait(f"{LINES} === {before - 1}")
    browser.run("document.getElementById('2t-mae').scrollIntoView()")  # it comes alive with the line switched off
    other = LINES.replace("2t-mse", "2t-mae")
    browser.wait(f"{other} > 0")
    hidden = browser.run(other)
    browser.press(" ", "Space", text=" ")
    browser.wait(f"{LINES} === {before} && {other} === {hidden + 1}")


def test_a_chart_tells_the_values_where_the_pointer_is(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.run(f"{CHART}.scrollIntoView()")
    browser.wait(f"{CHART}.querySelector('.plot').dataset.live === ''")
    drawing = f"{CHART}.querySelector('.live svg')"
    box = browser.run(f"(({{x, y, width, height}}) => [x, y, width, height])({drawing}.getBoundingClientRect())")
    tip = "document.querySelector('#vg-tooltip-element.visible')?.textContent"
    for step in range(3):  # the first move is over no mark yet
        browser.point(box[0] + 0.55 * box[2] + step, box[1] + box[3] / 2)
    text = browser.wait(tip)
    assert "lead time" in text
    assert "persistence" in text


def test_a_charts_numbers_and_drawing_are_saved(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.run(f"{CHART}.querySelector('[data-save=csv]').click()")
    found = rows(browser.downloaded("2t-mse.csv"))
    assert found[0] == ["of", "lead time (h)", "K²", "5 %", "95 %"]
    own = [line for line in found if line[0] == "cnn"]
    assert [line[1] for line in own] == ["1", "2", "3"]
    assert all(0.9 < float(line[3]) < float(line[2]) < float(line[4]) < 1.1 for line in own)
    browser.run(f"{CHART}.querySelector('[data-save=svg]').click()")
    svg = browser.downloaded("2t-mse.svg").decode()
    assert svg.startswith("<svg")
    assert "var(" not in svg
    assert "Mean squared error" in svg
    assert "day before" in svg  # its legend


def test_a_tables_numbers_are_saved(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.run("document.querySelector('#scorecard [data-save=table]').click()")
    found = rows(browser.downloaded("scorecard.csv"))
    assert found[0] == ["lead time", "1\N{NO-BREAK SPACE}h", "2\N{NO-BREAK SPACE}h", "3\N{NO-BREAK SPACE}h"]
    (line,) = [line for line in found if line[0] == "2 metre temperature: mean squared error against: persistence"]
    assert [float(value) for value in line[1:]] == pytest.approx([50.0] * 3, abs=2)


def test_cases_can_be_leafed_through(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    shown = f"{CASES}.dataset.shown"
    browser.wait(f"{shown} === '5 2'")
    first = browser.run(PICTURE)
    browser.run(f"{CASES}.querySelector('input[type=range]').focus()")
    browser.press("ArrowLeft")
    browser.wait(f"{shown} === '5 1'")
    assert browser.run(PICTURE) != first
    browser.run(f"{CASES}.querySelector('[data-step=\"1\"]').click()")
    browser.wait(f"{shown} === '5 2' && {PICTURE} === '{first}'")
    browser.run(f"{CASES}.querySelector('[data-step=\"1\"]').click()")
    browser.wait(f"{shown} === '5 0'")
    assert browser.run(f"{CASES}.querySelector('[data-frame]').textContent").startswith("+1 h")
    choose = "one.value = '10'; one.dispatchEvent(new Event('change', {bubbles: true}));"
    browser.run(f"{{ const one = {CASES}.querySelector('select'); {choose} }}")
    browser.wait(f"{shown} === '10 0'")


def test_an_animation_plays_and_pauses(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    button = f"{CASES}.querySelector('[data-play]')"
    browser.wait(f"{CASES}.dataset.shown === '5 2'")
    browser.run(f"{button}.click()")
    browser.wait(f"{CASES}.dataset.shown === '5 0'")
    assert browser.run(f"{button}.textContent") == "Pause"
    browser.run(f"{button}.click()")
    assert browser.run(f"{button}.getAttribute('aria-pressed')") == "false"


def test_the_numbers_and_the_picture_of_a_case_are_saved(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.wait(f"{CASES}.dataset.shown === '5 2'")
    browser.run(f"{CASES}.querySelector('[data-save=csv]').click()")
    found = rows(browser.downloaded("cases-2t-5-2.csv"))
    assert found[0] == ["latitude", "longitude", "Truth (K)", "Forecast (K)", "Forecast − truth (K)"]
    assert len(found) == 21
    assert found[1][:2] == ["51", "-4"]
    truth, forecast, error = (float(value) for value in found[1][2:])
    assert forecast - truth == pytest.approx(error, abs=0.01)
    browser.run(f"{CASES}.querySelector('[data-save=png]').click()")
    assert browser.downloaded("cases-2t-5-2.png").startswith(b"\x89PNG")


def test_a_map_tells_the_values_where_the_pointer_is(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    browser.wait(f"{CASES}.dataset.shown === '5 2'")
    browser.run(f"{CASES}.scrollIntoView()")
    x, y = browser.run(f"(({{x, y}}) => [x, y])({CASES}.querySelector('canvas').getBoundingClientRect())")
    browser.point(x + 4, y + 4)
    told = f"{CASES}.querySelector('[data-point]').textContent"
    browser.wait(f"{told}.startsWith('51° N 4° W: Truth ')")
    assert "K, Forecast − truth " in browser.run(told)


def test_without_script_pictures_stand_still(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"], script=False)
    # Scripts of the protocol run nevertheless.
    assert browser.run(f"getComputedStyle({CASES}.querySelector('.controls')).display") == "none"
    assert browser.run(f"{CASES}.querySelector('noscript img').naturalWidth") == 5
    assert browser.run(f"{CHART}.querySelector('.plot > svg') !== null")
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_page_can_be_printed(browser: Page, pages: dict[str, Path]) -> None:
    browser.show(pages["report"])
    assert browser.printed().startswith(b"%PDF")
    assert browser.complaints == []
