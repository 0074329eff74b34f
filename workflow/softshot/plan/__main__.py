"""`softshot plan [--configfile study.yaml]`: the jobs, hours and disk that a study takes, and has taken.

Works offline and before any model or data is there. Hours are estimated from jobs that were measured on the same
device in this or other studies (`run.json`, `tuning.json` below `results/`), of the same model and method; else from
floating-point operations. `planned` leaves this study's own jobs out, so that after it has
run it stands beside what was `spent`; `to come` is for what is not done, with all that was measured.
"""

import argparse
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from softshot import catalogue, configfiles, configuration, overrides, rates
from softshot import study as studies
from softshot.errors import run_program
from softshot.grid import Run, runs, tuners
from softshot.plan import devices, work
from softshot.plan.estimate import START, Estimates
from softshot.settings import Study

COLUMNS = (
    "model",
    "task",
    "arm",
    "runs",
    "done",
    "tune",
    "generate",
    "score",
    "planned h",
    "spent h",
    "to come h",
    "MB",
)
IN_PARTS = {"_train-": "retrieve_in_subset", "_without-": "retrieve_without"}  # by what a folder is called


@dataclass
class Row:
    """What the runs of one model, task and arm take."""

    jobs: Counter = field(default_factory=Counter)
    done: int = 0  # runs
    planned: float = 0.0  # seconds
    spent: float = 0.0
    left: float = 0.0
    bytes: float = 0.0

    def add(self, other: "Row") -> None:
        self.jobs += other.jobs
        for name in ("done", "planned", "spent", "left", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def main() -> None:
    """Print the plan."""
    parser = argparse.ArgumentParser(
        prog="softshot plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configfile", nargs="*", type=Path, default=[], help="as Snakemake's: over config.yaml")
    parser.add_argument("--device", help="such as 'NVIDIA A100-SXM4-40GB'; by default this machine's")
    parser.add_argument("--tflops", type=float, help="what the device sustains, in 1e12 operations per second")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the studies' folders are")
    parser.add_argument("--models", type=Path, default=Path("resources/models"), help="where the models are")
    args = parser.parse_args()
    study = configuration.load(configfiles.merged([catalogue.CONFIG, *args.configfile]))
    estimates = Estimates(study, devices.device(args.device, args.tflops), args.results)
    print(text(estimates, args.models))


def text(estimates: Estimates, models: Path) -> str:
    """The whole plan."""
    study, device = estimates.study, estimates.device
    rows, known = per_arm(estimates)
    total = Row()
    for row in rows.values():
        total.add(row)
    shared = shared_bytes(estimates, models)
    lines = [
        f"{study.study}: {sum(jobs(study).values()):,} jobs: {listed(jobs(study))}",
        f"on {device.name} ({device.operations / 1e12:.3g} Tflop/s: {device.origin})"
        f" {total.planned / 3600:,.1f} {'GPU' if device.is_gpu else 'CPU'} hours planned,"
        f" {total.spent / 3600:,.1f} spent, {total.left / 3600:,.1f} to come",
        f"on disk {megabytes(total.bytes + shared['data'] + shared['demonstrations'])} MB of results"
        f" ({megabytes(there(estimates.results / study.study))} there now) and, once per machine,"
        f" {megabytes(shared['models'])} MB of models",
        "",
        *table([COLUMNS, *(cells(key, row) for key, row in rows.items()), cells(("all", "", ""), total)]),
        "",
        f"hours: {listed(known)}; {START:.0f} s of start are counted for every job.",
        f"records: {'; '.join(origins(estimates))}; {study.study}'s own files are"
        f" {megabytes(shared['data'])} MB of records, {megabytes(shared['demonstrations'])} MB of demonstrations.",
    ]
    return "\n".join(lines)


def per_arm(estimates: Estimates) -> tuple[dict[tuple[str, str, str], Row], Counter]:
    """What the runs of each model, task and arm take, and how many jobs' hours are known from where."""
    rows: dict[tuple[str, str, str], Row] = defaultdict(Row)
    known: Counter = Counter()
    spent = {(job.stage, job.path): job for job in estimates.measured if job.folder == estimates.study.study}
    wanted = [("generation", run) for run in runs(estimates.study)]
    wanted += [("tuning", run) for run in tuned(estimates.study)]
    for stage, run in wanted:
        row, job = rows[run.model, run.task, run.arm], spent.get((stage, run.path))
        row.jobs += Counter({"tune": 1} if stage == "tuning" else {"generate": 1, "score": 1})
        row.planned += estimates.seconds(stage, run, without=estimates.study.study)[0]
        row.bytes += job_bytes(estimates, stage, run)
        if job:
            row.spent += job.seconds
            row.done += stage == "generation"
        else:
            seconds, how = estimates.seconds(stage, run)
            row.left += seconds
            known[how] += 1
    return dict(rows), known or Counter({"all jobs are done": len(wanted)})


def job_bytes(estimates: Estimates, stage: str, run: Run) -> float:
    """What a run's job leaves on disk."""
    study, task = estimates.study, estimates.task(run.task)
    if stage == "tuning":
        return work.adapter_bytes(estimates.size(run.model), run, overrides.tuning(study, run))
    records = task.records[studies.evaluation(study, run.task)]
    return work.run_bytes(run, task.output, records, len(studies.metrics(study, run.task)))


def shared_bytes(estimates: Estimates, models: Path) -> dict[str, float]:
    """What the models, the records and the demonstrations take on disk."""
    study, needed = estimates.study, studies.needed(estimates.study)
    found = {"models": 0.0, "data": 0.0, "demonstrations": 0.0}
    for name in needed.models:  # 4 bytes a parameter are the most that is usual
        parameters = catalogue.parameters(name, study.models.folders) or 0
        found["models"] += there(models / name) or 4 * parameters
    for task, split in needed.splits:
        known = estimates.task(task)
        found["data"] += known.records[split] * (known.input + 2.2 * known.output + 120)
    for task, name, split in needed.vectors:
        found["demonstrations"] += estimates.task(task).records[split] * 4 * work.model_size(study, name).width
    for task, _, _, split in needed.tables:
        found["demonstrations"] += estimates.task(task).records[split] * (30 + 12 * study.demonstrations.neighbours)
    return found


def jobs(study: Study) -> Counter:
    """How many jobs of each rule the whole study has."""
    needed, rules = studies.needed(study), Counter({"analyse": 1})
    for _, place, retriever, _ in needed.tables:
        plain = "random_demonstrations" if retriever == "random" else "retrieve"
        rules[next((rule for part, rule in IN_PARTS.items() if part in place), plain)] += 1
    number = sum(1 for _ in runs(study))
    rules += Counter(
        model=len(needed.models),
        download=sum(studies.downloaded(study, task) for task in study.data.tasks),
        convert=len(needed.splits),
        subset=sum("_without-" not in part for _, part in needed.parts),
        without=sum("_without-" in part for _, part in needed.parts),
        encode=len(needed.vectors),
        tune=len(tuned(study)),
        choose=len({rates.choice(run) for run in tuners(study) if rates.trials(study, run)}),
        generate=number,
        score=number,
    )
    return rules


def tuned(study: Study) -> list[Run]:
    """Every run that tunes: for the grid, for a transfer, to try a learning rate."""
    return [*tuners(study), *rates.all_trials(study)]


def origins(estimates: Estimates) -> list[str]:
    """Where the tasks' sizes are known from."""
    found = defaultdict(list)
    for name in estimates.study.data.tasks:
        found[f"from {estimates.task(name).origin}"].append(name)
    return [f"{', '.join(names)} {origin}" for origin, names in found.items()]


def there(folder: Path) -> int:
    """Bytes of the files in a folder; what a link leads to belongs to another place."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def cells(key: tuple[str, str, str], row: Row) -> tuple[str, ...]:
    """A row of the table as text."""
    counts = (row.jobs["generate"], row.done, row.jobs["tune"], row.jobs["generate"], row.jobs["score"])
    hours = (f"{seconds / 3600:,.2f}" for seconds in (row.planned, row.spent, row.left))
    return (*key, *map(str, counts), *hours, megabytes(row.bytes))


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Aligned columns: names to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        names = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        lines.append("  ".join([*names, *numbers]))
    return lines


def megabytes(number: float) -> str:
    """Bytes in MB."""
    return f"{number / 1e6:,.0f}" if number >= 10e6 else f"{number / 1e6:,.1f}"


def listed(counts: Counter) -> str:
    """`tune 720, generate 975`, the largest first."""
    return ", ".join(f"{name} {number:,}" for name, number in counts.most_common() if number)


if __name__ == "__main__":
    run_program(main)
