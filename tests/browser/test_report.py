"""The report page in headless Chromium: it is drawn, at desktop and phone width, quietly and without the network."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic import TITLE, analyse, study_of, write_study

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH (`chromium`)")

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"]
MEASURE = """
addEventListener("load", () => {
  const seen = [...document.querySelectorAll("iframe")].map((frame) => {
    const page = frame.contentDocument;
    const box = (element) => element.getBoundingClientRect();
    return {
      title: page.title,
      sections: [...page.querySelectorAll("section")].map((section) => [section.id, box(section).height]),
      figures: [...page.querySelectorAll("svg")].map((svg) => [box(svg).width, box(svg).height, box(svg).right]),
      marks: page.querySelectorAll("svg path, svg line").length,
      text: Math.min(...[...page.querySelectorAll("svg text")].map((text) => box(text).height)),
      scrollable: page.documentElement.scrollWidth,
      requests: frame.contentWindow.performance.getEntriesByType("resource").length,
    };
  });
  document.body.textContent = JSON.stringify(seen);
});
"""


def chromium(profile: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the browser once, without a window."""
    return subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """The report page of the synthetic study."""
    folder = tmp_path_factory.mktemp("browser") / "trial"
    write_study(folder, study_of())
    analyse(folder, study_of())
    return folder / "report.html"


@pytest.fixture(scope="module")
def seen(page, tmp_path_factory) -> dict[int, dict]:
    """What the browser measures of the untouched page in frames of desktop and phone width."""
    folder = tmp_path_factory.mktemp("frames")
    source = html.escape(page.read_text(encoding="utf-8"), quote=True)
    frames = "".join(
        f'<iframe srcdoc="{source}" style="width:{width}px;height:900px;border:0"></iframe>' for width in (1280, 390)
    )
    (folder / "frames.html").write_text(
        f'<meta charset="utf-8"><script>{MEASURE}</script><body>{frames}', encoding="utf-8"
    )
    dump = chromium(
        folder / "profile", "--window-size=1800,1000", "--dump-dom", f"file://{folder / 'frames.html'}"
    ).stdout
    measured = json.loads(html.unescape(re.search(r"<body[^>]*>(.*)</body>", dump, re.DOTALL)[1]))
    return dict(zip((1280, 390), measured, strict=True))


@pytest.mark.parametrize("width", [1280, 390])
def test_every_section_and_figure_is_drawn(seen, width):
    sections = dict(seen[width]["sections"])
    assert list(sections) == ["scores", "tokens", "learning", "examples", "cost", "settings"]
    assert all(height > 50 for height in sections.values())
    assert len(seen[width]["figures"]) == 8  # two figures of two models on two tasks
    assert all(figure[0] > 300 and figure[1] > 150 for figure in seen[width]["figures"])
    assert seen[width]["marks"] > 20


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out_of_the_page_and_figure_text_is_not_tiny(seen, width):
    assert seen[width]["scrollable"] <= width
    assert all(figure[2] <= width for figure in seen[width]["figures"])
    assert seen[width]["text"] >= 10


def test_the_page_makes_no_request_and_runs_no_script(seen):
    assert [(view["requests"], view["title"]) for view in seen.values()] == [(0, TITLE)] * 2


def test_the_browser_has_nothing_to_complain_about(page, tmp_path):
    shot = tmp_path / "page.png"
    finished = chromium(tmp_path / "profile", "--window-size=1280,2000", f"--screenshot={shot}", f"file://{page}")
    assert "CONSOLE" not in finished.stderr
    assert shot.stat().st_size > 20_000
