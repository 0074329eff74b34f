"""QQP: whether two questions ask the same. GLUE's file is tab-separated with a header, quotes plain characters.

Iyer et al. 2017; Wang et al. 2018, https://aclanthology.org/W18-5446
"""

from softshot.data.mrpc import pair
from softshot.data.text import get


def record(row: dict[str, str]) -> dict:
    """One record per pair of questions."""
    return pair(get(row, "question1", str), get(row, "question2", str), get(row, "is_duplicate", str))
