"""
The configuration checked, and what the rules ask about a study and its runs.

Every rule has its stage's slice of the configuration as a parameter, as canonical JSON, and a checksum of the modules
that decide its result: it runs again exactly when its slice, its inputs or that code changed. What the jobs of a run
read is in softshot/flow.py.
"""

import functools
import json
import os
import re
from dataclasses import replace
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import SharedFSUsage

CHECKOUT = Path(workflow.basedir)
SETUP = f"`make setup` in {CHECKOUT} makes a .venv with it; run the snakemake of that."
try:
    from softshot import allocation, catalogue, code, configfiles, configuration, flow, launch, slices, study as studies
except ModuleNotFoundError as error:
    raise WorkflowError(f"This Python has no {error.name}. {SETUP}") from None
if not os.access(".", os.W_OK):
    raise WorkflowError(
        f"{Path.cwd()} cannot be written: with --directory, results and downloads go to another folder."
    )
if not workflow.remote_exec and catalogue.CHECKOUT != CHECKOUT.resolve():  # a container has a copy of its own
    raise WorkflowError(f"This Python's softshot is that of {catalogue.CHECKOUT}. {SETUP}")
from softshot.errors import UserError
from softshot.grid import Run, runs, tuners
from softshot.methods.registry import METHODS
from softshot.rates import all_trials


def checked_study():
    """The study of the configuration; a fault ends Snakemake with its message."""
    given = workflow.config_settings
    below = [path for path in workflow.configfiles if path not in given.configfiles]
    try:
        configfiles.layers(map(Path, [*below, *given.configfiles]))  # config.yaml lowest
        return configuration.load(configfiles.merge(config, configfiles.typed(given.config)))
    except UserError as error:
        raise WorkflowError(str(error)) from None


STUDY = checked_study()
RUNS = {run.path: run for run in [*runs(STUDY), *tuners(STUDY), *all_trials(STUDY)]}


def tuned_runs(temporary: bool) -> str:
    """The folders of runs whose adapters are tuned and kept, or tuned and, since they are large, not kept."""
    methods = {label: METHODS[arm.method] for label, arm in STUDY.arms.items()}
    arms = [
        re.escape(label) for label, method in methods.items() if method.settings and method.every_weight == temporary
    ]
    # What is from elsewhere is not tuned here; without such an arm no folder matches.
    return rf"[^/]+/[^/]+/({'|'.join(arms)})/(?!from-)[^/]+/[^/]+" if arms else "(?!)"


# Without a file system that all jobs see, what reads files of the user's or of the checkout runs where Snakemake runs.
if SharedFSUsage.INPUT_OUTPUT not in workflow.storage_settings.shared_fs_usage:

    localrules:
        convert,
        analyse,


# A target of another study is none of this workflow's: Snakemake knows no rule for it.
pathvars:
    results=flow.results(STUDY),


wildcard_constraints:
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
    "SNAKEMAKE_PID": "$PPID",  # a job ends with the Snakemake that started it (softshot/job.py)
    "JOBS_PER_GPU": STUDY.launch.jobs_per_gpu,
    "MAX_TOKENS": STUDY.tuning.max_tokens or "",  # of a forward pass: memory, never the prompt
    "BATCH_SIZE": STUDY.generation.batch_size,  # rows decoded together: memory, never the text
}
if workflow.remote_exec:
    ENVIRONMENT["SOFTSHOT_ASSIGNED"] = 1  # by the cluster's scheduler, the job's GPUs (softshot/launch.py)
shell.prefix(f"export {' '.join(f'{name}={value}' for name, value in ENVIRONMENT.items())}; ")


onstart:
    if workflow.executor_plugin.common_settings.local_exec and "gpu" not in workflow.resource_settings.resources:
        if warning := launch.forgotten(STUDY.launch.jobs_per_gpu):
            logger.warning(warning)


def canonical(settings: dict) -> str:
    """The same text for the same settings, whatever the order of keys in config.yaml."""
    return json.dumps(settings, sort_keys=True)


def of_checkout(name: str) -> str:
    """A file of the checkout, also where Snakemake runs in another folder."""
    return local(name if CHECKOUT == Path.cwd() else str(CHECKOUT / name))


def run_of(wildcards) -> Run:
    """The run whose folder a rule's wildcard names."""
    try:
        return RUNS[wildcards.run]
    except KeyError:
        raise WorkflowError(f"{wildcards.run}: study {STUDY.study} has no such run.") from None


def of_run(function):
    """A function of the study and a run, as one of a rule's wildcards."""
    return lambda wildcards: function(STUDY, run_of(wildcards))


def settings_of_run(stage_slice):
    """A stage's slice for a run, as canonical JSON; the seeds of a variant share it."""

    @functools.cache
    def text(variant: Run) -> str:
        return canonical(stage_slice(STUDY, variant))

    return lambda wildcards: text(replace(run_of(wildcards), seed=0))


def minutes_of_run(estimate):
    """The run time of a run's job by an estimate of softshot/allocation.py; the seeds of a variant share it."""

    @functools.cache
    def minutes(variant: Run, attempt: int) -> int:
        return estimate(STUDY, variant, attempt)

    return lambda wildcards, attempt: minutes(replace(run_of(wildcards), seed=0), attempt)


@functools.cache
def memory(model: str, attempt: int, method: str = "none") -> int:
    """Memory of a job that loads a model, in MB; of one that trains it, by the method."""
    return allocation.memory_mb(STUDY, model, attempt, method)
