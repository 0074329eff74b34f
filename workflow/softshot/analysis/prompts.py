"""What the soft prompts have learned: the vocabulary tokens nearest to them, and their norms (tuning's prompt.tsv)."""

import csv
import itertools
from pathlib import Path

import pandas as pd

from softshot.analysis.collect import RUN, Results

POSITIONS = 3  # of which the nearest token is named
SUMMARY = {  # in tuning.json -> column
    "mean_norm": "norm",
    "vocabulary_mean_norm": "vocabulary_norm",
    "mean_cosine": "cosine",
    "mean_distance": "distance",
    "mean_distance_from_start": "moved",
    "distinct_nearest_tokens": "distinct",
}
COLUMNS = [*RUN, "size", *SUMMARY.values(), "nearest"]


def prompts(results: Results, folder: Path) -> pd.DataFrame:
    """A row per finished run that tuned a prompt; what it did not write is empty."""
    done, rows = results.runs[results.runs["done"]], []
    for run, note in zip(done.to_dict("records"), results.notes, strict=True):
        learned = (note.get("tuning") or {}).get("learned") or {}
        if learned.keys() & SUMMARY.keys() and pd.isna(run["source"]):  # an adapter of another task: in that run's row
            row = {column: run[column] for column in (*RUN, "size")}
            row |= {column: learned.get(name) for name, column in SUMMARY.items()}
            rows.append(row | {"nearest": nearest(folder / run["folder"] / "adapter" / "prompt.tsv")})
    return pd.DataFrame(rows, columns=COLUMNS)


def nearest(path: Path) -> str:
    """The nearest token of the first positions with its cosine: `" the" (0.83), " of" (0.71)`."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        best = (row for row in csv.DictReader(file, delimiter="\t") if row["rank"] == "1")
        return ", ".join(f'"{row["token"]}" ({float(row["cosine"]):.2f})' for row in itertools.islice(best, POSITIONS))
