"""A stage's slice of the configuration: all settings, and only those, that its result depends on.

A slice is the one parameter of a stage's rule, as canonical JSON, and what its results record.
"""

from typing import Any

from softshot import given, overrides
from softshot.data.registry import grouped
from softshot.grid import Run
from softshot.scoring import registry
from softshot.settings import Study
from softshot.study import encoder, metrics, task, template


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


def analysis_slice(study: Study) -> dict[str, Any]:
    """The whole study, which the report shows, without what can change no result."""
    return study.model_dump(exclude={"tuning": {"max_tokens"}, "generation": {"batch_size"}, "launch": True})
