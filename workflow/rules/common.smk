"""
The configuration checked, the grid of runs, and what the rules ask about them.

Every rule's only setting parameter is its stage's slice of the configuration, as canonical JSON:
a rule runs again exactly when its slice, its inputs or the code that decides its result changed.
"""

import functools
import json
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))

from softshot import allocation, catalogue, failures, launch, study as studies
from softshot.errors import UserError
from softshot.grid import Run, demonstration_folder, runs, subset_name
from softshot.scoring import registry
from softshot.task import SourceSettings

# The job ends with the Snakemake that started it (softshot/job.py), and one that an executor submits finds its GPUs
# assigned by the cluster's scheduler (softshot/launch.py).
ASSIGNED = " SOFTSHOT_ASSIGNED=1" if workflow.remote_exec else ""
shell.prefix(f"export PYTHONPATH=workflow SNAKEMAKE_PID=$PPID{ASSIGNED}; ")


wildcard_constraints:
    study=r"[a-z0-9][a-z0-9._-]*",
    model=r"[a-z0-9][a-z0-9._-]*",
    task=r"[a-z0-9][a-z0-9._-]*",
    split=r"train|validation|test|held_out",
    encoder=r"[a-z0-9][a-z0-9._-]*",
    retriever=r"[a-z][a-z0-9]*",
    arm=r"icl|pt|ipt|transfer",
    variant=r"[a-z0-9._-]+",  # a transfer's names a task
    seed=r"[0-9]+",
    size=r"[0-9]+",


try:
    STUDY = studies.load(config)
except UserError as error:
    raise WorkflowError(str(error)) from None


onstart:
    if workflow.local_exec and "gpu" not in workflow.global_resources:
        if warning := launch.forgotten(STUDY.launch.jobs_per_gpu):
            logger.warning(warning)


def canonical(settings: dict) -> str:
    """The same text for the same settings, whatever the order of keys in config.yaml."""
    return json.dumps(settings, sort_keys=True)


@functools.cache  # asked for by hundreds of jobs
def code(*places: str) -> list[str]:
    """The modules that decide a stage's result: an edit of them is a reason to run again."""
    return sorted({str(path) for place in places for path in Path("workflow").glob(place)})


def run_of(wildcards) -> Run:
    """The run that a rule's wildcards name."""
    return Run.of(Path(wildcards.model, wildcards.task, wildcards.arm, wildcards.variant, f"seed-{wildcards.seed}"))


def model_memory(wildcards, attempt: int) -> int:
    """Memory of a job that loads its model, in MB."""
    return allocation.memory_mb(STUDY, wildcards.model, attempt)


@functools.cache  # the seeds of a variant share it
def minutes(estimate, variant: str, attempt: int) -> int:
    """Run time of a job, by one of the estimates of softshot/allocation.py; `variant`: its run's folder but the seed."""
    run = Run.of(Path(variant) / "seed-0")
    return estimate(STUDY, run.model, run.task, run.arm, run.tokens, attempt)


def tuning_minutes(wildcards, attempt: int) -> int:
    return minutes(allocation.tuning_minutes, str(Path(run_of(wildcards).path).parent), attempt)


def generation_minutes(wildcards, attempt: int) -> int:
    return minutes(allocation.generation_minutes, str(Path(run_of(wildcards).path).parent), attempt)


def engine_code(*names: str) -> list[str]:
    """The modules of the engine that tuning and generation share, those of one of them, and the demonstrations shown."""
    shared = ["base", "bloom", "kernels", "layout", "packed", "prefix", "arms/*"]
    shown = ["softshot/demonstrations/shown.py", "softshot/demonstrations/table.py"]
    return code(*(f"softshot/engine/{name}.py" for name in [*shared, *names]), *shown)


def prompt(wildcards) -> list[str]:
    """The soft prompt of a run, its own or one tuned on another task; ICL has none."""
    tuned = run_of(wildcards).prompt
    names = ("adapter_model.safetensors", "adapter_config.json", "tuning.json") if tuned else ()
    return [f"results/{wildcards.study}/runs/{tuned.path}/{name}" for name in names]


def training_records(wildcards) -> str:
    """The training records that a run may use: all, or the part that its seed draws."""
    run = run_of(wildcards)
    name = f"subsets/{subset_name(run)}" if run.train else "train"
    return f"results/{wildcards.study}/data/{run.task}/{name}.jsonl"


def neighbours(wildcards, split: str) -> list[str]:
    """The demonstrations of a split's records, for a run that shows any."""
    run = run_of(wildcards)
    if not run.shots:
        return []
    return [f"results/{wildcards.study}/demonstrations/{run.task}/{demonstration_folder(run)}/{split}.parquet"]


def records(wildcards, split) -> str:
    """The records of the split that `split(study, task)` names for the run's task."""
    return f"results/{wildcards.study}/data/{wildcards.task}/{split(STUDY, wildcards.task)}.jsonl"


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
    entry = catalogue.model_entry(wildcards.model, STUDY.models.folders)
    folder = Path(entry.get("path", "")).expanduser()
    return sorted(str(path) for path in folder.iterdir() if path.is_file()) if entry["kind"] == "folder" else []


def task_folder(name: str) -> Path:
    """Where a task's files are: the local folder that the configuration names, or where the download puts them."""
    downloaded = studies.downloaded(STUDY, name)
    return Path("resources/downloads" if downloaded else studies.source(STUDY, name)).expanduser() / name


def source_file(wildcards) -> str:
    """The file that a split's records come from; a split without one is carved out of the training file."""
    entry = studies.task(STUDY, wildcards.task)
    name = entry.files.get(wildcards.split, entry.files["train"])
    return str(Path(name).expanduser() if entry.table else task_folder(wildcards.task) / name)


def source_input(wildcards) -> list[str]:
    """What must be there before a split is converted."""
    entry, folder = studies.task(STUDY, wildcards.task), task_folder(wildcards.task)
    if studies.downloaded(STUDY, wildcards.task):
        return [str(folder / "checksums.json")]
    return [source_file(wildcards), *(str(folder / name) for name in entry.shared)]


def downloaded(name: str, files: list[str]) -> list[str]:
    """For a task that is downloaded: its checksums, and the source that its files must be from."""
    return [*files, studies.source(STUDY, name)] if studies.downloaded(STUDY, name) else []


def conversion_code(wildcards) -> list[str]:
    """The modules that decide what a split's records are; of Spider's scored ones also how hard they are."""
    entry = studies.task(STUDY, wildcards.task)
    names = ["convert", "readers", "splits", "text", "table" if entry.table else wildcards.task]
    scored = wildcards.task == "spider" and wildcards.split == studies.evaluation(STUDY, "spider")
    parser = [f"softshot/scoring/spider/{name}.py" for name in ("tokens", "query", "parse", "match") if scored]
    return code(*(f"softshot/data/{name}.py" for name in names), *parser)


def scoring_code(wildcards) -> list[str]:
    """The modules that decide a run's scores: of its task's metrics only."""
    metrics = studies.metrics(STUDY, wildcards.task)
    modules = [registry.METRICS[name].partition(":")[0].replace(".", "/") for name in metrics]
    modules += ["softshot/scoring/bleu"]  # what the official evaluators do to references; other metrics use it too
    # A metric is a module, or a package of several.
    places = [place for module in modules for place in (f"{module}.py", f"{module}/*.py")]
    return code("softshot/scoring/score.py", *places)


def scoring_data(name: str) -> list[str]:
    """What stands in the task's folder for the data that scoring uses, such as databases; nothing where it has none."""
    folders = [task_folder(name) / folder for folder in studies.task(STUDY, name).folders]
    if not folders:
        return []
    if studies.downloaded(STUDY, name):
        return [str(task_folder(name) / "checksums.json")]
    return [str(folder) for folder in folders if folder.is_dir()]


def retrieval_code(kind: str) -> list[str]:
    """The modules that decide what retrievers of a kind find."""
    dense = ["dense", "nearest", "approximate", "embeddings"]
    own = {"random": ["sample"], "bm25": ["bm25"], "oracle": ["oracle"], "dense": dense, "mmr": [*dense, "mmr"]}
    return code(*(f"softshot/demonstrations/{name}.py" for name in [*own[kind], "ranking", "exclusion", "table"]))


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


def run_files(*names: str, tuned: bool = False) -> list[str]:
    """These files of every run of the study, or of every tuned one."""
    folder = f"results/{STUDY.study}/runs"
    return [f"{folder}/{run.path}/{name}" for run in runs(STUDY) for name in names if run.tuned or not tuned]


def record_files() -> list[str]:
    """The records that the report quotes, and their counts."""
    folder = f"results/{STUDY.study}/data"
    splits = [(task, split) for task in STUDY.data.tasks for split in ("train", studies.evaluation(STUDY, task))]
    return [f"{folder}/{task}/{split}.{kind}" for task, split in splits for kind in ("jsonl", "json")]


# The figures by the names of their files, and the category that Snakemake's own report shows them under.
FIGURES = {
    "tokens": "Prompt length",
    "spread": "Prompt length",
    "similarity": "Similarity",
    "similarity-count": "Similarity",
    "overlap": "Similarity",
    "overlap-count": "Similarity",
    "transfer": "Transfer",
    "sizes": "Data size",
    "cost": "Cost",
    "cost-tuning": "Cost",
    "cost-tokens": "Cost",
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
        (job.rule.name, "/".join(v for k, v in job.wildcards.items() if k != "study"), str(job.log[0]))
        for job in workflow.scheduler.failed
    ]
    if failed:
        logger.error(failures.report(failed, sum(bool(job.log) for job in workflow.scheduler.remaining_jobs)))
