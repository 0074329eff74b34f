"""How much computing a run is: floating-point operations, steps of decoding, bytes on disk.

A forward pass takes 2 operations per parameter and token (the embedding's rows are looked up, and the output's matrix
is multiplied only where a token is predicted), and 4 x layers x width per token and token attended to (Kaplan et al.
2020, section 2.1). The backward pass takes as much again, and twice as much where every weight has a gradient. What
stands before all rows runs once per pass, whatever their number.
"""

import math
from dataclasses import dataclass
from typing import Any

from softshot import catalogue
from softshot.errors import UserError
from softshot.grid import Run
from softshot.methods.registry import METHODS, Shape
from softshot.settings import Study

PACKED = 6.5  # of predictions with gzip: 6.6 for MTOP's and DART's outputs with one demonstration


LAYERS = 24  # of a model of which only the parameters are known


class Size(Shape):
    """A model's size, and what a pass through it takes."""

    __slots__ = ()

    def forward(self, tokens: float, attended: float, predicted: float) -> float:
        """Operations of a forward pass of `tokens`, each attending to `attended`, that predicts at `predicted`."""
        body = self.parameters - self.vocabulary * self.width
        return (
            2 * body * tokens
            + 4 * self.layers * self.width * tokens * attended
            + 2 * (self.vocabulary * self.width * predicted)
        )


@dataclass(frozen=True)
class Texts:
    """Mean tokens of a run's rows: context (demonstrations and input) and output."""

    context: float
    output: float

    @property
    def row(self) -> float:
        return self.context + self.output


@dataclass(frozen=True)
class Work:
    """What a job computes: operations, and forward passes that each only read the weights (one more token a row)."""

    operations: float
    passes: float = 0.0


def model_size(study: Study, name: str) -> Size:
    """A model's size; a model that says none has no plan."""
    parameters = catalogue.parameters(name, study.models.folders)
    dimensions = catalogue.dimensions(name, study.models.folders)
    if parameters is None or dimensions is None:
        raise UserError(
            f"model {name}: nothing says how large it is; give its entry in resources/models.yaml `parameters`,"
            " `layers`, `width` and `vocabulary`."
        )
    return Size(parameters, *dimensions)


def size_of(parameters: int) -> Size:
    """The size of a model of which only the parameters are known: a transformer without an embedding."""
    return Size(parameters, LAYERS, round((parameters / (12 * LAYERS)) ** 0.5), 0)


def tuning(size: Size, run: Run, texts: Texts, settings: dict[str, Any], records: int, steps: int) -> Work:
    """Tuning a run's adapter for `steps`, with a validation loss of `records` before, after and in between."""

    def rows(number: float) -> float:
        return size.forward(number * texts.row, run.tokens + texts.row / 2, number * texts.output)

    passes = 3 if METHODS[run.method].every_weight else 2  # forward and backward, in forward ones
    before = size.forward(run.tokens, run.tokens / 2, 0)
    step = settings["accumulation"] * passes * (before + rows(settings["batch_size"]))
    validation = math.ceil(records / settings["batch_size"]) * before + rows(records)
    return Work(steps * step + (1 + math.ceil(steps / settings["validate_every"])) * validation)


def generation(size: Size, run: Run, texts: Texts, settings: dict[str, Any] | None, records: int, batch: int) -> Work:
    """Predicting `records`, `batch` at once, after what the run's method puts before them; weights are merged.

    `settings` None: outputs are chosen, and read in the same pass.
    """
    if settings is None:
        predicted = records * texts.output
        return Work(size.forward(run.tokens + records * texts.row, run.tokens + texts.row / 2, predicted))
    reading = size.forward(run.tokens + records * texts.context, run.tokens + texts.context / 2, records)
    written = records * settings["beams"] * texts.output
    writing = size.forward(written, run.tokens + texts.row, written)
    return Work(reading + writing, math.ceil(records / batch) * texts.output)


def adapter_bytes(size: Size, run: Run, settings: dict[str, Any]) -> float:
    """What tuning a run leaves: its adapter in float32, unless it is temporary, with its history and notes."""
    method = METHODS[run.method]
    numbers = 0 if method.every_weight else method.stored(run.size, size)
    lines = settings["steps"] + settings["steps"] / settings["validate_every"]
    return numbers * 4 + lines * 150 + run.tokens * 350 + 5_000


def run_bytes(run: Run, output: float, records: int, metrics: int) -> float:
    """A run's predictions, scores and notes; `output` is a prediction's mean length in characters."""
    predictions = records * (output + 110 + 75 * run.shots) / PACKED
    return predictions + records * 40 * metrics + 12_000
