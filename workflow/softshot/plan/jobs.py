"""The jobs of a study that load a model: what each is planned to take and has taken, and their sums."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from softshot import overrides, rates
from softshot import study as studies
from softshot.grid import Run, runs, tuners
from softshot.methods.registry import METHODS
from softshot.plan import work
from softshot.plan.estimate import Estimates
from softshot.settings import Study

RULES = {"tuning": ["tune"], "generation": ["generate", "score"]}  # of a stage's jobs; a score follows each prediction


@dataclass(frozen=True)
class Job:
    """A run's tuning or generation, in seconds and bytes."""

    stage: str
    run: Run
    planned: float  # without what was measured in this study
    spent: float | None  # None of a job that is to come
    left: float  # 0 of one that is done
    origin: str  # of `left`
    bytes: float


@dataclass
class Row:
    """What some jobs take together."""

    jobs: Counter = field(default_factory=Counter)  # by rule
    done: Counter = field(default_factory=Counter)  # by stage
    planned: float = 0.0  # seconds
    expected: float = 0.0  # of these, of what is done: to stand beside what was spent
    spent: float = 0.0
    left: float = 0.0
    bytes: float = 0.0

    def add(self, job: Job) -> None:
        self.jobs.update(RULES[job.stage])
        self.planned += job.planned
        if job.spent is not None:
            self.done[job.stage] += 1
            self.expected += job.planned
            self.spent += job.spent
        self.left += job.left
        self.bytes += job.bytes


def planned(estimates: Estimates) -> list[Job]:
    """Every tuning and generation of the study."""
    name, jobs = estimates.study.study, []
    measured = {(job.stage, job.path): job for job in estimates.measured if job.folder == name}
    pairs = [("tuning", run) for run in tuned(estimates.study)]
    pairs += [("generation", run) for run in runs(estimates.study)]
    for stage, run in pairs:
        before, _ = estimates.seconds(stage, run, without=name)
        job, (left, origin) = measured.get((stage, run.path)), estimates.seconds(stage, run)
        spent = estimates.spent(job) if job else None
        jobs.append(Job(stage, run, before, spent, 0.0 if job else left, origin, stored(estimates, stage, run)))
    return jobs


def tuned(study: Study) -> list[Run]:
    """Every run that tunes: for the grid, for a transfer, to try a learning rate."""
    return [*tuners(study), *rates.all_trials(study)]


def stored(estimates: Estimates, stage: str, run: Run) -> float:
    """Bytes that a run's job leaves on disk."""
    study, task = estimates.study, estimates.task(run.task)
    if stage == "tuning":
        return work.adapter_bytes(estimates.size(run.model), run, overrides.tuning(study, run))
    records = task.records[studies.evaluation(study, run.task)]
    return work.run_bytes(run, task.output, records, len(studies.metrics(study, run.task)))


def passing(estimates: Estimates, at_once: int) -> float:
    """Most bytes of full tunings while they run: their states, and the models that they leave for their predictions."""
    whole = [run for run in tuned(estimates.study) if METHODS[run.method].every_weight]
    sizes = sorted((work.PASSING * estimates.size(run.model).parameters for run in whole), reverse=True)
    return sum(sizes[:at_once])


def summed(jobs: Iterable[Job], key: Callable[[Job], Any]) -> dict[Any, Row]:
    """The jobs' sums by what a key says of them, in their order."""
    rows: dict[Any, Row] = {}
    for job in jobs:
        rows.setdefault(key(job), Row()).add(job)
    return rows


def per_arm(study: Study, jobs: Iterable[Job]) -> dict[tuple[str, str, str], Row]:
    """What the runs of each model, task and arm take, in the study's order."""
    order = (study.models.use, study.data.tasks, list(study.arms))
    rows = summed(jobs, lambda job: (job.run.model, job.run.task, job.run.arm))
    return {key: rows[key] for key in sorted(rows, key=lambda key: [*map(list.index, order, key)])}


def elapsed(study: Study, jobs: list[Job], at_once: int) -> tuple[float, float]:
    """Between how many seconds the jobs to come take where `at_once` of them run at the same time.

    No order of them takes less than the longest chain of jobs that wait for one another (a rate's trial, a tuning, a
    prediction), nor than their sum spread evenly; none that leaves no place idle takes more than both together (Graham
    1966).
    """
    left = {(job.stage, job.run): job.left for job in jobs}
    chain = 0.0
    for job in jobs:
        tuner = job.run.tuner
        if job.stage == "generation":
            trials = [left["tuning", trial] for trial in rates.trials(study, tuner)] if tuner else []
            chain = max(chain, job.left + left.get(("tuning", tuner), 0.0) + max(trials, default=0.0))
    even = sum(left.values()) / at_once
    return max(chain, even), even + chain * (1 - 1 / at_once)
