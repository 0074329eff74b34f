"""The report page in headless Chromium: it is drawn, at desktop and phone width, quietly and without the network."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH (`chromium`)")

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"]
HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
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
    return subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def write_study(results: Path) -> dict:
    """Two tasks, ICL, PT and IPT, two seeds; one run is missing. Returns the settings of the analysis."""
    variants = [("icl", "random-1", 0, 1, "random"), ("icl", "retrieved-1", 0, 1, "retrieved")]
    variants += [("pt", f"tokens-{n}", n, 0, None) for n in (5, 25)]
    variants += [("ipt", f"tokens-{n}_retrieved-1", n, 1, "retrieved") for n in (5, 25)]
    grid = []
    for task in ("dart", "mtop"):
        record = {"id": "r0", "input": "a long input " * 12, "target": HOSTILE, "references": [HOSTILE], "meta": {}}
        for split in ("train", "test"):
            path = results / "data" / task / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record) + "\n")
        for place, (arm, variant, tokens, shots, retriever) in enumerate(variants):
            for seed in [0] if variant == "retrieved-1" else [1, 2]:
                run = {"model": "tiny", "task": task, "arm": arm, "variant": variant, "seed": seed}
                grid.append({**run, "tokens": tokens, "shots": shots, "retriever": retriever})
                if (task, variant, seed) == ("mtop", "tokens-5", 2):
                    continue
                folder = results / "runs/tiny" / task / arm / variant / f"seed-{seed}"
                folder.mkdir(parents=True)
                files = {
                    "run.json": {
                        "generation": {"seconds": 1.5, "records": 1},
                        "tuning": {"seconds": 9.0} if tokens else None,
                    },
                    "scores.json": {"main": "bleu", "n": 1, "scores": {"bleu": 10.0 * place + seed, "chrf": 50.0}},
                    "predictions.jsonl": {"id": "r0", "prediction": HOSTILE + "x" * 300, "stopped": False}
                    | {"demonstrations": [{"id": "r0", "score": 0.5}][:shots]},
                }
                for name, content in files.items():
                    (folder / name).write_text(json.dumps(content) + "\n")
                losses = [{"step": step, "validation_loss": 3 - step / 100} for step in (0, 50, 100)]
                (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in losses))
    study = {"study": "tiny", "title": "A tiny study", "note": HOSTILE, "examples": 1, "seeds": [1, 2], "grid": grid}
    return {**study, "evaluation": {"dart": "test", "mtop": "test"}, "config": {"study": "tiny", "key": "v" * 400}}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    results = tmp_path_factory.mktemp("browser") / "tiny"
    settings = results.with_suffix(".json")
    settings.write_text(json.dumps(write_study(results)))
    subprocess.run(
        [sys.executable, "-m", "softshot.analysis", "--settings", f"@{settings}", "--results", str(results)],
        check=True,
        capture_output=True,
    )
    return results / "report.html"


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
    assert len(seen[width]["figures"]) == 4  # two figures on two tasks
    assert all(figure[0] > 300 and figure[1] > 150 for figure in seen[width]["figures"])
    assert seen[width]["marks"] > 20


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out_of_the_page_and_figure_text_is_not_tiny(seen, width):
    assert seen[width]["scrollable"] <= width
    assert all(figure[2] <= width for figure in seen[width]["figures"])
    assert seen[width]["text"] >= 10


def test_the_page_makes_no_request_and_runs_no_script(seen):
    assert [(view["requests"], view["title"]) for view in seen.values()] == [(0, "A tiny study")] * 2


def test_the_browser_has_nothing_to_complain_about(page, tmp_path):
    shot = tmp_path / "page.png"
    finished = chromium(tmp_path / "profile", "--window-size=1280,2000", f"--screenshot={shot}", f"file://{page}")
    assert "CONSOLE" not in finished.stderr
    assert shot.stat().st_size > 20_000
