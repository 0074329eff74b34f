"""What the jobs of a study read and write: named files, as the rules name them.

A place is a path below the folder that Snakemake runs in. The functions `<stage>_input` give the named inputs of a
rule, an empty list for what a run needs none of; every file that a job reads is among them, the notes beside records
and tables too, by which a program knows that they are whole. Imports nothing heavy: every cluster job parses it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from softshot import given, rates, slices
from softshot import study as studies
from softshot.files import PREDICTIONS
from softshot.grid import Run, demonstration_folder, runs, subset_name
from softshot.methods.registry import METHODS
from softshot.settings import Study

Inputs = dict[str, str | list[str]]
MODELS = "resources/models"
DOWNLOADS = "resources/downloads"
TUNED = ("adapter", "history.jsonl", "tuning.json")  # what tuning a run writes into its folder; the first is a folder
PREDICTED = (PREDICTIONS, "run.json")
SCORED = ("scores.json", "scores.parquet")
OF_USER = ("files", "folder", "given", "encoder")  # names of inputs that the user put on this machine, see `common.smk`


def results(study: Study) -> str:
    """The study's folder."""
    return f"results/{study.study}"


def run_folder(study: Study, run: Run) -> str:
    """A run's folder."""
    return f"{results(study)}/runs/{run.path}"


def model(name: str) -> str:
    """A model's folder, which belongs to the machine."""
    return f"{MODELS}/{name}"


def records(study: Study, task: str, name: str) -> str:
    """Records of a task: of a split, or a part of the training records."""
    return f"{results(study)}/data/{task}/{name}.jsonl"


def training_records(study: Study, run: Run) -> str:
    """The training records that a run may use: all, the part that its seed draws, or those of no held-out group."""
    return records(study, run.task, f"subsets/{subset_name(run)}" if run.train or run.without else "train")


def validation_records(study: Study, run: Run) -> str:
    """The records by whose loss a run's best state is chosen."""
    split = studies.selection(study, run.task)
    return records(study, run.task, f"subsets/{subset_name(run, split)}" if run.without else split)


def vectors(study: Study, task: str, encoder: str, split: str) -> str:
    """What an encoder makes of a split's inputs."""
    return f"{results(study)}/demonstrations/{task}/embeddings/{encoder}/{split}.npy"


def neighbours(study: Study, run: Run, split: str) -> list[str]:
    """The demonstrations of a split's records for a run; nothing where it shows none."""
    folder = f"{results(study)}/demonstrations/{run.task}/{demonstration_folder(run)}"
    return [f"{folder}/{split}.parquet"] if run.shots else []


def note(path: str) -> str:
    """What is said of a file beside it."""
    return f"{path.rpartition('.')[0]}.json"


def retrieval_input(study: Study, task: str, retriever: str, split: str, part: str | None = None) -> Inputs:
    """What looking for the demonstrations of a split's records reads; `part`: among this part of the training records.

    Their vectors are those of all training records, of which the part then names its own.
    """
    encoder, whole = studies.encoder(study, retriever), records(study, task, "train")
    train = records(study, task, f"subsets/{part}") if part else whole
    queried = train if split == "train" else records(study, task, split)
    inputs: dict[str, list[str]] = {
        "index": [vectors(study, task, encoder, "train")] if encoder else [],
        "queries": [vectors(study, task, encoder, split)] if encoder else [],
        "whole": [whole] if part and encoder else [],
        "train": [train],
        "records": [queried],
    }
    files = dict.fromkeys(path for paths in inputs.values() for path in paths)
    return inputs | {"notes": [note(path) for path in files]}


def tuning_input(study: Study, run: Run) -> Inputs:
    """What tuning a run's adapter reads."""
    split = studies.selection(study, run.task)
    train, validation = training_records(study, run), validation_records(study, run)
    trials, own = rates.trials(study, run), rates.adopts(study, run)
    return {
        "model": model(run.model),
        "train": train,
        "validation": validation,
        "notes": [note(train), note(validation)],
        "train_demonstrations": neighbours(study, run, "train"),
        "validation_demonstrations": neighbours(study, run, split),
        "rate": [f"{results(study)}/runs/{rates.choice(run)}"] if trials else [],
        "trials": trial_notes(study, run) if own else [],
        "tried": [f"{run_folder(study, trial)}/{name}" for trial in trials if own for name in TUNED[:2]],
    }


def trial_notes(study: Study, run: Run) -> list[str]:
    """What is written of the trials by which a run's learning rate is chosen."""
    return [f"{run_folder(study, trial)}/tuning.json" for trial in rates.trials(study, run)]


def generation_input(study: Study, run: Run) -> Inputs:
    """What predicting a run's records reads; the adapter may be another run's, or files from elsewhere."""
    split = studies.evaluation(study, run.task)
    train, predicted = training_records(study, run), records(study, run.task, split)
    tuner = run_folder(study, run.tuner) if run.tuner else None
    return {
        "model": model(run.model),
        "train": train,
        "records": predicted,
        "notes": [note(train), note(predicted)],
        "demonstrations": neighbours(study, run, split),
        "adapter": [f"{tuner}/adapter"] if tuner else [],
        "given": given.files(run.adapter) if run.given else [],
        "tuning": [f"{tuner}/tuning.json"] if tuner else [],
    }


def tuned_folders(study: Study, temporary: bool) -> str:
    """A regular expression of the folders of runs whose adapters are tuned, and kept or (being large) `temporary`.

    What is from elsewhere, or another run's, is not tuned in a run's own folder. Without such an arm none matches.
    """
    labels = [
        re.escape(label)
        for label, arm in study.arms.items()
        if METHODS[arm.method].settings and METHODS[arm.method].every_weight == temporary and not arm.adapter
    ]
    return rf"[^/]+/[^/]+/({'|'.join(labels)})/(?!from-)[^/]+/[^/]+" if labels else "(?!)"


def model_files(study: Study, name: str) -> list[str]:
    """The files of a model of the user's own, which are a reason to fetch it again; none for the catalogue's."""
    if name not in study.models.folders:
        return []
    place = Path(os.path.expanduser(study.models.folders[name]))
    return sorted(str(path) for path in place.iterdir() if path.is_file()) if place.is_dir() else [str(place)]


def task_folder(study: Study, task: str) -> str:
    """Where a task's files are: the local folder that the configuration names, or where the download puts them."""
    source = DOWNLOADS if studies.downloaded(study, task) else studies.source(study, task)
    return f"{Path(os.path.expanduser(source))}/{task}"


def source_file(study: Study, task: str, split: str, folder: str | None = None) -> str:
    """The file that a split's records come from; a split without one is carved out of the training file.

    `folder`: where a job finds the task's files, if elsewhere.
    """
    entry = studies.task(study, task)
    name = entry.files.get(split, entry.files["train"])
    return str(Path(os.path.expanduser(name))) if entry.table else f"{folder or task_folder(study, task)}/{name}"


def conversion_input(study: Study, task: str, split: str) -> Inputs:
    """What a split is converted from: the folder of its task's download, or files of the user's own."""
    if studies.downloaded(study, task):
        return {"downloads": [task_folder(study, task)], "files": []}
    files = [source_file(study, task, name) for name in (split, *studies.compared(study, task, split))]
    shared = [f"{task_folder(study, task)}/{name}" for name in studies.task(study, task).shared]
    return {"downloads": [], "files": [*files, *shared]}


def scoring_input(study: Study, run: Run) -> Inputs:
    """What scoring a run reads: of its task's folder and of an encoder, where a metric uses them, too."""
    predicted = records(study, run.task, studies.evaluation(study, run.task))
    predictions, made_by = (f"{run_folder(study, run)}/{name}" for name in PREDICTED)
    folder = [task_folder(study, run.task)] if studies.task(study, run.task).folders else []
    downloaded, encoder = studies.downloaded(study, run.task), slices.scoring_slice(study, run.task).get("encoder")
    return {
        "records": predicted,
        "predictions": predictions,
        "notes": [note(predicted), made_by],
        "data": folder if downloaded else [],
        "folder": [] if downloaded else folder,
        "encoder": [encoder] if encoder else [],  # the program finds it in its settings
    }


def analysis_input(study: Study) -> Inputs:
    """What the tables and the report are made from: every run, and the records that are quoted."""
    folders, needed = [run_folder(study, run) for run in runs(study)], studies.needed(study)
    splits = [(task, split) for task in study.data.tasks for split in ("train", studies.evaluation(study, task))]
    return {
        "predictions": [f"{folder}/{PREDICTIONS}" for folder in folders],
        "runs": [f"{folder}/run.json" for folder in folders],
        "scores": [f"{folder}/scores.json" for folder in folders],
        "statistics": [f"{folder}/scores.parquet" for folder in folders],
        "records": [records(study, task, split) for task, split in splits],
        "counts": [note(records(study, task, split)) for task, split in needed.splits],
        "parts": [note(records(study, task, f"subsets/{part}")) for task, part in needed.parts if "_without-" in part],
        "demonstrations": [
            f"{results(study)}/demonstrations/{task}/{place}/train.json"
            for task, place, _, split in needed.tables
            if split == "train"
        ],
    }


def prepared(study: Study) -> Iterator[str]:
    """All that is made before any run: models, records, vectors and demonstrations, with their notes."""
    needed = studies.needed(study)
    yield from (model(name) for name in needed.models)
    files = [records(study, task, split) for task, split in needed.splits]
    files += [records(study, task, f"subsets/{part}") for task, part in needed.parts]
    files += [vectors(study, task, encoder, split) for task, encoder, split in needed.vectors]
    for task, folder, _, split in needed.tables:
        files.append(f"{results(study)}/demonstrations/{task}/{folder}/{split}.parquet")
    for path in files:
        yield from (path, note(path))


def gone(study: Study) -> list[str]:
    """What is not there though something made from it is; the target asks for it by name.

    Snakemake does not miss a file in the middle as long as what was made from it is there. But it deletes a job's
    outputs before the job, and where that fails or is killed, the next call would find nothing to be done.
    """
    reported = started = os.path.exists(f"{results(study)}/report.html")
    wanted: list[str] = []
    for run in runs(study):
        folder = run_folder(study, run)
        scored, predicted = (_places(folder, names) for names in (SCORED, PREDICTED))
        wanted += scored if reported else []
        if reported or _any(scored):
            wanted += predicted
        if run.tuner and (reported or _any(scored) or _any(predicted)):
            kept = TUNED[1:] if METHODS[run.method].every_weight else TUNED
            wanted += _places(run_folder(study, run.tuner), kept)
        started = started or _any(predicted)
    wanted += prepared(study) if started else []
    return [path for path in dict.fromkeys(wanted) if not os.path.exists(path)]


def _places(folder: str, names: tuple[str, ...]) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def _any(paths: list[str]) -> bool:
    return any(map(os.path.exists, paths))
