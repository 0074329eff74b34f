"""The page of the study on real records says what its tables say.

python -m pytest tests/unit/test_study_page.py
"""

import subprocess
import sys

from tiny import ROOT


def test_every_row_of_its_tables_is_made_of_the_committed_tables():
    command = [sys.executable, "tests/studies/page.py", "--configfile", "tests/studies/real.yaml", "--results", "docs"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    page = (ROOT / "docs/real_study.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in page if line.startswith("|")]
    assert rows == [line for line in printed if line.startswith("|")]
    assert "12 of the 180 comparisons are beyond chance" in " ".join(page)
    assert "180 comparisons: 167 open, 9 better, 3 worse, 1 equal" in " ".join(printed)
