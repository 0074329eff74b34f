"""The metrics by name. A new metric is one class and one line here.

Read while the Snakefile is parsed, to check names: a metric's module is imported when the metric is made.
"""

import difflib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from softshot.errors import UserError

METRICS = {
    "bleu": "softshot.scoring.bleu:Bleu",
    "dart_bleu": "softshot.scoring.dart:DartBleu",
    "totto_bleu": "softshot.scoring.bleu:TottoBleu",
    "chrf": "softshot.scoring.chrf:Chrf",
    "ter": "softshot.scoring.ter:Ter",
    "dart_ter": "softshot.scoring.dart:DartTer",
    "rouge_l": "softshot.scoring.rouge:RougeL",
    "logic2text_rouge": "softshot.scoring.rouge:Logic2TextRouge",
    "bert_score": "softshot.scoring.bert_score:BertScore",
    "token_f1": "softshot.scoring.token_f1:TokenF1",
    "exact_match": "softshot.scoring.exact_match:ExactMatch",
    "parent": "softshot.scoring.parent:Parent",
    "blec": "softshot.scoring.blec:Blec",
    "frame_accuracy": "softshot.scoring.frame:FrameAccuracy",
    "exact_set_match": "softshot.scoring.spider:ExactSetMatch",
    "exact_set_match_values": "softshot.scoring.spider:ExactSetMatchValues",
    "partial_match": "softshot.scoring.spider:PartialMatch",
    "execution_accuracy": "softshot.scoring.spider:ExecutionAccuracy",
    "accuracy": "softshot.scoring.choices:Accuracy",
    "acc_norm": "softshot.scoring.choices:AccuracyPerCharacter",
    "acc_token": "softshot.scoring.choices:AccuracyPerToken",
    "macro_f1": "softshot.scoring.choices:MacroF1",
    "first_f1": "softshot.scoring.choices:FirstF1",
    "calibration_error": "softshot.scoring.choices:CalibrationError",
}
OF_CLASSES = ("macro_f1", "first_f1")  # read the choices as classes: the same in every record
OF_CHOICES = ("accuracy", "acc_norm", "acc_token", "calibration_error", *OF_CLASSES)  # read a record's choices
LEARNED = "bert_score"  # needs an encoder, and is in no task's list by itself
SQL = ("db_id", "schema", "query")
NEEDS = {  # what a metric reads in a record's `meta`, besides its references
    "parent": ("table", "highlighted", "page_title", "section_title", "section_text"),
    "blec": ("logic",),
    "exact_set_match": SQL,
    "exact_set_match_values": SQL,
    "partial_match": SQL,
    "execution_accuracy": ("db_id", "query"),
}

Column = "float | np.ndarray"  # a statistic, or score, of one set of records or of many; numpy is not imported here


class Metric(Protocol):
    """A corpus metric whose scores are a function of summed per-record statistics.

    A metric may also have `lower_is_better = True`, and a method `note(summed, n) -> str | None` that says what a
    reader of the scores of n records must know.
    """

    name: str
    signature: str  # what must be known to compute the same score again

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Sufficient statistics of one record, always of the same length."""

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Corpus scores, 0 to 100, of summed statistics: one formula for one set of records and for thousands.

        `columns` are the statistics, each the sum over a set of records, or an array of such sums, all of one shape;
        the scores are of that shape, NaN where nothing could be scored. The metric's own name comes first.
        """


def check(name: str) -> None:
    """An unknown name is an error that names the closest; nothing is imported."""
    if name not in METRICS:
        close = difflib.get_close_matches(name, METRICS, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"known metrics: {', '.join(METRICS)}."
        raise UserError(f"scoring.metrics: no metric is called {name}; {remedy}")


def metric_class(name: str) -> type[Metric]:
    """The class of the metric of that name: enough for its scores, which need no tokeniser, database or model."""
    check(name)
    module, _, attribute = METRICS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def metric(name: str, folder: Path | None = None, encoder: Path | None = None) -> Metric:
    """The metric of that name.

    `folder` is the task's in its official layout, for Spider's databases; `encoder` holds a model, for BERTScore.
    """
    resources = {"execution_accuracy": (folder,), LEARNED: (encoder,)}
    return metric_class(name)(*resources.get(name, ()))
