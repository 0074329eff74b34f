"""The tables of a study as a page in docs/ has them, in Markdown, from what `analyse` has written.

python tests/studies/page.py --configfile tests/studies/real.yaml [--config key=value ...] [--results results]
"""

import json
from pathlib import Path

import pandas as pd

from softshot import commands
from softshot.analysis.cells import cells
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.tables import main_scores, plus_minus, signed_span, span
from softshot.settings import Study

TABLES = ("summary", "baselines", "significance", "pareto", "claims")
CELL = ["arm", "variant"]
FLAT = 0.05  # of the fall of a validation loss: a run whose last interval had no more of it has flattened


def main() -> None:
    """Print the tables."""
    args = commands.parser("page", __doc__).parse_args()
    study = commands.study(args)
    folder, names = args.results / study.study, Names(study, cells(study))
    tables = {name: pd.read_csv(folder / f"{name}.tsv", sep="\t") for name in TABLES}
    for title, table in (
        ("Scores", scores(tables["summary"], names)),
        ("What needs no model", baselines(tables["baselines"])),
        ("Other metrics", metrics(tables["summary"], names)),
        ("What demonstrations add", added(tables["significance"], study, names)),
        ("Comparisons that are won and lost beyond chance", leads(tables["significance"], names)),
        ("Validation loss per target token", losses(folder, tables["summary"], names)),
        ("Costs", costs(tables["pareto"], names)),
        ("Claims", claims(tables["claims"])),
    ):
        print(f"## {title}\n\n{markdown(table)}\n")
    print((folder / "missing.tsv").read_text(encoding="utf-8"))


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, numbers flush right."""
    lines = [table.columns, ["---", *["---:"] * (len(table.columns) - 1)], *table.fillna("").astype(str).to_numpy()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def by_task(rows: pd.DataFrame, names: Names, texts: pd.Series) -> pd.DataFrame:
    """Texts of a model's cells, a line per cell and a column per task and metric."""
    lines, columns = {}, {}
    for row, text in zip(rows.itertuples(), texts, strict=True):
        column = f"{task_label(row.task)}: {metric_label(row.metric)}"
        columns[column] = None
        lines.setdefault(names.label(row.arm, row.variant), {})[column] = text
    table = pd.DataFrame.from_dict(lines, orient="index").reindex(columns=list(columns))
    return table.rename_axis("").reset_index()


def scores(summary: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Main metrics: mean ± standard deviation over seeds (interval over seeds and records)."""
    rows = main_scores(summary)
    texts = [f"{plus_minus(row.mean, row.sd)} ({span(row.low, row.high)})" for row in rows.itertuples()]
    return by_task(rows, names, texts)


def metrics(summary: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Every other metric: mean ± standard deviation over seeds."""
    rows = summary.drop(main_scores(summary).index)
    return by_task(rows, names, [plus_minus(row.mean, row.sd) for row in rows.itertuples()])


def baselines(table: pd.DataFrame) -> pd.DataFrame:
    """What needs no model, on main metrics."""
    main = table.groupby("task", sort=False)["metric"].first()
    rows = table[table["metric"] == table["task"].map(main)]
    label = rows["baseline"] + rows["retriever"].map(lambda name: f", {name}", na_action="ignore").fillna("")
    wide = rows.assign(label=label, text=rows["score"].map("{:.1f}".format)).pivot(
        index="label", columns="task", values="text"
    )
    return wide.reindex(columns=main.index).rename(columns=task_label).rename_axis("").reset_index()


def main_family(significance: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of every two compared cells."""
    return significance[significance["family"] == "main"]


def label(cell: str, names: Names) -> str:
    """A comparison's `arm/variant` in words."""
    return names.label(*cell.split("/"))


def added(significance: pd.DataFrame, study: Study, names: Names) -> pd.DataFrame:
    """An arm with demonstrations less the same method without, of equal size."""
    lines = []
    for row in main_family(significance).itertuples():
        (arm, variant), (other, bare) = row.one.split("/"), row.other.split("/")
        flip = "_" not in variant
        if flip:
            (arm, variant), (other, bare) = (other, bare), (arm, variant)
        if study.arms[arm].method != study.arms[other].method or variant.partition("_")[0] != bare:
            continue
        sign = -1 if flip else 1
        low, high = sorted((sign * row.low, sign * row.high))
        verdict = {"better": "worse", "worse": "better"}.get(row.verdict, row.verdict) if flip else row.verdict
        lines.append(
            [
                names.label(arm, variant),
                names.label(other, bare),
                f"{task_label(row.task)}: {metric_label(row.metric)}",
                signed_span(sign * row.difference, low, high),
                f"{row.p_holm:.2g}",
                verdict,
                "" if pd.isna(row.seeds_to_tell) else f"{row.seeds_to_tell:.0f}",
            ]
        )
    return pd.DataFrame(
        lines, columns=["with", "without", "", "difference", "p, corrected", "verdict", "seeds to tell"]
    )


def leads(significance: pd.DataFrame, names: Names) -> pd.DataFrame:
    """How many of a cell's comparisons it wins and loses beyond chance, per task."""
    lines: dict[str, dict[str, str]] = {}
    for task, rows in main_family(significance).groupby("task", sort=False):
        better, worse = rows[rows["verdict"] == "better"], rows[rows["verdict"] == "worse"]
        for cell in pd.unique(rows[["one", "other"]].to_numpy().ravel()):
            wins = (better["one"] == cell).sum() + (worse["other"] == cell).sum()
            losses = (worse["one"] == cell).sum() + (better["other"] == cell).sum()
            lines.setdefault(label(cell, names), {})[task_label(task)] = f"{wins} / {losses}"
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("").reset_index()


def losses(folder: Path, summary: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Means before and at the best step, and in how many runs the last interval brought next to nothing."""
    lines: dict[str, dict[str, str]] = {}
    for row in main_scores(summary).itertuples():
        place = folder / "runs" / row.model / row.task / row.arm / row.variant
        if curves := [curve(path) for path in sorted(place.glob("seed-*/history.jsonl"))]:
            before = sum(values[0] for values in curves) / len(curves)
            best = sum(map(min, curves)) / len(curves)
            flat = sum(values[-2] - values[-1] <= FLAT * (values[0] - min(values)) for values in curves)
            text = f"{before:.3f} to {best:.3f} ({flat}/{len(curves)})"
            lines.setdefault(names.label(row.arm, row.variant), {})[task_label(row.task)] = text
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("").reset_index()


def curve(path: Path) -> list[float]:
    """The validation losses of a history."""
    steps = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [step["validation_loss"] for step in steps if "validation_loss" in step]


def costs(front: pd.DataFrame, names: Names) -> pd.DataFrame:
    """What each cell took, means over its runs and over tasks."""
    columns = {
        "trained": ("trainable_parameters", 1, "{:,.0f}"),
        "stored, MB": ("adapter_bytes", 1e6, "{:,.1f}"),
        "positions added": ("positions_added", 1, "{:,.0f}"),
        "tuning, 10^12 operations": ("tuning_operations", 1e12, "{:,.1f}"),
        "tuning, s": ("tuning_seconds", 1, "{:,.0f}"),
        "peak memory, MB": ("peak_memory_mb", 1, "{:,.0f}"),
        "tokens a prediction": ("tokens_per_prediction", 1, "{:,.0f}"),
        "10^9 operations a prediction": ("operations_per_prediction", 1e9, "{:,.1f}"),
        "forgotten, nats a token": ("forgotten", 1, "{:.3f}"),
    }
    means = front.groupby(CELL, sort=False)[[name for name, *_ in columns.values()]].mean().reset_index()
    table = pd.DataFrame({"": [names.label(row.arm, row.variant) for row in means.itertuples()]})
    for title, (name, unit, form) in columns.items():
        table[title] = (means[name] / unit).map(form.format)
    return table


def claims(table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts over all cells: what each part of a claim says here."""
    rows = table[table["model"].isna() & table["task"].isna()]
    return rows[["part", "statement", "verdict", "sentence"]].assign(
        part=rows["part"].fillna(rows["claim"].astype(str))
    )


if __name__ == "__main__":
    main()
