"""Records of each task beside what every arm wrote for them and the demonstrations it saw, for the example browser."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from softshot.analysis.cells import MAIN_SIZE, Cell, grouped, main, only
from softshot.analysis.collect import CELL, Results
from softshot.analysis.names import Names, metric_label, task_label
from softshot.files import PREDICTIONS, read_jsonl
from softshot.methods.registry import METHODS
from softshot.settings import Study
from softshot.study import evaluation, template

# Metrics whose statistics of a record are [right, counted]; elsewhere right means equal to a reference.
JUDGES = {"exact_match", "exact_set_match", "execution_accuracy", "frame_accuracy", "blec"}
JUDGES |= {"accuracy", "acc_norm", "acc_token"}


def shown_cells(results: Results) -> list[Cell]:
    """The cells of the main table, and adapters of other tasks at one size of each arm."""
    held = set(main(results.cells))
    for cells in grouped((cell for cell in results.cells if cell.source), "arm").values():
        nearest = min({cell.size for cell in cells}, key=lambda size: abs(size - MAIN_SIZE.get(cells[0].unit, size)))
        held |= {cell for cell in cells if cell.size == nearest}
    return [cell for cell in results.cells if cell in held]


def shown_runs(results: Results) -> pd.DataFrame:
    """The first finished run of each of these cells."""
    done = results.runs[results.runs["done"]]
    return only(done, {cell.key for cell in shown_cells(results)}).drop_duplicates(CELL)


def examples(study: Study, results: Results, names: Names, folder: Path) -> dict[str, Any]:
    """Per task `analysis.examples` records at even distances through its evaluation split, from `results/<study>`.

    `runs` are those that answer. A task has its `label`, what makes an answer `right`, its `pool` of demonstrations
    (input, target) and `records`: id, input, references, and `answers`, each with its run's number, text, whether it
    is right, whether it `stopped` by itself, and what was `shown`: number in the pool, similarity. `row` is the text
    around them.
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
        tasks[task] = _task(task, main, chosen, runs, folder, train) | {"row": laid_out(study, task)}
    return {"runs": [_run(names, run) for run in shown.to_dict("records")], "tasks": tasks}


def laid_out(study: Study, task: str) -> dict[str, Any]:
    """The literal text of a task's rows around what comes from its records, as engine/layout.py lays them out.

    A row is `start`, its demonstrations, each `example[0]` input `example[1]` output `example[2]`, the nearest first or
    last, and `question[0]` input `question[1]`. A row that did not fit has lost the left of its input.
    """
    settings = template(study, task)
    question, example = settings.input.split("{input}"), settings.demonstration.split("{example}")
    start = settings.instruction + settings.separator if settings.instruction else ""
    example = [example[0] + question[0], f"{question[1]} ", example[1] + settings.separator]
    nearest_last = study.demonstrations.order == "nearest-last"
    return {"start": start, "question": question, "example": example, "nearest_last": nearest_last}


def _run(names: Names, run: dict) -> dict[str, Any]:
    """What the browser says about a run."""
    return {
        "model": run["model"],
        "kind": names.arm(run["arm"]),
        "before": f"⟨{_size(run)} {before}⟩" if (before := METHODS[run["method"]].before) else "",
        "label": [names.arm(run["arm"]), names.variants[run["arm"], run["variant"]]],
        "look": names.classes(run["arm"]),
        "place": run["folder"].removeprefix("runs/"),
    }


def _size(run: dict) -> str:
    return f"{run['size']} tokens of" if run["unit"] == "tokens" else ""


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
