"""The published numbers, beside those of a study's own cells that are the same."""

from pathlib import Path

import pandas as pd

from softshot.analysis.collect import CELL

FOLDER = Path(__file__).parents[3] / "resources" / "published"


def scores() -> pd.DataFrame:
    """CELL, metric, published, published_sd, published_status, published_source; the main table before figures."""
    table = pd.read_csv(FOLDER / "scores.tsv", sep="\t", keep_default_na=False)
    table["value"], table["spread"] = (pd.to_numeric(table[name]) for name in ("value", "spread"))
    names = {"value": "published", "spread": "published_sd", "status": "published_status", "figure": "published_source"}
    return table.drop(columns="note").rename(columns=names).drop_duplicates([*CELL, "metric"])


def similarity() -> pd.DataFrame:
    """task, bin, published_n, published_pt, published_ipt."""
    table = pd.read_csv(FOLDER / "similarity.tsv", sep="\t")
    names = {"n": "published_n", "pt": "published_pt", "ipt": "published_ipt"}
    return table[["task", "bin", *names]].rename(columns=names)


def beside(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The table with these columns of the published scores where model, task, arm, variant and metric are the same."""
    found = table.merge(scores()[[*CELL, "metric", *columns]], on=[*CELL, "metric"], how="left")
    return found.fillna({column: "" for column in columns if column in ("published_status", "published_source")})


def beside_summary(summary: pd.DataFrame) -> pd.DataFrame:
    """The summary with what was published of the same cells, and its own mean less that."""
    columns = ["published", "published_sd", "published_status", "published_source"]
    found = beside(summary, columns)
    return found.assign(difference=found["mean"] - found["published"])
