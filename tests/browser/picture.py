"""python tests/browser/picture.py results/demo/report.html docs/report.png: the picture of a report in README.md."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright


def main(report: str, picture: str) -> None:
    """The report's main table, light, as wide as README.md shows it."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 1400}, color_scheme="light")
        page.goto(Path(report).resolve().as_uri())
        page.add_style_tag(content="#choice { display: none } body { padding: 2rem }")
        page.locator("#scores").scroll_into_view_if_needed()
        page.locator("#scores").screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
