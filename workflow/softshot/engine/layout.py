"""How a row is laid out: `instruction ; demonstrations ; input ; target`, the same for every arm.

The soft prompt, where an arm has one, stands before the row and is not part of it.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from softshot.engine.base import Base
from softshot.errors import UserError
from softshot.sections import Section
from softshot.settings import EngineSettings, Order
from softshot.task import TemplateSettings


class RowSettings(Section):
    """What a run's rows are made by."""

    engine: EngineSettings
    template: TemplateSettings = TemplateSettings()
    shots: int = 0  # demonstrations shown
    order: Order = "nearest-last"
    threshold: float | None = None


@dataclass(frozen=True)
class Row:
    """Token ids of one record: what the model is given, and what it is to write."""

    id: str
    context: list[int]
    target: list[int] = field(default_factory=list)
    shots: int = 0  # demonstrations in the context

    def __len__(self) -> int:
        return len(self.context) + len(self.target)


@dataclass
class Truncation:
    """What was left out to fit `engine.context`: demonstrations dropped, inputs cut from their left."""

    demonstrations: int = 0
    inputs: int = 0


class Layout:
    """Turns records into rows. Every piece is tokenised by itself, so that tuning and decoding agree."""

    def __init__(self, base: Base, settings: RowSettings):
        self.base, self.context, self.order = base, settings.engine.context, settings.order
        self.truncation = Truncation()
        self._encode = lru_cache(maxsize=None)(
            lambda text: tuple(base.tokenizer.encode(text, add_special_tokens=False))
        )
        self.separator = self.encode(settings.template.separator)
        self.before_input, self.after_input = self._around(settings.template.input, "{input}")
        self.before_example, self.after_example = self._around(settings.template.demonstration, "{example}")
        instruction = self.encode(settings.template.instruction)
        self.start = base.start_ids + instruction + (self.separator if instruction else [])

    def encode(self, text: str) -> list[int]:
        """Token ids of `text` without special tokens."""
        return list(self._encode(text))

    def _around(self, template: str, place: str) -> tuple[list[int], list[int]]:
        """Token ids of what stands before and after `place` in a template."""
        before, after = template.split(place)
        return self.encode(before), self.encode(after)

    def question(self, ids: list[int]) -> list[int]:
        """An input's token ids, laid out."""
        return self.before_input + ids + self.after_input

    def target(self, text: str) -> list[int]:
        """Token ids of an output with the separator that ends it."""
        return self.encode(f" {text}") + self.separator

    def example(self, record: dict) -> list[int]:
        """Token ids of a record as a demonstration: input, target, separator."""
        ids = self.question(self.encode(record["input"])) + self.encode(f" {record['target']}")
        return self.before_example + ids + self.after_example + self.separator

    def tuning_row(self, record: dict, demonstrations: list[dict], target: str) -> Row:
        """The row that teaches `target`. Demonstrations are given nearest first."""
        ids = self.target(target)
        context, shots = self._context(record, demonstrations, len(ids))
        return Row(record["id"], context, ids, shots)

    def generation_row(self, record: dict, demonstrations: list[dict], max_new_tokens: int) -> Row:
        """The row that is to be continued, with room for `max_new_tokens`."""
        context, shots = self._context(record, demonstrations, max_new_tokens)
        return Row(record["id"], context, shots=shots)

    def _context(self, record: dict, demonstrations: list[dict], output: int) -> tuple[list[int], int]:
        """Demonstrations and input, leaving `output` positions free, and how many demonstrations there was room for.

        Raises UserError, naming the record, where not even one token of the input fits.
        """
        text = self.encode(record["input"])
        room = self.context - output - len(self.start) - len(self.question([]))
        if room < 1:
            raise UserError(
                f"record {record['id']}: its output needs {output} of the {self.context} positions that"
                " `engine.context` allows, which leaves none for the input. Raise `engine.context`."
            )
        shown = [self.example(demonstration) for demonstration in demonstrations]
        while shown and sum(map(len, shown)) + len(text) > room:
            shown.pop()  # the farthest
            self.truncation.demonstrations += 1
        if len(text) > room:
            text = text[-room:]
            self.truncation.inputs += 1
        ordered = shown if self.order == "nearest-first" else reversed(shown)
        return self.start + [i for ids in ordered for i in ids] + self.question(text), len(shown)
