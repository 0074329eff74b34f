"""Headless Chromium, driven by Playwright: the one on the PATH, nothing is downloaded."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from synthetic import analyse, study_of, write_study

CHROMIUM = shutil.which("chromium")


@dataclass
class View:
    """An open page, and what the browser said and asked for meanwhile."""

    page: object
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium():
    """The browser."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH (`chromium`)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """The report page of the synthetic study, among the study's files."""
    folder = tmp_path_factory.mktemp("browser") / "trial"
    write_study(folder, study_of())
    analyse(folder, study_of())
    return folder / "report.html"


@pytest.fixture
def visit(chromium, report):
    """Open the report as a reader does; `address` is what follows its name."""
    contexts = []

    def open_page(address: str = "", width: int = 1280, path: Path = report, **options) -> View:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        view = View(context.new_page())
        view.page.set_default_timeout(15_000)
        view.page.on("console", lambda message: view.said.append(message.text))
        view.page.on("pageerror", lambda error: view.said.append(str(error)))
        view.page.on("request", lambda request: view.asked.append(request.url))
        view.page.goto(f"{path.as_uri()}{address}")
        return view

    yield open_page
    for context in contexts:
        context.close()
