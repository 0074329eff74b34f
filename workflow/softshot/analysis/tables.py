"""The study's tables: scores over seeds, score against prompt length, cost; and the words that name their rows."""

import re

import pandas as pd

from softshot.analysis.collect import CELL, RUN, Results

VARIANT = re.compile(
    r"(?:from-(?P<source>.+)_(?=tokens-))?(?:tokens-(?P<tokens>\d+)(?:_|$))?"
    r"(?:(?!tokens-|train-)(?P<retriever>[a-z][a-z0-9]*)-(?P<shots>\d+)(?:_|$))?(?:train-(?P<train>\d+))?"
)

ARMS = {"icl": "ICL", "pt": "PT", "ipt": "IPT", "transfer": "transfer"}
TASKS = {"dart": "DART", "mtop": "MTOP", "totto": "ToTTo", "spider": "Spider", "logic2text": "Logic2Text"}
METRICS = {"bleu": "BLEU", "dart_bleu": "BLEU", "totto_bleu": "BLEU", "chrf": "chrF", "ter": "TER", "dart_ter": "TER"}
METRICS |= {"parent": "PARENT", "parent_precision": "PARENT precision", "parent_recall": "PARENT recall"}
METRICS |= {"blec": "BLEC", "rouge_l": "ROUGE-L", "token_f1": "token F1"}


def summarise(results: Results) -> pd.DataFrame:
    """Mean, sample standard deviation, n and missing seeds per model, task, arm, variant and metric.

    Transferred prompts and limited training sets, which answer other questions, are left out.
    A task's main metric comes first; `listed` and `lower` are as in `Results.metrics`. The deviation of a single
    run is NaN; a cell without any finished run has n = 0, and an empty metric where no run of its task says what is
    measured.
    """
    metrics = results.metrics.drop(columns="records")
    plain = results.runs[results.runs["source"].isna() & results.runs["train"].isna()]
    rows = plain.merge(metrics, on="task", how="left").merge(results.scores, on=[*RUN, "metric"], how="left")
    rows["metric"] = rows["metric"].fillna("")
    rows["listed"], rows["lower"] = rows["listed"].ne(False), rows["lower"].eq(True)  # no run says it: listed
    rows["missing"] = rows["seed"].where(rows["value"].isna())
    rows["said"] = [f"{seed}={value:.4f}" for seed, value in zip(rows["seed"], rows["value"], strict=True)]
    rows["said"] = rows["said"].where(rows["value"].notna())
    cells = rows.groupby([*CELL, "metric"], sort=False)
    summary = cells.agg(
        tokens=("tokens", "first"),
        listed=("listed", "first"),
        lower=("lower", "first"),
        mean=("value", "mean"),
        sd=("value", "std"),
        n=("value", "count"),
        expected=("seed", "count"),
        missing_seeds=("missing", lambda seeds: ",".join(str(int(seed)) for seed in seeds.dropna())),
        values=("said", lambda said: ",".join(said.dropna())),
    )
    return summary.reset_index()


def main_scores(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the summary that are about each task's main metric."""
    return summary.drop_duplicates(CELL)


def subset_scores(results: Results) -> pd.DataFrame:
    """Mean and sample standard deviation of each task's main metric on its official subsets: CELL, subset, records."""
    main = results.metrics.drop_duplicates("task")[["task", "metric"]]
    cells = results.subsets.merge(main, on=["task", "metric"]).groupby([*CELL, "metric", "subset"], sort=False)
    return cells.agg(records=("n", "first"), mean=("value", "mean"), sd=("value", "std")).reset_index()


def as_tsv(table: pd.DataFrame) -> str:
    """Tab-separated text with a header; an unknown value is an empty field."""
    return table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")


def as_text(summary: pd.DataFrame) -> str:
    """The summary for a terminal: one aligned block per model and task, its metrics, runs done of expected."""
    summary = summary[summary["listed"]]
    blocks = []
    for (model, task), block in summary.groupby(["model", "task"], sort=False):
        metrics = [metric_label(name) for name in block["metric"].unique()]
        lines = [[f"{model}, {task_label(task)}", *metrics, "runs"]]
        for (arm, variant), cell in block.groupby(["arm", "variant"], sort=False):
            scores = [
                plus_minus(mean, sd) + (" " * len(" ± 0.0") if pd.isna(sd) else "")  # means stand below one another
                for mean, sd in zip(cell["mean"], cell["sd"], strict=True)
            ]
            lines.append([f"  {run_label(arm, variant)}", *scores, "{n}/{expected}".format(**cell.iloc[0])])
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
        return "–"
    return f"{mean:.1f}" if pd.isna(sd) else f"{mean:.1f} ± {sd:.1f}"


def task_label(task: str) -> str:
    """A task's usual spelling; one of your own keeps its name."""
    return TASKS.get(task, task)


def metric_label(metric: str) -> str:
    """A metric's usual spelling; others are their name in plain words."""
    return METRICS.get(metric, metric.replace("_", " ")) or "score"


def run_label(arm: str, variant: str) -> str:
    """An arm and its variant in words: `IPT, 25 tokens, 1 retrieved`."""
    return f"{ARMS[arm]}, {variant_label(variant)}"


def run_phrase(arm: str, variant: str) -> str:
    """An arm and its variant in running text: `IPT with 25 soft tokens and 1 retrieved demonstration`."""
    parts = VARIANT.fullmatch(variant).groupdict()
    soft = f"{parts['tokens']} soft token{'s' * (parts['tokens'] != '1')}" if parts["tokens"] else ""
    shown = (
        f"{parts['shots']} {parts['retriever']} demonstration{'s' * (parts['shots'] != '1')}" if parts["shots"] else ""
    )
    return f"{ARMS[arm]} with {' and '.join(filter(None, (soft, shown)))}"


def variant_label(variant: str) -> str:
    """A variant in words: `tokens-25_retrieved-1` is `25 tokens, 1 retrieved` (demonstration)."""
    return ", ".join(variant_words(variant).values())


def variant_words(variant: str) -> dict[str, str]:
    """The parts of a variant in words, in order: those it has of source, tokens, demonstrations, train."""
    parts = VARIANT.fullmatch(variant).groupdict()
    tokens, train = parts["tokens"], parts["train"]
    retriever = {"oracle": "oracle (upper bound)"}.get(parts["retriever"], parts["retriever"])
    words = {
        "source": parts["source"] and f"prompt of {task_label(parts['source'])}",
        "tokens": tokens and f"{tokens} token{'s' * (tokens != '1')}",
        "demonstrations": parts["shots"] and f"{parts['shots']} {retriever}",
        "train": train and f"{train} training record{'s' * (train != '1')}",
    }
    return {name: text for name, text in words.items() if text}
