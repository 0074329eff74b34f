"""A study read from its configuration, with every combination checked before any job starts."""

from pathlib import Path
from typing import Any

from softshot import catalogue
from softshot.errors import UserError
from softshot.grid import Run, runs
from softshot.scoring import registry
from softshot.settings import Override, Study, read, resolve


def load(config: dict[str, Any]) -> Study:
    """The study that `config` (the merged config.yaml) describes.

    Raises UserError, naming the key and the remedy, where it could not run.
    """
    study = read(Study, config, "config.yaml")
    for name in study.models.use:
        if catalogue.model_entry(name, study.models.folders).get("role") == "encoder":
            raise UserError(f"config.yaml: models.use: {name} is an encoder; name a causal language model.")
    encoder = catalogue.model_entry(study.demonstrations.encoder, study.models.folders)
    if encoder["kind"] != "folder" and encoder.get("role") != "encoder":
        raise UserError(f"config.yaml: demonstrations.encoder: {study.demonstrations.encoder} is no sentence encoder.")
    for task in study.data.tasks:
        for metric in metrics(study, task):
            registry.metric_class(metric)
    _check_names(study)
    _check_lists(study)
    grid = list(runs(study))
    if not grid:
        raise UserError("config.yaml: arms: no run is left; give icl, pt or ipt something to do.")
    for run in grid:
        _check_run(study, run)
    return study


def _check_names(study: Study) -> None:
    """What names a model, task or folder names one that there is, also where it touches no run."""
    for name, folder in study.models.folders.items():
        if not Path(folder).expanduser().is_dir():
            raise UserError(f"config.yaml: models.folders.{name}: {folder} is not a folder.")
    for task in {*study.data.evaluation, *study.scoring.metrics}:
        catalogue.task_entry(task)
    for section in (study.tuning, study.generation):
        for override in section.overrides:
            if override.model:
                catalogue.model_entry(override.model, study.models.folders)
            if override.task:
                catalogue.task_entry(override.task)
            if override.arm == "icl" and section is study.tuning:
                raise UserError("config.yaml: tuning.overrides: `arm: icl` has no effect, ICL is not tuned; remove it.")
            resolve(section.model_copy(update={"overrides": [Override(set=override.set)]}), "*", "*", "*")


def _check_lists(study: Study) -> None:
    """Lists name each thing once, and IPT has demonstrations."""
    lists = {
        "seeds": study.seeds,
        "models.use": study.models.use,
        "data.tasks": study.data.tasks,
        "arms.icl.demonstrations": study.arms.icl.demonstrations,
        "arms.pt.tokens": study.arms.pt.tokens,
        "arms.ipt.tokens": study.arms.ipt.tokens,
        "arms.ipt.demonstrations": study.arms.ipt.demonstrations,
    }
    for key, values in lists.items():
        if twice := {value for value in values if values.count(value) > 1}:
            raise UserError(f"config.yaml: {key}: {sorted(twice)[0]} stands there twice; name each value once.")
    if study.arms.ipt.tokens and not study.arms.ipt.demonstrations:
        raise UserError(
            "config.yaml: arms.ipt.demonstrations: IPT needs demonstrations; name some, such as retrieved-1,"
            " or leave IPT out with `tokens: []`."
        )


def _check_run(study: Study, run: Run) -> None:
    """One run's combination of settings is possible."""
    if run.shots > study.demonstrations.neighbours:
        raise UserError(
            f"config.yaml: demonstrations.neighbours: {run.retriever}-{run.shots} shows {run.shots} demonstrations,"
            f" but only {study.demonstrations.neighbours} are stored; raise it to {run.shots} or more."
        )
    positions = catalogue.positions(run.model, study.models.folders)
    if positions is not None and run.tokens + study.engine.context > positions:
        raise UserError(
            f"config.yaml: arms.{run.arm}.tokens: {run.tokens} soft tokens and engine.context {study.engine.context}"
            f" are more than the {positions} positions of {run.model}; lower one of them."
        )
    generation = resolve(study.generation, run.model, run.task, run.arm)
    if generation["max_new_tokens"] >= study.engine.context:
        raise UserError(
            f"config.yaml: generation.max_new_tokens: {generation['max_new_tokens']} leaves no room for the input in"
            f" engine.context {study.engine.context}; lower the first or raise the second."
        )
    if run.tokens:
        tuning = resolve(study.tuning, run.model, run.task, run.arm)
        if (tuning["initialisation"] == "text") != bool(tuning["initial_text"]):
            raise UserError(
                "config.yaml: tuning.initial_text: give the text for `initialisation: text`, and none for the others."
            )


def evaluation(study: Study, task: str) -> str:
    """The split of a task that is predicted and scored."""
    return study.data.evaluation.get(task) or catalogue.task_entry(task)["evaluation"]


def selection(study: Study, task: str) -> str:
    """The split whose loss chooses the best prompt: never the one that is scored."""
    return "validation" if evaluation(study, task) == "test" else "test"


def metrics(study: Study, task: str) -> list[str]:
    """The metrics of a task, the main one first."""
    return study.scoring.metrics.get(task) or catalogue.task_entry(task)["metrics"]


def tuning_slice(study: Study, run: Run) -> dict[str, Any]:
    """All settings that a tuned prompt depends on."""
    return {
        "engine": study.engine.model_dump(),
        "tuning": resolve(study.tuning, run.model, run.task, run.arm),
    }


def generation_slice(study: Study, run: Run) -> dict[str, Any]:
    """All settings that predictions depend on."""
    return {
        "engine": study.engine.model_dump(),
        "generation": resolve(study.generation, run.model, run.task, run.arm),
    }


def analysis_slice(study: Study) -> dict[str, Any]:
    """The whole study, which the report shows, without what can change no result."""
    return study.model_dump(exclude={"generation": {"batch_size"}})
