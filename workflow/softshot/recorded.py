"""What results on disk say they were made with, held against what the study says now.

Snakemake knows what changed from its own notes in `.snakemake`. Where these are gone, or results were brought from
elsewhere, it sees only dates. So every result's record says by which settings and code it was made: the analysis
leaves out the runs that do not fit, and `softshot records` names them. Imports nothing heavy.
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
from softshot.methods.registry import METHODS
from softshot.settings import Study

REPORT = ("report.html", "summary.tsv")
CODE = "the code that makes it has changed"
MISSING = "nothing"


class Expected(NamedTuple):
    """A record on disk, what it must say if the result is the study's, and the files that belong to it."""

    record: str
    says: Callable[[], dict[str, Any]]  # a part of the record
    files: tuple[str, ...] = ()  # beside it
    kept: bool = True  # whether all files whose length it says are kept


def misfits(study: Study, results: Path, models: Path) -> dict[str, str]:
    """Every result that is there and not as the study would make it now: what to give to `--forcerun`, and why."""
    reasons = {}
    for expected in expectations(study, str(results / study.study)):
        if why := difference(expected):
            reasons[expected.record] = why
    for name in studies.needed(study).models:
        if why := _model(catalogue.model_entry(name, study.models.folders), models / name / "provenance.json"):
            reasons[str(models / name)] = why
    return reasons


def expectations(study: Study, folder: str) -> Iterator[Expected]:
    """Every record of the study; `folder` is its own, results/<study>."""
    yield from _prepared(study, folder)
    for run in tuners(study):
        kept = not METHODS[run.method].every_weight
        yield Expected(f"{folder}/runs/{run.path}/tuning.json", partial(_tuning, study, run), kept=kept)
    for run in runs(study):
        yield from run_records(study, run, folder)
    says = partial(dict, settings=slices.analysis_slice(study), code=code.analysis())
    yield Expected(f"{folder}/study.json", says, REPORT)


def run_records(study: Study, run: Run, folder: str) -> list[Expected]:
    """The records of a run; `folder` is the study's, results/<study>."""
    place = f"{folder}/runs/{run.path}"
    return [
        Expected(f"{place}/run.json", partial(_generation, study, run), (PREDICTIONS,)),
        Expected(f"{place}/scores.json", partial(_scoring, study, run), ("scores.parquet",)),
    ]


def difference(expected: Expected) -> str | None:
    """Why the result of a record is not the expected one, None where it is or where there is none."""
    recorded = read(expected.record)
    if recorded is None:
        return None
    return different(expected.says(), recorded) or _damage(expected, recorded)


def _damage(expected: Expected, recorded: dict[str, Any]) -> str | None:
    """The first file that is gone or has not its recorded length."""
    folder, lengths = os.path.dirname(expected.record), recorded.get("bytes", {})
    for name in dict.fromkeys([*expected.files, *lengths]):
        places = [place for place in (f"{folder}/{name}", f"{folder}/adapter/{name}") if os.path.exists(place)]
        if not places:
            if expected.kept:
                return f"{name} is not there"
            continue
        length = os.stat(places[0]).st_size
        if lengths.get(name, length) != length:
            return f"{name} was {lengths[name]} bytes long and is {length} now"
    return None


def different(expected: dict[str, Any], recorded: dict[str, Any], key: str = "") -> str | None:
    """The first place where the record lacks what is expected; keys of settings must be the same on both sides."""
    for name, value in expected.items():
        place = f"{key}{name}"
        former = recorded.get(name, MISSING)
        if isinstance(value, dict) and isinstance(former, dict):
            if place.startswith("settings") and (extra := former.keys() - value.keys()):
                return f"{place}.{min(extra)}: {former[min(extra)]!r}, now {MISSING}"
            if (fault := different(value, former, f"{place}.")) is not None:
                return fault
        elif value != former:
            return CODE if name == "code" else f"{place}: {former!r}, now {value!r}"
    return None


def with_code(expected: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Any]:
    """The record with the expected checksums of code in the place of its own."""
    changed = dict(recorded)
    for name, value in expected.items():
        if name == "code":
            changed[name] = value
        elif isinstance(value, dict) and isinstance(recorded.get(name), dict):
            changed[name] = with_code(value, recorded[name])
    return changed


def read(record: str) -> dict[str, Any] | None:
    """A record; an unreadable one says nothing, None is none."""
    try:
        with open(record, encoding="utf-8") as file:
            values = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        values = {}
    return values if isinstance(values, dict) else {}


def _tuning(study: Study, run: Run) -> dict[str, Any]:
    return {"settings": slices.tuning_slice(study, run), "code": code.tuning(run.method)}


def _generation(study: Study, run: Run) -> dict[str, Any]:
    """What run.json says: how the predictions were made, and their adapter."""
    says = {"settings": slices.generation_slice(study, run), "code": code.generation(run.method)}
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


def _without(study: Study, task: str) -> dict[str, Any]:
    return {"settings": slices.without_slice(study, task), "code": code.without()}


def _retrieval(study: Study, task: str, retriever: str) -> dict[str, Any]:
    made_by = code.retrieval(study.demonstrations.retrievers[retriever].kind)
    return {"settings": slices.retrieval_slice(study, task, retriever), "code": made_by}


def _prepared(study: Study, folder: str) -> Iterator[Expected]:
    """Records of the data, vectors and tables of demonstrations that the study's runs need."""
    needed = studies.needed(study)
    for task, split in needed.splits:
        yield Expected(f"{folder}/data/{task}/{split}.json", partial(_conversion, study, task, split))
    for task, part in needed.parts:
        if "_without-" in part:
            says = partial(_without, study, task)
            yield Expected(f"{folder}/data/{task}/subsets/{part}.json", says)
    for task, place, retriever, split in needed.tables:
        yield Expected(
            f"{folder}/demonstrations/{task}/{place}/{split}.json", partial(_retrieval, study, task, retriever)
        )
    for task, encoder, split in needed.vectors:
        record = f"{folder}/demonstrations/{task}/embeddings/{encoder}/{split}.json"
        yield Expected(record, partial(dict, encoder=encoder, code=code.encoding()))


def _model(entry: dict[str, Any], record: Path) -> str | None:
    """Why a model on disk is not that of its entry; a mirror of the hub has the same models as the hub."""
    recorded = read(str(record))
    if recorded is None:
        return None
    source, revision = str(recorded.get("source")), entry.get("revision", "")
    if "path" in entry:
        expected = str(Path(os.path.expanduser(entry["path"])))
        same = source == expected
    else:
        expected = f"package {entry['package']}" if "package" in entry else entry["hub"]
        same = source.partition(",")[0] == expected or source.endswith(f"/{entry.get('hub')}")
        if len(revision) == 40 and source.endswith(f"/{entry.get('hub')}"):  # a commit, which no branch moves
            expected, same = f"{expected} at {revision}", same and recorded.get("revision") == revision
    return None if same else f"from {source}, now {expected}"
