"""The methods' cases and peers, on a GPU."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "methods"))  # cases.py and loops.py
