"""Context tuning: keys and values that begin as those of demonstrations, trained on the pairs that they show.

CT-KV of Lu et al. 2025, "Context Tuning for In-Context Optimization" (arXiv 2507.04221). One forward pass over the
demonstrations gives all layers' keys and values, which become the parameters: it begins as in-context learning with
these demonstrations, to the last digit. A training row that is itself one of them does not see that one
(leave-one-out), nor one with the same input or of its group, as no training row is shown these (exclusion.py); and
every row overlooks each position with chance `token_dropout`. Rows stand behind the whole context, whatever of it they
see, and at prediction they see all of it.

The paper trains on the demonstrations only, all of them in every step, `regime: few-shot`; `regime: all` trains on all
training records. Token dropout 0.05 is the authors' default.

Saved as PEFT's PREFIX_TUNING (key_values.py).
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from softshot.demonstrations.exclusion import Exclusion
from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix, states_of
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods import key_values
from softshot.methods.base import Examples
from softshot.methods.key_values import load  # noqa: F401 (a saved prefix is put to use as it is)
from softshot.methods.registry import ContextTuning


class Context(adapters.Adapter):
    """[layers, 2, heads, T, D] in float32, and which of the T positions are whose demonstration."""

    def __init__(
        self, base: Base, initial: Tensor, spans: dict[str, slice], examples: Examples, settings: ContextTuning
    ):
        """`initial`: [layers, 2, heads, T, D]; `spans`: record id -> positions of its demonstration."""
        super().__init__()
        self.base, self.spans, self.settings = base, spans, settings
        self.states = nn.Parameter(initial.clone().float())
        self.trained_on = spans.keys() if settings.regime == "few-shot" else None
        self.hidden = hidden(spans, examples.records) if settings.leave_one_out else {}
        if (self.hidden or settings.token_dropout) and not base.can_hide:
            raise UserError(
                "context-tuning: this model counts positions by what a row sees, so nothing can be hidden from one."
                " Set leave_one_out to false and token_dropout to 0, or use another model."
            )

    def prefix(self) -> Prefix:
        """The keys and values of every layer."""
        return key_values.unpack(self.states)

    def visible(self, rows: list[Row], generator: torch.Generator) -> Tensor | None:
        """[B, T]: all but what is hidden from a row, and of the rest what is not dropped."""
        if not self.hidden and not self.settings.token_dropout:
            return None
        seen = torch.rand(len(rows), self.states.shape[3], generator=generator) >= self.settings.token_dropout
        for row, own in zip(rows, seen, strict=True):
            for span in self.hidden.get(row.id, ()):
                own[span] = False
        return seen.to(self.states.device)

    def save(self, folder: Path) -> None:
        """Write the keys and values."""
        key_values.save(self.states, self.base, folder)

    def describe(self, folder: Path) -> dict[str, int]:
        """How many demonstrations it began as, in how many positions."""
        return {"demonstrations": len(self.spans), "tokens": self.states.shape[3]}


def new(base: Base, tokens: int, settings: ContextTuning, examples: Examples, seed: int) -> Context:
    """As many whole demonstrations, in a random order, as `tokens` positions hold."""
    key_values.check_uniform(base, "context-tuning")
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
    ids, spans = list(examples.layout.beginning), {}
    for place in order:
        record = examples.records[place]
        example = examples.layout.example(record, examples.layout.first and not spans)
        if len(ids) + len(example) > tokens:
            break
        spans[record["id"]] = slice(len(ids), len(ids) + len(example))
        ids += example
    if len(spans) < 2:  # with one, the row that it is of would see nothing
        raise UserError(
            f"context-tuning: {tokens} tokens do not hold two demonstrations; the first take"
            f" {[len(examples[place]) for place in order[:2]]}. Raise the arm's `tokens`."
        )
    return Context(base, key_values.pack(states_of(base, ids)).cpu(), spans, examples, settings).to(base.device)


def hidden(spans: dict[str, slice], records: list[dict]) -> dict[str, list[slice]]:
    """The positions that a training row does not see, by the id of its record: of what would give its output away."""
    exclusion = Exclusion(records)
    shown = {place: spans[record["id"]] for place, record in enumerate(records) if record["id"] in spans}
    left_out = {record["id"]: [shown[place] for place in exclusion.of(record) & shown.keys()] for record in records}
    return {id: spans for id, spans in left_out.items() if spans}
