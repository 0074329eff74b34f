"""Metrics of choices: which answer has the highest log-likelihood, and how far its probability can be believed.

A record has `choices` and, from its prediction, `log_likelihoods` and `choice_tokens`, one of each a choice. Of a
system that gives texts only, the answer is the choice that it wrote, and what needs probabilities is not scored.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softshot.errors import UserError
from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

BINS = 15  # of the confidence, as in Guo et al. 2017


class Accuracy:
    """Percentage of records whose right choice has the highest log-likelihood: lm-evaluation-harness's `acc`."""

    name = "accuracy"
    signature = "log-likelihood:sum"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[1 if right else 0, 1]"""
        return [float(self.chosen(prediction, record) == record["choices"].index(record["target"])), 1.0]

    def chosen(self, prediction: str, record: dict[str, Any]) -> int | None:
        """The place of the choice that is predicted; of equals the first; None where a text is none of them."""
        if "log_likelihoods" in record:
            return int(np.argmax(np.divide(record["log_likelihoods"], self.lengths(record))))
        text = " ".join(prediction.split())
        return record["choices"].index(text) if text in record["choices"] else None

    def lengths(self, record: dict[str, Any]) -> list[int]:
        """What the log-likelihood of each choice is divided by."""
        return [1] * len(record["choices"])

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Percentage of right records."""
        return {cls.name: percentage(*columns)}


class AccuracyPerCharacter(Accuracy):
    """The same by log-likelihood per character of the choice: lm-evaluation-harness's `acc_norm`."""

    name = "acc_norm"
    signature = "log-likelihood:per character"

    def lengths(self, record: dict[str, Any]) -> list[int]:
        """Characters of each choice."""
        return list(map(len, record["choices"]))


class AccuracyPerToken(Accuracy):
    """The same by log-likelihood per token, as in T-Few (Liu et al. 2022)."""

    name = "acc_token"
    signature = "log-likelihood:per token"

    def lengths(self, record: dict[str, Any]) -> list[int]:
        """Tokens of each choice."""
        return record["choice_tokens"]


class MacroF1(Accuracy):
    """F1 of each class, averaged over the classes that a record has or that was predicted. A choice is a class."""

    name = "macro_f1"
    signature = "log-likelihood:sum|classes:present or predicted"

    def __init__(self) -> None:
        self.classes: list[str] | None = None

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Of each class: 1 if it is predicted rightly, 1 if it is predicted, 1 if it is the record's. UserError where
        the choices are not those of the records before."""
        self.classes = self.classes or record["choices"]
        if record["choices"] != self.classes:
            raise UserError(
                f"{self.name} compares classes, and record {record['id']} has other choices than the records before it:"
                " choose other metrics (scoring.metrics)."
            )
        right, predicted = record["choices"].index(record["target"]), self.chosen(prediction, record)
        counts = np.zeros((3, len(self.classes)))
        counts[2, right] = 1
        if predicted is not None:
            counts[1, predicted] = 1
            counts[0, right] = predicted == right
        return counts.ravel().tolist()

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Mean F1, in percent: 2 right / (predicted + there) of each class."""
        f1, counts = _f1(columns)
        return {cls.name: percentage(f1.sum(axis=0), counts.sum(axis=0))}


class FirstF1(MacroF1):
    """F1 of the first choice, as GLUE has it of the paraphrases of MRPC and QQP, whose first choice is yes."""

    name = "first_f1"
    signature = "log-likelihood:sum|class:first choice"

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """2 right / (predicted + there), in percent; 0 where it is neither there nor predicted, as scikit-learn's."""
        f1, counts = _f1(columns)
        return {cls.name: percentage(f1[0], counts.any(axis=0))}


def _f1(columns: Sequence[Column]) -> tuple[np.ndarray, np.ndarray]:
    """The F1 of each class, 2 right / (predicted + there), and whether a record has it or it was predicted."""
    right, predicted, there = np.asarray(columns, dtype=float).reshape(3, len(columns) // 3, *np.shape(columns[0]))
    total = predicted + there
    return np.divide(2 * right, total, out=np.zeros_like(total), where=total > 0), total > 0


class CalibrationError(Accuracy):
    """Expected calibration error: how far, on average, the probability of the chosen answer is from how often it is
    right, over bins of that probability (Guo et al. 2017). Probabilities are a softmax over the choices."""

    name = "calibration_error"
    signature = f"probabilities:softmax over choices|bins:{BINS} equal"
    lower_is_better = True

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Of each bin: probability less rightness of the records in it; and 1 if there are probabilities."""
        sums = [0.0] * BINS
        if "log_likelihoods" not in record:
            return [*sums, 0.0]
        odds = np.exp(np.array(record["log_likelihoods"]) - max(record["log_likelihoods"]))
        chosen = int(np.argmax(odds))
        confidence = float(odds[chosen] / odds.sum())
        right = chosen == record["choices"].index(record["target"])
        sums[min(int(confidence * BINS), BINS - 1)] = confidence - right
        return [*sums, 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Mean over the records of their bin's difference, in percent."""
        *differences, count = columns
        return {cls.name: percentage(np.abs(np.asarray(differences)).sum(axis=0), count)}
