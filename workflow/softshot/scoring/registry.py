"""The metrics by name. A new metric is one class and one line here.

Read while the Snakefile is parsed, to check names: a metric's module is imported when the metric is made.
"""

import difflib
import importlib
from pathlib import Path
from typing import Any, Protocol

from softshot.errors import UserError

METRICS = {
    "bleu": "softshot.scoring.bleu:Bleu",
    "dart_bleu": "softshot.scoring.bleu:DartBleu",
    "totto_bleu": "softshot.scoring.bleu:TottoBleu",
    "chrf": "softshot.scoring.chrf:Chrf",
    "ter": "softshot.scoring.ter:Ter",
    "dart_ter": "softshot.scoring.ter:DartTer",
    "rouge_l": "softshot.scoring.rouge:RougeL",
    "token_f1": "softshot.scoring.token_f1:TokenF1",
    "exact_match": "softshot.scoring.exact_match:ExactMatch",
    "parent": "softshot.scoring.parent:Parent",
    "blec": "softshot.scoring.blec:Blec",
    "frame_accuracy": "softshot.scoring.frame:FrameAccuracy",
    "exact_set_match": "softshot.scoring.spider:ExactSetMatch",
    "execution_accuracy": "softshot.scoring.spider:ExecutionAccuracy",
}
NEEDS = {  # what a metric reads in a record's `meta`, besides its references
    "parent": ("table", "highlighted", "page_title", "section_title", "section_text"),
    "blec": ("logic",),
    "exact_set_match": ("db_id", "schema", "query"),
    "execution_accuracy": ("db_id", "query"),
}


class Metric(Protocol):
    """A corpus metric whose scores are a function of summed per-record statistics.

    A metric may also have `lower_is_better = True`, and a method `note(summed, n) -> str | None` that says what a
    reader of the scores of n records must know.
    """

    name: str
    signature: str  # what must be known to compute the same score again

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Sufficient statistics of one record, always of the same length."""

    def scores(self, summed: list[float]) -> dict[str, float]:
        """Corpus scores of the sum of the statistics of any set of records, 0 to 100.

        The metric's own name comes first; there is no score at all where nothing could be scored.
        """


def check(name: str) -> None:
    """An unknown name is an error that names the closest; nothing is imported."""
    if name not in METRICS:
        close = difflib.get_close_matches(name, METRICS, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"known metrics: {', '.join(METRICS)}."
        raise UserError(f"scoring.metrics: no metric is called {name}; {remedy}")


def metric_class(name: str) -> type[Metric]:
    """The class of the metric of that name."""
    check(name)
    module, _, attribute = METRICS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def metric(name: str, folder: Path | None = None) -> Metric:
    """The metric of that name. `folder` is the task's in its official layout, for Spider's databases."""
    made = metric_class(name)
    return made(folder) if name == "execution_accuracy" else made()
