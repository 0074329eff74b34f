"""
The configuration checked, the grid of runs, and what the rules ask about them.

Every rule has its stage's slice of the configuration as a parameter, as canonical JSON, and a checksum of the modules
that decide its result: it runs again exactly when its slice, its inputs or that code changed.

The three rules that there is a job of for every run (tune, generate, score) are lean, since Snakemake's work grows with
the files that jobs name: their output is the record that they write last, which the files beside it belong to, and
of what they read only that is an input which nothing else they read was made from.
"""

import functools
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))

from softshot import allocation, catalogue, code, configuration, failures, launch, recorded, slices, study as studies
from softshot.errors import UserError
from softshot.grid import Run, demonstration_folder, runs, subset_name, tuners
from softshot.methods.registry import METHODS
from softshot.task import SourceSettings


try:
    STUDY = configuration.load(config)
except UserError as error:
    raise WorkflowError(str(error)) from None
RUNS = {run.path: run for run in [*runs(STUDY), *tuners(STUDY)]}
TRAINED_ARMS = "|".join(re.escape(label) for label, arm in STUDY.arms.items() if METHODS[arm.method].settings)


wildcard_constraints:
    study=re.escape(STUDY.study),
    model=r"[a-z0-9][a-z0-9._-]*",
    task=r"[a-z0-9][a-z0-9._-]*",
    split=r"train|validation|test|held_out",
    encoder=r"[a-z0-9][a-z0-9._-]*",
    retriever=r"[a-z][a-z0-9]*",
    run=r"([a-z0-9][a-z0-9._-]*/){4}seed-[0-9]+",  # a folder: softshot/grid.py
    seed=r"[0-9]+",
    size=r"[0-9]+",


# What jobs find in their environment. No parameters, for none decides a result; and no resources, which Snakemake
# evaluates for each of thousands of jobs.
ENVIRONMENT = {
    "PYTHONPATH": "workflow",
    "SNAKEMAKE_PID": "$PPID",  # a job ends with the Snakemake that started it (softshot/job.py)
    "JOBS_PER_GPU": STUDY.launch.jobs_per_gpu,
    "MAX_TOKENS": STUDY.tuning.max_tokens or "",  # of a forward pass: memory, never the prompt
    "BATCH_SIZE": STUDY.generation.batch_size,  # rows decoded together: memory, never the text
}
if workflow.remote_exec:
    ENVIRONMENT["SOFTSHOT_ASSIGNED"] = 1  # by the cluster's scheduler, the job's GPUs (softshot/launch.py)
shell.prefix(f"export {' '.join(f'{name}={value}' for name, value in ENVIRONMENT.items())}; ")


onstart:
    if workflow.local_exec and "gpu" not in workflow.global_resources:
        if warning := launch.forgotten(STUDY.launch.jobs_per_gpu):
            logger.warning(warning)


def canonical(settings: dict) -> str:
    """The same text for the same settings, whatever the order of keys in config.yaml."""
    return json.dumps(settings, sort_keys=True)


@functools.cache  # once, while the jobs are collected
def mark_outdated() -> None:
    """What was made otherwise than config.yaml says now, or is gone while what was made from it is there, runs again,
    as if named with --forcerun, also where .snakemake knows nothing of it. Called by the input functions of the two
    rules that every other job depends on."""
    if workflow.is_main_process and (outdated := recorded.outdated(STUDY)):
        workflow.dag.forcefiles.update(outdated)
        logger.info(recorded.report(outdated))


def run_of(wildcards) -> Run:
    """The run whose folder a rule's wildcard names."""
    try:
        return RUNS[wildcards.run]
    except KeyError:
        raise WorkflowError(f"{wildcards.run}: study {STUDY.study} has no such run.") from None


@functools.cache
def memory(model: str, attempt: int) -> int:
    """Memory of a job that loads a model, in MB."""
    return allocation.memory_mb(STUDY, model, attempt)


def model_memory(wildcards, attempt: int) -> int:
    """Memory of a run's job."""
    return memory(run_of(wildcards).model, attempt)


@functools.cache  # the seeds of a variant share it
def minutes(estimate, *run_and_attempt) -> int:
    """Run time of a job, by one of the estimates of softshot/allocation.py."""
    return estimate(STUDY, *run_and_attempt)


def tuning_minutes(wildcards, attempt: int) -> int:
    """Run time of tuning a run's prompt."""
    run = run_of(wildcards)
    return minutes(allocation.tuning_minutes, replace(run, seed=0), attempt)


def generation_minutes(wildcards, attempt: int) -> int:
    """Run time of predicting a run's records."""
    run = run_of(wildcards)
    return minutes(allocation.generation_minutes, replace(run, seed=0), attempt)


@functools.cache  # the seeds of a variant share it
def slice_text(settings_of, variant: Run) -> str:
    """A stage's slice for a run, given with seed 0, as canonical JSON; `settings_of` is one of softshot/study.py."""
    return canonical(settings_of(STUDY, variant))


def options(settings: str, files: dict[str, str]) -> str:
    """A stage's slice and the files it reads as options of its program: the one parameter of a run's rules."""
    given = {"settings": settings} | files
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items())


def training_records(run: Run) -> str:
    """The training records that a run may use: all, or the part that its seed draws."""
    name = f"subsets/{subset_name(run)}" if run.train else "train"
    return f"results/{STUDY.study}/data/{run.task}/{name}.jsonl"


def tuning_options(wildcards) -> str:
    """What tuning a run's prompt depends on."""
    run = run_of(wildcards)
    return options(slice_text(slices.tuning_slice, replace(run, seed=0)), tuning_files(run) | {"seed": str(run.seed)})


def tuning_files(run: Run) -> dict[str, str]:
    """What tuning a run's prompt reads, by the program's options."""
    data, split = f"results/{STUDY.study}/data/{run.task}", studies.selection(STUDY, run.task)
    files = {"model": f"resources/models/{run.model}"}
    files |= {"train": training_records(run), "validation": f"{data}/{split}.jsonl"}
    if run.shots:
        files |= {"train-demonstrations": neighbours(run, "train"), "validation-demonstrations": neighbours(run, split)}
    return files


def tuning_input(wildcards) -> list[str]:
    """The model, and the records or, made from these, their demonstrations."""
    model, *files = tuning_files(run_of(wildcards)).values()
    return [f"{model}/provenance.json", *files[-2:]]


def generation_options(wildcards) -> str:
    """What predicting a run's records depends on."""
    run = run_of(wildcards)
    return options(slice_text(slices.generation_slice, replace(run, seed=0)), generation_files(run))


def generation_files(run: Run) -> dict[str, str]:
    """What predicting a run's records reads, by the program's options."""
    data, split = f"results/{STUDY.study}/data/{run.task}", studies.evaluation(STUDY, run.task)
    files = {"model": f"resources/models/{run.model}"}
    if run.tuner:
        files["adapter"] = f"results/{STUDY.study}/runs/{run.tuner.path}/adapter"
    files |= {"train": training_records(run), "records": f"{data}/{split}.jsonl"}
    if run.shots:
        files["demonstrations"] = neighbours(run, split)
    return files


def scoring_options(wildcards) -> str:
    """What scoring a run depends on."""
    run = run_of(wildcards)
    return options(canonical(slices.scoring_slice(STUDY, run.task)), scoring_files(run))


def scoring_code(wildcards) -> str:
    """The checksum of the modules that decide a run's scores."""
    return code.scoring(*studies.metrics(STUDY, run_of(wildcards).task))


def scoring_input(wildcards) -> list[str]:
    """What scoring a run reads beside its predictions and their records."""
    return scoring_data(run_of(wildcards).task)


def scoring_files(run: Run) -> dict[str, str]:
    """What scoring a run reads beside its predictions, by the program's options."""
    data = [str(Path(path).parent) for path in scoring_data(run.task)]
    return {"records": generation_files(run)["records"]} | ({"data": data[0]} if data else {})


def generation_input(wildcards) -> list[str]:
    """The tuned prompt or, which that is made with, the model; the records or, made from these, their demonstrations."""
    files = generation_files(run_of(wildcards))
    made_by = f"{Path(files['adapter']).parent}/tuning.json" if "adapter" in files else f"{files['model']}/provenance.json"
    return [made_by, list(files.values())[-1]]


def neighbours(run: Run, split: str) -> str:
    """The demonstrations of a split's records."""
    return f"results/{STUDY.study}/demonstrations/{run.task}/{demonstration_folder(run)}/{split}.parquet"


def model_source(name: str) -> dict:
    """A model's entry, and the hub's address where it could come from the hub."""
    entry = catalogue.model_entry(name, STUDY.models.folders)
    return {"entry": entry, "hub": STUDY.models.hub if "hub" in entry else ""}


def task_source(name: str) -> dict:
    """What a task's download depends on: where its files are and what they must be, by the source in use."""
    source = studies.source(STUDY, name)
    other = {"base", "archive", "sha256"} if source == "hub" else {"hub"}
    keys = set(SourceSettings.model_fields) - other
    return {
        "task": name,
        "entry": studies.task(STUDY, name).model_dump(include=keys, exclude_defaults=True),
        "source": source,
        "hub": STUDY.data.hub if source == "hub" else "",
    }


def folder_files(wildcards) -> list[str]:
    """The files of a model of the user's own, which are a reason to fetch it again; none for the catalogue's."""
    mark_outdated()
    entry = catalogue.model_entry(wildcards.model, STUDY.models.folders)
    folder = Path(entry.get("path", "")).expanduser()
    return sorted(str(path) for path in folder.iterdir() if path.is_file()) if entry["kind"] == "folder" else []


def task_folder(name: str) -> Path:
    """Where a task's files are: the local folder that the configuration names, or where the download puts them."""
    downloaded = studies.downloaded(STUDY, name)
    return Path("resources/downloads" if downloaded else studies.source(STUDY, name)).expanduser() / name


def source_file(wildcards) -> str:
    """The file that a split's records come from; a split without one is carved out of the training file."""
    return split_file(wildcards.task, wildcards.split)


def split_file(task: str, split: str) -> str:
    """The file that a split's records come from."""
    entry = studies.task(STUDY, task)
    name = entry.files.get(split, entry.files["train"])
    return str(Path(name).expanduser() if entry.table else task_folder(task) / name)


def compared_files(wildcards) -> dict[str, str]:
    """The files of the other splits that a split's records are held against, by split."""
    names = studies.compared(STUDY, wildcards.task, wildcards.split)
    return {name: split_file(wildcards.task, name) for name in names}


def source_input(wildcards) -> list[str]:
    """What must be there before a split is converted."""
    mark_outdated()
    entry, folder = studies.task(STUDY, wildcards.task), task_folder(wildcards.task)
    if studies.downloaded(STUDY, wildcards.task):
        return [str(folder / "checksums.json")]
    shared = [str(folder / name) for name in entry.shared]
    return [source_file(wildcards), *shared, *compared_files(wildcards).values()]


def downloaded(name: str, files: list[str]) -> list[str]:
    """For a task that is downloaded: its checksums, and the source that its files must be from."""
    return [*files, studies.source(STUDY, name)] if studies.downloaded(STUDY, name) else []


def conversion_code(wildcards) -> str:
    """The checksum of the modules that decide what a split's records are."""
    return code.conversion(wildcards.task, bool(studies.task(STUDY, wildcards.task).table), wildcards.split)


def scoring_data(name: str) -> list[str]:
    """What stands in the task's folder for the data that scoring uses, such as databases; nothing where it has none."""
    folders = [task_folder(name) / folder for folder in studies.task(STUDY, name).folders]
    if not folders:
        return []
    if studies.downloaded(STUDY, name):
        return [str(task_folder(name) / "checksums.json")]
    return [str(folder) for folder in folders if folder.is_dir()]


def embeddings(wildcards, split: str) -> list[str]:
    """The vectors that a retriever compares; none where it needs none."""
    encoder = studies.encoder(STUDY, wildcards.retriever)
    folder = f"results/{wildcards.study}/demonstrations/{wildcards.task}/embeddings/{encoder}"
    return [f"{folder}/{split}.npy"] if encoder else []


def whole_train(wildcards) -> list[str]:
    """The training records that a retriever's vectors are of; none where it needs none."""
    needed = studies.encoder(STUDY, wildcards.retriever)
    return [f"results/{wildcards.study}/data/{wildcards.task}/train.jsonl"] if needed else []


def subset_split(wildcards) -> str:
    """The records of a split beside a part of the training records: of train that part itself."""
    part = f"subsets/train-{wildcards.size}_seed-{wildcards.seed}"
    name = part if wildcards.split == "train" else wildcards.split
    return f"results/{wildcards.study}/data/{wildcards.task}/{name}.jsonl"


def run_files(name: str) -> list[str]:
    """This file of every run of the study."""
    return [f"results/{STUDY.study}/runs/{run.path}/{name}" for run in runs(STUDY)]


def record_files() -> list[str]:
    """The records that the report quotes, and their counts."""
    folder = f"results/{STUDY.study}/data"
    splits = [(task, split) for task in STUDY.data.tasks for split in ("train", studies.evaluation(STUDY, task))]
    return [f"{folder}/{task}/{split}.{kind}" for task, split in splits for kind in ("jsonl", "json")]


# The figures by the names of their files, and the category that Snakemake's own report shows them under.
FIGURES = {
    "scores": "Scores",
    "size": "Size",
    "spread": "Size",
    "similarity": "Similarity",
    "similarity-count": "Similarity",
    "overlap": "Similarity",
    "overlap-count": "Similarity",
    "transfer": "Transfer",
    "data-size": "Data size",
    "cost": "Cost",
    "cost-tuning": "Cost",
    "learning": "Learning",
}


def table(name: str, category: str):
    """A table of the study, which Snakemake's own report shows too."""
    return report(f"results/{{study}}/{name}.tsv", caption=f"../report/captions/{name}.rst", category=category)


def figure(name: str, category: str):
    """A figure of the study, which Snakemake's own report shows too."""
    caption = f"../report/captions/figure-{name}.rst"
    return report(f"results/{{study}}/figures/{name}.svg", caption=caption, category=category)


onerror:
    # Among the output of all the others a failed job is hard to find: the end of the log names it again.
    failed = [
        (
            job.rule.name,
            str(Path(*(value for name, value in job.wildcards.items() if name != "study"))),
            str(job.log[0]),
        )
        for job in workflow.scheduler.failed
    ]
    if failed:
        logger.error(failures.report(failed, sum(bool(job.log) for job in workflow.scheduler.remaining_jobs)))
