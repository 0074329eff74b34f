"""A study read from its configuration, with every combination checked before any job starts."""

from pathlib import Path
from typing import Any, NamedTuple

from softshot import arms, catalogue
from softshot.data import convert, table
from softshot.errors import UserError
from softshot.grid import RESERVED, Run, demonstration_folder, prompts, runs, split_variant, subset_name
from softshot.scoring import registry
from softshot.sections import read
from softshot.settings import Override, Study, resolve
from softshot.task import TaskSettings, TemplateSettings


def load(config: dict[str, Any]) -> Study:
    """The study that `config` (the merged config.yaml) describes.

    Raises UserError, naming the key and the remedy, where it could not run.
    """
    study = read(Study, config, "config.yaml")
    for name in study.models.use:
        if catalogue.model_entry(name, study.models.folders).get("role") == "encoder":
            raise UserError(f"config.yaml: models.use: {name} is an encoder; name a causal language model.")
    _check_retrievers(study)
    _check_names(study)
    _check_tasks(study)
    arms.check(study)
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
    for name, split in study.data.evaluation.items():
        if split not in task(study, name).splits:
            raise UserError(
                f"config.yaml: data.evaluation.{name}: the task has no split {split}, only"
                f" {', '.join(task(study, name).splits)}; name one of these or remove the line."
            )
    for name in {*study.data.sources, *study.data.templates, *study.data.malformed}:
        task(study, name)
    for section in (study.tuning, study.generation):
        for override in section.overrides:
            if override.model:
                catalogue.model_entry(override.model, study.models.folders)
            if override.task:
                task(study, override.task)
            if override.arm in ("icl", "transfer") and section is study.tuning:
                raise UserError(
                    f"config.yaml: tuning.overrides: `arm: {override.arm}` has no effect, nothing is tuned for it;"
                    " remove it."
                )
            resolve(section.model_copy(update={"overrides": [Override(set=override.set)]}), "*", "*", "*")


def _check_tasks(study: Study) -> None:
    """Every task can be read and had from its source, and its metrics can score its records."""
    for name in {*study.data.tasks, *study.data.own, *study.scoring.metrics}:
        _check_metrics(study, name)
    for name in {*study.data.tasks, *study.data.own}:
        _check_table(study, name)
    for name in study.data.tasks:
        _check_source(study, name)


def _check_metrics(study: Study, name: str) -> None:
    """A task's metrics exist, and find in its records what they read."""
    entry = task(study, name)
    for metric in metrics(study, name):
        registry.check(metric)
        if metric in registry.NEEDS and (entry.table or metric not in entry.metrics):
            raise UserError(
                f"config.yaml: scoring.metrics.{name}: {metric} is a metric of another task: it reads"
                f" {', '.join(registry.NEEDS[metric])} of the records."
            )


def _check_table(study: Study, name: str) -> None:
    """A task of one's own says how records come out of its files, in a format that can be read."""
    entry, where = task(study, name), f"config.yaml: data.own.{name}" if name in study.data.own else f"task {name}"
    if name in study.data.own and entry.table is None:
        raise UserError(f"{where}: give `table`, how records come out of the files' columns.")
    if entry.table:
        try:
            table.converter(entry.table)
            for file in entry.files.values():
                table.rows(Path(file))
        except UserError as error:
            raise UserError(f"{where}: {error}") from None


def _check_source(study: Study, name: str) -> None:
    """A task's files are where the study says, as far as that can be seen before any job."""
    entry, place = task(study, name), source(study, name)
    if entry.table:
        for file in entry.files.values():
            if not Path(file).expanduser().is_file():
                raise UserError(f"task {name}: files: {file} is not a file (seen from {Path.cwd()}).")
    elif place == "hub" and entry.hub is None:
        raise UserError(
            f"config.yaml: data.source: {name} has no copy on the hub;"
            f" name another source for it, data.sources: {{{name}: official}}."
        )
    elif not downloaded(study, name) and not Path(place).expanduser().is_dir():
        raise UserError(
            f"config.yaml: data.source: {place} is neither official, hub, an http(s) address nor a folder;"
            f" {name} cannot be had from it."
        )


def _check_retrievers(study: Study) -> None:
    """Every retriever has a kind that fits its name and an encoder that there is."""
    for name, retriever in study.demonstrations.retrievers.items():
        for kind, why in (
            ("random", "its draws differ from seed to seed"),
            ("oracle", "it is marked as an upper bound"),
        ):
            if (name == kind) != (retriever.kind == kind):
                raise UserError(
                    f"config.yaml: demonstrations.retrievers.{name}: the retriever of kind {kind}, and no other, is"
                    f" called {kind}: {why}."
                )
        uses = {"dense": {"encoder"}, "mmr": {"encoder", "diversity", "pool"}}.get(retriever.kind, set())
        uses |= {"kind"} if retriever.kind == "random" else {"kind", "threshold"}
        if unused := sorted(retriever.model_fields_set - uses):
            raise UserError(f"config.yaml: demonstrations.retrievers.{name}.{unused[0]}: {retriever.kind} uses none.")
        if name in RESERVED:
            raise UserError(f"config.yaml: demonstrations.retrievers.{name}: runs are named so; choose another name.")
        if retriever.kind == "mmr" and retriever.pool < study.demonstrations.neighbours:
            raise UserError(
                f"config.yaml: demonstrations.retrievers.{name}.pool: {study.demonstrations.neighbours} neighbours"
                f" cannot be chosen among {retriever.pool}; raise the pool or lower demonstrations.neighbours."
            )
        if retriever.kind in ("dense", "mmr"):
            catalogue.model_entry(encoder(study, name), study.models.folders)
    for key, variants in arms.lists(study).items():
        for variant in variants if key.endswith(".demonstrations") else []:
            if split_variant(variant)[0] not in study.demonstrations.retrievers:
                raise UserError(
                    f"config.yaml: {key}: {variant}: no retriever of that name; known:"
                    f" {', '.join(study.demonstrations.retrievers)} (demonstrations.retrievers)."
                )


def _check_run(study: Study, run: Run) -> None:
    """One run's combination of settings is possible."""
    section = "data_size" if run.train else run.arm
    if run.shots > study.demonstrations.neighbours:
        raise UserError(
            f"config.yaml: demonstrations.neighbours: {run.retriever}-{run.shots} shows {run.shots} demonstrations,"
            f" but only {study.demonstrations.neighbours} are stored; raise it to {run.shots} or more."
        )
    positions = catalogue.positions(run.model, study.models.folders)
    if positions is not None and run.tokens + study.engine.context > positions:
        raise UserError(
            f"config.yaml: arms.{section}.tokens: {run.tokens} soft tokens and engine.context {study.engine.context}"
            f" are more than the {positions} positions of {run.model}; lower one of them."
        )
    generation = resolve(study.generation, run.model, run.task, run.arm)
    if generation["max_new_tokens"] >= study.engine.context:
        raise UserError(
            f"config.yaml: generation.max_new_tokens: {generation['max_new_tokens']} leaves no room for the input in"
            f" engine.context {study.engine.context}; lower the first or raise the second."
        )
    if run.prompt:
        tuning = resolve(study.tuning, run.model, run.prompt.task, run.prompt.arm)
        if (tuning["initialisation"] == "text") != bool(tuning["initial_text"]):
            raise UserError(
                "config.yaml: tuning.initial_text: give the text for `initialisation: text`, and none for the others."
            )


def task(study: Study, name: str) -> TaskSettings:
    """A task's entry, from the study's own tasks or the catalogue."""
    return catalogue.task_entry(name, study.data.own)


def source(study: Study, name: str) -> str:
    """Where a task's files come from; the files of a task of the study's own are where its entry says."""
    return study.data.sources.get(name, study.data.source)


def downloaded(study: Study, name: str) -> bool:
    """Whether a task's files are downloaded: from their own address, the hub or a mirror."""
    return not task(study, name).table and (source(study, name) in ("official", "hub") or "://" in source(study, name))


def template(study: Study, name: str) -> TemplateSettings:
    """How a task's texts are laid out: the catalogue's template with the keys that the study gives."""
    given = study.data.templates.get(name, TemplateSettings()).model_dump(exclude_unset=True)
    return task(study, name).template.model_copy(update=given)


def evaluation(study: Study, name: str) -> str:
    """The split of a task that is predicted and scored."""
    return study.data.evaluation.get(name) or task(study, name).evaluation


def selection(study: Study, name: str) -> str:
    """The split whose loss chooses the best prompt: never the one that is scored."""
    there = task(study, name).splits
    return next(s for s in ("validation", "test", "held_out") if s in there and s != evaluation(study, name))


def metrics(study: Study, name: str) -> list[str]:
    """The metrics of a task, the main one first."""
    return study.scoring.metrics.get(name) or task(study, name).metrics


def encoder(study: Study, retriever: str) -> str | None:
    """The encoder of a dense retriever; None for the others."""
    settings = study.demonstrations.retrievers[retriever]
    return (settings.encoder or study.demonstrations.encoder) if settings.kind in ("dense", "mmr") else None


class Needed(NamedTuple):
    """What the runs of a study need made before them, each once and in order."""

    models: list[str]  # base models and encoders
    splits: list[tuple[str, str]]  # task, split
    parts: list[tuple[str, str]]  # task, part of the training records
    vectors: list[tuple[str, str, str]]  # task, encoder, split
    tables: list[tuple[str, str, str, str]]  # task, folder of demonstrations, retriever, split


def needed(study: Study) -> Needed:
    """What the runs of the study need: data of the split they predict, and of those that prompts are tuned on."""
    splits, parts, vectors, tables = set(), set(), set(), set()
    grid = [(run, {evaluation(study, run.task)}) for run in runs(study)]
    grid += [(run, {"train", selection(study, run.task)}) for run in prompts(study)]
    for run, mine in grid:
        splits |= {(run.task, split) for split in {"train", *mine}}
        parts |= {(run.task, subset_name(run))} if run.train else set()
        if run.shots:
            tables |= {(run.task, demonstration_folder(run), run.retriever, split) for split in mine}
            name = encoder(study, run.retriever)
            vectors |= {(run.task, name, split) for split in {"train", *mine}} if name else set()
    models = sorted({*study.models.use, *(name for _, name, _ in vectors)})
    return Needed(models, sorted(splits), sorted(parts), sorted(vectors), sorted(tables))


def convert_slice(study: Study, name: str, split: str) -> dict[str, Any]:
    """All settings that a split's records depend on."""
    entry, limit = task(study, name), getattr(study.data.limits, split)
    carve = entry.carve if split == "train" or split in entry.carve else {}
    return {
        "task": name,
        "table": entry.table and entry.table.model_dump(),
        "carve": carve,
        "limit": limit,
        "sample_seed": study.data.sample_seed if carve or limit else 0,
        "malformed": study.data.malformed.get(name, "stop"),
        "leaks": study.data.leaks if split == "train" else "keep",
    }


def compared(study: Study, name: str, split: str) -> list[str]:
    """The splits whose files the records of a split are held against: of train all others', else none."""
    return [other for other in task(study, name).files if other != "train"] if split == "train" else []


def retrieval_slice(study: Study, name: str, retriever: str) -> dict[str, Any]:
    """All settings that a retriever's neighbours depend on, for the records of a task."""
    settings = study.demonstrations.retrievers[retriever]
    values = {"kind": settings.kind, "neighbours": study.demonstrations.neighbours}
    if convert.grouped(name, task(study, name).table):
        values["exclude"] = study.demonstrations.exclude
    if encoder(study, retriever):
        values |= {"encoder": encoder(study, retriever), "approximate_from": study.demonstrations.approximate_from}
    if settings.kind == "mmr":
        values |= {"diversity": settings.diversity, "pool": settings.pool}
    return values


def tuning_slice(study: Study, run: Run) -> dict[str, Any]:
    """All settings that a tuned prompt depends on."""
    return {**_row_slice(study, run), "tuning": resolve(study.tuning, run.model, run.task, run.arm)}


def generation_slice(study: Study, run: Run) -> dict[str, Any]:
    """All settings that predictions depend on."""
    return {**_row_slice(study, run), "generation": resolve(study.generation, run.model, run.task, run.arm)}


def _row_slice(study: Study, run: Run) -> dict[str, Any]:
    """What a run's rows are made by: the engine, the task's template, how demonstrations are shown."""
    values = {"engine": study.engine.model_dump(), "template": template(study, run.task).model_dump()}
    if run.shots:
        values["threshold"] = study.demonstrations.retrievers[run.retriever].threshold
    if run.shots > 1:
        values["order"] = study.demonstrations.order
    return values


def analysis_slice(study: Study) -> dict[str, Any]:
    """The whole study, which the report shows, without what can change no result."""
    return study.model_dump(exclude={"tuning": {"max_tokens"}, "generation": {"batch_size"}, "launch": True})
