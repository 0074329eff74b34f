"""What to ask a cluster for: memory and time of a job, by the plan's model of its work, on a slow GPU.

Rough on purpose, and on the safe side: a job that asks for too little is killed and comes back with more
(each `attempt`), and a tuning job then continues where it was. Imports nothing heavy: every cluster job parses it.
"""

import math

from softshot import catalogue, overrides
from softshot.grid import Run
from softshot.methods.registry import METHODS
from softshot.plan import estimate, work
from softshot.plan.devices import Device
from softshot.plan.work import Size, Texts, Work
from softshot.settings import Study
from softshot.study import evaluation, selection

UNKNOWN_PARAMETERS = 2 * 10**9  # of a model whose size nothing says
LIBRARIES_MB = 4000  # resident in host memory with torch, CUDA and the records
BYTES_PER_PARAMETER = 8  # in host memory while the weights are read: the file's pages, and a float32 copy
BYTES_OF_STATE = 16  # and of each that is trained, while the state is saved: weights, best ones, AdamW's two moments
RECORDS = {"train": 100_000, "validation": 12_500, "test": 12_500}  # of a task that says no size
OVERHEAD = 15.0  # minutes for imports, a slow shared disk, tokenising and writing
MARGIN = 2.0  # of time: rows are shorter than the context, but other jobs share the node
DEVICE = Device("a GPU of some years ago, such as a V100", 2e13, 0.27e12, "bfloat16", "sustained", launch=0.001)


def memory_mb(study: Study, model: str, attempt: int, method: str = "none") -> int:
    """Host memory of a job that loads the model, and trains it by the method; twice as much at each new attempt."""
    size = _size(study, model)
    trained = BYTES_OF_STATE * METHODS[method].stored(1, size) if METHODS[method].every_weight else 0
    return math.ceil(LIBRARIES_MB + (BYTES_PER_PARAMETER * size.parameters + trained) / 2**20) * 2 ** (attempt - 1)


def tuning_minutes(study: Study, run: Run, attempt: int) -> int:
    """Run time of a tuning job, every row as long as the context; growing with each attempt."""
    settings, texts = overrides.tuning(study, run), _texts(study, run)
    records = estimate.expected_records(study, run.task, RECORDS)[selection(study, run.task)]
    records = min(records, settings["validation_records"] or records)
    works = work.tuning(_size(study, run.model), run, texts, settings, records, settings["steps"])
    return _minutes(study, run, works, attempt)


def generation_minutes(study: Study, run: Run, attempt: int) -> int:
    """Run time of a generating job, every row as long as the context, to the longest output."""
    settings, texts = overrides.generation(study, run), _texts(study, run)
    records = estimate.expected_records(study, run.task, RECORDS)[evaluation(study, run.task)]
    works = work.generation(_size(study, run.model), run, texts, settings, records, study.generation.batch_size)
    return _minutes(study, run, works, attempt)


def _size(study: Study, model: str) -> Size:
    parameters = catalogue.parameters(model, study.models.folders)
    dimensions = catalogue.dimensions(model, study.models.folders)
    if parameters and dimensions:
        return Size(parameters, *dimensions)
    return work.size_of(parameters or UNKNOWN_PARAMETERS)


def _texts(study: Study, run: Run) -> Texts:
    longest = overrides.generation(study, run)["max_new_tokens"]
    return Texts(study.engine.context - longest, longest)


def _minutes(study: Study, run: Run, works: list[Work], attempt: int) -> int:
    seconds = DEVICE.seconds(works, _size(study, run.model))
    return math.ceil((OVERHEAD + MARGIN * seconds / 60) * attempt)
