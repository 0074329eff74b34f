"""CommitmentBank: whether a text commits its speaker to a clause of it. SuperGLUE's file has a JSON object a line.

De Marneffe et al. 2019; Wang et al. 2019, https://arxiv.org/abs/1905.00537. The words are GPT-3's (Brown et al. 2020).
"""

from typing import Any

from softshot.data.text import answer, get

ANSWERS = {"entailment": "true", "contradiction": "false", "neutral": "neither"}


def record(row: Any) -> dict:
    """One record per pair of texts."""
    premise, hypothesis = (get(row, key, str) for key in ("premise", "hypothesis"))
    return {
        "input": f"{premise} Question: {hypothesis} True, false, or neither?",
        "references": [answer(ANSWERS, get(row, "label", str))],
        "choices": list(ANSWERS.values()),
        "meta": {},
    }
