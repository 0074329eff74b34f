"""A few records of each task beside what every arm wrote for them and the demonstrations it saw."""

from pathlib import Path

import pandas as pd

from softshot.analysis.collect import Results
from softshot.files import PREDICTIONS, read_jsonl
from softshot.settings import Study
from softshot.study import evaluation


def shown_runs(results: Results) -> pd.DataFrame:
    """One finished run per variant, the first seed; of an arm with several prompt lengths the middle one."""
    runs = results.runs
    lengths = {arm: sorted(block["tokens"].unique()) for arm, block in runs.groupby("arm")}
    middle = runs["arm"].map({arm: several[len(several) // 2] for arm, several in lengths.items()})
    runs = runs[runs["done"] & (runs["tokens"] == middle)]
    return runs.drop_duplicates(["model", "task", "arm", "variant"])


def examples(study: Study, results: Results, folder: Path) -> dict[str, list[dict]]:
    """Per task `analysis.examples` records at even distances through its evaluation split, from `results/<study>`.

    Each has its `input`, `references`, and `answers`: per model and shown run the arm, variant, prediction,
    whether that is `exact`, whether it `stopped` by itself, and its demonstrations (input, target, score).
    A task whose records are not there yet is left out.
    """
    tasks = {}
    for task, runs in shown_runs(results).groupby("task", sort=False):
        data = folder / "data" / task
        split, train = data / f"{evaluation(study, task)}.jsonl", data / "train.jsonl"
        if not (split.is_file() and train.is_file()) or study.analysis.examples == 0:
            continue
        records = read_jsonl(split)
        count = min(study.analysis.examples, len(records))
        chosen = [records[len(records) * place // count] for place in range(count)]
        pool = {record["id"]: record for record in read_jsonl(train)}
        predictions = [
            (run, {row["id"]: row for row in read_jsonl(folder / run["folder"] / PREDICTIONS)})
            for run in runs.to_dict("records")
        ]
        tasks[task] = [
            {
                "input": record["input"],
                "references": record["references"],
                "answers": {
                    model: [
                        _answer(run, rows[record["id"]], record, pool)
                        for run, rows in predictions
                        if run["model"] == model and record["id"] in rows
                    ]
                    for model in runs["model"].unique()
                },
            }
            for record in chosen
        ]
    return tasks


def _answer(run: dict, row: dict, record: dict, pool: dict[str, dict]) -> dict:
    return {
        "arm": run["arm"],
        "variant": run["variant"],
        "prediction": row["prediction"],
        "exact": row["prediction"].split() in [reference.split() for reference in record["references"]],
        "stopped": row["stopped"],
        "demonstrations": [
            {"input": pool[seen["id"]]["input"], "target": pool[seen["id"]]["target"], "score": seen["score"]}
            for seen in row["demonstrations"]
            if seen["id"] in pool
        ],
    }
