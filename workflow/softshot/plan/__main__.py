"""`softshot plan [--configfile study.yaml]`: the jobs, hours and disk that a study takes, and has taken.

Works offline and before any model or data is there. Hours are of the jobs that load a model (tune, generate),
estimated from floating-point operations, and corrected by jobs of the same model that were measured on the same device
in this or other studies (`run.json`, `tuning.json` below `results/`). `planned` leaves this study's own jobs out, so
that after it has run it stands beside what was `spent` (by the clock, so neighbours on the machine count); `to come` is
for what is not done, with all that was measured.
"""

from collections import Counter, defaultdict
from pathlib import Path

from softshot import catalogue, commands, rates
from softshot import study as studies
from softshot.errors import run_program
from softshot.grid import runs, tuners
from softshot.plan import devices, work
from softshot.plan.estimate import Estimates
from softshot.plan.jobs import RULES, Job, Row, elapsed, passing, per_arm, planned, summed, tuned
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


def main() -> None:
    """Print the plan."""
    parser = commands.parser("softshot plan", __doc__)
    parser.add_argument("--device", help="such as 'NVIDIA A100-SXM4-40GB'; by default this machine's")
    parser.add_argument("--tflops", type=float, help="what the device sustains, in 1e12 operations per second")
    parser.add_argument("--at-once", type=int, default=1, help="jobs that run at the same time: on GPUs or on cores")
    args = parser.parse_args()
    study = commands.study(args)
    estimates = Estimates(study, devices.device(args.device, args.tflops, study.engine.dtype), args.results)
    print(text(estimates, args.models, args.at_once))


def text(estimates: Estimates, models: Path, at_once: int = 1) -> str:
    """The whole plan."""
    study, device, load = estimates.study, estimates.device, planned(estimates)
    [total] = summed(load, lambda job: "all").values()
    shared, most = shared_bytes(estimates, models), passing(estimates, at_once)
    lines = [
        f"{study.study}: {sum(jobs(study).values()):,} jobs: {listed(jobs(study))}",
        f"on {device.name} ({device.operations / 1e12:.3g} Tflop/s: {device.origin})"
        f" {total.planned / 3600:,.1f} {'GPU' if device.is_gpu else 'CPU'} hours planned,"
        f" {total.spent / 3600:,.1f} spent, {total.left / 3600:,.1f} to come",
        *of_time(study, load, at_once),
        f"on disk {megabytes(total.bytes + shared['data'] + shared['demonstrations'])} MB of results"
        f" ({megabytes(on_disk(estimates.results / study.study))} there now) and, once per machine,"
        f" {megabytes(shared['models'])} MB of models",
        *([f"and up to {megabytes(most)} MB that come and go with full tuning"] if most else []),
        "",
        *table(
            [COLUMNS, *(cells(key, row) for key, row in per_arm(study, load).items()), cells(("all", "", ""), total)]
        ),
        "",
        *of_stages(load),
        "",
        f"hours to come: {listed(origins_of_hours(load))}; every start of a job is counted, jobs that load no model"
        " (score, retrieve ...) are not: seconds each.",
        f"records: {'; '.join(origins(estimates))}; {study.study}'s own files are"
        f" {megabytes(shared['data'])} MB of records, {megabytes(shared['demonstrations'])} MB of demonstrations.",
    ]
    return "\n".join(lines)


def of_time(study: Study, load: list[Job], at_once: int) -> list[str]:
    """How long it takes by the clock, where several jobs run at the same time."""
    if at_once == 1:
        return []
    least, most = (f"{seconds / 3600:,.1f}" for seconds in elapsed(study, load, at_once))
    return [
        f"with {at_once} jobs at once {least if least == most else f'{least} to {most}'} hours by the clock to come"
    ]


def of_stages(load: list[Job]) -> list[str]:
    """A line per stage: what was planned of what is done, beside what it took."""
    lines = []
    for stage, row in summed(load, lambda job: job.stage).items():
        planned, expected, spent, left = (
            f"{seconds / 3600:,.2f}" for seconds in (row.planned, row.expected, row.spent, row.left)
        )
        rule, done = RULES[stage][0], row.done[stage]
        text = f"{rule}: {row.jobs[rule]:,} jobs, {planned} hours planned"
        text += f"; {done:,} done, of {expected} planned and {spent} spent" if done else ""
        lines.append(f"{text}; {left} to come")
    return lines


def origins_of_hours(load: list[Job]) -> Counter:
    """How many of the jobs to come are known from where."""
    return Counter(job.origin for job in load if job.spent is None) or Counter({"all jobs are done": len(load)})


def shared_bytes(estimates: Estimates, models: Path) -> dict[str, float]:
    """What the models, the records and the demonstrations take on disk."""
    study, needed = estimates.study, studies.needed(estimates.study)
    sizes = {"models": 0.0, "data": 0.0, "demonstrations": 0.0}
    for name in needed.models:  # 4 bytes a parameter are the most that is usual
        parameters = catalogue.parameters(name, study.models.folders) or 0
        sizes["models"] += on_disk(models / name) or 4 * parameters
    for name, split in needed.splits:
        task = estimates.task(name)
        sizes["data"] += task.records[split] * (task.input + 2.2 * task.output + task.choices + 120)
    for task, name, split in needed.vectors:
        sizes["demonstrations"] += estimates.task(task).records[split] * 4 * work.model_size(study, name).width
    for task, _, _, split in needed.tables:
        sizes["demonstrations"] += estimates.task(task).records[split] * (30 + 12 * study.demonstrations.neighbours)
    return sizes


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


def origins(estimates: Estimates) -> list[str]:
    """Where the tasks' sizes are known from."""
    tasks = defaultdict(list)
    for name in estimates.study.data.tasks:
        tasks[f"from {estimates.task(name).origin}"].append(name)
    return [f"{', '.join(names)} {origin}" for origin, names in tasks.items()]


def on_disk(folder: Path) -> int:
    """Bytes of the files in a folder; what a link leads to belongs to another place."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def cells(key: tuple[str, str, str], row: Row) -> tuple[str, ...]:
    """A row of the table as text."""
    counts = (row.jobs["generate"], row.done["generation"], row.jobs["tune"], row.jobs["generate"], row.jobs["score"])
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
