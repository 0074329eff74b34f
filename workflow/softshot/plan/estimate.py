"""What each run of a study takes on a device: from runs that were measured there, else from its operations.

What was measured is held against what would have been estimated of it, and their ratio corrects the estimates of the
jobs that are likest: of the same model, method and task where there are some, else of the same model and method, else
of the same model.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from softshot import overrides, rates
from softshot import study as studies
from softshot.errors import UserError
from softshot.grid import Run
from softshot.plan import work
from softshot.plan.devices import Device
from softshot.plan.work import Texts, Work
from softshot.settings import Study
from softshot.task import SizeSettings

CHARACTERS = 3.3  # per token; 2.4 to 4.5 over inputs and outputs of the five tasks with SmolLM2's tokenizer
RECORDS = {"train": 10_000, "validation": 1000, "test": 1000}  # of a task that says no size
KEYS = {  # what a measured job has in common with an estimated one, the likest first
    "measured, this model, method and task": ("model", "method", "task"),
    "measured, this model and method": ("model", "method"),
    "measured, this model": ("model",),
}
OPERATIONS, COPIED = "from operations", "a copy of a trial"
SAMPLE = 1000  # records read for the mean length of their texts


class Task(NamedTuple):
    """A task's records: how many in each split, mean characters, and where that is known from."""

    records: dict[str, int]
    input: float
    output: float
    choices: float  # all answers of a record together, 0 where outputs are generated
    origin: str


class Measured(NamedTuple):
    """A job that has run: whose, what its computing took, and what that would have been estimated to take."""

    folder: str  # the study's
    stage: str  # tuning or generation
    path: str  # the run's, below runs/
    run: Run
    device: str
    dtype: str
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

    def texts(self, run: Run, longest: int | None, context: int) -> Texts:
        """The tokens of a run's rows of at most `context`, outputs of at most `longest`."""
        task = self.task(run.task)
        one = [task.input / CHARACTERS, task.output / CHARACTERS]
        output = min(one[1], longest or one[1])
        return Texts(min(context - output, one[0] + run.shots * sum(one)), output, task.choices / CHARACTERS)

    def work(self, stage: str, run: Run) -> list[Work]:
        """The computing of a run's job; `stage` is tuning or generation. A copy of a trial computes nothing."""
        study, records = self.study, self.task(run.task).records
        if self.copied(stage, run):
            return []
        if stage == "tuning":
            settings = overrides.tuning(study, run)
            number = records[studies.selection(study, run.task)]
            number = min(number, settings["validation_records"] or number)
            return self._tuning(run, settings, study.engine.context, number, settings["steps"])
        settings, number = overrides.decoding(study, run), records[studies.evaluation(study, run.task)]
        batch, neutral = study.generation.batch_size, study.generation.neutral_tokens
        return self._generation(run, settings, study.engine.context, number, batch, neutral)

    def _tuning(self, run: Run, settings: dict[str, Any], context: int, records: int, steps: int) -> list[Work]:
        return work.tuning(self.size(run.model), run, self.texts(run, None, context), settings, records, steps)

    def _generation(
        self, run: Run, settings: dict[str, Any] | None, context: int, records: int, batch: int, neutral: int
    ) -> list[Work]:
        size, texts = self.size(run.model), self.texts(run, settings and settings["max_new_tokens"], context)
        forgotten = [work.forgetting(size, run, neutral)] if run.tuner or run.given else []
        return [*work.generation(size, run, texts, settings, records, batch), *forgotten]

    def seconds(self, stage: str, run: Run, without: str | None = None) -> tuple[float, str]:
        """How long a run's job takes, and how that is known; `without` leaves the measured jobs of a study out."""
        size = self.size(run.model)
        if self.copied(stage, run):
            return self.device.start, COPIED
        computing, factors = self.device.computing(self.work(stage, run), size), self.factors(without)
        for how, names in KEYS.items():
            if factor := factors.get((stage, *(getattr(run, name) for name in names))):
                return self.device.before(size) + computing * factor, how
        return self.device.before(size) + computing, OPERATIONS

    def spent(self, job: Measured) -> float:
        """Seconds of a job of this study that has run."""
        copied = self.copied(job.stage, job.run)
        return self.device.start if copied else self.device.before(self.size(job.run.model)) + job.seconds

    def copied(self, stage: str, run: Run) -> bool:
        """Whether a tuning job only takes over what the trial of the chosen learning rate has left."""
        return stage == "tuning" and rates.adopts(self.study, run)

    def _factors(self, without: str | None) -> dict[tuple[str, ...], float]:
        """Measured over estimated seconds of computing on this device in this format, by stage and each of KEYS."""
        sums = defaultdict(lambda: [0.0, 0.0])
        for job in self.measured:
            if (job.device, job.dtype) == (self.device.name, self.device.dtype) and job.folder != without:
                for names in KEYS.values():
                    pair = sums[job.stage, *(getattr(job.run, name) for name in names)]
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
                    works = self._recorded(stage, run, note)
                    seconds = note[stage]["seconds"]
                    seconds += (note.get("drift") or {}).get("seconds", 0) if stage == "generation" else 0
                except (KeyError, TypeError, ZeroDivisionError, UserError):
                    continue  # of another version, or of a model or task that this study does not know
                estimated = self.device.computing(works, self.size(run.model))
                folder = path.relative_to(self.results).parts[0]
                place = "/".join(path.parts[-6:-1])
                dtype = note[stage].get("dtype", "").removeprefix("torch.")
                yield Measured(folder, stage, place, run, note.get("device", ""), dtype, seconds, estimated)

    def _recorded(self, stage: str, run: Run, note: dict[str, Any]) -> list[Work]:
        """What a measured job would be planned as, by the settings and numbers of its record."""
        settings, facts = note["settings"], note[stage]
        context = settings["engine"]["context"]
        if stage == "tuning":
            return self._tuning(run, settings["tuning"], context, facts["validation_rows"], facts["steps"])
        neutral = (note.get("drift") or {}).get("tokens", 0)
        return self._generation(run, settings["generation"], context, facts["records"], facts["batch_size"], neutral)


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
    for split in counts:
        converted = read(folder / "data" / name / f"{split}.json").get("records")
        counts[split] = converted or counts[split]
    sample = folder / "data" / name / f"{studies.evaluation(study, name)}.jsonl"
    if sample.is_file():
        return Task(counts, *mean_lengths(sample), "its records")
    answers = entry.table.choices if entry.table else None
    output, choices = float(size.output), float(size.choices)
    if isinstance(answers, list):  # templates, of whose columns nothing is known here
        choices = float(sum(map(len, answers)))
        output = choices / len(answers)
    return Task(counts, float(size.input), output, choices, origin)


def mean_lengths(path: Path) -> tuple[float, float, float]:
    """Mean characters of inputs, outputs and all choices together of a file's first records."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(SAMPLE), strict=False)]
    lengths = [(len(row["input"]), len(row["target"]), sum(map(len, row.get("choices", [])))) for row in rows]
    return tuple(sum(column) / len(rows) for column in zip(*lengths, strict=True))


def read(path: Path) -> dict[str, Any]:
    """A record, empty where it is not there or not whole."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
