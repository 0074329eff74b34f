"""What a study says of its tasks, and what its runs need made before them. Imports nothing heavy."""

from typing import NamedTuple

from softshot import catalogue
from softshot.data import registry
from softshot.grid import demonstration_folder, runs, subset_name, tuners
from softshot.settings import Study
from softshot.task import TaskSettings, TemplateSettings


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
    splits = task(study, name).splits
    return next(s for s in ("validation", "test", "held_out") if s in splits and s != evaluation(study, name))


def choices(study: Study, name: str) -> registry.Choices | None:
    """Whether a task's outputs are chosen: among the `same` answers in every record, or among each record's `own`."""
    return registry.choices(name, task(study, name).table)


def metrics(study: Study, name: str) -> list[str]:
    """The metrics of a task, the main one first."""
    return study.scoring.metrics.get(name) or task(study, name).metrics


def encoder(study: Study, retriever: str) -> str | None:
    """The encoder of a dense retriever; None for the others."""
    settings = study.demonstrations.retrievers[retriever]
    return (settings.encoder or study.demonstrations.encoder) if settings.kind in ("dense", "mmr") else None


def compared(study: Study, name: str, split: str) -> list[str]:
    """The splits whose files the records of a split are held against: of train all others', else none."""
    return [other for other in task(study, name).files if other != "train"] if split == "train" else []


class Needed(NamedTuple):
    """What the runs of a study need made before them, each once and in order."""

    models: list[str]  # base models and encoders
    splits: list[tuple[str, str]]  # task, split
    parts: list[tuple[str, str]]  # task, part of a split's records: most are of the training records
    vectors: list[tuple[str, str, str]]  # task, encoder, split
    tables: list[tuple[str, str, str, str]]  # task, folder of demonstrations, retriever, split


def needed(study: Study) -> Needed:
    """What the runs of the study need: data of the split they predict, and of those that they are tuned on."""
    splits, parts, vectors, tables = set(), set(), set(), set()
    grid = [(run, {evaluation(study, run.task)}) for run in runs(study)]
    grid += [(run, {"train", selection(study, run.task)}) for run in tuners(study)]
    for run, used in grid:
        splits |= {(run.task, split) for split in {"train", *used}}
        parts |= {(run.task, subset_name(run))} if run.train or run.without else set()
        if run.shots:
            tables |= {(run.task, demonstration_folder(run), run.retriever, split) for split in used}
            name = encoder(study, run.retriever)
            vectors |= {(run.task, name, split) for split in {"train", *used}} if name else set()
    of_selection = (run for run in tuners(study) if run.without)
    parts |= {(run.task, subset_name(run, selection(study, run.task))) for run in of_selection}
    models = sorted({*study.models.use, *(name for _, name, _ in vectors)})
    return Needed(models, sorted(splits), sorted(parts), sorted(vectors), sorted(tables))
