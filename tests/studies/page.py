"""The tables of docs/real_study.md in Markdown, from those that `analyse` has written, here or in docs/real/.

python tests/studies/page.py --configfile tests/studies/real.yaml [--config key=value ...] [--results docs]
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from softshot import catalogue, commands, configfiles, sections
from softshot.analysis import baselines
from softshot.analysis.cells import RANDOM, Cell, cells, with_and_without
from softshot.analysis.contrasts import REVERSED
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.tables import main_scores, plus_minus, signed_span, span
from softshot.grid import NOTHING
from softshot.settings import Study

COSTS = {  # column of pareto.tsv: title, unit, how it is written
    "trainable_parameters": ("trained", 1, "{:,.0f}"),
    "adapter_bytes": ("stored, MB", 1e6, "{:,.1f}"),
    "positions_added": ("positions added", 1, "{:,.0f}"),
    "tuning_operations": ("tuning, 10^12 operations", 1e12, "{:,.1f}"),
    "tuning_seconds": ("tuning, s", 1, "{:,.0f}"),
    "peak_memory_mb": ("peak memory, MB", 1, "{:,.0f}"),
    "tokens_per_prediction": ("tokens a prediction", 1, "{:,.0f}"),
    "operations_per_prediction": ("10^9 operations a prediction", 1e9, "{:,.1f}"),
}
FLAT = 0.05, 0.02  # of the fall of a validation loss: what the last interval of a run that has flattened brings at most

Entries = Iterable[tuple[str, str, str]]  # row, column, text


def main() -> None:
    """Print the tables."""
    args = commands.parser("page.py", __doc__).parse_args()
    # Unlike `commands.study`: the tasks' own files need not be here.
    study = sections.read(Study, configfiles.merged([catalogue.CONFIG, *args.configfile], args.config), "the study")
    print(page(study, args.results / study.study))


def page(study: Study, folder: Path) -> str:
    """The tables of a study's folder; those of losses where its runs are there."""
    names = Names(study, cells(study))
    tables = {
        path.stem: pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""]) for path in folder.glob("*.tsv")
    }
    pareto, significance = tables["pareto"], tables["significance"]
    curves = list(loss_curves(folder, pareto, names))
    sections = {
        "Scores": markdown([*scores(tables["summary"], names), *trivial_scores(tables["baselines"])]),
        "What demonstrations add": markdown(added(significance, study, names)),
        "Comparisons": verdicts(significance),
        "What it took": markdown(costs(pareto, names)),
        "What the model forgot": markdown(forgotten(pareto, names)),
        "Claims": markdown(claims(tables["claims"]), align="---"),
    }
    if curves:
        sections |= {"Validation loss per target token": markdown(losses(curves)), "Flat": flat(curves)}
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())


def markdown(entries: Entries, align: str = "---:") -> str:
    """A table in Markdown; rows and columns are in the order in which they come first."""
    rows: dict[str, dict[str, str]] = {}
    for row, column, text in entries:
        rows.setdefault(row, {})[column] = text
    columns = dict.fromkeys(column for texts in rows.values() for column in texts)
    lines = [["", *columns], ["---", *[align for _ in columns]]]
    lines += [[row, *(texts.get(column, "") for column in columns)] for row, texts in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def column(task: str, metric: str) -> str:
    """A task's column."""
    return f"{task_label(task)}: {metric_label(metric)}"


def scores(summary: pd.DataFrame, names: Names) -> Iterator[tuple[str, str, str]]:
    """Main metrics: mean ± standard deviation over seeds (interval over seeds and records)."""
    for row in main_scores(summary).itertuples():
        text = f"{plus_minus(row.mean, row.sd)} ({span(row.low, row.high)})"
        yield names.label(row.arm, row.variant), column(row.task, row.metric), text


def trivial_scores(table: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """What needs no model, but for the target itself."""
    for row in table[table["baseline"] != baselines.TARGET].fillna("").itertuples():
        yield f"*{baselines.title(row.baseline, row.retriever)}*", column(row.task, row.metric), f"*{row.score:.1f}*"


def added(significance: pd.DataFrame, study: Study, names: Names) -> Iterator[tuple[str, str, str]]:
    """An arm with demonstrations less the same method without; of what tunes nothing, chosen ones less random ones."""
    main = significance[significance["family"] == "main"]
    rows = {(row.task, row.one, row.other): row for row in main.itertuples()}
    for shown, plain in pairs(study):
        turned = (shown.task, place(plain), place(shown)) in rows
        row = rows[shown.task, place(plain), place(shown)] if turned else rows[shown.task, place(shown), place(plain)]
        difference, ends = row.difference, (row.low, row.high)
        if turned:
            difference, ends = -difference, (-row.high, -row.low)
        verdict = REVERSED[row.verdict] if turned else row.verdict
        seeds = "" if pd.isna(row.seeds_to_tell) else f", {row.seeds_to_tell:.0f} seeds would tell"
        text = f"{signed_span(difference, *ends)}, p {row.p_holm:.2g}: {verdict}{seeds}"
        yield f"{names.cell(shown)} less {names.cell(plain)}", column(row.task, row.metric), text


def pairs(study: Study) -> Iterator[tuple[Cell, Cell]]:
    """The pairs of `added`, first the one that shows more, or chosen ones."""
    every = cells(study)
    yield from ((shown, plain) for plain, shown in with_and_without(every))
    untuned = [cell for cell in every if cell.method == NOTHING]
    for one, other in itertools.permutations(untuned, 2):
        if one.task == other.task and one.shots == other.shots and other.retriever == RANDOM:
            yield one, other


def place(cell: Cell) -> str:
    """What a comparison calls a cell."""
    return f"{cell.arm}/{cell.variant}"


def verdicts(significance: pd.DataFrame) -> str:
    """How many comparisons have which verdict, how many seeds would decide the open ones, and what is beyond chance."""
    main = significance[significance["family"] == "main"]
    seeds = main["seeds_to_tell"]
    counts = ", ".join(f"{number} {verdict}" for verdict, number in main["verdict"].value_counts().items())
    enough = ", ".join(f"{(seeds <= most).sum()} with {most} seeds" for most in (5, 10, 50))
    lines = [f"{len(main)} comparisons: {counts}; of the open ones would be decided {enough}"]
    for row in main[main["verdict"].isin(["better", "worse"])].itertuples():
        span_text = signed_span(row.difference, row.low, row.high)
        lines.append(f"- {task_label(row.task)}: {row.one} less {row.other} {span_text}, p {row.p_holm:.2g}")
    return "\n".join(lines)


def costs(pareto: pd.DataFrame, names: Names) -> Iterator[tuple[str, str, str]]:
    """What each cell took, means over its runs and over tasks."""
    means = pareto.fillna({"variant": ""}).groupby(["arm", "variant"], sort=False)[list(COSTS)].mean()
    for (arm, variant), row in means.iterrows():
        for name, (title, unit, form) in COSTS.items():
            yield names.label(arm, variant), title, form.format(row[name] / unit)


def forgotten(pareto: pd.DataFrame, names: Names) -> Iterator[tuple[str, str, str]]:
    """The loss on the neutral text less the bare model's, nats a token, of what is tuned."""
    for row in pareto[pareto["trainable_parameters"] > 0].itertuples():
        yield names.label(row.arm, row.variant), task_label(row.task), f"{row.forgotten:.3f}"


def claims(table: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """What each part of a claim says over all cells; what the study does not ask is left out."""
    rows = table[table["model"].isna() & table["task"].isna() & table["part"].notna() & table["effect"].notna()]
    for row in rows.itertuples():
        statement = f"{row.part} {row.statement.rstrip('.')}"
        yield statement, "verdict", row.verdict
        yield statement, "here", row.sentence.partition(": ")[2]


def loss_curves(folder: Path, pareto: pd.DataFrame, names: Names) -> Iterator[tuple[str, str, list[list[float]]]]:
    """Of every tuned cell: its label, its task, and the validation losses of each seed."""
    for row in pareto[pareto["trainable_parameters"] > 0].itertuples():
        histories = sorted(
            (folder / "runs" / row.model / row.task / row.arm / row.variant).glob("seed-*/history.jsonl")
        )
        if histories:
            yield names.label(row.arm, row.variant), task_label(row.task), list(map(validation_losses, histories))


def validation_losses(path: Path) -> list[float]:
    """The validation losses of a history."""
    steps = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [step["validation_loss"] for step in steps if "validation_loss" in step]


def is_flat(losses: list[float], most: float) -> bool:
    """Whether the last interval brought no more than this share of the fall."""
    return losses[-2] - losses[-1] <= most * (losses[0] - min(losses))


def losses(curves: list[tuple[str, str, list[list[float]]]]) -> Iterator[tuple[str, str, str]]:
    """Means before and at the best step (how many seeds have flattened)."""
    for label, task, seeds in curves:
        before, best = (sum(values) / len(seeds) for values in ([one[0] for one in seeds], map(min, seeds)))
        yield label, task, f"{before:.3f} to {best:.3f} ({sum(is_flat(one, FLAT[0]) for one in seeds)}/{len(seeds)})"


def flat(curves: list[tuple[str, str, list[list[float]]]]) -> str:
    """How many runs have flattened, by each measure."""
    runs = [one for _, _, seeds in curves for one in seeds]
    return ", ".join(
        f"{sum(is_flat(one, most) for one in runs)} of {len(runs)} by {most:g} of the fall" for most in FLAT
    )


if __name__ == "__main__":
    main()
