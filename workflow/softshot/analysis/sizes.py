"""Data size: the score against the number of training records, and where one arm overtakes another."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from softshot.analysis.bootstrap import Estimate
from softshot.analysis.collect import CELL, Results
from softshot.analysis.evidence import Evidence, cells, keys
from softshot.analysis.lengths import deviation, score_interval, seed_scores
from softshot.analysis.records import counts
from softshot.analysis.tables import ARMS, variant_label
from softshot.settings import Study

COLUMNS = [*CELL, "series", "tokens", "train", "metric", "mean", "sd", "n", "low", "high"]
CROSSINGS = ["model", "task", "one", "other", "at", "low", "high", "sentence"]
OFTEN = 0.5  # of the resamples must cross for a crossing to be told


def sizes(study: Study, results: Results, found: dict[str, Evidence], folder: Path) -> pd.DataFrame:
    """The main score of each arm by the number of its training records, all of them last."""
    table = _members(results, folder)
    scores = [seed_scores(found, key) for key in keys(table)]
    ends = [score_interval(study, found, key) for key in keys(table)]
    made = table.assign(
        metric=[found[task].statistics.metric if task in found else "" for task in table["task"]],
        mean=[float(values.mean()) if len(values) else float("nan") for values in scores],
        sd=[deviation(values) for values in scores],
        n=[len(values) for values in scores],
        low=[low for low, _ in ends],
        high=[high for _, high in ends],
    )
    return made[COLUMNS]


def _members(results: Results, folder: Path) -> pd.DataFrame:
    """The cells with a limited training set, and the same arms with all records; series and train (a number)."""
    table = cells(results)
    bare = [variant.partition("_train-")[0] for variant in table["variant"]]
    table["series"] = [f"{ARMS[arm]}, {variant_label(name)}" for arm, name in zip(table["arm"], bare, strict=True)]
    limited = set(_names(table[table["train"].notna()]))
    table = table[[name in limited for name in _names(table)]].copy()
    splits = [row for task in table["task"].unique() for row in counts(folder, task)]
    whole = {row["task"]: row["records"] for row in splits if row["split"] == "train"}
    table["train"] = pd.to_numeric(table["train"]).astype(float).fillna(table["task"].map(whole).astype(float))
    places = {name: place for place, name in enumerate(dict.fromkeys(_names(table)))}
    table["place"] = [places[name] for name in _names(table)]
    return table.sort_values(["place", "train"], kind="stable").reset_index(drop=True)


def _names(table: pd.DataFrame) -> list[tuple]:
    """Model, task and series of every row."""
    return list(table[["model", "task", "series"]].itertuples(index=False, name=None))


def crossings(study: Study, results: Results, found: dict[str, Evidence], folder: Path) -> pd.DataFrame:
    """Where each pair of arms changes places, interpolated on the logarithm of the size; or that none does."""
    table, rows = _members(results, folder).dropna(subset="train"), []
    for (model, task), block in table.groupby(["model", "task"], sort=False):
        evidence = found.get(task)
        curves = {series: _curve(evidence, points) for series, points in block.groupby("series", sort=False)}
        for one, other in itertools.combinations(curves, 2):
            made = _crossing(study, (one, other), (curves[one], curves[other]), evidence is not None and evidence.lower)
            rows.append((model, task, one, other, *made))
    return pd.DataFrame(rows, columns=CROSSINGS)


def _curve(evidence: Evidence | None, points: pd.DataFrame) -> dict[int, Estimate]:
    """The estimate at each size that has finished runs."""
    known = evidence.estimates if evidence else {}
    return {int(size): known[key] for size, key in zip(points["train"], keys(points), strict=True) if key in known}


def _crossing(
    study: Study, names: tuple[str, str], curves: tuple[dict[int, Estimate], dict[int, Estimate]], lower: bool
) -> tuple[float, float, float, str]:
    """at, low, high and a sentence: the first size at which the arms change places; NaN where they do not."""
    nothing = (float("nan"),) * 3
    one, other = curves
    common = sorted(one.keys() & other.keys())
    if len(common) < 2:
        return *nothing, f"{names[0]} and {names[1]} have fewer than two sizes in common: nothing can be said."
    sign, x = -1 if lower else 1, np.log(common)
    values = sign * np.array([[other[size].value - one[size].value] for size in common])
    at = float(_first(x, values)[0])
    if np.isnan(at):
        ahead = names[1] if values.mean() > 0 else names[0]
        ends = f"{common[0]:,} and {common[-1]:,} training records"
        text = "the two score the same throughout" if not values.any() else f"{ahead} scores better throughout"
        return *nothing, f"No crossing between {ends}: {text}."
    samples = sign * np.array([other[size].replicates - one[size].replicates for size in common])
    drawn = np.exp(_first(x, samples))
    share = float(np.mean(~np.isnan(drawn)))
    behind, ahead = names if values[np.flatnonzero(values)[0]] < 0 else names[::-1]
    text = f"{ahead} overtakes {behind} at about {round(np.exp(at)):,} training records"
    if share <= OFTEN:
        return float(np.exp(at)), *nothing[1:], f"{text}, which can be chance: few resamples cross."
    outside = (1 - study.analysis.confidence) / 2
    low, high = (float(end) for end in np.nanquantile(drawn, [outside, 1 - outside]))
    text += f" ({round(low):,} to {round(high):,}); {100 * share:.0f}% of the resamples cross at all."
    return float(np.exp(at)), low, high, text


def _first(x: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Where each column of differences (sizes, samples) first changes its sign, interpolated; NaN where it does not."""
    found = np.full(apart.shape[1], np.nan)
    for place in reversed(range(len(x) - 1)):
        here, there = apart[place], apart[place + 1]
        change = (here < 0) & (there >= 0) | (here > 0) & (there <= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = here / (here - there)
        found = np.where(change, x[place] + share * (x[place + 1] - x[place]), found)
    return found
