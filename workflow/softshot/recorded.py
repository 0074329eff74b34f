"""What results on disk say they were made with, held against what the study says now.

Snakemake knows what changed from its own notes in `.snakemake`. Where these are gone, or results were brought from
elsewhere, it sees only dates. So every result's record says by which settings and code it was made, and what is
outdated by that runs again whatever the notes and dates say. Read while the Snakefile is parsed: imports nothing heavy.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from softshot import catalogue, code, slices
from softshot import study as studies
from softshot.files import PREDICTIONS
from softshot.grid import Run, runs, tuners
from softshot.settings import Study

TUNED = ("adapter/adapter_model.safetensors", "adapter/adapter_config.json", "history.jsonl")
REPORT = ("report.html", "summary.tsv")
SHOWN = 3  # results named in a report
MISSING = "nothing"


class Expected(NamedTuple):
    """A record on disk, what it must say if the result is the study's, and the files that belong to it."""

    record: str
    says: Callable[[], dict[str, Any]]  # a part of the record
    files: tuple[str, ...] = ()  # beside it


def outdated(study: Study, results: Path = Path("results"), models: Path = Path("resources/models")) -> dict[str, str]:
    """Every result that is there and not as the study would make it now, or is gone: its record, and why."""
    folder = str(results / study.study)
    found = {record: "gone, and what was made from it is there" for record in _gone(study, folder, str(models))}
    for expected in expectations(study, folder):
        if why := difference(expected):
            found[expected.record] = why
    for name in studies.needed(study).models:
        if why := _model(catalogue.model_entry(name, study.models.folders), models / name / "provenance.json"):
            found[str(models / name / "provenance.json")] = why
    return found


def expectations(study: Study, folder: str) -> Iterator[Expected]:
    """Every record of the study; `folder` is its own, results/<study>."""
    yield from _prepared(study, folder)
    yield from runs_of(study, folder)


def report(found: dict[str, str]) -> str:
    """What to tell the user of outdated results."""
    several = [f"  {record}: {why}" for record, why in list(found.items())[:SHOWN]]
    more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join(["These results are not as config.yaml says now and run again:", *several, *more])


def difference(expected: Expected) -> str | None:
    """Why the result of a record is not the expected one, None where it is or where there is none."""
    recorded = _read(expected.record)
    if recorded is None:
        return None
    if (fault := different(expected.says(), recorded)) is not None:
        return fault
    folder, sizes = os.path.dirname(expected.record), recorded.get("bytes", {})
    for name in expected.files:
        try:
            size = os.stat(f"{folder}/{name}").st_size
        except FileNotFoundError:
            return f"{name} is not there"
        if sizes.get(name, size) != size:
            return f"{name} was {sizes[name]} bytes long and is {size} now"
    return None


def different(expected: dict[str, Any], recorded: dict[str, Any], key: str = "") -> str | None:
    """The first place where the record lacks what is expected; keys of settings must be the same on both sides."""
    for name, value in expected.items():
        place = f"{key}{name}"
        there = recorded.get(name, MISSING)
        if isinstance(value, dict) and isinstance(there, dict):
            if place.startswith("settings") and (extra := there.keys() - value.keys()):
                return f"{place}.{min(extra)}: {there[min(extra)]!r}, now {MISSING}"
            if (fault := different(value, there, f"{place}.")) is not None:
                return fault
        elif value != there:
            return "the code that makes it has changed" if name == "code" else f"{place}: {there!r}, now {value!r}"
    return None


def run_records(study: Study, run: Run, folder: str) -> list[Expected]:
    """The records of a run; `folder` is the study's, results/<study>."""
    place = f"{folder}/runs/{run.path}"
    return [
        Expected(f"{place}/run.json", partial(_generation, study, run), (PREDICTIONS,)),
        Expected(f"{place}/scores.json", partial(_scoring, study, run), ("scores.parquet",)),
    ]


def _gone(study: Study, folder: str, models: str) -> Iterator[str]:
    """Records that are not there though something made from them is; `folder` is the study's, results/<study>.

    Snakemake does not miss a file in the middle as long as what was made from it is there. But it deletes a job's
    outputs before the job, and where that fails or is killed, the next call would find nothing to be done.
    """
    report, started = _reported(study, folder), False
    reported = os.path.exists(report.record) and difference(report) is None  # else it is made again, of all runs
    for run in runs(study):
        place = f"{folder}/runs/{run.path}"
        scored, predicted = (os.path.exists(f"{place}/{name}") for name in ("scores.json", "run.json"))
        if reported and not scored:
            yield f"{place}/scores.json"
        if scored and not predicted:
            yield f"{place}/run.json"
        if predicted and run.tuner:
            tuned = f"{folder}/runs/{run.tuner.path}/tuning.json"
            if not os.path.exists(tuned):
                yield tuned
        started |= predicted
    if started:
        made_first = [expected.record for expected in _prepared(study, folder)]
        made_first += [f"{models}/{name}/provenance.json" for name in studies.needed(study).models]
        yield from (record for record in made_first if not os.path.exists(record))


def _tuning(study: Study, run: Run) -> dict[str, Any]:
    return {"settings": slices.tuning_slice(study, run), "code": code.tuning()}


def _generation(study: Study, run: Run) -> dict[str, Any]:
    """What run.json says: how the predictions were made, and their prompt."""
    says = {"settings": slices.generation_slice(study, run), "code": code.generation()}
    if run.tuner:
        tuned = _tuning(study, run.tuner)
        settings = tuned["settings"] | says["settings"] | {"method": tuned["settings"]["method"]}
        says |= {"settings": settings, "tuning": {"code": tuned["code"]}}
        says["tuning"] |= {"template": tuned["settings"]["template"]} if run.source else {}
    return says


def _scoring(study: Study, run: Run) -> dict[str, Any]:
    metrics = studies.metrics(study, run.task)
    return {"settings": slices.scoring_slice(study, run.task), "code": code.scoring(*metrics)}


def _conversion(study: Study, task: str, split: str) -> dict[str, Any]:
    made_by = code.conversion(task, bool(studies.task(study, task).table), split)
    return {"settings": slices.convert_slice(study, task, split), "code": made_by}


def _retrieval(study: Study, task: str, retriever: str) -> dict[str, Any]:
    made_by = code.retrieval(study.demonstrations.retrievers[retriever].kind)
    return {"settings": slices.retrieval_slice(study, task, retriever), "code": made_by}


def runs_of(study: Study, folder: str) -> Iterator[Expected]:
    """The records of the study's runs, and of its report."""
    for run in runs(study):
        yield from run_records(study, run, folder)
    for run in tuners(study):
        yield Expected(f"{folder}/runs/{run.path}/tuning.json", partial(_tuning, study, run), TUNED)
    yield _reported(study, folder)


def _reported(study: Study, folder: str) -> Expected:
    """The record of the report."""
    settings, made_by = slices.analysis_slice(study), code.analysis()
    return Expected(f"{folder}/study.json", partial(dict, settings=settings, code=made_by), REPORT)


def _prepared(study: Study, folder: str) -> Iterator[Expected]:
    """Records of the data, vectors and tables of demonstrations that the study's runs need."""
    needed = studies.needed(study)
    for task, split in needed.splits:
        yield Expected(f"{folder}/data/{task}/{split}.json", partial(_conversion, study, task, split))
    for task, place, retriever, split in needed.tables:
        yield Expected(
            f"{folder}/demonstrations/{task}/{place}/{split}.json", partial(_retrieval, study, task, retriever)
        )
    for task, encoder, split in needed.vectors:
        record = f"{folder}/demonstrations/{task}/embeddings/{encoder}/{split}.json"
        yield Expected(record, partial(dict, encoder=encoder, code=code.encoding()))


def _model(entry: dict[str, Any], record: Path) -> str | None:
    """Why a model on disk is not that of its entry; a mirror of the hub has the same models as the hub."""
    recorded = _read(str(record))
    if recorded is None:
        return None
    source, revision = str(recorded.get("source")), entry.get("revision", "")
    if entry["kind"] == "folder":
        expected = str(Path(entry["path"]).expanduser())
        same = source == expected
    else:
        expected = f"package {entry['package']}" if "package" in entry else entry["hub"]
        same = source.partition(",")[0] == expected or source.endswith(f"/{entry.get('hub')}")
        if len(revision) == 40 and source.endswith(f"/{entry.get('hub')}"):  # a commit, which no branch moves
            expected, same = f"{expected} at {revision}", same and recorded.get("revision") == revision
    return None if same else f"from {source}, now {expected}"


def _read(record: str) -> dict[str, Any] | None:
    """A record; an unreadable one says nothing, None is none."""
    try:
        with open(record, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        found = {}
    return found if isinstance(found, dict) else {}
