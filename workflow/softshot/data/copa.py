"""COPA: which of two alternatives is the cause or the effect of a premise. SuperGLUE's file has a JSON object a line.

Roemmele et al. 2011; Wang et al. 2019, https://arxiv.org/abs/1905.00537. The alternatives are the record's own choices.
"""

from typing import Any

from softshot.data.text import answer, get

WORDS = {"cause": "because", "effect": "so"}


def record(row: Any) -> dict:
    """One record per premise: `The sky was clear because`, and its two alternatives."""
    premise, first, second, question = (get(row, key, str) for key in ("premise", "choice1", "choice2", "question"))
    return {
        "input": f"{premise.rstrip().removesuffix('.')} {answer(WORDS, question)}",
        "references": [answer({0: first, 1: second}, get(row, "label", int))],
        "choices": [first, second],
        "meta": {},
    }
