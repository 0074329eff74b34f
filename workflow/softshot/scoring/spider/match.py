"""Exact set match and partial match: the verdicts of Spider's official evaluator."""

from collections.abc import Sequence

import numpy as np

from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage
from softshot.scoring.spider.parse import parse
from softshot.scoring.spider.parts import NAMES, comparable, equal, parts
from softshot.scoring.spider.query import Query, Schema


class _Match:
    """Compares a predicted query with the gold one, part by part.

    A prediction that does not parse is taken for an empty query, which equals none. Where the gold query does not
    parse the record does not count; the official evaluator stops there.
    """

    name: str
    values = False  # whether the values of conditions count

    def queries(self, prediction: str, record: dict) -> tuple[Query, Query] | None:
        """The prediction and the gold query, ready to be compared; None where the record does not count."""
        schema = Schema(record["meta"]["schema"])
        try:
            gold = parse(record["meta"]["query"], schema)
        except ValueError:
            return None
        try:
            predicted = parse(prediction, schema)
        except ValueError:
            predicted = Query()
        return comparable(predicted, schema, self.values), comparable(gold, schema, self.values)

    def note(self, summed: list[float], n: int) -> str | None:
        """How many do not count."""
        left_out = n - int(summed[-1])
        return f"{left_out} of {n} records do not count: their gold query does not parse" if left_out else None


class ExactSetMatch(_Match):
    """Percentage of predictions whose clauses equal the gold query's, as sets, values and DISTINCT aside."""

    name = "exact_set_match"
    signature = "evaluator:spider|values:ignored|distinct:ignored|joins:tables"

    def statistics(self, prediction: str, record: dict) -> list[float]:
        """[1 if equal else 0, 1 if it counts else 0]"""
        queries = self.queries(prediction, record)
        return [float(equal(*queries)), 1.0] if queries else [0.0, 0.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Percentage of equal ones of those that count."""
        return {cls.name: percentage(*columns)}


class ExactSetMatchValues(ExactSetMatch):
    """Exact set match with the values of conditions: the official evaluator with its DISABLE_VALUE off."""

    name = "exact_set_match_values"
    signature = "evaluator:spider|values:compared|distinct:ignored|joins:tables"
    values = True


class PartialMatch(_Match):
    """F1 of each of the ten parts of a query that exact set match looks at, and the mean of them.

    A part is right as a whole or not at all. Its precision is over the predictions that have it, its recall over the
    gold queries that have it. The evaluator prints 1.000 where no prediction is right about a part; that is 0 here,
    and a part that no query has is left out of the mean, which is not official.
    """

    name = "partial_match"
    signature = "evaluator:spider|values:ignored|distinct:ignored|mean:parts"

    def statistics(self, prediction: str, record: dict) -> list[float]:
        """For each part [right, predicted, gold], 1 or 0; then 1 if the record counts else 0."""
        queries = self.queries(prediction, record)
        if queries is None:
            return [0.0] * (3 * len(NAMES) + 1)
        flags = []
        for part in parts(*queries).values():
            flags += [part.right and part.gold > 0, part.predicted > 0, part.gold > 0]
        return [*map(float, flags), 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """The mean of the parts' F1s, and each; F1 is 2 right / (predicted + gold)."""
        right, predicted, gold = (np.stack(columns[start:-1:3], axis=-1) for start in range(3))
        f1s = percentage(2 * right, predicted + gold)
        present = predicted + gold > 0
        mean = percentage(np.where(present, f1s, 0).sum(axis=-1) / 100, present.sum(axis=-1))
        return {cls.name: mean} | {f"partial_{name}": f1s[..., place] for place, name in enumerate(NAMES)}
