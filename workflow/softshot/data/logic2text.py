"""Logic2Text: a sentence that says what a logical form over a table says.

The official file is a JSON list. Chen et al. 2020, https://aclanthology.org/2020.findings-emnlp.190
"""

from typing import Any

from softshot.data.text import get, shown


def record(row: Any) -> dict:
    """One record per logical form: its text and the table's caption and headers, as in published work."""
    logic, topic, headers = get(row, "logic_str", str), get(row, "topic", str), get(row, "table_header", list)
    for header in headers:
        if not isinstance(header, str):
            raise ValueError(f"`table_header` holds what is not a text: {shown(header)}")
    if not logic.strip():
        raise ValueError("`logic_str` is empty")
    return {
        "input": f"{logic} Caption: {topic} | {', '.join(headers)}",
        "references": [get(row, "sent", str)],
        "meta": {"logic": logic},
    }
