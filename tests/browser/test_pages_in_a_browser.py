"""The pages in a real Chromium without a network: no error, no request, no barrier, nothing wider than the screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from components.report.page import render_page
from pipeline.history.page import DataSet, render_history
from tests.made_histories import make_nights, make_rollbacks
from tests.made_reports import make_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium; on Debian: apt-get install chromium"),
]

KINDS: dict[str, dict[str, Any]] = {
    "pushed": {"reason": "the shop opens today"},
    "not blessed": {"blessed": False},
    "first run": {"baseline": False},
    "rejected": {"rejected": True},
    "never predicted": {"never_predicted": 3},
    "long hostile names": {"class_names": ("<script>document.title = 'run'</script>", "x" * 60, "a & b")},
}
HISTORIES = {
    "a season": lambda: [make_history("fashion-mnist", 230, shown=80)],
    "two data sets": lambda: [make_history("fashion-mnist", 40), make_history("sample", 9)],
    "one run": lambda: [make_history("sample", 1)],
    "long hostile names": lambda: [make_history("<script>document.title = 'run'</script>" + "x" * 200, 30)],
    "none": list,
}
SCREENS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def make_history(name: str, nights: int, shown: int = 40) -> DataSet:
    """The last of some nights: axe takes a second for some forty rows."""
    records = make_nights(nights, name)[-shown:]
    pages = frozenset(record.run_id for record in records)
    pushes = make_rollbacks(records) if shown > 40 else []
    return DataSet(name=name, records=records[::-1], served_version=1, pushes=pushes, pages=pages)


@pytest.fixture(scope="module", params=KINDS)
def report_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of each kind."""
    directory = tmp_path_factory.mktemp("report")
    path = directory / "report.html"
    path.write_text(render_page(make_report(directory / "artifacts", **KINDS[request.param])), encoding="utf-8")
    return path


@pytest.fixture(params=HISTORIES)
def history_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A history of each kind."""
    path = tmp_path / "index.html"
    page = render_history(HISTORIES[request.param](), "report.html", datetime(2026, 1, 1, 8, tzinfo=timezone.utc))
    path.write_text(page, encoding="utf-8")
    return path


screens = pytest.mark.parametrize(("screen", "scheme"), [("desktop", "light"), ("desktop", "dark"), ("phone", "light")])


@screens
def test_a_report_is_sound(browser: Any, report_file: Path, tmp_path: Path, screen: str, scheme: Any) -> None:
    check_soundness(browser, report_file, tmp_path, screen, scheme)


@screens
def test_a_history_is_sound(browser: Any, history_file: Path, tmp_path: Path, screen: str, scheme: Any) -> None:
    check_soundness(browser, history_file, tmp_path, screen, scheme)


def check_soundness(browser: Any, page_file: Path, tmp_path: Path, screen: str, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport=SCREENS[screen], color_scheme=scheme, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

    assert page.title() != "run"
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen]["width"]
    assert page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [page_file.as_uri()]
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    context.close()


def test_the_sections_are_reached_by_keyboard(browser: Any, report_file: Path) -> None:
    page = browser.new_page()
    page.goto(report_file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.hash") == "#checks"
    page.close()
