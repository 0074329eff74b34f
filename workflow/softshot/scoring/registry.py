"""The metrics by name. A new metric is one class and one line here."""

import difflib
from typing import Protocol

from softshot.errors import UserError
from softshot.scoring.bleu import Bleu
from softshot.scoring.chrf import Chrf
from softshot.scoring.exact_match import ExactMatch


class Metric(Protocol):
    """A corpus metric whose score is a function of summed per-record statistics."""

    name: str
    signature: str  # what must be known to compute the same score again

    def statistics(self, prediction: str, references: list[str]) -> list[float]:
        """Sufficient statistics of one record, always of the same length."""

    def score(self, summed: list[float]) -> float:
        """Corpus score, 0 to 100, of the sum of the statistics of any set of records."""


METRICS: dict[str, type[Metric]] = {metric.name: metric for metric in (Bleu, Chrf, ExactMatch)}


def metric_class(name: str) -> type[Metric]:
    """The class of the metric of that name."""
    if name not in METRICS:
        close = difflib.get_close_matches(name, METRICS, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"known metrics: {', '.join(METRICS)}."
        raise UserError(f"scoring.metrics: no metric is called {name}; {remedy}")
    return METRICS[name]


def metric(name: str) -> Metric:
    """The metric of that name."""
    return metric_class(name)()
