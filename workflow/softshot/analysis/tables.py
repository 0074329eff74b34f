"""The table of scores over seeds, and how tables are written."""

import pandas as pd

from softshot.analysis.cells import Cell
from softshot.analysis.collect import CELL, RUN, Results
from softshot.analysis.evidence import Evidence
from softshot.analysis.names import Names, metric_label, task_label

UNKNOWN = "–"
INTERNAL = ["listed", "lower"]  # columns of the summary that the page uses and the file does without


def summarise(results: Results) -> pd.DataFrame:
    """Per model, task, arm, variant and metric: mean, sample standard deviation, median, the worst seed, n, and each
    seed's value.

    Adapters of other tasks, parts of the training records and domain shifts, which answer other questions, are left
    out. A task's main metric comes first; `listed` and `lower` are as in `Results.metrics`. The deviation of a single
    run is NaN; a cell without any finished run has n = 0, and an empty metric where no run of its task says what is
    measured.
    """
    metrics = results.metrics.drop(columns="records")
    plain = results.runs[results.runs[["source", "train", "without"]].isna().all(axis=1)]
    rows = plain.merge(metrics, on="task", how="left").merge(results.scores, on=[*RUN, "metric"], how="left")
    rows["metric"] = rows["metric"].fillna("")
    rows["listed"], rows["lower"] = rows["listed"].ne(False), rows["lower"].eq(True)  # no run says it: listed
    rows["missing"] = rows["seed"].where(rows["value"].isna())
    rows["said"] = [f"{seed}={value:.4f}" for seed, value in zip(rows["seed"], rows["value"], strict=True)]
    rows["said"] = rows["said"].where(rows["value"].notna())
    summary = rows.groupby([*CELL, "metric"], sort=False).agg(
        listed=("listed", "first"),
        lower=("lower", "first"),
        mean=("value", "mean"),
        sd=("value", "std"),
        median=("value", "median"),
        least=("value", "min"),
        most=("value", "max"),
        n=("value", "count"),
        expected=("seed", "count"),
        missing_seeds=("missing", lambda seeds: ",".join(str(int(seed)) for seed in seeds.dropna())),
        values=("said", lambda said: ",".join(said.dropna())),
    )
    summary.insert(5, "worst", summary["least"].where(~summary["lower"], summary["most"]))
    return summary.drop(columns=["least", "most"]).reset_index()


def with_intervals(
    summary: pd.DataFrame, cells: list[Cell], evidence: dict[tuple[str, str], Evidence], confidence: float
) -> pd.DataFrame:
    """The summary with the interval of each mean; `evidence` by task and metric."""
    by_key = {cell.key: cell for cell in cells}
    ends = []
    for row in summary.itertuples(index=False):
        of_metric = evidence.get((row.task, row.metric))
        cell = by_key[row.model, row.task, row.arm, row.variant]
        ends.append(of_metric.interval(cell, confidence) if of_metric else (float("nan"), float("nan")))
    table = summary.copy()
    place = table.columns.get_loc("sd")
    table.insert(place, "high", [high for _, high in ends])
    table.insert(place, "low", [low for low, _ in ends])
    return table


def main_scores(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the summary that are about each task's main metric."""
    return summary.drop_duplicates(CELL)


def subset_scores(results: Results) -> pd.DataFrame:
    """Mean and sample standard deviation of each task's main metric on its official subsets: CELL, subset, records."""
    main = results.metrics.drop_duplicates("task")[["task", "metric"]]
    groups = results.subsets.merge(main, on=["task", "metric"]).groupby([*CELL, "metric", "subset"], sort=False)
    return groups.agg(records=("n", "first"), mean=("value", "mean"), sd=("value", "std")).reset_index()


def as_tsv(table: pd.DataFrame) -> str:
    """Tab-separated text with a header; an unknown value is an empty field."""
    return table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")


def as_text(summary: pd.DataFrame, names: Names) -> str:
    """The summary for a terminal: one aligned block per model and task, its metrics, runs done of expected."""
    summary = summary[summary["listed"]]
    blocks = []
    for (model, task), block in summary.groupby(["model", "task"], sort=False):
        metrics = [metric_label(name) for name in block["metric"].unique()]
        lines = [[f"{model}, {task_label(task)}", *metrics, "runs"]]
        for (arm, variant), rows in block.groupby(["arm", "variant"], sort=False):
            scores = [
                plus_minus(mean, sd) + (" " * len(" ± 0.0") if pd.isna(sd) else "")  # means stand below one another
                for mean, sd in zip(rows["mean"], rows["sd"], strict=True)
            ]
            lines.append([f"  {names.label(arm, variant)}", *scores, "{n}/{expected}".format(**rows.iloc[0])])
        blocks.append(lines)
    first = max((len(line[0]) for lines in blocks for line in lines), default=0)
    return "\n\n".join("\n".join(_aligned(line, lines[0], first) for line in lines) for lines in blocks)


def _aligned(line: list[str], header: list[str], first: int) -> str:
    """One line of a block: its name over `first` characters, then the columns flush right."""
    columns = [text.rjust(max(15, len(title) + 2)) for text, title in zip(line[1:-1], header[1:-1], strict=True)]
    return "".join([line[0].ljust(first), *columns, line[-1].rjust(7)])


def plus_minus(mean: float, sd: float) -> str:
    """`41.2 ± 0.9`; a single run has no deviation, and what has no run is a dash."""
    if pd.isna(mean):
        return UNKNOWN
    return f"{mean:.1f}" if pd.isna(sd) else f"{mean:.1f} ± {sd:.1f}"


def with_span(mean: float, low: float, high: float) -> str:
    """`41.2 (38.1 to 44.0)`; an unknown interval is left out."""
    interval = span(low, high)
    return f"{mean:.1f}{f' ({interval})' if interval else ''}"


def signed_span(value: float, low: float, high: float) -> str:
    """`+1.2 (-0.4 to +2.8)`, of a difference; an unknown interval is left out."""
    interval = "" if pd.isna(low) or pd.isna(high) else f" ({low:+.1f} to {high:+.1f})"
    return f"{value:+.1f}{interval}"


def span(low: float, high: float) -> str:
    """`38.1 to 44.0`; an unknown interval is empty."""
    return "" if pd.isna(low) or pd.isna(high) else f"{low:.1f} to {high:.1f}"


def duration(seconds: float | None) -> str:
    """`8.4 s`, `3 min 20 s` or `2 h 05 min`; a dash for what is unknown."""
    if pd.isna(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
