"""
The configuration checked, and what the rules ask about a study and its runs.

Every rule has its stage's slice of the configuration as a parameter, as canonical JSON, and a checksum of the modules
that decide its result: it runs again exactly when its slice, its inputs or that code changed. What the jobs of a run
read is in softshot/flow.py.
"""

import difflib
import functools
import gc
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import SharedFSUsage

CHECKOUT = Path(workflow.basedir)
SETUP = f"`make setup` in {CHECKOUT} makes a .venv with it; run the snakemake of that."
try:
    from softshot import (
        allocation,
        catalogue,
        code,
        configfiles,
        configuration,
        flow,
        given,
        launch,
        slices,
        study as studies,
    )
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
from softshot.rates import all_trials

# Of all jobs of a large study together, Snakemake keeps most of what it makes: looking through it for garbage again and
# again would take an eighth of a dry run.
gc.freeze()
gc.set_threshold(100_000)


def checked_study():
    """The study of the configuration, and what the person gave besides config.yaml; a fault ends Snakemake with its
    message."""
    settings = workflow.config_settings
    below = [path for path in workflow.configfiles if path not in settings.configfiles]
    try:
        files = configfiles.layers(map(Path, [*below, *settings.configfiles]))  # config.yaml lowest
        typed = configfiles.typed(settings.config)
        study = configuration.load(configfiles.in_order(configfiles.merge(config, typed), files))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return study, [*files[len(below) :], typed]


STUDY, LAYERS = checked_study()
OWN_RUNS = list(runs(STUDY))
if not workflow.remote_exec:
    for remark in [*given.remarks(STUDY), *configfiles.inherited(Counter(run.arm for run in OWN_RUNS), LAYERS)]:
        logger.warning(remark)
RUNS = {run.path: run for run in [*OWN_RUNS, *tuners(STUDY), *all_trials(STUDY)]}


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
    groups=r"[a-z0-9-]+",


# What a cluster's scheduler starts has the GPUs that it was assigned.
shell.prefix(launch.exports(STUDY, assigned=workflow.remote_exec))


onstart:
    # A Snakemake that was killed leaves its copies of what was being updated, and the next would not write over them.
    workflow.persistence.cleanup_backup(Path(flow.MODELS))
    if workflow.executor_plugin.common_settings.local_exec and "gpu" not in workflow.resource_settings.resources:
        if warning := launch.forgotten(STUDY.launch.jobs_per_gpu):
            logger.warning(warning)


def of_checkout(name: str) -> str:
    """A file of the checkout, also where Snakemake runs in another folder."""
    return local(name if CHECKOUT == Path.cwd() else str(CHECKOUT / name))


def of_user(inputs: flow.Inputs) -> flow.Inputs:
    """A job's inputs, those marked that are the user's own: no storage has them."""
    return inputs | {name: [local(path) for path in inputs[name]] for name in flow.OF_USER if name in inputs}


def in_report(name: str, category: str):
    """A table or figure of the study, which Snakemake's own report shows too."""
    caption = name.replace("figures/", "figure-").partition(".")[0]
    return report(f"<results>/{name}", caption=f"../report/captions/{caption}.rst", category=category)


def run_of(wildcards) -> Run:
    """The run whose folder a rule's wildcard names."""
    try:
        return RUNS[wildcards.run]
    except KeyError:
        near = ", ".join(difflib.get_close_matches(wildcards.run, RUNS, cutoff=0))
        raise WorkflowError(f"{wildcards.run}: study {STUDY.study} has no such run. It has: {near}.") from None


def of_run(function):
    """A function of the study and a run, as one of a rule's wildcards."""
    return lambda wildcards: function(STUDY, run_of(wildcards))


def settings_of_run(stage_slice):
    """A stage's slice for a run, as canonical JSON; the seeds of a variant share it."""
    text = functools.cache(lambda variant: slices.canonical(stage_slice(STUDY, variant)))
    return lambda wildcards: text(replace(run_of(wildcards), seed=0))


def minutes_of_run(estimate):
    """The run time of a run's job by an estimate of softshot/allocation.py; the seeds of a variant share it."""
    minutes = functools.cache(functools.partial(estimate, STUDY))
    return lambda wildcards, attempt: minutes(replace(run_of(wildcards), seed=0), attempt)


# Memory of a job that loads a model, in MB, by the model, the attempt and the method that trains it.
memory = functools.cache(functools.partial(allocation.memory_mb, STUDY))
