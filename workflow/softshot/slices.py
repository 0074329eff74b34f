"""A stage's slice of the configuration: all settings, and only those, that its result depends on.

A slice is the one parameter of a stage's rule, as canonical JSON, and what its results record.
"""

import json
from typing import Any

from softshot import catalogue, given, overrides
from softshot.data.registry import grouped, groupings
from softshot.errors import UserError
from softshot.grid import Run
from softshot.scoring import registry
from softshot.sections import read
from softshot.settings import Study
from softshot.study import encoder, metrics, source, task, template
from softshot.task import SourceSettings


def canonical(values: dict[str, Any]) -> str:
    """The same text for the same settings, whatever the order of keys in config.yaml."""
    return json.dumps(values, sort_keys=True)


def model_slice(study: Study, name: str) -> dict[str, Any]:
    """Where a model comes from: its entry, and the hub's address where it could come from the hub."""
    entry = catalogue.model_entry(name, study.models.folders)
    return {"name": name, "entry": entry, "hub": study.models.hub if "hub" in entry else ""}


def download_slice(study: Study, name: str) -> dict[str, Any]:
    """What a task's download depends on: where its files are and what they must be, by the source in use."""
    place = source(study, name)
    keys = set(SourceSettings.model_fields) - ({"base", "archive", "sha256"} if place == "hub" else {"hub"})
    entry = task(study, name).model_dump(include=keys, exclude_defaults=True)
    return {"task": name, "entry": entry, "source": place, "hub": study.data.hub if place == "hub" else ""}


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


def without_slice(study: Study, name: str) -> dict[str, Any]:
    """All settings that a task's records without the held-out groups depend on."""
    shift = study.shift[name]
    field = groupings(name, task(study, name).table)[shift.by].field
    return {"task": name, "by": shift.by, "field": field, "held_out": sorted(shift.held_out)}


def retrieval_slice(study: Study, name: str, retriever: str) -> dict[str, Any]:
    """All settings that a retriever's neighbours depend on, for the records of a task."""
    settings = study.demonstrations.retrievers[retriever]
    values = {"kind": settings.kind, "neighbours": study.demonstrations.neighbours}
    if grouped(name, task(study, name).table):
        values["exclude"] = study.demonstrations.exclude
    if encoder(study, retriever):
        values |= {"encoder": encoder(study, retriever), "approximate_from": study.demonstrations.approximate_from}
    if settings.kind == "mmr":
        values |= {"diversity": settings.diversity, "pool": settings.pool}
    return values


def tuning_slice(study: Study, run: Run) -> dict[str, Any]:
    """All settings that a tuned adapter depends on."""
    method = {"name": run.method, "size": run.size, "settings": overrides.method(study, run)}
    decoding = overrides.decoding(study, run)
    room = {"max_new_tokens": decoding and decoding["max_new_tokens"]}
    return {**_row_slice(study, run), "method": method, "tuning": overrides.tuning(study, run), **room}


def generation_slice(study: Study, run: Run) -> dict[str, Any]:
    """All settings that predictions depend on, besides their adapter."""
    method = {"name": run.method} | ({"adapter": given.facts(run.adapter)} if run.given else {})
    values = {**_row_slice(study, run), "method": method, "generation": overrides.decoding(study, run)}
    adapted = run.tuner or run.given
    return values | ({"neutral_tokens": study.generation.neutral_tokens} if adapted else {})


def scoring_slice(study: Study, name: str) -> dict[str, Any]:
    """All settings that the scores of a task's runs depend on."""
    names = metrics(study, name)
    return {"metrics": names} | ({"encoder": study.scoring.encoder} if registry.LEARNED in names else {})


def _row_slice(study: Study, run: Run) -> dict[str, Any]:
    """What a run's rows are made by: the model's weights, the engine, the template, how demonstrations are shown."""
    values = {"engine": study.engine.model_dump(), "template": template(study, run.task).model_dump()}
    values["base"] = study.models.base
    values["shots"] = run.shots
    if run.shots:
        values["threshold"] = study.demonstrations.retrievers[run.retriever].threshold
    if run.shots > 1:
        values["order"] = study.demonstrations.order
    return values


def whole_study(study: Study) -> dict[str, Any]:
    """The study without what can change no result."""
    return study.model_dump(exclude={"tuning": {"max_tokens"}, "generation": {"batch_size"}, "launch": True})


def analysis_slice(study: Study) -> dict[str, Any]:
    """The whole study, and the order of its arms, which is that of all tables: canonical JSON has its keys sorted."""
    return {"study": whole_study(study), "arms": list(study.arms)}


def sliced_study(values: Any, where: str) -> Study:
    """The study of its analysis_slice, arms in their order; what is no such slice is a UserError that names `where`."""
    try:
        settings, arms = values["study"], values["arms"]
    except (KeyError, TypeError):
        raise UserError(f"{where}: a study and its arms were expected, as a study's study.json has.") from None
    study = read(Study, settings, where)
    if sorted(arms) != sorted(study.arms):
        raise UserError(f"{where}: arms: not the arms of the study, each once.")
    return study.model_copy(update={"arms": {label: study.arms[label] for label in arms}})
