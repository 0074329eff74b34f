"""Exact match: is the prediction a reference, word for word?"""

from typing import Any


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

    def scores(self, summed: list[float]) -> dict[str, float]:
        """Percentage of equal predictions."""
        equal, count = summed
        return {self.name: 100 * equal / count}
