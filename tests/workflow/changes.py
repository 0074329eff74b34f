"""What runs again after a change of study.yaml's study: the cases of test_reruns.py, and the table of docs/reruns.md.

Write the table:  python tests/workflow/changes.py
"""

import copy
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "reruns.md"
STUDY = yaml.safe_load((Path(__file__).parent / "study.yaml").read_text())
RUN = "results/tiny/runs/tiny/mtop/pt/tokens-3/seed-1"
STEPS = STUDY["tuning"]["steps"]
EVERY_RUN = {"tune": 4, "generate": 7, "score": 7, "analyse": 1}
TUNED = {"tune": 4, "generate": 4, "score": 4, "analyse": 1}
PREDICTED = {"generate": 7, "score": 7, "analyse": 1}
SCORED = {"score": 7, "analyse": 1}
ONE_RUN = {"tune": 1, "generate": 1, "score": 1, "analyse": 1}
ANALYSED = {"analyse": 1}
DATA = {"convert": 3, "encode": 3, "retrieve": 3, "random_demonstrations": 2}
TRAINING_DATA = DATA | {"convert": 1, "encode": 1}
RETRIEVED = {"retrieve": 3, "tune": 2, "generate": 3, "score": 3, "analyse": 1}
NEIGHBOURS = {"retrieve": 3, "random_demonstrations": 2, "tune": 2, "generate": 5, "score": 5, "analyse": 1}


@dataclass(frozen=True)
class Change:
    """A change, and the jobs that run again: rule to number."""

    what: str  # in Markdown
    runs: dict[str, int]
    keys: dict[str, Any] = field(default_factory=dict)  # dotted key of the study to its new value
    touch: Callable[[Path], None] | None = None  # what happens to the checkout
    arguments: tuple[str, ...] = ()  # of Snakemake
    records: bool = False  # whether Snakemake is told, with --forcerun, what `softshot records` finds

    def study(self) -> dict:
        """The changed study."""
        study = copy.deepcopy(STUDY)
        for path, value in self.keys.items():
            *parents, last = path.split(".")
            section = study
            for name in parents:
                section = section.setdefault(name, {})
            section[last] = value
        return study


def edit(place: str, line: str = "EDITED = True") -> Callable[[Path], None]:
    """Add a line to a module."""
    return lambda folder: _append(folder / "workflow/softshot" / place, line)


def _append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}\n{line}\n")


def add_method(folder: Path) -> None:
    """One more method: its module, and its entry in the registry."""
    (folder / "workflow/softshot/methods/mine.py").write_text("from softshot.engine import base\n")
    _append(folder / "workflow/softshot/methods/registry.py", 'METHODS["mine"] = METHODS["prompt-tuning"]')


def comment(folder: Path) -> None:
    """A comment in every module, and another docstring in one."""
    for path in folder.glob("workflow/softshot/**/*.py"):
        _append(path, "# a comment")
    train = folder / "workflow/softshot/tuning/train.py"
    train.write_text(train.read_text().replace('"""', '"""Edited. ', 1))


def touch_modules(folder: Path) -> None:
    """As a git checkout may leave them."""
    for path in [*folder.glob("workflow/softshot/**/*.py"), *folder.glob("workflow/rules/*.smk")]:
        path.touch()


def forget(folder: Path) -> None:
    """Delete Snakemake's notes."""
    shutil.rmtree(folder / ".snakemake")


def forget_dates(folder: Path) -> None:
    """Snakemake's notes gone, and every date that of one careless copy, the oldest results last."""
    forget(folder)
    files = sorted(
        (path for path in (folder / "results").rglob("*") if path.is_file()), key=lambda p: p.stat().st_mtime
    )
    for age, path in enumerate(files):
        os.utime(path, (1_000_000_000 - age, 1_000_000_000 - age))


def gone(*places: str) -> Callable[[Path], None]:
    """Delete outputs of a job: all, as Snakemake does before it starts it and where it fails, or one."""
    return lambda folder: [_delete(folder / place) for place in places]


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def both(first: Callable[[Path], None], second: Callable[[Path], None]) -> Callable[[Path], None]:
    """One after the other."""
    return lambda folder: (first(folder), second(folder))


def others_prompt(folder: Path) -> None:
    """The record of a run that was brought from elsewhere, made at another learning rate."""
    record = folder / RUN / "tuning.json"
    record.write_text(record.read_text().replace('"learning_rate": 0.03', '"learning_rate": 0.04'))


CHANGES = [
    Change(
        "`seeds`: a third one",
        {"random_demonstrations": 1, "tune": 2, "generate": 3, "score": 3, "analyse": 1},
        {"seeds": [1, 2, 3]},
    ),
    Change("`seeds`: one removed", ANALYSED, {"seeds": [1]}),
    Change(
        "`arms.pt.tokens`: a second length",
        {"tune": 2, "generate": 2, "score": 2, "analyse": 1},
        {"arms.pt.tokens": [3, 5]},
    ),
    Change(
        "`arms.icl.demonstrations`: more shots",
        {"generate": 1, "score": 1, "analyse": 1},
        {"arms.icl.demonstrations": ["random-1", "retrieved-2", "retrieved-5"]},
    ),
    Change(
        "`arms.icl.demonstrations`: another retriever",
        {"retrieve": 1, "generate": 1, "score": 1, "analyse": 1},
        {"arms.icl.demonstrations": ["random-1", "retrieved-2", "mmr-1"]},
    ),
    Change(
        "`models.use`: another model",
        {"model": 1, "tune": 4, "generate": 7, "score": 7, "analyse": 1},
        {"models.use": ["tiny", "other"], "models.folders": {"tiny": "tiny-model", "other": "tiny-model"}},
    ),
    Change("`models.base`", EVERY_RUN, {"models.base": "nf4-dequantised"}),
    Change(
        "`shift`: some arms without a group of records",
        {"without": 2, "retrieve_without": 3, "tune": 4, "generate": 5, "score": 5, "analyse": 1},
        {
            "shift": {
                "mtop": {
                    "by": "domain",
                    "held_out": ["weather"],
                    "demonstrations": ["none", "retrieved-1", "retrieved-2"],
                }
            }
        },
    ),
    Change("`data.tasks`: another task", DATA | EVERY_RUN, {"data.tasks": ["mtop", "dart"]}),
    Change("`data.limits.train`", TRAINING_DATA | EVERY_RUN, {"data.limits.train": 10}),
    Change(
        "`data.limits.test`, of the split that is scored",
        {"convert": 1, "encode": 1, "retrieve": 1, "random_demonstrations": 2, "generate": 7, "score": 7, "analyse": 1},
        {"data.limits.test": 3},
    ),
    Change("`data.sample_seed`", DATA | EVERY_RUN, {"data.sample_seed": 1}),
    Change("`data.leaks`", TRAINING_DATA | EVERY_RUN, {"data.leaks": "keep"}),
    Change("`data.templates` of the task", EVERY_RUN, {"data.templates": {"mtop": {"instruction": "Parse."}}}),
    Change(
        "`data.templates` of a task that the study has not",
        ANALYSED,
        {"data.templates": {"dart": {"instruction": "Say it."}}},
    ),
    Change("`data.hub`, which is not the source", ANALYSED, {"data.hub": "http://127.0.0.1:1"}),
    Change(
        "`demonstrations.encoder`",
        {"encode": 3, "retrieve": 3, "tune": 2, "generate": 3, "score": 3, "analyse": 1},
        {"demonstrations.encoder": "tiny"},
    ),
    Change("`demonstrations.neighbours`", NEIGHBOURS, {"demonstrations.neighbours": 9}),
    Change(
        "`demonstrations.exclude`, of a task without groups of records",
        ANALYSED,
        {"demonstrations.exclude": "duplicates"},
    ),
    Change(
        "`demonstrations.order`, which single ones do not have",
        {"generate": 1, "score": 1, "analyse": 1},
        {"demonstrations.order": "nearest-first"},
    ),
    Change(
        "a retriever's `threshold`",
        {"tune": 2, "generate": 3, "score": 3, "analyse": 1},
        {"demonstrations.retrievers.retrieved.threshold": 0.5},
    ),
    Change("the same of a retriever that no run uses", ANALYSED, {"demonstrations.retrievers.bm25.threshold": 0.5}),
    Change("`engine.context`", EVERY_RUN, {"engine.context": 190}),
    Change("`methods.prompt-tuning.learning_rate`", TUNED, {"methods.prompt-tuning.learning_rate": 0.5}),
    Change(
        "`tuning.overrides`: another learning rate for one task",
        TUNED,
        {"tuning.overrides": [{"task": "mtop", "set": {"learning_rate": 0.5}}]},
    ),
    Change(
        "`tuning.overrides`: the same for one arm",
        {"tune": 2, "generate": 2, "score": 2, "analyse": 1},
        {"tuning.overrides": [{"arm": "pt", "set": {"learning_rate": 0.5}}]},
    ),
    Change(
        "what an arm `set`s",
        {"tune": 2, "generate": 2, "score": 2, "analyse": 1},
        {"arms.pt.set": {"learning_rate": 0.5}},
    ),
    Change("what an arm `set`s, where that is the value that it has", ANALYSED, {"arms.pt.set": {"steps": STEPS}}),
    Change("`tuning.max_tokens`: memory only", {}, {"tuning.max_tokens": 500}),
    Change("`launch.jobs_per_gpu`: where jobs run", {}, {"launch.jobs_per_gpu": 2}),
    Change(
        "`generation.max_new_tokens`, which is the room of an output in tuning too",
        EVERY_RUN,
        {"generation.max_new_tokens": 9},
    ),
    Change("`generation.beams`", PREDICTED, {"generation.beams": 2}),
    Change(
        "`generation.neutral_tokens`, of runs that tune something",
        {"generate": 4, "score": 4, "analyse": 1},
        {"generation.neutral_tokens": 5},
    ),
    Change("`generation.batch_size`: speed only", {}, {"generation.batch_size": 1}),
    Change("`scoring.metrics` of the task", SCORED, {"scoring.metrics": {"mtop": ["exact_match"]}}),
    Change("`analysis.title`", ANALYSED, {"analysis.title": "Another"}),
    Change("`analysis.examples`", ANALYSED, {"analysis.examples": 1}),
    Change("threads: `--set-threads tune=2`", {}, arguments=("--set-threads", "tune=2")),
    Change("modules touched, not edited", {}, touch=touch_modules),
    Change("comments and docstrings edited", {}, touch=comment),
    Change("one more method", {}, touch=add_method),
    Change("a method that no arm has edited", {}, touch=edit("methods/lora.py")),
    Change("the method of an arm edited", TUNED, touch=edit("methods/prompt_tuning.py")),
    Change(
        "a module edited, with `--rerun-triggers mtime`: you know that it makes the same",
        {},
        touch=edit("engine/layout.py"),
        arguments=("--rerun-triggers", "mtime"),
    ),
    Change("a module of `softshot/data/` edited", DATA | EVERY_RUN, touch=edit("data/mtop.py")),
    Change("a converter that no task uses edited", {}, touch=edit("data/totto.py")),
    Change("a module of `softshot/tuning/` edited", TUNED, touch=edit("tuning/train.py")),
    Change("a module of `softshot/engine/` edited", EVERY_RUN, touch=edit("engine/layout.py")),
    Change("a module of `softshot/generation/` edited", PREDICTED, touch=edit("generation/__main__.py")),
    Change("a metric of the task edited", SCORED, touch=edit("scoring/exact_match.py")),
    Change("another metric edited", {}, touch=edit("scoring/parent.py")),
    Change("the retriever of an arm edited", RETRIEVED, touch=edit("demonstrations/dense.py")),
    Change("a retriever that no arm has edited", {}, touch=edit("demonstrations/bm25.py")),
    Change("a module of `softshot/analysis/` edited", ANALYSED, touch=edit("analysis/tables.py")),
    Change(
        "`predictions.jsonl.gz` of a run deleted",
        {"generate": 1, "score": 1, "analyse": 1},
        touch=gone(f"{RUN}/predictions.jsonl.gz"),
    ),
    Change("the `adapter/` of a run deleted", ONE_RUN, touch=gone(f"{RUN}/adapter")),
    Change("a run's `tuning.json` from a run with another learning rate", ONE_RUN, touch=others_prompt, records=True),
    Change("a run's folder deleted", ONE_RUN, touch=gone(RUN)),
    Change(
        "`scores.json` gone, as after a scoring job that failed",
        {"score": 1, "analyse": 1},
        touch=gone(f"{RUN}/scores.json", f"{RUN}/scores.parquet"),
    ),
    Change(
        "`tuning.json` gone, as after a tuning job that failed",
        ONE_RUN,
        touch=gone(*(f"{RUN}/{name}" for name in ("adapter", "history.jsonl", "tuning.json"))),
    ),
    Change(
        "`run.json` gone, as after a generating job that failed",
        {"generate": 1, "score": 1, "analyse": 1},
        touch=gone(f"{RUN}/run.json", f"{RUN}/predictions.jsonl.gz"),
    ),
    Change(
        "the training records gone, as after a conversion that failed",
        TRAINING_DATA | EVERY_RUN,
        touch=gone("results/tiny/data/mtop/train.jsonl", "results/tiny/data/mtop/train.json"),
    ),
    Change(
        "a model gone, as after fetching that failed",
        {"model": 1} | EVERY_RUN,
        touch=gone("resources/models/tiny"),
    ),
    Change("`.snakemake` deleted", {}, touch=forget),
    Change("`.snakemake` deleted and modules touched", {}, touch=both(forget, touch_modules)),
    Change(
        "`.snakemake` deleted, then `methods.prompt-tuning.learning_rate`: Snakemake cannot know",
        {},
        {"methods.prompt-tuning.learning_rate": 0.5},
        forget,
    ),
    *(
        Change(f"`.snakemake` deleted, then {what}", runs, keys, touch, records=True)
        for what, runs, keys, touch in (
            (
                "`methods.prompt-tuning.learning_rate`",
                TUNED,
                {"methods.prompt-tuning.learning_rate": 0.5},
                forget,
            ),
            ("`data.limits.train`", TRAINING_DATA | EVERY_RUN, {"data.limits.train": 10}, forget),
            ("`demonstrations.neighbours`", NEIGHBOURS, {"demonstrations.neighbours": 9}, forget),
            ("`scoring.metrics`", SCORED, {"scoring.metrics": {"mtop": ["exact_match"]}}, forget),
            ("`analysis.title`", ANALYSED, {"analysis.title": "Another"}, forget),
            (
                "the folder of a model",
                {"model": 1} | EVERY_RUN,
                {"models.folders": {"tiny": "other-model"}},
                forget,
            ),
            (
                "a module of `softshot/generation/` edited",
                PREDICTED,
                {},
                both(forget, edit("generation/__main__.py")),
            ),
        )
    ),
]


def jobs(runs: dict[str, int]) -> str:
    """The jobs in words."""
    return ", ".join(f"`{rule}`" + (f" {number}" if number > 1 else "") for rule, number in runs.items()) or "nothing"


def table() -> str:
    """The table of docs/reruns.md."""
    with_records = " (with `--forcerun $(softshot records --paths)`)"
    cells = ((change.what + with_records * change.records, jobs(change.runs)) for change in CHANGES)
    rows = [("change", "runs again"), ("---", "---"), *cells]
    return "".join(f"| {what} | {runs} |\n" for what, runs in rows)


def documented(text: str) -> tuple[int, int]:
    """Where the table stands in the text of docs/reruns.md."""
    begin = text.index("| change |")
    return begin, text.index("\n\n", begin) + 1


if __name__ == "__main__":
    text = DOCS.read_text()
    begin, end = documented(text)
    DOCS.write_text(text[:begin] + table() + text[end:])
    sys.exit()
