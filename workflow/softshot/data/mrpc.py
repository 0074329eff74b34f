"""MRPC: whether two sentences say the same. The official file is tab-separated with a header, quotes plain characters.

Dolan & Brockett 2005, https://aclanthology.org/I05-5002. The form is QQP's, so that what is tuned on one can be scored
on the other.
"""

from softshot.data.text import answer, get

ANSWERS = {"1": "yes", "0": "no"}


def record(row: dict[str, str]) -> dict:
    """One record per pair of sentences."""
    return pair(get(row, "#1 String", str), get(row, "#2 String", str), get(row, "Quality", str))


def pair(first: str, second: str, label: str) -> dict:
    """The record of two texts, of which the label `1` says that they mean the same."""
    return {
        "input": f"{first} | {second} Question: Do both mean the same?",
        "references": [answer(ANSWERS, label)],
        "choices": list(ANSWERS.values()),
        "meta": {},
    }
