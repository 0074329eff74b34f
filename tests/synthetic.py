"""A study made on disk with known scores and hostile texts, for the tests of the analysis and of its page."""

import contextlib
import io
import json
import re
from collections.abc import Collection
from pathlib import Path

import pytest

from softshot import recorded
from softshot.analysis import __main__ as program
from softshot.files import PREDICTIONS, write_json, write_jsonl
from softshot.grid import Run, runs
from softshot.rates import all_trials
from softshot.settings import Study
from softshot.slices import analysis_slice
from softshot.study import evaluation
from softshot.tuning.choose import choose

HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\"> & more"
TITLE = f"Title {HOSTILE}"
ARMS = {  # demonstrations deliberately not in the order of the alphabet
    "icl": {"method": "none", "title": "ICL", "demonstrations": ["retrieved-1", "random-1"]},
    "pt": {"method": "prompt-tuning", "title": "PT", "tokens": [5, 25]},
    "ipt": {"method": "prompt-tuning", "title": "IPT", "tokens": [5, 25], "demonstrations": ["retrieved-1"]},
}
TRIED = {  # learning rate of PT -> the validation loss of its trial, None where it diverged
    "tokens-5": {0.01: 2.4, 0.03: 2.3, 0.1: 2.2},
    "tokens-25": {0.01: 2.5, 0.03: 2.0, 0.1: None},
}
WITHOUT = {arm: ARMS[arm] | {"demonstrations": []} for arm in ARMS}
BASE = {"random-1": 10.0, "retrieved-1": 20.0, "tokens-5": 30.0, "tokens-25": 50.0}
BASE |= {"tokens-5_retrieved-1": 40.0, "tokens-25_retrieved-1": 60.0}
METRICS = {"dart": ["bleu", "chrf"], "mtop": ["exact_match"]}
PARTS = {"dart": [], "mtop": ["intent_accuracy"]}  # scores that are no metric's own value
SUBSETS = {"dart": {"seen": (3, -1.0), "unseen": (1, +2.0)}, "mtop": {}}  # records, and how the scores there differ
UNFINISHED = ["beta/mtop/pt/tokens-25/seed-3"]
UNFINISHED += [f"alpha/dart/ipt/tokens-25_retrieved-1/seed-{seed}" for seed in (1, 2, 3)]


def study_of(arms: Collection[str] = tuple(ARMS), examples: int = 4) -> Study:
    """Two models, two tasks, three seeds and the named arms: 64 runs with all of them."""
    return Study(
        study="trial",
        seeds=[1, 2, 3],
        models={"use": ["beta", "alpha"], "folders": {"beta": "/" + "long" * 60, "alpha": "/alpha"}},
        data={"tasks": ["dart", "mtop"]},
        arms={arm: (ARMS if arm in arms else WITHOUT)[arm] for arm in ARMS},
        tuning={"overrides": [{"arm": "pt", "set": {"learning_rate": [0.01, 0.03, 0.1]}}]},
        analysis={"title": TITLE, "note": "A note.", "examples": examples},
    )


def text_of(split: str, number: int) -> str:
    """The input of a record."""
    return f"{split} {number}" + " and so on" * 15


def write_records(folder: Path, study: Study) -> None:
    """Four records in each split that the report reads."""
    for task in study.data.tasks:
        for split in ("train", evaluation(study, task)):
            rows = [
                {"id": f"{split}-{n}", "input": text_of(split, n), "target": f"target {n}", "meta": {}}
                | {"references": [f"target {n}", HOSTILE]}
                for n in range(4)
            ]
            write_jsonl(folder / "data" / task / f"{split}.jsonl", rows)
        write_json(folder / "demonstrations" / task / "retrieved" / "train.json", {"first_has_output": "0.5000"})


def write_run(folder: Path, study: Study, run: Run) -> Path:
    """The files of a finished run; seeds 1, 2, 3 score one below, at and one above BASE: its mean, deviation 1."""
    place = folder / "runs" / run.path
    score = BASE[run.variant] + (run.seed - 2 if run.seed else 0)
    main, *others = METRICS[run.task]
    scores = {name: score + 1 for name in [*PARTS[run.task], *others]} | {main: score}  # the main one is last on disk
    subsets = {
        name: {"n": n, "scores": {metric: value + more for metric, value in scores.items()}}
        for name, (n, more) in SUBSETS[run.task].items()
    }
    written = {"main": main, "n": 4, "scores": scores, "subsets": subsets, "lower_is_better": []}
    written |= {"outputs": {"empty": 25.0, "cut": 25.0, "characters": 80.0, "tokens": 2.0}}
    written |= {"notes": {main: f"1 of 4 {HOSTILE}"}}
    predicted, scored = (record.says() for record in recorded.run_records(study, run, str(folder)))
    write_json(place / "scores.json", written | scored | {"signatures": dict.fromkeys(METRICS[run.task], "v1")})

    answers = [HOSTILE + "x" * 300, "target  1", "", "something else"]
    shown = [{"id": "train-3", "score": 0.75}][: run.shots]
    rows = [
        {"id": f"{evaluation(study, run.task)}-{n}", "prediction": answers[n], "demonstrations": shown}
        | {"stopped": n != 3}
        for n in range(4)
    ]
    write_jsonl(place / PREDICTIONS, rows)

    tuning = None
    if run.size:
        losses = [{"step": step, "validation_loss": 3 - step / 100} for step in (0, 50, 100)]
        write_jsonl(place / "history.jsonl", [{"step": 1, "loss": 3.0}, *losses])
        tuning = {"seconds": 60.0 + run.seed, "steps": 100, "stopped_early": False, "tokens_per_second": 100.0}
        tuning |= {"trainable_parameters": 8 * run.size, "peak_memory_mb": 300.0, "best_step": 100}
        tuning |= {"curve": losses, "first_validation_loss": 3.0, "best_validation_loss": 2.0}
        tuning |= {"adapter_bytes": 32 * run.size, "target_tokens_per_second": 25.0}
        tuning |= {"step_seconds": 50.0 + run.seed, "validation_seconds": 10.0}
        tuning |= {"trained": {"read": 6000, "attended": 60_000, "predicted": 1500}}
        tuning |= {"validated": {"read": 600, "attended": 6000, "predicted": 150}}
        tuning |= {"truncated": {"demonstrations": 2 * run.shots, "inputs": 1, "records": 1}}
        tuning |= {"rate": choice(run)} if run.arm == "pt" else {}
    generation = {"seconds": 2.0, "records": 4, "input_tokens": 40, "output_tokens": 8, "peak_memory_mb": 200.0}
    generation |= {"truncated": {"demonstrations": run.shots, "inputs": 0}, "merged": False}
    generation |= {"positions_added": run.tokens, "passes": {"read": 44, "attended": 264, "predicted": 8}}
    note = {"versions": {"softshot": "0.1.0", "torch": "2.0" if run.seed < 2 else "2.1"}, "commit": "abc123"}
    note |= {"device": "cpu", "threads": 1, "generation": generation, "tuning": tuning, "drift": None}
    note["demonstrations"] = {"kind": "bm25", "first_has_output": "0.2500"} if run.shots else None
    if run.tuner:
        note["drift"] = {"before": 3.0, "after": 3.0 + run.size / 100, "standard_error": 0.02, "tokens": 1024}
    write_json(place / "run.json", note | predicted | {"tuning": (tuning or {}) | predicted.get("tuning", {})})
    return place


def choice(run: Run) -> dict:
    """What is said of the rate that was chosen for a run of PT, by the trials' losses."""
    trial = {"best_step": 100, "steps": 100, "seconds": 60.0}
    losses = TRIED[run.variant].items()
    return choose({rate: trial | {"best_validation_loss": loss, "diverged": loss is None} for rate, loss in losses})


def write_trials(folder: Path, study: Study) -> None:
    """What trials of learning rates leave: an adapter's files, and no predictions."""
    for trial in all_trials(study):
        place = folder / "runs" / trial.path
        write_json(place / "tuning.json", {"tuning": {"best_validation_loss": 2.0}})
        write_jsonl(place / "history.jsonl", [{"step": 0, "validation_loss": 3.0}])


def write_study(folder: Path, study: Study) -> None:
    """Records and runs of a whole study, of which the UNFINISHED were killed before their last step."""
    write_records(folder, study)
    write_trials(folder, study)
    for run in runs(study):
        place = write_run(folder, study, run)
        if run.path in UNFINISHED:
            (place / "scores.json").unlink()


def analyse(folder: Path, study: Study) -> str:
    """Run the program as the rule does; return what it printed."""
    text = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(text):
        arguments = ["--settings", json.dumps(analysis_slice(study), sort_keys=True), "--results", str(folder)]
        patch.setattr("sys.argv", ["softshot.analysis", *arguments])
        program.main()
    return text.getvalue()


def text_of_page(folder: Path) -> str:
    """The page without its markup, styles and scripts, white space collapsed."""
    source = (folder / "report.html").read_text(encoding="utf-8")
    written = re.sub("<(script|style)[ >].*?</\\1>", "", source, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]*>", "", written).split())
