"""How a row is laid out: `instruction ; demonstrations ; input ; target`, the same for every arm.

The soft prompt, where an arm has one, stands before the row and is not part of it.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from softshot.engine.base import Base
from softshot.engine.stops import ending
from softshot.engine.tokenization import Tokenization
from softshot.errors import UserError
from softshot.sections import Section
from softshot.settings import BaseWeights, EngineSettings, Order
from softshot.task import TemplateSettings

WORDS = ("###", "END", "end")  # that end an output where a model has no line feed


class RowSettings(Section):
    """What a run's rows are made by."""

    engine: EngineSettings
    base: BaseWeights = "full"
    template: TemplateSettings = TemplateSettings()
    shots: int = 0  # demonstrations shown
    order: Order = "nearest-last"
    threshold: float | None = None


@dataclass(frozen=True)
class Row:
    """Token ids of one record: what the model is given, and what it is to write, or to choose among."""

    id: str
    context: list[int]
    target: list[int] = field(default_factory=list)
    shots: int = 0  # demonstrations in the context
    choices: tuple[tuple[int, ...], ...] = ()  # the answers, of a record that has choices; the target is one of them

    def __len__(self) -> int:
        return len(self.context) + len(self.target)


@dataclass
class Truncation:
    """What was left out to fit `engine.context`: demonstrations dropped, inputs cut from their left, whole records."""

    demonstrations: int = 0
    inputs: int = 0
    records: int = 0  # of which the output alone leaves no room for an input


class Layout:
    """Turns records into rows. Every piece is tokenised by itself, so that tuning and decoding agree."""

    def __init__(self, base: Base, settings: RowSettings, begun: bool = False):
        """`begun`: rows go on from a prefix that begins as a text does, and have no beginning of their own.

        Raises UserError where the model cannot write the separator: nothing would end its outputs.
        """
        self.base, self.context, self.order = base, settings.engine.context, settings.order
        self.truncation = Truncation()
        self.before_input, self.after_input = settings.template.input.split("{input}")
        self.before_example, self.after_example = settings.template.demonstration.split("{example}")
        self._encode = lru_cache(maxsize=None)(lambda *piece: tuple(base.tokenization.encode(*piece)))
        self.separator = self._template(settings.template.separator)
        if (end := ending(settings.template.separator)) not in base.tokenization.decode(self.separator):
            raise _unwritable(base.tokenization, settings.template.separator, end)
        instruction = self._template(settings.template.instruction, first=True)
        self.beginning = base.tokenization.start + instruction + (self.separator if instruction else [])  # of a text
        self.first = base.tokenization.prefixes and not instruction  # what follows it is written as a text's first
        self.start, self._first = ([], False) if begun else (self.beginning, self.first)  # the same of a row

    def encode(self, text: str, first: bool = False) -> list[int]:
        """Token ids of a record's text, in which the names of special tokens are text."""
        return list(self._encode(text, first, False))

    def _template(self, text: str, first: bool = False) -> list[int]:
        """Token ids of a part of the template, in which the names of special tokens are these tokens."""
        return list(self._encode(text, first, True))

    def question(self, text: str, first: bool = False) -> tuple[list[int], list[int], list[int]]:
        """An input laid out: token ids of what stands before it, of the input, and of what stands after it."""
        before = self._template(self.before_input, first)
        ids = self.encode(text, first and not before)
        return before, ids, self._template(self.after_input, first and not before + ids)

    def target(self, text: str) -> list[int]:
        """Token ids of an output with the separator that ends it."""
        return self.encode(f" {text}") + self.separator

    def example(self, record: dict, first: bool = False) -> list[int]:
        """Token ids of a record as a demonstration: input, target, separator."""
        before = self._template(self.before_example, first)
        question = self.question(record["input"], first and not before)
        ids = [id for part in question for id in part] + self.encode(f" {record['target']}")
        return before + ids + self._template(self.after_example) + self.separator

    def choices(self, record: dict) -> tuple[tuple[int, ...], ...]:
        """Token ids of a record's choices, which nothing ends: a choice's likelihood is that of its words."""
        return tuple(tuple(self.encode(f" {text}")) for text in record.get("choices", ()))

    def tuning_row(
        self, record: dict, demonstrations: list[dict], target: str, max_new_tokens: int | None
    ) -> Row | None:
        """The row that teaches `target`; None, counted, where it is too long. Demonstrations are given nearest first.

        There is room for `max_new_tokens` as when a record is predicted, so that both show the same, and for a longer
        `target`; for the longest of a record's choices where it has any.
        """
        choices = self.choices(record)
        ids = self.encode(f" {target}") if choices else self.target(target)
        room = max(map(len, choices)) if choices else max_new_tokens
        if len(ids) > room and self._room(len(ids)) < 1:
            self.truncation.records += 1
            return None
        context, shots = self._context(record, demonstrations, max(room, len(ids)))
        return Row(record["id"], context, ids, shots, choices)

    def generation_row(self, record: dict, demonstrations: list[dict], max_new_tokens: int | None) -> Row:
        """The row that is to be continued: by at most `max_new_tokens`, or by one of its record's choices."""
        choices = self.choices(record)
        room = max(map(len, choices)) if choices else max_new_tokens
        context, shots = self._context(record, demonstrations, room)
        return Row(record["id"], context, shots=shots, choices=choices)

    def _room(self, output: int) -> int:
        """Positions that an input may take beside an output, without demonstrations."""
        before, _, after = self.question("", self._first)
        return self.context - output - len(self.start) - len(before) - len(after)

    def _context(self, record: dict, demonstrations: list[dict], output: int) -> tuple[list[int], int]:
        """Demonstrations and input, leaving `output` positions free, and how many demonstrations there was room for.

        Raises UserError where not even one token of an input fits.
        """
        if self._room(output) < 1:
            raise UserError(
                f"record {record['id']}: its output needs {output} of the {self.context} positions that"
                " `engine.context` allows, which leaves none for the input. Raise `engine.context`."
            )
        for shots in range(len(demonstrations), -1, -1):  # the farthest is left out first
            examples = self._examples(demonstrations[:shots])
            before, text, after = self.question(record["input"], self._first and not examples)
            room = self.context - output - sum(map(len, (self.start, examples, before, after)))
            if len(text) <= room:
                break
        self.truncation.demonstrations += len(demonstrations) - shots
        if len(text) > room:
            text = text[-room:]
            self.truncation.inputs += 1
        return self.start + examples + before + text + after, shots

    def _examples(self, demonstrations: list[dict]) -> list[int]:
        """Token ids of demonstrations, given nearest first, in the order in which they are shown."""
        ordered = demonstrations if self.order == "nearest-first" else demonstrations[::-1]
        examples = [self.example(record, self._first and not place) for place, record in enumerate(ordered)]
        return [id for example in examples for id in example]


def _unwritable(tokenization: Tokenization, separator: str, end: str) -> UserError:
    """The model cannot write what ends an output: it is told in words then."""
    words = next((word for word in WORDS if word in tokenization.decode(tokenization.encode(word))), WORDS[0])
    return UserError(
        f"the model's tokenizer cannot write {end!r}: the separator {separator!r} of the template becomes"
        f" {tokenization.decode(tokenization.encode(separator))!r}, and nothing would end an output. Give words to the"
        f' model\'s tasks in config.yaml: `data.templates: {{<task>: {{separator: "{words}"}}}}`.'
    )
