"""What the soft prompts have learned: the vocabulary tokens nearest to them, and their norms."""

import pandas as pd

from softshot.analysis.collect import RUN, Results

SUMMARY = {  # in tuning.json -> column
    "mean_norm": "norm",
    "vocabulary_mean_norm": "vocabulary_norm",
    "mean_cosine": "cosine",
    "mean_distance": "distance",
    "mean_distance_from_start": "moved",
    "distinct_nearest_tokens": "distinct",
}
COLUMNS = [*RUN, "size", *SUMMARY.values(), "nearest"]


def prompts(results: Results) -> pd.DataFrame:
    """A row per finished run that tuned a prompt; what it did not write is empty."""
    done, rows = results.runs[results.runs["done"]], []
    for run, note in zip(done.to_dict("records"), results.notes, strict=True):
        learned = (note.get("tuning") or {}).get("learned") or {}
        if learned.keys() & SUMMARY.keys() and pd.isna(run["source"]):  # an adapter of another task: in that run's row
            row = {column: run[column] for column in (*RUN, "size")}
            row |= {column: learned.get(name) for name, column in SUMMARY.items()}
            rows.append(row | {"nearest": nearest(learned)})
    return pd.DataFrame(rows, columns=COLUMNS)


def nearest(learned: dict) -> str:
    """The nearest token of the first positions with its cosine: `" the" (0.83), " of" (0.71)`."""
    return ", ".join(f'"{token}" ({cosine:.2f})' for token, cosine in learned.get("nearest", []))
