"""BoolQ: yes or no to a question on a passage. SuperGLUE's file has a JSON object a line.

Clark et al. 2019, https://aclanthology.org/N19-1300; Wang et al. 2019, https://arxiv.org/abs/1905.00537
"""

from typing import Any

from softshot.data.text import get

ANSWERS = {True: "yes", False: "no"}


def record(row: Any) -> dict:
    """One record per question."""
    passage, question = (get(row, key, str) for key in ("passage", "question"))
    return {
        "input": f"{passage} Question: {question}?",
        "references": [ANSWERS[get(row, "label", bool)]],
        "choices": list(ANSWERS.values()),
        "meta": {},
    }
