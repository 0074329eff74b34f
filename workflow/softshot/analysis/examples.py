"""Records of each task beside what every arm wrote for them and the demonstrations it saw, for the example browser."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from softshot.analysis.collect import Results
from softshot.analysis.tables import ARMS, metric_label, task_label, variant_label
from softshot.files import PREDICTIONS, read_jsonl
from softshot.settings import Study
from softshot.study import evaluation

LENGTH = 25  # soft tokens: that of the published main table, or the nearest there is
# Metrics whose statistics of a record are [right, counted]; elsewhere right means equal to a reference.
JUDGES = {"exact_match", "exact_set_match", "execution_accuracy", "frame_accuracy", "blec"}


def shown_runs(results: Results) -> pd.DataFrame:
    """One finished run per model, task, arm, demonstrations and source: the first seed, a middling prompt length."""
    runs = results.runs
    lengths = runs.groupby("arm")["tokens"].agg(lambda tokens: min(tokens, key=lambda count: abs(count - LENGTH)))
    runs = runs[runs["done"] & (runs["tokens"] == runs["arm"].map(lengths)) & runs["train"].isna()]
    return runs.drop_duplicates(["model", "task", "arm", "variant"])


def examples(study: Study, results: Results, folder: Path) -> dict[str, Any]:
    """Per task `analysis.examples` records at even distances through its evaluation split, from `results/<study>`.

    `runs` are those that answer. A task has its `label`, what makes an answer `right`, its `pool` of demonstrations
    (input, target) and `records`: id, input, references, and `answers`, each with its run's number, text, whether it
    is right, whether it `stopped` by itself, and what was `shown`: number in the pool, similarity.
    A task whose records are not there yet is left out.
    """
    shown = shown_runs(results).reset_index(drop=True)
    tasks = {}
    for task, runs in shown.groupby("task", sort=False):
        data = folder / "data" / task
        split, train = data / f"{evaluation(study, task)}.jsonl", data / "train.jsonl"
        if not (split.is_file() and train.is_file()) or study.analysis.examples == 0:
            continue
        records = read_jsonl(split)
        count = min(study.analysis.examples, len(records))
        chosen = [records[len(records) * place // count] for place in range(count)]
        main = results.metrics.loc[results.metrics["task"] == task, "metric"].iloc[0]
        tasks[task] = _task(task, main, chosen, runs, folder, train)
    return {"runs": [_run(run) for run in shown.to_dict("records")], "tasks": tasks}


def _run(run: dict) -> dict[str, Any]:
    """What the browser says about a run."""
    random = run["arm"] == "icl" and run["retriever"] == "random"
    return {
        "model": run["model"],
        "kind": ARMS[run["arm"]],
        "label": [ARMS[run["arm"]], variant_label(run["variant"])],
        "look": f"{run['arm']} random" if random else run["arm"],
        "place": run["folder"].removeprefix("runs/"),
    }


def _task(task: str, main: str, chosen: list[dict], runs: pd.DataFrame, folder: Path, train: Path) -> dict[str, Any]:
    """One task's records with the answers of these runs."""
    wanted = {record["id"] for record in chosen}
    answers: dict[str, list[dict]] = {id: [] for id in wanted}
    pool: dict[str, int] = {}
    for number, run in zip(runs.index, runs.to_dict("records"), strict=True):
        place = folder / run["folder"]
        judged = _judged(place / "scores.parquet", main)
        for row in read_jsonl(place / PREDICTIONS):
            if row["id"] not in wanted:
                continue
            seen = [[pool.setdefault(item["id"], len(pool)), item["score"]] for item in row["demonstrations"]]
            answer = {"run": int(number), "text": row["prediction"], "right": judged.get(row["id"])}
            answers[row["id"]].append(answer | {"stopped": row["stopped"], "shown": seen})
    texts = {record["id"]: [record["input"], record["target"]] for record in read_jsonl(train) if record["id"] in pool}
    for record in chosen:
        for answer in answers[record["id"]]:
            if answer["right"] is None:
                answer["right"] = answer["text"].split() in [text.split() for text in record["references"]]
    equal = "equal to a reference, but for white space"
    return {
        "label": task_label(task),
        "right": f"as {metric_label(main)} judges it" if main in JUDGES else equal,
        "pool": [texts.get(id, [id, ""]) for id in pool],
        "records": [
            {key: record[key] for key in ("id", "input", "references")} | {"answers": answers[record["id"]]}
            for record in chosen
        ],
    }


def _judged(path: Path, main: str) -> dict[str, bool]:
    """Per record whether the task's main metric counts it as right; empty where the metric does not judge records."""
    if main not in JUDGES or not path.is_file():
        return {}
    table = pq.read_table(path, columns=["id", main]).to_pydict()
    return {id: bool(right >= counted) for id, (right, counted) in zip(table["id"], table[main], strict=True)}
