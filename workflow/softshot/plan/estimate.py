"""What each run of a study takes on a device: from runs that were measured there, else from its operations."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from softshot import overrides
from softshot import study as studies
from softshot.errors import UserError
from softshot.grid import Run
from softshot.plan import work
from softshot.plan.devices import START, Device
from softshot.plan.work import Texts, Work
from softshot.settings import Study
from softshot.task import SizeSettings

CHARACTERS = 3.3  # per token; 2.4 to 4.5 over inputs and outputs of the five tasks with SmolLM2's tokenizer
RECORDS = {"train": 10_000, "validation": 1000, "test": 1000}  # of a task that says no size
MEASURED = "measured, this model and method"
SAMPLE = 1000  # records read for the mean length of their texts


class Task(NamedTuple):
    """A task's records: how many in each split, mean characters, and where that is known from."""

    records: dict[str, int]
    input: float
    output: float
    origin: str


class Measured(NamedTuple):
    """A job that has run: whose, what it took, and what it would have been estimated to take."""

    folder: str  # the study's
    stage: str  # tuning or generation
    path: str  # the run's, below runs/
    run: Run
    device: str
    seconds: float
    estimated: float


@dataclass
class Estimates:
    """Estimates for a study on a device. `results` holds the folders of all studies."""

    study: Study
    device: Device
    results: Path

    def __post_init__(self) -> None:
        self.size = cache(lambda model: work.model_size(self.study, model))
        self.task = cache(lambda task: task_of(self.study, task, self.results / self.study.study))
        self.measured = list(self._measured())
        self.factors = cache(self._factors)

    def work(self, stage: str, run: Run) -> Work:
        """The computing of a run's job; `stage` is tuning or generation."""
        task, size = self.task(run.task), self.size(run.model)
        one = [task.input / CHARACTERS, task.output / CHARACTERS]
        settings = overrides.tuning(self.study, run) if stage == "tuning" else overrides.decoding(self.study, run)
        if stage == "tuning":
            context = min(self.study.engine.context - one[1], one[0] + run.shots * sum(one))
            records = task.records[studies.selection(self.study, run.task)]
            records = min(records, settings["validation_records"] or records)
            return work.tuning(size, run, Texts(context, one[1]), settings, records, settings["steps"])
        output = min(one[1], settings["max_new_tokens"]) if settings else one[1]
        context = min(self.study.engine.context - output, one[0] + run.shots * sum(one))
        records = task.records[studies.evaluation(self.study, run.task)]
        batch = self.study.generation.batch_size
        return work.generation(size, run, Texts(context, output), settings, records, batch)

    def seconds(self, stage: str, run: Run, without: str | None = None) -> tuple[float, str]:
        """How long a run's job takes, and how that is known; `without` leaves the measured jobs of a study out."""
        estimated = self.device.seconds(self.work(stage, run), self.size(run.model).parameters)
        factor = self.factors(without).get((stage, run.model, run.method))
        return (estimated * factor, MEASURED) if factor else (estimated, "from operations")

    def _factors(self, without: str | None) -> dict[tuple[str, str, str], float]:
        """Measured over estimated seconds on this device by stage, model and method; without those of a study."""
        sums = defaultdict(lambda: [0.0, 0.0])
        for job in self.measured:
            if job.device == self.device.name and job.folder != without:
                pair = sums[job.stage, job.run.model, job.run.method]
                pair[0] += job.seconds
                pair[1] += job.estimated
        return {key: took / planned for key, (took, planned) in sums.items() if planned}

    def _measured(self) -> Iterator[Measured]:
        """Every job of every study whose record is there, of the models that this study can size."""
        for stage, name in (("tuning", "tuning.json"), ("generation", "run.json")):
            for path in sorted(self.results.glob(f"*/runs/*/*/*/*/seed-*/{name}")):
                note = read(path)
                if note.get("settings", {}).get("base", "full") != self.study.models.base:
                    continue  # packed weights take other times
                try:
                    run = run_of(path.parent, note)
                    did = self._did(stage, run, note)
                    seconds = note[stage]["seconds"] + START
                except (KeyError, TypeError, ZeroDivisionError, UserError):
                    continue  # of another version, or a model that this study does not know
                estimated = self.device.seconds(did, self.size(run.model).parameters)
                folder = path.relative_to(self.results).parts[0]
                yield Measured(
                    folder, stage, "/".join(path.parts[-6:-1]), run, note.get("device", ""), seconds, estimated
                )

    def _did(self, stage: str, run: Run, note: dict[str, Any]) -> Work:
        """What a measured job computed, by its record."""
        settings, took = note["settings"][stage], note[stage]
        if stage == "tuning":
            task = self.task(run.task)
            one = [task.input / CHARACTERS, task.output / CHARACTERS]
            context = min(note["settings"]["engine"]["context"] - one[1], one[0] + run.shots * sum(one))
            texts = Texts(context, one[1])
            return work.tuning(self.size(run.model), run, texts, settings, took["validation_rows"], took["steps"])
        records = took["records"]
        texts = Texts(took["input_tokens"] / records, took["output_tokens"] / records)
        return work.generation(self.size(run.model), run, texts, settings, records, took["batch_size"])


def run_of(folder: Path, note: dict[str, Any]) -> Run:
    """The run of a record, by its folder and what it says of its method."""
    model, task, arm, _, seed = folder.parts[-5:]
    method, shots = note["settings"]["method"], note["settings"]["shots"]
    return Run(model, task, arm, method["name"], method.get("size", 0), None, shots, int(seed.removeprefix("seed-")))


def expected_records(study: Study, name: str, guess: dict[str, int]) -> dict[str, int]:
    """How many records each split of a task has, by the catalogue and the limits; `guess` where nothing says it."""
    entry = studies.task(study, name)
    files = {key: getattr(entry.size, key, None) or guess[key] for key in entry.splits if key not in entry.carve}
    files |= {split: max(1, round(share * files["train"])) for split, share in entry.carve.items()}
    files["train"] -= sum(files[split] for split in entry.carve)
    limits = {split: getattr(study.data.limits, split) for split in files}
    return {split: min(count, limits[split] or count) for split, count in files.items()}


def task_of(study: Study, name: str, folder: Path) -> Task:
    """A task's records: those that are converted, else what the catalogue says, else a guess."""
    entry = studies.task(study, name)
    size, origin = entry.size or SizeSettings(), "the catalogue" if entry.size else "a guess"
    counts = expected_records(study, name, RECORDS)
    lengths = (float(size.input), float(size.output))
    for split in counts:
        converted = read(folder / "data" / name / f"{split}.json").get("records")
        counts[split] = converted or counts[split]
    sample = folder / "data" / name / f"{studies.evaluation(study, name)}.jsonl"
    if sample.is_file():
        lengths, origin = mean_lengths(sample), "its records"
    return Task(counts, *lengths, origin)


def mean_lengths(path: Path) -> tuple[float, float]:
    """Mean characters of inputs and outputs of a file's first records."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(SAMPLE), strict=False)]
    return tuple(sum(len(row[key]) for row in rows) / len(rows) for key in ("input", "target"))


def read(path: Path) -> dict[str, Any]:
    """A record, empty where it is not there or not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
