"""Exact match: is the prediction a reference, word for word?"""

from collections.abc import Sequence
from typing import Any

from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage


class ExactMatch:
    """Percentage of predictions equal to one of their references after white space is normalised on both sides.

    Nothing else is repaired: an evaluator that mends punctuation in predictions gives MTOP's gold forms less than
    100 against themselves.
    """

    name = "exact_match"
    signature = "whitespace:normalised|case:mixed"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[1 if equal else 0, 1]"""
        return [float(prediction.split() in [reference.split() for reference in record["references"]]), 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Percentage of equal predictions."""
        return {cls.name: percentage(*columns)}
