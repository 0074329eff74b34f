"""python tests/synthetic_study.py FOLDER [--seeds 3]: a whole study with known truth, in the files of real runs.

1,200 runs with three seeds: 3 models x 5 tasks x ICL, PT and IPT at seven lengths, transfers and data sizes, 300
records a task; `--seeds 13` makes 5,000. FOLDER gets data/, runs/ and settings.json, which `python -m
softshot.analysis --results FOLDER` reads. What is true of it, and what the analysis must therefore find:

- an arm's expected score is `truth(run)`; every run adds its seed's deviation, of which `spread(run)` is the standard
  deviation: with PT it grows as the root of the tokens, with IPT it is half of that;
- IPT gains on records with similar demonstrations and loses on others (SLOPE); on Spider it is below PT;
- a transferred prompt adds TRANSFER[source] to ICL, and how good a seed's prompt is, is shared by all its targets; what
  a seed draws at random, demonstrations and parts of the training records, is shared by all models and arms;
- Spider's records are in 30 groups, and what an arm finds harder it finds harder in a whole group;
- PT, IPT and ICL grow with the logarithm of the training records at their own rates, so they cross where they must.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from softshot import recorded
from softshot.files import PREDICTIONS, write_json, write_jsonl
from softshot.grid import Run, runs
from softshot.settings import Study
from softshot.slices import analysis_slice
from softshot.study import evaluation

RECORDS, TRAIN = 300, 2000
LENGTHS = [1, 5, 10, 25, 50, 100, 150]
SIZES = [50, 400]
METRICS = {"totto": "totto_bleu", "dart": "dart_bleu", "logic2text": "exact_match"}
METRICS |= {"spider": "exact_match", "mtop": "exact_match"}
MODELS = {"bloom-1b1": 0.0, "opt-1.3b": -2.0, "gpt2-xl": 1.0}  # and what a model adds to every score
TASKS = {"totto": 0.0, "dart": 4.0, "logic2text": 15.0, "spider": -4.0, "mtop": 2.0}  # likewise
ICL = {"random-1": 10.0, "random-3": 12.0, "retrieved-1": 25.0, "retrieved-3": 28.0}
PT = {1: 20.0, 5: 34.0, 10: 38.0, 25: 40.0, 50: 41.0, 100: 37.0, 150: 32.0}
LORA = 50.0  # of any rank
IPT_GAIN = {"totto": 8.0, "dart": 5.0, "logic2text": 6.0, "spider": -10.0, "mtop": 8.0}
TRANSFER = {"totto": 9.0, "dart": 7.0, "logic2text": 6.0, "spider": 4.0, "mtop": 6.0}
SLOPE = 0.3  # of an IPT record's chance on its demonstration's similarity, which has the mean 0.5
GROWTH = {"icl": 2.0, "pt": 8.0, "ipt": 6.0}  # points per factor e of training records
LENGTH = 20  # words of every output
GROUPS = {"spider": 30}  # of equally many records
GROUPED = 0.05  # deviation of a group's chance, in one arm


def study_of(seeds: int = 3) -> Study:
    """The study's settings."""
    return Study(
        study="synthetic",
        seeds=list(range(1, seeds + 1)),
        models={"use": list(MODELS)},
        data={"tasks": list(TASKS), "evaluation": {}},
        arms={
            "icl": {"method": "none", "title": "ICL", "demonstrations": list(ICL)},
            "pt": {"method": "prompt-tuning", "title": "PT", "tokens": LENGTHS},
            "ipt": {
                "method": "prompt-tuning",
                "title": "IPT",
                "tokens": LENGTHS,
                "demonstrations": ["retrieved-1"],
            },
        },
        transfer={"arms": ["pt"], "tokens": [25], "demonstrations": ["retrieved-1"]},
        data_size={
            "train": SIZES,
            "arms": ["icl", "pt", "ipt"],
            "tokens": [25],
            "demonstrations": ["retrieved-1"],
        },
        scoring={"metrics": {"logic2text": ["exact_match"], "spider": ["exact_match"]}},
        analysis={"title": "A study made up, with known truth", "bootstrap": 1000},
    )


def kind(run: Run) -> str:
    """What a run is, whatever its arm is called."""
    if run.method == "none":
        return "icl"
    return "ipt" if run.shots and not run.source else "pt"


def truth(run: Run) -> float:
    """The expected score of a run, before its seed's deviation."""
    place = MODELS[run.model] + TASKS[run.task]
    fewer = GROWTH[kind(run)] * np.log(run.train / TRAIN) if run.train else 0.0
    if run.source:
        return place + ICL["retrieved-1"] + TRANSFER[run.source]
    if kind(run) == "icl":
        return place + ICL[f"{run.retriever}-{run.shots}"] + fewer
    if run.unit == "rank":
        return place + LORA + (IPT_GAIN[run.task] if kind(run) == "ipt" else 0.0)
    return place + PT[run.size] + (IPT_GAIN[run.task] if kind(run) == "ipt" else 0.0) + fewer


def spread(run: Run) -> float:
    """The standard deviation over seeds of the expected score."""
    if run.seed == 0:
        return 0.0
    if run.source:
        return 0.6
    return {"pt": 0.5 * run.size**0.5, "ipt": 0.25 * run.size**0.5}.get(kind(run), 0.4)


def deviation(run: Run) -> float:
    """How far a run's seed moves the expected score: half of it is the run's own, half what it shares with others."""
    shared = []
    if run.source:
        shared.append(("prompt", run.model, run.source))
    if run.retriever == "random":
        shared.append(("demonstrations", run.task))
    if run.train:
        shared.append(("training records", run.task))
    parts = [("run", run.path), *((*name, run.seed) for name in shared)]
    return spread(run) * sum(float(generator(*name).normal()) for name in parts) / len(parts) ** 0.5


def similarities(task: str) -> np.ndarray:
    """How similar each record's demonstration is: the same for every run."""
    return np.round(np.random.default_rng(len(task)).beta(2, 2, RECORDS), 6)


def generator(*names: object) -> np.random.Generator:
    """Random numbers of a run's or a task's own."""
    return np.random.default_rng(list("/".join(map(str, names)).encode()))


def chances(run: Run, deviation: float = 0.0) -> np.ndarray:
    """Each record's score, 0 to 1, as it is expected of a run whose seed deviates by so many points."""
    similar = similarities(run.task)
    hard = generator("hard", run.task).normal(0, 0.05, RECORDS)
    if count := GROUPS.get(run.task):
        hard += generator("group", run.task, run.arm).normal(0, GROUPED, count)[groups(run.task)]
    slope = SLOPE * (similar - similar.mean()) if kind(run) == "ipt" else 0.0
    return np.clip((truth(run) + deviation) / 100 + slope + hard - hard.mean(), 0.004, 0.996)


def groups(task: str) -> np.ndarray:
    """The number of each record's group; its own where the task has none."""
    return np.arange(RECORDS) * GROUPS.get(task, RECORDS) // RECORDS


def expected(run: Run, chosen: np.ndarray | None = None) -> float:
    """The expected corpus score on the records `chosen` (all), over all seeds there could be."""
    chance = chances(run) if chosen is None else chances(run)[chosen]
    if not METRICS[run.task].endswith("bleu"):
        return float(100 * chance.mean())
    return float(100 * np.exp(np.log(shares(chance).mean(axis=0)).mean()))


def shares(chance: np.ndarray) -> np.ndarray:
    """The share of right 1- to 4-grams, (records, 4), with which a record's BLEU is its chance.

    Of n-grams p^n are right: BLEU is the geometric mean of p, p^2, p^3 and p^4, which is p^2.5.
    """
    return chance[:, None] ** (np.arange(1, 5) / 2.5)


def statistics(run: Run) -> np.ndarray:
    """What the scoring room stores of each record: counts of a BLEU, or right and 1."""
    rng = generator("outcome", run.path)
    chance = chances(run, deviation(run))
    if not METRICS[run.task].endswith("bleu"):
        return np.column_stack([rng.random(RECORDS) < chance, np.ones(RECORDS)]).astype(float)
    totals = np.arange(LENGTH, LENGTH - 4, -1)
    right = rng.binomial(totals, shares(chance))
    return np.column_stack([np.full((RECORDS, 2), LENGTH), right, np.tile(totals, (RECORDS, 1))]).astype(float)


def score(task: str, sums: np.ndarray) -> float:
    """The corpus score, by the formula as textbooks have it."""
    if not METRICS[task].endswith("bleu"):
        return float(100 * sums[0] / sums[1])
    return float(100 * np.exp(np.mean(np.log(np.maximum(sums[2:6], 0.5) / sums[6:]))))


def write_records(folder: Path, study: Study) -> None:
    """Records of each task; record i's demonstration shares as many of ten words with it as it is similar."""
    for task in study.data.tasks:
        split, similar = evaluation(study, task), similarities(task)
        shared = np.round(10 * similar).astype(int)
        words = [[f"w{number}x{word}" for word in range(10)] for number in range(RECORDS)]
        test = [
            {"id": f"{split}-{n}", "input": f"input {n}", "target": " ".join(words[n])}
            | {"references": [" ".join(words[n])], "meta": {"group": f"g{groups(task)[n]}"} if task in GROUPS else {}}
            for n in range(RECORDS)
        ]
        train = [
            {"id": f"train-{n}", "input": f"example {n}", "references": [], "meta": {}}
            | {
                "target": " ".join(words[n][: shared[n]] + ["other"] * (10 - shared[n]))
                if n < RECORDS
                else f"target {n}"
            }
            for n in range(TRAIN)
        ]
        for name, rows in (("train", train), (split, test)):
            write_jsonl(folder / "data" / task / f"{name}.jsonl", rows)
            counts = {"task": task, "split": name, "records": len(rows), "skipped": 3 if name == "train" else 0}
            write_json(folder / "data" / task / f"{name}.json", counts)


def write_scores(place: Path, run: Run, split: str, says: dict) -> np.ndarray:
    """scores.json and scores.parquet; the statistics."""
    found, metric = statistics(run), METRICS[run.task]
    written = {"main": metric, "n": RECORDS, "scores": {metric: score(run.task, found.sum(axis=0))}, "subsets": {}}
    written |= {"signatures": {metric: "made up"}, "lower_is_better": [], "notes": {}}
    written |= {"outputs": {"empty": 0.0, "cut": 2.0, "characters": 60.0, "tokens": 12.0}}
    write_json(place / "scores.json", written | says)
    columns = {"id": pa.array([f"{split}-{n}" for n in range(RECORDS)]), "subset": pa.nulls(RECORDS, pa.string())}
    flat = pa.array(found.ravel())
    offsets = pa.array(np.arange(0, found.size + 1, found.shape[1]), pa.int32())
    pq.write_table(pa.table(columns | {metric: pa.ListArray.from_arrays(offsets, flat)}), place / "scores.parquet")
    return found


def write_predictions(place: Path, run: Run, split: str, found: np.ndarray) -> None:
    """The predictions; every fiftieth record is shown nothing."""
    similar = similarities(run.task)
    right = found[:, 0] > 0 if found.shape[1] == 2 else np.zeros(RECORDS, dtype=bool)
    rows = []
    for n in range(RECORDS):
        scores = [None if run.retriever == "random" else float(similar[n]) for _ in range(run.shots if n % 50 else 0)]
        seen = [{"id": f"train-{(n + shot) % RECORDS}", "score": value} for shot, value in enumerate(scores)]
        text = " ".join(f"w{n}x{word}" for word in range(10)) if right[n] else f"answer {n}"
        rows.append(
            {"id": f"{split}-{n}", "prediction": text, "demonstrations": seen, "input_tokens": 40 + 60 * run.shots}
            | {"output_tokens": 12, "stopped": True}
        )
    write_jsonl(place / PREDICTIONS, rows)


def counts(read: int, seen: float, predicted: int) -> dict[str, int]:
    """What passes read: tokens, each of which sees `seen` positions, and predictions."""
    return {"read": read, "attended": round(read * seen), "predicted": predicted}


def write_note(place: Path, run: Run, says: dict) -> None:
    """run.json."""
    tuning = None
    if run.tuner == run:
        losses = [{"step": step, "validation_loss": 3 - step / 1000} for step in (0, 500, 1000)]
        learned = {"mean_norm": 2.0, "vocabulary_mean_norm": 1.0, "mean_cosine": 0.4, "mean_distance": 1.5}
        learned |= {"distinct_nearest_tokens": run.size, "mean_distance_from_start": 1.0}
        learned["nearest"] = [[f" word{n}", 0.4] for n in range(min(run.size, 3))]
        tuning = {"seconds": 600.0 + 4 * run.size, "steps": 1000, "stopped_early": False, "tokens_per_second": 900.0}
        tuning |= {"trainable_parameters": 1536 * run.size, "peak_memory_mb": 4000.0, "best_step": 1000}
        tuning |= {"validation_rows": 64}
        tuning |= {"first_validation_loss": 3.0, "best_validation_loss": 2.5 - truth(run) / 100}
        tuning |= {"learned": learned, "curve": losses, "adapter_bytes": 6144 * run.size}
        tuning |= {"step_seconds": 540.0 + 4 * run.size, "validation_seconds": 60.0, "target_tokens_per_second": 225.0}
        tuning |= {"trained": counts(900 * 540, 60 + run.size, 225 * 540)}
        tuning |= {"validated": counts(900 * 60, 60 + run.size, 225 * 60)}
    shown = 40 + 60 * run.shots
    generation = {"seconds": 0.3 * (shown + run.size), "records": RECORDS, "input_tokens": RECORDS * shown}
    generation |= {"output_tokens": 12 * RECORDS, "peak_memory_mb": 3000.0, "truncated": {}, "merged": False}
    generation |= {"positions_added": run.tokens}
    generation |= {"passes": counts((shown + 11) * RECORDS, run.tokens + shown / 2, 12 * RECORDS)}
    note = {"versions": {"softshot": "0.1.0"}, "commit": "abc", "device": "cpu", "threads": 1}
    note |= {"generation": generation, "tuning": tuning, "demonstrations": None, "drift": None}
    if run.tuner:
        note["drift"] = {"before": 3.4, "after": 3.45 + run.size / 500, "standard_error": 0.02, "tokens": 1024}
    if run.shots:
        note["demonstrations"] = {"kind": "random" if run.retriever == "random" else "dense", "neighbours": "8"}
    if run.retriever == "retrieved":
        note["demonstrations"] |= {"encoder": "all-minilm-l6-v2", "index": "approximate", "approximate_recall": "0.97"}
    if run.source:
        tuning = {"run": run.tuner.path}
    write_json(place / "run.json", note | says | {"tuning": (tuning or {}) | says.get("tuning", {})})


def write_run(folder: Path, study: Study, run: Run) -> Path:
    """All files of a finished run."""
    place, split = folder / "runs" / run.path, evaluation(study, run.task)
    place.mkdir(parents=True, exist_ok=True)
    predicted, scored = (record.says() for record in recorded.run_records(study, run, str(folder)))
    write_predictions(place, run, split, write_scores(place, run, split, scored))
    write_note(place, run, predicted)
    return place


def write_study(folder: Path, study: Study) -> int:
    """The whole study; how many runs it has."""
    write_records(folder, study)
    return len([write_run(folder, study, run) for run in runs(study)])


def main() -> None:
    """Write a study for benchmarks and for looking at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    study = study_of(args.seeds)
    count = write_study(args.folder, study)
    (args.folder / "settings.json").write_text(json.dumps(analysis_slice(study), sort_keys=True), encoding="utf-8")
    print(f"{count} runs in {args.folder}")


if __name__ == "__main__":
    main()
