"""What to ask a cluster for: memory and time of a job, from the model's size and the study's settings.

Rough on purpose, and on the safe side: a job that asks for too little is killed and comes back with more
(each `attempt`), and a tuning job then continues where it was. Imports nothing heavy: every cluster job parses it.
"""

import math

from softshot import catalogue, overrides
from softshot.grid import Run
from softshot.settings import Study
from softshot.study import evaluation

UNKNOWN_PARAMETERS = 2e9  # of a model whose size the catalogue does not say
LIBRARIES_MB = 4000  # resident in host memory with torch, CUDA and the records
BYTES_PER_PARAMETER = 8  # in host memory while the weights are read: the file's pages, and a float32 copy
FLOPS = 2e13  # floating-point operations per second that a GPU of some years ago, such as a V100, sustains
DECODING_STEP = 0.05  # seconds for one more token of a batch: a large model's, bound by launches and memory
RECORDS = 12_500  # in the largest evaluation split of the study (DART's), where no limit is given
OVERHEAD = 15.0  # minutes for imports, a slow shared disk, tokenising and writing
MARGIN = 2.0  # of time: rows are shorter than the context, but other jobs share the node


def memory_mb(study: Study, model: str, attempt: int) -> int:
    """Host memory of a job that loads the model; twice as much at each new attempt."""
    parameters = catalogue.parameters(model, study.models.folders) or UNKNOWN_PARAMETERS
    return math.ceil(LIBRARIES_MB + BYTES_PER_PARAMETER * parameters / 2**20) * 2 ** (attempt - 1)


def tuning_minutes(study: Study, run: Run, attempt: int) -> int:
    """Run time of a tuning job, every row as long as the context: 4 operations per parameter and token in a step
    (forward, and backward through frozen weights), 2 in a validation; growing with each attempt."""
    settings = overrides.tuning(study, run)
    parameters = catalogue.parameters(run.model, study.models.folders) or UNKNOWN_PARAMETERS
    row = run.tokens + study.engine.context
    rows = settings["steps"] * settings["batch_size"] * settings["accumulation"]
    records = settings["validation_records"] or study.data.limits.validation or RECORDS
    validations = 1 + settings["steps"] // settings["validate_every"]
    operations = parameters * row * (4 * rows + 2 * records * validations)
    return _minutes(operations / FLOPS, attempt)


def generation_minutes(study: Study, run: Run, attempt: int) -> int:
    """Run time of a generating job: each record's context once, then batches token by token to the longest output."""
    settings = overrides.generation(study, run)
    parameters = catalogue.parameters(run.model, study.models.folders) or UNKNOWN_PARAMETERS
    records = getattr(study.data.limits, evaluation(study, run.task)) or RECORDS
    reading = 2 * parameters * (run.tokens + study.engine.context) * records / FLOPS
    batches = math.ceil(records / study.generation.batch_size) * settings["beams"]
    return _minutes(reading + batches * settings["max_new_tokens"] * DECODING_STEP, attempt)


def _minutes(seconds: float, attempt: int) -> int:
    return math.ceil((OVERHEAD + MARGIN * seconds / 60) * attempt)
