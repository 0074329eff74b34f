"""How much computing a run is: floating-point operations, steps of decoding, bytes on disk.

A forward pass takes 2 operations per parameter and token (the embedding's rows are looked up, and the output's matrix
is multiplied only where a token is predicted), and 4 x layers x width per token and token attended to (Kaplan et al.
2020, section 2.1). The backward pass takes as much again, and twice as much where every weight has a gradient. What
stands before all rows runs once per pass, whatever their number. Where weights are changed or trained, they are also
gone through beside the passes, in every step.
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
PASSING = 20  # bytes of a weight while all are tuned: the state's own and best ones, AdamW's moments, the tuned model
# How often a step goes through weights beside its passes; measured with SmolLM2-135M in float32 (docs/benchmarks.md).
CHANGED = 10  # LoRA and its like: W with its change is formed, and read back to the change's factors
TRAINED = 30  # all weights: gradients made, clipped, and AdamW's moments; pages of memory that are new in each step
PARAGRAPH = 100  # tokens of the neutral text's, of which four are read at once (generation/drift.py)
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
    """Mean tokens of a run's rows: context (demonstrations and input), output, and all its choices together."""

    context: float
    output: float
    choices: float = 0.0

    @property
    def row(self) -> float:
        return self.context + self.output


@dataclass(frozen=True)
class Work:
    """What a part of a job computes, in passes that are alike."""

    operations: float
    passes: float = 0.0  # forward and backward ones, each of which reads the weights
    moved: float = 0.0  # numbers that are read or written beside: weights, keys and values


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


def prefix(size: Size, run: Run) -> float:
    """Operations of a pass over what stands before all rows: of keys and values there is none."""
    return 0.0 if METHODS[run.method].states else size.forward(run.tokens, run.tokens / 2, 0)


def tuning(size: Size, run: Run, texts: Texts, settings: dict[str, Any], records: int, steps: int) -> list[Work]:
    """Tuning a run's adapter for `steps`, with a validation loss of `records` before, after and in between."""
    predicted = texts.output if settings["loss"] == ["likelihood"] else texts.choices or texts.output
    length, method, batch = texts.context + predicted, METHODS[run.method], settings["batch_size"]

    def rows(number: float) -> float:
        return size.forward(number * length, run.tokens + length / 2, number * predicted)

    passes = 3 if method.every_weight else 2  # forward and backward, in forward ones
    before = prefix(size, run)
    number = steps * settings["accumulation"]
    moved = TRAINED if method.every_weight else CHANGED if method.trains_weights else 0
    validations, batches = 1 + math.ceil(steps / settings["validate_every"]), math.ceil(records / batch)
    return [
        Work(number * passes * (before + rows(batch)), 2 * number, steps * moved * size.parameters),
        Work(validations * (batches * before + rows(records)), validations * batches),
    ]


def generation(
    size: Size, run: Run, texts: Texts, settings: dict[str, Any] | None, records: int, batch: int
) -> list[Work]:
    """Predicting `records`, `batch` at once, after what the run's method puts before them; weights are merged.

    `settings` None: outputs are chosen, and all choices are read in one pass with the context.
    """
    before, attended = prefix(size, run), run.tokens + texts.context / 2
    if settings is None:
        predicted = texts.choices or texts.output
        read = size.forward(records * (texts.context + predicted), attended + predicted / 2, records * predicted)
        return [Work(before + read, math.ceil(records / batch))]
    longest, written = settings["max_new_tokens"], records * settings["beams"] * texts.output
    passes = records / batch * texts.output + longest - texts.output  # places are filled anew, and empty in the end
    states = 2 * size.layers * size.width * (run.tokens + texts.context + longest)  # a row's keys and values
    return [
        Work(before + size.forward(records * texts.context, attended, records), math.ceil(records / batch)),
        Work(
            size.forward(written, run.tokens + texts.row, written),
            passes,
            passes * min(records, batch) * settings["beams"] * states,
        ),
    ]


def forgetting(size: Size, run: Run, tokens: int) -> Work:
    """Losses of a neutral text of so many tokens, of the bare model and of the adapted one."""
    return Work(2 * size.forward(tokens, run.tokens / 2 + PARAGRAPH / 2, tokens), 2 * tokens / (4 * PARAGRAPH))


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
