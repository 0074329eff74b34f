"""RTE: whether a text entails another. SuperGLUE's file has a JSON object a line.

Dagan et al. 2006 and later; Wang et al. 2019, https://arxiv.org/abs/1905.00537. The words are GPT-3's.
"""

from typing import Any

from softshot.data.text import answer, get

ANSWERS = {"entailment": "true", "not_entailment": "false"}


def record(row: Any) -> dict:
    """One record per pair of texts."""
    premise, hypothesis = (get(row, key, str) for key in ("premise", "hypothesis"))
    return {
        "input": f"{premise} Question: {hypothesis} True or false?",
        "references": [answer(ANSWERS, get(row, "label", str))],
        "choices": list(ANSWERS.values()),
        "meta": {},
    }
