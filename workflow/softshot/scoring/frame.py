"""Frame accuracy: does the prediction have the meaning's shape, whatever words fill it? (MTOP, Li et al. 2021)"""

from collections.abc import Sequence
from typing import Any

from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

Paths = dict[tuple[int, str], int]  # (number of the parent's path, label) -> number of the path


class FrameAccuracy:
    """Percentages of predictions with the reference's frame and intent, and of predictions that do not parse.

    A form's intent is its root; its frame is the intent and the set of paths, from the root, to the nodes that
    hold a word. A prediction that does not parse is wrong, and counts as invalid.
    """

    name = "frame_accuracy"
    signature = "whitespace:normalised|case:mixed|repair:no"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[1 if the frame is equal, 1 if the intent is, 1 if the prediction does not parse, 1]"""
        paths: Paths = {}
        predicted = frame(prediction, paths)
        if predicted is None:
            return [0.0, 0.0, 1.0, 1.0]
        gold = [form for reference in record["references"] if (form := frame(reference, paths))]
        intents = [intent for intent, _ in gold]
        return [float(predicted in gold), float(predicted[0] in intents), 0.0, 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Frame accuracy, intent accuracy and invalid predictions, in percent."""
        *counts, count = columns
        names = (cls.name, "intent_accuracy", "invalid")
        return {name: percentage(value, count) for name, value in zip(names, counts, strict=True)}


def frame(form: str, paths: Paths) -> tuple[str, set[int]] | None:
    """A decoupled form's intent, and the numbers in `paths` of the nodes that hold a word; None if it is no tree.

    `[X` opens a node, `]` closes it, and there is one root. Paths are numbered, since written out they would take
    memory that is quadratic in the depth of a form, which a prediction chooses.
    """
    intent, filled, open_nodes = None, set(), []
    for token in form.split():
        if token.startswith("[") and len(token) > 1:
            if intent is not None and not open_nodes:
                return None  # a second root
            intent = intent or token[1:]
            parent = open_nodes[-1] if open_nodes else 0
            open_nodes.append(paths.setdefault((parent, token[1:]), len(paths) + 1))
        elif token == "[" or not open_nodes:
            return None
        elif token == "]":
            open_nodes.pop()
        else:
            filled.add(open_nodes[-1])
    return None if intent is None or open_nodes else (intent, filled)
