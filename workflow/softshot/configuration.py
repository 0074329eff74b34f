"""A study read from its configuration, with every combination checked before any job starts."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from softshot import arms, catalogue, given, migration, overrides, shift
from softshot.data import sources, table
from softshot.errors import UserError
from softshot.grid import NOTHING, RESERVED, Run, in_use, runs, split_variant
from softshot.methods.registry import METHODS
from softshot.scoring import registry
from softshot.sections import read
from softshot.settings import Study
from softshot.study import choices, downloaded, encoder, metrics, source, task


def load(config: dict[str, Any]) -> Study:
    """The study that `config` (the merged config.yaml) describes.

    Raises UserError, naming the key and the remedy, where it could not run.
    """
    migration.check(config)
    study = read(Study, config, "config.yaml")
    for name in study.models.use:
        catalogue.model_entry(name, study.models.folders)
    _check_names(study)
    for name in study.models.use:
        catalogue.check_model(name, study.models.folders)
    _check_retrievers(study)
    _check_tasks(study)
    arms.check(study)
    shift.check(study)
    given.check(study)
    _check_base(study)
    overrides.check(study)
    grid = list(runs(study))
    if not grid:
        raise UserError("config.yaml: arms: no run is left; give an arm something to do.")
    for run in grid:
        _check_run(study, run)
    return study


def _check_base(study: Study) -> None:
    """Rounded weights can be made here, and nothing would train them."""
    base = study.models.base
    if base == "nf4" and find_spec("bitsandbytes") is None:
        raise UserError(
            "config.yaml: models.base: nf4 needs the package bitsandbytes, which is not installed here. Install it"
            " (envs/requirements.txt has the version), or write nf4-dequantised: the same model, as large as the full"
            " one."
        )
    every = [label for label, arm in in_use(study, study.arms).items() if METHODS[arm.method].every_weight]
    if base != "full" and every:
        raise UserError(
            f"config.yaml: models.base: {base} leaves no weights for {study.arms[every[0]].method} (arms.{every[0]}) to"
            f" train: leave the arm out with `demonstrations: []`, or write `base: full`."
        )


def _check_names(study: Study) -> None:
    """What names a model, task or folder names one that there is, also where it touches no run."""
    for name, folder in study.models.folders.items():
        place = Path(os.path.expanduser(folder))
        if not (place.is_file() if catalogue.is_gguf(folder) else place.is_dir()):
            raise UserError(f"config.yaml: models.folders.{name}: {folder} is neither a folder nor a GGUF file.")
    for name, split in study.data.evaluation.items():
        if split not in task(study, name).splits:
            raise UserError(
                f"config.yaml: data.evaluation.{name}: the task has no split {split}, only"
                f" {', '.join(task(study, name).splits)}; name one of these or remove the line."
            )
    for name in {*study.data.sources, *study.data.templates, *study.data.malformed}:
        task(study, name)


def _check_tasks(study: Study) -> None:
    """Every task can be read and had from its source, and its metrics can score its records."""
    for name in {*study.data.tasks, *study.data.own}:
        _check_table(study, name)
    for name in {*study.data.tasks, *study.data.own, *study.scoring.metrics}:
        _check_metrics(study, name)
    for name in study.data.tasks:
        _check_source(study, name)


def _check_metrics(study: Study, name: str) -> None:
    """A task's metrics exist, and find in its records what they read."""
    entry = task(study, name)
    own = () if entry.table else entry.metrics  # what these read is there
    fields = {field for metric in own for field in registry.NEEDS.get(metric, ())}
    for metric in metrics(study, name):
        registry.check(metric)
        _check_choices(study, name, metric)
        if not fields.issuperset(registry.NEEDS.get(metric, ())):
            raise UserError(
                f"config.yaml: scoring.metrics.{name}: {metric} is a metric of another task: it reads"
                f" {', '.join(registry.NEEDS[metric])} of the records."
            )
        if metric == registry.LEARNED and not study.scoring.encoder:
            raise UserError(
                f"config.yaml: scoring.metrics.{name}: {metric} compares tokens in an encoder: name its folder in"
                " `scoring.encoder`."
            )
    if study.scoring.encoder and not (Path(study.scoring.encoder) / "config.json").is_file():
        raise UserError(f"config.yaml: scoring.encoder: {study.scoring.encoder} has no config.json: no model is there.")


def _check_choices(study: Study, name: str, metric: str) -> None:
    """What is asked of choices is asked of a task that has some."""
    where, answers = f"config.yaml: scoring.metrics.{name}: {metric}", choices(study, name)
    if metric in registry.OF_CHOICES and answers is None:
        raise UserError(
            f"{where} is a metric of tasks with choices, and {name} has none: give its table `choices`, or choose other"
            " metrics."
        )
    if metric in registry.OF_CLASSES and answers == "own":
        raise UserError(
            f"{where} compares classes, and in {name} every record has choices of its own: leave it out (accuracy and"
            " calibration_error need no classes)."
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
    key = f"task {name}: files" if entry.table else "config.yaml: data.source"
    for address in entry.files.values() if entry.table else [place]:
        if why := sources.unusable(address):
            raise UserError(f"{key}: {why}.")
    if entry.table:
        for file in entry.files.values():
            if not Path(os.path.expanduser(file)).is_file():
                raise UserError(f"task {name}: files: {file} is not a file (seen from {Path.cwd()}).")
    elif place == "hub" and entry.hub is None:
        raise UserError(
            f"config.yaml: data.source: {name} has no copy on the hub;"
            f" name another source for it, data.sources: {{{name}: official}}."
        )
    elif not downloaded(study, name) and not Path(os.path.expanduser(place)).is_dir():
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
            catalogue.check_model(encoder(study, name), study.models.folders, retrieval=True)
    for key, variants in arms.lists(study).items():
        for variant in variants if key.endswith(".demonstrations") else []:
            if variant != NOTHING and split_variant(variant)[0] not in study.demonstrations.retrievers:
                raise UserError(
                    f"config.yaml: {key}: {variant}: no retriever of that name; known:"
                    f" {', '.join(study.demonstrations.retrievers)} (demonstrations.retrievers)."
                )


def _check_run(study: Study, run: Run) -> None:
    """One run's combination of settings is possible."""
    if run.shots > study.demonstrations.neighbours:
        raise UserError(
            f"config.yaml: demonstrations.neighbours: {run.retriever}-{run.shots} shows {run.shots} demonstrations,"
            f" but only {study.demonstrations.neighbours} are stored; raise it to {run.shots} or more."
        )
    room = catalogue.room(run.model, study.models.folders)
    tokens = given.tokens(run.adapter) if run.given else run.tokens
    if room and tokens + study.engine.context > room.positions:
        section = "data_size" if run.train else "transfer" if run.source else f"arms.{run.arm}"
        key = f"arms.{run.arm}.adapter" if run.given else f"{section}.tokens"
        what, remedy = f"engine.context: {study.engine.context} tokens", "lower it"
        if tokens:
            what = f"{key}: {tokens} tokens and engine.context {study.engine.context}"
            remedy = "lower one of them"
        raise UserError(
            f"config.yaml: {what} are more than the {room.positions} positions of {run.model} {room.what}; {remedy}."
        )
    generation = overrides.decoding(study, run)
    if generation and generation["max_new_tokens"] >= study.engine.context:
        raise UserError(
            f"config.yaml: generation.max_new_tokens: {generation['max_new_tokens']} leaves no room for the input in"
            f" engine.context {study.engine.context}; lower the first or raise the second."
        )
    if run.tuner:
        _check_loss(study, run.tuner)
        overrides.method(study, run.tuner)


def _check_loss(study: Study, tuner: Run) -> None:
    """Losses that compare choices are for tasks that have some."""
    compared = set(overrides.tuning(study, tuner)["loss"]) - {"likelihood"}
    if compared and not choices(study, tuner.task):
        raise UserError(
            f"config.yaml: tuning.loss: {sorted(compared)[0]} compares a record's choices, and {tuner.task}, on which"
            f" {tuner.arm} is tuned, has none: leave the arm out (`demonstrations: []`), leave `likelihood` alone for"
            " it, or name the task's `choices`."
        )
