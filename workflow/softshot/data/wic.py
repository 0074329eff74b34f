"""Word in Context: whether a word has the same sense in two sentences. SuperGLUE's file has a JSON object a line.

Pilehvar & Camacho-Collados 2019, https://aclanthology.org/N19-1128; Wang et al. 2019, https://arxiv.org/abs/1905.00537
"""

from typing import Any

from softshot.data.text import get

ANSWERS = {True: "yes", False: "no"}


def record(row: Any) -> dict:
    """One record per pair of sentences."""
    word, first, second = (get(row, key, str) for key in ("word", "sentence1", "sentence2"))
    return {
        "input": f"{first} {second} Question: Is the word '{word}' used in the same sense in both?",
        "references": [ANSWERS[get(row, "label", bool)]],
        "choices": list(ANSWERS.values()),
        "meta": {},
    }
