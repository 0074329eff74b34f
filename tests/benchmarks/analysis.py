"""Time and memory of the analysis of a synthetic study, and how long its page takes to open: 1,200 runs, or as many as
seeds make.

python tests/benchmarks/analysis.py [SEEDS]
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write a study, analyse it in a process of its own, and print what that took."""
    seeds = sys.argv[1] if len(sys.argv) > 1 else "3"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "synthetic"
        subprocess.run([sys.executable, ROOT / "tests/synthetic_study.py", folder, "--seeds", seeds], check=True)
        settings = (folder / "settings.json").read_text(encoding="utf-8")
        command = [sys.executable, "-m", "softshot.analysis", "--settings", settings, "--results", str(folder)]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        size, opened = (folder / "report.html").stat().st_size, opening(folder / "report.html")
    print(f"analysis: {took:.0f} s on the clock, {processor:.0f} s of the processor (limit 60)")
    print(f"peak memory: {after.ru_maxrss / 1024:.0f} MB (limit 1,000); report.html: {size / 1e6:.1f} MB")
    print("opening the page: " + (f"{opened:.1f} s (limit 2)" if opened else "not measured: no Chromium on the PATH"))


def opening(report: Path) -> float | None:
    """Seconds until the page is complete, the best of three; None without a browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    took = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(3):
            page = browser.new_page()
            page.goto(report.resolve().as_uri())
            took.append(page.evaluate("performance.timing.domComplete - performance.timing.fetchStart") / 1000)
            page.close()
        browser.close()
    return min(took)


if __name__ == "__main__":
    main()
