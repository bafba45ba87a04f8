"""The report in a real browser: at any width, light and dark, for everybody."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.report.browser import PROGRAM, Browser, browsing
from tests.report.conftest import Project

AXE = Path(__file__).parents[1] / "lite/node_modules/axe-core/axe.min.js"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium: apt-get install chromium"),
]
FINDINGS = (
    "axe.run().then(found => found.violations.filter(each => ['serious', 'critical'].includes(each.impact))"
    ".map(each => each.id + ': ' + each.nodes.map(node => node.html).join(' | ')))"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def page(project: Project) -> Path:
    project.run("verify", "--exact")
    with duckdb.connect(str(project.folder / "new.duckdb")) as connection:
        connection.execute("update users set email = 'another@example.test' where id < 3")
    project.run("diff", "old", "new", code=1)
    project.page()
    return project.folder / "page.html"


def test_it_reads_well_at_every_width_in_light_and_dark(browser: Browser, page: Path) -> None:
    for width in (360, 1280):
        for dark in (False, True):
            browser.show(page, width, dark=dark)
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
            smallest = browser.evaluate(
                "Math.min(...[...document.querySelectorAll('.chart text')]"
                ".map(each => each.getBoundingClientRect().height))"
            )
            assert smallest >= 10, "pixels of a label in a chart"
            assert browser.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
            asked = [each["request"]["url"] for each in browser.told("Network.requestWillBeSent")]
            assert asked == [page.absolute().as_uri()]
            browser.evaluate(AXE.read_text("utf-8"))
            assert browser.evaluate(FINDINGS) == []


def test_it_is_printed_light_and_nothing_is_cut_off(browser: Browser, page: Path) -> None:
    browser.show(page, 1280, dark=True, media="print")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.evaluate("getComputedStyle(document.querySelector('.wide')).overflowX") == "visible"
